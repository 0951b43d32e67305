// SPDX-License-Identifier: MIT
// The outbox on its way out: note the timestamp, send the handshakes, seal and send the packets. When the socket is
// full the rest stays where it is, sealed or not, until the socket has room again; what waits is bounded in number and
// age, since whoever fills the outbox is asked to stop meanwhile (`blocked`).
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "app/packet_slots.h"
#include "app/ports.h"
#include "crypto/aead.h"
#include "tunnel/tunnel.h"

namespace adit::app {

class Transmitter {
 public:
  static constexpr std::size_t kMaxWaiting = 512;
  static constexpr std::size_t kMaxHandshakesWaiting = 64;
  /// A packet older than this helps nobody, and its session may have ended.
  static constexpr Duration kMaxWait = std::chrono::seconds(5);

  /// Called before a handshake with that timestamp leaves.
  using KeepTimestamp = std::function<void(const noise::Tai64n&)>;

  Transmitter(tunnel::Tunnel& tunnel, const crypto::Aead& aead, DatagramPort& port, KeepTimestamp keep_timestamp);

  /// For the Tunnel to fill; flush afterwards.
  tunnel::Outbox& outbox() { return outbox_; }
  void flush(Instant now);

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
  bool send(const Path& path, std::span<const Bytes> datagrams, std::size_t& done);
  void drop_waiting();
  void trim();

  tunnel::Tunnel& tunnel_;
  const crypto::Aead& aead_;
  DatagramPort& port_;
  KeepTimestamp keep_timestamp_;

  tunnel::Outbox outbox_;
  std::size_t handshakes_done_ = 0;
  std::size_t packets_sealed_ = 0;  ///< of outbox_.packets, from the front

  PacketSlots slots_;
  std::array<MutableBytes, kBatchPackets> sealed_;
  std::array<Bytes, kBatchPackets> datagrams_;  ///< the same, as the port wants them
  std::size_t sealed_begin_ = 0;                ///< sealed and not sent: [sealed_begin_, sealed_end_)
  std::size_t sealed_end_ = 0;

  Family blocked_ = Family::none;
  Instant blocked_since_{};
  int last_error_ = 0;
};

}  // namespace adit::app
