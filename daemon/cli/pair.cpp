// SPDX-License-Identifier: MIT
// adit pair: the configuration files of both ends of a link, keys included, so that copying them is all that is left
// to do. Either both files are written or none.
#include <strings.h>

#include <algorithm>
#include <array>
#include <memory>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/pair_install.h"
#include "cli/pair_plan.h"
#include "cli/print.h"
#include "cli/private_file.h"
#include "cli/tunnel_subnets.h"
#include "config/reader.h"
#include "config/writer.h"

namespace adit::cli {
namespace {

struct PairArguments {
  PairWords words;
  std::filesystem::path folder = ".";
  std::vector<std::string> installs;
  std::string package;
  bool dry_run = false;
};

using Configs = std::array<config::Config, 2>;

std::filesystem::path file_of(const PairArguments& arguments, const config::Config& config) {
  return (arguments.folder / (config.name + ".yaml")).lexically_normal();
}

std::string heading(const config::Config& ours, const config::Config& theirs) {
  return fmt::format(
      "The link from {0} to {1}, made by adit pair. This file is for {0}: /etc/adit/{0}.yaml.\n"
      "It holds secret keys: keep it to its owner (mode 0600).",
      ours.name, theirs.name);
}

/// Removes the files it is told of, unless all went well.
class Cleanup {
 public:
  Cleanup() = default;
  Cleanup(const Cleanup&) = delete;
  Cleanup& operator=(const Cleanup&) = delete;
  ~Cleanup() {
    std::error_code ignored;
    for (const auto& file : files_) std::filesystem::remove(file, ignored);
  }
  void add(std::filesystem::path file) { files_.push_back(std::move(file)); }
  void keep() { files_.clear(); }

 private:
  std::vector<std::filesystem::path> files_;
};

/// Writes both files and reads them again as the daemon will: some mistakes show only there, such as an endpoint
/// within the tunnel's own subnet.
bool write_files(const PairArguments& arguments, const Configs& configs, Context& context) {
  Cleanup cleanup;
  for (std::size_t i = 0; i < configs.size(); ++i) {
    const auto file = file_of(arguments, configs[i]);
    auto text = config::to_yaml(configs[i], heading(configs[i], configs[1 - i]));
    const auto written = create_private_file(file, text);
    explicit_bzero(text.data(), text.size());
    if (!written) {
      say(context.err, "adit pair: {}; nothing was written\n", written.error().message);
      return false;
    }
    cleanup.add(file);
    if (const auto config = config::read_config(file, {}); !config) {
      for (const auto& problem : config.error()) {
        say(context.err, "adit pair: {}: {}: {}\n", configs[i].name, problem.key, problem.reason);
      }
      say(context.err, "adit pair: this link could not work; nothing was written\n");
      return false;
    }
  }
  cleanup.keep();
  return true;
}

/// What it is to the host, and where its addresses are.
std::string interface_in_words(const Configs& configs, std::size_t end) {
  const auto& interface = configs[end].interface;
  const std::string frames = interface.mode == config::Mode::tap ? "an Ethernet cable, " : "";
  if (!interface.tap.bridge.empty()) return fmt::format("{}put into {}", frames, interface.tap.bridge);
  if (interface.addresses.empty()) {
    return fmt::format(
        "{}without an address: write one of the network behind {} into interface.addresses, or let a DHCP client ask "
        "for one on {}",
        frames, configs[1 - end].interface.tap.bridge, interface.name);
  }
  std::string addresses;
  for (const auto& address : interface.addresses) addresses += " " + to_string(address.address);
  return fmt::format("{}inside the tunnel{}", frames, addresses);
}

void print_what_bridges_need(const Configs& configs, Context& context) {
  const auto has_bridge = [](const auto& config) { return !config.interface.tap.bridge.empty(); };
  if (std::ranges::none_of(configs, has_bridge)) return;
  say(context.out,
      "\nA link waits for its bridge where that is gone for a while. Hosts behind it need the MTU that `adit status` "
      "shows; "
      "`adit doctor` tells more.\n");
}

/// What no file has: who is on such a network gives out its addresses.
void print_what_lacks_an_address(const Configs& configs, Context& context) {
  for (std::size_t i = 0; i < configs.size(); ++i) {
    const auto& interface = configs[i].interface;
    if (!interface.addresses.empty() || !interface.tap.bridge.empty()) continue;
    say(context.out, "\n{}: {}\n", configs[i].name, interface_in_words(configs, i));
  }
}

void print_next_steps(const PairArguments& arguments, const Configs& configs, Context& context) {
  say(context.out, "Wrote {} and {}, readable by you alone: they hold the keys.\n\n",
      file_of(arguments, configs[0]).native(), file_of(arguments, configs[1]).native());
  for (std::size_t i = 0; i < configs.size(); ++i) {
    const auto& config = configs[i];
    say(context.out, "  {}: {}", config.name, interface_in_words(configs, i));
    for (const auto& called : configs[1 - i].peer.endpoints) {
      say(context.out, "; let UDP port {} in", called.port);
    }
    if (configs[1 - i].peer.endpoints.empty()) say(context.out, "; behind NAT, calls {}", configs[1 - i].name);
    say(context.out, "\n");
  }
  print_what_bridges_need(configs, context);
  say(context.out, "\nNext, on each host:\n");
  for (const auto& config : configs) {
    say(context.out, "  copy {0} to host {1} as /etc/adit/{1}.yaml, and start there: systemctl enable --now adit@{1}\n",
        file_of(arguments, config).native(), config.name);
  }
  say(context.out, "Then remove the copies here.\n");
}

/// Of both hosts; what is to be put on them is in memory alone.
int install_on_hosts(const PairArguments& arguments, const Configs& configs, Context& context) {
  auto targets = parse_targets(arguments.installs);
  if (!targets) {
    say(context.err, "adit pair: {}\n", targets.error().message);
    return kWrongUsage;
  }
  std::vector<Installation> ends;
  for (std::size_t i = 0; i < configs.size(); ++i) {
    const auto target = std::ranges::find(*targets, configs[i].name, [](const auto& each) { return each.first; });
    if (target == targets->end() || targets->size() != configs.size()) {
      say(context.err, "adit pair: say --install for both hosts, once each: {}=TARGET and {}=TARGET\n", configs[0].name,
          configs[1].name);
      return kWrongUsage;
    }
    auto text = config::to_yaml(configs[i], heading(configs[i], configs[1 - i]));
    if (const auto config = config::read_config_text(text, configs[i].name, {.name = configs[i].name}); !config) {
      for (const auto& problem : config.error()) {
        say(context.err, "adit pair: {}: {}: {}\n", configs[i].name, problem.key, problem.reason);
      }
      say(context.err, "adit pair: this link could not work; nothing was done\n");
      return kFailed;
    }
    const auto& theirs = configs[1 - i].interface.addresses;
    ends.push_back({configs[i].name, target->second, std::move(text),
                    theirs.empty() ? std::string() : to_string(theirs.front().address),
                    configs[i].interface.tap.bridge});
  }
  InstallOptions options{.package = {}, .dry_run = arguments.dry_run};
  if (!arguments.package.empty()) options.package = arguments.package;
  const auto status = install(ends, options, context);
  for (auto& end : ends) explicit_bzero(end.file.data(), end.file.size());
  if (status == kDone) {
    print_what_lacks_an_address(configs, context);
    print_what_bridges_need(configs, context);
  }
  return status;
}

int pair(const PairArguments& arguments, Context& context) {
  const auto request = parse_request(arguments.words);
  const auto configs = request ? plan(*request, local_subnets(), context.random) : std::unexpected(request.error());
  if (!configs) {
    say(context.err, "adit pair: {}\n", configs.error().message);
    return kWrongUsage;
  }
  if (!arguments.installs.empty()) return install_on_hosts(arguments, *configs, context);
  if (!write_files(arguments, *configs, context)) return kFailed;
  print_next_steps(arguments, *configs, context);
  return kDone;
}

}  // namespace

void add_pair(CLI::App& app, Context& context) {
  const Command command(app, "pair", "Write the configuration files of both ends of a link");
  const auto arguments = std::make_shared<PairArguments>();
  constexpr auto end_help =
      "NAME=HOST[:PORT]: a host's name, and where it is reached; HOST - : it is behind NAT and calls";
  command.option("HOST1", arguments->words.ends[0], end_help).required();
  command.option("HOST2", arguments->words.ends[1], "NAME=HOST[:PORT]: the other host").required();
  command
      .option("--tunnel", arguments->words.tunnels,
              "NET: a subnet for the tunnel itself; default: a random one of each family")
      .one_value();
  command
      .option("--routes", arguments->words.routes,
              "NAME=NET,…: subnets behind host NAME (or default), for the other host to reach")
      .one_value();
  const auto tap = command.flag("--tap", arguments->words.frames,
                                "An Ethernet cable between the hosts (interface.mode: tap) instead of a link for IP");
  command
      .option("--bridge", arguments->words.bridges,
              "NAME=BRIDGE: the bridge of host NAME that its end is put into; default: none, the end has addresses")
      .one_value()
      .needs(tap);
  const auto output = command.option("-o,--output", arguments->folder, "DIR: where to write the files; default: here");
  const auto install = command.option(
      "--install", arguments->installs,
      "NAME=TARGET, once for each host: put its file there and start it. TARGET: as ssh takes it, or local");
  install.one_value();
  install.excludes(output);
  command.option("--package", arguments->package, "FILE: adit's package, for a host that has no Adit yet")
      .needs(install);
  command.flag("--dry-run", arguments->dry_run, "Only say what --install would do").needs(install);
  command.footer(
      "Example, a server at the office and a laptop behind NAT, which is to reach the office's network:\n"
      "  adit pair office=vpn.example.net laptop=- --routes office=192.168.20.0/24\n"
      "The same, on both hosts by one command:\n"
      "  adit pair office=vpn.example.net laptop=- --install office=root@vpn.example.net --install laptop=local\n"
      "One network of the two behind bridges br0:\n"
      "  adit pair office=vpn.example.net home=- --tap --bridge office=br0 --bridge home=br0");
  command.callback([&context, arguments] { context.exit_status = pair(*arguments, context); });
}

}  // namespace adit::cli
