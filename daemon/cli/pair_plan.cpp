// SPDX-License-Identifier: MIT
#include "cli/pair_plan.h"

#include <algorithm>
#include <utility>

#include "cli/tunnel_subnets.h"
#include "config/fields.h"
#include "config/validate.h"

namespace adit::cli {
namespace {

constexpr std::string_view kNat = "-";

/// NAME=REST
Result<std::pair<std::string_view, std::string_view>> split_name(std::string_view text, std::string_view form) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return fail("\"{}\" has no '='; write {}", text, form);
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

Result<> add_behind(std::array<PairEnd, 2>& ends, std::string_view text) {
  const auto parts = split_name(text, "--routes NAME=NET,NET");
  if (!parts) return std::unexpected(parts.error());
  auto [name, nets] = *parts;
  const auto end = std::ranges::find(ends, name, &PairEnd::name);
  if (end == ends.end())
    return fail("--routes: there is no host \"{}\" in this pair; it joins {} and {}", name, ends[0].name, ends[1].name);
  for (bool more = true; more;) {
    const auto comma = nets.find(',');
    const auto net = nets.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) nets.remove_prefix(comma + 1);
    if (net == "default") {
      end->is_exit = true;
      continue;
    }
    const auto subnet = config::parse_subnet(net);
    if (!subnet) return fail("--routes: {}", subnet.error().message);
    if (std::ranges::find(end->behind, *subnet) == end->behind.end()) end->behind.push_back(*subnet);
  }
  return {};
}

Result<> add_bridge(std::array<PairEnd, 2>& ends, std::string_view text) {
  const auto parts = split_name(text, "--bridge NAME=BRIDGE");
  if (!parts) return std::unexpected(parts.error());
  const auto [name, bridge] = *parts;
  const auto end = std::ranges::find(ends, name, &PairEnd::name);
  if (end == ends.end())
    return fail("--bridge: there is no host \"{}\" in this pair; it joins {} and {}", name, ends[0].name, ends[1].name);
  if (!end->bridge.empty())
    return fail("--bridge: {} is in {} already; an interface is in one bridge", name, end->bridge);
  auto device = config::parse_device(bridge);
  if (!device) return fail("--bridge: {}", device.error().message);
  end->bridge = std::move(*device);
  return {};
}

/// What goes with Ethernet frames, and what does not.
Result<> check_frames(const PairWords& words, const PairRequest& request) {
  if (!request.frames) {
    if (!words.bridges.empty()) return fail("--bridge: only interfaces for Ethernet frames go into bridges; add --tap");
    return {};
  }
  if (!words.routes.empty()) {
    return fail(
        "--routes does not go with --tap: an Ethernet cable makes one network of two, and what is routed over it needs "
        "a router's address there; leave it out, and set routes on the hosts that are to have them");
  }
  const auto bridged = std::ranges::find_if(request.ends, [](const auto& end) { return !end.bridge.empty(); });
  if (bridged != request.ends.end() && !words.tunnels.empty()) {
    return fail(
        "--tunnel does not go with --bridge: behind {} there are addresses already; leave it out, and give {} one of "
        "those where it is in no bridge",
        bridged->bridge, request.ends[bridged == request.ends.begin() ? 1 : 0].name);
  }
  return {};
}

/// What the reader could not tell from one file alone.
Result<> check(const PairRequest& request) {
  const auto& [a, b] = request.ends;
  if (a.name == b.name) return fail("both hosts are named \"{}\"; give them different names", a.name);
  if (!a.host && !b.host)
    return fail("one host must be reachable: both are `-`, behind NAT, so neither could call the other");
  if (a.is_exit && b.is_exit) return fail("--routes: default cannot be behind both hosts; packets would go in circles");
  if (a.host && a.host == b.host && a.port == b.port && a.port) {
    return fail("{} and {} are both {}:{}; two links of one host need two ports: give them as NAME=HOST:PORT", a.name,
                b.name, *a.host, *a.port);
  }
  for (const auto& end : request.ends) {
    const auto address = IpAddress::parse(end.host.value_or(""));
    if (!address) continue;
    for (const auto& subnet : end.behind) {
      if (subnet.prefix == 0 || !subnet.contains(*address)) continue;
      return fail(
          "--routes: {} behind {} holds {}, where {} itself is reached: the encrypted packets would go into the "
          "tunnel; name smaller subnets, or `default`, which leaves it out",
          to_string(subnet), end.name, to_string(*address), end.name);
    }
  }
  for (const auto& ours : a.behind) {
    for (const auto& theirs : b.behind) {
      if (!ours.overlaps(theirs)) continue;
      return fail("--routes: {} behind {} overlaps {} behind {}; nobody could tell where packets should go",
                  to_string(ours), a.name, to_string(theirs), b.name);
    }
  }
  for (auto later = request.tunnels.begin(); later != request.tunnels.end(); ++later) {
    const auto earlier =
        std::find_if(request.tunnels.begin(), later, [&](const auto& net) { return net.overlaps(*later); });
    if (earlier != later)
      return fail("--tunnel: {} overlaps {}; give each subnet once", to_string(*later), to_string(*earlier));
  }
  return {};
}

Result<std::vector<IpNetwork>> pick_tunnels(const PairRequest& request, std::vector<IpNetwork> taken,
                                            RandomSource& random) {
  for (const auto& end : request.ends) {
    taken.insert(taken.end(), end.behind.begin(), end.behind.end());
    if (const auto address = IpAddress::parse(end.host.value_or(""))) {
      taken.push_back({*address, static_cast<std::uint8_t>(address->bits())});
    }
  }
  const auto v4 = pick_ipv4_subnet(random, taken);
  if (!v4) return std::unexpected(v4.error());
  return std::vector{*v4, pick_ipv6_subnet(random)};
}

/// The subnets that both ends have an address of.
Result<std::vector<IpNetwork>> tunnels_of(const PairRequest& request, std::vector<IpNetwork> taken,
                                          RandomSource& random) {
  // Who is in a bridge, or reaches one, is in the network behind it.
  if (std::ranges::any_of(request.ends, [](const auto& end) { return !end.bridge.empty(); })) return {};
  if (!request.tunnels.empty()) return request.tunnels;
  return pick_tunnels(request, std::move(taken), random);
}

/// The routes one end gets to what is behind the other.
Result<std::vector<config::Route>> routes_to(const PairEnd& other, const std::vector<IpNetwork>& tunnels) {
  std::vector<config::Route> routes;
  for (const auto& subnet : other.behind) {
    if (std::ranges::find(tunnels, subnet.family(), &IpNetwork::family) == tunnels.end()) {
      return fail("--routes: {} needs a --tunnel of the same family, which is missing", to_string(subnet));
    }
    routes.push_back({subnet, {}, {}, {}});
  }
  for (const auto family : {Family::v4, Family::v6}) {
    const bool tunnelled = std::ranges::find(tunnels, family, &IpNetwork::family) != tunnels.end();
    const config::Route all{{IpAddress::any(family), 0}, {}, {}, {}};
    if (other.is_exit && tunnelled && std::ranges::find(routes, all) == routes.end()) routes.push_back(all);
  }
  return routes;
}

}  // namespace

Result<PairEnd> parse_end(std::string_view text) {
  const auto parts = split_name(text, "NAME=HOST or NAME=HOST:PORT");
  if (!parts) return std::unexpected(parts.error());
  const auto [name, host] = *parts;
  if (const auto valid = config::check_name(name); !valid) return std::unexpected(valid.error());
  PairEnd end;
  end.name = name;
  if (host == kNat) return end;
  if (std::ranges::count(host, ':') > 1 && !host.starts_with('[')) {
    return fail("{}: \"{}\" needs brackets around the IPv6 address: {}=[ADDR6]:PORT", name, host, name);
  }
  // With a port, the last colon stands behind the brackets, if there are any.
  const auto colon = host.rfind(':');
  const bool has_port = colon != std::string_view::npos && (!host.starts_with('[') || host[colon - 1] == ']');
  if (has_port && host.substr(0, colon) == kNat) {
    const auto port = config::parse_port(host.substr(colon + 1));
    if (!port) return fail("{}: {}", name, port.error().message);
    end.port = *port;
    return end;
  }
  const auto endpoint = config::parse_endpoint(has_port ? std::string(host) : fmt::format("{}:{}", host, kDefaultPort));
  if (!endpoint) return fail("{}: {}", name, endpoint.error().message);
  end.has_usual_port = !has_port;
  end.host = endpoint->host;
  end.port = endpoint->port;
  return end;
}

Result<PairRequest> parse_request(const PairWords& words) {
  PairRequest request;
  request.frames = words.frames;
  for (std::size_t i = 0; i < words.ends.size(); ++i) {
    auto end = parse_end(words.ends[i]);
    if (!end) return std::unexpected(end.error());
    request.ends[i] = std::move(*end);
  }
  auto& [first, second] = request.ends;
  if (first.host && first.host == second.host && first.port == second.port) {
    if (second.has_usual_port)
      second.port = static_cast<std::uint16_t>(*first.port + 1);
    else if (first.has_usual_port)
      first.port = static_cast<std::uint16_t>(*second.port - 1);
  }
  for (const auto& text : words.tunnels) {
    const auto subnet = config::parse_subnet(text);
    if (!subnet) return fail("--tunnel: {}", subnet.error().message);
    const auto hosts = ends_of(*subnet);
    if (!hosts) return fail("--tunnel: {}", hosts.error().message);
    for (const auto& host : *hosts) {
      if (auto valid = config::parse_interface_address(to_string(host)); !valid)
        return fail("--tunnel: {}", valid.error().message);
    }
    request.tunnels.push_back(*subnet);
  }
  for (const auto& text : words.routes) {
    if (const auto added = add_behind(request.ends, text); !added) return std::unexpected(added.error());
  }
  for (const auto& text : words.bridges) {
    if (const auto added = add_bridge(request.ends, text); !added) return std::unexpected(added.error());
  }
  if (const auto valid = check_frames(words, request); !valid) return std::unexpected(valid.error());
  if (const auto valid = check(request); !valid) return std::unexpected(valid.error());
  return request;
}

Result<std::array<config::Config, 2>> plan(const PairRequest& request, std::vector<IpNetwork> taken,
                                           RandomSource& random) {
  const auto tunnels = tunnels_of(request, std::move(taken), random);
  if (!tunnels) return std::unexpected(tunnels.error());
  std::array<config::Config, 2> configs;
  const auto preshared_key = crypto::generate_preshared_key(random);
  for (auto& config : configs) config.local.private_key = crypto::generate_private_key(random);
  for (std::size_t i = 0; i < configs.size(); ++i) {
    auto& config = configs[i];
    const auto& ours = request.ends[i];
    const auto& theirs = request.ends[1 - i];
    config.name = ours.name;
    config.interface.name = config::interface_name_for(ours.name);
    if (request.frames) config.interface.mode = config::Mode::tap;
    config.interface.tap.bridge = ours.bridge;
    for (const auto& tunnel : *tunnels) {
      const auto ends = ends_of(tunnel);
      if (!ends) return std::unexpected(ends.error());
      config.interface.addresses.push_back((*ends)[i]);
    }
    config.local.listen.port = ours.port.value_or(0);
    config.peer.public_key = crypto::public_key_of(configs[1 - i].local.private_key);
    config.peer.preshared_key = preshared_key.clone();
    config.peer.has_preshared_key = true;
    if (theirs.host) config.peer.endpoints.push_back({*theirs.host, theirs.port.value_or(kDefaultPort)});
    auto routes = routes_to(theirs, *tunnels);
    if (!routes) return std::unexpected(routes.error());
    config.routes = std::move(*routes);
    config.peer.allowed_ips = config::default_allowed_ips(config.interface, config.routes);
  }
  return configs;
}

}  // namespace adit::cli
