// SPDX-License-Identifier: MIT
// One session's keys with all that must never be separated from them: the counter that makes nonces, the replay
// window, the indices and the birth (paper §5.4.5, §5.4.6).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "base/time.h"
#include "noise/handshake.h"
#include "noise/replay_window.h"

namespace adit::noise {

/// No counter from here on is sent or taken (§6.1).
inline constexpr std::uint64_t REJECT_AFTER_MESSAGES = std::numeric_limits<std::uint64_t>::max() - (1 << 13);
/// From here on a new handshake is due.
inline constexpr std::uint64_t REKEY_AFTER_MESSAGES = std::uint64_t{1} << 60;

/// The only place nonces come from. Cannot be copied, so no counter can be handed out twice.
class CounterSource {
 public:
  explicit CounterSource(std::uint64_t first = 0) : next_(first) {}
  CounterSource(CounterSource&& other) noexcept : next_(std::exchange(other.next_, REJECT_AFTER_MESSAGES)) {}
  CounterSource& operator=(CounterSource&&) = delete;
  CounterSource(const CounterSource&) = delete;
  CounterSource& operator=(const CounterSource&) = delete;

  /// The first of `count` consecutive counters, all below REJECT_AFTER_MESSAGES; nothing when there are not so many.
  std::optional<std::uint64_t> take(std::uint64_t count) {
    if (count > REJECT_AFTER_MESSAGES - next_) return std::nullopt;
    return std::exchange(next_, next_ + count);
  }
  std::uint64_t next() const { return next_; }

 private:
  std::uint64_t next_;
};

/// Who began the handshake these keys came from.
enum class Role : std::uint8_t { initiator, responder };

struct Keypair {
  TransportKeys keys;
  std::uint32_t local_index = 0;   ///< in packets to us
  std::uint32_t remote_index = 0;  ///< in packets to the peer
  Role role = Role::initiator;     ///< ours
  Instant created{};
  CounterSource counters{};
  ReplayWindow received{};
};

}  // namespace adit::noise
