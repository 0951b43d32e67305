// SPDX-License-Identifier: MIT
// What the tunnel must know of the IP packets inside it: version, addresses, length (RFC 791, RFC 8200). Of what they
// carry only whether it is a datagram of the link's own.
#pragma once

#include <optional>

#include "base/ip.h"

namespace adit::wire {

inline constexpr std::size_t kIpv4HeaderSize = 20;  ///< without options
inline constexpr std::size_t kIpv6HeaderSize = 40;

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

struct UdpDatagram {
  std::uint16_t from = 0;  ///< port
  std::uint16_t to = 0;
  Bytes payload;
};
/// What a packet that read_ip_packet took carries, if that is a UDP datagram right behind the IP header, with all of
/// its header there (RFC 768).
std::optional<UdpDatagram> read_udp(Bytes packet);

}  // namespace adit::wire
