// SPDX-License-Identifier: MIT
// What the system calls of the data path cost on this machine, and a loop in which as much is spent.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <optional>
#include <utility>
#include <vector>

#include "offload/virtio_header.h"

namespace adit::bench {

using Buffer = std::vector<std::uint8_t>;

inline constexpr std::size_t kSegment = 1368;  ///< TCP payload of a packet of 1420 bytes, with timestamps
inline constexpr std::size_t kSegments = 46;
inline constexpr std::size_t kPayload = kSegment * kSegments;
inline constexpr std::size_t kSealed = 1420 + 32 + 12;  ///< of a full packet, about; what the UDP port is given

/// Processor time by that clock.
double cpu_ns(clockid_t clock);
inline double thread_ns() {
  return cpu_ns(CLOCK_THREAD_CPUTIME_ID);
}
double median(std::vector<double> samples);

/// UDP, since nobody has to answer it.
std::pair<offload::VirtioHeader, Buffer> super_datagram();

/// A loop that nothing can shorten; how long one round takes is measured, in processor time.
class Spender {
 public:
  Spender() {
    for (int i = 0; i < 3; ++i) {
      constexpr std::uint64_t kRounds = 3'000'000;
      const auto before = thread_ns();
      turn(kRounds);
      per_ns_ = std::max(per_ns_, static_cast<double>(kRounds) / (thread_ns() - before));
    }
  }
  void spend(double ns) const { turn(static_cast<std::uint64_t>(std::max(ns, 0.0) * per_ns_)); }
  /// `work` is part of it: copies, which system calls make, too.
  template <class Work>
  void spend(double ns, const Work& work) const {
    const auto before = thread_ns();
    work();
    spend(ns - (thread_ns() - before));
  }

 private:
  static void turn(std::uint64_t rounds) {
    std::uint64_t x = 88'172'645'463'325'252ULL;
    for (; rounds > 0; --rounds) {
      x ^= x << 13;
      x ^= x >> 7;
      x ^= x << 17;
      asm volatile("" : "+r"(x));
    }
  }
  double per_ns_ = 0;
};

/// Of one super-packet, or as many datagrams as it becomes, in ns of the calling thread.
struct Costs {
  double tun_read = 0;
  double udp_send = 0;
  double udp_receive = 0;
  double tun_write = 0;
};

/// Measured on a TUN and on the loopback interface of a network namespace that goes with this thread. None: that takes
/// root, and it was said.
std::optional<Costs> measure_costs(int rounds);

}  // namespace adit::bench
