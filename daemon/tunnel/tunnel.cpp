// SPDX-License-Identifier: MIT
// The way of packets out, through the machine; inbound.cpp has the way in, timing.cpp that of time.
// docs/life-of-a-packet.md walks along here.
#include "tunnel/tunnel.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "tunnel/too_big.h"
#include "wire/ip_packet.h"

namespace adit::tunnel {
namespace {

/// Of packets that were refused.
constexpr std::uint32_t kTellingsPerSecond = 100;
constexpr std::uint32_t kTellingsAtOnce = 16;

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

// admit → (seal) → (transmit) ----------------------------------------------------------------------------------------

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
    } else if (is_own_datagram(header->destination, packet.bytes)) {
      count_drop(DropReason::looped, packet.segments());
    } else if (is_too_large(packet)) {
      refuse_too_large(packet, now, out);
    } else if (manner_.way_size != 0 && carries_frames() && packet.size_of(0) > manner_.way_size) {
      waiting |= !send_in_fragments(packet, header->traffic_class, usable, now, out);
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
  auto& ethernet = manner_.ethernet;
  if (ends && ethernet && ethernet->ends() == *ends && ethernet->storm_limit() == storm_limit) return;
  if (ethernet) ethernet->expire(Instant::max(), status_.drops);
  ethernet.reset();
  if (!ends) return;
  ethernet.emplace(*ends, storm_limit);
  manner_.fragmented = random_.u32();
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
  if (wrapped->ip && is_own_datagram(wrapped->ip->destination, inner)) {
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
/// port only if it is not on this host; it would have to speak our protocol, too. A try elsewhere that went in would be
/// answered from inside, and the link would move there.
bool Tunnel::is_own_datagram(const IpAddress& destination, Bytes packet) const {
  if (destination != path_.remote.address && !handshaker_.awaits(destination)) return false;
  const auto udp = wire::read_udp(packet);
  const auto is_message = [](Bytes payload) {
    return payload.size() >= wire::kTransportOverhead && payload[0] >= 1 && payload[0] <= 4 && payload[1] == 0 &&
           payload[2] == 0 && payload[3] == 0;
  };
  const auto goes_to = [&](const Endpoint& peer) { return destination == peer.address && udp->to == peer.port; };
  return udp && udp->from == own_port_ && is_message(udp->payload) &&
         (goes_to(path_.remote) || handshaker_.awaits(destination, udp->to));
}

/// Frames are refused where they are wrapped (refuse_wrapped).
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

/// Each of its segments is cut further. False: some of it has to wait for a session.
bool Tunnel::send_in_fragments(const PlainPacket& packet, std::uint8_t traffic_class, bool usable, Instant now,
                               Outbox& out) {
  bool all_sent = true;
  for (std::size_t i = 0; i < packet.segments(); ++i) {
    const Bytes segment = packet.plan == nullptr ? packet.bytes : packet.plan->write_header(packet.bytes, i);
    const wire::FragmentPlan plan(manner_.ethernet->ends().ours.family(), segment.size(), manner_.way_size);
    auto& memory = out.staged.emplace_back();
    memory.resize(plan.count() * (plan.size_of(0) + kPaddingSlack));
    for (std::size_t part = 0, at = 0; part < plan.count(); at += plan.size_of(part) + kPaddingSlack, ++part) {
      const auto bytes = MutableBytes(memory).subspan(at, plan.size_of(part));
      plan.write(segment, part, manner_.fragmented, bytes);
      if (usable && send({bytes}, traffic_class, out)) continue;
      stage({bytes}, now);
      all_sent = false;
    }
    manner_.fragmented += 1;
  }
  return all_sent;
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
  if (2 * packet.size_of(0) > padded) status_.large += segments;
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
std::optional<UnwrappedFrame> Tunnel::take_frame(MutableBytes packet, Instant now, Ethernet::Memory& memory,
                                                 Outbox& out) {
  auto frame = manner_.ethernet->unwrap(packet);
  if (!frame && frame.error() == DropReason::gre_fragment) {
    const auto joined = manner_.ethernet->join(packet, status_.received.packets, now, memory, status_.drops);
    if (!joined) return std::nullopt;
    frame = *joined;
  }
  if (frame) {
    offload::clamp_mss(frame->ip == 0 ? MutableBytes() : frame->frame.subspan(frame->ip), manner_.mss, false);
    return *frame;
  }
  auto answer =
      frame.error() == DropReason::not_ethernet ? manner_.ethernet->answer(packet, kPaddingSlack, now) : std::nullopt;
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

}  // namespace adit::tunnel
