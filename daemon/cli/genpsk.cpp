// SPDX-License-Identifier: MIT
// adit genpsk: a fresh preshared key.
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/key_output.h"
#include "crypto/keys.h"

namespace adit::cli {

void add_genpsk(CLI::App& app, Context& context) {
  const Command command(app, "genpsk", "Print a new preshared key, for both ends of a link");
  command.footer("Example:\n  (umask 077 && adit genpsk > office.psk)");
  command.callback(
      [&context] { print_secret(crypto::reveal_base64(crypto::generate_preshared_key(context.random)), context); });
}

}  // namespace adit::cli
