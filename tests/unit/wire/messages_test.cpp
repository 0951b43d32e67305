// SPDX-License-Identifier: MIT
#include "wire/messages.h"

#include <gtest/gtest.h>

#include "wire/ip_packet.h"

namespace adit::wire {
namespace {

std::vector<std::uint8_t> datagram(std::uint8_t type, std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  if (size > 0) bytes[0] = type;
  return bytes;
}

TEST(Classify, TakesEachTypeInItsOwnSizeOnly) {
  const struct {
    std::uint8_t type;
    std::size_t size;
  } exact[] = {{1, 148}, {2, 92}, {3, 64}};
  for (const auto& [type, size] : exact) {
    for (std::size_t other = 0; other < 300; ++other) {
      EXPECT_EQ(classify(datagram(type, other)).has_value(), other == size) << int{type} << " of " << other;
    }
  }
}

TEST(Classify, TakesTransportDataFromAKeepaliveUp) {
  EXPECT_FALSE(classify(datagram(4, 31)));
  EXPECT_EQ(classify(datagram(4, 32)), MessageType::transport_data);
  EXPECT_EQ(classify(datagram(4, 65'507)), MessageType::transport_data);
}

TEST(Classify, RefusesOtherTypesAndReservedBits) {
  for (unsigned type = 0; type < 256; ++type) {
    if (type >= 1 && type <= 4) continue;
    for (const std::size_t size : {0, 1, 4, 32, 64, 92, 148, 1500}) {
      EXPECT_FALSE(classify(datagram(static_cast<std::uint8_t>(type), size))) << type;
    }
  }
  for (const std::size_t reserved : {1, 2, 3}) {
    auto bytes = datagram(4, 64);
    bytes[reserved] = 1;
    EXPECT_FALSE(classify(bytes));
  }
}

TEST(TransportHeader, IsWrittenLittleEndianAndReadBack) {
  std::array<std::uint8_t, kTransportHeaderSize> bytes;
  write_transport_header({0x01020304, 0x1122334455667788}, bytes);
  const std::array<std::uint8_t, kTransportHeaderSize> expected{4,    0,    0,    0,    4,    3,    2,    1,
                                                                0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
  EXPECT_EQ(bytes, expected);
  EXPECT_EQ(read_transport_header(bytes).receiver, 0x01020304u);
  EXPECT_EQ(read_transport_header(bytes).counter, 0x1122334455667788u);
}

std::vector<std::uint8_t> ipv4(std::size_t total, std::size_t claimed, unsigned words = 5) {
  std::vector<std::uint8_t> bytes(total);
  bytes[0] = static_cast<std::uint8_t>(0x40 | words);
  store_be16(bytes.data() + 2, static_cast<std::uint16_t>(claimed));
  bytes[12] = 10;
  bytes[15] = 1;
  bytes[16] = 10;
  bytes[19] = 2;
  return bytes;
}

TEST(IpPacket, ReadsAddressesAndTrimsToTheLengthTheHeaderGives) {
  auto bytes = ipv4(48, 40);
  bytes[1] = 0xb9;
  const auto packet = read_ip_packet(bytes);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->traffic_class, 0xb9u);
  EXPECT_EQ(to_string(packet->source), "10.0.0.1");
  EXPECT_EQ(to_string(packet->destination), "10.0.0.2");
  EXPECT_EQ(packet->size, 40u);
}

TEST(IpPacket, ReadsIpv6) {
  std::vector<std::uint8_t> bytes(64);
  bytes[0] = 0x6b;
  bytes[1] = 0x9f;
  store_be16(bytes.data() + 4, 20);
  bytes[23] = 1;
  bytes[39] = 2;
  const auto packet = read_ip_packet(bytes);
  ASSERT_TRUE(packet);
  EXPECT_EQ(to_string(packet->source), "::1");
  EXPECT_EQ(to_string(packet->destination), "::2");
  EXPECT_EQ(packet->size, 60u);
  EXPECT_EQ(packet->traffic_class, 0xb9u);
}

TEST(IpPacket, RefusesWhatLiesAboutItself) {
  EXPECT_FALSE(read_ip_packet({}));
  EXPECT_FALSE(read_ip_packet(ipv4(40, 41)));      // longer than it is
  EXPECT_FALSE(read_ip_packet(ipv4(40, 19)));      // shorter than its header
  EXPECT_FALSE(read_ip_packet(ipv4(40, 40, 4)));   // header too small
  EXPECT_FALSE(read_ip_packet(ipv4(40, 40, 15)));  // header larger than the packet
  const auto good = ipv4(40, 40);
  EXPECT_FALSE(read_ip_packet(Bytes(good).first(19)));
  std::vector<std::uint8_t> bytes(64);
  for (unsigned version = 0; version < 16; ++version) {
    bytes[0] = static_cast<std::uint8_t>(version << 4 | 5);
    store_be16(bytes.data() + 2, 64);
    store_be16(bytes.data() + 4, 24);
    EXPECT_EQ(read_ip_packet(bytes).has_value(), version == 4 || version == 6) << version;
  }
  bytes[0] = 0x60;
  store_be16(bytes.data() + 4, 25);
  EXPECT_FALSE(read_ip_packet(bytes));
  EXPECT_FALSE(read_ip_packet(Bytes(bytes).first(39)));
}

}  // namespace
}  // namespace adit::wire
