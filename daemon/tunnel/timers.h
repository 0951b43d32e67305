// SPDX-License-Identifier: MIT
// The paper's constants (§6.1) and the deadlines of a link: the paper's five, and three of our own. When they are set
// and what they do is in timing.cpp.
//
//   retransmit      an initiation went out and no session came of it: try again
//   keepalive       we got data and had nothing to send back: an empty packet, so that the peer knows we live (§6.5)
//   new_handshake   we sent data and heard nothing back: the session may be dead at the other end (§6.5)
//   wipe_keys       no new session for three lifetimes: forget all keys (§6.3)
//   persistent      the user wants the path through NAT and firewalls held open
//   prove           nothing shows that the peer still hears us, whatever we hear of it: ask
//   quiet           data of ours has no answer yet, and one would be due by now in most cases: tell who may know why
//   nudge           a stream of the peer's broke off: an empty packet opens the NAT that may have forgotten us
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
/// Times kMaxJitter are added to REKEY_AFTER_TIME at most: two ends that began at once renew apart.
inline constexpr int kRenewalJitter = 8;
/// As long is a session received that is neither the current one nor the one before. Who sends with it for longer has
/// not heard of the current one, and is to notice that nothing comes through.
inline constexpr Duration kHeardAge = 5s;
/// How long an initiation is let be when we are told to call the same place again.
inline constexpr Duration kAnswerTime = 1s;
/// Data without an answer for that long: a peer that lives has sent an empty packet after KEEPALIVE_TIMEOUT. The paper
/// waits for REKEY_TIMEOUT more; but all it costs to be wrong is a handshake.
inline constexpr Duration kAnswerDue = KEEPALIVE_TIMEOUT + 1500ms;
/// Without a proof that the peer hears us, and with a reason to expect one, an initiation asks for it after that. The
/// responder leaves it to the initiator, as it does with rekeying: one handshake proves both ways.
inline constexpr Duration kProofAge = 25s;
inline constexpr Duration kResponderProofAge = 30s;
/// Where the peer can be asked inside the session (prober.h), it is, and has so long to answer; then it is an
/// initiation after all. A peer that has never answered by then, and is there, is asked no more.
inline constexpr Duration kProbeAnswerTime = 2s;
inline constexpr std::uint32_t kVainQuestions = 3;
/// Times kMaxJitter are added for the initiator, since both ends are one when both began at once.
inline constexpr int kProofJitter = 8;
/// Of the peer's unconfirmed session, when another initiation of its comes: it did not get our answer.
inline constexpr Duration kUnconfirmedAge = 3s;
/// Data without an answer for that long is told of; that is no reason yet to call.
inline constexpr Duration kQuietAfter = 5s;
/// Data that comes so often with gaps no longer than that is a stream; one that then pauses for kStreamBroken has
/// broken off.
inline constexpr Duration kStreamGap = 2s;
inline constexpr std::uint32_t kStreamLength = 4;
inline constexpr Duration kStreamBroken = 3500ms;
/// A response to an initiation older than that is not waited for.
inline constexpr Duration kLongestRoundTrip = 15s;
inline constexpr std::uint32_t kAttemptsPerCycle = REKEY_ATTEMPT_TIME / REKEY_TIMEOUT;
inline constexpr Instant kNever = Instant::max();

enum class Timer : std::uint8_t { retransmit, keepalive, new_handshake, wipe_keys, prove, persistent, quiet, nudge };
inline constexpr std::size_t kTimers = static_cast<std::size_t>(Timer::nudge) + 1;

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
  /// A handshake message went out, and its session may still come of it: no initiation of our own accord before that.
  Instant patient_until{};
  std::uint32_t attempts_in_cycle = 0;
  bool has_fresh_cookie = false;       ///< the attempt under way is to be made again with it
  bool another_keepalive = false;      ///< data came in while a keepalive was already due
  Duration session_jitter{};           ///< drawn once a session: randomness costs a system call
  bool rekeyed_before_expiry = false;  ///< once a session, when it nears its end while only receiving
  Instant packet_sent_at{};
  std::optional<Instant> asked_at;  ///< inside the session, whether the peer hears us; there is no answer yet
  std::uint32_t asked_in_vain = 0;  ///< times a handshake had to show it
  Instant data_received_at{};
  std::uint32_t stream_length = 0;  ///< times data was received, each soon after the other
};

}  // namespace adit::tunnel
