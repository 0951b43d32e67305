// SPDX-License-Identifier: MIT
#include "link/way.h"

#include <fmt/core.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <utility>

#include "host/host_plan.h"
#include "host/mtu.h"

namespace adit::link {
namespace {

bool same(const std::optional<net::RouteInfo>& a, const std::optional<net::RouteInfo>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->interface == b->interface && a->source == b->source;
}

}  // namespace

void Way::look(Instant now) {
  const auto& remote = parts_.tunnel.path().remote;
  if (!due_ || !remote.known() || now - looked_at_ < kLookLimit) return;
  due_ = false;
  looked_at_ = now;
  const auto found = parts_.host.route_to(remote);
  const auto route = found ? std::optional(*found) : std::nullopt;
  moved_ |= known_ && !same(route, route_);
  known_ = true;
  route_ = route;
  problem_.clear();
  if (!route_) return;
  if (route_->interface == parts_.interface) {
    problem_ = fmt::format(
        "the way to {} leads into the tunnel itself: take its address out of routes, or use `default`, which leaves "
        "it out",
        to_string(remote));
    return;
  }
  fit_mtu();
  check_uplink();
}

std::optional<Instant> Way::next_look() const {
  if (!due_ || !parts_.tunnel.path().remote.known()) return std::nullopt;
  return looked_at_ + kLookLimit;
}

/// Without a route the MTU stays: one that fitted a moment ago is a better guess than none.
void Way::fit_mtu() {
  if (parts_.config.interface.mtu || parts_.host.interface_is_away()) return;
  const auto over = parts_.tunnel.path().remote.address.family();
  const auto mtu = host::automatic_mtu(route_->mtu, over, host::carries_v6(parts_.config));
  if (mtu == parts_.host.mtu()) return;
  if (const auto done = parts_.host.set_mtu(mtu); !done) {
    parts_.log.warn("cannot set the MTU to {}: {}", mtu, done.error().message);
    return;
  }
  parts_.tunnel.set_mtu(mtu);
  parts_.log.info("MTU is {}: the way to the peer carries {} bytes", mtu, route_->mtu);
}

void Way::check_uplink() {
  const auto families = host::default_families(parts_.config);
  const bool concerned =
      parts_.tunnel.path().remote.address.is_v4() && std::ranges::find(families, Family::v4) != families.end();
  if (!concerned || std::exchange(uplink_checked_, route_->interface) == route_->interface) return;
  std::array<char, IF_NAMESIZE> name{};
  if (if_indextoname(route_->interface, name.data()) == nullptr) return;
  if (const auto problem = host::reverse_path_problem(name.data())) parts_.log.warn("{}", *problem);
}

}  // namespace adit::link
