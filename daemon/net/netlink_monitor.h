// SPDX-License-Identifier: MIT
// Tells that something changed in the host's network, coarsely: whoever hears it looks again for himself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "net/event_loop.h"
#include "net/netlink.h"
#include "net/netlink_route.h"

namespace adit::net {

/// What one turn of the loop brought.
struct NetworkChange {
  std::vector<std::uint32_t> links_deleted;
  std::vector<std::uint32_t> links_up;    ///< up now; may have been before
  std::vector<std::uint32_t> links_down;  ///< seen without IFF_UP; may be up again, and among those then
  bool addresses = false;
  bool routes = false;
  /// Where others than this process added, removed or took the place of a route.
  std::vector<RoutePlace> routes_of_others;
  bool rules = false;  ///< policy routing's, whoever's
  /// Somebody else than this process took away a rule or route that bears kAditProtocol, or an address.
  bool taken_away = false;
  std::uint32_t taken_away_by = 0;  ///< its process id, as netlink has it; 0: the kernel by itself, or not known
  /// The kernel had more to say than the socket could hold: anything may have changed (`addresses` and `routes` are set
  /// too).
  bool overrun = false;
};

class NetlinkMonitor {
 public:
  using Changed = std::function<void(const NetworkChange&)>;
  /// Throws std::runtime_error with a sentence.
  NetlinkMonitor(EventLoop& loop, Changed callback);
  ~NetlinkMonitor();
  NetlinkMonitor(const NetlinkMonitor&) = delete;
  NetlinkMonitor& operator=(const NetlinkMonitor&) = delete;

 private:
  void read();

  NetlinkSocket socket_;
  Changed callback_;
  Watch watch_;
};

}  // namespace adit::net
