// SPDX-License-Identifier: MIT
// The way of datagrams in, through the machine: what is in them, who they are from, and whom they make us follow.
// tunnel.cpp has the way out.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "tunnel/tunnel.h"
#include "wire/ip_packet.h"

namespace adit::tunnel {

// classify → (open) → accept → (deliver) -----------------------------------------------------------------------------

void Tunnel::classify(std::span<const Datagram> datagrams, Instant now, InboundBatch& batch, Outbox& out) {
  for (const auto& datagram : datagrams) {
    const auto type = wire::classify(datagram.bytes);
    if (!type) {
      count_drop(DropReason::malformed);
    } else if (*type != wire::MessageType::transport_data) {
      take_handshake(*type, datagram, now, out);
    } else if (const auto dropped = take_transport(datagram, now, batch)) {
      count_drop(*dropped);
    }
  }
  out.path = path_;
}

std::optional<DropReason> Tunnel::take_transport(const Datagram& datagram, Instant now, InboundBatch& batch) const {
  const auto header = wire::read_transport_header(datagram.bytes);
  const auto& keypair = sessions_.find(header.receiver);
  if (!keypair || sessions_.has_left(*keypair, now)) return DropReason::unknown_index;
  if (is_expired(*keypair, now) || header.counter >= noise::REJECT_AFTER_MESSAGES) return DropReason::expired;
  pin(batch.keypairs, keypair);
  batch.packets.push_back({datagram.path, keypair.get(), header.counter, wire::ecn_of(datagram.traffic_class),
                           datagram.bytes.subspan(wire::kTransportHeaderSize)});
  return std::nullopt;
}

void Tunnel::accept(InboundBatch& batch, Instant now, std::vector<MutableBytes>& deliver, Outbox& out) {
  const auto waiting_since = status_.unanswered_at;
  const auto heard_before = status_.heard_at;
  bool authentic = false;
  bool data = false;
  for (const auto& packet : batch.packets) {
    if (!packet.authentic) {
      count_drop(DropReason::forged);
      continue;
    }
    if (!packet.keypair->received.accept(packet.counter)) {
      count_drop(DropReason::replayed);
      continue;
    }
    if (!std::exchange(authentic, true)) {
      // Before anything is sent in return: that is not answered by what came in before it.
      after_packet_received(now);
      after_packet_passed(now);
    }
    const bool is_of_the_past = sessions_.is_leaving(*packet.keypair) ||
                                elsewhere_.is_of_the_past(packet.path.remote, packet.keypair->created, now);
    if (!is_of_the_past) roam(packet.path, out);
    if (sessions_.confirm(*packet.keypair)) {
      begin_session(*packet.keypair, {}, now, out);
      after_heard_by_peer(now);
    }

    const auto plaintext = packet.plaintext();
    status_.wire.received += plaintext.size() + wire::kTransportOverhead;
    if (plaintext.empty()) {  // a keepalive, which is never answered by another
      if (waiting_since && heard_before) after_keepalive_received(now - *waiting_since, now - *heard_before, now);
      continue;
    }
    data = true;
    take_data(packet, now, batch.joined, deliver, out);
  }
  if (authentic) keep_fresh_after_receiving(now, out);
  if (data) after_data_received(now);
  out.path = path_;
}

/// What the peer has to say, once it is sure that it does.
void Tunnel::take_data(const InboundPacket& packet, Instant now, Ethernet::Memory& memory,
                       std::vector<MutableBytes>& deliver, Outbox& out) {
  const auto plaintext = packet.plaintext();
  const auto header = wire::read_ip_packet(plaintext);
  if (!header) return count_drop(DropReason::malformed_packet);
  if (!allowed_ips_.contains(header->source)) {
    status_.disallowed_source = header->source;
    return count_drop(DropReason::disallowed_source);
  }
  if (elsewhere_.own.contains(header->source)) return count_drop(DropReason::own_source);
  auto inner = plaintext.first(header->size);
  if (!wire::take_outer_ecn(inner, packet.ecn)) return count_drop(DropReason::congestion);
  if (take_answer(inner, now, out)) return;
  auto size = header->size;
  if (carries_frames()) {
    const auto frame = take_frame(inner, now, memory, out);
    if (!frame) return;
    inner = frame->frame;
    size = frame->size;
  } else {
    offload::clamp_mss(inner, manner_.mss, false);
  }
  deliver.push_back(inner);
  status_.received.packets += 1;
  status_.received.bytes += size;
}

void Tunnel::take_handshake(wire::MessageType type, const Datagram& datagram, Instant now, Outbox& out) {
  auto outcome = handshaker_.take(type, datagram, path_.remote, now);
  note_load(now, out);
  if (outcome.reply) out.handshakes.push_back(*outcome.reply);
  if (outcome.dropped) {
    count_drop(*outcome.dropped);
    note_problem({*outcome.dropped, datagram.path.remote, outcome.stranger, wall_clock_.now()});
    out.events.emplace_back(HandshakeRefused{*outcome.dropped, datagram.path.remote, outcome.stranger});
    return;
  }
  if (outcome.fresh_cookie) after_fresh_cookie(now);
  if (!outcome.session) return;  // a cookie: authentic, but no proof of where the peer is (§6.5)

  status_.wire.received += datagram.bytes.size();
  if (outcome.reply) status_.wire.sent += outcome.reply->size;
  const bool initiator = outcome.session->role == noise::Role::initiator;
  const auto* const unconfirmed = sessions_.unconfirmed();
  const bool not_heard = !initiator && unconfirmed != nullptr && now - unconfirmed->created >= kUnconfirmedAge;
  sessions_.add(outcome.session);
  // An initiation may be a recorded one, which we took since we know none newer: for now it only gets its answer. The
  // peer itself has a packet to send as soon as it has that, and a packet cannot be an old one.
  if (initiator) {
    follow_answer(datagram.path, outcome.answered, now, out);
  } else if (usable_session(now) == nullptr) {
    roam(datagram.path, out);
  } else if (datagram.path.remote != path_.remote) {
    elsewhere_.called_from = datagram.path;
  }
  after_packet_received(now);
  after_packet_passed(now);
  after_session_derived(now);
  if (initiator) {
    begin_session(*outcome.session, now - outcome.answered.sent, now, out);
    if (cadence_.asked_at && now - *cadence_.asked_at < REKEY_TIMEOUT) cadence_.asked_in_vain += 1;
    after_heard_by_peer(now);
    // The peer may have taken a later one meanwhile, and know this session no more: then its silence is to show soon.
    if (handshaker_.awaits_later_than(outcome.answered.sent)) timers_.set(Timer::new_handshake, now + kUnconfirmedAge);
  } else {
    after_response_sent(now);
    if (not_heard && status_.handshake_at) want_session(now, out);
  }
}

/// An answer that is not the first counts for its session, which is the one the peer knows; the endpoint stays where
/// the first came from, unless this one is preferred.
void Tunnel::follow_answer(const Path& path, const Handshaker::Outcome::Answered& answered, Instant now, Outbox& out) {
  if (!answered.rather && status_.handshake_at && *status_.handshake_at > answered.sent) return;
  const bool moves = path.remote != path_.remote;
  if (moves) {
    if (answered.rather) handshaker_.prefer_no_more(path_.remote);
    elsewhere_.left = path_.remote;
    elsewhere_.left_at = now;
  }
  roam(path, out);
  if (moves && path_.remote == answered.called) status_.endpoint_source = EndpointSource::configured;
}

void Tunnel::note_problem(HandshakeProblem problem) {
  problem.by_peer = path_.remote.known() && problem.from.address == path_.remote.address;
  auto& kept = status_.problem;
  const bool fresh = kept && problem.when.since_epoch - kept->when.since_epoch < kProblemAge;
  if (!fresh || telling(problem) >= telling(*kept)) kept = problem;
}

/// The session is current now. As initiator we owe the peer a packet that proves our keys, before it may send any.
void Tunnel::begin_session(const noise::Keypair& keypair, Duration round_trip, Instant now, Outbox& out) {
  const bool initiator = keypair.role == noise::Role::initiator;
  if (initiator) status_.round_trip = round_trip;
  after_handshake_completed(now);
  out.events.emplace_back(HandshakeCompleted{keypair.role, path_.remote, round_trip});
  const bool proven = send_staged(now, out);
  if (initiator && !proven) send_keepalive(now, out);
}

/// The peer is where its last authentic packet came from; we answer from where that one arrived (§2.1).
void Tunnel::roam(const Path& path, Outbox& out) {
  elsewhere_.called_from.reset();
  if (path == path_ || elsewhere_.inner.contains(path.remote.address)) return;
  if (path.remote != path_.remote) {
    if (path_.remote.known()) out.events.emplace_back(EndpointMoved{path_.remote, path.remote});
    status_.endpoint_source = EndpointSource::learned;
  }
  path_ = path;
}

/// The peer has gone silent: it may be there, with its first packet lost.
void Tunnel::roam_to_caller(Outbox& out) {
  if (const auto path = elsewhere_.called_from) roam(*path, out);
}

void Tunnel::note_load(Instant now, Outbox& out) {
  if (handshaker_.under_load(now) == status_.under_load) return;
  status_.under_load = !status_.under_load;
  out.events.emplace_back(UnderLoadChanged{status_.under_load});
}

}  // namespace adit::tunnel
