// SPDX-License-Identifier: MIT
// A link for Ethernet frames: the bridge that it is in, and what makes frames go astray, or round in circles.
#include <fmt/core.h>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <optional>

#include "doctor/checks.h"

namespace adit::doctor {
namespace {

/// The interface in it, and the bridge.
struct Port {
  const InterfaceFacts& interface;
  const InterfaceFacts& bridge;
};

/// It is not there, or is none, or is down; empty: nothing of that.
std::optional<Finding> judge_presence(const std::string& name, const InterfaceFacts* bridge) {
  if (bridge == nullptr) {
    return problem(fmt::format("there is no bridge {} (interface.bridge)", name), {},
                   fmt::format("make it, also in the host's network configuration: `ip link add {0} type bridge && ip "
                               "link set {0} up`; a link that runs puts its interface there within a few seconds",
                               name));
  }
  if (!bridge->is_bridge) {
    return problem(fmt::format("{} (interface.bridge) is no bridge", name), {},
                   "correct interface.bridge, or make a bridge and put that interface into it");
  }
  if (!bridge->up) {
    return problem(fmt::format("the bridge {} is down: nothing passes it", name), {},
                   fmt::format("ip link set {} up", name));
  }
  return std::nullopt;
}

std::optional<Finding> judge_membership(const InterfaceFacts& interface, const std::string& bridge) {
  if (interface.bridge == bridge) return std::nullopt;
  return problem(fmt::format("{} is not in {} (interface.bridge)", interface.name, bridge),
                 {interface.bridge.empty() ? "it is in no bridge" : fmt::format("it is in {}", interface.bridge)},
                 fmt::format("`ip link set {} master {}`; and see who took it out: NetworkManager and systemd-networkd "
                             "must leave {} alone",
                             interface.name, bridge, interface.name));
}

std::string state_of(const InterfaceFacts& interface) {
  switch (interface.port_state.value_or(BR_STATE_DISABLED)) {
    case BR_STATE_FORWARDING:
      return "forwarding";
    case BR_STATE_LISTENING:
      return "listening: frames pass when it has heard no other way, within half a minute";
    case BR_STATE_LEARNING:
      return "learning: frames pass within a quarter of a minute";
    case BR_STATE_BLOCKING:
      return "blocking";
    default:
      return "disabled: the link has no carrier";
  }
}

std::optional<Finding> judge_blocking(const Port& port) {
  if (!port.bridge.stp || port.interface.port_state != BR_STATE_BLOCKING) return std::nullopt;
  return warning(
      fmt::format("the spanning tree of {} has blocked the link: another way leads to the same network",
                  port.bridge.name),
      {fmt::format("the port {} is {}", port.interface.name, state_of(port.interface))},
      "leave it so, if the link is the spare way; else raise the other's cost, or take it away (`bridge link "
      "show`, `ip link set PORT type bridge_slave cost N`)");
}

std::optional<Finding> judge_bridge_mtu(const Port& port) {
  if (port.bridge.mtu <= port.interface.mtu) return std::nullopt;
  return warning(fmt::format("{} has an MTU of {}, and its port {} one of {}: larger frames for the link are dropped",
                             port.bridge.name, port.bridge.mtu, port.interface.name, port.interface.mtu),
                 {},
                 fmt::format("`ip link set {} mtu {}`, and the same MTU for the hosts behind it (DHCP option 26)",
                             port.bridge.name, port.interface.mtu));
}

bool leaves_by(const Facts& facts, const InterfaceFacts& bridge) {
  return std::ranges::any_of(facts.path.ways, [&](const WayFacts& way) {
    const auto* const interface = facts.network.find(way.interface);
    return way.interface == bridge.name || (interface != nullptr && interface->bridge == bridge.name);
  });
}

std::optional<Finding> judge_looped(const Facts& facts, const Port& port) {
  const auto looped = facts.dropped("looped");
  if (looped == 0 || !facts.netns().empty() || !leaves_by(facts, port.bridge)) return std::nullopt;
  return warning(
      fmt::format("{} led the link's own encrypted packets into the link: they leave by the same bridge",
                  port.bridge.name),
      {fmt::format("{} were dropped (looped)", looped)},
      fmt::format("take the interface towards the peer out of {}, or the one towards the hosts that are to be one "
                  "network with the other end into a bridge of its own",
                  port.bridge.name));
}

/// With bridges at both ends, what is behind this one is behind the other, too.
std::optional<Finding> judge_second_way(const Facts& facts, const Port& port) {
  for (const auto& address : port.bridge.addresses) {
    if (address.address.is_link_local()) continue;
    const auto subnet = address.network();
    for (const auto& route : facts.around_interface().routes) {
      const bool other = route.table == RT_TABLE_MAIN && route.to == subnet && !route.interface.empty() &&
                         route.interface != port.bridge.name;
      if (!other) continue;
      return warning(
          fmt::format("{} is behind {}, and {} leads there, too: two ways to one network, which with a bridge at the "
                      "other end are a loop",
                      to_string(subnet), port.bridge.name, route.interface),
          {}, fmt::format("ip route del {} dev {}, or keep one of the two links", to_string(subnet), route.interface));
    }
  }
  return std::nullopt;
}

std::optional<Finding> judge_proxy_arp(const Facts& facts, const std::string& interface) {
  if (!facts.netns().empty()) return std::nullopt;
  for (const auto& name : {std::string("all"), interface}) {
    const auto found = facts.host.proxy_arp.find(name);
    if (found == facts.host.proxy_arp.end() || found->second == 0) continue;
    return warning(
        fmt::format("proxy ARP is on for {}: this host answers for others' addresses, at the other end, too, "
                    "and gets their packets",
                    interface),
        {fmt::format("net.ipv4.conf.{}.proxy_arp is {}", name, found->second)},
        fmt::format("sysctl -w net.ipv4.conf.{}.proxy_arp=0, and see to it in /etc/sysctl.d", name));
  }
  return std::nullopt;
}

/// The first is the heading; the others stand below it, each with its mend.
Finding first_of(const std::vector<std::optional<Finding>>& all, Finding otherwise) {
  std::optional<Finding> first;
  for (const auto& each : all) {
    if (!each) continue;
    if (!first) {
      first = each;
    } else {
      first->evidence.push_back(fmt::format("besides, {} (mend: {})", each->title, each->mend));
    }
  }
  return first ? std::move(*first) : std::move(otherwise);
}

Evidence seen_of(const Facts& facts, const Port& port) {
  Evidence seen{fmt::format("MTU {}, which the hosts behind it need, too", port.interface.mtu)};
  if (port.bridge.stp) {
    seen.push_back(fmt::format("STP is on, crosses the link, and the port is {}", state_of(port.interface)));
  } else {
    seen.emplace_back("STP is off: a second such link between the same networks would be a loop");
  }
  if (leaves_by(facts, port.bridge)) seen.emplace_back("the encrypted packets leave by the same bridge");
  return seen;
}

}  // namespace

Finding judge_bridge(const Facts& facts) {
  const auto* const config = facts.config();
  if (config == nullptr) return skipped("there is no valid file");
  if (config->interface.mode != config::Mode::tap) return skipped("the link is for IP packets, which no bridge takes");
  const auto& around = facts.around_interface();
  if (!around.why_not.empty()) return skipped(around.why_not);
  const auto name = facts.interface_name();
  const auto* const interface = around.find(name);
  const auto& wanted = config->interface.tap.bridge;
  if (wanted.empty() && (interface == nullptr || interface->bridge.empty())) {
    return first_of({judge_proxy_arp(facts, name)}, ok("the interface is in no bridge, and is to be in none"));
  }
  const auto bridge_name = wanted.empty() ? interface->bridge : wanted;
  const auto* const bridge = around.find(bridge_name);
  if (auto absent = judge_presence(bridge_name, bridge)) return std::move(*absent);
  if (facts.status() == nullptr || interface == nullptr) return ok(fmt::format("the bridge {} is there", bridge_name));
  if (auto outside = judge_membership(*interface, bridge_name)) return std::move(*outside);
  const Port port{*interface, *bridge};
  return first_of({judge_blocking(port), judge_bridge_mtu(port), judge_looped(facts, port),
                   judge_second_way(facts, port), judge_proxy_arp(facts, bridge_name)},
                  ok(fmt::format("{} is in {}", name, bridge_name), seen_of(facts, port)));
}

}  // namespace adit::doctor
