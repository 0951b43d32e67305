// SPDX-License-Identifier: MIT
#include "cli/other_end.h"

#include <algorithm>

#include "cli/tunnel_subnets.h"
#include "config/fields.h"
#include "config/validate.h"
#include "config/wg_quick_routes.h"

namespace adit::cli {
namespace {

using config::Config;

/// As few host bits as a link of two needs: the other address is then no guess.
bool has_room_for_two_only(const IpNetwork& network) {
  return network.prefix + 2u >= network.address.bits();
}

/// A single address that may send to us can only be the other end's own.
std::optional<IpAddress> allowed_address(const Config& ours, const IpNetwork& own) {
  for (const auto& allowed : ours.peer.allowed_ips) {
    const bool is_single = allowed.prefix == allowed.address.bits() && allowed.family() == own.family();
    const bool is_near = own.prefix == own.address.bits() || own.contains(allowed.address);
    if (is_single && is_near && allowed.address != own.address) return allowed.address;
  }
  return std::nullopt;
}

/// The far end's address that goes with ours, as interface.peer_addresses has it.
std::optional<IpAddress> named_address(const Config& ours, const IpNetwork& own) {
  std::size_t before = 0;
  for (const auto& address : ours.interface.addresses) {
    if (address == own) break;
    before += address.family() == own.family() ? 1 : 0;
  }
  for (const auto& address : ours.interface.peer_addresses) {
    if (address.family() == own.family() && before-- == 0) return address;
  }
  return std::nullopt;
}

Result<IpNetwork> address_beside(const Config& ours, const IpNetwork& own, std::vector<std::string>& guesses) {
  auto address = named_address(ours, own);
  if (!address) address = allowed_address(ours, own);
  if (!address) {
    const auto ends = ends_of(own.network());
    if (!ends) {
      return fail("{} does not tell which address the other end has beside {}; name it in interface.peer_addresses",
                  ours.file, to_string(own));
    }
    address = ends->front().address == own.address ? ends->back().address : ends->front().address;
    if (!has_room_for_two_only(own)) {
      guesses.push_back(
          fmt::format("{} is taken for the other end's address; if it is another, name that in "
                      "interface.peer_addresses of {}",
                      to_string(*address), ours.file));
    }
  }
  const auto bits = static_cast<std::uint8_t>(address->bits());
  return IpNetwork{*address, own.contains(*address) ? own.prefix : bits};
}

Result<> add_addresses(const Config& ours, OtherEnd& other) {
  for (const auto& own : ours.interface.addresses) {
    const auto address = address_beside(ours, own, other.guesses);
    if (!address) return std::unexpected(address.error());
    other.config.interface.addresses.push_back(*address);
  }
  return {};
}

/// The other end of the GRE packets is known; which addresses its interface has, only where there is room for two.
Result<> add_cable(const Config& ours, const OtherEndWishes& wishes, OtherEnd& other) {
  if (!wishes.routes.empty()) {
    return fail(
        "--routes: {} carries Ethernet frames (interface.mode: tap), and what is routed over those needs a router's "
        "address; leave it out, and set routes on the hosts that are to have them",
        ours.file);
  }
  auto& interface = other.config.interface;
  interface.mode = config::Mode::tap;
  interface.tap.ours = ours.interface.tap.peers;
  interface.tap.peers = ours.interface.tap.ours;
  other.config.peer.allowed_ips = config::default_allowed_ips(interface, {});
  for (const auto& own : ours.interface.addresses) {
    std::vector<std::string> guesses;
    const auto address = address_beside(ours, own, guesses);
    if (address && guesses.empty()) {
      interface.addresses.push_back(*address);
    } else {
      other.guesses.push_back(
          fmt::format("the other end gets no address beside {}: add one that is free there to its interface for "
                      "frames, or put that into a bridge",
                      to_string(own)));
    }
  }
  if (ours.interface.addresses.empty()) {
    other.guesses.emplace_back(
        "the other end's interface for frames gets no address: put it into a bridge there, or add one of the network "
        "here");
  }
  return {};
}

/// What the other end reaches here: our own subnets, and what it is told is behind us.
Result<> add_routes(const Config& ours, const std::vector<std::string>& wishes, Config& theirs) {
  const auto& addresses = theirs.interface.addresses;
  const auto add = [&](const IpNetwork& network) {
    auto& allowed = theirs.peer.allowed_ips;
    if (std::ranges::find(allowed, network) != allowed.end()) return;
    allowed.push_back(network);
    if (!config::is_within(addresses, network)) theirs.routes.push_back({network, {}, {}, {}});
  };
  for (const auto& own : ours.interface.addresses) add(own.network());
  for (const auto& wish : wishes) {
    if (wish == "default") {
      for (const auto family : {Family::v4, Family::v6}) {
        if (config::has_family(addresses, family)) add({IpAddress::any(family), 0});
      }
      continue;
    }
    const auto subnet = config::parse_subnet(wish);
    if (!subnet) return fail("--routes: {}", subnet.error().message);
    if (!config::has_family(addresses, subnet->family())) {
      return fail("--routes: {} needs an address of its family in interface.addresses of {}", wish, ours.file);
    }
    add(*subnet);
  }
  return {};
}

Result<> add_name_servers(const std::vector<std::string>& wishes, Config& theirs) {
  for (const auto& wish : wishes) {
    const auto server = config::parse_name_server(wish);
    if (!server) return fail("--dns: {}", server.error().message);
    theirs.dns.servers.push_back(*server);
  }
  if (!wishes.empty()) theirs.dns.domains.emplace_back(config::kAllNames);
  return {};
}

/// HOST or HOST:PORT, with `port` where none is given.
Result<config::EndpointName> endpoint_of(const std::string& wish, std::uint16_t port) {
  const bool has_port = wish.starts_with('[') ? !wish.ends_with(']') : wish.contains(':');
  if (!has_port && port == 0) {
    return fail("--endpoint {}: the file has no port in local.listen, so nobody knows where to call; give it one",
                wish);
  }
  auto endpoint = config::parse_endpoint(has_port ? wish : fmt::format("{}:{}", wish, port));
  if (!endpoint) return fail("--endpoint: {}", endpoint.error().message);
  return endpoint;
}

Result<> add_endpoint(const Config& ours, const std::optional<std::string>& wish, OtherEnd& other) {
  const auto& listen = ours.local.listen;
  auto& endpoints = other.config.peer.endpoints;
  if (wish) {
    auto endpoint = endpoint_of(*wish, listen.port);
    if (!endpoint) return std::unexpected(endpoint.error());
    endpoints.push_back(std::move(*endpoint));
  } else if (!listen.address.is_unspecified() && listen.port != 0) {
    endpoints.push_back({to_string(listen.address), listen.port});
    other.guesses.push_back(
        fmt::format("it calls {}, which local.listen names; if that is not how it reaches this host, "
                    "say so with --endpoint",
                    to_string(Endpoint{listen.address, listen.port})));
  } else if (ours.peer.endpoints.empty()) {
    return fail("neither end would know where to call: say with --endpoint HOST where the other end reaches this host");
  }
  return {};
}

}  // namespace

Result<> check(const OtherEndWishes& wishes) {
  for (const auto& route : wishes.routes) {
    if (route == "default") continue;
    if (const auto subnet = config::parse_subnet(route); !subnet) return fail("--routes: {}", subnet.error().message);
  }
  for (const auto& server : wishes.name_servers) {
    if (const auto parsed = config::parse_name_server(server); !parsed)
      return fail("--dns: {}", parsed.error().message);
  }
  if (!wishes.endpoint) return {};
  const auto endpoint = endpoint_of(*wishes.endpoint, 1);
  return endpoint ? Result<>() : std::unexpected(endpoint.error());
}

Result<OtherEnd> other_end(const Config& ours, const OtherEndWishes& wishes) {
  OtherEnd other;
  auto& theirs = other.config;
  theirs.name = ours.name;
  theirs.file = ours.file;
  theirs.interface.name = ours.interface.name;
  theirs.interface.mtu = ours.interface.mtu;
  const bool for_frames = ours.interface.mode == config::Mode::tap;
  if (auto added = for_frames ? add_cable(ours, wishes, other) : add_addresses(ours, other); !added)
    return std::unexpected(added.error());
  // Where we call it is where it has to listen.
  if (!ours.peer.endpoints.empty()) theirs.local.listen.port = ours.peer.endpoints[0].port;
  theirs.peer.public_key = public_key_of(ours.local.private_key);
  theirs.peer.preshared_key = ours.peer.preshared_key.clone();
  theirs.peer.has_preshared_key = ours.peer.has_preshared_key;
  theirs.peer.keepalive = ours.peer.keepalive;
  if (auto added = for_frames ? Result<>() : add_routes(ours, wishes.routes, theirs); !added)
    return std::unexpected(added.error());
  if (auto added = add_name_servers(wishes.name_servers, theirs); !added) return std::unexpected(added.error());
  if (auto added = add_endpoint(ours, wishes.endpoint, other); !added) return std::unexpected(added.error());
  return other;
}

}  // namespace adit::cli
