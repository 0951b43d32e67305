// SPDX-License-Identifier: MIT
// The Internet checksum (RFC 1071) as a sum one can go on adding to. Pure, and vectorised where the compiler can.
#pragma once

#include "base/bytes.h"

namespace adit::offload {

/// The sum of `data` as big-endian 16-bit words, an odd last byte padded with zero, added to `initial`. Unfolded: room
/// for 2^32 bytes. Only the last piece of a sum may have an odd size.
std::uint64_t checksum_add(Bytes data, std::uint64_t initial = 0);

/// Folded to 16 bits and not complemented: what the kernel wants in the checksum field of a packet it shall finish.
std::uint16_t checksum_fold(std::uint64_t sum);

/// Folded and complemented: what stands in a finished packet.
inline std::uint16_t checksum_finish(std::uint64_t sum) {
  return static_cast<std::uint16_t>(~checksum_fold(sum));
}

/// The pseudo-header of TCP and UDP (RFC 9293 §3.1, RFC 8200 §8.1); `addresses` is source and destination as they stand
/// one behind the other in either IP header, `size` that of the transport header and payload.
std::uint64_t pseudo_header_sum(Bytes addresses, std::uint8_t protocol, std::uint32_t size);

}  // namespace adit::offload
