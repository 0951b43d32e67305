// SPDX-License-Identifier: MIT
// adit help: what --help says, for those who look for it where git has it.
#include <CLI/App.hpp>
#include <CLI/Formatter.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "cli/print.h"
#include "config/wording.h"

namespace adit::cli {
namespace {

int show_help(const CLI::App& app, const std::string& name, Context& context) {
  constexpr auto kMode = CLI::AppFormatMode::Normal;
  if (name.empty()) {
    say(context.out, "{}", app.get_formatter()->make_help(&app, app.get_name(), kMode));
    return kDone;
  }
  const auto found = app.get_subcommands([&name](const CLI::App* each) { return each->get_name() == name; });
  if (found.empty()) {
    std::vector<std::string> names;
    for (const auto* const each : app.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(each->get_name());
    const auto guess = config::closest(name, std::vector<std::string_view>(names.begin(), names.end()));
    say(context.err, "adit help: there is no subcommand {}; {}\n", config::shown(name),
        guess ? fmt::format("did you mean {}?", *guess) : "`adit help` lists them");
    return kWrongUsage;
  }
  say(context.out, "{}", found.front()->help(app.get_name(), kMode));
  return kDone;
}

}  // namespace

void add_help(CLI::App& app, Context& context) {
  auto* const command = app.add_subcommand("help", "Say how a subcommand is used");
  const auto name = std::make_shared<std::string>();
  command->add_option("SUBCOMMAND", *name, "Which; default: list them all");
  command->footer("Example:\n  adit help pair");
  command->callback([&app, &context, name] { context.exit_status = show_help(app, *name, context); });
}

}  // namespace adit::cli
