// SPDX-License-Identifier: MIT
#include "host/host_plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "host/link_number.h"
#include "wire/gre.h"

namespace adit::host {
namespace {

/// A set of routes that leads a greater part of a family into the tunnel is meant to be a full tunnel: the two halves,
/// or everything but private networks. Of IPv6, of what is in use of it (2000::/3).
constexpr double kNearlyAll = 0.5;
constexpr std::uint8_t kGlobalPrefix = 3;
constexpr std::uint8_t kVastV4 = 7;
constexpr std::uint8_t kVastV6 = 3;

/// In the main table, for the whole host.
bool is_plain(const config::Route& route) {
  return route.table.value_or(config::kMainTable) == config::kMainTable;
}

bool has_address_of(const config::Config& config, Family family) {
  return std::ranges::any_of(config.interface.addresses, [=](const auto& one) { return one.family() == family; });
}

/// How much of the family the routes lead into the tunnel: 1 is all of it.
double share_of(const config::Config& config, Family family) {
  std::vector<IpNetwork> networks;
  for (const auto& route : config.routes) {
    if (is_plain(route) && route.to.family() == family) networks.push_back(route.to);
  }
  // What lies in another comes right behind it, and is not counted again.
  std::ranges::sort(networks);
  IpNetwork around;
  double share = 0;
  for (const auto& network : networks) {
    if (!around.address.is_none() && around.prefix <= network.prefix && around.contains(network.address)) continue;
    around = network;
    share += std::ldexp(1.0, -network.prefix);
  }
  return family == Family::v6 ? std::min(1.0, std::ldexp(share, kGlobalPrefix)) : share;
}

bool leads_nearly_all(const config::Config& config) {
  return std::max(share_of(config, Family::v4), share_of(config, Family::v6)) > kNearlyAll;
}

/// A peer that is known by name, or calls, may be anywhere, and so may the name server that has to be asked for it. So
/// large a route is taken to lead to both.
bool is_vast(const config::Config& config, const config::Route& route) {
  const auto is_literal = [](const config::EndpointName& endpoint) {
    return IpAddress::parse(endpoint.host).has_value();
  };
  const auto& endpoints = config.peer.endpoints;
  if (!endpoints.empty() && std::ranges::all_of(endpoints, is_literal)) return false;
  return route.to.prefix <= (route.to.family() == Family::v4 ? kVastV4 : kVastV6);
}

bool lies_in(const config::Config& config, const std::vector<IpAddress>& peers, const config::Route& route) {
  return config.interface.netns.empty() && is_plain(route) && !route.is_default_of_host() &&
         (is_vast(config, route) ||
          std::ranges::any_of(peers, [&](const IpAddress& peer) { return route.to.contains(peer); }));
}

/// In a network namespace of its own the link has the host to itself: there is nothing beside it that a default route
/// would have to be reconciled with.
bool takes_the_host(const config::Config& config, const config::Route& route) {
  return config.interface.netns.empty() && route.is_default_of_host();
}

/// The n-th peer address of a family is the far end of the n-th address of that family.
std::vector<net::InterfaceAddress> addresses_with_peers(const config::Interface& interface) {
  std::map<Family, std::vector<IpAddress>> peers;
  for (const auto& peer : interface.peer_addresses) peers[peer.family()].push_back(peer);
  std::map<Family, std::size_t> seen;
  std::vector<net::InterfaceAddress> addresses;
  for (const auto& network : interface.addresses) {
    const auto& of_family = peers[network.family()];
    const auto place = seen[network.family()]++;
    addresses.push_back({.network = network, .peer = place < of_family.size() ? of_family[place] : IpAddress{}});
  }
  return addresses;
}

}  // namespace

std::uint32_t frame_overhead(const config::Config& config) {
  const auto& interface = config.interface;
  return interface.mode == config::Mode::tap ? wire::frame_overhead(interface.tap.ours.family()) : 0;
}

net::TunOptions tun_options(const config::Config& config) {
  const auto& interface = config.interface;
  const bool for_frames = interface.mode == config::Mode::tap;
  return {.name = interface.name,
          .frames = for_frames,
          .mac = for_frames ? std::optional(interface.tap.mac) : std::nullopt,
          .owner = interface.owner,
          .group = interface.group,
          .persist = interface.persist,
          .offload = config.tuning.tun_offload != config::Switch::off,
          .netns = interface.netns};
}

net::ListenOptions listen_options(const config::Config& config) {
  const auto& local = config.local;
  const auto& tuning = config.tuning;
  return {.address = local.listen.address,
          .port = local.listen.port,
          .device = local.device,
          .fwmark = datagram_mark(config),
          .offload = tuning.udp_offload != config::Switch::off,
          .receive_buffer = tuning.receive_buffer,
          .send_buffer = tuning.send_buffer};
}

InterfaceSettings interface_settings(const config::Config& config, std::uint32_t mtu,
                                     const std::vector<IpAddress>& peers) {
  const bool for_frames = config.interface.mode == config::Mode::tap;
  InterfaceSettings settings{.mtu = mtu,
                             .queue_length = config.interface.queue_length,
                             .multicast = config.interface.multicast || for_frames,
                             .bridge = for_frames ? config.interface.tap.bridge : "",
                             .mac = for_frames ? std::optional(config.interface.tap.mac) : std::nullopt,
                             .has_neighbours = for_frames && config.interface.tap.bridge.empty(),
                             .addresses = addresses_with_peers(config.interface)};
  for (const auto& route : config.routes) {
    if (takes_the_host(config, route) || lies_in(config, peers, route)) continue;
    settings.routes.push_back({.to = route.to, .metric = route.metric, .table = route.table, .source = route.source});
  }
  return settings;
}

PolicyRoutingOptions policy_options(const config::Config& config, std::uint32_t interface,
                                    const std::vector<IpAddress>& peers) {
  const auto number = number_of(config);
  PolicyRoutingOptions options{.number = number,
                               .interface = interface,
                               .fwmark = config.local.fwmark.value_or(0) != 0 ? *config.local.fwmark : number,
                               .families = {},
                               .blocked = blocked_families(config),
                               .spared = {},
                               .behind = {}};
  for (const auto family : default_families(config)) {
    if (has_address_of(config, family)) options.families.push_back(family);
  }
  // In a network namespace of its own there is no other way that traffic could take.
  if (!config.interface.netns.empty()) return options;
  const bool blocks = kill_switch(config) != config::KillSwitch::off;
  for (const auto& route : config.routes) {
    const bool spared = lies_in(config, peers, route);
    if (spared && std::ranges::find(options.spared, route.to) == options.spared.end())
      options.spared.push_back(route.to);
    if (!blocks && (!route.is_default_of_host() || has_address_of(config, route.to.family()))) continue;
    const auto table = spared || route.is_default_of_host() ? number : route.table.value_or(config::kMainTable);
    options.behind.push_back({.to = route.to, .table = table});
  }
  // Two routes may differ in their metric alone.
  std::ranges::sort(options.behind);
  options.behind.erase(std::ranges::unique(options.behind).begin(), options.behind.end());
  return options;
}

std::vector<Family> default_families(const config::Config& config) {
  std::vector<Family> families;
  for (const auto& route : config.routes) {
    if (takes_the_host(config, route) && std::ranges::find(families, route.to.family()) == families.end()) {
      families.push_back(route.to.family());
    }
  }
  return families;
}

std::vector<Family> blocked_families(const config::Config& config) {
  auto families = default_families(config);
  std::erase_if(families, [&](Family family) { return has_address_of(config, family); });
  return families;
}

std::string why_blocked(Family family) {
  const bool v4 = family == Family::v4;
  return fmt::format(
      "{} is blocked: the default route stands for it, too, and the interface has no {} address; give it one, or write "
      "{} instead of `default` to let it go past the link",
      v4 ? "IPv4" : "IPv6", v4 ? "IPv4" : "IPv6", v4 ? "::/0" : "0.0.0.0/0");
}

bool is_full_tunnel(const config::Config& config) {
  return config.interface.netns.empty() && leads_nearly_all(config);
}

config::KillSwitch kill_switch(const config::Config& config) {
  using config::KillSwitch;
  if (config.interface.kill_switch != KillSwitch::automatic) return config.interface.kill_switch;
  return leads_nearly_all(config) ? KillSwitch::on : KillSwitch::off;
}

std::uint32_t number_of(const config::Config& config) {
  return config.number != 0 ? config.number : link_number(config.name);
}

std::optional<std::uint32_t> datagram_mark(const config::Config& config) {
  if (config.local.fwmark.value_or(0) != 0) return config.local.fwmark;
  const auto literal = literal_endpoints(config);
  const auto stands_apart = [&](const config::Route& route) { return lies_in(config, {}, route); };
  const bool needed = !default_families(config).empty() || std::ranges::any_of(config.routes, stands_apart) ||
                      std::ranges::any_of(literal, [&](const IpAddress& peer) { return is_routed(config, peer); });
  return needed ? std::optional(number_of(config)) : std::nullopt;
}

std::vector<IpAddress> literal_endpoints(const config::Config& config) {
  std::vector<IpAddress> addresses;
  for (const auto& endpoint : config.peer.endpoints) {
    if (const auto address = IpAddress::parse(endpoint.host)) addresses.push_back(*address);
  }
  return addresses;
}

bool is_routed(const config::Config& config, const IpAddress& address) {
  return std::ranges::any_of(config.routes, [&](const config::Route& route) {
    return route.to.contains(address) && lies_in(config, {address}, route);
  });
}

bool carries_v6(const config::Config& config) {
  return std::ranges::any_of(config.interface.addresses,
                             [](const auto& address) { return address.family() == Family::v6; });
}

std::string listen_text(const config::Listen& listen, std::uint16_t port) {
  return listen.address.is_none() ? std::to_string(port) : to_string(Endpoint{listen.address, port, 0});
}

}  // namespace adit::host
