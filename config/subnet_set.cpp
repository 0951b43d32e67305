// SPDX-License-Identifier: MIT
#include "config/subnet_set.h"

#include <algorithm>

namespace adit::config {
namespace {

/// The second half of a network that has two.
IpNetwork upper_half(const IpNetwork& network) {
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(network.address.bytes(), bytes.begin());
  bytes[network.prefix / 8] |= static_cast<std::uint8_t>(0x80u >> (network.prefix % 8));
  const auto address = network.address.is_v4() ? IpAddress::v4(std::span(bytes).first<4>()) : IpAddress::v6(bytes);
  return {address, static_cast<std::uint8_t>(network.prefix + 1)};
}

}  // namespace

bool SubnetSet::covers(const IpNetwork& network) const {
  for (unsigned prefix = 0; prefix < network.prefix; ++prefix) {
    if (subnets_.contains(IpNetwork{network.address, static_cast<std::uint8_t>(prefix)}.network())) return true;
  }
  return covers_piecewise(network);
}

bool SubnetSet::covers_piecewise(const IpNetwork& network) const {
  // Sorted by address: the first subnet at or behind the start is inside, or none is.
  const auto inside = subnets_.lower_bound(network);
  if (inside == subnets_.end() || !network.contains(inside->address)) return false;
  if (*inside == network) return true;
  const auto prefix = static_cast<std::uint8_t>(network.prefix + 1);
  return covers_piecewise({network.address, prefix}) && covers_piecewise(upper_half(network));
}

}  // namespace adit::config
