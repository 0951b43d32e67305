// SPDX-License-Identifier: MIT
#include "host/policy_routing.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <limits>
#include <ranges>
#include <set>
#include <span>
#include <tuple>

#include "base/assert.h"
#include "host/link_number.h"

namespace adit::host {
namespace {

constexpr std::uint32_t kWholeMark = ~std::uint32_t{0};

template <class T>
bool is_among(const std::vector<T>& all, const T& one) {
  return std::ranges::find(all, one) != all.end();
}

/// Behind every other route to the same place, and no other link's.
std::uint32_t metric_behind(std::uint32_t number) {
  return std::numeric_limits<std::uint32_t>::max() - (number & kLinkNumberMask);
}

/// The two that let routes of more than `length` bits in main go first, and lead what is not marked to the link's table
/// for one of `length`. The first does not look at the mark: it carries it with an empty mask, as a name.
void add_rules(const PolicyRoutingOptions& options, Family family, std::uint8_t length, std::vector<net::Rule>& rules) {
  const auto priority = options.priority - 2U * length;
  rules.push_back({.family = family,
                   .priority = priority,
                   .table = RT_TABLE_MAIN,
                   .mark = options.number,
                   .suppress_prefix = length == 0 ? kNobodysNetwork : length});
  // Other links' own datagrams are no more to be led into this tunnel than ours.
  const bool is_number = is_link_number(options.fwmark);
  rules.push_back({.family = family,
                   .priority = priority + 1,
                   .table = options.number,
                   .mark = options.fwmark,
                   .mask = is_number ? ~kLinkNumberMask : kWholeMark,
                   .invert = true});
  if (length > 0) rules.back().suppress_prefix = length - 1U;
}

/// In the order in which they count.
std::vector<net::Rule> rules_of(const PolicyRoutingOptions& options) {
  std::vector<net::Rule> rules;
  for (const auto family : {Family::v4, Family::v6}) {
    std::set<std::uint8_t, std::greater<>> lengths;
    for (const auto& network : options.spared) {
      if (network.family() == family) lengths.insert(network.prefix);
    }
    if (is_among(options.families, family) || is_among(options.blocked, family)) lengths.insert(0);
    for (const auto length : lengths) add_rules(options, family, length, rules);
  }
  return rules;
}

/// What blocks before what leads, since that is what must not be missing.
std::vector<net::RouteSpec> routes_of(const PolicyRoutingOptions& options) {
  std::vector<net::RouteSpec> routes;
  for (const auto& route : options.behind) {
    routes.push_back(
        {.to = route.to, .metric = metric_behind(options.number), .table = net::table_of(route), .unreachable = true});
  }
  if (options.interface == 0) return routes;
  for (const auto family : options.families) {
    routes.push_back({.to = {IpAddress::any(family), 0}, .table = options.number});
  }
  for (const auto& network : options.spared) routes.push_back({.to = network, .table = options.number});
  return routes;
}

/// As list_routes has it.
net::RouteSpec spelt_out(net::RouteSpec route) {
  route.metric = net::metric_of(route);
  return route;
}

bool is_absent(const net::NetlinkError& error) {
  return error.code == ESRCH || error.code == ENOENT || error.code == ENODEV;
}

/// Nothing to block where there is no such family.
bool is_no_matter(const PolicyRoutingOptions& options, Family family, const net::NetlinkError& error) {
  return is_among(options.blocked, family) && (net::is_missing_family(error) || error.code == EACCES);
}

std::string in_words(const net::Rule& rule) {
  return fmt::format("the {} rule {}", family_name(rule.family), rule.priority);
}

struct Ours {
  std::vector<net::Rule> rules;
  std::vector<net::FoundRoute> routes;
};

/// What any run of this link has added.
Result<Ours> find_ours(net::Netlink& netlink, std::uint32_t number) {
  Ours ours;
  for (const auto family : {Family::v4, Family::v6}) {
    const auto rules = net::list_our_rules(netlink, family);
    if (!rules) return fail("cannot list the routing rules: {}", net::describe(rules.error()));
    std::ranges::copy_if(*rules, std::back_inserter(ours.rules),
                         [number](const net::Rule& rule) { return rule.mark == number || rule.table == number; });
    for (const bool blocking : {false, true}) {
      net::RouteFilter filter{.family = family, .protocol = net::kAditProtocol, .unreachable_only = blocking};
      if (!blocking) filter.table = number;
      const auto routes = net::list_routes(netlink, filter);
      if (!routes) return fail("cannot list the {} routes: {}", family_name(family), net::describe(routes.error()));
      std::ranges::copy_if(*routes, std::back_inserter(ours.routes), [&](const net::FoundRoute& found) {
        return found.route.unreachable == blocking && (!blocking || found.route.metric == metric_behind(number));
      });
    }
  }
  return ours;
}

/// All but what `options` wants. Rules first and in reverse, so that nothing is led into an empty table meanwhile.
Result<bool> sweep(net::Netlink& netlink, const PolicyRoutingOptions& options) {
  const auto ours = find_ours(netlink, options.number);
  if (!ours) return std::unexpected(ours.error());
  bool swept = false;
  const auto rules = rules_of(options);
  for (const auto& rule : std::views::reverse(ours->rules)) {
    if (is_among(rules, rule)) continue;
    swept = true;
    auto done = net::remove_rule(netlink, rule);
    if (!done && !is_absent(done.error())) {
      return fail("cannot remove {}: {}", in_words(rule), net::describe(done.error()));
    }
  }
  std::set<net::RouteSpec> routes;
  for (const auto& route : routes_of(options)) routes.insert(spelt_out(route));
  std::vector<net::RouteSpec> blocking;
  Result<> refused;
  const auto removed = [&](const net::RouteSpec& route, const net::NetlinkError& error) {
    if (error.code != 0 && !is_absent(error)) {
      refused = fail("cannot remove the route {}: {}", to_string(route), net::describe(error));
    }
  };
  for (const auto& found : ours->routes) {
    if (routes.contains(found.route) && (found.route.unreachable || found.interface == options.interface)) continue;
    swept = true;
    if (found.route.unreachable) {
      blocking.push_back(found.route);
    } else if (auto done = net::remove_route(netlink, found.interface, found.route); !done) {
      removed(found.route, done.error());
    }
  }
  if (auto all = net::change_routes(netlink, net::RouteChange::remove, 0, blocking, removed); !all) {
    return fail("cannot remove routes: {}", net::describe(all.error()));
  }
  if (!refused) return std::unexpected(refused.error());
  return swept;
}

}  // namespace

const char* family_name(Family family) {
  return family == Family::v4 ? "IPv4" : "IPv6";
}

PolicyRouting::~PolicyRouting() {
  remove();
}

Result<> PolicyRouting::install(const PolicyRoutingOptions& options) {
  ADIT_ASSERT(options.number != 0);
  const auto before = installed_.value_or(PolicyRoutingOptions{.number = options.number});
  const bool was_blocked = !installed_ && is_blocked(netlink_, options.number);
  installed_ = options;
  auto done = add(options);
  if (done) {
    auto swept = sweep(netlink_, options);
    if (swept) return {};
    done = std::unexpected(swept.error());
  }
  installed_ = before;
  if (was_blocked) {
    installed_.reset();  // who was cut off stays so
  } else if (add(before)) {
    std::ignore = sweep(netlink_, before);
  }
  return done;
}

Restored PolicyRouting::restore() {
  if (!installed_) return {};
  auto restored = add_routes(*installed_);
  restored.add(add_rules(*installed_));
  return restored;
}

/// The routes first: the last rule is what turns the traffic round.
Result<> PolicyRouting::add(const PolicyRoutingOptions& options) {
  auto added = add_routes(options);
  if (added.problem.empty()) added.add(add_rules(options));
  if (!added.problem.empty()) return fail("{}", added.problem);
  return {};
}

Restored PolicyRouting::add_routes(const PolicyRoutingOptions& options) {
  Restored added;
  const auto routes = routes_of(options);
  const auto leading = std::ranges::find(routes, false, &net::RouteSpec::unreachable);
  const std::span blocking(routes.begin(), leading);
  Result<> refused;
  const auto done = [&](const net::RouteSpec& route, const net::NetlinkError& error) {
    if (error.code == 0) {
      added.what.push_back("the route " + to_string(route));
    } else if (error.code != EEXIST && !is_no_matter(options, route.to.family(), error)) {
      refused = fail("cannot add the route {}: {}", to_string(route), net::describe(error));
    }
  };
  const auto all = net::change_routes(netlink_, net::RouteChange::add, 0, blocking, done);
  if (!all) refused = fail("cannot add routes: {}", net::describe(all.error()));
  added.note(refused);
  for (const auto& route : std::span(leading, routes.end())) {
    const auto is_new = add_route(options, route);
    if (!is_new) {
      added.note(std::unexpected(is_new.error()));
    } else if (*is_new) {
      added.what.push_back("the route " + to_string(route));
    }
  }
  return added;
}

Restored PolicyRouting::add_rules(const PolicyRoutingOptions& options) {
  Restored added;
  for (const auto& rule : rules_of(options)) {
    auto is_there = net::add_rule(netlink_, rule);
    if (is_there) {
      added.what.push_back(in_words(rule));
    } else if (is_there.error().code != EEXIST && !is_no_matter(options, rule.family, is_there.error())) {
      added.note(fail("cannot add {}: {}", in_words(rule), net::describe(is_there.error())));
    }
  }
  return added;
}

/// True: it was not there. An interface that is down takes no routes, and gets them when it is up.
Result<bool> PolicyRouting::add_route(const PolicyRoutingOptions& options, const net::RouteSpec& route) {
  auto done = net::add_route(netlink_, options.interface, route);
  if (done) return true;
  if (done.error().code == ENETDOWN) return false;
  if (is_no_matter(options, route.to.family(), done.error())) return false;
  if (done.error().code != EEXIST) {
    const bool no_ipv6 = done.error().code == EACCES && route.to.family() == Family::v6;
    return fail("cannot add the route {}: {}{}", to_string(route), net::describe(done.error()),
                no_ipv6 ? "; switch IPv6 on for the link's interface (sysctl net.ipv6.conf.NAME.disable_ipv6=0), or "
                          "remove the IPv6 addresses from interface.addresses"
                        : "");
  }
  const auto family = route.to.family();
  const auto there = net::list_routes(netlink_, {.family = family, .table = options.number});
  const auto is_ours = [&](const net::FoundRoute& found) {
    return found.interface == options.interface && found.protocol == net::kAditProtocol &&
           net::is_same_place(found.route, route);
  };
  if (there && std::ranges::any_of(*there, is_ours)) return false;
  return fail(
      "routing table {} has a route {} already that is not this link's (see `ip {}route show table {}`): remove it",
      options.number, to_string(route.to), family == Family::v6 ? "-6 " : "", options.number);
}

void PolicyRouting::remove() {
  if (!installed_) return;
  std::ignore = sweep(netlink_, {.number = installed_->number});
  installed_.reset();
}

void PolicyRouting::leave_blocked() {
  if (!installed_) return;
  auto options = *installed_;
  options.interface = 0;
  std::ignore = install(options);
  release();
}

bool PolicyRouting::is_blocked(net::Netlink& netlink, std::uint32_t number) {
  const auto ours = find_ours(netlink, number);
  return ours && std::ranges::any_of(ours->routes, [](const auto& found) { return found.route.unreachable; });
}

Result<bool> PolicyRouting::unblock(net::Netlink& netlink, std::uint32_t number) {
  return sweep(netlink, {.number = number});
}

std::optional<std::string> reverse_path_problem(const std::string& uplink, bool shielded) {
  // The kernel takes the larger of the two: 0 off, 1 strict, 2 loose.
  const auto effective = [&uplink](const char* setting) {
    int larger = 0;
    for (const auto& name : {std::string("all"), uplink}) {
      int value = 0;
      std::ifstream(fmt::format("/proc/sys/net/ipv4/conf/{}/{}", name, setting)) >> value;
      larger = std::max(larger, value);
    }
    return larger;
  };
  const bool marks_count = shielded && effective("src_valid_mark") == 1;
  if (effective("rp_filter") != 1 || marks_count) return std::nullopt;
  return fmt::format(
      "the reverse path filter of {} is strict and drops the peer's answers, as the default route now "
      "leads into the link: set it to loose (`sysctl net.ipv4.conf.{}.rp_filter=2`)",
      uplink, uplink);
}

}  // namespace adit::host
