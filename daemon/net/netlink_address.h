// SPDX-License-Identifier: MIT
// Addresses in rtnetlink.
#pragma once

#include <string>
#include <vector>

#include "base/ip.h"
#include "net/netlink.h"

namespace adit::net {

struct InterfaceAddress {
  IpNetwork network;  ///< ours, with its host bits
  IpAddress peer;     ///< the far end's; none: not named
  friend bool operator==(const InterfaceAddress&, const InterfaceAddress&) = default;
};

std::string to_string(const InterfaceAddress& address);

struct FoundAddress {
  InterfaceAddress address;
  std::uint32_t interface = 0;
  bool ours = false;  ///< tagged with kAditProtocol (Linux 5.18 and later keep the tag)
};

/// IPv6 addresses come without duplicate address detection, which would keep them from use for a second: there is
/// nobody else on a point-to-point link who might have them.
NetlinkResult<> add_address(Netlink& netlink, std::uint32_t index, const InterfaceAddress& address);
NetlinkResult<> remove_address(Netlink& netlink, std::uint32_t index, const InterfaceAddress& address);
/// `index` 0: those of all interfaces.
NetlinkResult<std::vector<FoundAddress>> list_addresses(Netlink& netlink, std::uint32_t index);

}  // namespace adit::net
