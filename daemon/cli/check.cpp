// SPDX-License-Identifier: MIT
// adit check: says all that is wrong with configuration files. The problems are what was asked for, so they go to
// standard output. A file that cannot be read is invalid like any other (78): it could not be run either.

#include <cstdlib>
#include <memory>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "config/reader.h"

namespace adit::cli {
namespace {

int check(const std::vector<std::string>& files, Context& context) {
  // Set by systemd for the unit's own commands, such as ExecStartPre=adit check.
  const char* const credentials = std::getenv("CREDENTIALS_DIRECTORY");
  const config::ReadOptions options{credentials != nullptr ? credentials : "", true};
  int status = kDone;
  for (const auto& file : files) {
    const auto config = config::read_config(file, options);
    if (!config) {
      for (const auto& problem : config.error()) say(context.out, "{}\n", to_string(problem));
      status = kInvalidConfig;
      continue;
    }
    for (auto warning : config->warnings) {
      warning.reason.insert(0, "warning: ");
      say(context.out, "{}\n", to_string(warning));
    }
    say(context.out, "{}: ok\n", file);
  }
  return status;
}

}  // namespace

void add_check(CLI::App& app, Context& context) {
  const Command command(app, "check", "Say all that is wrong with configuration files");
  const auto files = std::make_shared<std::vector<std::string>>();
  command.option("FILE", *files, "Configuration files: /etc/adit/NAME.yaml").required();
  command.footer("Exit status: 0 all are valid, 78 one is not.\nExample:\n  adit check /etc/adit/*.yaml");
  command.callback([&context, files] { context.exit_status = check(*files, context); });
}

}  // namespace adit::cli
