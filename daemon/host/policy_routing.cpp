// SPDX-License-Identifier: MIT
#include "host/policy_routing.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <ranges>
#include <tuple>

#include "base/assert.h"
#include "net/netlink_link.h"

namespace adit::host {
namespace {

constexpr std::uint32_t kWholeMark = ~std::uint32_t{0};

net::RouteSpec default_route(Family family, std::uint32_t table) {
  return {.to = {IpAddress::any(family), 0}, .table = table};
}

/// In the order of the header's list. The first does not look at the mark: it carries it with an empty mask, as a name.
std::vector<net::Rule> rules_for(const PolicyRoutingOptions& options, Family family) {
  std::vector<net::Rule> rules(2, {.family = family, .mark = options.fwmark});
  rules[0].priority = options.priority;
  rules[0].table = RT_TABLE_MAIN;
  rules[0].suppress_prefix = 0;
  rules[1].priority = options.priority + 1;
  rules[1].table = options.table;
  rules[1].mask = kWholeMark;
  rules[1].invert = true;
  return rules;
}

bool is_absent(const net::NetlinkError& error) {
  return error.code == ESRCH || error.code == ENOENT || error.code == ENODEV;
}

const char* name_of(Family family) {
  return family == Family::v4 ? "IPv4" : "IPv6";
}

}  // namespace

PolicyRouting::~PolicyRouting() {
  remove();
}

Result<> PolicyRouting::install(const PolicyRoutingOptions& options) {
  ADIT_ASSERT(options.fwmark != 0 && options.table != 0);
  if (installed_ == options) return restore();
  remove();
  if (auto done = remove_leftovers(netlink_, options.table, options.fwmark); !done) return done;
  installed_ = options;
  auto done = add(options);
  if (!done) remove();
  return done;
}

Result<> PolicyRouting::restore() {
  if (!installed_) return {};
  const auto link = net::get_link(netlink_, installed_->interface);
  if (!link) return fail("cannot look at the link's interface: {}", net::describe(link.error()));
  return link->up ? add(*installed_) : Result<>();  // an interface that is down takes no routes
}

Result<> PolicyRouting::add(const PolicyRoutingOptions& options) {
  for (const auto family : options.families) {
    // The routes first: the last rule is what turns the traffic round.
    if (auto done = add_default_route(options, family); !done) return done;
    for (const auto& rule : rules_for(options, family)) {
      auto done = net::add_rule(netlink_, rule);
      if (!done && done.error().code != EEXIST) {
        return fail("cannot add a routing rule for {}: {}", name_of(family), net::describe(done.error()));
      }
    }
  }
  return {};
}

Result<> PolicyRouting::add_default_route(const PolicyRoutingOptions& options, Family family) {
  const auto table = options.table;
  auto done = net::add_route(netlink_, options.interface, default_route(family, table));
  if (done) return {};
  if (done.error().code != EEXIST) {
    return fail("cannot add the {} default route: {}", name_of(family), net::describe(done.error()));
  }
  const auto ours = net::list_routes(
      netlink_, {.family = family, .table = table, .interface = options.interface, .protocol = net::kAditProtocol});
  if (ours && !ours->empty()) return {};
  return fail(
      "routing table {} has a default route already that is not this link's (see `ip {}route show table {}`): "
      "remove it, or choose another local.fwmark",
      table, family == Family::v6 ? "-6 " : "", table);
}

void PolicyRouting::remove() {
  if (!installed_) return;
  for (const auto family : installed_->families) {
    const auto rules = rules_for(*installed_, family);
    // In reverse, so that nothing is led into an empty table meanwhile. What is gone already need not go.
    for (const auto& rule : std::views::reverse(rules)) std::ignore = net::remove_rule(netlink_, rule);
    std::ignore = net::remove_route(netlink_, installed_->interface, default_route(family, installed_->table));
  }
  installed_.reset();
}

Result<> PolicyRouting::remove_leftovers(net::Netlink& netlink, std::uint32_t table, std::uint32_t fwmark) {
  for (const auto family : {Family::v4, Family::v6}) {
    auto rules = net::list_our_rules(netlink, family);
    if (!rules) return fail("cannot list the routing rules: {}", net::describe(rules.error()));
    std::erase_if(*rules, [&](const net::Rule& rule) { return rule.mark != fwmark; });
    for (const auto& rule : *rules) {
      auto done = net::remove_rule(netlink, rule);
      if (!done && !is_absent(done.error())) {
        return fail("cannot remove a routing rule that an earlier run left: {}", net::describe(done.error()));
      }
    }
    const auto routes = net::list_routes(netlink, {.family = family, .table = table, .protocol = net::kAditProtocol});
    if (!routes) return fail("cannot list the routes of table {}: {}", table, net::describe(routes.error()));
    for (const auto& found : *routes) {
      auto done = net::remove_route(netlink, found.interface, found.route);
      if (!done && !is_absent(done.error())) {
        return fail("cannot remove the route {} that an earlier run left: {}", to_string(found.route),
                    net::describe(done.error()));
      }
    }
  }
  return {};
}

std::optional<std::string> reverse_path_problem(const std::string& uplink) {
  // The kernel takes the larger of the two: 0 off, 1 strict, 2 loose.
  int effective = 0;
  for (const auto& name : {std::string("all"), uplink}) {
    int value = 0;
    std::ifstream(fmt::format("/proc/sys/net/ipv4/conf/{}/rp_filter", name)) >> value;
    effective = std::max(effective, value);
  }
  if (effective != 1) return std::nullopt;
  return fmt::format(
      "the reverse path filter of {} is strict and drops the peer's answers, as the default route now "
      "leads into the link: set it to loose (`sysctl net.ipv4.conf.{}.rp_filter=2`)",
      uplink, uplink);
}

}  // namespace adit::host
