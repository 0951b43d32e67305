// SPDX-License-Identifier: MIT
#include "wire/gre.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "packets.h"
#include "wire/ip_packet.h"

namespace adit::wire {
namespace {

using offload::test::Buffer;
using offload::test::slow_checksum;

const GreEnds kV4{*IpAddress::parse("10.9.0.1"), *IpAddress::parse("10.9.0.2")};
const GreEnds kV6{*IpAddress::parse("fd09::1"), *IpAddress::parse("fd09::2")};
GreEnds other_end(const GreEnds& ends) {
  return {ends.peers, ends.ours};
}

const Buffer kFrame = [] {
  Buffer frame(60);
  for (std::size_t i = 0; i < frame.size(); ++i) frame[i] = static_cast<std::uint8_t>(i * 11);
  return frame;
}();

Buffer wrapped(const GreEnds& ends, const Buffer& frame, std::uint8_t traffic_class = 0) {
  Buffer room(64 + frame.size(), 0xee);
  std::ranges::copy(frame, room.begin() + 64);
  const auto packet = Gre(ends).wrap(MutableBytes(room).subspan(64), traffic_class);
  return {packet.begin(), packet.end()};
}

std::expected<Buffer, GreRefusal> unwrapped(const GreEnds& ends, Buffer packet) {
  const auto frame = Gre(ends).unwrap(packet);
  if (!frame) return std::unexpected(frame.error());
  return Buffer(frame->begin(), frame->end());
}

TEST(Gre, TheHeadersAreThoseOfTheKernelsGretap) {
  // As `ip link add g type gretap local 10.9.0.1 remote 10.9.0.2` sends it, but for the identification.
  const auto packet = wrapped(kV4, kFrame, 0x2a);
  const Buffer expected{0x45, 0x2a, 0, 84, 0x00, 0x00, 0x40, 0x00, 64, 47, packet[10], packet[11],
                        10,   9,    0, 1,  10,   9,    0,    2,    0,  0,  0x65,       0x58};
  EXPECT_TRUE(std::ranges::equal(std::span(packet).first(24), expected));
  EXPECT_EQ(slow_checksum(Buffer(packet.begin(), packet.begin() + 20)), 0);
  EXPECT_TRUE(std::ranges::equal(std::span(packet).subspan(24), kFrame));

  const auto v6 = wrapped(kV6, kFrame, 0x2a);
  EXPECT_EQ(v6.size(), 44 + kFrame.size());
  EXPECT_EQ(Buffer(v6.begin(), v6.begin() + 8), (Buffer{0x62, 0xa0, 0, 0, 0, 64, 47, 64}));
  EXPECT_EQ(Buffer(v6.begin() + 40, v6.begin() + 44), (Buffer{0, 0, 0x65, 0x58}));
  const auto read = read_ip_packet(v6);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->size, v6.size());
  EXPECT_EQ(read->traffic_class, 0x2a);
}

TEST(Gre, WhatOneEndWrapsTheOtherUnwraps) {
  for (const auto& ends : {kV4, kV6}) {
    EXPECT_EQ(unwrapped(other_end(ends), wrapped(ends, kFrame)), kFrame);
    EXPECT_EQ(unwrapped(ends, wrapped(ends, kFrame)).error(), GreRefusal::foreign) << "our own";
    EXPECT_EQ(wrapped(ends, {}).size(), gre_overhead(ends.ours.family()));
  }
  EXPECT_EQ(unwrapped(other_end(kV4), wrapped(kV6, kFrame)).error(), GreRefusal::foreign);
}

TEST(Gre, ASuperPacketsSizeIsTheLargestThatTheHeaderHasRoomFor) {
  const auto packet = wrapped(kV4, Buffer(65'530));
  EXPECT_EQ(load_be16(&packet[2]), 65'535);
  EXPECT_TRUE(read_ip_packet(packet));
}

/// A field of the GRE header, and what becomes of the packet.
TEST(Gre, OnlyWhatRfc2784AllowsIsTaken) {
  struct Row {
    std::uint8_t first;
    std::uint8_t second;
    std::uint16_t protocol;
    bool taken;
  };
  for (const auto& [first, second, protocol, taken] : std::initializer_list<Row>{
           {0x00, 0x00, 0x6558, true},
           {0x03, 0xf8, 0x6558, true},   // bits that are to be ignored
           {0x20, 0x00, 0x6558, false},  // a key
           {0x10, 0x00, 0x6558, false},  // a sequence number
           {0x40, 0x00, 0x6558, false},  // routing
           {0x08, 0x00, 0x6558, false},
           {0x04, 0x00, 0x6558, false},
           {0x00, 0x01, 0x6558, false},  // PPTP's version
           {0x00, 0x00, 0x0800, false},
           {0x00, 0x00, 0x88be, false},
       }) {
    auto packet = wrapped(kV4, kFrame);
    packet[20] = first;
    packet[21] = second;
    store_be16(&packet[22], protocol);
    EXPECT_EQ(unwrapped(other_end(kV4), packet).has_value(), taken) << int{first} << " " << int{second};
  }
}

TEST(Gre, AChecksumIsVerified) {
  auto packet = wrapped(kV4, kFrame);
  packet[20] = 0x80;
  packet.insert(packet.begin() + 24, {0, 0, 0, 0});
  store_be16(&packet[2], static_cast<std::uint16_t>(packet.size()));
  const auto checksum = slow_checksum(Buffer(packet.begin() + 20, packet.end()));
  store_be16(&packet[24], checksum);
  EXPECT_EQ(unwrapped(other_end(kV4), packet), kFrame);
  packet.back() ^= 1;
  EXPECT_EQ(unwrapped(other_end(kV4), packet).error(), GreRefusal::foreign);
  packet.resize(26);
  EXPECT_EQ(unwrapped(other_end(kV4), packet).error(), GreRefusal::foreign);
}

TEST(Gre, FragmentsAreRefusedByTheirName) {
  auto packet = wrapped(kV4, kFrame);
  packet[6] = 0x20;
  EXPECT_EQ(unwrapped(other_end(kV4), packet).error(), GreRefusal::fragment);
  packet[6] = 0x00;
  packet[7] = 0x10;
  EXPECT_EQ(unwrapped(other_end(kV4), packet).error(), GreRefusal::fragment);
  packet[9] = 17;
  EXPECT_EQ(unwrapped(other_end(kV4), packet).error(), GreRefusal::foreign);

  auto v6 = wrapped(kV6, kFrame);
  v6[6] = 44;
  v6.insert(v6.begin() + 40, {47, 0, 0, 1, 0, 0, 0, 7});
  EXPECT_EQ(unwrapped(other_end(kV6), v6).error(), GreRefusal::fragment);
}

TEST(Gre, TheOptionsThatLinuxPutsInFrontAreSteppedOver) {
  auto v6 = wrapped(kV6, kFrame);
  v6[6] = 60;
  v6.insert(v6.begin() + 40, {47, 0, 4, 1, 4, 1, 0, 0});  // the limit of tunnels in tunnels
  EXPECT_EQ(unwrapped(other_end(kV6), v6), kFrame);
  v6[41] = 255;
  EXPECT_EQ(unwrapped(other_end(kV6), v6).error(), GreRefusal::foreign) << "more than there is";

  auto v4 = wrapped(kV4, kFrame);
  v4[0] = 0x46;
  v4.insert(v4.begin() + 20, {1, 1, 1, 0});
  EXPECT_EQ(unwrapped(other_end(kV4), v4), kFrame);
}

TEST(Gre, WhateverIsCutShortIsRefused) {
  for (const auto& ends : {kV4, kV6}) {
    const auto whole = wrapped(ends, kFrame);
    const std::size_t header = ends.ours.is_v4() ? 20 : 40;
    for (auto size = header; size < header + 4; ++size) {
      EXPECT_FALSE(unwrapped(other_end(ends), Buffer(whole.begin(), whole.begin() + static_cast<long>(size))));
    }
  }
}

}  // namespace
}  // namespace adit::wire
