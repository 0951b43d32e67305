// SPDX-License-Identifier: MIT
// Buffers for a batch of what the kernel hands over, made once. Memory that no packet has reached yet is not even
// backed by the kernel.
#pragma once

#include <array>
#include <memory>

#include "base/bytes.h"
#include "net/tun_device.h"
#include "net/udp_socket.h"
#include "tunnel/batch.h"
#include "tunnel/ethernet.h"

namespace adit::path {

/// A batch ends once it has this many bytes: each read may be a super-packet of 64 KB, what is in work must stay in the
/// processor's cache, and the other direction must have its turn.
inline constexpr std::size_t kBatchBytes = 256 * 1024;
/// Where several threads share the work: half of it, so that the next one can be read while this one is sealed.
inline constexpr std::size_t kSharedBatchBytes = kBatchBytes / 2;
/// For the TUN, which is read one packet behind the other.
constexpr std::size_t packet_arena(std::size_t batch) {
  return batch + net::kLargestPacket + net::kReadSlack;
}
inline constexpr std::size_t kPacketArena = packet_arena(kBatchBytes);
static_assert(net::kReadSlack >= tunnel::kPaddingSlack);
static_assert(net::kFrameHeadroom >= tunnel::Ethernet::kHeadroom);

/// Bytes one behind the other. As large as they may be, only those that were reached take memory.
class Arena {
 public:
  explicit Arena(std::size_t size) { resize(size); }
  /// What was in it is gone.
  void resize(std::size_t size) {
    storage_ = std::make_unique_for_overwrite<std::uint8_t[]>(size);
    size_ = size;
  }
  std::size_t size() const { return size_; }
  const std::uint8_t* data() const { return storage_.get(); }
  operator MutableBytes() { return {storage_.get(), size_}; }

 private:
  std::unique_ptr<std::uint8_t[]> storage_;
  std::size_t size_ = 0;
};

/// Messages of a UDP socket in a batch, at most. Each has a buffer of its own, as any may be of any size.
inline constexpr std::size_t kBatchMessages = 64;

/// Each begins on a cache line. Where a copy of the kernel's (`rep movsb`) goes to a place that lies 1 to 31 bytes
/// further within its page than what is copied does within its own, an EPYC takes six times as long for it (25 µs for
/// 64 KB instead of 4): it takes the two for the same memory. A socket's large messages begin with a page, and what
/// `new` gives begins 16 bytes behind one.
class MessageSlots {
 public:
  MessageSlots() : storage_(std::make_unique_for_overwrite<Line[]>(kBatchMessages * kStride / sizeof(Line))) {}
  MutableBytes operator[](std::size_t i) {
    return {reinterpret_cast<std::uint8_t*>(storage_.get()) + i * kStride, net::kMaxDatagram};
  }

 private:
  struct alignas(64) Line {
    std::array<std::uint8_t, 64> bytes;
  };
  /// Three cache lines more than a power of two: messages of a batch that begin alike would otherwise fight for the
  /// same few places in the cache.
  static constexpr std::size_t kStride = net::kLargestPacket + 3 * sizeof(Line);

  std::unique_ptr<Line[]> storage_;
};

}  // namespace adit::path
