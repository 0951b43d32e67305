// SPDX-License-Identifier: MIT
// What split and merge need of Ethernet frames (IEEE 802.3, 802.1Q): where the IP packet in them begins.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace adit::offload {

/// Two addresses and the type.
inline constexpr std::size_t kEthernetHeaderSize = 14;
inline constexpr std::size_t kEthernetType = 12;
inline constexpr std::size_t kVlanTagSize = 4;
inline constexpr std::uint16_t kTypeIpv4 = 0x0800;
inline constexpr std::uint16_t kTypeIpv6 = 0x86dd;
inline constexpr std::uint16_t kTypeVlan = 0x8100;
inline constexpr std::uint16_t kTypeServiceVlan = 0x88a8;  ///< the outer of two tags (802.1ad)
/// More tags than this are not looked behind.
inline constexpr std::size_t kMaxVlanTags = 2;

/// The part of a frame that begins with its IP header; its offset is 0 when there is none. The version in the header
/// itself, and all behind it, is yet to be looked at.
inline std::size_t find_ip(Bytes frame) {
  std::size_t type_at = kEthernetType;
  for (std::size_t tags = 0; frame.size() >= type_at + 2; ++tags) {
    const auto type = load_be16(frame.data() + type_at);
    if (type == kTypeIpv4 || type == kTypeIpv6) return type_at + 2;
    if ((type != kTypeVlan && type != kTypeServiceVlan) || tags == kMaxVlanTags) return 0;
    type_at += kVlanTagSize;
  }
  return 0;
}

}  // namespace adit::offload
