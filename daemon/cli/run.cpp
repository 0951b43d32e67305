// SPDX-License-Identifier: MIT

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/print.h"
#include "client/link_question.h"
#include "config/wording.h"
#include "crypto/version.h"

namespace adit::cli {
namespace {

/// "there is no X; did you mean Y?" among `known`; without the question where nothing is near.
std::string mistyped(std::string_view what, std::string_view written, std::span<const std::string> known,
                     std::string_view hint) {
  const std::vector<std::string_view> words(known.begin(), known.end());
  const auto guess = config::closest(written, words);
  return fmt::format("there is no {} {}; {}", what, config::shown(written),
                     guess ? fmt::format("did you mean {}?", *guess) : std::string(hint));
}

std::vector<std::string> subcommands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* const each : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(each->get_name());
  }
  return names;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* const each : app.get_options()) {
    for (const auto& name : each->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

/// What a misspelt subcommand or option was meant to be; nothing if it is another mistake.
std::optional<std::string> guess_of(const CLI::App& app, const CLI::ParseError& error, int argc,
                                    const char* const* argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return std::nullopt;
  const auto first = std::ranges::find_if(words, [](const std::string& word) { return !word.starts_with('-'); });
  const auto subcommands = subcommands_of(app);
  const bool is_known = first != words.end() && std::ranges::find(subcommands, *first) != subcommands.end();
  const auto* const at = is_known ? app.get_subcommand(*first) : &app;
  for (const auto& word : words) {
    if (word == "--") break;
    if (!word.starts_with("--")) continue;
    auto options = options_of(*at);
    const auto name = word.substr(0, word.find('='));
    if (std::ranges::find(options, name) != options.end()) continue;
    const auto where =
        is_known ? fmt::format("`adit {} --help` lists them", *first) : std::string("`adit --help` lists them");
    return mistyped("option", name, options, where);
  }
  if (is_known || first == words.end()) return std::nullopt;
  return mistyped("subcommand", *first, subcommands, "`adit help` lists them");
}

}  // namespace

int run(int argc, const char* const* argv, Context& context) {
  CLI::App app("Encrypted links between two hosts: keys, configuration, state", "adit");
  app.set_version_flag("--version", crypto::version_text("adit"));
  app.require_subcommand(1);
  add_genkey(app, context);
  add_pubkey(app, context);
  add_genpsk(app, context);
  add_pair(app, context);
  add_check(app, context);
  add_doctor(app, context);
  add_events(app, context);
  add_import(app, context);
  add_export(app, context);
  add_reload(app, context);
  add_unblock(app, context);
  add_unpair(app, context);
  add_status(app, context);
  add_exporter(app, context);
  add_help(app, context);

  if (argc < 2) {
    say(context.err, "adit: say what to do, such as `adit status`; `adit --help` lists all there is\n");
    if (client::running_links().empty()) say(context.err, "{}\n", client::no_running_links());
    return kWrongUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (const auto guess = guess_of(app, error, argc, argv)) {
      say(context.err, "adit: {}\n", *guess);
      return kWrongUsage;
    }
    // --help and --version come this way too, with status 0; CLI11's other numbers are its own.
    context.exit_status = app.exit(error, context.out, context.err) == 0 ? kDone : kWrongUsage;
  }
  if (!context.out.flush()) {
    say(context.err, "adit: cannot write to standard output; is the disk full?\n");
    return kFailed;
  }
  return context.exit_status;
}

}  // namespace adit::cli
