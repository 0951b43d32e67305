// SPDX-License-Identifier: MIT
// Every change is a step from what is there to what is wanted, taken in the kernel's order: link, addresses, up,
// routes; and what is no longer wanted goes first. `added_` is kept true after each single step, so a failure half
// way knows what to take back.
#include "host/interface_setup.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

namespace adit::host {
namespace {

/// So many routes are asked for one by one, which takes a millisecond, whatever else is in the tables.
constexpr std::size_t kFewRoutes = 64;

/// What the kernel gives a TUN (TUN_READQ_SIZE): a sign that nobody has chosen.
constexpr std::uint32_t kKernelQueueLength = 500;

std::uint32_t queue_length_of(const InterfaceSettings& wanted, std::uint32_t before) {
  return wanted.queue_length.value_or(before == kKernelQueueLength ? kQueueLength : before);
}

template <class T>
bool contains(const std::vector<T>& all, const T& one) {
  return std::ranges::find(all, one) != all.end();
}

template <class T>
void add_once(std::vector<T>& all, const T& one) {
  if (!contains(all, one)) all.push_back(one);
}

bool is_there(const std::vector<net::FoundAddress>& there, const net::InterfaceAddress& address) {
  return std::ranges::find(there, address, &net::FoundAddress::address) != there.end();
}

/// A destination, metric and table, of which there can be one route: as the kernel spells it out.
net::RouteSpec place_of(const net::RouteSpec& route) {
  return {.to = route.to, .metric = net::metric_of(route), .table = net::table_of(route), .source = {}};
}

bool is_gone_already(const net::NetlinkError& error) {
  return error.code == ESRCH || error.code == ENOENT || error.code == ENODEV || error.code == EADDRNOTAVAIL;
}

std::string name_of_interface(net::Netlink& netlink, std::uint32_t index) {
  const auto link = net::get_link(netlink, index);
  return link ? link->name : "an interface that is gone";
}

std::unexpected<Error> address_failure(const std::string& name, const net::InterfaceAddress& address,
                                       const net::NetlinkError& error) {
  const bool no_ipv6 = error.code == EACCES || error.code == EOPNOTSUPP || error.code == EAFNOSUPPORT;
  if (address.network.address.is_v6() && no_ipv6) {
    return fail(
        "{} cannot have the address {}: IPv6 is switched off there or on this host; set the sysctls "
        "net.ipv6.conf.all.disable_ipv6, net.ipv6.conf.default.disable_ipv6 and net.ipv6.conf.{}.disable_ipv6 to 0, or "
        "remove the IPv6 addresses from interface.addresses",
        name, to_string(address.network), name);
  }
  return fail("cannot give {} the address {}: {}", name, to_string(address), net::describe(error));
}

std::unexpected<Error> no_bridge(const std::string& name) {
  return fail(
      "there is no interface {0}: make that bridge first (`ip link add {0} type bridge`), or correct interface.bridge",
      name);
}

std::unexpected<Error> route_failure(const std::string& name, const net::RouteSpec& route,
                                     const net::NetlinkError& error) {
  const auto* mend = route.source && error.code == EINVAL ? "; its source must be one of interface.addresses" : "";
  return fail("cannot add the route {} through {}: {}{}", to_string(route), name, net::describe(error), mend);
}

}  // namespace

net::NetlinkResult<std::map<IpNetwork, std::uint32_t>> list_neighbours(net::Netlink& netlink, std::uint32_t but) {
  const auto addresses = net::list_addresses(netlink, 0);
  if (!addresses) return std::unexpected(addresses.error());
  std::map<std::uint32_t, bool> is_up;
  std::map<IpNetwork, std::uint32_t> neighbours;
  for (const auto& found : *addresses) {
    if (found.interface == but) continue;
    const auto [known, is_new] = is_up.try_emplace(found.interface);
    if (is_new) {
      const auto link = net::get_link(netlink, found.interface);
      known->second = link && link->up;
    }
    if (known->second) neighbours.emplace(found.address.network.network(), found.interface);
  }
  return neighbours;
}

InterfaceSetup::InterfaceSetup(net::Netlink& netlink, std::uint32_t index, std::string name,
                               std::optional<InterfacePast> past)
    : netlink_(netlink),
      index_(index),
      name_(std::move(name)),
      bridge_(past ? past->bridge : 0),
      goes_on_(past.has_value()) {
  if (past) before_ = std::move(past->before);
}

InterfaceSetup::~InterfaceSetup() {
  remove();
}

Result<> InterfaceSetup::apply(const InterfaceSettings& wanted, bool in_part) {
  const bool first = !active_;
  if (first && !before_) {
    auto link = net::get_link(netlink_, index_);
    if (!link) return fail("cannot look at the interface {}: {}", name_, net::describe(link.error()));
    before_ = std::move(*link);
  }
  active_ = true;
  goes_on_ = goes_on_ && first;
  auto done = first ? adopt_leftovers(wanted) : Result<>();
  // Whoever makes it may be at work beside us, as at boot; one that we were in is waited for in any case.
  const bool may_wait = first || wanted.bridge == applied_.bridge;
  lacks_bridge_ = may_wait && !wanted.bridge.empty() && !net::find_link(netlink_, wanted.bridge);
  auto now = wanted;
  if (lacks_bridge_) now.bridge.clear();
  if (done || in_part) done = change(now, in_part);
  if (done || in_part) {
    applied_ = wanted;
    places_.clear();
    for (const auto& route : wanted.routes) places_.push_back({route.to, net::table_of(route)});
    std::ranges::sort(places_);
  } else if (first) {
    remove();
  } else {
    // What was possible before is as good as certain to be possible again.
    std::ignore = change(InterfaceSettings(applied_), true);
  }
  return done;
}

Result<> InterfaceSetup::set_mtu(std::uint32_t mtu) {
  if (auto done = net::change_link(netlink_, index_, {.mtu = mtu}); !done) {
    return fail("cannot set the MTU of {} to {}: {}", name_, mtu, net::describe(done.error()));
  }
  applied_.mtu = mtu;
  return {};
}

Restored InterfaceSetup::restore(bool forgo) {
  Restored restored;
  if (!active_) return restored;
  const auto link = net::get_link(netlink_, index_);
  if (!link && link.error().code == ENODEV) return restored;  // it goes, or is moved, just now
  if (!link) {
    restored.note(fail("cannot look at the interface {}: {}", name_, net::describe(link.error())));
    return restored;
  }
  restored.up = link->up;
  if (!link->up) return restored;  // whoever took it down may want it so; routes need it up
  restored.add(restore_link());
  forgoes_ = forgo;
  const auto done = add_missing(applied_);
  forgoes_ = false;
  restored.add({.what = std::exchange(restored_, {}), .problem = {}});
  restored.note(done);
  return restored;
}

Restored InterfaceSetup::restore_link() {
  Restored restored;
  const auto link = net::get_link(netlink_, index_);
  if (!active_ || !link) return restored;  // it goes, or is moved, just now
  auto& what = restored.what;
  const auto queue_length = applied_.queue_length.value_or(link->queue_length);
  if (link->mtu != applied_.mtu) what.push_back(fmt::format("its MTU {}", applied_.mtu));
  if (link->queue_length != queue_length) what.push_back(fmt::format("its queue length {}", queue_length));
  if (link->multicast != applied_.multicast) {
    what.push_back(applied_.multicast ? "its multicast flag" : "that it is without multicast");
  }
  std::uint32_t place = 0;
  if (!applied_.bridge.empty()) {
    const auto bridge = net::find_link(netlink_, applied_.bridge);
    lacks_bridge_ = !bridge;
    if (!bridge) restored.note(no_bridge(applied_.bridge));
    if (bridge && *bridge != link->bridge) what.push_back(fmt::format("that it is in {}", applied_.bridge));
    place = bridge.value_or(0);
  }
  // What somebody put into a bond has the bond's.
  const bool in_place = link->bridge == 0 || link->bridge == place;
  const auto mac = in_place && link->mac != applied_.mac ? applied_.mac : std::nullopt;
  if (mac) what.push_back("its MAC address " + to_string(*mac));
  if (what.empty()) return restored;
  if (auto done = change_link_to(applied_, mac); !done) return {.what = {}, .problem = done.error().message};
  return restored;
}

bool InterfaceSetup::has_route_at(const net::RoutePlace& place) const {
  return std::ranges::binary_search(places_, place);
}

void InterfaceSetup::accept_link(const net::LinkState& link) {
  applied_.mtu = link.mtu;
  applied_.multicast = link.multicast;
}

void InterfaceSetup::forgo_missing_addresses() {
  const auto there = active_ ? net::list_addresses(netlink_, index_) : std::vector<net::FoundAddress>();
  if (!there) return;
  for (const auto& address : applied_.addresses) {
    if (!is_there(*there, address)) forgo(address);
  }
}

void InterfaceSetup::forgo(const net::InterfaceAddress& address) {
  add_once(forgone_, address);
  std::erase(added_.addresses, address);
}

Result<> InterfaceSetup::rename(const std::string& name) {
  auto done = net::change_link(netlink_, index_, {.name = name});
  if (!done && done.error().code == EBUSY) {  // an older kernel, which renames only what is down
    std::ignore = net::change_link(netlink_, index_, {.up = false});
    done = net::change_link(netlink_, index_, {.name = name});
    if (auto restored = add_missing(applied_); !restored) return restored;
  }
  if (!done) {
    const auto* const mend = done.error().code == EEXIST ? "; choose another interface.name" : "";
    return fail("cannot rename the interface {} to {}: {}{}", name_, name, net::describe(done.error()), mend);
  }
  name_ = name;
  return {};
}

void InterfaceSetup::remove() {
  if (!active_) return;
  std::ignore = remove_unwanted({});
  // A persistent interface outlives us, and is to be as it was.
  const net::LinkChange back{
      .mtu = before_->mtu, .queue_length = before_->queue_length, .up = before_->up, .multicast = before_->multicast};
  std::ignore = net::change_link(netlink_, index_, back);
  std::ignore = net::change_link(netlink_, index_, {.address_generation = before_->address_generation});
  std::ignore = leave_bridge();
  active_ = false;
  before_.reset();
  applied_ = {};
  places_.clear();
  added_ = {};
}

/// What a killed run left on a persistent interface counts as added by us, so that it goes when it is not wanted.
/// (Before Linux 5.18 addresses keep no tag: those stay.)
Result<> InterfaceSetup::adopt_leftovers(const InterfaceSettings& wanted) {
  const auto addresses = net::list_addresses(netlink_, index_);
  if (!addresses) return fail("cannot list the addresses of {}: {}", name_, net::describe(addresses.error()));
  for (const auto& found : *addresses) {
    if (found.ours) added_.addresses.push_back(found.address);
  }
  // The kernel spells out metric and table where the configuration may leave them out.
  std::map<net::RouteSpec, const net::RouteSpec*> wanted_at;
  for (const auto& route : wanted.routes) wanted_at.emplace(place_of(route), &route);
  for (const auto family : {Family::v4, Family::v6}) {
    const auto routes =
        net::list_routes(netlink_, {.family = family, .interface = index_, .protocol = net::kAditProtocol});
    if (!routes) return fail("cannot list the routes through {}: {}", name_, net::describe(routes.error()));
    for (const auto& found : *routes) {
      const auto same = wanted_at.find(place_of(found.route));
      const bool is_wanted = same != wanted_at.end() && same->second->source == found.route.source;
      added_.routes.insert(is_wanted ? *same->second : found.route);
    }
  }
  return {};
}

/// `in_part`: a step that fails keeps none of the others away.
Result<> InterfaceSetup::change(const InterfaceSettings& wanted, bool in_part) {
  Restored changed;
  changed.note(remove_unwanted(wanted));
  if (changed.problem.empty() || in_part) changed.note(change_link_to(wanted));
  if (changed.problem.empty() || in_part) changed.note(add_missing(wanted));
  return changed.problem.empty() ? Result<>() : fail("{}", changed.problem);
}

Result<> InterfaceSetup::change_link_to(const InterfaceSettings& wanted, const std::optional<MacAddress>& mac) {
  // No link-local address of the kernel's making: nobody on the other side could use it, and packets from it would
  // only be refused as not allowed. In a message of its own, as it must not fail the rest, and before `up`.
  if (before_->address_generation) {
    const auto mode = wanted.has_neighbours ? IN6_ADDR_GEN_MODE_EUI64 : IN6_ADDR_GEN_MODE_NONE;
    std::ignore = net::change_link(netlink_, index_, {.address_generation = static_cast<std::uint8_t>(mode)});
  }
  const net::LinkChange change{.mtu = wanted.mtu,
                               .queue_length = queue_length_of(wanted, before_->queue_length),
                               .multicast = wanted.multicast,
                               .mac = mac};
  if (auto done = net::change_link(netlink_, index_, change); !done) {
    return fail("cannot set up the interface {} (mtu {}): {}", name_, wanted.mtu, net::describe(done.error()));
  }
  return put_into_bridge(wanted.bridge);
}

/// One that another configuration named is left, but not one that somebody else chose.
Result<> InterfaceSetup::put_into_bridge(const std::string& name) {
  if (name.empty()) return leave_bridge();
  const auto wanted = net::find_link(netlink_, name);
  if (!wanted) return no_bridge(name);
  const auto link = net::get_link(netlink_, index_);
  const bool is_in = link && link->bridge == *wanted;
  const auto done = is_in ? net::NetlinkResult<>() : net::change_link(netlink_, index_, {.bridge = *wanted});
  if (!done) {
    return fail("cannot put {} into {}: {}; is that a bridge (interface.bridge)?", name_, name,
                net::describe(done.error()));
  }
  bridge_ = before_->bridge == *wanted ? 0 : *wanted;
  return {};
}

/// For the one that it was in before, if that is still there.
Result<> InterfaceSetup::leave_bridge() {
  const auto ours = std::exchange(bridge_, 0);
  const auto link = ours == 0 ? net::LinkState() : net::get_link(netlink_, index_);
  if (ours == 0 || !link || link->bridge != ours) return {};
  if (before_->bridge != 0 && net::change_link(netlink_, index_, {.bridge = before_->bridge})) return {};
  if (auto done = net::change_link(netlink_, index_, {.bridge = 0}); !done) {
    bridge_ = ours;
    return fail("cannot take {} out of its bridge: {}", name_, net::describe(done.error()));
  }
  return {};
}

Result<> InterfaceSetup::remove_unwanted(const InterfaceSettings& wanted) {
  // One that refuses to go stays in added_, is reported, and does not keep the others.
  Result<> result;
  const std::set<net::RouteSpec> kept(wanted.routes.begin(), wanted.routes.end());
  netlink_.between();
  std::vector<net::RouteSpec> unwanted;
  std::ranges::set_difference(added_.routes, kept, std::back_inserter(unwanted));
  const auto removed = [&](const net::RouteSpec& route, const net::NetlinkError& error) {
    if (error.code == 0 || is_gone_already(error)) {
      added_.routes.erase(route);
    } else {
      result = fail("cannot remove the route {}: {}", to_string(route), net::describe(error));
    }
  };
  const auto all = net::change_routes(netlink_, net::RouteChange::remove, index_, unwanted, removed);
  if (!all) result = fail("cannot remove routes through {}: {}", name_, net::describe(all.error()));
  std::erase_if(forgone_, [&](const net::InterfaceAddress& address) { return !contains(wanted.addresses, address); });
  std::erase_if(added_.addresses, [&](const net::InterfaceAddress& address) {
    if (contains(wanted.addresses, address)) return false;
    auto done = net::remove_address(netlink_, index_, address);
    if (done || is_gone_already(done.error())) return true;
    result = fail("cannot take the address {} from {}: {}", to_string(address), name_, net::describe(done.error()));
    return false;
  });
  return result;
}

/// One that cannot be had does not keep the others away; the first such is the error.
Result<> InterfaceSetup::add_missing(const InterfaceSettings& wanted) {
  // Removing an address may have taken others of its subnet along, so look at what is there now.
  restored_.clear();
  conflicts_.clear();
  const auto there = net::list_addresses(netlink_, index_);
  if (!there) return fail("cannot list the addresses of {}: {}", name_, net::describe(there.error()));
  Result<> result;
  for (const auto& address : wanted.addresses) {
    if (auto done = add_missing_address(address, *there); !done && result) result = done;
  }
  if (auto done = net::change_link(netlink_, index_, {.up = true}); !done) {
    return fail("cannot bring the interface {} up: {}", name_, net::describe(done.error()));
  }
  if (auto done = add_missing_routes(wanted.routes); !done && result) result = done;
  std::ranges::sort(conflicts_);
  return result;
}

Result<> InterfaceSetup::add_missing_routes(const std::vector<net::RouteSpec>& wanted) {
  const auto neighbours = list_neighbours(netlink_, index_);
  if (!neighbours) return fail("cannot list this host's networks: {}", net::describe(neighbours.error()));
  std::vector<net::RouteSpec> unknown;
  for (const auto& route : wanted) {
    if (leave_to_neighbour(route, *neighbours)) continue;
    const auto found = wanted.size() <= kFewRoutes ? net::find_route(netlink_, route) : std::nullopt;
    if (found) {
      note_conflict(route, *found);
    } else {
      unknown.push_back(route);
    }
  }
  if (unknown.empty()) return {};
  const auto missing = find_missing(unknown);
  if (!missing) return std::unexpected(missing.error());
  return add_routes(*missing);
}

/// What is there through this interface needs no message of its own: there may be thousands.
Result<std::vector<net::RouteSpec>> InterfaceSetup::find_missing(const std::vector<net::RouteSpec>& wanted) {
  std::set<std::pair<Family, std::uint32_t>> tables;
  for (const auto& route : wanted) tables.emplace(route.to.family(), net::table_of(route));
  std::map<net::RouteSpec, std::optional<IpAddress>> there;  // place → source
  for (const auto& [family, table] : tables) {
    const auto routes = net::list_routes(netlink_, {.family = family, .table = table, .interface = index_});
    if (!routes) return fail("cannot list the routes through {}: {}", name_, net::describe(routes.error()));
    for (const auto& found : *routes) there.emplace(place_of(found.route), found.route.source);
  }
  netlink_.between();
  std::vector<net::RouteSpec> missing;
  std::ranges::copy_if(wanted, std::back_inserter(missing), [&](const net::RouteSpec& route) {
    const auto same = there.find(place_of(route));
    return same == there.end() || (route.source && route.source != same->second);
  });
  netlink_.between();
  return missing;
}

Result<> InterfaceSetup::add_routes(const std::vector<net::RouteSpec>& missing) {
  Result<> result;
  std::vector<net::RouteSpec> occupied;
  const auto done = [&](const net::RouteSpec& route, const net::NetlinkError& error) {
    if (error.code == 0) {
      added_.routes.insert(route);
      restored_.push_back("the route " + to_string(route));
    } else if (error.code == EEXIST) {
      occupied.push_back(route);
    } else if (result) {
      result = route_failure(name_, route, error);
    }
  };
  const auto all = net::change_routes(netlink_, net::RouteChange::add, index_, missing, done);
  if (!all) return fail("cannot add routes through {}: {}", name_, net::describe(all.error()));
  netlink_.between();
  if (auto noted = note_conflicts(occupied); !noted) return noted;
  return result;
}

/// Whatever its metric is, the LAN that this host is in today is not to be led into the tunnel: its gateway is there.
/// Whoever gives the route a metric of its own knows of the other one.
bool InterfaceSetup::leave_to_neighbour(const net::RouteSpec& route,
                                        const std::map<IpNetwork, std::uint32_t>& neighbours) {
  const auto found =
      route.metric || net::table_of(route) != RT_TABLE_MAIN ? neighbours.end() : neighbours.find(route.to);
  if (found == neighbours.end()) return false;
  conflicts_.push_back(fmt::format(
      "the route {} is also the network that {} is in, and was left out: give it a `metric` if it is to go through the "
      "link all the same, or give one of the two networks other addresses",
      to_string(route), name_of_interface(netlink_, found->second)));
  if (added_.routes.contains(route)) {
    std::ignore = net::remove_route(netlink_, index_, route);
    added_.routes.erase(route);
  }
  return true;
}

Result<> InterfaceSetup::add_missing_address(const net::InterfaceAddress& address,
                                             const std::vector<net::FoundAddress>& there) {
  if (is_there(there, address) || contains(forgone_, address)) return {};
  const bool replaced = goes_on_ && std::ranges::any_of(there, [&](const net::FoundAddress& found) {
                          return found.address.network.address == address.network.address;
                        });
  if (forgoes_ || replaced) {
    forgo(address);
    return {};
  }
  if (auto done = net::add_address(netlink_, index_, address); !done) {
    if (done.error().code == EEXIST) {
      return fail("{} has the address {} already, with another prefix or peer: remove it (`ip address show dev {}`)",
                  name_, to_string(address.network.address), name_);
    }
    return address_failure(name_, address, done.error());
  }
  add_once(added_.addresses, address);
  restored_.push_back("the address " + to_string(address));
  return {};
}

/// Routes of those destinations and metrics are there. One walk through a table: there may be thousands, and very many
/// others.
Result<> InterfaceSetup::note_conflicts(const std::vector<net::RouteSpec>& occupied) {
  std::map<net::RouteSpec, const net::RouteSpec*> by_place;
  std::set<std::pair<Family, std::uint32_t>> tables;
  for (const auto& route : occupied) {
    by_place.emplace(place_of(route), &route);
    tables.emplace(route.to.family(), net::table_of(route));
  }
  std::vector<std::pair<const net::RouteSpec*, net::FoundRoute>> there;
  const auto look = [&](const net::FoundRoute& found) {
    if (const auto node = by_place.extract(place_of(found.route)); !node.empty())
      there.emplace_back(node.mapped(), found);
  };
  for (const auto& [family, table] : tables) {
    const auto walked = net::walk_routes(netlink_, {.family = family, .table = table}, look);
    if (!walked) return fail("cannot list routes: {}", net::describe(walked.error()));
  }
  for (const auto& [route, found] : there) note_conflict(*route, found);
  return {};
}

/// Through our interface it does as well as ours, whoever added it; another one is a network that this host has
/// elsewhere, such as the LAN it is in today.
void InterfaceSetup::note_conflict(const net::RouteSpec& route, const net::FoundRoute& found) {
  if (found.interface == index_ && (!route.source || route.source == found.route.source)) return;
  const auto way = found.interface == index_ ? "with another source"
                   : found.interface == 0    ? "with several ways or none"
                                             : "by way of " + name_of_interface(netlink_, found.interface);
  conflicts_.push_back(fmt::format(
      "the route {} is there already, {} (see `ip {}route show {}{}`), and was left out: give this one another "
      "`metric`, or remove that one",
      to_string(route), way, route.to.family() == Family::v6 ? "-6 " : "", to_string(route.to),
      route.table ? fmt::format(" table {}", *route.table) : ""));
}

}  // namespace adit::host
