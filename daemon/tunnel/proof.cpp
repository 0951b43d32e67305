// SPDX-License-Identifier: MIT
// Whether the peer hears us. What comes in proves nothing about the way out, which may be dead alone; so the last proof
// is kept (Status::reached_at), and when none has come for a while it is asked for: inside the session where that can
// be done, else by an early handshake, which every peer answers. docs/self-healing.md has what follows from it.
#include "tunnel/tunnel.h"

namespace adit::tunnel {

/// Called after something came in that the peer sends only when it has heard us: the answer to an initiation, the first
/// packet in a session that we answered for.
void Tunnel::after_heard_by_peer(Instant now) {
  status_.reached_at = now;
  cadence_.asked_at.reset();
  timers_.cancel(Timer::prove);
  if (keepalive_) expect_proof(now);
}

/// Called when something is sent, or will be, that a peer which hears us would show it has heard.
void Tunnel::expect_proof(Instant since) {
  if (manner_.only_when_needed && !keepalive_) return;
  const auto* const keypair = sessions_.current().get();
  const bool responder = keypair != nullptr && keypair->role == noise::Role::responder;
  // An idle link asks no more often than it keeps alive.
  const bool idle = !status_.unanswered_at && keepalive_;
  const auto jitter = may_ask_inside() ? Duration{} : kProofJitter * cadence_.session_jitter;
  const auto age = responder ? kResponderProofAge : kProofAge + jitter;
  timers_.set(Timer::prove, since + std::max(age, idle ? *keepalive_ : Duration{}));
}

/// Nothing has shown for long that the peer hears us. A question inside the session is cheapest: its answer needs no
/// new keys. But not every peer answers one.
void Tunnel::ask_for_proof(Instant now, Outbox& out) {
  if (!cadence_.asked_at && status_.attempts == 0 && may_ask_inside() && probe(0, now, out)) {
    cadence_.asked_at = now;
    timers_.set(Timer::prove, now + kProbeAnswerTime);
    after_packet_sent(now);
    keep_fresh_after_sending(now, out);
    return;
  }
  want_session(now, out);
  expect_proof(now);
}

/// Called after something came in that hardly comes from a peer which does not hear us.
void Tunnel::put_off_proof(Instant now) {
  if (!timers_.pending(Timer::prove)) return;
  timers_.cancel(Timer::prove);
  cadence_.asked_at.reset();
  if (keepalive_) expect_proof(now);
}

/// Called after an empty packet was received while data of ours had been without an answer, and nothing else had come,
/// for so long. One that is sent for the sake of NATs may come at any time; this one comes when the answer to data is
/// due.
void Tunnel::after_keepalive_received(Duration waited, Duration silence, Instant now) {
  const auto is_due = [](Duration time) { return time >= KEEPALIVE_TIMEOUT && time < kAnswerDue; };
  if (is_due(waited) || is_due(silence)) put_off_proof(now);
}

}  // namespace adit::tunnel
