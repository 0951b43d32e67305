// SPDX-License-Identifier: MIT
#include "tunnel/too_big.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "offload/checksum.h"
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

}  // namespace
}  // namespace adit::tunnel
