// SPDX-License-Identifier: MIT
// The way of packets through the machine; timing.cpp has the way of time. docs/life-of-a-packet.md walks along here.
#include "tunnel/tunnel.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "tunnel/too_big.h"
#include "wire/ip_packet.h"

namespace adit::tunnel {
namespace {

/// Keeps alive what packets point at; a batch rarely has more than one keypair.
template <class Pins, class Pin>
void pin(Pins& pins, const Pin& keypair) {
  if (pins.empty() || pins.back() != keypair) pins.push_back(keypair);
}

/// Of packets that were refused.
constexpr std::uint32_t kTellingsPerSecond = 100;
constexpr std::uint32_t kTellingsAtOnce = 16;

bool is_expired(const noise::Keypair& keypair, Instant now) {
  return now - keypair.created >= REJECT_AFTER_TIME;
}

}  // namespace

Result<std::unique_ptr<Tunnel>> Tunnel::make(Settings settings, RandomSource& random, WallClock& wall_clock) {
  auto keys = noise::StaticKeys::make(std::move(settings.private_key), settings.peer_key);
  if (!keys) return std::unexpected(keys.error());
  return std::unique_ptr<Tunnel>(new Tunnel(std::move(*keys), settings, random, wall_clock));
}

Tunnel::Tunnel(noise::StaticKeys keys, Settings& settings, RandomSource& random, WallClock& wall_clock)
    : handshaker_(std::move(keys), std::move(settings.preshared_key), settings.last_timestamp, sessions_, random,
                  wall_clock),
      allowed_ips_(settings.allowed_ips),
      mtu_(settings.mtu),
      keepalive_(settings.keepalive),
      manner_{.copy_dscp = settings.copy_dscp,
              .only_when_needed = settings.only_when_needed,
              .way_size = 0,
              .tellings = {kTellingsPerSecond, kTellingsAtOnce},
              .mss = {},
              .ethernet = {}},
      prober_(random),
      random_(random),
      wall_clock_(wall_clock) {
  handshaker_.set_newest_initiation(settings.newest_initiation);
}

void Tunnel::set_inner(std::span<const IpNetwork> networks) {
  std::vector<IpNetwork> own;
  for (const auto& network : networks) {
    own.push_back({network.address, static_cast<std::uint8_t>(network.address.bits())});
  }
  elsewhere_.inner = AllowedIps(networks);
  elsewhere_.own = AllowedIps(own);
}

// Outbound: admit → (seal) → (transmit) ------------------------------------------------------------------------------

void Tunnel::admit(std::span<const PlainPacket> packets, Instant now, Outbox& out) {
  const auto sent_before = status_.sent.packets;
  bool waiting = false;
  const bool usable = usable_session(now) != nullptr;
  for (const auto& packet : packets) {
    const auto header = wire::read_ip_packet(packet.bytes);
    if (packet.segments() == 1) {
      offload::clamp_mss(packet.bytes, manner_.mss, packet.plan != nullptr && packet.plan->finishes_checksum());
    }
    if (!header) {
      count_drop(DropReason::malformed_packet);
    } else if (!allowed_ips_.contains(header->destination)) {
      count_drop(DropReason::disallowed_destination);
      if (!header->destination.is_multicast()) status_.disallowed_destination = header->destination;
    } else if (header->destination == path_.remote.address && is_own_datagram(packet.bytes)) {
      count_drop(DropReason::looped, packet.segments());
    } else if (is_too_large(packet)) {
      refuse_too_large(packet, now, out);
    } else if (!usable || !send(packet, header->traffic_class, out)) {
      stage(packet, now);
      waiting = true;
    }
  }
  if (status_.sent.packets != sent_before) {
    after_data_sent(now);
    after_packet_sent(now);
    keep_fresh_after_sending(now, out);
  }
  if (waiting) want_session(now, out);
  out.path = path_;
}

void Tunnel::set_ethernet(const std::optional<wire::GreEnds>& ends, std::uint32_t storm_limit) {
  manner_.ethernet.reset();
  if (ends) manner_.ethernet.emplace(*ends, storm_limit);
}

/// On an Ethernet a datagram of ours may be led into the link, too: by a bridge that the peer's address is behind.
std::optional<WrappedFrame> Tunnel::wrap(MutableBytes frame) {
  ADIT_ASSERT(carries_frames());
  auto wrapped = manner_.ethernet->wrap(frame);
  if (!wrapped) {
    count_drop(DropReason::malformed_packet);
    return std::nullopt;
  }
  const auto inner = wrapped->packet.subspan(wrapped->wrapping.ip);
  if (wrapped->ip && wrapped->ip->destination == path_.remote.address && is_own_datagram(inner)) {
    count_drop(DropReason::looped);
    return std::nullopt;
  }
  return wrapped;
}

std::optional<DropReason> Tunnel::refuse_wrapped(const PlainPacket& packet, const WrappedFrame& frame, Instant now) {
  const auto refuse = [&](DropReason reason) {
    count_drop(reason, packet.segments());
    return reason;
  };
  if (packet.size_of(0) > mtu_) return refuse(DropReason::frame_too_large);
  if (manner_.ethernet->is_storm(frame, packet.segments(), now)) return refuse(DropReason::storm_limit);
  if (frame.ip && packet.segments() == 1) {
    offload::clamp_mss(packet.bytes.subspan(frame.wrapping.ip), manner_.mss,
                       packet.plan != nullptr && packet.plan->finishes_checksum());
  }
  return std::nullopt;
}

/// Encrypted once more it would come out again, and so on. Another program here may talk to the peer from that very
/// port only if it is not on this host; it would have to speak our protocol, too.
bool Tunnel::is_own_datagram(Bytes packet) const {
  const auto udp = wire::read_udp(packet);
  const auto is_message = [](Bytes payload) {
    return payload.size() >= wire::kTransportOverhead && payload[0] >= 1 && payload[0] <= 4 && payload[1] == 0 &&
           payload[2] == 0 && payload[3] == 0;
  };
  return udp && udp->from == own_port_ && udp->to == path_.remote.port && is_message(udp->payload);
}

/// Frames are not for us to answer: on an Ethernet all hosts know its MTU.
bool Tunnel::is_too_large(const PlainPacket& packet) const {
  return manner_.way_size != 0 && !carries_frames() && packet.size_of(0) > manner_.way_size &&
         is_whole_tcp4(packet.bytes);
}

/// Each sender goes on with what it did until it hears of it. A flood is answered as a router does, now and then.
void Tunnel::refuse_too_large(const PlainPacket& packet, Instant now, Outbox& out) {
  count_drop(DropReason::packet_too_large, packet.segments());
  auto answer = answer_too_big(packet.bytes, manner_.way_size);
  if (answer && manner_.tellings.take(now)) out.answers.push_back(std::move(*answer));
}

/// With the current session, which the caller found usable. False when it has not counters enough.
bool Tunnel::send(const PlainPacket& packet, std::uint8_t traffic_class, Outbox& out) {
  const auto& keypair = sessions_.current();
  const auto segments = packet.segments();
  const auto counter = keypair->counters.take(segments);
  if (!counter) return false;
  pin(out.keypairs, keypair);
  const std::uint8_t copied = manner_.copy_dscp ? 0xff : wire::kEcnMask;
  const auto padded = manner_.way_size != 0 ? std::min(manner_.way_size, mtu_) : mtu_;
  out.packets.push_back({keypair.get(), *counter, packet, padded, static_cast<std::uint8_t>(traffic_class & copied)});
  const auto& admitted = out.packets.back();
  status_.wire.sent += (segments - 1) * admitted.sealed_size(0) + admitted.sealed_size(segments - 1);
  status_.sent.packets += segments;
  if (2 * packet.size_of(0) > mtu_) status_.large += segments;
  // All segments but the last are of one size.
  status_.sent.bytes += (segments - 1) * packet.size_of(0) + packet.size_of(segments - 1);
  return true;
}

void Tunnel::stage(const PlainPacket& packet, Instant now) {
  count_drop(DropReason::no_session_timeout, staging_.expire(now));
  for (std::size_t i = 0; i < packet.segments(); ++i) {
    const Bytes segment = packet.plan == nullptr ? packet.bytes : packet.plan->write_header(packet.bytes, i);
    count_drop(DropReason::no_session_queue_full, staging_.push(segment, now));
  }
}

/// False when there was nothing that could be sent.
bool Tunnel::send_staged(Instant now, Outbox& out) {
  count_drop(DropReason::no_session_timeout, staging_.expire(now));
  if (staging_.empty() || usable_session(now) == nullptr) return false;
  while (!staging_.empty()) {
    auto& bytes = out.staged.emplace_back(staging_.pop());
    const auto size = bytes.size();
    bytes.resize(size + kPaddingSlack);
    const auto header = wire::read_ip_packet(Bytes(bytes).first(size));
    ADIT_ASSERT(header);  // nothing else is staged
    if (!send({MutableBytes(bytes).first(size)}, header->traffic_class, out)) break;
  }
  after_data_sent(now);
  after_packet_sent(now);
  out.path = path_;
  return true;
}

bool Tunnel::probe(std::size_t size, Instant now, Outbox& out) {
  const auto& ends = prober_.ends();
  auto* const keypair = usable_session(now);
  if (!ends || !allowed_ips_.contains(ends->peers) || keypair == nullptr) return false;
  const auto counter = keypair->counters.take(1);
  if (!counter) return false;
  pin(out.keypairs, sessions_.current());
  auto& bytes = out.staged.emplace_back(prober_.ask(size, kPaddingSlack, now));
  const auto whole = bytes.size() - kPaddingSlack;
  // Its size is what is asked for: no padding beside its own.
  out.probes.push_back({keypair, *counter, {MutableBytes(bytes).first(whole)}, whole});
  auto& probes = status_.probes;
  probes.asked += 1;
  probes.asked_at = now;
  probes.asked_size = static_cast<std::uint32_t>(whole);
  status_.wire.sent += out.probes.back().sealed_size(0);
  out.path = path_;
  return true;
}

void Tunnel::probe_refused(std::uint32_t size, Outbox& out) {
  status_.probes.refused += 1;
  out.events.emplace_back(ProbeEnded{.size = size});
}

/// True: `packet` answers a probe of ours, and is for nobody else.
bool Tunnel::take_answer(Bytes packet, Instant now, Outbox& out) {
  const auto answer = prober_.take(packet, now);
  if (!answer) return false;
  auto& probes = status_.probes;
  probes.answered += 1;
  probes.answered_at = now;
  probes.answered_size = answer->size;
  probes.round_trip = answer->round_trip;
  cadence_.asked_in_vain = 0;
  after_heard_by_peer(now);
  out.events.emplace_back(ProbeEnded{.size = answer->size, .answered = true, .round_trip = answer->round_trip});
  return true;
}

/// What is in a packet from the peer that reached the link's own end. None: no frame, and it was dealt with.
std::optional<UnwrappedFrame> Tunnel::take_frame(MutableBytes packet, Instant now, Outbox& out) {
  const auto frame = manner_.ethernet->unwrap(packet);
  if (frame) {
    offload::clamp_mss(frame->ip == 0 ? MutableBytes() : frame->frame.subspan(frame->ip), manner_.mss, false);
    return *frame;
  }
  auto answer =
      frame.error() == DropReason::not_ethernet ? manner_.ethernet->answer(packet, kPaddingSlack) : std::nullopt;
  if (!answer) {
    count_drop(frame.error());
    return std::nullopt;
  }
  if (usable_session(now) == nullptr) return std::nullopt;
  auto& bytes = out.staged.emplace_back(std::move(*answer));
  const auto whole = MutableBytes(bytes).first(bytes.size() - kPaddingSlack);
  if (send({whole}, 0, out)) {
    after_data_sent(now);
    after_packet_sent(now);
  }
  return std::nullopt;
}

noise::Keypair* Tunnel::usable_session(Instant now) const {
  auto* const keypair = sessions_.current().get();
  const bool usable = keypair != nullptr && path_.remote.known() && !is_expired(*keypair, now) &&
                      keypair->counters.next() < noise::REJECT_AFTER_MESSAGES;
  return usable ? keypair : nullptr;
}

// Inbound: classify → (open) → accept → (deliver) --------------------------------------------------------------------

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
  if (!keypair) return DropReason::unknown_index;
  if (is_expired(*keypair, now) || header.counter >= noise::REJECT_AFTER_MESSAGES) return DropReason::expired;
  pin(batch.keypairs, keypair);
  batch.packets.push_back({datagram.path, keypair.get(), header.counter, wire::ecn_of(datagram.traffic_class),
                           datagram.bytes.subspan(wire::kTransportHeaderSize)});
  return std::nullopt;
}

void Tunnel::accept(const InboundBatch& batch, Instant now, std::vector<MutableBytes>& deliver, Outbox& out) {
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
    if (!elsewhere_.is_of_the_past(packet.path.remote, packet.keypair->created, now)) roam(packet.path, out);
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
    take_data(plaintext, packet.ecn, now, deliver, out);
  }
  if (authentic) keep_fresh_after_receiving(now, out);
  if (data) after_data_received(now);
  out.path = path_;
}

/// What the peer has to say, once it is sure that it does.
void Tunnel::take_data(MutableBytes plaintext, wire::Ecn ecn, Instant now, std::vector<MutableBytes>& deliver,
                       Outbox& out) {
  const auto header = wire::read_ip_packet(plaintext);
  if (!header) return count_drop(DropReason::malformed_packet);
  if (!allowed_ips_.contains(header->source)) {
    status_.disallowed_source = header->source;
    return count_drop(DropReason::disallowed_source);
  }
  if (elsewhere_.own.contains(header->source)) return count_drop(DropReason::own_source);
  auto inner = plaintext.first(header->size);
  if (!wire::take_outer_ecn(inner, ecn)) return count_drop(DropReason::congestion);
  if (take_answer(inner, now, out)) return;
  if (carries_frames()) {
    const auto frame = take_frame(inner, now, out);
    if (!frame) return;
    inner = frame->frame;
  } else {
    offload::clamp_mss(inner, manner_.mss, false);
  }
  deliver.push_back(inner);
  status_.received.packets += 1;
  status_.received.bytes += header->size;
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
  if (outcome.first_cookie) after_first_cookie(now);
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
  if (path.remote != path_.remote) {
    if (answered.rather) handshaker_.prefer_no_more(path_.remote);
    elsewhere_.left = path_.remote;
    elsewhere_.left_at = now;
  }
  roam(path, out);
  if (path.remote == answered.called) status_.endpoint_source = EndpointSource::configured;
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
