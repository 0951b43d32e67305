// SPDX-License-Identifier: MIT
#include <fmt/core.h>
#include <linux/rtnetlink.h>

#include <algorithm>

#include "config/subnet_set.h"
#include "doctor/checks.h"

namespace adit::doctor {
namespace {

bool has_route(const NetworkFacts& network, const IpNetwork& to, const std::string& interface) {
  return std::ranges::any_of(network.routes,
                             [&](const RouteFacts& route) { return route.to == to && route.interface == interface; });
}

/// Of what the file asks for, that which the interface does not have.
Evidence missing_of(const Facts& facts, const InterfaceFacts& interface) {
  Evidence missing;
  if (const auto* const config = facts.config()) {
    for (const auto& address : config->interface.addresses) {
      const bool there = std::ranges::any_of(interface.addresses,
                                             [&](const IpNetwork& found) { return found.address == address.address; });
      if (!there) missing.push_back(fmt::format("the address {} is missing", to_string(address)));
    }
  }
  for (const auto& route : facts.status()->routes) {
    if (!has_route(facts.around_interface(), route, interface.name)) {
      missing.push_back(fmt::format("the route {} is missing", to_string(route)));
    }
  }
  return missing;
}

struct Wanted {
  IpNetwork network;
  bool has_metric = false;
};

/// The subnets that are to be reached through the tunnel by the main routing table, but for default routes.
std::vector<Wanted> wanted_networks(const config::Config& config) {
  std::vector<Wanted> list;
  for (const auto& address : config.interface.addresses) list.push_back({address.network()});
  for (const auto& route : config.routes) {
    if (!route.table && route.to.prefix != 0) list.push_back({route.to, route.metric.has_value()});
  }
  return list;
}

/// A route to the peer itself has to lead past the tunnel.
bool is_for_peer(const PathFacts& path, const IpNetwork& to) {
  return to.prefix == to.address.bits() &&
         std::ranges::any_of(path.ways, [&](const WayFacts& way) { return way.to.address == to.address; });
}

Evidence shared_addresses(const config::Config& config, const NetworkFacts& network, const std::string& tunnel) {
  Evidence shared;
  for (const auto& interface : network.interfaces) {
    if (interface.name == tunnel) continue;
    for (const auto& ours : config.interface.addresses) {
      const bool there = std::ranges::any_of(interface.addresses,
                                             [&](const IpNetwork& found) { return found.address == ours.address; });
      if (there) shared.push_back(fmt::format("{} has {} too", interface.name, to_string(ours.address)));
    }
  }
  return shared;
}

struct Overlaps {
  Evidence equal;   ///< somebody else's route to the very subnet
  Evidence inside;  ///< or to a part of it
};

Overlaps overlaps(const Facts& facts, const config::Config& config) {
  Overlaps found;
  const auto tunnel = facts.interface_name();
  for (const auto& route : facts.around_interface().routes) {
    const bool other = route.table == RT_TABLE_MAIN && !route.interface.empty() && route.interface != tunnel;
    if (!other || is_for_peer(facts.path, route.to)) continue;
    for (const auto& wanted : wanted_networks(config)) {
      if (route.to.prefix < wanted.network.prefix || !wanted.network.overlaps(route.to)) continue;
      const bool equal = route.to == wanted.network && !wanted.has_metric;
      (equal ? found.equal : found.inside)
          .push_back(fmt::format("{} leads to {}, and {} is to be reached through the tunnel", route.interface,
                                 to_string(route.to), to_string(wanted.network)));
    }
  }
  return found;
}

}  // namespace

Finding judge_interface(const Facts& facts) {
  if (facts.elsewhere && !facts.elsewhere->why_not.empty() && facts.host.is_root) {
    return problem(fmt::format("the network namespace {} cannot be looked into", facts.netns()),
                   {facts.elsewhere->why_not}, "make it before the link starts, or correct interface.netns");
  }
  if (!facts.around_interface().why_not.empty()) return skipped(facts.around_interface().why_not);
  if (facts.config() == nullptr && facts.status() == nullptr) return skipped("there is no valid file");
  const auto name = facts.interface_name();
  const auto* const interface = facts.around_interface().find(name);
  if (facts.status() == nullptr) {
    if (interface == nullptr || interface->is_tun)
      return ok(fmt::format("the name {} is free for the interface", name));
    if (facts.daemon.failure == client::AskFailure::forbidden)
      return skipped("the daemon may only be asked by its owner");
    return problem(fmt::format("there is an interface {} already, and it is no TUN interface", name), {},
                   fmt::format("remove it (`ip link delete {}`), or choose another interface.name", name));
  }
  const auto mend = fmt::format(
      "systemctl restart adit@{}; and see who took it away: NetworkManager and systemd-networkd "
      "must leave {} alone",
      facts.name, name);
  if (interface == nullptr) {
    const auto moved = facts.observed("interface_moved");
    if (!moved.empty())
      return ok(fmt::format("the interface {} was moved, and is looked after by others", name), moved);
    return problem(fmt::format("the interface {} is gone", name), {}, mend);
  }
  if (!interface->up) {
    return problem(fmt::format("the interface {} is down", name), {}, fmt::format("ip link set {} up", name));
  }
  const auto missing = missing_of(facts, *interface);
  if (missing.empty()) return ok(fmt::format("the interface {} is up, with its addresses and routes", name));
  return problem(fmt::format("the interface {} is not as the file wants it", name), missing, mend);
}

Finding judge_overlap(const Facts& facts) {
  const auto* const config = facts.config();
  if (config == nullptr) return skipped("there is no valid file");
  if (!facts.around_interface().why_not.empty()) return skipped(facts.around_interface().why_not);
  const auto* const mend =
      "choose other addresses for the tunnel or for the other network (`adit pair` picks rare ones)";
  const auto shared = shared_addresses(*config, facts.around_interface(), facts.interface_name());
  if (!shared.empty()) return problem("an address of the tunnel is on another interface as well", shared, mend);
  const auto found = overlaps(facts, *config);
  if (!found.equal.empty()) {
    return problem("another interface leads to the very subnet that is to be reached through the tunnel", found.equal,
                   mend);
  }
  if (found.inside.empty()) return ok("nothing on this host overlaps the tunnel's addresses and routes");
  return warning("another interface leads to a part of what is to be reached through the tunnel", found.inside, mend);
}

Finding judge_routes(const Facts& facts) {
  const auto* const config = facts.config();
  if (config == nullptr) return skipped("there is no valid file");
  if (!facts.around_interface().why_not.empty()) return skipped(facts.around_interface().why_not);
  if (facts.network.blocked && facts.status() == nullptr) {
    return problem("traffic is blocked, as interface.kill_switch has it: the link does not run",
                   {"unreachable routes of this link are there"},
                   fmt::format("start the link, or let everything pass: `adit unblock {}`", config->name));
  }
  if (!facts.network.bypasses.empty()) {
    return problem(
        "what is to go into the tunnel goes another way", facts.network.bypasses,
        "do what it says there: remove the rule, or give it a priority behind this link's; of two links with "
        "`default` in their routes leave it to one (docs/full-tunnel.md)");
  }
  config::SubnetSet allowed;
  for (const auto& network : config->peer.allowed_ips) allowed.add(network);
  const auto tunnel = facts.interface_name();
  Evidence stray;
  for (const auto& route : facts.around_interface().routes) {
    const bool ours =
        route.interface == tunnel && !route.to.address.is_multicast() && !route.to.address.is_link_local();
    if (ours && !allowed.covers(route.to)) {
      stray.push_back(fmt::format("{} leads into {}", to_string(route.to), tunnel));
    }
  }
  if (stray.empty()) return ok("every route into the tunnel is covered by peer.allowed_ips");
  return warning("a route leads into the tunnel that peer.allowed_ips does not cover: its packets are dropped", stray,
                 "add the subnet to peer.allowed_ips (at the other end too), or remove the route");
}

Finding judge_port(const Facts& facts) {
  const auto& port = facts.port;
  if (facts.status() != nullptr) {
    return ok(fmt::format("the daemon listens on UDP port {}", facts.status()->port));
  }
  if (facts.config() == nullptr) return skipped("there is no valid file");
  if (!port.tried) return skipped("the daemon's process has it, but does not answer");
  if (!port.problem) return ok("the port of local.listen is free");
  Evidence seen{*port.problem};
  for (const auto& owner : port.owners) seen.push_back(fmt::format("it is held by {}", owner));
  const auto number = facts.config()->local.listen.port;
  return problem(fmt::format("UDP port {} cannot be used", number), seen,
                 "stop what has the port, or change local.listen here and peer.endpoint at the other end");
}

}  // namespace adit::doctor
