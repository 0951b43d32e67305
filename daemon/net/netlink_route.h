// SPDX-License-Identifier: MIT
// Routes in rtnetlink: adding and removing those through our interface, and asking which way the kernel would take.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ip.h"
#include "net/netlink.h"

namespace adit::net {

struct RouteSpec {
  IpNetwork to;                         ///< without host bits
  std::optional<std::uint32_t> metric;  ///< none: the kernel's (0 for IPv4, 1024 for IPv6)
  std::optional<std::uint32_t> table;   ///< none: main
  std::optional<IpAddress> source;
  bool unreachable = false;  ///< leads to no interface: whatever takes it is refused
  friend auto operator<=>(const RouteSpec&, const RouteSpec&) = default;
};

/// "unreachable 10.20.0.0/16 metric 50 table 100 src 10.9.0.1", as `ip route` has it.
std::string to_string(const RouteSpec& route);

/// Where routes may be in each other's way.
struct RoutePlace {
  IpNetwork to;
  std::uint32_t table = 0;
  friend auto operator<=>(const RoutePlace&, const RoutePlace&) = default;
};
/// Of a message about a route, whose header is whole.
RoutePlace place_in(nlmsghdr* message);

struct FoundRoute {
  RouteSpec route;              ///< metric and table are always set
  std::uint32_t interface = 0;  ///< 0: several ways, or none (unreachable, blackhole)
  std::uint8_t protocol = 0;
};

struct RouteFilter {
  Family family = Family::v4;
  std::optional<std::uint32_t> table;
  std::optional<std::uint32_t> interface;
  std::optional<std::uint8_t> protocol;
  bool unreachable_only = false;
};

/// EEXIST when the table has a route with that destination and metric already, whoever's. `index` counts for nothing
/// where the route is unreachable, here and below.
NetlinkResult<> add_route(Netlink& netlink, std::uint32_t index, const RouteSpec& route);
/// Removes only a route through `index` that has our protocol tag; ESRCH when there is none.
NetlinkResult<> remove_route(Netlink& netlink, std::uint32_t index, const RouteSpec& route);
/// Many at once, as Netlink::request_each has it; add_route and remove_route say what each `done` may hear.
enum class RouteChange : std::uint8_t { add, remove };
NetlinkResult<> change_routes(Netlink& netlink, RouteChange change, std::uint32_t index,
                              std::span<const RouteSpec> routes,
                              const std::function<void(const RouteSpec&, const NetlinkError&)>& done);
NetlinkResult<std::vector<FoundRoute>> list_routes(Netlink& netlink, const RouteFilter& filter);
/// Calls `each` for each of them as it comes, and Netlink::between now and then: there may be a million of other
/// people's. While routes change, some may be passed by. Neither may use this Netlink.
NetlinkResult<> walk_routes(Netlink& netlink, const RouteFilter& filter,
                            const std::function<void(const FoundRoute&)>& each);
/// The route to that destination with that metric in that table, without a look at any other. None: there is none, or
/// the kernel would not take it at once for lack of a rule that leads there or because of a route that comes before it.
std::optional<FoundRoute> find_route(Netlink& netlink, const RouteSpec& place);
/// As the kernel has them where the route does not say.
std::uint32_t metric_of(const RouteSpec& route);
std::uint32_t table_of(const RouteSpec& route);
/// The same destination, metric and table: two routes that cannot be there at once.
bool is_same_place(const RouteSpec& a, const RouteSpec& b);

struct RouteInfo {
  std::uint32_t interface = 0;
  std::uint32_t mtu = 0;  ///< the route's (a learnt path MTU counts), else the interface's
  IpAddress source;       ///< the kernel's choice
};

/// The way to `destination` for packets with that mark, and out by that interface (0: any). The error is a sentence.
Result<RouteInfo> route_to(Netlink& netlink, const IpAddress& destination,
                           std::optional<std::uint32_t> fwmark = std::nullopt, std::uint32_t out = 0);

/// The entry of a routing table that decides where a packet goes.
struct RouteMatch {
  std::uint32_t table = 0;
  std::uint8_t prefix = 0;
  std::uint32_t interface = 0;  ///< 0: several
  bool refused = false;         ///< it goes nowhere; which entry says so, is not known then
};

/// For a packet of root's from no address in particular, with that mark, and out by that interface (0: any), all rules
/// considered. Unlike route_to's, what IPv4 only takes for a neighbour, as no route leads there by `out`, is refused.
NetlinkResult<RouteMatch> find_match(Netlink& netlink, const IpAddress& destination,
                                     std::optional<std::uint32_t> fwmark = std::nullopt, std::uint32_t out = 0);

}  // namespace adit::net
