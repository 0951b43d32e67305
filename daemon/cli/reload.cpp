// SPDX-License-Identifier: MIT
// adit reload: has a running link read its file again, and says what was changed, or why nothing was. The exit status
// is 0 only when the file is in force.

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "client/link_question.h"

namespace adit::cli {
namespace {

using nlohmann::ordered_json;

/// Interface, sockets and rules may all have to change.
constexpr std::chrono::seconds kReloadPatience{30};
constexpr std::string_view kReloadRequest = R"({"command":"reload"})";

using Sentences = std::vector<std::string>;

/// Throws ordered_json::exception when the answer is none.
int tell(const std::string& name, const ordered_json& answer, Context& context) {
  if (answer.contains("error")) {
    const auto sentence = answer.at("error").get<std::string>();
    const auto problems = answer.value("problems", Sentences());
    for (const auto& problem : problems) say(context.err, "{}\n", problem);
    say(context.err, "adit reload {}: {}\n", name, sentence);
    return problems.empty() ? kFailed : kInvalidConfig;
  }
  const auto changes = answer.at("reload").at("changes").get<Sentences>();
  for (const auto& change : changes) say(context.out, "{}\n", change);
  if (changes.empty()) say(context.out, "{} says what it said before: nothing to change\n", name);
  return kDone;
}

int reload(const std::string& name, Context& context) {
  const auto answered = client::ask_link(name, kReloadRequest, kReloadPatience);
  if (!answered) {
    say(context.err, "adit reload: {}\n", answered.error().sentence);
    return kFailed;
  }
  try {
    return tell(name, ordered_json::parse(*answered), context);
  } catch (const ordered_json::exception&) {
    say(context.err, "adit reload {}: the answer was not understood; are adit and aditd of one version?\n", name);
    return kFailed;
  }
}

}  // namespace

void add_reload(CLI::App& app, Context& context) {
  const Command command(app, "reload", "Have a running link read its file again, and apply what changed");
  const auto name = std::make_shared<std::string>();
  command.option("NAME", *name, "The link, by the name of its file").required();
  command.footer(
      "Exit status: 0 the file is in force, or will be as the last line says, 78 it has mistakes and nothing was "
      "changed, 1 "
      "anything else.\n"
      "Example:\n  adit reload office");
  command.callback([name, &context] { context.exit_status = reload(*name, context); });
}

}  // namespace adit::cli
