// SPDX-License-Identifier: MIT
// adit unpair: takes a link away from its hosts, as `adit pair --install` has put it there, with what is only of use to
// it: keys where the unit looks for them, the socket of a daemon that was killed. What still runs keeps its file, so
// that the same command can be given again.
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/pair_install.h"
#include "cli/print.h"
#include "config/fields.h"

namespace adit::cli {
namespace {

/// Where the unit has a link's own keys from (docs/service.md), as words for a shell.
std::string keys_of(const std::string& name) {
  std::string words;
  for (const auto* const folder : {"/etc/credstore", "/etc/credstore.encrypted"}) {
    for (const auto* const kind : {"key", "psk"}) {
      words += (words.empty() ? "" : " ") + shell_word(fmt::format("{}/adit.{}.{}", folder, name, kind));
    }
  }
  return words;
}

/// Says missing=yes, or unit=STATE or process=yes of what still runs and keeps its file, or done=yes; and
/// interface=NAME of one that stays. Ends with end=yes.
std::string script_for(const std::string& name) {
  return fmt::format(
      "answers() {{ adit status {0} --json 2>/dev/null; }}; "
      "take_away() {{ "
      "[ -e {1} ] || [ -e {2} ] || [ -S {3} ] || {{ echo missing=yes; return; }}; "
      "interface=$(answers | sed -n 's/^ *\"interface\": *\"\\([^\"]*\\)\".*/\\1/p' | head -n 1); "
      "systemctl disable --now {4} 2>/dev/null; "
      "state=$(systemctl is-active {4}); "
      "case $state in active|*ing) echo \"unit=$state\"; return ;; esac; "
      // 0 and 3: it runs.
      "answers >/dev/null; case $? in 0|3) echo process=yes; return ;; esac; "
      "adit unblock {0} >/dev/null 2>&1; "
      "rm -rf {1} {2} {3} {6} && echo done=yes; "
      "interface=${{interface:-{5}}}; [ ! -e \"/sys/class/net/$interface/tun_flags\" ] || echo "
      "\"interface=$interface\"; "
      "}}; take_away; echo end=yes",
      shell_word(name), shell_word(path_of(name)), shell_word("/var/lib/adit/" + name),
      shell_word(fmt::format("/run/adit/{}.sock", name)), shell_word(unit_of(name)), config::interface_name_for(name),
      keys_of(name));
}

/// Why the link is still there, and the next step; empty: it is not.
std::string trouble_in(const std::string& said, const std::string& name, const Remote& host) {
  if (value_of(said, "end") != "yes") {
    return host.target() == Remote::kLocal
               ? "that did not work: run this as root, or as a user who may sudo"
               : "that did not work: try it by ssh, as root or a user who may sudo without a password";
  }
  if (value_of(said, "missing") == "yes") {
    return fmt::format("there is no link {0} there, neither {1} nor one that runs or ran: is the name spelt right?",
                       name, path_of(name));
  }
  if (const auto state = value_of(said, "unit"); !state.empty()) {
    return fmt::format("{0} does not stop, it is {1}: see `journalctl -u {0}` there; {2} is still there", unit_of(name),
                       state, path_of(name));
  }
  if (value_of(said, "process") == "yes") {
    return fmt::format(
        "{0} is stopped, and yet the link runs: its aditd was started by hand: end that, and run this "
        "again; {1} is still there",
        unit_of(name), path_of(name));
  }
  if (value_of(said, "done") != "yes") return fmt::format("{} cannot be removed", path_of(name));
  return {};
}

/// Whether all of it is gone.
bool take_away(const std::string& name, const Remote& host, Context& context) {
  const auto said = host.ask(script_for(name));
  if (const auto trouble = said ? trouble_in(*said, name, host) : said.error().message; !trouble.empty()) {
    say(context.err, "adit unpair: {} ({}): {}\n", name, host.target(), trouble);
    return false;
  }
  say(context.out, "{} ({}): {} is stopped, and {} is gone\n", name, host.target(), unit_of(name), path_of(name));
  const auto interface = value_of(*said, "interface");
  if (interface.empty()) return true;
  say(context.err,
      "adit unpair: {0} ({1}): the interface {2} is still there, as interface.persist has it: `ip link del {2}` there "
      "takes it away\n",
      name, host.target(), interface);
  return false;
}

struct Arguments {
  std::vector<std::string> ends;
  bool dry_run = false;
};

int unpair(const Arguments& arguments, Context& context) {
  const auto targets = parse_targets(arguments.ends);
  if (!targets) {
    say(context.err, "adit unpair: {}\n", targets.error().message);
    return kWrongUsage;
  }
  int status = kDone;
  for (const auto& [name, host] : *targets) {
    if (arguments.dry_run) {
      say(context.out,
          "{} ({}): systemctl disable --now {}, and remove {}, its state and its keys, also those in /etc/credstore\n",
          name, host.target(), unit_of(name), path_of(name));
    } else if (!take_away(name, host, context)) {
      status = kFailed;
    }
  }
  return status;
}

}  // namespace

void add_unpair(CLI::App& app, Context& context) {
  const Command command(app, "unpair", "Stop a link on its hosts, and remove its files and keys there");
  const auto arguments = std::make_shared<Arguments>();
  command
      .option("END", arguments->ends, "NAME=TARGET: the link's name on a host, and the host, as ssh takes it, or local")
      .required();
  command.flag("--dry-run", arguments->dry_run, "Only say what would be done");
  command.footer(
      "Exit status: 0 all of it is gone, 1 it is not.\n"
      "Example:\n  adit unpair office=root@vpn.example.net home=local");
  command.callback([&context, arguments] { context.exit_status = unpair(*arguments, context); });
}

}  // namespace adit::cli
