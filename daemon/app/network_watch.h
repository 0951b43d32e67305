// SPDX-License-Identifier: MIT
// Hears of changes in our own network namespace and, where the interface is in another one, there too: as if they were
// one network, in which the interface has the number TunDevice::index_here.
#pragma once

#include <optional>

#include "net/netlink_monitor.h"
#include "net/tun_device.h"

namespace adit::app {

/// What `change`, seen in the network namespace of an interface that is not ours, means to us: nothing but that
/// interface
/// (`index`, there) is known here.
net::NetworkChange seen_from_here(net::NetworkChange change, std::uint32_t index);

class NetworkWatch {
 public:
  /// Throws std::runtime_error with a sentence. `device` outlives it.
  NetworkWatch(net::EventLoop& loop, const net::TunDevice& device, const net::NetlinkMonitor::Changed& changed);

 private:
  net::NetlinkMonitor here_;
  std::optional<net::NetlinkMonitor> there_;
};

}  // namespace adit::app
