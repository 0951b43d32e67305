// SPDX-License-Identifier: MIT
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "doctor/checks.h"
#include "host/host_plan.h"
#include "host/mtu.h"
#include "wire/messages.h"

namespace adit::doctor {
namespace {

constexpr std::uint32_t kUdpHeader = 8;
constexpr std::uint32_t kIpv4Header = 20;
constexpr std::uint32_t kIpv6Header = 40;

std::uint32_t overhead(Family over) {
  const auto header = over == Family::v4 ? kIpv4Header : kIpv6Header;
  return header + kUdpHeader + static_cast<std::uint32_t>(wire::kTransportOverhead);
}

std::string describe(const WayFacts& way) {
  if (!way.route) return fmt::format("{}: {}", to_string(way.to), way.error);
  return fmt::format("{} through {}, from {}, {} bytes at most", to_string(way.to), way.interface,
                     to_string(way.route->source), way.route->mtu);
}

Evidence describe(const std::vector<WayFacts>& ways) {
  Evidence seen;
  for (const auto& way : ways) seen.push_back(describe(way));
  return seen;
}

std::uint16_t own_port(const Facts& facts) {
  if (facts.status() != nullptr) return facts.status()->port;
  return facts.config() != nullptr ? facts.config()->local.listen.port : 0;
}

}  // namespace

Finding judge_endpoint(const Facts& facts) {
  const auto* const config = facts.config();
  if (config == nullptr) return skipped("there is no valid file");
  if (config->peer.endpoints.empty()) return ok("the file names no peer.endpoint: the peer calls us");
  Evidence seen;
  std::size_t failed = 0;
  bool elsewhere = false;
  for (const auto& name : facts.path.endpoints) {
    if (!name.error.empty()) {
      ++failed;
      seen.push_back(fmt::format("{}: {}", name.name, name.error));
      if (!name.elsewhere.empty()) {
        elsewhere = true;
        seen.push_back(
            fmt::format("other programs of this host know it as {} (`getent ahosts`), from a source in "
                        "/etc/nsswitch.conf that aditd, "
                        "which asks /etc/hosts and DNS, does not ask",
                        name.elsewhere));
      }
      continue;
    }
    for (const auto& address : name.addresses) seen.push_back(fmt::format("{} is {}", name.name, to_string(address)));
  }
  if (failed == 0) return ok("peer.endpoint has an address", seen);
  const auto* const mend =
      elsewhere ? "put the name into /etc/hosts or DNS, or write the address"
                : "correct the name in peer.endpoint, see to the name servers (/etc/resolv.conf), or write an address";
  if (failed < facts.path.endpoints.size() || facts.up()) {
    return warning("a name in peer.endpoint has no address", seen, mend);
  }
  return problem("the name in peer.endpoint has no address, so nobody can be called", seen, mend);
}

Finding judge_way(const Facts& facts) {
  const auto* const config = facts.config();
  auto devices = config != nullptr ? config->local.uplinks : std::vector<std::string>();
  if (config != nullptr && config->local.device) devices.push_back(*config->local.device);
  const auto is_there = [&](const std::string& name) {
    const auto* const found = facts.network.find(name);
    return found != nullptr && found->up;
  };
  if (facts.network.why_not.empty() && devices.size() > 1 && std::ranges::none_of(devices, is_there)) {
    return problem("none of the interfaces of local.device is up", devices,
                   "bring one of them up, or correct local.device");
  }
  const auto device = config != nullptr ? config->local.device : std::nullopt;
  if (device) {
    const auto* const there = facts.network.find(*device);
    if (facts.network.why_not.empty() && (there == nullptr || !there->up)) {
      return problem(
          fmt::format("the interface {} (local.device) is {}", *device, there == nullptr ? "missing" : "down"), {},
          "bring it up, or correct local.device");
    }
  }
  const auto& ways = facts.path.ways;
  if (ways.empty()) return skipped("no address of the peer is known");
  const auto tunnel = facts.interface_name();
  const auto seen = describe(ways);
  // Datagrams that are bound to a device go nowhere else, whatever the routes say.
  const auto leads_inside = [&](const WayFacts& way) { return way.interface == tunnel && !device; };
  if (std::ranges::any_of(ways, leads_inside)) {
    return problem("the way to the peer leads into the tunnel itself", seen,
                   "take the peer's address out of routes, or use `default`, which leaves it out");
  }
  for (const auto& way : ways) {
    if (way.interface != "lo" || way.to.port != own_port(facts)) continue;
    return problem("peer.endpoint is this very host", seen, "write the address of the other end");
  }
  const auto reachable = std::ranges::count_if(ways, [](const WayFacts& way) { return way.route.has_value(); });
  if (reachable > 0) return ok("there is a route to the peer", seen);
  return problem("there is no route to the peer", seen,
                 fmt::format("bring the network up, or give this host a route there (`ip route get {}` shows what it "
                             "would take)",
                             devices.empty() ? "ADDRESS" : "fibmatch ADDRESS oif INTERFACE"));
}

Finding judge_firewall(const Facts& facts) {
  const auto& firewall = facts.path.firewall;
  if (!firewall.why_not.empty())
    return skipped(fmt::format("the firewall's rules were not looked at: {}", firewall.why_not));
  const auto port = own_port(facts);
  const auto name = port == 0 ? std::string("the link's port") : fmt::format("UDP port {}", port);
  const auto accept = [port](const Ruling& ruling) -> std::string {
    if (!ruling.opened_by.empty()) return fmt::format("let it in: `{}`", ruling.opened_by);
    if (port == 0) return "give local.listen a port, and let that in";
    return "take that rule away, by the tool that has made it: it comes before any that would open the port";
  };
  if (firewall.calling.fate == Fate::drops) {
    return problem("this host's firewall drops what we send to the peer", {firewall.calling.where},
                   "let UDP out to the peer's address and port");
  }
  if (firewall.answered.fate == Fate::drops) {
    return problem(fmt::format("this host's firewall drops all that comes to {}", name), {firewall.answered.where},
                   accept(firewall.answered));
  }
  const auto* const config = facts.config();
  const bool we_call = config != nullptr && !config->peer.endpoints.empty();
  if (firewall.called.fate == Fate::drops && !we_call && !facts.up()) {
    return problem(fmt::format("this host's firewall drops the peer's calls to {}", name), {firewall.called.where},
                   accept(firewall.called));
  }
  if (firewall.called.fate == Fate::drops && !(we_call && config->peer.keepalive)) {
    return warning(fmt::format("this host's firewall drops the peer's calls to {}: what is there now lasts as long as "
                               "the firewall remembers it",
                               name),
                   {firewall.called.where}, accept(firewall.called));
  }
  Evidence seen;
  for (const auto* const ruling : {&firewall.called, &firewall.answered, &firewall.calling}) {
    if (ruling->fate == Fate::passes) continue;
    seen.push_back(fmt::format("{}: {}",
                               ruling->fate == Fate::unclear ? "depends on more than can be seen"
                                                             : "the peer's calls are dropped, answers are not",
                               ruling->where));
  }
  if (firewall.has_legacy_rules) seen.push_back("rules of iptables-legacy were not looked at (`iptables-legacy -nvL`)");
  const bool certain = std::ranges::none_of(std::array{&firewall.called, &firewall.answered, &firewall.calling},
                                            [](const auto* ruling) { return ruling->fate == Fate::unclear; });
  return ok(fmt::format("{}this host's nftables rules let {} through", certain ? "" : "as far as can be seen, ", name),
            seen);
}

Finding judge_mtu(const Facts& facts) {
  const auto* const config = facts.config();
  const auto& ways = facts.path.ways;
  const auto way = std::ranges::find_if(ways, [](const WayFacts& each) { return each.route.has_value(); });
  if (way == ways.end()) return skipped("no way to the peer is known");
  const auto mtu = facts.status() != nullptr ? facts.status()->mtu
                   : config != nullptr       ? config->interface.mtu.value_or(0)
                                             : 0;
  if (mtu == 0) return ok("the MTU follows the way to the peer");
  const auto in_frames = config != nullptr ? host::frame_overhead(*config) : 0;
  const auto needed = mtu + in_frames + overhead(way->to.address.family());
  const Evidence seen{fmt::format("MTU {} and {} bytes around each packet make {}; the way through {} carries {}", mtu,
                                  needed - mtu, needed, way->interface, way->route->mtu)};
  if (needed <= way->route->mtu) return ok("full packets fit the way to the peer", seen);
  if (in_frames != 0) return ok("larger frames than the way has room for are sent in fragments", seen);
  return warning(
      "full packets do not fit the way to the peer: each travels in two pieces, or not at all", seen,
      config != nullptr && config->interface.mtu
          ? fmt::format("interface.mtu: auto, or {}", way->route->mtu - (needed - mtu))
          : "raise the MTU of that interface, or take the IPv6 addresses, which need 1280, out of the tunnel");
}

Finding judge_path_mtu(const Facts& facts) {
  const auto& probe = facts.path.probe;
  if (!probe.why_not.empty()) return skipped(fmt::format("large packets were not tried: {}", probe.why_not));
  if (!probe.answers) {
    return skipped(
        fmt::format("large packets were not tried: {} does not answer echo requests, perhaps because its "
                    "firewall drops them",
                    probe.address));
  }
  const Evidence seen{
      fmt::format("{} answers packets of {} bytes, of {} at most", probe.address, probe.largest, probe.mtu)};
  if (probe.largest == probe.mtu) return ok("packets of full size come through", seen);
  const auto* const config = facts.config();
  if (config != nullptr && !config->interface.mtu && probe.mtu == host::least_mtu(host::carries_v6(*config))) {
    return warning(
        fmt::format("the way to the peer has room for {} bytes inside, and the interface must take {} for IPv6: IPv4's "
                    "senders are told, and IPv6 packets above that travel in fragments, which some firewalls drop",
                    probe.largest, probe.mtu),
        seen,
        "let fragments of UDP pass on the way, or take the IPv6 addresses out of the tunnel; `sysctl "
        "net.ipv4.tcp_mtu_probing=1` at both ends keeps TCP alive meanwhile");
  }
  return problem(
      fmt::format("packets above {} bytes vanish on the way: small things work, and transfers hang", probe.largest),
      seen, fmt::format("interface.mtu: {} at both ends", probe.largest));
}

}  // namespace adit::doctor
