// SPDX-License-Identifier: MIT
#include "tunnel/too_big.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "offload/checksum.h"
#include "packets.h"
#include "tunnel/own_packet.h"
#include "wire/ip_packet.h"

namespace adit::tunnel {
namespace {

IpAddress address(const char* text) {
  return *IpAddress::parse(text);
}

TEST(TooBig, QuotesTheDatagramOverIpv4) {
  const auto packet = write_too_big({address("10.9.0.2"), address("10.9.0.1"), *Endpoint::parse("192.0.2.1:1000"),
                                     *Endpoint::parse("198.51.100.2:2000"), 1300});
  const auto header = wire::read_ip_packet(packet);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->size, packet.size());
  EXPECT_EQ(header->source, address("10.9.0.2"));
  EXPECT_EQ(header->destination, address("10.9.0.1"));
  EXPECT_EQ(packet[9], 1);
  EXPECT_EQ(packet[20], 3);
  EXPECT_EQ(packet[21], 4);
  EXPECT_EQ(load_be16(&packet[26]), 1300);
  EXPECT_EQ(offload::checksum_finish(offload::checksum_add(Bytes(packet).first(20))), 0);
  EXPECT_EQ(offload::checksum_finish(offload::checksum_add(Bytes(packet).subspan(20))), 0);
  const auto quoted = Bytes(packet).subspan(28);
  EXPECT_TRUE(std::ranges::equal(quoted.subspan(12, 4), address("192.0.2.1").bytes()));
  EXPECT_TRUE(std::ranges::equal(quoted.subspan(16, 4), address("198.51.100.2").bytes()));
  EXPECT_EQ(load_be16(&quoted[20]), 1000);
  EXPECT_EQ(load_be16(&quoted[22]), 2000);
}

TEST(TooBig, QuotesTheDatagramOverIpv6) {
  const auto packet = write_too_big({address("fd09::2"), address("fd09::1"), *Endpoint::parse("[2001:db8::1]:1000"),
                                     *Endpoint::parse("[2001:db8::2]:2000"), 1280});
  const auto header = wire::read_ip_packet(packet);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->size, packet.size());
  EXPECT_EQ(packet[6], 58);
  EXPECT_EQ(packet[40], 2);
  EXPECT_EQ(load_be16(&packet[46]), 1280);
  const auto message = Bytes(packet).subspan(40);
  const auto pseudo =
      offload::pseudo_header_sum(Bytes(packet).subspan(8, 32), 58, static_cast<std::uint32_t>(message.size()));
  EXPECT_EQ(offload::checksum_finish(offload::checksum_add(message, pseudo)), 0);
  const auto quoted = message.subspan(8);
  EXPECT_TRUE(std::ranges::equal(quoted.subspan(24, 16), address("2001:db8::2").bytes()));
  EXPECT_EQ(load_be16(&quoted[40]), 1000);
}

using offload::test::build;
using offload::test::Recipe;
using Buffer = std::vector<std::uint8_t>;

/// From a station to another one, in a VLAN.
Buffer in_frame(const Buffer& packet) {
  Buffer frame{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 5, 0x08, 0x00};
  if (packet[0] >> 4 == 6) store_be16(&frame[16], 0x86dd);
  frame.insert(frame.end(), packet.begin(), packet.end());
  return frame;
}
constexpr std::size_t kIp = 18;

TEST(TooBig, IsAFrameForTheStationAndTheHostThatSentOne) {
  for (const bool v6 : {false, true}) {
    SCOPED_TRACE(v6);
    const auto packet = build({.v4 = !v6, .payload = Buffer(3'000, 7)});
    const auto sent = wire::read_ip_packet(packet);
    const auto frame = write_too_big_frame(in_frame(packet), kIp, 1378);
    ASSERT_TRUE(frame);
    EXPECT_TRUE(std::ranges::equal(Bytes(*frame).first(16), Buffer{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 5}));
    EXPECT_EQ(load_be16(&(*frame)[16]), v6 ? 0x86dd : 0x0800);
    const auto told = Bytes(*frame).subspan(kIp);
    const auto header = wire::read_ip_packet(told);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->size, told.size());
    EXPECT_EQ(header->source, sent->destination);
    EXPECT_EQ(header->destination, sent->source);
    EXPECT_EQ(told.size(), v6 ? 1280U : 576U);
    const std::size_t icmp = v6 ? 40 : 20;
    EXPECT_EQ(told[icmp], v6 ? 2 : 3);
    EXPECT_EQ(told[icmp + 1], v6 ? 0 : 4);
    EXPECT_EQ(load_be16(&told[icmp + 6]), 1378);
    EXPECT_EQ(icmp_checksum(told, icmp), 0);
    EXPECT_TRUE(std::ranges::equal(told.subspan(icmp + 8), Bytes(packet).first(told.size() - icmp - 8)));
  }
}

TEST(TooBig, IsSaidToNobodyWhoIsNoSingleHostNorOfAnErrorOrALaterFragment) {
  const auto packet = build({.payload = Buffer(3'000, 7)});
  const auto with = [&](std::size_t at, const Buffer& bytes, Buffer changed) {
    std::ranges::copy(bytes, changed.begin() + static_cast<long>(at));
    return write_too_big_frame(changed, kIp, 1378).has_value();
  };
  const auto frame = in_frame(packet);
  EXPECT_TRUE(with(0, {}, frame));
  EXPECT_FALSE(with(0, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, frame));
  EXPECT_FALSE(with(0, {1}, frame));
  EXPECT_FALSE(with(6, {3}, frame));
  for (const std::size_t at : {kIp + 12, kIp + 16}) {
    EXPECT_FALSE(with(at, {0, 0, 0, 0}, frame)) << at;
    EXPECT_FALSE(with(at, {127, 0, 0, 1}, frame)) << at;
    EXPECT_FALSE(with(at, {224, 0, 0, 1}, frame)) << at;
    EXPECT_FALSE(with(at, {255, 255, 255, 255}, frame)) << at;
  }
  EXPECT_TRUE(with(kIp + 6, {0x20, 0}, frame)) << "the first fragment";
  EXPECT_FALSE(with(kIp + 6, {0, 1}, frame));
  for (const auto type : Buffer{3, 4, 5, 11, 12}) {
    auto error = frame;
    error[kIp + 9] = 1;
    EXPECT_FALSE(with(kIp + 20, {type}, error)) << int{type};
    EXPECT_TRUE(with(kIp + 20, {8}, error)) << "a question";
  }
  auto v6 = in_frame(build({.v4 = false, .payload = Buffer(3'000, 7)}));
  v6[kIp + 6] = 58;
  EXPECT_FALSE(with(kIp + 40, {1}, v6));
  EXPECT_TRUE(with(kIp + 40, {128}, v6));
  EXPECT_FALSE(write_too_big_frame(v6, kIp, 1279)) << "no host with IPv6 would believe that";
  EXPECT_FALSE(with(kIp, {0x55}, frame)) << "no IP packet after all";
}

/// 1,300 bytes, with DF, from a host behind this one to one behind the peer.
std::vector<std::uint8_t> forwarded() {
  std::vector<std::uint8_t> packet(1300, 7);
  write_ip_header(packet, address("192.168.1.5"), address("192.168.20.9"), 6, packet.size());
  packet[6] = 0x40;
  packet[7] = 0;
  return packet;
}

TEST(TooBig, AnswersWhoeverSentAPacketFromWhereItWasToGo) {
  const auto refused = forwarded();
  ASSERT_TRUE(is_whole_tcp4(refused));
  const auto answer = answer_too_big(refused, 1220);
  ASSERT_TRUE(answer);
  const auto header = wire::read_ip_packet(*answer);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->size, answer->size());
  EXPECT_EQ(header->source, address("192.168.20.9"));
  EXPECT_EQ(header->destination, address("192.168.1.5"));
  EXPECT_EQ(Bytes(*answer)[9], 1);
  EXPECT_EQ(Bytes(*answer)[20], 3);
  EXPECT_EQ(Bytes(*answer)[21], 4);
  EXPECT_EQ(load_be16(answer->data() + 26), 1220);
  EXPECT_EQ(offload::checksum_finish(offload::checksum_add(Bytes(*answer).first(20))), 0);
  EXPECT_EQ(offload::checksum_finish(offload::checksum_add(Bytes(*answer).subspan(20))), 0);
  EXPECT_EQ(answer->size(), 576U);
  EXPECT_TRUE(std::ranges::equal(Bytes(*answer).subspan(28), Bytes(refused).first(548)));
}

TEST(TooBig, AnswersNoLaterFragmentAndNothingForMany) {
  auto refused = forwarded();
  refused[7] = 1;
  EXPECT_FALSE(answer_too_big(refused, 1220));
  refused = forwarded();
  refused[16] = 224;
  EXPECT_FALSE(answer_too_big(refused, 1220));
  refused = forwarded();
  refused[12] = 224;
  EXPECT_FALSE(answer_too_big(refused, 1220));
}

TEST(TooBig, WhatMayBeCutIsNotWhole) {
  auto packet = forwarded();
  packet[6] = 0;
  EXPECT_FALSE(is_whole_tcp4(packet));
  packet = forwarded();
  packet[0] = 0x60;
  EXPECT_FALSE(is_whole_tcp4(packet));
  packet = forwarded();
  packet[9] = 17;
  EXPECT_FALSE(is_whole_tcp4(packet)) << "UDP may have nothing smaller";
}

}  // namespace
}  // namespace adit::tunnel
