// SPDX-License-Identifier: MIT
// adit doctor: looks for the usual causes why a link does not work, and says what mends them. It asks much and changes
// nothing. What it finds goes to standard output; the exit status tells scripts whether anything is wrong.

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "config/wording.h"
#include "doctor/checks.h"
#include "doctor/gather.h"
#include "doctor/report.h"

namespace adit::cli {
namespace {

constexpr std::string_view kFileExtension = ".yaml";

struct Target {
  std::string name;
  std::string file;
};

/// A path to a file, or a link's name.
Target target_of(const std::string& argument) {
  const std::filesystem::path path(argument);
  if (argument.find('/') != std::string::npos || argument.ends_with(kFileExtension)) return {path.stem(), argument};
  return {argument, fmt::format("/etc/adit/{}{}", argument, kFileExtension)};
}

/// Neither a file nor anybody who answers to the name.
bool is_nowhere(const doctor::Facts& facts) {
  const auto& failure = facts.daemon.failure;
  const bool absent = failure == client::AskFailure::no_socket || failure == client::AskFailure::nobody;
  return facts.file_facts.state == doctor::FileState::missing && absent;
}

/// Nothing can be said for a link whose file may not even be read.
bool is_blind(const doctor::Facts& facts) {
  return facts.file_facts.state == doctor::FileState::forbidden;
}

int exit_status(const doctor::Facts& facts, std::span<const doctor::Finding> findings) {
  if (facts.file_facts.state == doctor::FileState::invalid) return kInvalidConfig;
  return is_blind(facts) || doctor::worst(findings) == doctor::Verdict::problem ? kFailed : kDone;
}

int examine(const std::string& argument, bool json, Context& context) {
  const auto target = target_of(argument);
  const auto facts = doctor::gather(target.name, target.file);
  if (is_nowhere(facts)) {
    say(context.err, "adit doctor: there is no link {}: there is no file {}, and no daemon of that name runs\n",
        config::shown(target.name), config::shown(target.file));
    return kNoSuchLink;
  }
  const auto findings = doctor::judge_all(facts);
  const doctor::Patient patient{target.name, target.file, facts.up(), is_blind(facts)};
  if (json) {
    const auto report = doctor::to_json(patient, findings);
    // What other programs and files say need not be UTF-8.
    say(context.out, "{}\n", report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  } else {
    say(context.out, "{}", doctor::to_text(patient, findings, wants_colour(context.out_fd)));
  }
  return exit_status(facts, findings);
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  const Command command(app, "doctor", "Find out why a link does not work, and say what mends it");
  const auto name = std::make_shared<std::string>();
  const auto json = std::make_shared<bool>(false);
  command.option("NAME", *name, "The link, by the name of its file in /etc/adit, or a path to its file").required();
  command.flag("--json", *json, "A JSON object with a verdict for each check");
  command.footer(
      "Example: sudo adit doctor office\n"
      "Run it as root: as another user it leaves out what it may not see. It changes nothing.\n"
      "Exit status: 0 nothing is wrong, 1 a problem was found or the file may not be read, 2 wrong usage, 4 no such "
      "link, 78 the file "
      "is not valid.");
  command.callback([&context, name, json] { context.exit_status = examine(*name, *json, context); });
}

}  // namespace adit::cli
