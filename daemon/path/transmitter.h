// SPDX-License-Identifier: MIT
// The way out: note the timestamp, send the handshakes, seal and send the packets. When the socket is full the rest
// waits until it has room again; what waits is bounded in number and age, since whoever fills the outbox is asked to
// stop meanwhile (`blocked`).
//
// Alone, there is one shipment, and `flush` does all of it. Where several threads share the work, `flush` publishes the
// shipment, and goes on with another; `work` seals those that wait, each by any thread, and sends those whose turn it
// is.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "path/ring.h"
#include "path/shipment.h"
#include "tunnel/tunnel.h"

namespace adit::path {

class Transmitter {
 public:
  static constexpr std::size_t kMaxWaiting = 512;
  static constexpr std::size_t kMaxHandshakesWaiting = 64;
  /// A packet older than this helps nobody, and its session may have ended.
  static constexpr Duration kMaxWait = std::chrono::seconds(5);

  /// Called before a handshake with that timestamp leaves.
  using KeepTimestamp = std::function<void(const noise::Tai64n&)>;

  Transmitter(tunnel::Tunnel& tunnel, const crypto::Aead& aead, DatagramPort& port, KeepTimestamp keep_timestamp);

  // The thread that has the tunnel
  // -------------------------------------------------------------------------------------

  /// For the TUN to be read into, and then for the Tunnel to fill; flush afterwards. Others after each flush.
  Shipment::Source& source() { return filling_->source; }
  tunnel::Outbox& outbox() { return filling_->outbox; }
  void flush(Instant now);
  /// Takes up what came of what others have shipped.
  void collect();

  /// While nobody else works on anything. `shipments`: how many there are, 1: alone.
  void share(std::size_t shipments, const HandOverPoint& point, Instant now);
  void set_aead(const crypto::Aead& aead) { aead_ = &aead; }
  /// What is read can be published.
  bool has_room() const { return ring_ == nullptr || !vacant_.empty(); }
  bool is_shared() const { return ring_ != nullptr; }
  std::uint64_t in_flight() const { return ring_ == nullptr ? 0 : ring_->in_flight(); }
  bool has_news() const { return ring_ != nullptr && ring_->has_finished(); }

  /// The family whose socket is full; none: everything has left, or will.
  Family blocked() const;
  /// errno of the last datagram's refusal, 0 when it was taken.
  int last_error() const { return last_error_; }
  /// Moves what happened to the end of `events`.
  void take_events(std::vector<tunnel::Event>& events);

  // Anybody
  // ------------------------------------------------------------------------------------------------------------

  std::uint64_t waiting() const { return ring_ == nullptr ? 0 : ring_->waiting(); }
  /// Seals one shipment, and sends what is to be sent by now. False: none waits.
  bool work();

 private:
  void flush_alone(Instant now);
  void flush_shared(Instant now);
  void send_those_done();
  void take_outcome(Shipment& shipment);
  void end_sharing();
  void keep_events();

  tunnel::Tunnel& tunnel_;
  const crypto::Aead* aead_;
  DatagramPort& port_;
  KeepTimestamp keep_timestamp_;

  std::vector<std::unique_ptr<Shipment>> shipments_;
  std::vector<Shipment*> vacant_;
  Shipment* filling_;
  std::unique_ptr<Ring<Shipment>> ring_;  ///< null: alone
  bool sharing_ends_ = false;             ///< as soon as the ring is empty
  std::vector<tunnel::Event> events_;

  std::atomic<Family> blocked_ = Family::none;
  std::optional<Instant> blocked_since_;
  std::uint64_t next_number_ = 0;
  std::atomic<std::uint64_t> too_old_ = 0;  ///< those with a lower number are not sent any more
  int last_error_ = 0;
};

}  // namespace adit::path
