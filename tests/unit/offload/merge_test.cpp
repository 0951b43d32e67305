// SPDX-License-Identifier: MIT
#include "offload/merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "offload/split.h"
#include "packets.h"

namespace adit::offload::test {
namespace {

struct Written {
  VirtioHeader virtio;
  Buffer bytes;
  std::size_t packets;
};

std::vector<Written> merge(std::vector<Buffer> packets, MergeOptions options = {}) {
  std::vector<MutableBytes> views(packets.begin(), packets.end());
  Merger merger(options);
  std::vector<Written> result;
  for (const auto& delivery : merger.merge(views)) {
    Buffer bytes;
    for (const auto piece : delivery.pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
    result.push_back({delivery.virtio, bytes, delivery.packets});
  }
  return result;
}

std::vector<Buffer> split_again(const std::vector<Written>& deliveries) {
  std::vector<Buffer> packets;
  for (auto delivery : deliveries) {
    const auto plan = SplitPlan::make(delivery.virtio, delivery.bytes);
    EXPECT_TRUE(plan);
    if (!plan) continue;
    for (std::size_t i = 0; i < plan->segments(); ++i) {
      const auto segment = plan->write_header(delivery.bytes, i);
      packets.emplace_back(segment.begin(), segment.end());
    }
  }
  return packets;
}

/// `count` packets of one stream, `size` bytes of payload each.
std::vector<Buffer> stream(Recipe recipe, std::size_t count, std::size_t size = 100) {
  std::vector<Buffer> packets;
  for (std::size_t i = 0; i < count; ++i) {
    recipe.payload.assign(size, static_cast<std::uint8_t>(i));
    packets.push_back(build(recipe));
    recipe.sequence += static_cast<std::uint32_t>(size);
    recipe.id += 1;
  }
  return packets;
}

/// Two packets that would merge, the second changed in one respect.
template <class Change>
std::size_t writes_after(Change change, Recipe first = {}) {
  first.payload.assign(100, 1);
  Recipe second = first;
  second.sequence += 100;
  second.id += 1;
  change(second);
  return merge({build(first), build(second)}).size();
}

TEST(Merge, PutsAStreamIntoOneWriteThatSplitsBackExactly) {
  for (const bool v4 : {true, false}) {
    for (const bool tcp : {true, false}) {
      const auto packets = stream({.v4 = v4, .tcp = tcp, .tcp_options = 12}, 40, 1000);
      const auto written = merge(packets);
      ASSERT_EQ(written.size(), 1u);
      EXPECT_EQ(written[0].packets, 40u);
      EXPECT_EQ(written[0].virtio.segment_size, 1000);
      EXPECT_EQ(split_again(written), packets);
    }
  }
}

TEST(Merge, ALonePacketIsWrittenAsItIs) {
  const auto packets = stream({}, 1);
  const auto written = merge(packets);
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(written[0].virtio, VirtioHeader{});
  EXPECT_EQ(written[0].bytes, packets[0]);
}

TEST(Merge, EachRuleHasItsCounterExample) {
  const auto same = [](Recipe&) {};
  ASSERT_EQ(writes_after(same), 1u);
  ASSERT_EQ(writes_after(same, {.v4 = false}), 1u);
  ASSERT_EQ(writes_after(same, {.tcp = false}), 1u);
  ASSERT_EQ(writes_after(same, {.tcp_options = 12}), 1u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.sequence += 1; }), 2u) << "a gap";
  EXPECT_EQ(writes_after([](Recipe& r) { r.sequence -= 1; }), 2u) << "an overlap";
  EXPECT_EQ(writes_after([](Recipe& r) { r.acknowledgment += 1; }), 2u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.window += 1; }), 2u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.urgent = 1; }), 2u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.tos = 1; }), 2u) << "ECN";
  EXPECT_EQ(writes_after([](Recipe& r) { r.tos = 1; }, {.v4 = false}), 2u) << "ECN";
  EXPECT_EQ(writes_after([](Recipe& r) { r.ttl = 63; }), 2u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.ttl = 63; }, {.v4 = false}), 2u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.dont_fragment = false; }), 2u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.more_fragments = true; }), 2u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.fragment_offset = 10; }), 2u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.ip_options = 4; }), 2u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.extensions = 8; }, {.v4 = false}), 2u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.tcp_options = 4; }), 2u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.option_fill = 2; }, {.tcp_options = 12}), 2u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.source_port += 1; }), 2u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.destination_port += 1; }), 2u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.host += 1; }), 2u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.tcp = false; }), 2u);
  EXPECT_EQ(writes_after([](Recipe& r) { r.payload.clear(); }), 2u) << "a pure acknowledgment";
  EXPECT_EQ(writes_after([](Recipe& r) { r.payload.push_back(1); }), 2u) << "longer than the first";
  EXPECT_EQ(writes_after([](Recipe& r) { r.payload.pop_back(); }), 1u) << "a shorter last one";
  EXPECT_EQ(writes_after([](Recipe& r) { r.flags = 0x18; }), 1u) << "PSH on the last";
  EXPECT_EQ(writes_after(same, {.flags = 0x18}), 2u) << "nothing after PSH";
  for (unsigned flags = 0; flags < 256; ++flags) {
    if (flags == 0x10 || flags == 0x18) continue;
    EXPECT_EQ(writes_after([&](Recipe& r) { r.flags = static_cast<std::uint8_t>(flags); }), 2u) << flags;
  }
}

TEST(Merge, NothingFollowsAShortSegment) {
  Recipe recipe;
  std::vector<Buffer> packets;
  for (const std::size_t size : {100, 50, 50}) {
    recipe.payload.assign(size, 1);
    packets.push_back(build(recipe));
    recipe.sequence += static_cast<std::uint32_t>(size);
    recipe.id += 1;
  }
  EXPECT_EQ(merge(packets).size(), 2u);
}

TEST(Merge, ABadChecksumIsNeverLaundered) {
  for (const bool tcp : {true, false}) {
    auto packets = stream({.tcp = tcp}, 3);
    packets[1].back() ^= 1;
    const auto written = merge(packets);
    ASSERT_EQ(written.size(), 3u);
    EXPECT_EQ(written[1].virtio, VirtioHeader{});
    EXPECT_EQ(written[1].bytes, packets[1]);
  }
  auto packets = stream({}, 2);
  packets[1][10] ^= 1;  // the IP header's
  EXPECT_EQ(merge(packets).size(), 2u);
}

TEST(Merge, AUdpPacketWithoutAChecksumStaysAlone) {
  auto packets = stream({.tcp = false}, 2);
  packets[1][26] = packets[1][27] = 0;
  EXPECT_EQ(merge(packets).size(), 2u);
}

TEST(Merge, StopsBeforeAnIpPacketWouldGetTooLong) {
  const auto packets = stream({}, 70, 1000);
  const auto written = merge(packets);
  ASSERT_EQ(written.size(), 2u);
  EXPECT_LE(written[0].bytes.size(), 65'535u);
  EXPECT_EQ(split_again(written), packets);
}

TEST(Merge, TheLongestIpPacketIsMadeAndNoLongerOne) {
  // 40 bytes of headers, 59 pieces of 1,100, and one that just fits, or does not.
  for (const std::size_t last : {594, 595, 596}) {
    auto packets = stream({}, 60, 1100);
    Recipe recipe{.id = 60, .sequence = 1 + 59 * 1100, .payload = Buffer(last, 7)};
    packets.back() = build(recipe);
    const auto written = merge(packets);
    EXPECT_EQ(written.size(), last <= 595 ? 1U : 2U) << last;
    EXPECT_EQ(split_again(written), packets);
  }
}

/// The bits next to the data offset, which later RFCs give a meaning (AccECN).
TEST(Merge, PacketsWithReservedBitsStayAlone) {
  for (const auto bit : std::to_array<std::uint8_t>({0x01, 0x02, 0x04, 0x08})) {
    auto packets = stream({}, 2);
    for (auto& packet : packets) {
      packet[20 + 12] |= bit;
      const auto sum = static_cast<std::uint16_t>(~load_be16(&packet[36])) + (bit << 8U);
      store_be16(&packet[36], static_cast<std::uint16_t>(~((sum & 0xffffU) + (sum >> 16U))));
      ASSERT_TRUE(is_sound(packet));
    }
    EXPECT_EQ(merge(packets).size(), 2U) << int{bit};
  }
}

TEST(Merge, WhatIsSwitchedOffIsNotMerged) {
  const auto count = [](bool v4, bool tcp, MergeOptions options) {
    return merge(stream({.v4 = v4, .tcp = tcp}, 2), options).size();
  };
  EXPECT_EQ(count(true, true, {.tcp4 = false}), 2u);
  EXPECT_EQ(count(false, true, {.tcp6 = false}), 2u);
  EXPECT_EQ(count(true, false, {.udp4 = false}), 2u);
  EXPECT_EQ(count(false, false, {.udp6 = false}), 2u);
  EXPECT_EQ(count(true, true, {.tcp6 = false, .udp4 = false, .udp6 = false}), 1u);
}

/// As from somebody who sends from ports at random to make us compare each packet with all the others.
TEST(Merge, OfManyFlowsOnlyTheNewestAreLookedAtAndEachKeepsItsOrder) {
  const auto mixed = [](std::size_t others) {
    const auto flow = stream({.source_port = 1}, 2);
    std::vector<Buffer> packets{flow[0]};
    for (std::size_t i = 0; i < others; ++i) {
      packets.push_back(stream({.source_port = static_cast<std::uint16_t>(100 + i)}, 1)[0]);
    }
    packets.push_back(flow[1]);
    return packets;
  };
  EXPECT_EQ(merge(mixed(Merger::kGroupsInSight - 1)).size(), Merger::kGroupsInSight) << "still in sight: merged";
  const auto crowd = mixed(Merger::kGroupsInSight);
  const auto written = merge(crowd);
  EXPECT_EQ(written.size(), crowd.size()) << "out of sight: written by itself";
  EXPECT_EQ(split_again(written), crowd);
}

TEST(Merge, RandomMixesComeOutCompleteAndInOrderWithinEachFlow) {
  SeededRandom random(21);
  for (int round = 0; round < 2000; ++round) {
    std::vector<Recipe> flows;
    for (std::uint64_t i = 1 + random.below(5); i > 0; --i) {
      flows.push_back({.v4 = random.chance(0.5),
                       .tcp = random.chance(0.6),
                       .tcp_options = 4 * random.below(4),
                       .host = static_cast<std::uint8_t>(random.below(2)),
                       .source_port = static_cast<std::uint16_t>(random.below(3)),
                       .sequence = random.u32()});
    }
    std::vector<Buffer> packets;
    for (std::uint64_t i = random.below(60); i > 0; --i) {
      auto& flow = flows[random.below(flows.size())];
      flow.payload = random_payload(random, random.chance(0.7) ? 100 : random.below(120));
      flow.flags = random.chance(0.9) ? 0x10 : static_cast<std::uint8_t>(random.below(256));
      flow.more_fragments = random.chance(0.03);
      packets.push_back(build(flow));
      if (random.chance(0.05)) packets.back().back() ^= 0x10;
      flow.sequence += static_cast<std::uint32_t>(flow.payload.size());
      if (random.chance(0.05)) flow.sequence += 7;
      if (random.chance(0.05)) flow.acknowledgment += 7;
      flow.id += 1;
    }
    // By addresses and ports: what must keep its order. The identification may be renumbered by the cut.
    const auto by_flow = [](const std::vector<Buffer>& list) {
      std::map<Buffer, std::vector<Buffer>> flows_of;
      for (auto packet : list) {
        const auto transport = static_cast<long>(transport_offset(packet));
        const bool v4 = packet[0] >> 4 == 4;
        Buffer key(packet.begin() + (v4 ? 12 : 8), packet.begin() + transport + 4);
        key.push_back(v4 ? packet[9] : packet[6]);
        if (v4) packet[4] = packet[5] = packet[10] = packet[11] = 0;
        flows_of[key].push_back(packet);
      }
      return flows_of;
    };
    ASSERT_EQ(by_flow(split_again(merge(packets))), by_flow(packets)) << "round " << round;
  }
}

TEST(Merge, TakesAnyBytesWithoutHarm) {
  SeededRandom random(22);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<Buffer> packets;
    for (std::uint64_t i = random.below(6); i > 0; --i) {
      Buffer packet(random.below(90));
      random.fill(packet);
      if (!packet.empty()) packet[0] = random.chance(0.5) ? 0x45 : 0x60;
      if (packet.size() > 9 && random.chance(0.5)) packet[packet[0] == 0x45 ? 9 : 6] = random.chance(0.5) ? 6 : 17;
      packets.push_back(packet);
    }
    std::size_t total = 0;
    for (const auto& written : merge(packets)) total += written.packets;
    ASSERT_EQ(total, packets.size());
  }
}

}  // namespace
}  // namespace adit::offload::test
