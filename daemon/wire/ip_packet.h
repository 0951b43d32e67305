// SPDX-License-Identifier: MIT
// What the tunnel must know of the IP packets inside it: version, addresses, length (RFC 791, RFC 8200). Nothing of
// what they carry.
#pragma once

#include <optional>

#include "base/ip.h"

namespace adit::wire {

struct IpPacket {
  IpAddress source;
  IpAddress destination;
  /// Length of the IP packet by its own header, at most the size of the bytes it was read from.
  std::size_t size = 0;
  /// DSCP in the upper six bits, ECN in the lower two (RFC 2474, RFC 3168).
  std::uint8_t traffic_class = 0;
};

/// Nothing when `bytes` is no IPv4 or IPv6 packet, is shorter than its header, or claims to be longer than it is.
/// Bytes behind `size` are padding.
std::optional<IpPacket> read_ip_packet(Bytes bytes);

}  // namespace adit::wire
