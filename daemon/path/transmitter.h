// SPDX-License-Identifier: MIT
// The outbox on its way out: note the timestamp, send the handshakes, seal and send the packets. When the socket is
// full the rest stays where it is, sealed or not, until the socket has room again; what waits is bounded in number and
// age, since whoever fills the outbox is asked to stop meanwhile (`blocked`).
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "crypto/aead.h"
#include "path/ports.h"
#include "tunnel/tunnel.h"

namespace adit::path {

class Transmitter {
 public:
  static constexpr std::size_t kMaxWaiting = 512;
  static constexpr std::size_t kMaxHandshakesWaiting = 64;
  /// Sealed at a time: enough for whole super-packets in a row, little enough for the processor's cache.
  static constexpr std::size_t kArenaSize = 256 * 1024;
  /// A packet older than this helps nobody, and its session may have ended.
  static constexpr Duration kMaxWait = std::chrono::seconds(5);

  /// Called before a handshake with that timestamp leaves.
  using KeepTimestamp = std::function<void(const noise::Tai64n&)>;

  Transmitter(tunnel::Tunnel& tunnel, const crypto::Aead& aead, DatagramPort& port, KeepTimestamp keep_timestamp);

  /// For the Tunnel to fill; flush afterwards.
  tunnel::Outbox& outbox() { return outbox_; }
  void flush(Instant now);
  void set_aead(const crypto::Aead& aead) { aead_ = &aead; }

  /// The family whose socket is full; none: everything has left.
  Family blocked() const { return blocked_; }
  /// errno of the last datagram's refusal, 0 when it was taken.
  int last_error() const { return last_error_; }
  /// Moves what happened to the end of `events`.
  void take_events(std::vector<tunnel::Event>& events);

 private:
  bool send_handshakes();
  bool send_packets();
  void seal_next();
  std::size_t choose_next();
  bool send(const Path& path, std::span<const OutboundDatagram> datagrams, std::size_t& done);
  void drop_waiting();
  void trim();

  tunnel::Tunnel& tunnel_;
  const crypto::Aead* aead_;
  DatagramPort& port_;
  KeepTimestamp keep_timestamp_;

  tunnel::Outbox outbox_;
  std::size_t handshakes_done_ = 0;
  std::size_t packets_sealed_ = 0;  ///< of outbox_.packets, from the front

  /// Sealed datagrams, one behind the other: the socket sends those of one size in one piece.
  std::vector<std::uint8_t> arena_;
  std::vector<MutableBytes> sealed_;
  std::vector<OutboundDatagram> datagrams_;  ///< the same, as the port wants them
  std::size_t datagrams_sent_ = 0;           ///< of datagrams_, from the front

  Family blocked_ = Family::none;
  Instant blocked_since_{};
  int last_error_ = 0;
};

}  // namespace adit::path
