// SPDX-License-Identifier: MIT
// When a link does something by itself (paper §6). The timers, described in timers.h, are moved by what packets do
// (the after_… hooks, each saying when it is called) and act in tick(). An attempt to get a session goes on for ever:
// cycles of REKEY_ATTEMPT_TIME with an initiation every REKEY_TIMEOUT and a bit, a pause between them that any packet
// cuts short. Whether the peer hears us is seen to in proof.cpp.
#include "base/assert.h"
#include "tunnel/tunnel.h"

namespace adit::tunnel {

// Hooks --------------------------------------------------------------------------------------------------------------

/// Called after an initiation of ours was sent.
void Tunnel::after_initiation_sent(Instant now) {
  cadence_.patient_until = now + REKEY_TIMEOUT;
  after_packet_sent(now);
  timers_.set(Timer::retransmit, now + REKEY_TIMEOUT + jitter());
}

/// Called after we answered the peer's initiation. Its first packet will make the session; until then there is no
/// reason to begin one of our own. It comes at once or not at all: an answer to what lay about while we were suspended
/// is answered by nobody.
void Tunnel::after_response_sent(Instant now) {
  cadence_.patient_until = now + kAnswerTime;
  after_packet_sent(now);
}

/// Called after the peer, under load, answered an initiation that had no cookie, or an old one, with a cookie. A
/// message that has one is heard, so that it follows within a moment instead of with the next attempt. Once for each
/// cookie: friends do not flood a flooded peer.
void Tunnel::after_fresh_cookie(Instant now) {
  if (!timers_.pending(Timer::retransmit) || cadence_.attempts_in_cycle == 0) return;
  cadence_.has_fresh_cookie = true;
  timers_.set(Timer::retransmit, now + jitter());
}

/// Called after a session became the current one: by the response to us, or by the first packet of an initiator.
void Tunnel::after_handshake_completed(Instant now) {
  timers_.cancel(Timer::retransmit);
  cadence_.attempts_in_cycle = 0;
  cadence_.has_fresh_cookie = false;
  cadence_.rekeyed_before_expiry = false;
  cadence_.session_jitter = jitter();
  status_.attempts = 0;
  status_.problem.reset();
  status_.handshake_at = now;
  status_.handshake_time = wall_clock_.now();
}

/// Called after keys were made, in either role, whether they are in use or not.
void Tunnel::after_session_derived(Instant now) {
  timers_.set(Timer::wipe_keys, now + 3 * REJECT_AFTER_TIME);
}

/// Called after packets with something in them were sent.
void Tunnel::after_data_sent(Instant now) {
  if (!timers_.pending(Timer::new_handshake)) {
    timers_.set(Timer::new_handshake, now + kAnswerDue + cadence_.session_jitter);
  }
  if (!status_.unanswered_at) {
    status_.unanswered_at = now;
    timers_.set(Timer::quiet, now + kQuietAfter);
  }
  if (!timers_.pending(Timer::prove)) expect_proof(now);
}

/// Called after authentic packets with something in them were received. A peer that sends data and hears nothing calls
/// within seconds, and again: as long as it does not, this is nearly a proof.
void Tunnel::after_data_received(Instant now) {
  const bool goes_on = now - cadence_.data_received_at < kStreamGap;
  cadence_.stream_length = goes_on ? cadence_.stream_length + 1 : 1;
  cadence_.data_received_at = now;
  if (cadence_.stream_length >= kStreamLength) timers_.set(Timer::nudge, now + kStreamBroken);
  if (sessions_.unconfirmed() == nullptr) put_off_proof(now);
  if (timers_.pending(Timer::keepalive)) {
    cadence_.another_keepalive = true;
  } else {
    timers_.set(Timer::keepalive, now + KEEPALIVE_TIMEOUT);
  }
}

/// Called after any authentic message was sent: data, a keepalive, a handshake message.
void Tunnel::after_packet_sent(Instant now) {
  timers_.cancel(Timer::keepalive);
  cadence_.packet_sent_at = now;
  after_packet_passed(now);
}

/// Called after any authentic message was received.
void Tunnel::after_packet_received(Instant now) {
  timers_.cancel(Timer::new_handshake);
  timers_.cancel(Timer::quiet);
  status_.heard_at = now;
  status_.unanswered_at.reset();
}

/// Called after any authentic message passed, in either direction.
void Tunnel::after_packet_passed(Instant now) {
  if (keepalive_) timers_.set(Timer::persistent, now + *keepalive_);
}

/// Called when a stream of the peer's broke off. If a NAT forgot us, any packet of ours makes it learn us anew, and the
/// peer too; if we are sending all the while it has done so.
void Tunnel::after_stream_broke(Instant now, Outbox& out) {
  if (now - cadence_.packet_sent_at >= kStreamGap && usable_session(now) != nullptr) send_keepalive(now, out);
}

// Rekeying -----------------------------------------------------------------------------------------------------------

/// Only the initiator rekeys by time, so that the two ends do not both do it (§6.2). Where both had begun at once both
/// are; a chance apart, one of them has renewed before the other one would.
void Tunnel::keep_fresh_after_sending(Instant now, Outbox& out) {
  const auto* keypair = sessions_.current().get();
  const bool worn = keypair->counters.next() > noise::REKEY_AFTER_MESSAGES;
  const auto age = now - keypair->created;
  const bool old =
      keypair->role == noise::Role::initiator && age >= REKEY_AFTER_TIME + kRenewalJitter * cadence_.session_jitter;
  if (worn || old) want_session(now, out);
}

/// An initiator that only receives must renew in time too, or the peer's packets would be refused at the end (§6.2).
void Tunnel::keep_fresh_after_receiving(Instant now, Outbox& out) {
  const auto* keypair = sessions_.current().get();
  if (cadence_.rekeyed_before_expiry || keypair == nullptr || keypair->role != noise::Role::initiator) return;
  if (now - keypair->created < REJECT_AFTER_TIME - KEEPALIVE_TIMEOUT - REKEY_TIMEOUT) return;
  cadence_.rekeyed_before_expiry = true;
  want_session(now, out);
}

/// Someone needs a session: begins a cycle of attempts unless one is running. In the pause between cycles the need
/// of a packet is reason enough to go on.
void Tunnel::want_session(Instant now, Outbox& out) {
  const bool cycle_runs = timers_.pending(Timer::retransmit) && cadence_.attempts_in_cycle > 0;
  if (cycle_runs || !path_.remote.known()) return;
  cadence_.attempts_in_cycle = 0;
  if (now < cadence_.patient_until) {
    timers_.set(Timer::retransmit, cadence_.patient_until + jitter());
    return;
  }
  initiate(now, out);
}

void Tunnel::initiate(Instant now, Outbox& out) {
  ADIT_ASSERT(path_.remote.known());
  cadence_.attempts_in_cycle += 1;
  if (status_.attempts++ == 0) status_.attempting_since = wall_clock_.now();
  call(path_, true, status_.attempts, now, out);
  after_initiation_sent(now);
}

void Tunnel::call(const Path& path, bool rather, std::uint32_t attempt, Instant now, Outbox& out) {
  out.handshakes.push_back(handshaker_.initiate(path, rather, now));
  status_.wire.sent += out.handshakes.back().size;
  out.timestamp = handshaker_.last_timestamp();
  out.events.emplace_back(InitiationSent{path.remote, attempt});
}

/// No timer is moved: whether there is another try is up to who asked for this one.
void Tunnel::try_elsewhere(Instant now, Outbox& out) {
  for (const auto& each : std::exchange(elsewhere_.tries, {})) call({.remote = each.to}, each.rather, 0, now, out);
}

/// Without a session it becomes a wish for one, whose first packet then says the same.
void Tunnel::send_keepalive(Instant now, Outbox& out) {
  auto* const keypair = usable_session(now);
  const auto counter = keypair != nullptr ? keypair->counters.take(1) : std::nullopt;
  if (!counter) {
    want_session(now, out);
    return;
  }
  out.keypairs.push_back(sessions_.current());
  out.packets.push_back({keypair, *counter, {}, mtu_});
  status_.wire.sent += out.packets.back().sealed_size(0);
  after_packet_sent(now);
  keep_fresh_after_sending(now, out);
}

// The clock ----------------------------------------------------------------------------------------------------------

Instant Tunnel::deadline() const {
  if (!elsewhere_.tries.empty()) return {};
  const auto timers = std::min(timers_.next(), status_.under_load ? handshaker_.under_load_until() : kNever);
  return manner_.ethernet ? std::min(timers, manner_.ethernet->deadline()) : timers;
}

void Tunnel::tick(Instant now, Outbox& out) {
  note_load(now, out);
  handshaker_.abandon_sent_before(now - kLongestRoundTrip);
  if (manner_.ethernet) manner_.ethernet->expire(now, status_.drops);
  try_elsewhere(now, out);
  if (timers_.take(Timer::retransmit, now)) on_retransmit(now, out);
  if (timers_.take(Timer::keepalive, now)) {
    send_keepalive(now, out);
    if (std::exchange(cadence_.another_keepalive, false)) timers_.set(Timer::keepalive, now + KEEPALIVE_TIMEOUT);
  }
  if (timers_.take(Timer::new_handshake, now)) {
    forget_source();
    roam_to_caller(out);
    want_session(now, out);
  }
  if (timers_.take(Timer::quiet, now)) out.events.emplace_back(PeerQuiet{});
  if (timers_.take(Timer::nudge, now)) after_stream_broke(now, out);
  if (timers_.take(Timer::prove, now)) ask_for_proof(now, out);
  if (timers_.take(Timer::wipe_keys, now)) {
    sessions_.clear();
    // One just sent stays: after a suspend the initiation for a new session and the end of the old ones come together.
    handshaker_.abandon_sent_before(now - REKEY_TIMEOUT);
    out.events.emplace_back(SessionExpired{});
  }
  if (timers_.take(Timer::persistent, now)) {
    send_keepalive(now, out);
    // While there is no session nothing passes that would set the timer again, and the link must still come back.
    if (!timers_.pending(Timer::persistent)) after_packet_passed(now);
  }
  out.path = path_;
}

void Tunnel::on_retransmit(Instant now, Outbox& out) {
  if (std::exchange(cadence_.has_fresh_cookie, false)) {
    // The same attempt: it was answered, if not with a session.
    call(path_, true, status_.attempts, now, out);
    after_initiation_sent(now);
    return;
  }
  // The source address we kept to may be the reason for the silence.
  forget_source();
  roam_to_caller(out);
  if (cadence_.attempts_in_cycle < kAttemptsPerCycle) {
    initiate(now, out);
    return;
  }
  cadence_.attempts_in_cycle = 0;
  timers_.cancel(Timer::keepalive);
  count_drop(DropReason::no_session_timeout, staging_.clear());
  if (sessions_.any() && !timers_.pending(Timer::wipe_keys)) after_session_derived(now);
  out.events.emplace_back(AttemptsExhausted{path_.remote});
  timers_.set(Timer::retransmit, now + kCyclePause + jitter());
}

Duration Tunnel::jitter() {
  return Duration(random_.u32() % static_cast<std::uint64_t>(kMaxJitter.count()));
}

// What the shell tells us --------------------------------------------------------------------------------------------

void Tunnel::set_endpoint(const Endpoint& endpoint, Instant now, Outbox& out) {
  path_ = Path{.remote = endpoint};
  elsewhere_.called_from.reset();
  status_.endpoint_source = EndpointSource::configured;
  show_yourself(now, out);
}

void Tunnel::try_also(const Endpoint& endpoint, bool rather) {
  if (elsewhere_.tries.size() < Elsewhere::kMaxTries) elsewhere_.tries.push_back({endpoint, rather});
}

/// From the source address at hand: the peer may be able to reach us, and to be reached, by that one alone.
void Tunnel::retry_now(Instant now, Outbox& out) {
  cadence_.attempts_in_cycle = 0;
  if (path_.remote.known()) show_yourself(now, out);
}

void Tunnel::forget_sessions(Instant now, Outbox& out) {
  sessions_.clear();
  handshaker_.forget();
  for (const auto timer : {Timer::retransmit, Timer::new_handshake, Timer::wipe_keys, Timer::quiet, Timer::nudge}) {
    timers_.cancel(timer);
  }
  cadence_.has_fresh_cookie = false;
  forget_source();
  retry_now(now, out);
}

/// With a session a keepalive tells the peer at once where we are; without one an initiation asks for it. Not held
/// back by REKEY_TIMEOUT: the last initiation went elsewhere, or came from elsewhere. But one to the same place gets a
/// moment to be answered, for the next makes us forget it: calls faster than a round trip would never succeed.
void Tunnel::show_yourself(Instant now, Outbox& out) {
  out.path = path_;
  if (manner_.only_when_needed && !keepalive_ && staging_.empty()) return;
  if (usable_session(now) != nullptr) {
    send_keepalive(now, out);
    return;
  }
  const auto awaited = handshaker_.awaited_since(path_.remote);
  if (awaited && now - *awaited < kAnswerTime) {
    timers_.set(Timer::retransmit, *awaited + kAnswerTime);
  } else {
    initiate(now, out);
  }
}

void Tunnel::set_keepalive(std::optional<Duration> interval, Instant now, Outbox& out) {
  keepalive_ = interval;
  timers_.cancel(Timer::persistent);
  timers_.cancel(Timer::prove);
  if (keepalive_) {
    send_keepalive(now, out);
    expect_proof(now);
  }
  out.path = path_;
}

}  // namespace adit::tunnel
