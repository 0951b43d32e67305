// SPDX-License-Identifier: MIT
// adit pubkey: the public key that belongs to the private key on standard input.
#include <strings.h>

#include <istream>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "crypto/keys.h"

namespace adit::cli {
namespace {

int print_public_key(Context& context) {
  // A few bytes more than a key: enough to see that it is none.
  std::string text(crypto::kKeyTextSize + 16, '\0');
  context.in.read(text.data(), static_cast<std::streamsize>(text.size()));
  std::string_view written(text.data(), static_cast<std::size_t>(context.in.gcount()));
  if (written.ends_with('\n')) written.remove_suffix(1);
  if (written.ends_with('\r')) written.remove_suffix(1);
  const auto key = crypto::parse_private_key(written);
  explicit_bzero(text.data(), text.size());
  if (!key) {
    say(context.err, "adit pubkey: the private key on standard input {}\n", key.error().message);
    return kFailed;
  }
  say(context.out, "{}\n", to_base64(crypto::public_key_of(*key)));
  return kDone;
}

}  // namespace

void add_pubkey(CLI::App& app, Context& context) {
  const Command command(app, "pubkey", "Read a private key on standard input, print its public key");
  command.footer("Example:\n  adit pubkey < office.key");
  command.callback([&context] { context.exit_status = print_public_key(context); });
}

}  // namespace adit::cli
