// SPDX-License-Identifier: MIT
// adit unpair: takes a link away from its hosts, as `adit pair --install` has put it there.
#include <memory>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/pair_install.h"
#include "cli/print.h"

namespace adit::cli {

void add_unpair(CLI::App& app, Context& context) {
  struct Arguments {
    std::vector<std::string> ends;
    bool dry_run = false;
  };
  const Command command(app, "unpair", "Stop a link on its hosts, and remove its files there");
  const auto arguments = std::make_shared<Arguments>();
  command
      .option("END", arguments->ends, "NAME=TARGET: the link's name on a host, and the host, as ssh takes it, or local")
      .required();
  command.flag("--dry-run", arguments->dry_run, "Only say what would be done");
  command.footer(
      "Exit status: 0 all of it is gone, 1 it is not.\n"
      "Example:\n  adit unpair office=root@vpn.example.net home=local");
  command.callback([&context, arguments] {
    const auto targets = parse_targets(arguments->ends);
    if (!targets) {
      say(context.err, "adit unpair: {}\n", targets.error().message);
      context.exit_status = kWrongUsage;
      return;
    }
    context.exit_status = uninstall(*targets, arguments->dry_run, context);
  });
}

}  // namespace adit::cli
