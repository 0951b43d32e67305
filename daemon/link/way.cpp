// SPDX-License-Identifier: MIT
#include "link/way.h"

#include <fmt/core.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <utility>

#include "host/host_plan.h"

namespace adit::link {
namespace {

using Route = std::optional<net::RouteInfo>;

bool is_by_the_same(const Route& a, const Route& b) {
  return a.has_value() == b.has_value() && (!a || a->interface == b->interface);
}

bool is_same(const Route& a, const Route& b) {
  return is_by_the_same(a, b) && (!a || a->source == b->source);
}

}  // namespace

Way::Way(const Parts& parts)
    : parts_(parts),
      mtu_({.config = parts.config,
            .host = parts.host,
            .tunnel = parts.tunnel,
            .data_path = parts.data_path,
            .log = parts.log}) {}

void Way::look(Instant now) {
  look_at_route(now);
  const bool doubted = mtu_.in_doubt();
  mtu_.look(now);
  if (mtu_.in_doubt() && !doubted) ask_again();
}

void Way::look_at_route(Instant now) {
  const auto& remote = parts_.tunnel.path().remote;
  if (!due_ || !remote.known() || now - looked_at_ < kLookLimit) return;
  due_ = false;
  looked_at_ = now;
  const auto found = parts_.host.route_to(remote);
  const auto route = found ? std::optional(*found) : std::nullopt;
  // To another peer there may always have been another way.
  moved_ |= route_of_ == remote && !is_same(route, route_);
  changed_interface_ |= route_of_ == remote && !is_by_the_same(route, route_);
  route_of_ = remote;
  route_ = route;
  problem_.clear();
  if (!route_) return;
  if (route_->interface == parts_.interface) {
    problem_ = fmt::format(
        "the way to {} leads into the tunnel itself: take its address out of routes, or use `default`, which leaves "
        "it out",
        to_string(remote));
    problem_of_ = remote;
    return;
  }
  // Without a route the MTU stays: one that fitted a moment ago is a better guess than none.
  mtu_.route_is(*route_, now);
  check_uplink();
}

/// The peer may have moved since.
const std::string& Way::problem() const {
  static const std::string kNone;
  return parts_.tunnel.path().remote == problem_of_ ? problem_ : kNone;
}

std::optional<Instant> Way::next_look(Instant now) const {
  const auto path = mtu_.next_look(now);
  if (!due_ || !parts_.tunnel.path().remote.known()) return path;
  const auto route = looked_at_ + kLookLimit;
  return path ? std::min(*path, route) : route;
}

void Way::check_uplink() {
  const auto families = host::default_families(parts_.config);
  const bool concerned =
      parts_.tunnel.path().remote.address.is_v4() && std::ranges::find(families, Family::v4) != families.end();
  if (!concerned || std::exchange(uplink_checked_, route_->interface) == route_->interface) return;
  std::array<char, IF_NAMESIZE> name{};
  if (if_indextoname(route_->interface, name.data()) == nullptr) return;
  if (const auto problem = host::reverse_path_problem(name.data(), parts_.host.is_shielded()))
    parts_.log.warn("{}", *problem);
}

}  // namespace adit::link
