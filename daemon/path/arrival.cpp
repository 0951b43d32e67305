// SPDX-License-Identifier: MIT
#include "path/arrival.h"

#include <algorithm>
#include <cerrno>

#include "base/assert.h"
#include "offload/ethernet.h"

namespace adit::path {

net::IoResult Arrival::receive(DatagramPort& port, std::size_t messages) {
  for (std::size_t i = 0; i < messages; ++i) buffers_[i] = slots_[i];
  return port.receive(std::span(buffers_).first(messages), datagrams);
}

std::pair<std::size_t, std::size_t> Arrival::extent() const {
  std::size_t bytes = 0;
  std::size_t messages = 0;
  const std::uint8_t* end = nullptr;
  for (const auto& datagram : datagrams) {
    bytes += datagram.bytes.size();
    if (datagram.bytes.data() != end) ++messages;
    end = datagram.bytes.data() + datagram.bytes.size();
  }
  return {messages, bytes};
}

void Arrival::merge() {
  deliveries_ = merger_.merge(accepted);
}

void Arrival::deliver(PacketPort& port, const Between& between) {
  auto left = std::exchange(deliveries_, {});
  std::span<const offload::Delivery> part;
  const auto refused_one = [&](std::size_t i, int error) {
    const auto& refused = part[i];
    if (refused.packets > 1 && error == EINVAL) {
      outcome_.refused.push_back(refused.virtio);
      deliver_one_by_one(port, refused);
    } else {
      outcome_.failed += refused.packets;
    }
  };
  while (!left.empty()) {
    part = left.first(std::min(left.size(), kDeliveriesAtATime));
    left = left.subspan(part.size());
    port.write(part, std::ref(refused_one));  // by reference: a std::function this large would take memory
    if (!left.empty() && between) between();
  }
}

/// A merged packet this kernel does not take (6.6.44 had such a bug) is cut again.
void Arrival::deliver_one_by_one(PacketPort& port, const offload::Delivery& merged) {
  unmerged_.clear();
  for (const auto piece : merged.pieces) unmerged_.insert(unmerged_.end(), piece.begin(), piece.end());
  const offload::Wrapping wrapping{.ip = merger_.options().frames ? offload::find_ip(unmerged_) : 0};
  const auto plan = offload::SplitPlan::make(merged.virtio, unmerged_, wrapping);
  ADIT_ASSERT(plan);
  for (std::size_t i = 0; i < plan->segments(); ++i) {
    const offload::Delivery one{.virtio = {}, .pieces = {plan->write_header(unmerged_, i)}};
    const auto result = port.write({&one, 1}, {});
    if (result.count == 0) ++outcome_.failed;
  }
}

void Arrival::clear() {
  datagrams.clear();
  batch.clear();
  accepted.clear();
  deliveries_ = {};
}

}  // namespace adit::path
