// SPDX-License-Identifier: MIT
#include "link/event_log.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <variant>

#include "link/observations.h"
#include "link/zone.h"

namespace adit::link {
namespace {

using tunnel::DropReason;

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

/// What the user can do something about is a warning; what strangers do all day is not.
Severity level_of(DropReason reason) {
  switch (reason) {
    case DropReason::wrong_key:
    case DropReason::unverified_response:
    case DropReason::old_timestamp:
    case DropReason::bad_mac1:
    case DropReason::invalid_handshake:
      return Severity::warn;
    default:
      return Severity::debug;
  }
}

std::string interface_of(const Endpoint& endpoint) {
  if (endpoint.scope == 0) return "whichever interface the routes say";
  const auto name = interface_name(endpoint.scope);
  return name.empty() ? "one that is gone" : name;
}

std::string describe(const tunnel::EndpointMoved& event) {
  auto same_place = event.from;
  same_place.scope = event.to.scope;
  if (same_place == event.to && event.from != event.to) {
    return fmt::format("the peer is reached by {} now, was {}", interface_of(event.to), interface_of(event.from));
  }
  return fmt::format("the peer moved from {} to {}", to_string(event.from), to_string(event.to));
}

constexpr std::string_view kEndpoint = "ADIT_ENDPOINT";
constexpr std::string_view kReason = "ADIT_REASON";

service::EntryKind kind_of(State state) {
  switch (state) {
    case State::waiting:
      return service::entry::kWaiting;
    case State::resolving:
      return service::entry::kResolving;
    case State::connecting:
      return service::entry::kConnecting;
    case State::up:
      return service::entry::kUp;
    case State::stale:
      return service::entry::kStale;
    case State::failed:
      return service::entry::kFailed;
  }
  return {};
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

template <class MakeWords>
void EventLog::write(Kind kind, Severity severity, Instant now, const MakeWords& words) {
  auto& limit = limits_[static_cast<std::size_t>(kind)];
  if (!may_write(limit, severity, now)) return;
  auto made = words();
  write_allowed(limit, {severity, std::move(made.text), std::move(made.fields)});
}

void EventLog::event(const tunnel::Event& event, Instant now) {
  std::visit([&](const auto& what) { tell(what, now); }, event);
}

// What is limited is put into words only when it may be said: in a flood nobody is to read most of it.

void EventLog::tell(const tunnel::InitiationSent& event, Instant now) {
  write(Kind::attempt, Severity::debug, now, [&] {
    const auto to = to_string(event.to);
    return Words{event.attempt == 0 ? fmt::format("a handshake sent to {}, too", to)
                                    : fmt::format("handshake {} sent to {}", event.attempt, to),
                 {service::entry::kHandshakeSent, {{kEndpoint, to}}}};
  });
}

void EventLog::tell(const tunnel::HandshakeCompleted& event, Instant now) {
  write(Kind::handshake, Severity::debug, now, [&] {
    const auto with = to_string(event.with);
    return Words{event.role == noise::Role::initiator
                     ? fmt::format("handshake with {} completed in {:.1f} ms", with, milliseconds(event.round_trip))
                     : fmt::format("handshake begun by {} completed", with),
                 {service::entry::kHandshake, {{kEndpoint, with}}}};
  });
}

/// Strangers can cause as many of these as they like: nothing is put into words before somebody is to read them.
void EventLog::tell(const tunnel::HandshakeRefused& event, Instant now) {
  auto& limit = refusals_[static_cast<std::size_t>(event.reason)];
  if (!may_write(limit, level_of(event.reason), now)) return;
  const auto from = to_string(event.from);
  auto text = explain({.reason = event.reason, .from = event.from, .key = event.key, .when = {}});
  if (text.empty()) text = fmt::format("handshake from {} dropped: {}", from, name_of(event.reason));
  const std::string reason(name_of(event.reason));
  write_allowed(limit, {level_of(event.reason),
                        std::move(text),
                        {service::entry::kHandshakeRefused, {{kEndpoint, from}, {kReason, reason}}}});
}

void EventLog::tell(const tunnel::AttemptsExhausted& event, Instant now) {
  write(Kind::exhausted, Severity::warn, now, [&] {
    const auto to = to_string(event.to);
    return Words{fmt::format("{} does not answer; packets that waited for it are dropped, and calling goes on", to),
                 {service::entry::kPeerSilent, {{kEndpoint, to}}}};
  });
}

void EventLog::tell(const tunnel::EndpointMoved& event, Instant now) {
  write(Kind::moved, Severity::info, now,
        [&] { return Words{describe(event), {service::entry::kPeerMoved, {{kEndpoint, to_string(event.to)}}}}; });
}

void EventLog::tell(const tunnel::UnderLoadChanged& event, Instant now) {
  write(Kind::load, event.under_load ? Severity::warn : Severity::info, now, [&] {
    return Words{event.under_load ? "handshakes come in floods: strangers must show a cookie from now on"
                                  : "the flood of handshakes is over",
                 {service::entry::kUnderLoad, {}}};
  });
}

void EventLog::tell(const tunnel::SessionExpired&, Instant now) {
  write(Kind::expired, Severity::info, now, [] {
    return Words{"no session for a long time: all session keys are wiped", {service::entry::kSessionExpired, {}}};
  });
}

void EventLog::state(const Health& health) {
  const std::string name(name_of(health.state));
  const bool bad = health.state == State::stale || health.state == State::failed;
  auto text = fmt::format("the link is {}", name);
  if (!health.reason.empty()) text += ": " + health.reason;
  write({bad ? Severity::warn : Severity::info,
         std::move(text),
         {kind_of(health.state), {{"ADIT_STATE", name}, {kReason, health.reason}}}});
}

void EventLog::disallowed(DropReason reason, const std::string& sentence, Instant now) {
  auto& limit = refusals_[static_cast<std::size_t>(reason)];
  if (!may_write(limit, Severity::warn, now)) return;
  write_allowed(limit,
                {Severity::warn, sentence, {service::entry::kDisallowed, {{kReason, std::string(name_of(reason))}}}});
}

void EventLog::send_failed(const Endpoint& to, const std::string& error, Instant now) {
  write(Kind::send, Severity::warn, now, [&] {
    return Words{explain_send_failure(to, error),
                 {service::entry::kSendFailed, {{kEndpoint, to_string(to)}, {kReason, error}}}};
  });
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
  write({Severity::info, fmt::format("packets dropped: {}", list), {service::entry::kDrops, {}}});
  told_ = counters;
  told_at_ = now;
}

/// Lines below the level cost no allowance: a debug line must not be why a later one is missing.
bool EventLog::may_write(LineLimit& limit, Severity severity, Instant now) const {
  return log_.wants(severity) && limit.allow(now);
}

void EventLog::write_allowed(LineLimit& limit, Line line) {
  if (const auto suppressed = limit.take_suppressed()) {
    line.text += fmt::format(" ({} more like this not shown)", suppressed);
  }
  write(line);
}

/// The logger knows lines alone, so that what has fields goes past it.
void EventLog::write(const Line& line) {
  if (journal_ == nullptr) {
    log_.write(line.severity, "{}", line.text);
  } else if (log_.wants(line.severity)) {
    journal_->write(line.severity, line.text, line.fields);
  }
}

}  // namespace adit::link
