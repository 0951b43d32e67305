// SPDX-License-Identifier: MIT
#include "link/health.h"

#include <fmt/core.h>

#include "base/clock_text.h"

namespace adit::link {
namespace {

using std::chrono::seconds;
using tunnel::DropReason;
using tunnel::HandshakeProblem;
using tunnel::Status;

std::string ago(Duration silence) {
  return fmt::format("{} s", std::chrono::duration_cast<seconds>(silence).count());
}

std::string unanswered(const Status& status, const Endpoint& remote, const Surroundings& surroundings) {
  auto text = status.attempts <= 1 ? fmt::format("calling {}", to_string(remote))
                                   : fmt::format("{} handshakes to {} unanswered since {}", status.attempts,
                                                 to_string(remote), time_of_day(status.attempting_since));
  if (status.attempts > 1 && surroundings.others > 0) {
    text += fmt::format(", nor did {} other {}", surroundings.others,
                        surroundings.others == 1 ? "endpoint answer" : "endpoints answer");
  }
  if (!surroundings.send_error.empty()) text += "; the last could not be sent: " + surroundings.send_error;
  return text;
}

std::string with_problem(std::string reason, const Status& status) {
  const auto problem = status.problem ? explain(*status.problem) : std::string{};
  if (problem.empty()) return reason;
  return reason.empty() ? problem : fmt::format("{}; {}", problem, reason);
}

Health never_connected(const Status& status, const Endpoint& remote, const Surroundings& surroundings) {
  if (!remote.known() && !surroundings.endpoint_name.empty()) {
    const auto& error = surroundings.resolver_error;
    return {State::resolving, error.empty() ? fmt::format("asking for the address of {}", surroundings.endpoint_name)
                                            : fmt::format("{}: {}", surroundings.endpoint_name, error)};
  }
  if (!remote.known()) return {State::waiting, with_problem("no endpoint known yet: the peer must call", status)};
  return {State::connecting, with_problem(unanswered(status, remote, surroundings), status)};
}

/// A link that had a session: why it is none any more; empty: it is one.
std::string why_stale(const Status& status, const Endpoint& remote, const Surroundings& surroundings,
                      std::optional<Duration> keepalive, Instant now) {
  const auto silence = now - status.heard_at.value_or(*status.handshake_at);
  const auto calls = status.attempts > 0 ? "; " + unanswered(status, remote, surroundings) : std::string{};
  if (surroundings.refused_since && now - *surroundings.refused_since >= kRefusedAfter) {
    return fmt::format("nothing can be sent to {} for {}: {}", to_string(remote),
                       ago(now - *surroundings.refused_since), surroundings.send_error);
  }
  if (status.unanswered_at && now - *status.unanswered_at >= kUnansweredAfter) {
    return fmt::format("data sent, but nothing received for {}{}", ago(silence), calls);
  }
  const auto unproven = now - status.reached_at.value_or(*status.handshake_at);
  if (status.attempts >= kUnprovenAttempts && unproven >= kUnprovenAfter) {
    if (silence >= kUnprovenAfter) return fmt::format("nothing received for {}{}", ago(silence), calls);
    return fmt::format(
        "what we send does not arrive: packets come from the peer, the last {} ago, but it has answered "
        "nothing for {}{}",
        ago(silence), ago(unproven), calls);
  }
  if (silence < kStaleAfter || (keepalive && silence < *keepalive + kAnswerTime)) return {};
  const auto* const idle =
      status.attempts == 0 && !keepalive ? "; peer.keepalive is off, so an idle link is silent" : "";
  return fmt::format("nothing received for {}{}{}", ago(silence), calls, idle);
}

/// Whatever has failed around it.
Health assess_session(const Status& status, const Endpoint& remote, const Surroundings& surroundings,
                      std::optional<Duration> keepalive, Instant now) {
  if (!surroundings.missing.empty()) return {State::waiting, surroundings.missing};
  if (!status.handshake_at) return never_connected(status, remote, surroundings);

  auto reason = why_stale(status, remote, surroundings, keepalive, now);
  if (!reason.empty()) return {State::stale, with_problem(std::move(reason), status)};
  return {State::up, surroundings.left_out};
}

}  // namespace

std::string explain(const HandshakeProblem& problem) {
  const auto from = to_string(problem.from);
  switch (problem.reason) {
    case DropReason::wrong_key:
      return fmt::format("peer uses another key: initiation from {} names public key {}", from,
                         crypto::to_base64(problem.key));
    case DropReason::unverified_response:
      return fmt::format("{} answers, but its response does not verify: the preshared keys differ", from);
    case DropReason::old_timestamp:
      return fmt::format("initiation from {} is not newer than the last: replayed, or the peer's clock went back",
                         from);
    case DropReason::bad_mac1:
      return fmt::format("handshakes from {} are made for another public key than ours", from);
    case DropReason::invalid_handshake:
      return fmt::format("a handshake from {} does not decrypt: it is forged or damaged", from);
    default:
      return {};
  }
}

std::string_view name_of(State state) {
  switch (state) {
    case State::waiting:
      return "waiting";
    case State::resolving:
      return "resolving";
    case State::connecting:
      return "connecting";
    case State::up:
      return "up";
    case State::stale:
      return "stale";
    case State::failed:
      return "failed";
  }
  return "unknown";
}

std::string to_line(const Health& health) {
  std::string line(name_of(health.state));
  if (!health.reason.empty()) line += ": " + health.reason;
  return line;
}

std::string what_is_missing(const config::Config& config) {
  const auto& missing = config.missing;
  if (!missing.private_key && !missing.peer) return {};
  const auto* const what = !missing.peer ? "private key" : !missing.private_key ? "peer" : "private key and no peer";
  return fmt::format("no {} yet: `wg set {}` or `wg setconf {}` gives it one", what, config.interface.name,
                     config.interface.name);
}

Health assess(const Status& status, const Endpoint& remote, const Surroundings& surroundings,
              std::optional<Duration> keepalive, Instant now) {
  auto health = assess_session(status, remote, surroundings, keepalive, now);
  const bool failed = !surroundings.failure.empty();
  health.session = failed && !surroundings.beside ? State::failed : health.state;
  if (failed) {
    health.state = State::failed;
    health.reason = surroundings.failure;
  }
  return health;
}

}  // namespace adit::link
