// SPDX-License-Identifier: MIT
// The way in: classify, open, accept, merge, deliver.
//
// Alone, there is one arrival, and `receive` does all of it. Where several threads share the work, an arrival goes
// through two rings: it is opened by any thread and accepted by the one that has the tunnel, in order; then merged by
// any thread and written by any, in order again.
#pragma once

#include <memory>
#include <vector>

#include "path/arrival.h"
#include "path/ring.h"
#include "tunnel/tunnel.h"

namespace adit::path {

class Receiver {
 public:
  Receiver(tunnel::Tunnel& tunnel, const crypto::Aead& aead, PacketPort& packets, DatagramPort& datagrams,
           const offload::MergeOptions& merges);

  // The thread that has the tunnel
  // -------------------------------------------------------------------------------------

  /// One batch. What it causes is in `out`. Only while there is room. `between`: where it is delivered here, too.
  net::IoResult receive(Instant now, tunnel::Outbox& out, const Between& between);
  /// Accepts what others have opened, and takes up what came of what they have delivered.
  void collect(Instant now, tunnel::Outbox& out);

  /// While nobody else works on anything. `arrivals`: how many there are, 1: alone.
  void share(std::size_t arrivals, const HandOverPoint& point);
  void set_aead(const crypto::Aead& aead) { aead_ = &aead; }
  void set_merges(const offload::MergeOptions& merges) { merges_.set_options(merges); }
  /// Less than was asked for when the kernel refused some.
  const offload::MergeOptions& merges() const { return merges_.options(); }
  bool has_room() const { return !vacant_.empty(); }
  bool is_shared() const { return shared_ != nullptr; }
  void begin_turn() { was_full_ = false; }
  /// The last batch of this turn was as large as it could be: there is more, very likely.
  bool was_full() const { return was_full_; }
  std::uint64_t in_flight() const {
    return shared_ ? shared_->opening.in_flight() + shared_->delivering.in_flight() : 0;
  }
  bool has_news() const;

  // Anybody
  // ------------------------------------------------------------------------------------------------------------

  std::uint64_t waiting() const { return shared_ ? shared_->opening.waiting() + shared_->delivering.waiting() : 0; }
  /// Merges one arrival, and writes those whose turn it is. False: none waits.
  bool deliver(const Between& between);
  /// Opens one arrival. False: none waits.
  bool open();

 private:
  struct Rings {
    explicit Rings(const HandOverPoint& point) : opening(point), delivering(point) {}
    Ring<Arrival> opening;
    Ring<Arrival> delivering;
  };

  void plan_next_batch(const Arrival& arrival);
  void take_outcome(Arrival& arrival);
  void give_back(Arrival& arrival);

  tunnel::Tunnel& tunnel_;
  const crypto::Aead* aead_;
  PacketPort& packet_port_;
  DatagramPort& datagram_port_;

  std::vector<std::unique_ptr<Arrival>> arrivals_;
  std::vector<Arrival*> vacant_;
  std::unique_ptr<Rings> shared_;  ///< null: alone
  bool sharing_ends_ = false;      ///< as soon as the rings are empty
  offload::Merger merges_;         ///< knows what the kernel has refused
  /// To be received next time: about kBatchBytes, to judge by the last time.
  std::size_t messages_ = kBatchMessages;
  bool was_full_ = false;
};

}  // namespace adit::path
