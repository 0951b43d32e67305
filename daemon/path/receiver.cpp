// SPDX-License-Identifier: MIT
#include "path/receiver.h"

#include <algorithm>

#include "base/assert.h"

namespace adit::path {

using tunnel::DropReason;

namespace {
/// Of a UDP socket, in one batch: of whole super-packets as many as make a batch.
constexpr std::size_t kFewestMessages = 4;
constexpr std::size_t kFewestShared = 2;
}  // namespace

Receiver::Receiver(tunnel::Tunnel& tunnel, const crypto::Aead& aead, PacketPort& packets, DatagramPort& datagrams,
                   const offload::MergeOptions& merges)
    : tunnel_(tunnel), aead_(&aead), packet_port_(packets), datagram_port_(datagrams), merges_(merges) {
  arrivals_.push_back(std::make_unique<Arrival>(merges));
  vacant_.push_back(arrivals_.front().get());
}

net::IoResult Receiver::receive(Instant now, tunnel::Outbox& out, const Between& between) {
  ADIT_ASSERT(has_room());
  auto& arrival = *vacant_.back();
  was_full_ = false;
  const auto result = arrival.receive(datagram_port_, messages_);
  if (result.count == 0) return result;
  plan_next_batch(arrival);

  tunnel_.classify(arrival.datagrams, now, arrival.batch, out);
  if (arrival.batch.packets.empty()) {
    arrival.clear();
  } else if (shared_ != nullptr) {
    vacant_.pop_back();
    shared_->opening.publish(arrival);
  } else {
    tunnel::open(arrival.batch.packets, *aead_);
    tunnel_.accept(arrival.batch, now, arrival.accepted, out);
    arrival.set_merges(merges());
    arrival.merge();
    arrival.deliver(packet_port_, between);
    take_outcome(arrival);
    arrival.clear();
  }
  return result;
}

/// One message brings a single datagram or 64 KB of them, and it does not say so before.
void Receiver::plan_next_batch(const Arrival& arrival) {
  const auto [messages, bytes] = arrival.extent();
  was_full_ = messages >= messages_;
  const auto batch = shared_ ? kSharedBatchBytes : kBatchBytes;
  const auto fewest = shared_ ? kFewestShared : kFewestMessages;
  messages_ = std::clamp(batch * messages / std::max<std::size_t>(bytes, 1), fewest, kBatchMessages);
}

void Receiver::take_outcome(Arrival& arrival) {
  auto& outcome = arrival.outcome();
  tunnel_.count_drop(DropReason::deliver_failed, std::exchange(outcome.failed, 0));
  for (const auto& refused : outcome.refused) merges_.give_up(refused);
  outcome.refused.clear();
}

void Receiver::give_back(Arrival& arrival) {
  take_outcome(arrival);
  arrival.clear();
  vacant_.push_back(&arrival);
}

// Shared
// ---------------------------------------------------------------------------------------------------------------

void Receiver::share(std::size_t arrivals, const HandOverPoint& point) {
  sharing_ends_ = arrivals <= 1;
  if (sharing_ends_) return;
  if (shared_ == nullptr) shared_ = std::make_unique<Rings>(point);
  while (arrivals_.size() < arrivals) {
    arrivals_.push_back(std::make_unique<Arrival>(merges()));
    vacant_.push_back(arrivals_.back().get());
  }
}

void Receiver::collect(Instant now, tunnel::Outbox& out) {
  if (shared_ == nullptr) return;
  auto& [opening, delivering] = *shared_;
  opening.finish([&](Arrival& arrival) {
    tunnel_.accept(arrival.batch, now, arrival.accepted, out);
    return true;
  });
  opening.collect([&](Arrival& arrival, bool failed) {
    arrival.batch.clear_accepted();
    if (failed || arrival.accepted.empty()) {
      give_back(arrival);
    } else {
      arrival.set_merges(merges());
      delivering.publish(arrival);
    }
  });
  delivering.collect([&](Arrival& arrival, bool failed) {
    if (failed) tunnel_.count_drop(DropReason::deliver_failed, arrival.accepted.size());
    give_back(arrival);
  });
  if (!sharing_ends_ || in_flight() != 0) return;
  shared_.reset();
  arrivals_.resize(1);
  vacant_.assign(1, arrivals_.front().get());
  sharing_ends_ = false;
}

bool Receiver::has_news() const {
  return shared_ != nullptr && (shared_->opening.is_ready() || shared_->delivering.has_finished());
}

bool Receiver::deliver(const Between& between) {
  if (shared_ == nullptr || !shared_->delivering.work([](Arrival& arrival) { arrival.merge(); })) return false;
  shared_->delivering.finish([this, &between](Arrival& arrival) {
    arrival.deliver(packet_port_, between);
    return true;
  });
  return true;
}

bool Receiver::open() {
  return shared_ != nullptr &&
         shared_->opening.work([this](Arrival& arrival) { tunnel::open(arrival.batch.packets, *aead_); });
}

}  // namespace adit::path
