// SPDX-License-Identifier: MIT
#include "net/netlink_route.h"

#include <fmt/core.h>
#include <linux/rtnetlink.h>

#include <cerrno>

#include "net/netlink_link.h"
#include "net/netlink_message.h"
#include "net/sockaddr.h"

namespace adit::net {
namespace {

/// What the kernel makes of an IPv6 route without metric.
constexpr std::uint32_t kDefaultMetricIpv6 = 1024;

/// Routes that are looked at in one go.
constexpr std::size_t kWalk = 1000;

rtmsg header_for(Family family) {
  rtmsg header{};
  header.rtm_family = static_cast<std::uint8_t>(to_af(family));
  return header;
}

NetlinkMessage message_for(int type, int flags, std::uint32_t index, const RouteSpec& route) {
  auto header = header_for(route.to.family());
  header.rtm_dst_len = route.to.prefix;
  header.rtm_protocol = kAditProtocol;
  header.rtm_type = route.unreachable ? RTN_UNREACHABLE : RTN_UNICAST;
  // Directly to the interface, without a gateway. IPv6 has no scopes.
  header.rtm_scope = route.to.family() == Family::v4 && !route.unreachable ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  NetlinkMessage message(type, flags, header);
  if (route.to.prefix > 0) message.put(RTA_DST, route.to.address);
  if (!route.unreachable) message.put_u32(RTA_OIF, index);
  message.put_u32(RTA_TABLE, table_of(route)).put_u32(RTA_PRIORITY, metric_of(route));
  if (route.source) message.put(RTA_PREFSRC, *route.source);
  return message;
}

FoundRoute parse_route(nlmsghdr* message, Family family) {
  const auto& header = header_of<rtmsg>(message);
  const NetlinkAttributes attributes(message, sizeof header, RTA_MAX);
  FoundRoute found;
  const auto to = attributes.address(RTA_DST, family);
  found.route.to = {to.is_none() ? IpAddress::any(family) : to, header.rtm_dst_len};
  found.route.metric = attributes.u32(RTA_PRIORITY).value_or(0);
  found.route.table = attributes.u32(RTA_TABLE).value_or(header.rtm_table);
  if (const auto source = attributes.address(RTA_PREFSRC, family); !source.is_none()) found.route.source = source;
  found.route.unreachable = header.rtm_type == RTN_UNREACHABLE;
  // IPv6 has them all lead to lo.
  found.interface = found.route.unreachable ? 0 : attributes.u32(RTA_OIF).value_or(0);
  found.protocol = header.rtm_protocol;
  return found;
}

bool matches(const FoundRoute& found, const RouteFilter& filter) {
  return (!filter.table || filter.table == found.route.table) &&
         (!filter.interface || filter.interface == found.interface) &&
         (!filter.protocol || filter.protocol == found.protocol) &&
         (!filter.unreachable_only || found.route.unreachable);
}

NetlinkMessage list_message(const RouteFilter& filter) {
  auto header = header_for(filter.family);
  header.rtm_protocol = filter.protocol.value_or(0);
  header.rtm_type = filter.unreachable_only ? RTN_UNREACHABLE : RTN_UNSPEC;
  NetlinkMessage request(RTM_GETROUTE, NLM_F_DUMP, header);
  if (filter.table) request.put_u32(RTA_TABLE, *filter.table);
  if (filter.interface) request.put_u32(RTA_OIF, *filter.interface);
  return request;
}

/// To ask for the entry of a table as it stands there, and for the table: for IPv4 it would be main, wherever the entry
/// is. IPv6 always names it, and has no flag for that.
std::uint32_t entry_flags(Family family) {
  return RTM_F_FIB_MATCH | (family == Family::v4 ? unsigned{RTM_F_LOOKUP_TABLE} : 0U);
}

/// A table comes into being with its first route.
NetlinkResult<> unless_empty(NetlinkResult<> done) {
  if (!done && (done.error().code == ENOENT || is_missing_family(done.error()))) return {};
  return done;
}

}  // namespace

std::string to_string(const RouteSpec& route) {
  auto text = (route.unreachable ? "unreachable " : "") + to_string(route.to);
  if (route.metric) text += fmt::format(" metric {}", *route.metric);
  if (route.table) text += fmt::format(" table {}", *route.table);
  if (route.source) text += fmt::format(" src {}", to_string(*route.source));
  return text;
}

std::uint32_t metric_of(const RouteSpec& route) {
  return route.metric.value_or(route.to.family() == Family::v6 ? kDefaultMetricIpv6 : 0);
}

std::uint32_t table_of(const RouteSpec& route) {
  return route.table.value_or(RT_TABLE_MAIN);
}

bool is_same_place(const RouteSpec& a, const RouteSpec& b) {
  return a.to == b.to && metric_of(a) == metric_of(b) && table_of(a) == table_of(b);
}

NetlinkResult<> add_route(Netlink& netlink, std::uint32_t index, const RouteSpec& route) {
  return netlink.request(message_for(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, index, route));
}

NetlinkResult<> remove_route(Netlink& netlink, std::uint32_t index, const RouteSpec& route) {
  return netlink.request(message_for(RTM_DELROUTE, 0, index, route));
}

NetlinkResult<> change_routes(Netlink& netlink, RouteChange change, std::uint32_t index,
                              std::span<const RouteSpec> routes,
                              const std::function<void(const RouteSpec&, const NetlinkError&)>& done) {
  const auto make = [&](std::size_t i) {
    return change == RouteChange::add ? message_for(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, index, routes[i])
                                      : message_for(RTM_DELROUTE, 0, index, routes[i]);
  };
  return netlink.request_each(routes.size(), make,
                              [&](std::size_t i, const NetlinkError& error) { done(routes[i], error); });
}

NetlinkResult<std::vector<FoundRoute>> list_routes(Netlink& netlink, const RouteFilter& filter) {
  std::vector<FoundRoute> routes;
  const auto done = unless_empty(netlink.query(list_message(filter), [&](nlmsghdr* message) {
    if (header_of<rtmsg>(message).rtm_family != to_af(filter.family)) return;
    const auto found = parse_route(message, filter.family);
    if (matches(found, filter)) routes.push_back(found);  // older kernels do not filter
  }));
  if (!done) return std::unexpected(done.error());
  return routes;
}

NetlinkResult<> walk_routes(Netlink& netlink, const RouteFilter& filter,
                            const std::function<void(const FoundRoute&)>& each) {
  const auto look = [&](nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWROUTE || header_of<rtmsg>(message).rtm_family != to_af(filter.family)) return;
    if (const auto found = parse_route(message, filter.family); matches(found, filter)) each(found);
  };
  for (;;) {
    const auto done = netlink.query_some(list_message(filter), kWalk, look);
    if (!done) return unless_empty(std::unexpected(done.error()));
    if (*done) return {};
    netlink.between();
  }
}

std::optional<FoundRoute> find_route(Netlink& netlink, const RouteSpec& place) {
  auto header = header_for(place.to.family());
  header.rtm_dst_len = static_cast<std::uint8_t>(place.to.address.bits());
  header.rtm_flags = entry_flags(place.to.family());
  NetlinkMessage request(RTM_GETROUTE, 0, header);
  request.put(RTA_DST, place.to.address);
  std::optional<FoundRoute> found;
  const auto done = netlink.query(std::move(request), [&](nlmsghdr* message) {
    if (header_of<rtmsg>(message).rtm_family != to_af(place.to.family())) return;
    if (const auto route = parse_route(message, place.to.family()); is_same_place(route.route, place)) found = route;
  });
  return done ? found : std::nullopt;
}

RoutePlace place_in(nlmsghdr* message) {
  const auto found = parse_route(message, header_of<rtmsg>(message).rtm_family == AF_INET6 ? Family::v6 : Family::v4);
  return {found.route.to, *found.route.table};
}

Result<RouteInfo> route_to(Netlink& netlink, const IpAddress& destination, std::optional<std::uint32_t> fwmark,
                           std::uint32_t out) {
  auto header = header_for(destination.family());
  header.rtm_dst_len = static_cast<std::uint8_t>(destination.bits());
  NetlinkMessage request(RTM_GETROUTE, 0, header);
  request.put(RTA_DST, destination);
  if (fwmark) request.put_u32(RTA_MARK, *fwmark);
  if (out != 0) request.put_u32(RTA_OIF, out);

  RouteInfo info;
  auto done = netlink.query(std::move(request), [&](nlmsghdr* message) {
    const NetlinkAttributes attributes(message, sizeof(rtmsg), RTA_MAX);
    info.interface = attributes.u32(RTA_OIF).value_or(0);
    info.source = attributes.address(RTA_PREFSRC, destination.family());
    info.mtu = NetlinkAttributes(attributes.find(RTA_METRICS), RTAX_MAX).u32(RTAX_MTU).value_or(0);
  });
  if (!done) return fail("there is no route to {}: {}", to_string(destination), describe(done.error()));
  if (info.interface == 0) return fail("the route to {} leads to no interface", to_string(destination));
  if (info.mtu == 0) {
    const auto link = get_link(netlink, info.interface);
    if (!link) return fail("the interface towards {} is gone: {}", to_string(destination), describe(link.error()));
    info.mtu = link->mtu;
  }
  return info;
}

NetlinkResult<RouteMatch> find_match(Netlink& netlink, const IpAddress& destination,
                                     std::optional<std::uint32_t> fwmark, std::uint32_t out) {
  constexpr std::uint32_t kRoot = 0;  // rules for the daemon's own user say nothing of the host
  auto header = header_for(destination.family());
  header.rtm_dst_len = static_cast<std::uint8_t>(destination.bits());
  header.rtm_flags = entry_flags(destination.family());
  NetlinkMessage request(RTM_GETROUTE, 0, header);
  request.put(RTA_DST, destination).put_u32(RTA_UID, kRoot);
  if (fwmark) request.put_u32(RTA_MARK, *fwmark);
  if (out != 0) request.put_u32(RTA_OIF, out);

  RouteMatch match;
  auto done = netlink.query(std::move(request), [&](nlmsghdr* message) {
    const auto& found = header_of<rtmsg>(message);
    const NetlinkAttributes attributes(message, sizeof found, RTA_MAX);
    match = {.table = attributes.u32(RTA_TABLE).value_or(found.rtm_table),
             .prefix = found.rtm_dst_len,
             .interface = attributes.u32(RTA_OIF).value_or(0),
             .refused = found.rtm_type == RTN_UNREACHABLE || found.rtm_type == RTN_BLACKHOLE ||
                        found.rtm_type == RTN_PROHIBIT};
  });
  if (done) return match;
  const auto code = done.error().code;
  const bool nowhere = code == EHOSTUNREACH || code == ENETUNREACH || code == EACCES || code == EINVAL;
  if (!nowhere) return std::unexpected(done.error());
  return RouteMatch{.refused = true};
}

}  // namespace adit::net
