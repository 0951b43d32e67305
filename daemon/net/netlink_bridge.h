// SPDX-License-Identifier: MIT
// Bridges in rtnetlink: what an interface is to them, and what one has learnt.
#pragma once

#include <cstdint>
#include <optional>

#include "net/netlink.h"

namespace adit::net {

struct BridgeState {
  bool is_bridge = false;
  bool stp = false;                        ///< of a bridge: it takes part in the spanning tree
  std::optional<std::uint8_t> port_state;  ///< of a port: BR_STATE_*; none: it is in no bridge
};

NetlinkResult<BridgeState> get_bridge_state(Netlink& netlink, std::uint32_t index);

inline constexpr std::uint32_t kMostLearnt = 16'384;

class LearntAddresses {
 public:
  /// One that nobody else asks.
  explicit LearntAddresses(Netlink netlink) : netlink_(std::move(netlink)) {}

  /// How many MAC addresses, each in its VLAN, a bridge has learnt behind its port `port`, at most kMostLearnt: of more
  /// not all are looked at, as a peer may make up any number. None: the kernel does not say.
  std::optional<std::uint32_t> count(std::uint32_t port);

 private:
  Netlink netlink_;
  bool complete_ = true;
  std::uint32_t counted_ = 0;
};

}  // namespace adit::net
