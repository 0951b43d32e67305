// SPDX-License-Identifier: MIT
// adit export: the wg-quick file of this end of a link, or of the other one, as text or as a picture for a phone. What
// such a file cannot say goes to standard error; so does what is to be done next, since the file itself is the output.
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/gretap.h"
#include "cli/key_output.h"
#include "cli/other_end.h"
#include "cli/print.h"
#include "cli/private_file.h"
#include "cli/qr.h"
#include "cli/remote.h"
#include "config/key_source.h"
#include "config/reader.h"
#include "config/wg_quick_writer.h"

namespace adit::cli {
namespace {

struct ExportArguments {
  std::string file;
  std::string output{kStandardOutput};
  bool peer = false;
  bool qr = false;
  bool new_key = false;
  std::optional<std::string> private_key_file;
  OtherEndWishes wishes;
};

/// What is wrong, and the exit status that goes with it.
struct Failure {
  int status = kFailed;
  std::string sentence;
};

bool terminal_has_utf8() {
  for (const auto* const name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* const value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    return strcasestr(value, "utf-8") != nullptr || strcasestr(value, "utf8") != nullptr;
  }
  return false;
}

std::expected<config::Config, int> read(const std::string& file, Context& context) {
  const char* const credentials = std::getenv("CREDENTIALS_DIRECTORY");
  auto config = config::read_config(file, {credentials != nullptr ? credentials : "", false});
  if (config) return std::move(*config);
  for (const auto& problem : config.error()) say(context.err, "{}\n", to_string(problem));
  return std::unexpected(kInvalidConfig);
}

/// Where the GRE packets' ends follow from the order of the two keys, the new one has the old one's place: else this
/// end's would change with it.
crypto::PrivateKey new_key_for(const config::Config& ours, RandomSource& random) {
  const auto own = public_key_of(ours.local.private_key);
  for (;;) {
    auto key = crypto::generate_private_key(random);
    const bool by_keys = ours.interface.mode == config::Mode::tap && !ours.interface.tap.tunnel_address;
    if (!by_keys || (public_key_of(key) < own) == (ours.peer.public_key < own)) return key;
  }
}

/// The other end's own key, if it is here or made now.
std::expected<std::optional<crypto::PrivateKey>, Failure> key_of_other_end(const ExportArguments& arguments,
                                                                           const config::Config& ours,
                                                                           Context& context) {
  if (arguments.new_key) return new_key_for(ours, context.random);
  if (!arguments.private_key_file) return std::nullopt;
  auto key = config::read_private_key_file(*arguments.private_key_file);
  if (!key) return std::unexpected(Failure{kFailed, std::move(key.error().message)});
  if (public_key_of(*key) == ours.peer.public_key) return std::move(*key);
  return std::unexpected(
      Failure{kFailed, fmt::format("{} holds the key that belongs to {}, and peer.public_key in {} is {}; give the "
                                   "other end's own key, or --new-key",
                                   *arguments.private_key_file, to_base64(public_key_of(*key)), ours.file,
                                   to_base64(ours.peer.public_key))});
}

void say_where_the_new_key_goes(const config::Config& ours, const crypto::PublicKey& key, Context& context) {
  say(context.err,
      "The other end has a new key. For this end to take it, run:\n"
      "  sed -i 's|{}|{}|' {} && adit reload {}\n",
      to_base64(ours.peer.public_key), to_base64(key), shell_word(ours.file), ours.name);
}

std::string heading_of(const config::Config& ours, const ExportArguments& arguments, const std::string& gretap) {
  if (arguments.qr) return {};
  auto heading =
      arguments.peer
          ? fmt::format("The other end of Adit's link {}, for wg-quick or an app of WireGuard.\nIt holds secret keys.",
                        ours.name)
          : fmt::format(
                "Adit's link {0} for wg-quick: /etc/wireguard/{1}.conf, which names the interface.\n"
                "It holds secret keys: keep it to its owner (mode 0600).",
                ours.name, ours.interface.name);
  if (!gretap.empty()) {
    heading += fmt::format(
        "\nThe link carries Ethernet frames, in GRE packets, which WireGuard itself does not make: the hooks below put "
        "{}\n"
        "on top, which is for them. That takes the kernel's module ip_gre (over IPv6 ip6_gre).",
        gretap);
  }
  return heading;
}

Result<> show_qr(std::string_view text, Context& context) {
  const auto picture = encode_qr(text);
  if (!picture) return std::unexpected(picture.error());
  const auto style = terminal_has_utf8() ? QrStyle::half_blocks : QrStyle::spaces;
  const auto [columns, lines] = size_of(*picture, style);
  winsize window{};
  if (::ioctl(context.out_fd, TIOCGWINSZ, &window) == 0 && window.ws_col != 0 && window.ws_col < columns) {
    return fail(
        "the QR code is {} columns wide and {} lines high, and the terminal has {} columns; make it larger or its "
        "letters smaller",
        columns, lines, window.ws_col);
  }
  say(context.out, "{}", draw_qr(*picture, style));
  say(context.err,
      "Whoever sees this picture has the private key in it: show it to no other camera, and clear the screen "
      "afterwards.\n");
  return {};
}

Result<> put_out(const ExportArguments& arguments, std::string text, Context& context) {
  Result<> done;
  if (arguments.qr) {
    done = show_qr(text, context);
  } else if (arguments.output == kStandardOutput) {
    print_secret(std::move(text), context, "the keys go");
    return {};
  } else {
    done = create_private_file(arguments.output, text);
    if (done) say(context.out, "Wrote {}, readable by you alone: it holds the keys.\n", arguments.output);
  }
  explicit_bzero(text.data(), text.size());
  return done;
}

/// The frames' interface, in place of the one there was; empty: the link is for IP packets. What is to be known of it.
/// `has_own_ends`: its file gives the two addresses that the frames are between.
std::string put_on_gretap_if_needed(config::Config& config, bool has_own_ends, std::vector<std::string>& guesses) {
  if (config.interface.mode != config::Mode::tap) return {};
  const auto ends = std::minmax(config.interface.tap.ours, config.interface.tap.peers);
  if (!has_own_ends) {
    guesses.push_back(fmt::format(
        "where this file is used the host has one of {} and {}, as with every link without interface.tunnel_address: "
        "before a host is to have two such files, give one of the links addresses of its own (such as tunnel_address: "
        "10.9.0.1/30), and export it again",
        to_string(ends.first), to_string(ends.second)));
  }
  const bool has_hooks = !config.hooks.up.empty() || !config.hooks.down.empty();
  auto name = put_on_gretap(config);
  guesses.push_back(fmt::format(
      "the link carries Ethernet frames: where this file is used, they come out of {}, a gretap that its hooks make",
      name));
  if (has_hooks) {
    guesses.push_back(fmt::format(
        "%i is WireGuard's own interface there: where a hook means the one for frames, write {} into it", name));
  }
  return name;
}

std::expected<void, Failure> write(const ExportArguments& arguments, config::Config& ours, Context& context) {
  config::WgQuickOptions options;
  if (arguments.qr && ours.interface.mode == config::Mode::tap) {
    return std::unexpected(Failure{
        kFailed, fmt::format("--qr: {} carries Ethernet frames (interface.mode: tap), and the WireGuard apps of "
                             "phones IP packets only: none can be an end of it; take a host with Adit, or one "
                             "with wg-quick and the kernel's gretap (without --qr)",
                             ours.file)});
  }
  if (arguments.qr) options.reader = config::WgQuickReader::app;
  config::WgQuickText written;
  std::vector<std::string> guesses;
  std::optional<crypto::PublicKey> new_key;
  const bool has_own_ends = ours.interface.tap.tunnel_address.has_value();
  if (arguments.peer) {
    auto other = other_end(ours, arguments.wishes);
    if (!other) return std::unexpected(Failure{kFailed, std::move(other.error().message)});
    auto key = key_of_other_end(arguments, ours, context);
    if (!key) return std::unexpected(key.error());
    options.has_private_key = key->has_value();
    if (*key) other->config.local.private_key = std::move(**key);
    if (arguments.new_key) new_key = public_key_of(other->config.local.private_key);
    guesses = std::move(other->guesses);
    const auto heading = heading_of(ours, arguments, put_on_gretap_if_needed(other->config, has_own_ends, guesses));
    options.heading = heading;
    written = to_wg_quick(other->config, options);
  } else {
    const auto heading = heading_of(ours, arguments, put_on_gretap_if_needed(ours, has_own_ends, guesses));
    options.heading = heading;
    written = to_wg_quick(ours, options);
  }
  for (auto warning : written.left_out) {
    warning.reason.insert(0, "warning: ");
    say(context.err, "{}\n", to_string(warning));
  }
  for (const auto& guess : guesses) say(context.err, "adit export: {}\n", guess);
  if (auto done = put_out(arguments, std::move(written.text), context); !done) {
    return std::unexpected(Failure{kFailed, std::move(done.error().message)});
  }
  if (new_key) say_where_the_new_key_goes(ours, *new_key, context);
  if (!options.has_private_key) {
    say(context.err, "adit export: its private key is known at the other end only: put it where the comment is\n");
  }
  return {};
}

/// What the options ask for but cannot get, whatever the file says.
std::optional<std::string> wrong_usage(const ExportArguments& arguments, const Context& context) {
  if (auto sound = check(arguments.wishes); !sound) return std::move(sound.error().message);
  if (!arguments.qr) return std::nullopt;
  if (arguments.peer && !arguments.new_key && !arguments.private_key_file) {
    return "--qr --peer would be a picture without the private key, which no phone can use; give the other end's with "
           "--private-key-file, or make one with --new-key";
  }
  if (::isatty(context.out_fd) == 0) {
    return "--qr draws in a terminal, and standard output is none; without --qr the text can be piped on, such as to "
           "qrencode -t png -o FILE";
  }
  return std::nullopt;
}

int run_export(const ExportArguments& arguments, Context& context) {
  if (const auto wrong = wrong_usage(arguments, context)) {
    say(context.err, "adit export: {}\n", *wrong);
    return kWrongUsage;
  }
  auto ours = read(arguments.file, context);
  if (!ours) return ours.error();
  const auto done = write(arguments, *ours, context);
  if (done) return kDone;
  say(context.err, "adit export: {}\n", done.error().sentence);
  return done.error().status;
}

}  // namespace

void add_export(CLI::App& app, Context& context) {
  const Command command(app, "export", "Make a wg-quick file of Adit's, for either end of the link");
  const auto arguments = std::make_shared<ExportArguments>();
  command.option("NAME.yaml", arguments->file, "Adit's file, such as /etc/adit/office.yaml").required();
  const auto output =
      command.option("-o,--output", arguments->output, "FILE: what to write, with mode 0600; default: standard output");
  const auto peer = command.flag("--peer", arguments->peer, "The other end's file instead of this one's");
  command.flag("--qr", arguments->qr, "Draw it in the terminal, for the WireGuard app of a phone").excludes(output);
  const auto key_file = command.option("--private-key-file", arguments->private_key_file,
                                       "FILE: the other end's private key, to go into its file");
  command.flag("--new-key", arguments->new_key, "Make the other end a new private key, to go into its file")
      .needs(peer)
      .excludes(key_file);
  key_file.needs(peer);
  command
      .option("--endpoint", arguments->wishes.endpoint,
              "HOST[:PORT]: where the other end reaches this host; default: it waits for our call")
      .needs(peer);
  command
      .option("--routes", arguments->wishes.routes,
              "NET,…: subnets behind this host (or default), for the other end to reach")
      .comma_separated()
      .needs(peer);
  command
      .option("--dns", arguments->wishes.name_servers,
              "ADDRESS,…: the name servers that the other end is to ask through the link")
      .comma_separated()
      .needs(peer);
  command.footer(
      "Example, to put the other end on a phone:\n"
      "  adit export office.yaml --peer --new-key --endpoint vpn.example.net --qr\n"
      "Exit status: 0 done, with warnings on standard error about what has no equal; 78 the file is invalid.");
  command.callback([&context, arguments] { context.exit_status = run_export(*arguments, context); });
}

}  // namespace adit::cli
