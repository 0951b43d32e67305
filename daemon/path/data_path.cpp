// SPDX-License-Identifier: MIT
#include "path/data_path.h"

#include <algorithm>
#include <cerrno>

#include "base/assert.h"

namespace adit::path {

using tunnel::DropReason;

namespace {
/// Of a UDP socket, in one batch.
constexpr std::size_t kFewestMessages = 4;
}  // namespace

DataPath::DataPath(tunnel::Tunnel& tunnel, const crypto::Aead& aead, PacketPort& packets, DatagramPort& datagrams,
                   offload::MergeOptions merge, Transmitter::KeepTimestamp keep_timestamp)
    : tunnel_(tunnel),
      aead_(&aead),
      packet_port_(packets),
      datagram_port_(datagrams),
      transmitter_(tunnel, aead, datagrams, std::move(keep_timestamp)),
      merger_(merge) {
  out_.arena.resize(kPacketArena);
}

net::IoResult DataPath::send(Instant now) {
  ADIT_ASSERT(blocked() == Family::none);
  out_.reads.clear();
  const auto result = packet_port_.read(out_.arena, out_.reads);
  count_lost();
  if (result.count == 0) return result;

  out_.packets.clear();
  out_.plans.clear();
  out_.plans.reserve(out_.reads.size());  // out_.packets points into it
  for (const auto& read : out_.reads) {
    if (read.virtio == offload::VirtioHeader{}) {
      out_.packets.push_back({read.bytes});
    } else if (const auto plan = offload::SplitPlan::make(read.virtio, read.bytes)) {
      out_.packets.push_back({read.bytes, &out_.plans.emplace_back(*plan)});
    } else {
      tunnel_.count_drop(DropReason::malformed_packet);
    }
  }
  tunnel_.admit(out_.packets, now, transmitter_.outbox());
  transmitter_.flush(now);
  return result;
}

net::IoResult DataPath::receive(Instant now) {
  for (std::size_t i = 0; i < in_.messages; ++i) in_.buffers[i] = in_.slots[i];
  in_.datagrams.clear();
  const auto result = datagram_port_.receive(std::span(in_.buffers).first(in_.messages), in_.datagrams);
  count_lost();
  if (result.count == 0) return result;
  plan_next_batch();

  tunnel_.classify(in_.datagrams, now, in_.batch, transmitter_.outbox());
  tunnel::open(in_.batch.packets, *aead_);
  tunnel_.accept(in_.batch, now, in_.accepted, transmitter_.outbox());
  deliver();
  in_.batch.clear();
  transmitter_.flush(now);
  return result;
}

/// One message brings a single datagram or 64 KB of them, and it does not say so before.
void DataPath::plan_next_batch() {
  std::size_t bytes = 0;
  std::size_t messages = 0;
  const std::uint8_t* end = nullptr;
  for (const auto& datagram : in_.datagrams) {
    bytes += datagram.bytes.size();
    if (datagram.bytes.data() != end) ++messages;
    end = datagram.bytes.data() + datagram.bytes.size();
  }
  in_.messages = std::clamp(kBatchBytes * messages / std::max<std::size_t>(bytes, 1), kFewestMessages, kBatchMessages);
}

void DataPath::deliver() {
  if (in_.accepted.empty()) return;
  const auto deliveries = merger_.merge(in_.accepted);
  packet_port_.write(deliveries, [&](std::size_t i, int error) {
    const auto& refused = deliveries[i];
    if (refused.packets > 1 && error == EINVAL) {
      merger_.give_up(refused.virtio);
      deliver_one_by_one(refused);
    } else {
      tunnel_.count_drop(DropReason::deliver_failed, refused.packets);
    }
  });
  in_.accepted.clear();
}

/// A merged packet this kernel does not take (6.6.44 had such a bug) is cut again.
void DataPath::deliver_one_by_one(const offload::Delivery& merged) {
  unmerged_.clear();
  for (const auto piece : merged.pieces) unmerged_.insert(unmerged_.end(), piece.begin(), piece.end());
  const auto plan = offload::SplitPlan::make(merged.virtio, unmerged_);
  ADIT_ASSERT(plan);
  for (std::size_t i = 0; i < plan->segments(); ++i) {
    const offload::Delivery one{.virtio = {}, .pieces = {plan->write_header(unmerged_, i)}};
    const auto result = packet_port_.write({&one, 1}, {});
    if (result.count == 0) tunnel_.count_drop(DropReason::deliver_failed);
  }
}

void DataPath::count_lost() {
  const auto lost = datagram_port_.take_lost();
  tunnel_.count_drop(DropReason::truncated, packet_port_.take_truncated() + lost.truncated);
  tunnel_.count_drop(DropReason::receive_buffer_full, lost.receive_buffer_full);
}

void DataPath::tick(Instant now) {
  tunnel_.tick(now, transmitter_.outbox());
  transmitter_.flush(now);
}

void DataPath::call(const Endpoint& endpoint, Instant now) {
  tunnel_.set_endpoint(endpoint, now, transmitter_.outbox());
  transmitter_.flush(now);
}

void DataPath::set_keepalive(std::optional<Duration> interval, Instant now) {
  tunnel_.set_keepalive(interval, now, transmitter_.outbox());
  transmitter_.flush(now);
}

void DataPath::set_aead(const crypto::Aead& aead) {
  aead_ = &aead;
  transmitter_.set_aead(aead);
}

void DataPath::retry_now(Instant now) {
  tunnel_.retry_now(now, transmitter_.outbox());
  transmitter_.flush(now);
}

}  // namespace adit::path
