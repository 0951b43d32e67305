// SPDX-License-Identifier: MIT
// Links in rtnetlink: what an interface is like, and changing it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/mac_address.h"
#include "net/netlink.h"

namespace adit::net {

struct LinkState {
  std::string name;
  std::uint32_t mtu = 0;
  std::uint32_t queue_length = 0;
  bool up = false;
  bool running = false;  ///< up, and has a carrier
  bool multicast = false;
  bool has_neighbours = false;    ///< whose link-layer addresses are asked for; not so on a modem's (IFF_NOARP)
  std::uint64_t dropped_out = 0;  ///< packets it was given to send and had no room for, since it was made
  /// IN6_ADDR_GEN_MODE_*: how the kernel makes up link-local addresses; none: the link has no IPv6.
  std::optional<std::uint8_t> address_generation;
  std::uint32_t bridge = 0;  ///< number of the bridge (or the like) it is in; 0: none
  std::optional<MacAddress> mac;
};

/// Only what is set is changed. The kernel changes flags before the rest: to have no link-local address, set
/// `address_generation` in a call before the one that sets `up`.
struct LinkChange {
  std::optional<std::string> name;  ///< before Linux 6.2 only while it is down (EBUSY)
  std::optional<std::uint32_t> mtu;
  std::optional<std::uint32_t> queue_length;
  std::optional<bool> up;
  std::optional<bool> multicast;
  std::optional<std::uint8_t> address_generation;
  std::optional<std::uint32_t> bridge;  ///< number of the one it is put into; 0: taken out
  std::optional<MacAddress> mac;
};

NetlinkResult<LinkState> get_link(Netlink& netlink, std::uint32_t index);
/// Its number.
NetlinkResult<std::uint32_t> find_link(Netlink& netlink, const std::string& name);
NetlinkResult<> change_link(Netlink& netlink, std::uint32_t index, const LinkChange& change);

}  // namespace adit::net
