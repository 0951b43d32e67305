// SPDX-License-Identifier: MIT
#include "app/transmitter.h"

#include <algorithm>
#include <cerrno>

namespace adit::app {

using tunnel::DropReason;

Transmitter::Transmitter(tunnel::Tunnel& tunnel, const crypto::Aead& aead, DatagramPort& port,
                         KeepTimestamp keep_timestamp)
    : tunnel_(tunnel), aead_(aead), port_(port), keep_timestamp_(std::move(keep_timestamp)) {}

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
    const auto bytes = handshake.bytes();
    if (!send(handshake.path, {&bytes, 1}, handshakes_done_)) return false;
  }
  return true;
}

/// False: the socket is full.
bool Transmitter::send_packets() {
  for (;;) {
    if (sealed_begin_ == sealed_end_) seal_next();
    if (sealed_begin_ == sealed_end_) return true;
    const auto waiting = std::span(datagrams_).first(sealed_end_).subspan(sealed_begin_);
    if (!send(outbox_.path, waiting, sealed_begin_)) return false;
  }
}

void Transmitter::seal_next() {
  const auto packets = std::span<const tunnel::OutboundPacket>(outbox_.packets).subspan(packets_sealed_);
  const auto count = std::min(packets.size(), kBatchPackets);
  for (std::size_t i = 0; i < count; ++i) {
    sealed_[i] = slots_[i].first(sealed_size(packets[i]));
    datagrams_[i] = sealed_[i];
  }
  tunnel::seal(packets.first(count), aead_, std::span(sealed_).first(count));
  packets_sealed_ += count;
  sealed_begin_ = 0;
  sealed_end_ = count;
}

/// Adds to `done` what needs no second try. False: the socket is full.
bool Transmitter::send(const Path& path, std::span<const Bytes> datagrams, std::size_t& done) {
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
  const auto sealed = sealed_end_ - sealed_begin_;
  const auto lost = outbox_.handshakes.size() - handshakes_done_ + outbox_.packets.size() - packets_sealed_ + sealed;
  tunnel_.count_drop(DropReason::send_failed, lost);
  outbox_.handshakes.clear();
  outbox_.packets.clear();
  outbox_.staged.clear();
  outbox_.keypairs.clear();
  handshakes_done_ = packets_sealed_ = sealed_begin_ = sealed_end_ = 0;
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

}  // namespace adit::app
