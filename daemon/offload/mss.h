// SPDX-License-Identifier: MIT
// TCP's largest segment (MSS, RFC 9293 §3.7.1), lowered in the SYNs that pass: a path that fits fewer bytes than its
// ends believe is not to be found out by losing them. Never raised. Knows IPv4 with options and IPv6 with extension
// headers.
#pragma once

#include "base/bytes.h"

namespace adit::offload {

/// The largest segments that fit packets of `size` bytes, over either family.
struct MssLimits {
  std::uint16_t v4 = 0;  ///< 0: leave it
  std::uint16_t v6 = 0;
  friend bool operator==(const MssLimits&, const MssLimits&) = default;
};
MssLimits mss_limits(std::uint32_t size);

/// Lowers the MSS of `packet` if it is a TCP SYN that allows for more than `limits`; its checksum is made right again,
/// also one that stands for the pseudo-header alone (`partial`: somebody else is to finish it). True: it was lowered.
/// Whatever is not understood is left as it is.
bool clamp_mss(MutableBytes packet, const MssLimits& limits, bool partial);

}  // namespace adit::offload
