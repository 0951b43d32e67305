// SPDX-License-Identifier: MIT
// Buffers for a batch of packets, made once. Memory that no packet has reached yet is not even backed by the kernel.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "tunnel/batch.h"

namespace adit::app {

/// More than any IP packet and any datagram has: what fills it was cut.
inline constexpr std::size_t kLargestRead = 65'536;
/// Packets a batch has at most.
inline constexpr std::size_t kBatchPackets = 32;

class PacketSlots {
 public:
  /// The largest packet, padded, with header and tag.
  static constexpr std::size_t kCapacity = kLargestRead + tunnel::kPaddingSlack + wire::kTransportOverhead;

  PacketSlots() : storage_(std::make_unique_for_overwrite<std::uint8_t[]>(kBatchPackets * kStride)) {}
  /// Slot `i`, kCapacity bytes.
  MutableBytes operator[](std::size_t i) { return {storage_.get() + i * kStride, kCapacity}; }

 private:
  /// Two cache lines more than a power of two: packets of a batch that begin alike would otherwise fight for the same
  /// few places in the cache.
  static constexpr std::size_t kStride = kLargestRead + 128;
  static_assert(kStride >= kCapacity);

  std::unique_ptr<std::uint8_t[]> storage_;
};

}  // namespace adit::app
