// SPDX-License-Identifier: MIT
#include "app/data_path.h"

#include "base/assert.h"

namespace adit::app {

using tunnel::DropReason;

DataPath::DataPath(tunnel::Tunnel& tunnel, const crypto::Aead& aead, PacketPort& packets, DatagramPort& datagrams,
                   Transmitter::KeepTimestamp keep_timestamp)
    : tunnel_(tunnel),
      aead_(aead),
      packet_port_(packets),
      datagram_port_(datagrams),
      transmitter_(tunnel, aead, datagrams, std::move(keep_timestamp)) {}

net::IoResult DataPath::send(Instant now) {
  ADIT_ASSERT(blocked() == Family::none);
  for (std::size_t i = 0; i < kBatchPackets; ++i) packets_[i] = packet_slots_[i].first(kLargestRead);
  const auto result = packet_port_.read(packets_);
  count_truncated();
  if (result.count == 0) return result;
  tunnel_.admit(std::span(packets_).first(result.count), now, transmitter_.outbox());
  transmitter_.flush(now);
  return result;
}

net::IoResult DataPath::receive(Instant now) {
  for (std::size_t i = 0; i < kBatchPackets; ++i) datagrams_[i].bytes = datagram_slots_[i].first(kLargestRead);
  const auto result = datagram_port_.receive(datagrams_);
  count_truncated();
  if (result.count == 0) return result;

  tunnel_.classify(std::span(datagrams_).first(result.count), now, batch_, transmitter_.outbox());
  tunnel::open(batch_.packets, aead_);
  tunnel_.accept(batch_, now, accepted_, transmitter_.outbox());
  deliver();
  batch_.clear();
  transmitter_.flush(now);
  return result;
}

void DataPath::deliver() {
  if (accepted_.empty()) return;
  // What the Tunnel only shows us lies in our own slots, and is ours to change.
  for (const auto packet : accepted_) {
    deliverable_.emplace_back(const_cast<std::uint8_t*>(packet.data()), packet.size());
  }
  const auto result = packet_port_.write(deliverable_);
  tunnel_.count_drop(DropReason::deliver_failed, deliverable_.size() - result.count);
  accepted_.clear();
  deliverable_.clear();
}

void DataPath::count_truncated() {
  const auto total = packet_port_.truncated() + datagram_port_.truncated();
  tunnel_.count_drop(DropReason::truncated, total - truncated_);
  truncated_ = total;
}

void DataPath::tick(Instant now) {
  tunnel_.tick(now, transmitter_.outbox());
  transmitter_.flush(now);
}

void DataPath::call(const Endpoint& endpoint, Instant now) {
  tunnel_.set_endpoint(endpoint, now, transmitter_.outbox());
  transmitter_.flush(now);
}

void DataPath::retry_now(Instant now) {
  tunnel_.retry_now(now, transmitter_.outbox());
  transmitter_.flush(now);
}

}  // namespace adit::app
