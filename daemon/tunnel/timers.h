// SPDX-License-Identifier: MIT
// The paper's constants (§6.1) and the five deadlines of a link. When they are set and what they do is in timing.cpp.
//
//   retransmit      an initiation went out and no session came of it: try again
//   keepalive       we got data and had nothing to send back: an empty packet, so that the peer knows we live (§6.5)
//   new_handshake   we sent data and heard nothing back: the session may be dead at the other end (§6.5)
//   wipe_keys       no new session for three lifetimes: forget all keys (§6.3)
//   persistent      the user wants the path through NAT and firewalls held open
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace adit::tunnel {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;

inline constexpr Duration REKEY_AFTER_TIME = 120s;
inline constexpr Duration REJECT_AFTER_TIME = 180s;
inline constexpr Duration REKEY_ATTEMPT_TIME = 90s;
inline constexpr Duration REKEY_TIMEOUT = 5s;
inline constexpr Duration KEEPALIVE_TIMEOUT = 10s;
/// Added at random to handshake timers, or two ends started together would collide for ever.
inline constexpr Duration kMaxJitter = 333ms;
/// Between two cycles of REKEY_ATTEMPT_TIME, unless a packet or a keepalive wants a session before.
inline constexpr Duration kCyclePause = 30s;
/// How long an initiation is let be when we are told to call the same place again.
inline constexpr Duration kAnswerTime = 1s;
inline constexpr std::uint32_t kAttemptsPerCycle = REKEY_ATTEMPT_TIME / REKEY_TIMEOUT;
inline constexpr Instant kNever = Instant::max();

enum class Timer : std::uint8_t { retransmit, keepalive, new_handshake, wipe_keys, persistent };
inline constexpr std::size_t kTimers = static_cast<std::size_t>(Timer::persistent) + 1;

class Timers {
 public:
  Timers() { deadlines_.fill(kNever); }
  void set(Timer timer, Instant when) { at(timer) = when; }
  void cancel(Timer timer) { at(timer) = kNever; }
  bool pending(Timer timer) const { return deadlines_[static_cast<std::size_t>(timer)] != kNever; }
  /// True, once, when the deadline has come.
  bool take(Timer timer, Instant now) {
    if (at(timer) > now) return false;
    cancel(timer);
    return true;
  }
  Instant next() const { return *std::ranges::min_element(deadlines_); }

 private:
  Instant& at(Timer timer) { return deadlines_[static_cast<std::size_t>(timer)]; }
  std::array<Instant, kTimers> deadlines_{};
};

/// What the timers need to know beside their deadlines.
struct Cadence {
  std::optional<Instant> handshake_sent_at;  ///< last handshake message sent: no initiation within REKEY_TIMEOUT
  std::uint32_t attempts_in_cycle = 0;
  bool another_keepalive = false;      ///< data came in while a keepalive was already due
  Duration session_jitter{};           ///< drawn once a session: randomness costs a system call
  bool rekeyed_before_expiry = false;  ///< once a session, when it nears its end while only receiving
};

}  // namespace adit::tunnel
