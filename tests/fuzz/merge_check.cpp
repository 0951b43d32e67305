// SPDX-License-Identifier: MIT
#include "merge_check.h"

#include <algorithm>
#include <array>
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

/// Version, protocol, addresses and ports, wherever they are in a packet without options, and else all of it.
Bytes flow_of(Bytes packet, std::array<std::uint8_t, 38>& place) {
  const bool v4 = !packet.empty() && packet[0] >> 4 == 4;
  if (packet.size() < (v4 ? 24u : 44u)) return packet;
  place[0] = static_cast<std::uint8_t>(packet[0] >> 4);
  place[1] = v4 ? packet[9] : packet[6];
  const auto ends = v4 ? packet.subspan(12, 12) : packet.subspan(8, 36);
  std::ranges::copy(ends, place.begin() + 2);
  return Bytes(place).first(2 + ends.size());
}

struct Flow {
  std::vector<const Buffer*> packets;
  std::size_t seen = 0;
};

struct Less {
  using is_transparent = void;
  bool operator()(Bytes a, Bytes b) const { return std::ranges::lexicographical_compare(a, b); }
};

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
  std::array<std::uint8_t, 38> place{};
  std::map<Buffer, Flow, Less> flows;
  for (const auto& packet : packets) {
    const auto flow = flow_of(packet, place);
    auto found = flows.find(flow);
    if (found == flows.end()) found = flows.emplace(copy_of(flow), Flow{}).first;
    found->second.packets.push_back(&packet);
  }

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
      const auto found = flows.find(flow_of(segment, place));
      require(found != flows.end() && found->second.seen < found->second.packets.size(),
              "nothing is delivered that was not there");
      const auto& original = *found->second.packets[found->second.seen++];
      require(segment == original || (!alone && comparable(segment) == comparable(original)),
              "cut again, a packet is what it was, and in its place");
      require(alone || offload::test::is_sound(segment), "cut again, its checksums are right");
      ++total;
    }
  }
  require(total == packets.size(), "nothing is lost");
}

}  // namespace adit::fuzz
