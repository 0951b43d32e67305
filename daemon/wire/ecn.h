// SPDX-License-Identifier: MIT
// Explicit congestion notification across the tunnel (RFC 6040, "normal mode"): a sender's promise to heed marks goes
// onto the outer header, and a mark that the outer header got on its way comes back into the inner one.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace adit::wire {

/// The two bits, as they stand in the traffic class.
inline constexpr std::uint8_t kEcnMask = 3;
enum class Ecn : std::uint8_t { not_capable = 0, capable1 = 1, capable0 = 2, congestion = 3 };

inline Ecn ecn_of(std::uint8_t traffic_class) {
  return static_cast<Ecn>(traffic_class & kEcnMask);
}

/// Brings the outer mark into `packet`, a whole IP packet (RFC 6040 §4.2, figure 4), IPv4 checksum included. False: the
/// packet must be dropped, since it met congestion and its sender would not understand the mark.
[[nodiscard]] bool take_outer_ecn(MutableBytes packet, Ecn outer);

}  // namespace adit::wire
