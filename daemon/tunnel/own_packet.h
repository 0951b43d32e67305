// SPDX-License-Identifier: MIT
// IP packets that we make ourselves: questions to the peer (prober.h), messages to our own kernel (too_big.h).
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/ip.h"

namespace adit::tunnel {

inline constexpr std::size_t kIpv4Header = 20;
inline constexpr std::size_t kIpv6Header = 40;
inline constexpr std::size_t kIcmpHeader = 8;
inline constexpr std::uint8_t kIcmp = 1;
inline constexpr std::uint8_t kIcmp6 = 58;
// Types of messages (RFC 792, RFC 4443).
inline constexpr std::uint8_t kEchoRequest4 = 8;
inline constexpr std::uint8_t kEchoReply4 = 0;
inline constexpr std::uint8_t kEchoRequest6 = 128;
inline constexpr std::uint8_t kEchoReply6 = 129;

/// The IP header of a packet of `size` bytes, without options, into the front of `out`, which is all zero there.
/// Returns its size.
std::size_t write_ip_header(MutableBytes out, const IpAddress& from, const IpAddress& to, std::uint8_t protocol,
                            std::size_t size);

/// Of the ICMP message behind a header of that size, with its checksum field as it stands; ICMPv6 sums up the
/// addresses, too.
std::uint16_t icmp_checksum(Bytes packet, std::size_t header);

}  // namespace adit::tunnel
