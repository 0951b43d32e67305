// SPDX-License-Identifier: MIT
// Hears of changes in our own network namespace and, where the interface is in another one, there too: as if they were
// one network, in which the interface has the number TunDevice::index_here.
#pragma once

#include <functional>
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
  /// The kernel tells nobody that a network namespace lost its name, so that is looked at so often.
  static constexpr Duration kLookInterval = std::chrono::seconds(5);
  /// `renamed`: what the name of the interface's network namespace leads to is otherwise than before.
  using Renamed = std::function<void(net::NetworkNamespace::Standing)>;

  /// Throws std::runtime_error with a sentence. `device` outlives it.
  NetworkWatch(net::EventLoop& loop, const net::TunDevice& device, const net::NetlinkMonitor::Changed& changed,
               Renamed renamed);
  /// Of interface.netns.
  net::NetworkNamespace::Standing standing() const { return standing_; }

 private:
  void look(net::EventLoop& loop, const net::NetworkNamespace& place);

  Renamed renamed_;
  net::NetworkNamespace::Standing standing_ = net::NetworkNamespace::Standing::same;
  net::NetlinkMonitor here_;
  std::optional<net::NetlinkMonitor> there_;
  std::optional<net::Timer> timer_;
};

}  // namespace adit::app
