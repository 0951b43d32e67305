// SPDX-License-Identifier: MIT
// The way out: note the timestamp, send the handshakes, seal and send the packets. When the socket is full the rest
// waits until it has room again; what waits is bounded in number and age, since whoever fills the outbox is asked to
// stop meanwhile (`blocked`).
//
// Alone, there is one shipment, and `flush` does all of it. Where several threads share the work, `flush` publishes the
// shipment, and goes on with another; `work` seals those that wait, each by any thread, and sends those whose turn it
// is. Where the interface has several queues then, each has its lane (path/lanes.h), and reading is shared, too: `ask`
// for it, and `take_reads`.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "path/lanes.h"
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
  /// Takes up what came of what others have shipped, and publishes what waited for that.
  void collect();
  /// Drops what waits for room, while nobody else works on anything. False: nothing does.
  bool give_up();

  /// While nobody else works on anything. `shipments`: how many there are, 1: alone. `queues`: of the interface, the
  /// same each time.
  void share(std::size_t shipments, std::size_t queues, const HandOverPoint& point, Instant now);
  void set_aead(const crypto::Aead& aead) { aead_ = &aead; }
  /// What is read can be published.
  bool has_room() const { return lanes_ == nullptr || (!vacant_.empty() && may_admit()); }
  bool is_shared() const { return lanes_ != nullptr; }
  bool has_news() const { return lanes_ != nullptr && lanes_->has_news(may_admit()); }

  /// Others read, too: instead of `source`.
  bool shares_reading() const { return lanes_ != nullptr && lanes_->count() > 1; }
  bool is_reading(std::size_t queue) const { return shares_reading() && lanes_->is_reading(queue); }
  /// Only while there is room, and nothing of the queue is being read.
  void ask(std::size_t queue);
  /// What others have read goes to `admit`, to have its outbox filled, and is published.
  using Admit = std::function<void(std::size_t queue, Shipment&)>;
  void take_reads(const Admit& admit);

  /// The family whose socket is full; none: everything has left, or will.
  Family blocked() const;
  /// errno of the refusal of the last datagram to where the peer is called, 0 when it was taken.
  int last_error() const { return last_error_; }
  /// The last to anywhere else that was refused since this was asked.
  std::optional<Refusal> take_refused_elsewhere() { return std::exchange(refused_elsewhere_, {}); }
  /// Moves what happened to the end of `events`.
  void take_events(std::vector<tunnel::Event>& events);

  // Anybody
  // ------------------------------------------------------------------------------------------------------------

  std::uint64_t waiting() const { return lanes_ == nullptr ? 0 : lanes_->waiting(); }
  /// Seals one shipment, and sends what is to be sent by now. False: none waits.
  bool work();
  /// Reads one batch that was asked for. False: there is none.
  bool read(PacketPort& packets) { return lanes_ != nullptr && lanes_->read(packets); }

 private:
  void flush_alone(Instant now);
  void flush_shared(Instant now);
  bool publish_filling();
  void collect_ended();
  bool may_admit() const { return lanes_->may_admit() && (lanes_->count() == 1 || !filling_->has_packets()); }
  bool send(Shipment& shipment);
  void take_outcome(Shipment& shipment);
  void end_sharing();
  void keep_timestamp(Shipment& shipment);
  void keep_events(Shipment& shipment);

  tunnel::Tunnel& tunnel_;
  const crypto::Aead* aead_;
  DatagramPort& port_;
  KeepTimestamp keep_timestamp_;

  std::vector<std::unique_ptr<Shipment>> shipments_;
  std::vector<Shipment*> vacant_;
  Shipment* filling_;
  std::unique_ptr<Lanes> lanes_;  ///< null: alone
  bool sharing_ends_ = false;     ///< as soon as the lanes are empty
  std::vector<tunnel::Event> events_;

  std::atomic<Family> blocked_ = Family::none;
  std::optional<Instant> blocked_since_;
  std::atomic<std::uint64_t> too_old_ = 0;  ///< those with a lower number are not sent any more
  int last_error_ = 0;
  std::optional<Refusal> refused_elsewhere_;
};

}  // namespace adit::path
