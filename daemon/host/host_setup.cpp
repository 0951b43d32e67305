// SPDX-License-Identifier: MIT
#include "host/host_setup.h"

#include <net/if.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "base/or_throw.h"
#include "base/paths.h"
#include "host/host_plan.h"

namespace adit::host {
HostSetup::HostSetup(const config::Config& config, const net::TunDevice& device, std::uint32_t mtu,
                     std::optional<InterfacePast> past)
    : config_(config),
      interface_index_(device.index()),
      mtu_(mtu),
      away_(device.is_away()),
      netlink_(or_throw(net::Netlink::open())),
      interface_netlink_(or_throw(device.open_netlink())),
      interface_(interface_netlink_, device.index(), device.name(), std::move(past)),
      policy_(netlink_),
      dropped_before_(dropped_so_far()) {
  if (device.offloads().frames) learnt_.emplace(or_throw(device.open_netlink()));
  left_blocked_ = PolicyRouting::is_blocked(netlink_, number_of(config));
  peers_ = peers_of(config, {});
  // What an earlier run left of the rules is this one's to take away, wherever the interface is.
  const auto done = away_ ? policy_.install(policy_options(config, 0, peers_)) : apply(config, mtu, peers_);
  if (!done && left_blocked_) policy_.leave_blocked();  // whoever was cut off stays so
  or_throw(done);
}

HostSetup::~HostSetup() {
  if (left_blocked_ && policy_.blocks()) policy_.leave_blocked();
}

/// First of all what blocks, and what goes from main into a table of the link's own. An interface that is down gets its
/// routes afterwards.
Result<> HostSetup::apply(const config::Config& config, std::uint32_t mtu, const std::vector<IpAddress>& peers) {
  const auto policy = policy_options(config, interface_index_, peers);
  netlink_.between();
  if (auto done = policy_.install(policy); !done) return done;
  const auto settings = interface_settings(config, mtu, peers);
  netlink_.between();
  if (auto done = interface_.apply(settings); !done) return done;
  if (const auto restored = policy_.restore(); !restored.problem.empty()) return fail("{}", restored.problem);
  return {};
}

Result<> HostSetup::change(const config::Config& config, std::uint32_t mtu) {
  if (away_) return change_from_afar(config);
  auto peers = peers_of(config, peers_);
  if (auto done = apply(config, mtu, peers); !done) {
    std::ignore = apply(config_, mtu_, peers_);  // what was possible before is as good as certain to be possible again
    return done;
  }
  mtu_ = mtu;
  peers_ = std::move(peers);
  return {};
}

void HostSetup::interface_left() {
  interface_.release();
  away_ = true;
  keep_policy(0);
}

/// What of it cannot be had now is left to restore().
void HostSetup::keep_policy(std::uint32_t interface) {
  const auto policy = policy_options(config_, interface, peers_);
  if (!policy_.install(policy)) policy_.expect(policy);
}

Result<> HostSetup::interface_came_back(bool set_up) {
  away_ = false;
  if (!set_up) return {};
  is_bare_ = true;
  const auto restored = restore();
  return restored.problem.empty() ? Result<>() : fail("{}", restored.problem);
}

/// The interface has been elsewhere, and nothing of what it is to have is there.
Result<> HostSetup::dress() {
  peers_ = peers_of(config_, std::move(peers_));
  keep_policy(interface_index_);
  auto done = interface_.apply(interface_settings(config_, mtu_, peers_), true);
  is_bare_ = !interface_.is_applied();
  return done;
}

/// All but what the interface is to have there is done: what blocks here.
Result<> HostSetup::change_from_afar(const config::Config& config) {
  const auto current = interface_settings(config_, mtu_, peers_);
  auto next = interface_settings(config, mtu_, peers_);
  next.mac = current.mac;  // which the device has been given wherever it is
  if (next != current) {
    return fail(
        "the interface was moved to another network namespace: change its addresses, routes and MTU there, or restart "
        "the link to have it here again");
  }
  return policy_.install(policy_options(config, 0, peers_));
}

/// Those of `config`'s endpoints that its routes lead into the tunnel, as far as the file tells, and those of `known`.
/// Not those in a network that this host is in: a route to that is left out (InterfaceSetup), and leads nobody astray.
std::vector<IpAddress> HostSetup::peers_of(const config::Config& config, std::vector<IpAddress> known) {
  for (const auto& peer : literal_endpoints(config)) {
    if (std::ranges::find(known, peer) == known.end()) known.push_back(peer);
  }
  std::erase_if(known, [&](const IpAddress& peer) { return !is_routed(config, peer) || is_neighbour(config, peer); });
  return known;
}

bool HostSetup::is_neighbour(const config::Config& config, const IpAddress& peer) {
  const auto neighbours = list_neighbours(netlink_, interface_index_);
  return neighbours && std::ranges::any_of(config.routes, [&](const config::Route& route) {
           return route.to.contains(peer) && neighbours->contains(route.to) && !route.metric;
         });
}

Result<bool> HostSetup::spare(const IpAddress& peer) {
  const bool known = std::ranges::find(peers_, peer) != peers_.end();
  if (away_ || known || !is_routed(config_, peer) || is_neighbour(config_, peer)) return false;
  auto peers = peers_;
  peers.push_back(peer);
  if (auto done = apply(config_, mtu_, peers); !done) {
    std::ignore = apply(config_, mtu_, peers_);
    return std::unexpected(done.error());
  }
  peers_ = std::move(peers);
  return true;
}

std::uint32_t HostSetup::mark() const {
  return datagram_mark(config_).value_or(peers_.empty() ? 0 : number_of(config_));
}

void HostSetup::let_go() {
  left_blocked_ = kill_switch(config_) == config::KillSwitch::always;
}

Restored HostSetup::restore() {
  if (away_) return policy_.restore();
  const auto dressed = is_bare_ ? dress() : Result<>();
  auto restored = policy_.restore();
  const bool again = !std::exchange(restored.problem, {}).empty();
  restored.add(interface_.restore(hook_runs_ && hook_runs_()));
  if (again) restored.add(policy_.restore());  // now with the interface as it is to be
  restored.note(dressed);
  return restored;
}

Result<> HostSetup::set_mtu(std::uint32_t mtu) {
  auto done = interface_.set_mtu(mtu);
  if (done) mtu_ = mtu;
  return done;
}

Restored HostSetup::restore_link() {
  return away_ ? Restored() : interface_.restore_link();
}

std::optional<std::uint32_t> HostSetup::accept_mtu() {
  const auto link = net::get_link(interface_netlink_, interface_index_);
  if (!link) return std::nullopt;
  interface_.accept_link(*link);
  mtu_ = link->mtu;
  return mtu_;
}

std::uint64_t HostSetup::look_at_dropped() {
  const auto total = dropped_so_far();
  return total - std::min(dropped_before_, total);
}

std::uint64_t HostSetup::dropped_so_far() {
  if (away_) return 0;
  const auto link = net::get_link(interface_netlink_, interface_index_);
  return link ? link->dropped_out : 0;
}

std::optional<std::uint32_t> HostSetup::look_at_learnt() {
  if (away_ || !learnt_) return std::nullopt;
  const auto link = net::get_link(interface_netlink_, interface_index_);
  return link && link->bridge != 0 ? learnt_->count(interface_index_) : std::nullopt;
}

std::string HostSetup::routed_bridge() {
  const auto addresses = net::list_addresses(netlink_, 0);
  if (!addresses) return {};
  for (const auto& found : *addresses) {
    if (found.address.network.address.is_link_local()) continue;  // every bridge that is up has one of IPv6
    const auto state = net::get_bridge_state(netlink_, found.interface);
    std::array<char, IF_NAMESIZE> name{};
    if (!state || !state->is_bridge || if_indextoname(found.interface, name.data()) == nullptr) continue;
    if (config_.interface.tap.bridge != name.data()) return name.data();
  }
  return {};
}

std::string HostSetup::why_no_peer(const IpAddress& address) {
  if (address.is_unspecified() || address == IpAddress::v4(std::array<std::uint8_t, 4>{255, 255, 255, 255})) {
    return "that is no host's address";
  }
  if (address.is_multicast()) return "that is a group, not a host";
  if (address.is_loopback()) return "that is this host itself; write it as an address if it is meant";
  const auto& inner = config_.interface.addresses;
  if (std::ranges::any_of(inner, [&](const IpNetwork& network) { return network.contains(address); })) {
    return "that is inside the tunnel; the name has to be that of the peer's address outside";
  }
  const auto addresses = net::list_addresses(netlink_, 0);
  const auto is_it = [&](const net::FoundAddress& found) { return found.address.network.address == address; };
  if (addresses && std::ranges::any_of(*addresses, is_it)) return "that is one of this host's own";
  return {};
}

bool HostSetup::is_reached_at(const Path& path) {
  if (path.local.is_none()) return true;
  if (path.interface != 0) {
    const auto link = net::get_link(netlink_, path.interface);
    if (!link || !link->running) return false;
  }
  const auto addresses = net::list_addresses(netlink_, 0);
  const auto is_it = [&](const net::FoundAddress& found) { return found.address.network.address == path.local; };
  return !addresses || std::ranges::any_of(*addresses, is_it);
}

Result<net::RouteInfo> HostSetup::route_to(const Endpoint& peer) {
  const auto mark = this->mark();
  const auto& device = config_.local.device;
  const auto bound = device ? if_nametoindex(device->c_str()) : 0;
  return net::route_to(netlink_, peer.address, mark == 0 ? std::nullopt : std::optional(mark),
                       peer.scope != 0 ? peer.scope : bound);
}

bool HostSetup::has_route_at(const net::RoutePlace& place) const {
  return !away_ && (place.table == number_of(config_) || interface_.has_route_at(place));
}

Bypasses HostSetup::find_bypasses() {
  const auto& options = policy_.installed();
  return options ? host::find_bypasses(netlink_, *options, run_directory() / ".numbers") : Bypasses();
}

std::vector<net::RouteSpec> HostSetup::routes() const {
  auto routes = away_ ? std::vector<net::RouteSpec>() : interface_.routes();
  const auto options = policy_options(config_, interface_index_, peers_);
  const auto add = [&](const IpNetwork& to) { routes.push_back({.to = to, .table = options.number}); };
  for (const auto& network : options.spared) add(network);
  for (const auto family : options.families) add({IpAddress::any(family), 0});
  return routes;
}

}  // namespace adit::host
