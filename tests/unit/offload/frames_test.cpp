// SPDX-License-Identifier: MIT
// Split and merge with an Ethernet header in front of the IP packet, and with a GRE packet around the frame.
#include <gtest/gtest.h>

#include <algorithm>

#include "offload/ethernet.h"
#include "offload/merge.h"
#include "offload/split.h"
#include "packets.h"

namespace adit::offload::test {
namespace {

struct Front {
  Buffer outer;     ///< IP and GRE
  Buffer ethernet;  ///< with its tags
};

Buffer operator+(Buffer a, const Buffer& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Buffer ethernet_header(bool v4, std::size_t tags, std::uint8_t station = 1) {
  Buffer header{2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, station};
  for (std::size_t i = 0; i < tags; ++i) {
    header = header + (i + 1 < tags ? Buffer{0x88, 0xa8, 0, 7} : Buffer{0x81, 0, 0, 5});
  }
  return header + (v4 ? Buffer{0x08, 0x00} : Buffer{0x86, 0xdd});
}

/// An outer header for a packet of `size` bytes behind it.
Buffer outer_header(bool v4, std::size_t size) {
  Buffer header(v4 ? 20 : 40, 3);
  header[0] = v4 ? 0x45 : 0x60;
  const auto length = v4 ? size + 24 : size + 4;
  header[v4 ? 2 : 4] = static_cast<std::uint8_t>(length >> 8);
  header[v4 ? 3 : 5] = static_cast<std::uint8_t>(length);
  if (v4) {
    header[10] = header[11] = 0;
    const auto checksum = slow_checksum(header);
    header[10] = static_cast<std::uint8_t>(checksum >> 8);
    header[11] = static_cast<std::uint8_t>(checksum);
  }
  return header + Buffer{0, 0, 0x65, 0x58};
}

VirtioHeader virtio_of(const Recipe& recipe, std::size_t ethernet, std::uint16_t segment_size) {
  const auto type = !recipe.tcp ? GsoType::udp : recipe.v4 ? GsoType::tcp4 : GsoType::tcp6;
  return {.flags = VirtioHeader::kNeedsChecksum,
          .gso_type = static_cast<std::uint8_t>(segment_size > 0 ? type : GsoType::none),
          .header_size = 0xFFFF,
          .segment_size = segment_size,
          .checksum_start = static_cast<std::uint16_t>(ethernet + transport_offset(build(recipe))),
          .checksum_offset = static_cast<std::uint16_t>(recipe.tcp ? 16 : 6)};
}

std::vector<Buffer> cut(const VirtioHeader& virtio, Buffer packet, const Wrapping& wrapping) {
  const auto plan = SplitPlan::make(virtio, packet, wrapping);
  EXPECT_TRUE(plan);
  std::vector<Buffer> segments;
  for (std::size_t i = 0; plan && i < plan->segments(); ++i) {
    const auto segment = plan->write_header(packet, i);
    EXPECT_EQ(segment.size(), plan->size_of(i));
    segments.emplace_back(segment.begin(), segment.end());
  }
  return segments;
}

TEST(Frames, TheIpPacketIsFoundBehindTagsAndNowhereElse) {
  const Buffer ip(20, 0x45);
  EXPECT_EQ(find_ip(ethernet_header(true, 0) + ip), 14U);
  EXPECT_EQ(find_ip(ethernet_header(false, 1) + ip), 18U);
  EXPECT_EQ(find_ip(ethernet_header(true, 2) + ip), 22U);
  EXPECT_EQ(find_ip(ethernet_header(true, 3) + ip), 0U);
  EXPECT_EQ(find_ip(Buffer(12, 2) + Buffer{0x08, 0x06} + ip), 0U) << "ARP";
  for (std::size_t size = 0; size < 18; ++size) {
    auto cut_off = ethernet_header(true, 1);
    cut_off.resize(size);
    EXPECT_EQ(find_ip(cut_off), 0U) << size;
  }
}

/// What is cut with headers in front is what is cut without, each with those headers in front.
TEST(Frames, ASuperPacketInFrontOfWhichHeadersStandIsCutAsOneWithout) {
  SeededRandom random(21);
  for (int round = 0; round < 2000; ++round) {
    Recipe recipe{.v4 = random.chance(0.5), .tcp = random.chance(0.6)};
    recipe.tcp_options = 4 * random.below(11);
    recipe.id = static_cast<std::uint16_t>(random.below(65536));
    recipe.sequence = random.u32();
    recipe.flags = static_cast<std::uint8_t>(random.chance(0.5) ? 0x18 : 0x10);
    const auto segment_size = static_cast<std::uint16_t>(1 + random.below(random.chance(0.2) ? 60 : 9000));
    recipe.payload = random_payload(random, 1 + random.below(std::min<std::size_t>(64'000, segment_size * 100)));
    const auto packet = with_partial_checksum(build(recipe));
    const auto ethernet = ethernet_header(recipe.v4, random.below(3));
    const bool wrapped = random.chance(0.7);
    const bool outer_v4 = random.chance(0.5);
    const auto outer = wrapped ? outer_header(outer_v4, 100) : Buffer();
    const auto segments = cut(virtio_of(recipe, ethernet.size(), segment_size), outer + ethernet + packet,
                              {.frame = outer.size(), .ip = outer.size() + ethernet.size()});
    const auto plain = cut(virtio_of(recipe, 0, segment_size), packet, {});
    ASSERT_EQ(segments.size(), plain.size()) << "round " << round;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const auto inside = ethernet + plain[i];
      ASSERT_EQ(segments[i], wrapped ? outer_header(outer_v4, inside.size()) + inside : inside) << "round " << round;
    }
  }
}

TEST(Frames, AChecksumIsFinishedInWhateverTheFrameCarries) {
  const Recipe recipe{.tcp = false, .payload = Buffer(100, 7)};
  const auto ethernet = ethernet_header(true, 1);
  const auto outer = outer_header(true, 146);
  const auto packet = outer + ethernet + with_partial_checksum(build(recipe));
  EXPECT_EQ(cut(virtio_of(recipe, 18, 0), packet, {.frame = 24, .ip = 42}),
            std::vector<Buffer>{outer + ethernet + build(recipe)});
  // The same where nobody knows what it carries.
  EXPECT_EQ(cut(virtio_of(recipe, 18, 0), packet, {.frame = 24, .ip = 0}),
            std::vector<Buffer>{outer + ethernet + build(recipe)});
}

TEST(Frames, AHeaderThatContradictsTheFrameIsRefused) {
  const Recipe recipe{.payload = Buffer(3000, 7)};
  const auto packet = outer_header(true, 100) + ethernet_header(true, 0) + with_partial_checksum(build(recipe));
  const auto made = [&](VirtioHeader virtio, Wrapping wrapping) {
    return SplitPlan::make(virtio, packet, wrapping).has_value();
  };
  auto virtio = virtio_of(recipe, 14, 1000);
  EXPECT_TRUE(made(virtio, {.frame = 24, .ip = 38}));
  EXPECT_FALSE(made(virtio, {.frame = 24, .ip = 0})) << "nothing that could be cut";
  EXPECT_FALSE(made(virtio_of(recipe, 0, 1000), {.frame = 24, .ip = 38})) << "counted from the IP header";
  virtio.checksum_start = 5;
  EXPECT_FALSE(made(virtio, {.frame = 24, .ip = 38})) << "inside the Ethernet header";
}

std::vector<Buffer> stream_of_frames(Recipe recipe, std::size_t count, const Buffer& ethernet) {
  std::vector<Buffer> frames;
  for (std::size_t i = 0; i < count; ++i) {
    recipe.payload.assign(100, static_cast<std::uint8_t>(i));
    frames.push_back(ethernet + build(recipe));
    recipe.sequence += 100;
    recipe.id += 1;
  }
  return frames;
}

struct Written {
  VirtioHeader virtio;
  Buffer bytes;
};
std::vector<Written> merge(std::vector<Buffer> frames) {
  std::vector<MutableBytes> views(frames.begin(), frames.end());
  Merger merger({.frames = true});
  std::vector<Written> written;
  for (const auto& delivery : merger.merge(views)) {
    Buffer bytes;
    for (const auto piece : delivery.pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
    written.push_back({delivery.virtio, bytes});
  }
  return written;
}

TEST(Frames, FramesOfOneFlowAreMergedAndCutAgainTheyAreWhatTheyWere) {
  for (const bool v4 : {true, false}) {
    for (const bool tcp : {true, false}) {
      for (const std::size_t tags : {0U, 1U}) {
        const auto ethernet = ethernet_header(v4, tags);
        const auto frames = stream_of_frames({.v4 = v4, .tcp = tcp, .ttl = 9}, 10, ethernet);
        const auto merged = merge(frames);
        ASSERT_EQ(merged.size(), 1U);
        EXPECT_EQ(merged[0].virtio.checksum_start, ethernet.size() + (v4 ? 20 : 40));
        EXPECT_EQ(cut(merged[0].virtio, merged[0].bytes, {.frame = 0, .ip = ethernet.size()}), frames);
      }
    }
  }
}

TEST(Frames, AFlowThatChangesItsStationsOrItsVlanIsNotMergedAcross) {
  auto frames = stream_of_frames({}, 6, ethernet_header(true, 1));
  frames[2][11] = 77;  // from another station
  frames[4][15] = 6;   // in another VLAN
  const auto merged = merge(frames);
  ASSERT_EQ(merged.size(), 5U);
  std::vector<Buffer> in_order;
  for (const auto& one : merged) {
    for (auto& frame : cut(one.virtio, one.bytes, {.ip = 18})) in_order.push_back(frame);
  }
  EXPECT_EQ(in_order, frames) << "and none passes another";
}

TEST(Frames, WhatIsNoIpOrSaysItIsAnotherStaysAlone) {
  auto frames = stream_of_frames({}, 2, ethernet_header(false, 0));  // IPv4 that says it is IPv6
  frames.push_back(Buffer(12, 0xff) + Buffer{0x08, 0x06} + Buffer(28, 1));
  frames.push_back(Buffer{1, 2, 3});
  frames.push_back({});
  const auto written = merge(frames);
  ASSERT_EQ(written.size(), frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(written[i].bytes, frames[i]);
    EXPECT_EQ(written[i].virtio, VirtioHeader{});
  }
}

TEST(Frames, AFragmentClosesItsFlow) {
  auto frames = stream_of_frames({.tcp = false}, 3, ethernet_header(true, 0));
  frames.insert(frames.begin() + 1,
                ethernet_header(true, 0) + build({.tcp = false, .fragment_offset = 10, .payload = Buffer(50, 3)}));
  EXPECT_EQ(merge(frames).size(), 3U);
}

}  // namespace
}  // namespace adit::offload::test
