// SPDX-License-Identifier: MIT
#include "wire/ip_fragment.h"

#include <gtest/gtest.h>

#include "packets.h"
#include "wire/ip_packet.h"

namespace adit::wire {
namespace {

using offload::test::Buffer;
using offload::test::slow_checksum;

Buffer packet_of(Family family, std::size_t size) {
  Buffer packet(size);
  for (std::size_t i = 0; i < size; ++i) packet[i] = static_cast<std::uint8_t>(i * 7);
  if (family == Family::v4) {
    packet[0] = 0x45;
    store_be16(&packet[2], static_cast<std::uint16_t>(size));
    store_be16(&packet[6], 0x4000);
    packet[9] = 47;
  } else {
    packet[0] = 0x60;
    store_be16(&packet[4], static_cast<std::uint16_t>(size - 40));
    packet[6] = 47;
  }
  return packet;
}

std::vector<Buffer> cut(Family family, const Buffer& packet, std::size_t largest, std::uint32_t id = 0x12345678) {
  const FragmentPlan plan(family, packet.size(), largest);
  std::vector<Buffer> parts;
  for (std::size_t i = 0; i < plan.count(); ++i) {
    parts.emplace_back(plan.size_of(i), std::uint8_t{0xee});
    plan.write(packet, i, id, parts.back());
  }
  return parts;
}

TEST(IpFragment, APacketIsCutIntoAsFewPartsAsCanBe) {
  for (const auto family : {Family::v4, Family::v6}) {
    const std::size_t header = family == Family::v4 ? 20 : 40;
    const std::size_t headers = family == Family::v4 ? 20 : 48;
    EXPECT_EQ(FragmentPlan(family, header + 3 * 552, headers + 552).count(), 3U);
    EXPECT_EQ(FragmentPlan(family, header + 3 * 552, headers + 559).count(), 3U) << "offsets count eights";
    EXPECT_EQ(FragmentPlan(family, header + 3 * 552 + 1, headers + 552).count(), 4U);
    EXPECT_EQ(FragmentPlan(family, header + 3 * 552 - 8, headers + 552).count(), 3U);
  }
}

TEST(IpFragment, APacketIsCutIntoEqualPartsThatSayWhereTheyBelong) {
  for (const auto family : {Family::v4, Family::v6}) {
    const std::size_t headers = family == Family::v4 ? 20 : 40;
    for (const std::size_t size : {headers + 1, std::size_t{1'400}, std::size_t{1'542}, std::size_t{9'042}}) {
      for (const std::size_t largest : {56, 576, 1'280, 1'420, 9'000}) {
        const auto packet = packet_of(family, size);
        auto parts = cut(family, packet, largest);
        Buffer joined;
        for (auto& part : parts) {
          const auto read = read_ip_packet(part);
          ASSERT_TRUE(read);
          EXPECT_EQ(read->size, part.size());
          EXPECT_LE(part.size(), largest);
          EXPECT_LE(parts.back().size(), part.size());
          EXPECT_EQ(&part == &parts.back() || part.size() == parts.front().size(), true);
          if (family == Family::v4) {
            EXPECT_EQ(slow_checksum(Buffer(part.begin(), part.begin() + 20)), 0);
          }
          const auto fragment = read_fragment(part);
          if (!fragment) {
            EXPECT_EQ(parts.size(), 1U);
            joined.insert(joined.end(), part.begin() + 20, part.end());
            continue;
          }
          EXPECT_EQ(fragment->identification, family == Family::v4 ? 0x5678U : 0x12345678U);
          EXPECT_EQ(fragment->offset, joined.size());
          EXPECT_EQ(fragment->is_last, &part == &parts.back());
          EXPECT_EQ(fragment->protocol, 47);
          EXPECT_EQ(fragment->is_all(), parts.size() == 1);
          joined.insert(joined.end(), fragment->payload.begin(), fragment->payload.end());
        }
        EXPECT_EQ(joined, Buffer(packet.begin() + static_cast<long>(headers), packet.end())) << size << " " << largest;
      }
    }
  }
}

TEST(IpFragment, AFullFrameMakesTwoPartsThatAreSealedToOneSize) {
  const auto parts = cut(Family::v4, packet_of(Family::v4, 1'538), 1'440);
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ((parts[0].size() + 15) / 16, (parts[1].size() + 15) / 16);
}

TEST(IpFragment, WhatIsWholeIsNone) {
  auto v4 = packet_of(Family::v4, 100);
  EXPECT_FALSE(read_fragment(v4));
  auto v6 = packet_of(Family::v6, 100);
  EXPECT_FALSE(read_fragment(v6));
}

TEST(IpFragment, OptionsInFrontOfTheHeaderOfFragmentsAreSteppedOver) {
  auto packet = packet_of(Family::v6, 40);
  packet[6] = 0;
  packet.insert(packet.end(), {44, 0, 1, 4, 0, 0, 0, 0});
  packet.insert(packet.end(), {47, 0, 0x00, 0x11, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8});
  store_be16(&packet[4], static_cast<std::uint16_t>(packet.size() - 40));
  const auto fragment = read_fragment(packet);
  ASSERT_TRUE(fragment);
  EXPECT_EQ(fragment->offset, 16U);
  EXPECT_FALSE(fragment->is_last);
  EXPECT_EQ(fragment->identification, 7U);
  EXPECT_EQ(fragment->payload.size(), 8U);
  for (auto size = packet.size() - 9; size > 40; --size) {
    EXPECT_FALSE(read_fragment(MutableBytes(packet).first(size))) << size;
  }
}

}  // namespace
}  // namespace adit::wire
