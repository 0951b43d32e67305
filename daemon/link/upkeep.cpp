// SPDX-License-Identifier: MIT
#include "link/upkeep.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <variant>

namespace adit::link {
namespace {

bool concerns_others(const net::NetworkChange& change, std::uint32_t ours) {
  const auto other = [ours](const std::vector<std::uint32_t>& links) {
    return std::ranges::any_of(links, [ours](std::uint32_t link) { return link != ours; });
  };
  return change.addresses || change.routes || change.overrun || other(change.links_up) || other(change.links_down) ||
         other(change.links_deleted);
}

/// Why the kernel refused to send; empty for none.
std::string in_words(int error) {
  if (error == 0) return {};
  const auto* const mend =
      error == EMSGSIZE
          ? "; the way there is narrower than interface.mtu allows for: leave that out, or make it smaller"
          : "";
  return net::describe(error) + mend;
}

}  // namespace

Upkeep::Upkeep(const Parts& parts)
    : parts_(parts),
      way_({.config = parts.config,
            .interface = parts.interface,
            .host = parts.host,
            .tunnel = parts.tunnel,
            .data_path = parts.data_path,
            .log = parts.log}),
      memory_(parts.store, parts.tunnel.peer_key(), parts.log, parts.loop.now()),
      since_(parts.wall_clock.now()),
      looked_at_(parts.loop.now()),
      recall_{.done_at = parts.loop.now()},
      guard_(parts.interface, parts.host, parts.log, parts.loop.now()),
      full_tunnel_(parts.host, parts.log),
      timer_(parts.loop, [this] { look(parts_.loop.now()); }) {}

void Upkeep::event(const tunnel::Event& event, Instant now) {
  eventful_ = true;
  parts_.event_log.event(event, now);
  if (std::holds_alternative<tunnel::InitiationSent>(event)) {
    recall_.initiated_at = now;
  } else if (const auto* refused = std::get_if<tunnel::HandshakeRefused>(&event)) {
    observations_.handshake_refused(*refused, parts_.wall_clock.now());
  } else if (const auto* completed = std::get_if<tunnel::HandshakeCompleted>(&event)) {
    memory_.found(completed->with);
    if (completed->role == noise::Role::responder) jumps_.called(completed->with, now);
  } else if (const auto* probe = std::get_if<tunnel::ProbeEnded>(&event)) {
    way_.event(*probe, now);
  } else if (const auto* moved = std::get_if<tunnel::EndpointMoved>(&event)) {
    memory_.found(moved->to);
    way_.ask_again();
    look_at_move(*moved, now);
  }
}

void Upkeep::look_at_move(const tunnel::EndpointMoved& moved, Instant now) {
  if (parts_.tunnel.status().endpoint_source != tunnel::EndpointSource::learned) return;  // we chose to
  const auto sentence = jumps_.moved(moved.from, moved.to, now);
  if (!sentence) return;
  if (observations_.endpoint_jumps(*sentence, moved.to, parts_.wall_clock.now())) parts_.log.warn("{}", *sentence);
}

void Upkeep::network_changed(const net::NetworkChange& change, Instant now) {
  guard_.network_changed(change);
  if (guard_.next_look()) {
    guard_.look(now);
    eventful_ = true;
  }
  full_tunnel_.network_changed(change, now);
  if (!concerns_others(change, parts_.interface)) return plan_next_look(now);
  recall_.wanted = true;
  look_around();
  look(now);
}

void Upkeep::interface_moved(const std::string& interface, const std::string& place) {
  const auto sentence = fmt::format(
      "the interface {} is in {} now: packets go on, and its addresses and routes there are up to whoever moved it",
      interface, place);
  parts_.log.warn("{}", sentence);
  observations_.interface_moved(sentence, parts_.wall_clock.now());
}

void Upkeep::interface_renamed(const std::string& before, const std::string& now) {
  const auto sentence = fmt::format(
      "somebody renamed the interface {0} to {1}: the link goes on with it; `ip link set {1} name {0}` gives the name "
      "back, or have interface.name say {1}",
      before, now);
  parts_.log.warn("{}", sentence);
  observations_.interface_renamed(sentence, parts_.wall_clock.now());
}

void Upkeep::turn_end(Instant now) {
  const bool curious = eventful_ || way_.data_waits(now) ||
                       (health_.state != State::up && parts_.tunnel.status().heard_at >= looked_at_);
  if (!curious) return;
  if (now - looked_at_ >= kLookLimit) {
    look(now);
  } else {
    eventful_ = true;
    plan_next_look(now);
  }
}

const Health& Upkeep::look(Instant now) {
  eventful_ = false;
  looked_at_ = now;
  guard_.look(now);
  full_tunnel_.look(now);
  way_.look(now);
  call_again_if_due(now);
  look_at_drops(now);
  look_at_state(now);
  memory_.save_if_due(now);
  parts_.event_log.drops(parts_.tunnel.status().drops, now);
  plan_next_look(now);
  return health_;
}

void Upkeep::look_at_drops(Instant now) {
  const auto& status = parts_.tunnel.status();
  const auto wall = parts_.wall_clock.now();
  for (const auto& seen : observations_.disallowed(status, wall))
    parts_.event_log.disallowed(seen.reason, seen.sentence, now);
  if (const int error = parts_.data_path.send_error(); error != 0) {
    observations_.send_failed(parts_.tunnel.path().remote, in_words(error),
                              status.drops[tunnel::DropReason::send_failed], wall);
  }
  look_at_refusal_elsewhere(now);
  const auto resolver_error = parts_.caller.error();
  if (!resolver_error.empty() && resolver_error != resolver_error_) {
    observations_.unresolved(parts_.caller.unresolved(), resolver_error, wall);
  }
  resolver_error_ = resolver_error;
}

/// Other endpoints are tried again and again, and what refuses one mostly goes on: said once.
void Upkeep::look_at_refusal_elsewhere(Instant now) {
  const auto refusal = parts_.data_path.take_refused_elsewhere();
  if (!refusal) return;
  const auto words = in_words(refusal->error);
  observations_.send_failed(refusal->to, words, parts_.tunnel.status().drops[tunnel::DropReason::send_failed],
                            parts_.wall_clock.now());
  if (std::exchange(refusals_.elsewhere, refusal) != refusal) parts_.event_log.send_failed(refusal->to, words, now);
}

/// One datagram that is too big says nothing of the others.
void Upkeep::look_at_refusals(Instant now) {
  const int error = parts_.data_path.send_error();
  if (error == 0 || error == EMSGSIZE) {
    refusals_.since.reset();
  } else if (!refusals_.since) {
    refusals_.since = now;
  }
}

void Upkeep::look_at_state(Instant now) {
  look_at_refusals(now);
  const auto& status = parts_.tunnel.status();
  const auto& remote = parts_.tunnel.path().remote;
  const auto send_error = in_words(parts_.data_path.send_error());
  if (!send_error.empty()) parts_.event_log.send_failed(remote, send_error, now);
  Surroundings surroundings{.endpoint_name = parts_.caller.unresolved(),
                            .resolver_error = parts_.caller.error(),
                            .send_error = send_error,
                            .refused_since = refusals_.since,
                            .others = status.attempts > 1 ? parts_.caller.others() : 0,
                            .missing = what_is_missing(parts_.config),
                            .left_out = left_out()};
  note_failure(surroundings);
  auto health = assess(status, remote, surroundings, parts_.tunnel.keepalive(), now);
  const bool changed = health.state != health_.state;
  health_ = std::move(health);
  if (parts_.told) parts_.told(health_);
  if (!changed && since_told_) return;
  since_told_ = true;
  since_ = parts_.wall_clock.now();
  parts_.event_log.state(health_);
}

/// The first cause first. What cannot be put back on this host stands in the way of some packets, the others in that of
/// all.
void Upkeep::note_failure(Surroundings& surroundings) const {
  const auto uplink = parts_.uplink_problem ? parts_.uplink_problem() : std::string();
  const auto host = guard_.problem();
  const auto& way = way_.problem();
  surroundings.failure = !uplink.empty() ? uplink : !host.empty() ? host : way;
  surroundings.beside = uplink.empty() && way.empty();
}

std::string Upkeep::left_out() const {
  std::string text;
  const auto beside = parts_.beside ? parts_.beside() : std::string();
  for (const auto& each : {full_tunnel_.in_words(), guard_.left_out(), way_.left_out(), beside}) {
    if (!each.empty()) text += (text.empty() ? "" : "; ") + each;
  }
  return text;
}

/// From the address the peer called, as long as it can reach us there: others it may not know, or not be let through
/// to. So another source that the kernel would choose on the same interface, as it does with each temporary address of
/// IPv6, is no reason to leave it.
void Upkeep::call_again_if_due(Instant now) {
  if (!recall_.wanted || way_.due() || now - recall_.initiated_at < kHandshakeMoment) return;
  if (!way_.moved() && now - recall_.done_at < kRetryLimit) return;
  parts_.log.debug("the network changed: calling again");
  recall_.wanted = false;
  recall_.done_at = now;
  if (way_.changed_interface() || !parts_.host.is_reached_at(parts_.tunnel.path())) parts_.tunnel.forget_source();
  if (way_.moved()) parts_.caller.way_moved();
  way_.forget_move();
  parts_.data_path.retry_now(now);
}

void Upkeep::plan_next_look(Instant now) {
  auto next = now + kLookInterval;
  if (eventful_) next = std::min(next, looked_at_ + kLookLimit);
  if (const auto due = guard_.next_look()) next = std::min(next, std::max(*due, now));
  if (const auto due = full_tunnel_.next_look()) next = std::min(next, std::max(*due, now));
  if (const auto due = way_.next_look(now)) next = std::min(next, *due);
  if (recall_.wanted) next = std::min(next, now + kHandshakeMoment);
  timer_.set(next);
}

}  // namespace adit::link
