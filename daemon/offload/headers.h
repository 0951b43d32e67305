// SPDX-License-Identifier: MIT
// Where things stand in IP, TCP and UDP headers (RFC 791, RFC 8200, RFC 9293, RFC 768), as far as split and merge need
// it. Offsets are in bytes from the beginning of the header they belong to.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace adit::offload {

inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolUdp = 17;

inline constexpr std::size_t kIpv4HeaderSize = 20;  ///< without options
inline constexpr std::size_t kIpv4Tos = 1;
inline constexpr std::size_t kIpv4TotalLength = 2;
inline constexpr std::size_t kIpv4Id = 4;
inline constexpr std::size_t kIpv4Fragment = 6;  ///< flags and offset
inline constexpr std::size_t kIpv4Ttl = 8;
inline constexpr std::size_t kIpv4Protocol = 9;
inline constexpr std::size_t kIpv4Checksum = 10;
inline constexpr std::size_t kIpv4Addresses = 12;
inline constexpr std::uint16_t kIpv4DontFragment = 0x4000;

inline constexpr std::size_t kIpv6HeaderSize = 40;
inline constexpr std::size_t kIpv6PayloadLength = 4;
inline constexpr std::size_t kIpv6NextHeader = 6;
inline constexpr std::size_t kIpv6HopLimit = 7;
inline constexpr std::size_t kIpv6Addresses = 8;

inline constexpr std::size_t kTcpHeaderSize = 20;  ///< without options
inline constexpr std::size_t kTcpSequence = 4;
inline constexpr std::size_t kTcpAcknowledgment = 8;
inline constexpr std::size_t kTcpFlags = 13;
inline constexpr std::size_t kTcpWindow = 14;
inline constexpr std::size_t kTcpChecksum = 16;
inline constexpr std::size_t kTcpUrgent = 18;
inline constexpr std::uint8_t kTcpFin = 0x01;
inline constexpr std::uint8_t kTcpPsh = 0x08;
inline constexpr std::uint8_t kTcpAck = 0x10;
inline constexpr std::uint8_t kTcpCwr = 0x80;

inline constexpr std::size_t kUdpHeaderSize = 8;
inline constexpr std::size_t kUdpLength = 4;
inline constexpr std::size_t kUdpChecksum = 6;

inline std::size_t ipv4_header_size(Bytes packet) {
  return (packet[0] & 0x0fu) * 4u;
}
inline std::size_t tcp_header_size(Bytes transport) {
  return (transport[12] >> 4) * 4u;
}

/// Source and destination, one behind the other.
inline Bytes ip_addresses(Bytes packet, bool is_v4) {
  return is_v4 ? packet.subspan(kIpv4Addresses, 8) : packet.subspan(kIpv6Addresses, 32);
}

}  // namespace adit::offload
