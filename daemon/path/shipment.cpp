// SPDX-License-Identifier: MIT
#include "path/shipment.h"

#include <algorithm>
#include <cerrno>

namespace adit::path {

Shipment::Shipment(std::size_t batch)
    : source{.arena = Arena(packet_arena(batch)), .reads = {}, .plans = {}, .packets = {}},
      arena_(std::min(kArenaSize, 2 * batch)) {}

void Shipment::set_batch(std::size_t batch) {
  if (const auto size = packet_arena(batch); size != source.arena.size()) source.arena.resize(size);
}

bool Shipment::Source::is_full() const {
  if (reads.size() >= net::kMostReads) return true;
  if (reads.empty()) return false;
  const auto used = reads.back().bytes.data() + reads.back().bytes.size() - arena.data();
  return arena.size() - static_cast<std::size_t>(used) < net::kLargestPacket + 4 * net::kReadSlack;
}

std::uint64_t Shipment::Source::most_datagrams() const {
  auto count = static_cast<std::uint64_t>(reads.size());
  for (const auto& read : reads) {
    if (read.virtio.segment_size != 0) count += read.bytes.size() / read.virtio.segment_size;
  }
  return count;
}

std::uint64_t Shipment::counters() const {
  auto count = static_cast<std::uint64_t>(outbox.probes.size());
  for (const auto& packet : outbox.packets) count += packet.plain.segments();
  return count;
}

void Shipment::read(PacketPort& port, std::size_t queue) {
  source.reads.clear();
  source.packets.clear();
  source.plans.clear();
  source.error = port.read_queue(queue, source.arena, source.reads).error;
}

void Shipment::seal(const crypto::Aead& aead) {
  if (datagrams_sent_ == datagrams_.size()) seal_next(aead);
}

bool Shipment::ship(DatagramPort& port, const crypto::Aead& aead) {
  while (handshakes_done_ < outbox.handshakes.size()) {
    auto& handshake = outbox.handshakes[handshakes_done_];
    const OutboundDatagram datagram{handshake.bytes()};
    if (!send(port, handshake.path, {&datagram, 1}, handshakes_done_)) return false;
  }
  for (;;) {
    if (datagrams_sent_ == datagrams_.size()) seal_next(aead);
    if (datagrams_sent_ == datagrams_.size()) return send_probes(port, aead);
    if (!send(port, outbox.path, std::span(datagrams_).subspan(datagrams_sent_), datagrams_sent_)) return false;
  }
}

/// Few and far between, so each by itself.
bool Shipment::send_probes(DatagramPort& port, const crypto::Aead& aead) {
  while (!outbox.probes.empty()) {
    const auto& probe = outbox.probes.front();
    probe_.resize(probe.sealed_size(0));
    const MutableBytes sealed(probe_);
    tunnel::seal({&probe, 1}, aead, {&sealed, 1});
    const int error = port.send_whole(outbox.path, {sealed, probe.traffic_class});
    if (error == EAGAIN) {
      full_ = outbox.path.remote.address.family();
      return false;
    }
    // Anything else that goes wrong here goes wrong with packets, too, and there it is told: but also that it does no
    // more, as an idle link may have nothing else to send for long.
    if (error == 0) outcome_.error = 0;
    if (error == EMSGSIZE) outcome_.refused_probes.push_back(static_cast<std::uint32_t>(probe.plain.bytes.size()));
    outbox.probes.erase(outbox.probes.begin());
  }
  return true;
}

void Shipment::seal_next(const crypto::Aead& aead) {
  const auto packets = std::span<const tunnel::OutboundPacket>(outbox.packets).subspan(packets_sealed_, choose_next());
  tunnel::seal(packets, aead, sealed_);
  datagrams_sent_ = 0;
  packets_sealed_ += packets.size();
}

/// As many of the packets to come as fit the arena, at least one; lays out their datagrams there.
std::size_t Shipment::choose_next() {
  std::size_t used = 0;
  std::size_t count = 0;
  sealed_.clear();
  datagrams_.clear();
  for (auto at = packets_sealed_; at < outbox.packets.size(); ++at, ++count) {
    const auto& packet = outbox.packets[at];
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
bool Shipment::send(DatagramPort& port, Path& path, std::span<const OutboundDatagram> datagrams, std::size_t& done) {
  const auto result = port.send(path, datagrams);
  done += result.sent + result.refused;
  outcome_.lost += result.refused;
  if (result.source_refused) {
    outcome_.refused_source = path.local;
    if (outbox.path.local == path.local) outbox.path.local = {};
  }
  if (result.error == EAGAIN) {
    full_ = path.remote.address.family();
    return false;
  }
  if (result.sent + result.refused == 0) {  // no progress must not become no end
    done += 1;
    outcome_.lost += 1;
  }
  note_error(path.remote, result.error);
  return true;
}

/// A try at another endpoint, or the answer to a stranger, says nothing of the way to the peer.
void Shipment::note_error(const Endpoint& to, int error) {
  if (to == outbox.path.remote) {
    outcome_.error = error;
  } else if (error != 0) {
    outcome_.refused_elsewhere = {to, error};
  }
}

void Shipment::abandon() {
  outcome_.lost += outbox.handshakes.size() - handshakes_done_ + datagrams_.size() - datagrams_sent_;
  for (auto at = packets_sealed_; at < outbox.packets.size(); ++at)
    outcome_.lost += outbox.packets[at].plain.segments();
  clear();
}

void Shipment::trim(std::size_t most_handshakes, std::size_t most_packets) {
  const auto cut = [this](auto& list, std::size_t done, std::size_t most) {
    if (list.size() <= done + most) return;
    outcome_.lost += list.size() - done - most;
    list.resize(done + most);
  };
  cut(outbox.handshakes, handshakes_done_, most_handshakes);
  cut(outbox.packets, packets_sealed_, most_packets);
}

void Shipment::clear() {
  outbox.handshakes.clear();
  outbox.packets.clear();
  outbox.probes.clear();
  outbox.keypairs.clear();
  outbox.staged.clear();
  handshakes_done_ = packets_sealed_ = datagrams_sent_ = 0;
  datagrams_.clear();
}

}  // namespace adit::path
