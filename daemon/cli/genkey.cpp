// SPDX-License-Identifier: MIT
// adit genkey: a fresh private key.
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/key_output.h"
#include "crypto/keys.h"

namespace adit::cli {

void add_genkey(CLI::App& app, Context& context) {
  const Command command(app, "genkey", "Print a new private key");
  command.footer(
      "Example, a key that only its owner can read, and the public key for the other end:\n"
      "  (umask 077 && adit genkey > office.key) && adit pubkey < office.key");
  command.callback(
      [&context] { print_secret(crypto::reveal_base64(crypto::generate_private_key(context.random)), context); });
}

}  // namespace adit::cli
