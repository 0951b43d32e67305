// SPDX-License-Identifier: MIT
// Subnets with room for two hosts, the usual ones of a link between two.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "base/ip.h"

namespace adit {

/// The other host of a subnet that has only two (RFC 3021 for /31, RFC 6164 for /127). None: it has more, or one.
inline IpAddress other_host(const IpNetwork& network) {
  const auto bits = network.address.bits();
  if (network.prefix != bits - 2 && network.prefix != bits - 1) return {};
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(network.address.bytes(), bytes.begin());
  // Hosts are numbers 1 and 2 of four, or 0 and 1 of two.
  bytes[bits / 8 - 1] ^= network.prefix == bits - 2 ? 3 : 1;
  return network.address.is_v4() ? IpAddress::v4(std::span(bytes).first<4>()) : IpAddress::v6(bytes);
}

}  // namespace adit
