// SPDX-License-Identifier: MIT
// The message a router should have sent: ICMP "fragmentation needed" (RFC 792, RFC 1191) or ICMPv6 "packet too big"
// (RFC 4443 §3.2) about a UDP datagram of ours. Given to our own kernel, it is from there on that the kernel knows the
// path's MTU, as it cannot be told otherwise.
#pragma once

#include <vector>

#include "base/ip.h"

namespace adit::tunnel {

struct TooBig {
  IpAddress from;   ///< who says so
  IpAddress to;     ///< one of our host's addresses, of the same family
  Endpoint source;  ///< of the datagram, and of that family, too
  Endpoint destination;
  std::uint32_t mtu = 0;  ///< what would pass
};

/// A whole IP packet.
std::vector<std::uint8_t> write_too_big(const TooBig& message);

}  // namespace adit::tunnel
