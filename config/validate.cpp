// SPDX-License-Identifier: MIT
#include "config/validate.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "config/fields.h"
#include "config/hook_advice.h"
#include "config/subnet_set.h"
#include "config/tap_ends.h"

namespace adit::config {
namespace {

constexpr std::uint32_t kMinIpv6Mtu = 1280;  // RFC 8200 §5

std::string_view name_of(Family family) {
  return family == Family::v4 ? "IPv4" : "IPv6";
}

/// The address that holds `inside`, or null.
const At<IpNetwork>* subnet_with(const Draft& draft, const IpAddress& inside) {
  const auto found =
      std::ranges::find_if(draft.addresses.items, [&](const auto& item) { return item.value.contains(inside); });
  return found == draft.addresses.items.end() ? nullptr : &*found;
}

bool has_address_of(const Draft& draft, Family family) {
  return std::ranges::any_of(draft.addresses.items, [&](const auto& item) { return item.value.family() == family; });
}

/// The interface is named like the link unless the file says otherwise.
void check_name_of_file(const Draft& draft, Problems& problems) {
  if (!draft.unnamed || draft.config.name.empty()) return;
  const auto name = parse_interface_name(draft.config.name);
  if (name) return;
  problems.add({draft.unnamed->line, draft.unnamed->column, "interface.name"},
               fmt::format("is missing, and the file's own name cannot replace it: {}", name.error().message));
}

void check_addresses(const Draft& draft, Problems& problems) {
  const auto& addresses = draft.addresses.items;
  for (auto later = addresses.begin(); later != addresses.end(); ++later) {
    const auto earlier =
        std::find_if(addresses.begin(), later, [&](const auto& a) { return a.value.address == later->value.address; });
    if (earlier == later) continue;
    problems.add(later->place, fmt::format("{} is given twice ({} has it already); keep one",
                                           to_string(later->value.address), earlier->place.key));
  }
  if (draft.mtu && draft.mtu->value < kMinIpv6Mtu && has_address_of(draft, Family::v6)) {
    problems.add(draft.mtu->place, fmt::format("{} is too small for the IPv6 address of this interface; IPv6 needs {}",
                                               draft.mtu->value, kMinIpv6Mtu));
  }
}

void check_peer_addresses(const Draft& draft, Problems& problems) {
  if (!draft.addresses.complete) return;
  for (const auto family : {Family::v4, Family::v6}) {
    auto ours = std::ranges::count_if(draft.addresses.items, [&](const auto& a) { return a.value.family() == family; });
    for (const auto& [address, place] : draft.peer_addresses.items) {
      if (address.family() != family || ours-- > 0) continue;
      problems.add(place, fmt::format("{} has no {} address in interface.addresses to go with; remove it or add one",
                                      to_string(address), name_of(family)));
    }
  }
  for (const auto& [address, place] : draft.peer_addresses.items) {
    const auto* const subnet = subnet_with(draft, address);
    if (subnet == nullptr || subnet->value.address != address) continue;
    problems.add(place, fmt::format("{} is this end's own address; write the peer's", to_string(address)));
  }
}

constexpr std::uint32_t kMostInFrontOfFrames = 62;  ///< IPv6, GRE, Ethernet with a VLAN tag

void check_tap(const Draft& draft, Problems& problems) {
  if (draft.config.interface.mode != Mode::tap) return;
  if (draft.bridge && !draft.addresses.items.empty()) {
    problems.add(draft.addresses.items.front().place,
                 fmt::format("an interface in a bridge needs no addresses: {} is to have them; remove them here",
                             draft.bridge->value));
  }
  if (!draft.routes.items.empty()) {
    problems.add(draft.routes.items.front().place,
                 "routes do not go with `mode: tap`, where they would need a gateway; add a hook: ip route add NET via "
                 "ROUTER");
  }
  if (draft.mtu && draft.mtu->value > kMaxMtu - kMostInFrontOfFrames) {
    problems.add(draft.mtu->place, fmt::format("{} is too large for frames; the largest is {}", draft.mtu->value,
                                               kMaxMtu - kMostInFrontOfFrames));
  }
  check_tap_ends(draft, problems);
  const auto ends = tap_ends(draft);
  if (!ends || !draft.allowed_ips || !draft.allowed_ips->complete) return;
  const bool allowed =
      std::ranges::any_of(draft.allowed_ips->items, [&](const auto& item) { return item.value.contains(ends->peers); });
  if (allowed || draft.allowed_ips->items.empty()) return;
  problems.add(draft.allowed_ips->items.front().place,
               fmt::format("peer.allowed_ips has not {}, which all frames come from; add it, or leave allowed_ips out",
                           to_string(ends->peers)));
}

void check_keys(const Draft& draft, Problems& problems) {
  if (!draft.private_key || !draft.public_key) return;
  if (crypto::public_key_of(draft.private_key->value) != draft.public_key->value) return;
  problems.add(draft.public_key->place, std::string(kOwnKeyReason));
}

/// The link cannot be carried by itself.
void check_not_inside(const Draft& draft, const IpAddress& address, const Place& place, Problems& problems) {
  const auto* const subnet = subnet_with(draft, address);
  if (subnet == nullptr) return;
  problems.add(place, fmt::format("{} is inside the tunnel ({}); write an address outside of it", to_string(address),
                                  subnet->place.key));
}

/// "fe80::2" of "fe80::2%eth0"
std::string_view without_zone(std::string_view host) {
  return host.substr(0, host.find('%'));
}

void check_endpoints(const Draft& draft, Problems& problems) {
  const auto listen = draft.listen ? draft.listen->value.address : IpAddress();
  if (draft.listen && !listen.is_none()) check_not_inside(draft, listen, draft.listen->place, problems);
  for (const auto& [endpoint, place] : draft.endpoints.items) {
    const auto address = IpAddress::parse(without_zone(endpoint.host));
    if (!address) continue;
    check_not_inside(draft, *address, place, problems);
    if (!listen.is_none() && listen.family() != address->family()) {
      problems.add(place,
                   fmt::format("is {}, but local.listen keeps this end to {}; write a port alone there to use both",
                               name_of(address->family()), name_of(listen.family())));
    }
    if (address->is_v6() && address->is_link_local() && !draft.config.local.device &&
        draft.config.local.uplinks.empty() && !endpoint.host.contains('%')) {
      problems.add(place, fmt::format("is a link-local address, which means nothing without an interface; write "
                                      "\"[{}%INTERFACE]:{}\", or set local.device",
                                      endpoint.host, endpoint.port));
    }
  }
}

/// Halves and the like are meant to lead everything there, as `default` is.
constexpr std::uint8_t kHalf = 1;

/// The link leads its own packets past such a route. But nothing else reaches the peer's outer address any more then,
/// which is rarely what was meant.
void check_endpoints_in_routes(const Draft& draft, Problems& problems) {
  for (const auto& [endpoint, place] : draft.endpoints.items) {
    const auto address = IpAddress::parse(endpoint.host);
    if (!address) continue;
    for (const auto& [route, route_place] : draft.routes.items) {
      const bool contains = route.to && route.to->prefix > kHalf && route.to->family() == address->family() &&
                            route.table.value_or(kMainTable) == kMainTable && route.to->contains(*address);
      if (!contains) continue;
      problems.warn(place, fmt::format("{} lies in {} ({}): the link's own packets still reach it, all else to it goes "
                                       "through the link; is the route as narrow as it should be?",
                                       to_string(*address), route_place.key, to_string(*route.to)));
      break;
    }
  }
}

void check_source(const Draft& draft, const DraftRoute& route, const At<IpAddress>& given, Problems& problems) {
  const auto& [source, place] = given;
  const auto* const subnet = subnet_with(draft, source);
  if (draft.addresses.complete && (subnet == nullptr || subnet->value.address != source)) {
    problems.add(place, fmt::format("{} is not an address of this interface; choose one of interface.addresses",
                                    to_string(source)));
  } else if (route.to && route.to->family() != source.family()) {
    problems.add(place, fmt::format("{} is {}, and the route is {}", to_string(source), name_of(source.family()),
                                    name_of(route.to->family())));
  } else if (!route.to && has_address_of(draft, source.is_v4() ? Family::v6 : Family::v4)) {
    problems.add(place,
                 fmt::format("default stands for both families here, and a source has one; write {} instead of default",
                             source.is_v4() ? "0.0.0.0/0" : "::/0"));
  }
}

bool is_default_of_host(const DraftRoute& route) {
  return (!route.to || route.to->prefix == 0) && !route.table;
}

/// Routing rules lead the whole host's traffic to a table of the link's own, where no other route competes with it.
void check_default_of_host(const DraftRoute& route, Problems& problems) {
  constexpr std::string_view reason =
      "has no effect here: a default route for the whole host has neither metric nor source; remove it, or name a "
      "table";
  if (route.metric) problems.add(route.metric->place, std::string(reason));
  if (route.source) problems.add(route.source->place, std::string(reason));
}

/// Without an address of its own the interface can still be sent packets: they have the source that another interface
/// has. For a default route that is hardly what anybody wants.
void check_family_of(const Draft& draft, const IpNetwork& to, const Place& place, Problems& problems) {
  if (!draft.addresses.complete || has_address_of(draft, to.family())) return;
  const auto family = name_of(to.family());
  if (to.prefix == 0) {
    problems.add(place, fmt::format("{} is {}, and the interface has no {} address; add one to interface.addresses",
                                    to_string(to), family, family));
  } else {
    problems.warn(place, fmt::format("{} is {}, and the interface has no {} address: this host's own packets will go "
                                     "there with the address of another interface; add one to interface.addresses, "
                                     "unless that is meant",
                                     to_string(to), family, family));
  }
}

void check_route(const Draft& draft, const At<DraftRoute>& item, Problems& problems) {
  const auto& [route, place] = item;
  if (is_default_of_host(route) && !draft.netns) {
    check_default_of_host(route, problems);
  } else if (route.source) {
    check_source(draft, route, *route.source, problems);
  }
  if (!route.to) return;
  if (!is_default_of_host(route)) check_family_of(draft, *route.to, place, problems);
  for (const auto& [address, address_place] : draft.addresses.items) {
    const bool kernels_own =
        address.network() == *route.to && !route.metric && route.table.value_or(kMainTable) == kMainTable;
    if (!kernels_own) continue;
    problems.add(place,
                 fmt::format("{} is the interface's own subnet ({}), which the kernel routes by itself; remove it",
                             to_string(*route.to), address_place.key));
  }
}

template <class T>
std::optional<T> value_of(const std::optional<At<T>>& item) {
  return item ? std::optional(item->value) : std::nullopt;
}

/// `default` written out: for the whole host one route for each family, since what the interface has no address of is
/// not to go past it; for one table only those that the interface has.
std::vector<Route> expand(const DraftRoute& route, const Draft& draft) {
  const auto metric = value_of(route.metric);
  const auto source = value_of(route.source);
  if (route.to) return {{*route.to, metric, route.table, source}};
  std::vector<Route> routes;
  for (const auto family : {Family::v4, Family::v6}) {
    if (!route.table || has_address_of(draft, family)) {
      routes.push_back({{IpAddress::any(family), 0}, metric, route.table, source});
    }
  }
  return routes;
}

/// The kernel tells two routes apart by these three.
auto identity(const Route& route) {
  return std::tuple(route.to, route.table.value_or(kMainTable), route.metric.value_or(0));
}

void check_repeated_routes(const Draft& draft, Problems& problems) {
  std::map<decltype(identity(Route())), const Place*> seen;
  for (const auto& [draft_route, place] : draft.routes.items) {
    for (const auto& route : expand(draft_route, draft)) {
      const auto [earlier, is_new] = seen.try_emplace(identity(route), &place);
      if (is_new) continue;
      problems.add(place,
                   fmt::format("{} is routed by {} already; keep one{}", to_string(route.to), earlier->second->key,
                               route.is_default_of_host() ? "" : ", or give them different metrics"));
    }
  }
}

void check_allowed_ips(const Draft& draft, Problems& problems) {
  if (!draft.allowed_ips) return;
  SubnetSet allowed;
  for (const auto& [subnet, place] : draft.allowed_ips->items) {
    if (!allowed.add(subnet)) problems.add(place, fmt::format("{} is given twice; keep one", to_string(subnet)));
  }
  if (!draft.allowed_ips->complete) return;
  for (const auto& [draft_route, place] : draft.routes.items) {
    for (const auto& route : expand(draft_route, draft)) {
      if (allowed.covers(route.to) || !has_address_of(draft, route.to.family())) continue;
      problems.warn(place,
                    fmt::format("peer.allowed_ips does not cover {}, so its packets will be dropped; add it there",
                                to_string(route.to)));
    }
  }
}

/// What it is for takes less: the keys of a session live for REJECT_AFTER_TIME, and few NATs remember longer.
void check_keepalive(const Draft& draft, Problems& problems) {
  constexpr std::chrono::seconds kLongest{180};
  const auto& keepalive = draft.config.peer.keepalive;
  if (!draft.keepalive || !keepalive || *keepalive <= kLongest) return;
  problems.warn(
      *draft.keepalive,
      fmt::format("{}s is longer than a session lives and most NATs and firewalls remember: an idle link takes a "
                  "new handshake each time, and is up until then whatever became of the peer; choose {}s or less",
                  keepalive->count(), kLongest.count()));
}

/// Whether packets to `address` go into the tunnel.
bool is_reached(const Draft& draft, const IpAddress& address) {
  if (address.is_link_local() || subnet_with(draft, address) != nullptr) return true;
  for (const auto& [draft_route, place] : draft.routes.items) {
    for (const auto& route : expand(draft_route, draft)) {
      if (route.to.contains(address)) return true;
    }
  }
  return false;
}

void check_dns(const Draft& draft, Problems& problems) {
  const auto& servers = draft.config.dns.servers;
  if (!draft.addresses.complete || !draft.routes.complete) return;
  for (std::size_t i = 0; i < servers.size() && i < draft.dns_places.size(); ++i) {
    if (is_reached(draft, servers[i])) continue;
    problems.warn(
        draft.dns_places[i],
        fmt::format("{} is not reached through the tunnel, though its names are to be asked for there: no route "
                    "leads to it; add {} to routes, or name a server at the other end",
                    to_string(servers[i]),
                    to_string(IpNetwork{servers[i], static_cast<std::uint8_t>(servers[i].bits())})));
  }
  if (servers.empty() || draft.dns_places.empty()) return;
  if (std::ranges::any_of(draft.config.hooks.up, sets_name_servers)) {
    problems.warn(draft.dns_places.front(),
                  "a hook sets name servers too, and whichever comes last counts; keep this, and remove the hook");
  }
}

/// systemd-resolved hears of interfaces by their number, and knows those of its own namespace only.
void check_netns(const Draft& draft, Problems& problems) {
  if (!draft.netns || draft.config.dns.servers.empty()) return;
  const auto& [name, place] = *draft.netns;
  problems.add(place, fmt::format("goes with no `dns`, since systemd-resolved does not know interfaces of other "
                                  "namespaces; remove dns, and write `nameserver ADDRESS` into {}",
                                  name.starts_with('/') ? "the resolv.conf of the programs in there"
                                                        : fmt::format("/etc/netns/{}/resolv.conf", name)));
}

std::vector<IpNetwork> values_of(const DraftList<IpNetwork>& list) {
  std::vector<IpNetwork> values;
  values.reserve(list.items.size());
  for (const auto& item : list.items) values.push_back(item.value);
  return values;
}

}  // namespace

void validate(const Draft& draft, Problems& problems) {
  check_name_of_file(draft, problems);
  check_addresses(draft, problems);
  check_peer_addresses(draft, problems);
  check_tap(draft, problems);
  check_keys(draft, problems);
  check_endpoints(draft, problems);
  for (const auto& route : draft.routes.items) check_route(draft, route, problems);
  check_repeated_routes(draft, problems);
  check_endpoints_in_routes(draft, problems);
  check_allowed_ips(draft, problems);
  check_keepalive(draft, problems);
  check_netns(draft, problems);
  check_dns(draft, problems);
}

Config assemble(Draft draft) {
  auto config = std::move(draft.config);
  config.interface.name = draft.name ? std::move(draft.name->value) : config.name;
  config.interface.addresses = values_of(draft.addresses);
  for (const auto& item : draft.peer_addresses.items) config.interface.peer_addresses.push_back(item.value);
  if (draft.mtu) config.interface.mtu = draft.mtu->value;
  if (draft.netns) config.interface.netns = std::move(draft.netns->value);
  if (config.interface.mode == Mode::tap) complete_tap(draft, config.interface);
  if (draft.private_key) config.local.private_key = std::move(draft.private_key->value);
  if (draft.listen) config.local.listen = draft.listen->value;
  if (draft.public_key) config.peer.public_key = draft.public_key->value;
  for (auto& item : draft.endpoints.items) config.peer.endpoints.push_back(std::move(item.value));
  for (const auto& item : draft.routes.items) {
    for (const auto& route : expand(item.value, draft)) config.routes.push_back(route);
  }
  config.peer.allowed_ips =
      draft.allowed_ips ? values_of(*draft.allowed_ips) : default_allowed_ips(config.interface, config.routes);
  return config;
}

std::vector<IpNetwork> default_allowed_ips(const Interface& interface, const std::vector<Route>& routes) {
  std::vector<IpNetwork> allowed;
  SubnetSet seen;
  const auto add = [&](const IpNetwork& network) {
    if (seen.add(network)) allowed.push_back(network);
  };
  if (interface.mode == Mode::tap) {
    const auto& peer = interface.tap.peers;
    return {{peer, static_cast<std::uint8_t>(peer.bits())}};
  }
  for (const auto& address : interface.addresses) add(address.network());
  for (const auto& route : routes) add(route.to);
  if (!interface.multicast) return allowed;
  for (const std::string_view groups : {"224.0.0.0/4", "ff00::/8"}) {
    const auto network = *IpNetwork::parse(groups);
    const bool in_use = std::ranges::any_of(interface.addresses,
                                            [&](const auto& address) { return address.family() == network.family(); });
    if (in_use) add(network);
  }
  return allowed;
}

}  // namespace adit::config
