// SPDX-License-Identifier: MIT
// Packets that wait for a session (paper §6.4), bounded in number, bytes and age: what is too old is of no use to
// anyone.
#pragma once

#include <deque>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace adit::tunnel {

class Staging {
 public:
  static constexpr std::size_t kMaxPackets = 128;
  static constexpr std::size_t kMaxBytes = 512 * 1024;
  static constexpr Duration kMaxAge = std::chrono::seconds(90);

  /// Copies `packet`. Returns how many older ones had to go for it.
  std::size_t push(Bytes packet, Instant now);
  /// Drops what is older than kMaxAge; returns how many packets that were.
  std::size_t expire(Instant now);
  /// The oldest packet; there must be one.
  std::vector<std::uint8_t> pop();
  std::size_t clear();
  bool empty() const { return packets_.empty(); }
  std::size_t size() const { return packets_.size(); }

 private:
  struct Packet {
    std::vector<std::uint8_t> bytes;
    Instant staged;
  };
  std::deque<Packet> packets_;
  std::size_t bytes_ = 0;
};

}  // namespace adit::tunnel
