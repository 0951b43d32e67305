// SPDX-License-Identifier: MIT
// The ways on which shipments leave where several threads share the work (docs/threads.md): one for each queue of the
// interface. In each, shipments are read, sealed and sent in one order, since a flow stays in its queue; between them
// there is none, so that several threads may read and send at the same time:
//
//   the owner asks ─▶ anybody reads ─▶ the owner admits and publishes ─▶ anybody seals ─▶ anybody sends, in order
//
// With one lane the owner reads by itself, and asks nobody. Knows what keeps lanes from getting too far apart; does not
// know the tunnel.
#pragma once

#include <memory>
#include <vector>

#include "path/ring.h"
#include "path/shipment.h"

namespace adit::path {

class Lanes {
 public:
  /// Counters that may be on their way at once, before the batch that is admitted last: who is slow in one lane must
  /// not find its packets too old. A batch has 256 at usual sizes, so that this stays within the narrowest replay
  /// window there is (BoringTun's, 1,024).
  static constexpr std::uint64_t kMostOnTheirWay = 512;
  /// And with it. Of super-packets with tiny segments, which any program of this host can send, one may have 16,384 and
  /// more: it waits then until it is alone. Others' windows have room for that many (8,128), BoringTun's has not.
  static constexpr std::uint64_t kMostApart = 8'000;

  Lanes(std::size_t count, const HandOverPoint& point);
  std::size_t count() const { return lanes_.size(); }

  // The owner: the thread that has the tunnel -------------------------------------------------------------------------

  /// For anybody to read into. Only when nothing of that lane is being read.
  void ask(std::size_t lane, Shipment& shipment) { lanes_[lane]->reading.publish(shipment); }
  bool is_reading(std::size_t lane) const { return lanes_[lane]->reading.in_flight() > 0; }
  std::uint64_t in_reading() const;
  /// What was read, and will take `more` counters at most, may be given them now.
  bool may_admit(std::uint64_t more = 0) const;
  /// Hands over what was read, in order, as long as it may be admitted. Where one has to wait, so do all others, and
  /// the next time another one is first: none waits for ever.
  template <class Take>
  void collect_reads(const Take& take) {
    if (!may_admit_reads()) return;
    for (std::size_t i = 0, first = first_read_; i < lanes_.size(); ++i) {
      const auto lane = (first + i) % lanes_.size();
      auto& reading = lanes_[lane]->reading;
      if (!reading.has_finished()) continue;
      if (!may_admit(reading.oldest()->source.most_datagrams())) return;
      first_read_ = lane + 1;
      reading.collect([&](Shipment& shipment, bool failed) { take(lane, shipment, failed); });
    }
  }

  void publish(std::size_t lane, Shipment& shipment);
  /// What came from no queue may be of any flow. With several lanes it leaves alone: after all that was published
  /// before, and ahead of what is admitted later.
  bool may_go_alone() const { return lanes_.size() == 1 || in_flight() == 0; }
  void publish_alone(Shipment& shipment);
  template <class Take>
  void collect(const Take& take) {
    for (const auto& lane : lanes_) lane->sending.collect(take);
    if (in_flight() == 0) alone_ = false;
  }
  std::uint64_t in_flight() const;
  /// The number that the next one will have.
  std::uint64_t next_number() const { return next_number_; }
  /// Something can be taken up; `admits`: what was read, too.
  bool has_news(bool admits) const;
  bool held() const;
  void let_go();

  // Anybody -----------------------------------------------------------------------------------------------------------

  std::uint64_t waiting() const;
  /// Both: false: there is nothing to read, or to be sealed.
  bool read(PacketPort& port);
  template <class Seal, class Send>
  bool work(const Seal& seal, const Send& send) {
    // Not always the same one first, or the last ones would starve.
    for (std::size_t i = 0, first = turn_.fetch_add(1, std::memory_order_relaxed); i < lanes_.size(); ++i) {
      auto& lane = *lanes_[(first + i) % lanes_.size()];
      if (!lane.sending.work(seal)) continue;
      lane.sending.finish(send);
      return true;
    }
    return false;
  }
  /// Those that are done already.
  template <class Send>
  void finish(const Send& send) {
    for (const auto& lane : lanes_) lane->sending.finish(send);
  }

 private:
  struct Lane {
    explicit Lane(const HandOverPoint& point) : reading(point), sending(point) {}
    Ring<Shipment> reading;  ///< one at a time
    Ring<Shipment> sending;
  };

  /// The first that waits may be admitted now.
  bool may_admit_reads() const;

  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<std::size_t> turn_ = 0;
  std::size_t first_read_ = 0;  ///< the lane that is asked first for what was read, modulo their count
  std::uint64_t next_number_ = 0;
  std::uint64_t counters_ = 0;  ///< given away so far
  bool alone_ = false;          ///< what is on its way leaves alone
};

}  // namespace adit::path
