// SPDX-License-Identifier: MIT
#include "tunnel/allowed_ips.h"

#include <algorithm>

namespace adit::tunnel {
namespace {

IpAddress last_of(const IpNetwork& network) {
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(network.address.bytes(), bytes.begin());
  for (unsigned bit = network.prefix; bit < network.address.bits(); ++bit) {
    bytes[bit / 8] |= static_cast<std::uint8_t>(0x80u >> (bit % 8));
  }
  return network.address.is_v4() ? IpAddress::v4(std::span(bytes).first<4>()) : IpAddress::v6(bytes);
}

}  // namespace

AllowedIps::AllowedIps(std::span<const IpNetwork> networks) {
  for (const auto& network : networks) ranges_.push_back({network.network().address, last_of(network)});
  std::ranges::sort(ranges_, {}, &Range::first);
  // Two networks overlap only if one holds the other; sorted by their first address the larger may still come second.
  std::vector<Range> disjoint;
  for (const auto& range : ranges_) {
    if (!disjoint.empty() && range.first <= disjoint.back().last) {
      disjoint.back().last = std::max(disjoint.back().last, range.last);
    } else {
      disjoint.push_back(range);
    }
  }
  ranges_ = std::move(disjoint);
}

bool AllowedIps::contains(const IpAddress& address) const {
  // Addresses order by family first, so a range never reaches into the other family.
  const auto after = std::ranges::upper_bound(ranges_, address, {}, &Range::first);
  return after != ranges_.begin() && address <= std::prev(after)->last;
}

}  // namespace adit::tunnel
