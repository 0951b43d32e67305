// SPDX-License-Identifier: MIT
#include "host/host_setup.h"

#include <tuple>
#include <utility>

#include "base/or_throw.h"
#include "host/host_plan.h"

namespace adit::host {

HostSetup::HostSetup(const config::Config& config, const net::TunDevice& device, std::uint32_t mtu,
                     std::optional<net::LinkState> before)
    : config_(config),
      interface_index_(device.index()),
      mtu_(mtu),
      netlink_(or_throw(net::Netlink::open())),
      interface_(netlink_, device.index(), device.name(), std::move(before)),
      policy_(netlink_) {
  or_throw(interface_.apply(interface_settings(config, mtu)));
  or_throw(apply_policy(config));
}

Result<> HostSetup::apply_policy(const config::Config& config) {
  const auto table = link_number(config.name);
  const auto families = default_families(config);
  if (families.empty()) {
    policy_.remove();
    // Only what bears this link's own mark: a mark of the user's choice may be another link's, too, and in use there.
    return PolicyRouting::remove_leftovers(netlink_, table, table);
  }
  return policy_.install(
      {.interface = interface_index_, .families = families, .table = table, .fwmark = datagram_mark(config).value()});
}

Result<> HostSetup::change(const config::Config& config, std::uint32_t mtu) {
  auto done = interface_.apply(interface_settings(config, mtu));
  if (!done) return done;
  if (done = apply_policy(config); !done) {
    // What was possible before is as good as certain to be possible again.
    std::ignore = interface_.apply(interface_settings(config_, mtu_));
    std::ignore = apply_policy(config_);
    return done;
  }
  mtu_ = mtu;
  return {};
}

Result<> HostSetup::restore() {
  if (auto done = interface_.restore(); !done) return done;
  return policy_.restore();
}

Result<> HostSetup::set_mtu(std::uint32_t mtu) {
  auto done = interface_.set_mtu(mtu);
  if (done) mtu_ = mtu;
  return done;
}

std::optional<std::uint32_t> HostSetup::look_at_mtu() {
  const auto link = net::get_link(netlink_, interface_index_);
  if (!link) return std::nullopt;
  mtu_ = link->mtu;
  return mtu_;
}

Result<net::RouteInfo> HostSetup::route_to(const IpAddress& destination) {
  return net::route_to(netlink_, destination, datagram_mark(config_));
}

std::vector<net::RouteSpec> HostSetup::routes() const {
  auto routes = interface_.routes();
  for (const auto family : default_families(config_)) {
    routes.push_back({.to = {IpAddress::any(family), 0}, .table = link_number(config_.name)});
  }
  return routes;
}

}  // namespace adit::host
