// SPDX-License-Identifier: MIT
// Buffers for a batch of what the kernel hands over, made once. Memory that no packet has reached yet is not even
// backed by the kernel.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "tunnel/batch.h"

namespace adit::app {

/// More than any IP packet and any datagram has: what fills it was cut.
inline constexpr std::size_t kLargestRead = 65'536;
/// Reads of the TUN in a batch, and messages of a UDP socket, at most: small packets are worth many at a time.
inline constexpr std::size_t kBatchReads = 64;
/// A batch ends once it has this many bytes: each read may be a super-packet of 64 KB, what is in work must stay in the
/// processor's cache, and the other direction must have its turn.
inline constexpr std::size_t kBatchBytes = 256 * 1024;

class PacketSlots {
 public:
  PacketSlots() : storage_(std::make_unique_for_overwrite<std::uint8_t[]>(kBatchReads * kStride)) {}
  /// Slot `i`: kLargestRead bytes, and room for padding behind.
  MutableBytes operator[](std::size_t i) { return {storage_.get() + i * kStride, kLargestRead}; }

 private:
  /// Two cache lines more than a power of two: packets of a batch that begin alike would otherwise fight for the same
  /// few places in the cache.
  static constexpr std::size_t kStride = kLargestRead + 128;
  static_assert(kStride >= kLargestRead + tunnel::kPaddingSlack);

  std::unique_ptr<std::uint8_t[]> storage_;
};

}  // namespace adit::app
