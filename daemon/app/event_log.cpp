// SPDX-License-Identifier: MIT
#include "app/event_log.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <variant>

namespace adit::app {
namespace {

namespace level = spdlog::level;
using tunnel::DropReason;

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

/// What the user can do something about is a warning; what strangers do all day is not.
level::level_enum level_of(DropReason reason) {
  switch (reason) {
    case DropReason::wrong_key:
    case DropReason::unverified_response:
    case DropReason::old_timestamp:
    case DropReason::bad_mac1:
    case DropReason::invalid_handshake:
      return level::warn;
    default:
      return level::debug;
  }
}

}  // namespace

bool LineLimit::allow(Instant now) {
  const auto refill = (now - filled_) / kInterval;
  if (refill > 0) {
    tokens_ = static_cast<unsigned>(std::min<std::int64_t>(kBurst, tokens_ + refill));
    filled_ = now;
  }
  if (tokens_ == 0) {
    ++suppressed_;
    return false;
  }
  --tokens_;
  return true;
}

void EventLog::event(const tunnel::Event& event, Instant now) {
  std::visit([&](const auto& what) { tell(what, now); }, event);
}

void EventLog::tell(const tunnel::InitiationSent& event, Instant now) {
  write(Kind::attempt, level::debug, fmt::format("handshake {} sent to {}", event.attempt, to_string(event.to)), now);
}

void EventLog::tell(const tunnel::HandshakeCompleted& event, Instant now) {
  const auto line = event.role == noise::Role::initiator
                        ? fmt::format("handshake with {} completed in {:.1f} ms", to_string(event.with),
                                      milliseconds(event.round_trip))
                        : fmt::format("handshake begun by {} completed", to_string(event.with));
  write(Kind::handshake, level::debug, line, now);
}

void EventLog::tell(const tunnel::HandshakeRefused& event, Instant now) {
  auto line = explain({.reason = event.reason, .from = event.from, .key = event.key, .when = {}});
  if (line.empty()) line = fmt::format("handshake from {} dropped: {}", to_string(event.from), name_of(event.reason));
  write(refusals_[static_cast<std::size_t>(event.reason)], level_of(event.reason), std::move(line), now);
}

void EventLog::tell(const tunnel::AttemptsExhausted& event, Instant now) {
  const auto line = fmt::format("{} does not answer; packets that waited for it are dropped, and calling goes on",
                                to_string(event.to));
  write(Kind::exhausted, level::warn, line, now);
}

void EventLog::tell(const tunnel::EndpointMoved& event, Instant now) {
  const auto line = fmt::format("the peer moved from {} to {}", to_string(event.from), to_string(event.to));
  write(Kind::moved, level::info, line, now);
}

void EventLog::tell(const tunnel::UnderLoadChanged& event, Instant now) {
  if (event.under_load) {
    write(Kind::load, level::warn, "handshakes come in floods: strangers must show a cookie from now on", now);
  } else {
    write(Kind::load, level::info, "the flood of handshakes is over", now);
  }
}

void EventLog::tell(const tunnel::SessionExpired&, Instant now) {
  write(Kind::expired, level::info, "no session for a long time: all session keys are wiped", now);
}

void EventLog::state(const Health& health) {
  switch (health.state) {
    case State::up:
      log_.info("the link is up");
      return;
    case State::stale:
    case State::failed:
      log_.warn("the link is {}: {}", name_of(health.state), health.reason);
      return;
    default:
      log_.info("the link is {}: {}", name_of(health.state), health.reason);
  }
}

void EventLog::send_failed(const Endpoint& to, const std::string& error, Instant now) {
  write(Kind::send, level::warn, fmt::format("cannot send to {}: {}", to_string(to), error), now);
}

void EventLog::drops(const tunnel::DropCounters& counters, Instant now) {
  if (told_at_ && now - *told_at_ < kSummaryInterval) return;
  std::string list;
  for (std::size_t i = 0; i < tunnel::kDropReasons; ++i) {
    const auto reason = static_cast<DropReason>(i);
    const auto fresh = counters[reason] - told_[reason];
    if (fresh != 0) list += fmt::format("{}{} {}", list.empty() ? "" : ", ", name_of(reason), fresh);
  }
  if (list.empty()) return;
  log_.info("packets dropped: {}", list);
  told_ = counters;
  told_at_ = now;
}

void EventLog::write(Kind kind, level::level_enum severity, const std::string& line, Instant now) {
  write(limits_[static_cast<std::size_t>(kind)], severity, line, now);
}

void EventLog::write(LineLimit& limit, level::level_enum severity, std::string line, Instant now) {
  // Lines below the level cost no allowance: a debug line must not be why a later one is missing.
  if (!log_.should_log(severity) || !limit.allow(now)) return;
  if (const auto suppressed = limit.take_suppressed())
    line += fmt::format(" ({} more like this not shown)", suppressed);
  log_.log(severity, line);
}

}  // namespace adit::app
