// SPDX-License-Identifier: MIT
// adit unblock: takes away what a link left that leads traffic nowhere, because its interface.kill_switch is `always`
// or because it did not end in order. Asks the kernel alone, so it works whatever has become of the file; and touches
// nothing unless it is certain that the link does not run.

#include <chrono>
#include <memory>
#include <string>

#include "base/paths.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "client/link_question.h"
#include "host/link_number.h"
#include "host/policy_routing.h"

namespace adit::cli {
namespace {

constexpr std::chrono::seconds kPatience{5};

/// Why nothing may be unblocked, and the next step; empty: the link does not run.
std::string why_not(const std::string& name) {
  const auto answer = client::ask_link(name, R"({"command":"status"})", kPatience);
  if (answer) {
    return fmt::format(
        "the link runs, and blocks nothing but what would go past it: stop it first (`systemctl stop adit@{0}`), or "
        "set interface.kill_switch to off and `adit reload {0}`",
        name);
  }
  switch (answer.error().kind) {
    case client::AskFailure::no_socket:
    case client::AskFailure::nobody:
      return {};
    case client::AskFailure::forbidden:
      return fmt::format("whether the link runs may not be seen by this user: try with sudo (`sudo adit unblock {}`)",
                         name);
    case client::AskFailure::no_answer:
      return fmt::format(
          "the link runs and does not answer within {1} s, and what it blocks would go past it: stop it first "
          "(`systemctl stop adit@{0}`)",
          name, kPatience.count());
    case client::AskFailure::broken:
      break;
  }
  return fmt::format("whether the link runs is not to be told ({}): stop it first (`systemctl stop adit@{}`)",
                     answer.error().sentence, name);
}

int unblock(const std::string& name, Context& context) {
  if (const auto why = why_not(name); !why.empty()) {
    say(context.err, "adit unblock {}: {}\n", name, why);
    return kFailed;
  }
  auto netlink = net::Netlink::open();
  if (!netlink) {
    say(context.err, "adit unblock {}: {}\n", name, netlink.error().message);
    return kFailed;
  }
  const auto numbers = run_directory() / ".numbers";
  const auto number = host::look_up_link_number(numbers, name);
  const auto done = host::PolicyRouting::unblock(*netlink, number);
  if (!done) {
    say(context.err, "adit unblock {}: {}\n", name, done.error().message);
    return kFailed;
  }
  if (*done) {
    say(context.out, "{}: unblocked; traffic goes as if there were no link\n", name);
    return kDone;
  }
  const auto file = client::has_file(name);
  if (file.value_or(false) || host::has_link_number(numbers, name)) {
    say(context.out, "{}: nothing was blocked\n", name);
    return kDone;
  }
  if (!file) {
    say(context.err,
        "adit unblock {0}: nothing was unblocked, and whether there is a link {0} may not be seen by this user: try "
        "with sudo (`sudo adit unblock {0}`)\n",
        name);
    return kFailed;
  }
  say(context.err,
      "adit unblock {0}: there is no link {0}, neither a file of that name in /etc/adit nor one that ran since the "
      "last boot, and so nothing was unblocked: is the name spelt right?\n",
      name);
  return kNoSuchLink;
}

}  // namespace

void add_unblock(CLI::App& app, Context& context) {
  const Command command(app, "unblock", "Let traffic pass again that a link blocks which has ended");
  const auto name = std::make_shared<std::string>();
  command.option("NAME", *name, "The link, by the name of its file").required();
  command.footer(
      "For interface.kill_switch `always`, and for a link that was killed and is not to run again.\n"
      "Exit status: 0 nothing is blocked now, 1 it failed, 4 no such link.\n"
      "Example:\n  sudo adit unblock office");
  command.callback([name, &context] { context.exit_status = unblock(*name, context); });
}

}  // namespace adit::cli
