// SPDX-License-Identifier: MIT
#include "path/transmitter.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "path/buffers.h"

namespace adit::path {

using tunnel::DropReason;

Transmitter::Transmitter(tunnel::Tunnel& tunnel, const crypto::Aead& aead, DatagramPort& port,
                         KeepTimestamp keep_timestamp)
    : tunnel_(tunnel),
      aead_(&aead),
      port_(port),
      keep_timestamp_(std::move(keep_timestamp)),
      filling_(shipments_.emplace_back(std::make_unique<Shipment>(kBatchBytes)).get()) {}

Family Transmitter::blocked() const {
  if (lanes_ != nullptr && !lanes_->held()) return Family::none;
  return blocked_;
}

void Transmitter::flush(Instant now) {
  keep_timestamp(*filling_);
  if (lanes_ == nullptr) {
    flush_alone(now);
  } else {
    flush_shared(now);
  }
}

void Transmitter::keep_timestamp(Shipment& shipment) {
  auto& timestamp = shipment.outbox.timestamp;
  if (timestamp) keep_timestamp_(*timestamp);
  timestamp.reset();
}

void Transmitter::take_events(std::vector<tunnel::Event>& events) {
  keep_events(*filling_);
  events.insert(events.end(), events_.begin(), events_.end());
  events_.clear();
}

void Transmitter::keep_events(Shipment& shipment) {
  auto& fresh = shipment.outbox.events;
  events_.insert(events_.end(), fresh.begin(), fresh.end());
  fresh.clear();
}

void Transmitter::take_outcome(Shipment& shipment) {
  const auto outcome = shipment.take_outcome();
  tunnel_.count_drop(DropReason::send_failed, outcome.lost);
  if (outcome.error) last_error_ = *outcome.error;
  if (outcome.refused_elsewhere) refused_elsewhere_ = outcome.refused_elsewhere;
  for (const auto size : outcome.refused_probes) tunnel_.probe_refused(size, outbox());
  if (outcome.refused_source.is_none()) return;
  // Others that still go there may have left since then, and the tunnel may have another source by now.
  if (tunnel_.path().local == outcome.refused_source) tunnel_.forget_source();
}

bool Transmitter::give_up() {
  blocked_since_.reset();
  blocked_ = Family::none;
  if (lanes_ != nullptr) {
    if (!lanes_->held()) return false;
    too_old_ = lanes_->next_number();
    lanes_->let_go();
    lanes_->finish([this](Shipment& shipment) { return send(shipment); });
    return true;
  }
  if (filling_->is_empty()) return false;
  filling_->abandon();
  take_outcome(*filling_);
  return true;
}

// Alone
// ----------------------------------------------------------------------------------------------------------------

void Transmitter::flush_alone(Instant now) {
  auto& shipment = *filling_;
  const bool was_blocked = blocked_ != Family::none;
  if (was_blocked && now - *blocked_since_ > kMaxWait) shipment.abandon();
  if (was_blocked) shipment.trim(kMaxHandshakesWaiting, kMaxWaiting);
  const bool done = shipment.ship(port_, *aead_);
  blocked_ = done ? Family::none : shipment.full();
  if (!done && !was_blocked) blocked_since_ = now;
  take_outcome(shipment);
  if (done) shipment.clear();
}

// Shared
// ---------------------------------------------------------------------------------------------------------------

void Transmitter::share(std::size_t shipments, std::size_t queues, const HandOverPoint& point, Instant now) {
  sharing_ends_ = shipments <= 1;
  if (sharing_ends_) {
    collect();
    return;
  }
  if (lanes_ == nullptr) lanes_ = std::make_unique<Lanes>(queues, point);
  if (filling_->is_empty()) filling_->set_batch(kSharedBatchBytes);
  while (shipments_.size() < shipments) {
    shipments_.push_back(std::make_unique<Shipment>(kSharedBatchBytes));
    vacant_.push_back(shipments_.back().get());
  }
  // What waits for room is published: the next packets are read into another one.
  flush(now);
}

void Transmitter::flush_shared(Instant now) {
  collect_ended();
  if (lanes_ == nullptr) return;  // that was the last of them
  if (!lanes_->held()) {
    blocked_since_.reset();
  } else {
    if (!blocked_since_) blocked_since_ = now;
    if (now - *blocked_since_ > kMaxWait) {
      too_old_ = lanes_->next_number();
      blocked_since_.reset();
    }
    lanes_->let_go();
    lanes_->finish([this](Shipment& shipment) { return send(shipment); });
  }
  if (publish_filling()) return;
  filling_->trim(kMaxHandshakesWaiting, kMaxWaiting);
  take_outcome(*filling_);
}

/// False: it has to wait until others have left.
bool Transmitter::publish_filling() {
  if (filling_->is_empty()) return true;
  keep_timestamp(*filling_);
  keep_events(*filling_);
  const bool alone = filling_->has_packets();
  if (vacant_.empty() || (alone && !lanes_->may_go_alone())) return false;
  auto& shipment = *std::exchange(filling_, vacant_.back());
  vacant_.pop_back();
  if (alone) {
    lanes_->publish_alone(shipment);
  } else {
    lanes_->publish(0, shipment);
  }
  return true;
}

void Transmitter::ask(std::size_t queue) {
  lanes_->ask(queue, *vacant_.back());
  vacant_.pop_back();
}

void Transmitter::take_reads(const Admit& admit) {
  if (!shares_reading()) return;
  // What came from no queue goes first.
  if (filling_->has_packets()) return;
  lanes_->collect_reads([&](std::size_t lane, Shipment& shipment, bool failed) {
    if (!failed) admit(lane, shipment);
    keep_timestamp(shipment);
    keep_events(shipment);
    if (shipment.is_empty()) {
      shipment.clear();
      vacant_.push_back(&shipment);
    } else {
      lanes_->publish(lane, shipment);
    }
  });
}

/// What waited for those that are taken up now goes on at once: nothing else would tell that it can.
void Transmitter::collect() {
  if (lanes_ == nullptr) return;
  collect_ended();
  if (lanes_ != nullptr) publish_filling();
}

void Transmitter::collect_ended() {
  lanes_->collect([this](Shipment& shipment, bool failed) {
    if (failed) shipment.abandon();
    take_outcome(shipment);
    shipment.clear();
    vacant_.push_back(&shipment);
  });
  if (sharing_ends_ && lanes_->in_flight() + lanes_->in_reading() == 0 && filling_->is_empty()) end_sharing();
}

void Transmitter::end_sharing() {
  lanes_.reset();
  vacant_.clear();
  std::erase_if(shipments_, [this](const auto& shipment) { return shipment.get() != filling_; });
  filling_->set_batch(kBatchBytes);
  blocked_ = Family::none;
  blocked_since_.reset();
  sharing_ends_ = false;
}

bool Transmitter::work() {
  return lanes_ != nullptr && lanes_->work([this](Shipment& shipment) { shipment.seal(*aead_); },
                                           [this](Shipment& shipment) { return send(shipment); });
}

/// False: there is no room.
bool Transmitter::send(Shipment& shipment) {
  if (shipment.number < too_old_) {
    shipment.abandon();
    return true;
  }
  if (shipment.ship(port_, *aead_)) return true;
  blocked_ = shipment.full();
  return false;
}

}  // namespace adit::path
