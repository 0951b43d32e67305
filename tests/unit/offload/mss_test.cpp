// SPDX-License-Identifier: MIT
#include "offload/mss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "offload/checksum.h"
#include "support.h"

namespace adit::offload {
namespace {

using Buffer = std::vector<std::uint8_t>;

struct Syn {
  bool v4 = true;
  Buffer options = {2, 4, 0x05, 0xb4};  ///< of TCP; made up to a multiple of four
  Buffer extensions;                    ///< of IPv6, or options of IPv4
  std::uint8_t first = 6;               ///< IPv6's first next header
  std::uint8_t flags = 0x02;
  Buffer payload;
};

std::uint64_t sum_of(const Buffer& packet, std::size_t at) {
  const bool v4 = packet[0] >> 4 == 4;
  const Bytes bytes(packet);
  const auto addresses = v4 ? bytes.subspan(12, 8) : bytes.subspan(8, 32);
  return checksum_add(bytes.subspan(at),
                      pseudo_header_sum(addresses, 6, static_cast<std::uint32_t>(packet.size() - at)));
}

/// Where TCP begins in what `build` makes.
std::size_t tcp_of(const Syn& syn) {
  return (syn.v4 ? 20 : 40) + syn.extensions.size();
}

Buffer build(Syn syn) {
  while (syn.options.size() % 4 != 0) syn.options.push_back(0);
  Buffer packet(syn.v4 ? 20 : 40);
  packet.insert(packet.end(), syn.extensions.begin(), syn.extensions.end());
  const auto at = packet.size();
  Buffer tcp(20);
  store_be16(&tcp[0], 40000);
  store_be16(&tcp[2], 443);
  tcp[12] = static_cast<std::uint8_t>((20 + syn.options.size()) / 4 << 4);
  tcp[13] = syn.flags;
  packet.insert(packet.end(), tcp.begin(), tcp.end());
  packet.insert(packet.end(), syn.options.begin(), syn.options.end());
  packet.insert(packet.end(), syn.payload.begin(), syn.payload.end());
  if (syn.v4) {
    packet[0] = static_cast<std::uint8_t>(0x40 | at / 4);
    store_be16(&packet[2], static_cast<std::uint16_t>(packet.size()));
    packet[9] = 6;
  } else {
    packet[0] = 0x60;
    store_be16(&packet[4], static_cast<std::uint16_t>(packet.size() - 40));
    packet[6] = syn.first;
  }
  for (std::size_t i = syn.v4 ? 12 : 8; i < (syn.v4 ? 20u : 40u); ++i) packet[i] = static_cast<std::uint8_t>(i * 7);
  store_be16(&packet[at + 16], checksum_finish(sum_of(packet, at)));
  return packet;
}

constexpr MssLimits kLimits{1180, 1160};

bool clamp(Buffer& packet, bool partial = false) {
  return clamp_mss(packet, kLimits, partial);
}

TEST(Mss, LimitsAreWhatFits) {
  EXPECT_EQ(mss_limits(1220), (MssLimits{1180, 1160}));
  EXPECT_EQ(mss_limits(576), (MssLimits{536, 516}));
  EXPECT_EQ(mss_limits(65'535), (MssLimits{65'495, 65'475}));
  EXPECT_EQ(mss_limits(0), (MssLimits{1, 1}));
}

TEST(Mss, IsLoweredAndTheChecksumStaysRight) {
  const Syn table[] = {
      {},
      {.flags = 0x12},                                                                   // SYN-ACK
      {.options = {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7}},  // as Linux has them
      {.options = {1, 2, 4, 0x05, 0xb4, 1, 1, 1}},                                       // at an odd place
      {.options = {1, 1, 1, 2, 4, 0xff, 0xff}},
      {.extensions = {1, 1, 1, 1}},
      {.payload = {1, 2, 3}},
      {.v4 = false},
      {.v4 = false, .flags = 0x12},
      {.v4 = false, .options = {1, 2, 4, 0x05, 0xb4}},
      {.v4 = false, .extensions = {6, 0, 0, 0, 0, 0, 0, 0}, .first = 0},
      {.v4 = false,
       .extensions = {43, 0, 0, 0, 0, 0, 0, 0, 6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
       .first = 60},
  };
  for (std::size_t i = 0; i < std::size(table); ++i) {
    SCOPED_TRACE(i);
    const auto& syn = table[i];
    auto packet = build(syn);
    const auto at = tcp_of(syn);
    ASSERT_EQ(checksum_finish(sum_of(packet, at)), 0);
    const auto before = packet;
    EXPECT_TRUE(clamp(packet));
    EXPECT_EQ(checksum_finish(sum_of(packet, at)), 0);
    EXPECT_FALSE(clamp(packet)) << "once is enough";
    const auto found = std::ranges::search(packet, syn.v4 ? Buffer{2, 4, 0x04, 0x9c} : Buffer{2, 4, 0x04, 0x88});
    EXPECT_FALSE(found.empty());
    // Nothing but the two words is another one.
    int others = 0;
    for (std::size_t n = 0; n < packet.size(); ++n) others += packet[n] != before[n] ? 1 : 0;
    EXPECT_LE(others, 4);
  }
}

TEST(Mss, APartialChecksumIsOfThePseudoHeaderAndStays) {
  auto packet = build({});
  const auto partial =
      checksum_fold(pseudo_header_sum(Bytes(packet).subspan(12, 8), 6, static_cast<std::uint32_t>(packet.size() - 20)));
  store_be16(&packet[36], partial);
  EXPECT_TRUE(clamp(packet, true));
  EXPECT_EQ(load_be16(&packet[36]), partial);
  // As the kernel, or the network card, finishes it: over the whole segment with that in its field.
  store_be16(&packet[36], checksum_finish(checksum_add(Bytes(packet).subspan(20))));
  EXPECT_EQ(checksum_finish(sum_of(packet, 20)), 0);
}

TEST(Mss, EveryValueIsComparedAsANumber) {
  for (unsigned mss = 0; mss <= 0xffff; mss += 13) {
    Syn syn;
    store_be16(&syn.options[2], static_cast<std::uint16_t>(mss));
    auto packet = build(syn);
    EXPECT_EQ(clamp(packet), mss > 1180);
    EXPECT_EQ(load_be16(&packet[42]), std::min(mss, 1180u));
    EXPECT_EQ(checksum_finish(sum_of(packet, 20)), 0);
  }
}

TEST(Mss, OthersAreLeftAsTheyAre) {
  auto fragment = build({});
  fragment[6] = 0x20;
  auto later = build({});
  later[7] = 1;
  auto udp = build({});
  udp[9] = 17;
  auto version = build({});
  version[0] = 0x55;
  auto short_header = build({});
  short_header[0] = 0x44;
  const Buffer table[] = {
      build({.flags = 0x10}),
      build({.options = {}}),
      build({.options = {2, 4, 0x01, 0x00}}),
      build({.options = {0, 2, 4, 0x05, 0xb4}}),  // behind the end of options
      build({.options = {2, 3, 0x05, 0xb4}}),     // of another size
      build({.options = {2, 5, 0x05, 0xb4, 0}}),
      build({.options = {8, 0, 2, 4, 0x05, 0xb4}}),  // no size: would be read for ever
      build({.options = {8, 1, 2, 4, 0x05, 0xb4}}),
      build({.options = {8, 200, 2, 4, 0x05, 0xb4}}),  // past the end
      build({.options = {1, 1, 1, 2}}),                // cut off
      build({.v4 = false, .first = 17}),
      build({.v4 = false, .extensions = {6, 255, 0, 0, 0, 0, 0, 0}, .first = 0}),  // leads out of the packet
      build({.v4 = false, .extensions = {0, 0, 0, 0, 0, 0, 0, 0}, .first = 44}),   // a fragment
      fragment,
      later,
      udp,
      version,
      short_header,
      Buffer{},
      Buffer{0x45},
      Buffer(39, 0x45),
  };
  for (std::size_t i = 0; i < std::size(table); ++i) {
    auto packet = table[i];
    EXPECT_FALSE(clamp(packet)) << i;
    EXPECT_EQ(packet, table[i]) << i;
  }
}

TEST(Mss, GarbageNeitherLoopsNorReadsPastTheEnd) {
  adit::test::SeededRandom random(11);
  for (int i = 0; i < 200'000; ++i) {
    auto packet = build({.v4 = random.chance(0.5), .options = Buffer(random.below(41) / 4 * 4)});
    // Of exactly its size, so that a reader past the end is caught by whoever looks for that.
    packet.resize(random.below(packet.size() + 1));
    packet.shrink_to_fit();
    for (auto n = random.below(12); n > 0 && !packet.empty(); --n) {
      packet[random.below(packet.size())] = static_cast<std::uint8_t>(random.below(256));
    }
    if (packet.size() > 33 && random.chance(0.8)) packet[33] |= 2;
    clamp(packet, random.chance(0.5));
  }
}

TEST(Mss, AFamilyWithoutALimitIsLeftAlone) {
  auto packet = build({});
  EXPECT_FALSE(clamp_mss(packet, {0, 1160}, false));
  EXPECT_TRUE(clamp_mss(packet, {1180, 0}, false));
}

}  // namespace
}  // namespace adit::offload
