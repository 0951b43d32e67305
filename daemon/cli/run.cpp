// SPDX-License-Identifier: MIT

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/print.h"
#include "crypto/version.h"

namespace adit::cli {

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
  add_import(app, context);
  add_export(app, context);
  add_reload(app, context);
  add_unblock(app, context);
  add_status(app, context);
  add_exporter(app, context);
  add_help(app, context);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version come this way too, with status 0; CLI11's other numbers are its own.
    return app.exit(error, context.out, context.err) == 0 ? kDone : kWrongUsage;
  }
  if (!context.out.flush()) {
    say(context.err, "adit: cannot write to standard output; is the disk full?\n");
    return kFailed;
  }
  return context.exit_status;
}

}  // namespace adit::cli
