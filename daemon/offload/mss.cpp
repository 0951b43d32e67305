// SPDX-License-Identifier: MIT
#include "offload/mss.h"

#include <algorithm>

#include "offload/headers.h"

namespace adit::offload {
namespace {

constexpr std::uint8_t kTcpSyn = 0x02;
constexpr std::uint8_t kEndOfOptions = 0;
constexpr std::uint8_t kNoOperation = 1;
constexpr std::uint8_t kMaximumSegmentSize = 2;
constexpr std::size_t kMssOptionSize = 4;

// Extension headers of IPv6 that may stand before TCP (RFC 8200 §4).
constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kDestination = 60;
constexpr std::size_t kMaxExtensions = 8;

/// Where the TCP header begins; 0: nowhere. Not in a fragment: the first may be too short, and others have none.
std::size_t find_tcp_v4(Bytes packet) {
  const auto header = ipv4_header_size(packet);
  const bool fragment = (load_be16(&packet[kIpv4Fragment]) & 0x3fffu) != 0;
  return packet[kIpv4Protocol] == kProtocolTcp && header >= kIpv4HeaderSize && !fragment ? header : 0;
}

std::size_t find_tcp_v6(Bytes packet) {
  auto next = packet[kIpv6NextHeader];
  std::size_t at = kIpv6HeaderSize;
  for (std::size_t i = 0; i < kMaxExtensions && next != kProtocolTcp; ++i) {
    if (next != kHopByHop && next != kRouting && next != kDestination) return 0;
    if (packet.size() < at + 8) return 0;
    next = packet[at];
    at += (packet[at + 1] + 1u) * 8u;
  }
  return next == kProtocolTcp ? at : 0;
}

/// Where the value of the option is, from the beginning of the TCP header; 0: there is none, or the options are
/// malformed before it. Each step goes forward, and none past the end.
std::size_t find_mss(Bytes tcp) {
  for (std::size_t at = kTcpHeaderSize; at < tcp.size();) {
    if (tcp[at] == kEndOfOptions) return 0;
    if (tcp[at] == kNoOperation) {
      ++at;
      continue;
    }
    if (at + 1 >= tcp.size()) return 0;
    const std::size_t size = tcp[at + 1];
    if (size < 2 || at + size > tcp.size()) return 0;
    if (tcp[at] == kMaximumSegmentSize) return size == kMssOptionSize ? at + 2 : 0;
    at += size;
  }
  return 0;
}

/// RFC 1624: the sum with one of its words replaced. A value at an odd place adds its bytes the other way round.
std::uint16_t with_word(std::uint16_t checksum, std::uint16_t before, std::uint16_t after, bool odd) {
  const auto turned = [odd](std::uint16_t word) {
    return odd ? static_cast<std::uint16_t>(word << 8 | word >> 8) : word;
  };
  std::uint32_t sum = static_cast<std::uint16_t>(~checksum);
  sum += static_cast<std::uint16_t>(~turned(before));
  sum += turned(after);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace

MssLimits mss_limits(std::uint32_t size) {
  const auto fitting = [size](std::size_t headers) {
    const auto left = size > headers ? size - headers : 1;
    return static_cast<std::uint16_t>(std::clamp<std::size_t>(left, 1, 0xffff));
  };
  return {fitting(kIpv4HeaderSize + kTcpHeaderSize), fitting(kIpv6HeaderSize + kTcpHeaderSize)};
}

bool clamp_mss(MutableBytes packet, const MssLimits& limits, bool partial) {
  if (packet.size() < kIpv4HeaderSize + kTcpHeaderSize) return false;
  const bool is_v4 = packet[0] >> 4 == 4;
  const auto limit = is_v4 ? limits.v4 : limits.v6;
  if (limit == 0 || (!is_v4 && (packet[0] >> 4 != 6 || packet.size() < kIpv6HeaderSize + kTcpHeaderSize))) return false;
  const auto at = is_v4 ? find_tcp_v4(packet) : find_tcp_v6(packet);
  if (at == 0 || packet.size() < at + kTcpHeaderSize || (packet[at + kTcpFlags] & kTcpSyn) == 0) return false;
  const auto header = tcp_header_size(packet.subspan(at));
  if (header < kTcpHeaderSize || packet.size() < at + header) return false;

  const auto tcp = packet.subspan(at, header);
  const auto option = find_mss(tcp);
  if (option == 0) return false;
  const auto before = load_be16(&tcp[option]);
  if (before <= limit) return false;
  store_be16(&tcp[option], limit);
  // A partial one is of addresses and size, which stay the same.
  if (partial) return true;
  auto* const checksum = &tcp[kTcpChecksum];
  store_be16(checksum, with_word(load_be16(checksum), before, limit, option % 2 != 0));
  return true;
}

}  // namespace adit::offload
