// SPDX-License-Identifier: MIT
// What a link is doing, in the one vocabulary of status, journal and metrics, with a reason a person understands
// (PRODUCT.md). A pure function of facts, so that every sentence can be tested.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "tunnel/status.h"

namespace adit::link {

enum class State : std::uint8_t {
  waiting,     ///< no endpoint known yet: the peer must call
  resolving,   ///< the peer's name has no address yet
  connecting,  ///< handshakes go out, none has completed
  up,          ///< a session, and the peer is heard
  stale,  ///< nothing authentic for 180 s (or longer, by peer.keepalive), or data sent and nothing received, or what we
          ///< send does not arrive
  failed,  ///< the link cannot work until somebody does something
};

std::string_view name_of(State state);

/// What the machine itself cannot know.
struct Surroundings {
  std::string endpoint_name;   ///< HOST:PORT being resolved; empty when nothing is
  std::string resolver_error;  ///< why it did not resolve yet; may be empty
  std::string send_error;      ///< why the kernel refused what was sent last; empty when it did not
  /// Since when it has refused all that was sent; none: it has not.
  std::optional<Instant> refused_since = {};
  std::size_t others = 0;  ///< endpoints that are tried while this one does not answer, once it was called again
  std::string missing;     ///< what has to be set up before anything can work; empty: nothing
  std::string failure;     ///< set: the link has failed, and why
  bool beside = false;     ///< that failure is none of the session's: it goes on, and packets pass
  std::string left_out;    ///< what does not work beside a link that does; empty: nothing
};

struct Health {
  State state{};
  std::string reason;  ///< when up, what does not work all the same: mostly empty
  State session{};     ///< what `state` would be without what is wrong on this host beside the packets' way
};

/// Silence after which a link is stale, however idle it may be (REJECT_AFTER_TIME: no session outlives it). One that is
/// to speak less often is silent for as long as that, and for the time an answer may take.
inline constexpr Duration kStaleAfter = std::chrono::seconds(180);
inline constexpr Duration kAnswerTime = std::chrono::seconds(20);
/// Data without any answer: a live peer answers within KEEPALIVE_TIMEOUT (10 s), with a keepalive if nothing else.
inline constexpr Duration kUnansweredAfter = std::chrono::seconds(20);

/// Without a proof that the peer hears us, while calls go unanswered: so many, which take ten seconds, so that a few
/// lost messages are no reason.
inline constexpr Duration kUnprovenAfter = std::chrono::seconds(40);
inline constexpr std::uint32_t kUnprovenAttempts = 3;
/// The kernel refusing all we send.
inline constexpr Duration kRefusedAfter = std::chrono::seconds(10);

/// As the unit's status line has it: the state, and why.
std::string to_line(const Health& health);
/// What a link that `wg` sets up still lacks, as a sentence with the next step; empty: nothing.
std::string what_is_missing(const config::Config& config);
/// What a refused handshake message tells about the other end; empty when it tells nothing.
std::string explain(const tunnel::HandshakeProblem& problem);

/// `keepalive`: the interval; none: off.
Health assess(const tunnel::Status& status, const Endpoint& remote, const Surroundings& surroundings,
              std::optional<Duration> keepalive, Instant now);

}  // namespace adit::link
