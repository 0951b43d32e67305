// SPDX-License-Identifier: MIT
#include "path/transmitter.h"

#include <algorithm>
#include <cerrno>

namespace adit::path {

using tunnel::DropReason;

Transmitter::Transmitter(tunnel::Tunnel& tunnel, const crypto::Aead& aead, DatagramPort& port,
                         KeepTimestamp keep_timestamp)
    : tunnel_(tunnel), aead_(&aead), port_(port), keep_timestamp_(std::move(keep_timestamp)), arena_(kArenaSize) {}

void Transmitter::flush(Instant now) {
  const bool was_blocked = blocked_ != Family::none;
  if (was_blocked && now - blocked_since_ > kMaxWait) drop_waiting();
  if (was_blocked) trim();
  if (outbox_.timestamp) {
    keep_timestamp_(*outbox_.timestamp);
    outbox_.timestamp.reset();
  }
  blocked_ = Family::none;
  if (!send_handshakes() || !send_packets()) {
    if (!was_blocked) blocked_since_ = now;
    return;
  }
  outbox_.handshakes.clear();
  outbox_.packets.clear();
  outbox_.keypairs.clear();
  outbox_.staged.clear();
  handshakes_done_ = 0;
  packets_sealed_ = 0;
}

void Transmitter::take_events(std::vector<tunnel::Event>& events) {
  events.insert(events.end(), outbox_.events.begin(), outbox_.events.end());
  outbox_.events.clear();
}

/// False: the socket is full.
bool Transmitter::send_handshakes() {
  while (handshakes_done_ < outbox_.handshakes.size()) {
    const auto& handshake = outbox_.handshakes[handshakes_done_];
    const OutboundDatagram datagram{handshake.bytes()};
    if (!send(handshake.path, {&datagram, 1}, handshakes_done_)) return false;
  }
  return true;
}

/// False: the socket is full.
bool Transmitter::send_packets() {
  for (;;) {
    if (datagrams_sent_ == datagrams_.size()) seal_next();
    if (datagrams_sent_ == datagrams_.size()) return true;
    if (!send(outbox_.path, std::span(datagrams_).subspan(datagrams_sent_), datagrams_sent_)) return false;
  }
}

void Transmitter::seal_next() {
  const auto packets = std::span<const tunnel::OutboundPacket>(outbox_.packets).subspan(packets_sealed_, choose_next());
  tunnel::seal(packets, *aead_, sealed_);
  datagrams_sent_ = 0;
  packets_sealed_ += packets.size();
}

/// As many of the packets to come as fit the arena, at least one; lays out their datagrams there.
std::size_t Transmitter::choose_next() {
  std::size_t used = 0;
  std::size_t count = 0;
  sealed_.clear();
  datagrams_.clear();
  for (auto at = packets_sealed_; at < outbox_.packets.size(); ++at, ++count) {
    const auto& packet = outbox_.packets[at];
    const auto segments = packet.plain.segments();
    const auto most = segments * packet.sealed_size(0);
    if (count > 0 && used + most > arena_.size()) break;
    if (most > arena_.size()) arena_.resize(most);
    for (std::size_t i = 0; i < segments; ++i) {
      sealed_.push_back(MutableBytes(arena_).subspan(used, packet.sealed_size(i)));
      datagrams_.push_back({sealed_.back(), packet.traffic_class});
      used += sealed_.back().size();
    }
  }
  return count;
}

/// Adds to `done` what needs no second try. False: the socket is full.
bool Transmitter::send(const Path& path, std::span<const OutboundDatagram> datagrams, std::size_t& done) {
  const auto result = port_.send(path, datagrams);
  done += result.sent + result.refused;
  tunnel_.count_drop(DropReason::send_failed, result.refused);
  if (result.source_refused) {
    tunnel_.forget_source();
    outbox_.path.local = {};
  }
  if (result.error == EAGAIN) {
    blocked_ = path.remote.address.family();
    return false;
  }
  if (result.sent + result.refused == 0) {  // no progress must not become no end
    done += 1;
    tunnel_.count_drop(DropReason::send_failed);
  }
  last_error_ = result.error;
  return true;
}

void Transmitter::drop_waiting() {
  const auto sealed = datagrams_.size() - datagrams_sent_;
  auto lost = outbox_.handshakes.size() - handshakes_done_ + sealed;
  for (auto at = packets_sealed_; at < outbox_.packets.size(); ++at) lost += outbox_.packets[at].plain.segments();
  tunnel_.count_drop(DropReason::send_failed, lost);
  outbox_.handshakes.clear();
  outbox_.packets.clear();
  outbox_.staged.clear();
  outbox_.keypairs.clear();
  handshakes_done_ = packets_sealed_ = datagrams_sent_ = 0;
  datagrams_.clear();
}

/// Drops the newest of what waits beyond the bounds.
void Transmitter::trim() {
  const auto cut = [this](auto& list, std::size_t done, std::size_t most) {
    if (list.size() <= done + most) return;
    tunnel_.count_drop(DropReason::send_failed, list.size() - done - most);
    list.resize(done + most);
  };
  cut(outbox_.handshakes, handshakes_done_, kMaxHandshakesWaiting);
  cut(outbox_.packets, packets_sealed_, kMaxWaiting);
}

}  // namespace adit::path
