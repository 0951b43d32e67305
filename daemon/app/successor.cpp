// SPDX-License-Identifier: MIT
#include "app/successor.h"

#include <utility>

#include "crypto/backends.h"
#include "host/host_plan.h"
#include "net/device_binding.h"
#include "net/netlink_bridge.h"
#include "net/netlink_link.h"
#include "net/network_namespace.h"
#include "net/system.h"

namespace adit::app {
namespace {

/// For requests about interfaces in the network namespace of that name; in our own if there is no name.
Result<net::Netlink> open_netlink(const std::string& netns) {
  if (netns.empty()) return net::Netlink::open();
  const auto place = net::NetworkNamespace::open(netns);
  if (!place) return std::unexpected(place.error());
  const auto visit = place->enter();
  if (!visit) return std::unexpected(visit.error());
  return net::Netlink::open();
}

Result<> check_place(const config::Config& next, const config::Config& current, const net::TunDevice& device) {
  const auto& name = next.interface.name;
  const bool is_that_of_ours =
      device.name() == name && next.interface.netns == current.interface.netns && device.is_at_home();
  if (!is_that_of_ours) return net::TunDevice::can_open(host::tun_options(next));
  if (!device.existed_before()) return {};
  return fail(
      "the interface {0} was there before this run, and cannot become what the file wants: stop the link, delete it "
      "(`ip link delete {0}`), and start the link",
      name);
}

/// One that was there is waited for when it is gone; one that was never there is more likely mistyped.
Result<> check_bridge(const config::Config& next, const config::Config& current) {
  const auto& name = next.interface.tap.bridge;
  if (name.empty()) return {};
  auto netlink = open_netlink(next.interface.netns);
  if (!netlink) return std::unexpected(netlink.error());
  const bool is_edited = name != current.interface.tap.bridge || next.interface.netns != current.interface.netns;
  const auto index = net::find_link(*netlink, name);
  if (!index && !is_edited) return {};
  if (!index) return fail("there is no interface {}: correct the file, or make the interface first", name);
  const auto state = net::get_bridge_state(*netlink, *index);
  if (state && !state->is_bridge) return fail("{} is no bridge: correct interface.bridge", name);
  return {};
}

/// Tried, and let go of. The port that our sockets have cannot be had beside them; it will be free with them.
Result<> check_sockets(const config::Config& next, const config::Config& current, const net::UdpPair& sockets) {
  const auto& device = next.local.device;
  if (next.local.listen == current.local.listen && device == current.local.device) return {};
  if (device && !net::interface_exists(*device)) {
    return fail("there is no interface {}: correct the file, or make the interface first", *device);
  }
  auto options = host::listen_options(next);
  if (options.port == sockets.port()) options.port = 0;
  const auto opened = net::open_udp(options);
  return opened ? Result<>() : std::unexpected(opened.error());
}

}  // namespace

bool keeps_interface(const config::Config& next, const config::Config& current, const path::Doors& doors,
                     const host::HostSetup& host) {
  if (next.interface.mode != current.interface.mode) return false;
  // Whoever moved it may have given it another name; the host's default route cannot lead there.
  if (host.interface_is_away()) return host::default_families(next).empty();
  return next.interface.name == doors.device.name_in_kernel() && next.interface.netns == current.interface.netns &&
         doors.device.can_have(host::tun_options(next));
}

Result<> check_successor(const config::Config& next, const config::Config& current, const path::Doors& doors,
                         bool keeps) {
  if (!keeps) {
    if (auto done = check_place(next, current, doors.device); !done) return done;
  }
  // One that goes on elsewhere is up to whoever moved it there.
  if (!keeps || doors.device.is_at_home()) {
    if (auto done = check_bridge(next, current); !done) return done;
  }
  if (auto done = check_sockets(next, current, doors.sockets); !done) return done;
  const auto aead = crypto::choose_aead(next.tuning.crypto, net::boot_now);
  return aead ? Result<>() : std::unexpected(aead.error());
}

}  // namespace adit::app
