// SPDX-License-Identifier: MIT
// The way to the peer: its name, its addresses, the routes there, and the firewall at this end of it.
#include <fmt/core.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "doctor/firewall_extensions.h"
#include "doctor/gather.h"
#include "doctor/program.h"
#include "host/host_plan.h"
#include "net/device_binding.h"
#include "net/netlink_link.h"
#include "net/resolver.h"
#include "net/system.h"

namespace adit::doctor {
namespace {

using std::chrono::milliseconds;

/// For all names together.
constexpr std::chrono::seconds kResolvePatience{3};
constexpr std::chrono::seconds kRulesPatience{3};

std::string to_text(const config::EndpointName& name) {
  const bool v6 = name.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", name.host, name.port) : fmt::format("{}:{}", name.host, name.port);
}

/// Avahi, systemd's modules, LDAP: what glibc asks besides /etc/hosts and DNS (nsswitch.conf), and the daemon does not.
std::string known_to_others(const std::string& host) {
  const auto lines = output_of({"getent", "ahosts", host}, kResolvePatience);
  if (!lines) return {};
  const auto address = lines->substr(0, lines->find_first_of(" \t\n"));
  return IpAddress::parse(address) ? address : std::string();
}

std::vector<EndpointFacts> resolve(const config::Config& config) {
  std::vector<EndpointFacts> found;
  for (const auto& name : config.peer.endpoints) found.push_back({to_text(name), {}, "no answer within 3 s"});
  net::EventLoop loop;
  net::Resolver resolver(loop, {.timeout = milliseconds(1000),
                                .tries = 2,
                                .fwmark = host::datagram_mark(config),
                                .own_servers = config.dns.servers});
  std::vector<net::Lookup> lookups;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto& name = config.peer.endpoints[i];
    lookups.push_back(resolver.resolve(name.host, name.port, [&found, i](Result<net::Resolved> answer) {
      found[i].error = answer ? std::string() : answer.error().message;
      if (answer) found[i].addresses = answer->endpoints;
    }));
  }
  const auto deadline = net::boot_now() + kResolvePatience;
  while (std::ranges::any_of(lookups, &net::Lookup::pending)) {
    const auto left = deadline - net::boot_now();
    if (left <= Duration::zero() || !loop.run_once(left)) break;
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i].error.empty()) found[i].elsewhere = known_to_others(config.peer.endpoints[i].host);
  }
  return found;
}

/// The interfaces that the daemon keeps its datagrams to (local.device), the most preferred first; empty: to none, or
/// none of them is there.
std::vector<std::string> bound_to(const Facts& facts) {
  if (facts.status() != nullptr && !facts.status()->device.empty()) return {facts.status()->device};
  if (facts.config() == nullptr) return {};
  const auto& local = facts.config()->local;
  if (local.device) return {*local.device};
  std::vector<std::string> running;
  std::ranges::copy_if(local.uplinks, std::back_inserter(running),
                       [](const std::string& name) { return net::running_interface(name) != 0; });
  return running;
}

/// The number of the interface that datagrams to `to` leave by; 0: of the one the routes say.
std::uint32_t out_to(const Endpoint& to, const Facts& facts) {
  if (to.scope != 0) return to.scope;
  const auto bound = bound_to(facts);
  const auto* const found = bound.empty() ? nullptr : facts.network.find(bound.front());
  return found == nullptr ? 0 : found->index;
}

/// IPv4 takes everybody for a neighbour where no route leads to him by the interface that packets are bound to. They
/// are sent, and nobody answers to the address; only where nobody is asked, on a modem's interface, they get somewhere.
bool is_only_assumed(net::Netlink& netlink, const IpAddress& to, std::optional<std::uint32_t> mark, std::uint32_t out) {
  if (out == 0 || !to.is_v4()) return false;
  const auto match = net::find_match(netlink, to, mark, out);
  const auto link = net::get_link(netlink, out);
  return match && match->refused && link && link->has_neighbours;
}

WayFacts way_to(net::Netlink& netlink, const Endpoint& to, std::optional<std::uint32_t> mark, const Facts& facts) {
  WayFacts way{.to = to};
  const auto out = out_to(to, facts);
  const auto name_of = [&](std::uint32_t index) {
    const auto found = std::ranges::find(facts.network.interfaces, index, &InterfaceFacts::index);
    return found == facts.network.interfaces.end() ? std::string() : found->name;
  };
  const auto route = net::route_to(netlink, to.address, mark, out);
  if (route && !is_only_assumed(netlink, to.address, mark, out)) {
    way.route = *route;
    way.interface = name_of(route->interface);
    return way;
  }
  way.error = route ? fmt::format("there is no route to {}", to_string(to.address)) : route.error().message;
  if (out != 0) way.error += fmt::format(", through {}", name_of(out));
  return way;
}

/// Where the peer is, be it from the file or because it was found there; each address once.
std::vector<Endpoint> candidates(const Facts& facts) {
  std::vector<Endpoint> list;
  const auto add = [&](const Endpoint& endpoint) {
    const auto same = std::ranges::find_if(list, [&](const Endpoint& each) {
      const bool differ = each.scope != 0 && endpoint.scope != 0 && each.scope != endpoint.scope;
      return each.address == endpoint.address && each.port == endpoint.port && !differ;
    });
    // The status does not tell the scope.
    if (same == list.end()) {
      list.push_back(endpoint);
    } else if (same->scope == 0) {
      same->scope = endpoint.scope;
    }
  };
  if (facts.status() != nullptr) {
    if (const auto current = Endpoint::parse(facts.status()->endpoint)) add(*current);
  }
  for (const auto& name : facts.path.endpoints) std::ranges::for_each(name.addresses, add);
  return list;
}

bool has_legacy_rules() {
  for (const auto* const file : {"/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"}) {
    std::ifstream input(file);
    for (std::string table; input >> table;) {
      if (table == "filter") return true;
    }
  }
  return false;
}

/// Where the default routes of the main table lead that come before its others; other tables are for what bears a mark
/// or belongs to another tunnel.
std::set<std::string> default_ways(const Facts& facts, Family family) {
  std::set<std::string> found;
  auto least = std::numeric_limits<std::uint32_t>::max();
  for (const auto& route : facts.network.routes) {
    const bool is_default = route.to.prefix == 0 && route.to.address.family() == family;
    if (!is_default || route.table != RT_TABLE_MAIN || route.metric > least) continue;
    if (route.interface == facts.interface_name()) continue;
    if (route.metric < least) found.clear();
    least = route.metric;
    found.insert(route.interface);
  }
  return found;
}

/// Where strangers' packets come in; empty: there may be several places.
std::string uplink(const Facts& facts) {
  const auto bound = bound_to(facts);
  std::set<std::string> places(bound.begin(), bound.end());
  if (places.empty()) {
    places = default_ways(facts, Family::v4);
    places.merge(default_ways(facts, Family::v6));
  }
  return places.size() == 1 ? *places.begin() : std::string();
}

/// The datagrams between here and the first address that can be reached; without one, from anywhere.
Imagined datagram_of(const Facts& facts) {
  Imagined datagram{.interface = uplink(facts)};
  const auto& ways = facts.path.ways;
  const auto way = std::ranges::find_if(ways, [](const auto& each) { return each.route.has_value(); });
  if (way != ways.end()) {
    datagram.remote = way->to;
    datagram.interface = way->interface;
  }
  if (facts.status() != nullptr) {
    datagram.local_port = facts.status()->port;
  } else if (facts.config() != nullptr) {
    datagram.local_port = facts.config()->local.listen.port;
  }
  return datagram;
}

}  // namespace

void gather_endpoints(Facts& facts) {
  const auto* const config = facts.config();
  if (config != nullptr) facts.path.endpoints = resolve(*config);
  auto netlink = net::Netlink::open();
  if (!netlink) return;
  const auto mark = config != nullptr ? host::datagram_mark(*config) : std::nullopt;
  for (const auto& each : candidates(facts)) facts.path.ways.push_back(way_to(*netlink, each, mark, facts));
}

void gather_firewall(Facts& facts) {
  auto& firewall = facts.path.firewall;
  firewall.has_legacy_rules = has_legacy_rules();
  if ((facts.host.capabilities & kNetAdmin) == 0) {
    firewall.why_not = "only root may read the firewall's rules";
    return;
  }
  const auto text = output_of({"nft", "--json", "list", "ruleset"}, kRulesPatience);
  if (!text) {
    firewall.why_not = text.error().message;
    return;
  }
  auto datagram = datagram_of(facts);
  try {
    auto rules = nlohmann::json::parse(*text);
    if (has_extensions(rules)) {
      if (const auto listing = output_of({"nft", "--handle", "list", "ruleset"}, kRulesPatience)) {
        spell_out_extensions(rules, *listing);
      }
    }
    firewall.lacks_shield = !has_shield(rules);
    firewall.called = judge_datagram(rules, datagram);
    datagram.established = true;
    firewall.answered = judge_datagram(rules, datagram);
    datagram.established = false;
    datagram.hook = Hook::output;
    firewall.calling = judge_datagram(rules, datagram);
  } catch (const nlohmann::json::exception&) {
    firewall.why_not = "what nft says of the rules was not understood";
  }
}

}  // namespace adit::doctor
