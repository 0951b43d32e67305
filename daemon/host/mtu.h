// SPDX-License-Identifier: MIT
// `interface.mtu: auto`: how large an inner packet may be so that its datagram fits the way to the peer.
#pragma once

#include <cstdint>
#include <optional>

#include "base/ip.h"

namespace adit::host {

/// Fits into what nearly every path carries, over either family.
inline constexpr std::uint32_t kUnknownPathMtu = 1420;

/// What an outer packet is larger by than the inner one.
std::uint32_t outer_overhead(Family over);
/// The smallest MTU an interface may have: the kernel takes IPv6 away below 1,280 bytes (RFC 8200 §5).
std::uint32_t least_mtu(bool carries_v6);

/// `route`: the MTU of the route to the peer; none: not known. `over`: the family of the datagrams. `carries_v6`: the
/// interface has IPv6 addresses, which the kernel takes away below 1,280 bytes (RFC 8200 §5).
std::uint32_t automatic_mtu(std::optional<std::uint32_t> route, Family over, bool carries_v6);

}  // namespace adit::host
