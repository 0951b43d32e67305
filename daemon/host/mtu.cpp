// SPDX-License-Identifier: MIT
#include "host/mtu.h"

#include <algorithm>

#include "config/config.h"
#include "wire/messages.h"

namespace adit::host {
namespace {

constexpr std::uint32_t kUdpHeader = 8;
constexpr std::uint32_t kIpv4Header = 20;
constexpr std::uint32_t kIpv6Header = 40;
constexpr std::uint32_t kIpv6MinimumMtu = 1280;

}  // namespace

std::uint32_t outer_overhead(Family over) {
  const auto header = over == Family::v4 ? kIpv4Header : kIpv6Header;
  return header + kUdpHeader + static_cast<std::uint32_t>(wire::kTransportOverhead);
}

std::uint32_t least_mtu(bool carries_v6) {
  return carries_v6 ? kIpv6MinimumMtu : config::kMinMtu;
}

std::uint32_t automatic_mtu(std::optional<std::uint32_t> route, Family over, bool carries_v6) {
  if (!route || over == Family::none) return kUnknownPathMtu;
  const auto overhead = outer_overhead(over);
  return std::clamp(*route > overhead ? *route - overhead : 0, least_mtu(carries_v6), config::kMaxMtu);
}

}  // namespace adit::host
