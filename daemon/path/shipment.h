// SPDX-License-Identifier: MIT
// One outbox on its way out, and the memory its packets are in: what the TUN gave, and what sealing makes of it.
// Filling it is the business of the thread that has the tunnel; sealing and shipping need nothing but it, so that any
// thread may do them. When the socket is full the rest stays where it is, sealed or not.
#pragma once

#include <optional>
#include <vector>

#include "crypto/aead.h"
#include "path/buffers.h"
#include "path/ports.h"
#include "tunnel/batch.h"

namespace adit::path {

/// A datagram that the kernel would not send.
struct Refusal {
  Endpoint to;
  int error = 0;  ///< errno
  friend bool operator==(const Refusal&, const Refusal&) = default;
};

class Shipment {
 public:
  /// Sealed at a time: enough for whole super-packets in a row, little enough for the processor's cache.
  static constexpr std::size_t kArenaSize = 256 * 1024;

  /// `batch`: bytes of packets read at a time, about.
  explicit Shipment(std::size_t batch);
  Shipment(const Shipment&) = delete;
  Shipment& operator=(const Shipment&) = delete;

  /// What the TUN gave, and what comes of it. The packets of `outbox` point into it.
  struct Source {
    Arena arena;
    std::vector<net::TunPacket> reads;
    std::vector<offload::SplitPlan> plans;
    std::vector<tunnel::PlainPacket> packets;
    int error = 0;  ///< of the reading
    /// The last read ended for want of room and not of packets.
    bool is_full() const;
    /// That will come of it, if all of it is sent: as many or less.
    std::uint64_t most_datagrams() const;
  } source;
  tunnel::Outbox outbox;     ///< for the Tunnel to fill; its timestamp and its events are the caller's business
  std::uint64_t number = 0;  ///< rises from one to the next that is to leave
  std::uint64_t before = 0;  ///< counters that were given away before the first one of this

  /// Only while it is empty.
  void set_batch(std::size_t batch);
  /// Nothing to send.
  bool is_empty() const { return outbox.handshakes.empty() && !has_packets(); }
  bool has_packets() const { return !outbox.packets.empty() || !outbox.probes.empty(); }
  /// Of sessions, that its packets have.
  std::uint64_t counters() const;

  /// From that queue of the interface, into `source`, of which only that is left.
  void read(PacketPort& port, std::size_t queue);

  /// The first part of what is to be sealed, unless it is sealed already.
  void seal(const crypto::Aead& aead);
  /// Sends all of it, and seals what was not. False: the socket is full.
  bool ship(DatagramPort& port, const crypto::Aead& aead);
  /// Sends none of what is left.
  void abandon();
  /// Drops the newest of what waits beyond the bounds.
  void trim(std::size_t most_handshakes, std::size_t most_packets);
  /// After it was shipped: empty again, its memory kept.
  void clear();

  /// What came of it, for whoever counts.
  struct Outcome {
    std::uint64_t lost = 0;  ///< datagrams that were refused or given up
    /// Of the last datagram to where the peer is called: errno of its refusal, 0 when it was taken; none: none was
    /// tried.
    std::optional<int> error = {};
    std::optional<Refusal> refused_elsewhere = {};   ///< the last that was to go anywhere else and was refused
    IpAddress refused_source = {};                   ///< is no longer ours
    std::vector<std::uint32_t> refused_probes = {};  ///< the sizes of those that the way out has no room for
  };
  Outcome take_outcome() { return std::exchange(outcome_, {}); }
  /// The family whose socket was full.
  Family full() const { return full_; }

 private:
  void seal_next(const crypto::Aead& aead);
  std::size_t choose_next();
  bool send_probes(DatagramPort& port, const crypto::Aead& aead);
  bool send(DatagramPort& port, Path& path, std::span<const OutboundDatagram> datagrams, std::size_t& done);
  void note_error(const Endpoint& to, int error);

  std::size_t handshakes_done_ = 0;
  std::size_t packets_sealed_ = 0;  ///< of outbox.packets, from the front

  /// Sealed datagrams, one behind the other: the socket sends those of one size in one piece.
  Arena arena_;
  std::vector<MutableBytes> sealed_;
  std::vector<OutboundDatagram> datagrams_;  ///< the same, as the port wants them
  std::size_t datagrams_sent_ = 0;           ///< of datagrams_, from the front
  std::vector<std::uint8_t> probe_;          ///< sealed

  Outcome outcome_;
  Family full_ = Family::none;
};

}  // namespace adit::path
