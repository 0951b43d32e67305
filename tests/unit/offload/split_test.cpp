// SPDX-License-Identifier: MIT
#include "offload/split.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "offload/checksum.h"
#include "packets.h"

namespace adit::offload::test {
namespace {

VirtioHeader virtio_of(const Recipe& recipe, std::uint16_t segment_size) {
  const auto transport = transport_offset(build(recipe));
  const auto type = !recipe.tcp ? GsoType::udp : recipe.v4 ? GsoType::tcp4 : GsoType::tcp6;
  return {.flags = VirtioHeader::kNeedsChecksum,
          .gso_type = static_cast<std::uint8_t>(segment_size > 0 ? type : GsoType::none),
          .header_size = 0xFFFF,  // must not matter
          .segment_size = segment_size,
          .checksum_start = static_cast<std::uint16_t>(transport),
          .checksum_offset = static_cast<std::uint16_t>(recipe.tcp ? 16 : 6)};
}

/// All segments, each taken before the next is made, as whoever seals them does.
std::vector<Buffer> split(const VirtioHeader& virtio, Buffer packet) {
  const auto plan = SplitPlan::make(virtio, packet);
  std::vector<Buffer> segments;
  if (!plan) return segments;
  for (std::size_t i = 0; i < plan->segments(); ++i) {
    const auto segment = plan->write_header(packet, i);
    EXPECT_EQ(segment.size(), plan->size_of(i));
    segments.emplace_back(segment.begin(), segment.end());
  }
  return segments;
}

/// What the packets would be if the sender had made them one by one.
std::vector<Buffer> reference(const Recipe& whole, std::size_t segment_size) {
  std::vector<Buffer> segments;
  for (std::size_t at = 0; at < whole.payload.size(); at += segment_size) {
    auto one = whole;
    const auto end = std::min(at + segment_size, whole.payload.size());
    one.payload.assign(whole.payload.begin() + static_cast<long>(at), whole.payload.begin() + static_cast<long>(end));
    one.sequence += static_cast<std::uint32_t>(at);
    one.id = static_cast<std::uint16_t>(one.id + segments.size());
    if (end != whole.payload.size()) one.flags &= static_cast<std::uint8_t>(~0x09);
    segments.push_back(build(one));
  }
  return segments;
}

Recipe random_recipe(SeededRandom& random) {
  Recipe recipe{.v4 = random.chance(0.5), .tcp = random.chance(0.6)};
  recipe.ip_options = recipe.v4 ? 4 * random.below(11) : 0;
  recipe.extensions = recipe.v4 ? 0 : 8 * random.below(4);
  recipe.tcp_options = 4 * random.below(11);
  recipe.tos = static_cast<std::uint8_t>(random.below(256));
  recipe.ttl = static_cast<std::uint8_t>(random.below(256));
  recipe.dont_fragment = random.chance(0.5);
  recipe.id = static_cast<std::uint16_t>(random.below(65536));
  recipe.sequence = random.u32();
  recipe.acknowledgment = random.u32();
  recipe.flags = static_cast<std::uint8_t>(0x10 | (random.chance(0.5) ? 0x08 : 0) | (random.chance(0.2) ? 0x01 : 0));
  return recipe;
}

TEST(Split, CutsRandomSuperPacketsLikeTheObviousReference) {
  SeededRandom random(11);
  for (int round = 0; round < 3000; ++round) {
    auto recipe = random_recipe(random);
    const auto segment_size = 1 + random.below(random.chance(0.2) ? 60 : 9000);
    const auto limit = std::min<std::size_t>(65'000, segment_size * 130);
    recipe.payload = random_payload(random, 1 + random.below(limit));
    const auto segments =
        split(virtio_of(recipe, static_cast<std::uint16_t>(segment_size)), with_partial_checksum(build(recipe)));
    const auto expected = reference(recipe, segment_size);
    ASSERT_EQ(segments.size(), expected.size()) << "round " << round;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      ASSERT_EQ(segments[i], expected[i]) << "round " << round << " segment " << i;
      ASSERT_TRUE(is_sound(segments[i]));
    }
  }
}

TEST(Split, FinishesTheChecksumOfAPacketThatNeedsNoCutting) {
  SeededRandom random(12);
  for (int round = 0; round < 2000; ++round) {
    auto recipe = random_recipe(random);
    recipe.payload = random_payload(random, random.below(1400));
    const auto whole = split(virtio_of(recipe, 0), with_partial_checksum(build(recipe)));
    ASSERT_EQ(whole.size(), 1u);
    ASSERT_EQ(whole[0], build(recipe)) << "round " << round;
  }
}

TEST(Split, LeavesAFinishedPacketAlone) {
  const auto packet = build({.payload = Buffer(100, 7)});
  EXPECT_EQ(split({}, packet), std::vector<Buffer>{packet});
  const Buffer odd{0x00, 0x01};
  EXPECT_EQ(split({}, odd), std::vector<Buffer>{odd});
}

TEST(Split, FinAndPshStandOnTheLastSegmentOnly) {
  const Recipe recipe{.flags = 0x19, .payload = Buffer(300, 1)};
  const auto segments = split(virtio_of(recipe, 100), with_partial_checksum(build(recipe)));
  ASSERT_EQ(segments.size(), 3u);
  EXPECT_EQ(segments[0][33], 0x10);
  EXPECT_EQ(segments[1][33], 0x10);
  EXPECT_EQ(segments[2][33], 0x19);
}

TEST(Split, CwrStandsOnTheFirstSegmentOnlyWhenTheKernelSaysEcn) {
  const Recipe recipe{.flags = 0x90, .payload = Buffer(300, 1)};
  auto virtio = virtio_of(recipe, 100);
  virtio.gso_type |= VirtioHeader::kEcn;
  const auto segments = split(virtio, with_partial_checksum(build(recipe)));
  ASSERT_EQ(segments.size(), 3u);
  EXPECT_EQ(segments[0][33], 0x90);
  EXPECT_EQ(segments[1][33], 0x10);
  EXPECT_EQ(segments[2][33], 0x10);
}

TEST(Split, CwrIsTheSendersOwnWhereTheKernelSaysNothing) {
  const Recipe recipe{.flags = 0x90, .payload = Buffer(300, 1)};
  for (const auto& segment : split(virtio_of(recipe, 100), with_partial_checksum(build(recipe)))) {
    EXPECT_EQ(segment[33], 0x90);
  }
}

TEST(Split, HeadersAreOnlyAsLongAsThereIsRoomForThem) {
  Recipe recipe{.v4 = false, .payload = Buffer(300, 1)};
  recipe.tcp_options = 4;
  for (const std::size_t more : {0, 4}) {  // 40 + 448 + 20 + 4 make 512
    recipe.extensions = 448;
    recipe.tcp_options = 4 + more;
    const auto segments = split(virtio_of(recipe, 100), with_partial_checksum(build(recipe)));
    EXPECT_EQ(segments.size(), more == 0 ? 3U : 0U) << more;
  }
}

TEST(Split, AUdpChecksumOfZeroIsWrittenAsAllOnes) {
  // Payloads of two bytes: one of the 65,536 makes the sum zero.
  int zeros = 0;
  for (unsigned value = 0; value < 0x10000; ++value) {
    const Recipe recipe{.tcp = false,
                        .payload = {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value), 0, 0}};
    for (const auto size : {std::uint16_t{0}, std::uint16_t{2}}) {
      if (value % 16 != 0 && size == 2) continue;
      for (const auto& segment : split(virtio_of(recipe, size), with_partial_checksum(build(recipe)))) {
        ASSERT_FALSE(segment[26] == 0 && segment[27] == 0);
        zeros += segment[26] == 0xFF && segment[27] == 0xFF;
      }
    }
  }
  EXPECT_GT(zeros, 0);
}

TEST(Split, CutsIntoMoreThanSixtyFourSegments) {
  const Recipe recipe{.payload = Buffer(40'000, 1)};
  EXPECT_EQ(split(virtio_of(recipe, 100), with_partial_checksum(build(recipe))).size(), 400u);
}

TEST(Split, RefusesHeadersThatContradictThePacket) {
  const Recipe recipe{.payload = Buffer(500, 1)};
  const auto packet = with_partial_checksum(build(recipe));
  const auto good = virtio_of(recipe, 100);
  ASSERT_FALSE(split(good, packet).empty());
  const auto refused = [&](auto change) {
    auto virtio = good;
    change(virtio);
    return split(virtio, packet).empty();
  };
  EXPECT_TRUE(refused([](auto& v) { v.segment_size = 0; }));
  EXPECT_TRUE(refused([](auto& v) { v.flags = 0; }));
  EXPECT_TRUE(refused([](auto& v) { v.gso_type = 4; }));     // TCP over IPv6
  EXPECT_TRUE(refused([](auto& v) { v.gso_type = 3; }));     // UDP fragmentation, long gone
  EXPECT_TRUE(refused([](auto& v) { v.gso_type = 5; }));     // UDP, with TCP's checksum
  EXPECT_TRUE(refused([](auto& v) { v.gso_type = 0x80; }));  // ECN of nothing
  EXPECT_TRUE(refused([](auto& v) { v.checksum_start = 24; }));
  EXPECT_TRUE(refused([](auto& v) { v.checksum_start = 0xFFFF; }));
  EXPECT_TRUE(refused([](auto& v) { v.checksum_start = 0; }));
  EXPECT_TRUE(refused([](auto& v) { v.checksum_offset = 6; }));
  EXPECT_TRUE(refused([](auto& v) { v.checksum_offset = 0xFFFF; }));
}

TEST(Split, NeverReadsOrWritesOutsideWhateverItIsGiven) {
  SeededRandom random(13);
  for (int round = 0; round < 200'000; ++round) {
    Buffer packet(random.below(200));
    random.fill(packet);
    if (!packet.empty() && random.chance(0.9)) packet[0] = random.chance(0.5) ? 0x45 : 0x60;
    std::array<std::uint8_t, kVirtioHeaderSize> bytes;
    random.fill(bytes);
    VirtioHeader virtio;
    std::memcpy(&virtio, bytes.data(), sizeof virtio);
    if (random.chance(0.9)) virtio.flags = VirtioHeader::kNeedsChecksum;
    if (random.chance(0.9)) virtio.gso_type = static_cast<std::uint8_t>(std::array{0, 1, 4, 5}[random.below(4)]);
    if (random.chance(0.9)) virtio.checksum_start = static_cast<std::uint16_t>(random.chance(0.5) ? 20 : 40);
    if (random.chance(0.9)) virtio.checksum_offset = static_cast<std::uint16_t>(random.chance(0.5) ? 16 : 6);
    for (const auto& segment : split(virtio, packet)) ASSERT_LE(segment.size(), packet.size());
  }
}

TEST(Checksum, AgreesWithAddingByteByByte) {
  SeededRandom random(14);
  for (std::size_t size = 0; size < 3000; ++size) {
    const auto offset = random.below(8);
    auto bytes = random_payload(random, size + offset);
    if (random.chance(0.1)) std::ranges::fill(bytes, random.chance(0.5) ? std::uint8_t{0xFF} : std::uint8_t{0});
    const Buffer plain(bytes.begin() + static_cast<long>(offset), bytes.end());
    ASSERT_EQ(checksum_finish(checksum_add(Bytes(bytes).subspan(offset))), slow_checksum(plain)) << size;
  }
}

TEST(Checksum, CarriesOverTheLargestPackets) {
  const Buffer ones(65'535, 0xFF);
  EXPECT_EQ(checksum_finish(checksum_add(ones)), slow_checksum(ones));
  std::uint64_t sum = 0;
  for (int i = 0; i < 1000; ++i) sum = checksum_add(Bytes(ones).first(65'534), sum);
  EXPECT_EQ(checksum_fold(sum), 0xFFFF);
}

}  // namespace
}  // namespace adit::offload::test
