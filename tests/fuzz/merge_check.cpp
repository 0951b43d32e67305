// SPDX-License-Identifier: MIT
#include "merge_check.h"

#include <map>

#include "fuzz.h"
#include "offload/split.h"
#include "packets.h"

namespace adit::fuzz {
namespace {

using Buffer = std::vector<std::uint8_t>;

/// A sound packet without the identification and what depends on it, which a merged IPv4 packet loses (merge.h), and
/// with one of the two spellings of zero in TCP's checksum.
Buffer comparable(Buffer packet) {
  const bool v4 = packet[0] >> 4 == 4;
  if (v4) packet[4] = packet[5] = packet[10] = packet[11] = 0;
  const auto checksum = offload::test::transport_offset(packet) + 16;
  const bool is_tcp = packet[v4 ? 9 : 6] == 6;
  if (is_tcp && packet[checksum] == 0xFF && packet[checksum + 1] == 0xFF) packet[checksum] = packet[checksum + 1] = 0;
  return packet;
}

/// Version, protocol, addresses and ports, wherever they are in a packet without options.
Buffer flow_of(const Buffer& packet) {
  const bool v4 = !packet.empty() && packet[0] >> 4 == 4;
  if (packet.size() < (v4 ? 24 : 44)) return packet;
  Buffer flow{static_cast<std::uint8_t>(packet[0] >> 4), v4 ? packet[9] : packet[6]};
  const auto from = packet.begin() + (v4 ? 12 : 8);
  flow.insert(flow.end(), from, packet.begin() + (v4 ? 24 : 44));
  return flow;
}

}  // namespace

std::vector<Buffer> segments_of(const offload::VirtioHeader& virtio, Bytes packet) {
  const auto plan = offload::SplitPlan::make(virtio, packet);
  require(plan.has_value(), "what was merged can be cut again");
  auto bytes = copy_of(packet);
  std::vector<Buffer> segments;
  for (std::size_t i = 0; i < plan->segments(); ++i) {
    const auto segment = plan->write_header(bytes, i);
    require(segment.size() == plan->size_of(i), "a segment is as long as the plan says");
    segments.push_back(copy_of(segment));
  }
  return segments;
}

void check_merge(const std::vector<Buffer>& packets, offload::MergeOptions options) {
  auto changed = packets;
  std::vector<MutableBytes> views(changed.begin(), changed.end());
  static thread_local offload::Merger merger{{}};
  merger = offload::Merger(options);
  std::map<Buffer, std::vector<const Buffer*>> expected;
  for (const auto& packet : packets) expected[flow_of(packet)].push_back(&packet);

  std::map<Buffer, std::size_t> seen;
  std::size_t total = 0;
  for (const auto& delivery : merger.merge(views)) {
    Buffer whole;
    for (const auto piece : delivery.pieces) whole.insert(whole.end(), piece.begin(), piece.end());
    require(whole.size() <= 65'535, "no packet is longer than an IP packet can be");
    require(delivery.packets == delivery.pieces.size() && delivery.packets <= offload::kMaxPieces,
            "a delivery counts its pieces");
    const bool alone = delivery.packets == 1;
    const auto segments = alone ? std::vector<Buffer>{whole} : segments_of(delivery.virtio, whole);
    require(!alone || delivery.virtio == offload::VirtioHeader{}, "a packet by itself is left as it is");
    require(segments.size() == delivery.packets, "cut again, there are as many");
    for (const auto& segment : segments) {
      const auto flow = flow_of(segment);
      auto& next = seen[flow];
      const auto found = expected.find(flow);
      require(found != expected.end() && next < found->second.size(), "nothing is delivered that was not there");
      const auto& original = *found->second[next++];
      require(alone ? segment == original : comparable(segment) == comparable(original),
              "cut again, a packet is what it was, and in its place");
      require(alone || offload::test::is_sound(segment), "cut again, its checksums are right");
      ++total;
    }
  }
  require(total == packets.size(), "nothing is lost");
}

}  // namespace adit::fuzz
