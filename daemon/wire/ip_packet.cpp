// SPDX-License-Identifier: MIT
#include "wire/ip_packet.h"

namespace adit::wire {
namespace {

constexpr std::size_t kUdpHeaderSize = 8;
constexpr std::uint8_t kUdp = 17;

std::optional<IpPacket> read_ipv4(Bytes bytes) {
  if (bytes.size() < kIpv4HeaderSize) return std::nullopt;
  const std::size_t header = (bytes[0] & 0x0fu) * 4u;
  const std::size_t size = load_be16(bytes.data() + 2);
  if (header < kIpv4HeaderSize || size < header || size > bytes.size()) return std::nullopt;
  return IpPacket{IpAddress::v4(bytes.subspan<12, 4>()), IpAddress::v4(bytes.subspan<16, 4>()), size, bytes[1]};
}

std::optional<IpPacket> read_ipv6(Bytes bytes) {
  if (bytes.size() < kIpv6HeaderSize) return std::nullopt;
  const std::size_t size = kIpv6HeaderSize + load_be16(bytes.data() + 4);
  if (size > bytes.size()) return std::nullopt;
  const auto traffic_class = static_cast<std::uint8_t>(load_be16(bytes.data()) >> 4);
  return IpPacket{IpAddress::v6(bytes.subspan<8, 16>()), IpAddress::v6(bytes.subspan<24, 16>()), size, traffic_class};
}

}  // namespace

std::optional<IpPacket> read_ip_packet(Bytes bytes) {
  if (bytes.empty()) return std::nullopt;
  switch (bytes[0] >> 4) {
    case 4:
      return read_ipv4(bytes);
    case 6:
      return read_ipv6(bytes);
    default:
      return std::nullopt;
  }
}

std::optional<UdpDatagram> read_udp(Bytes packet) {
  const bool is_v4 = packet[0] >> 4 == 4;
  const auto protocol = is_v4 ? packet[9] : packet[6];
  const std::size_t header = is_v4 ? (packet[0] & 0x0fu) * 4u : kIpv6HeaderSize;
  if (protocol != kUdp || packet.size() < header + kUdpHeaderSize) return std::nullopt;
  const auto udp = packet.subspan(header);
  return UdpDatagram{load_be16(udp.data()), load_be16(udp.data() + 2), udp.subspan(kUdpHeaderSize)};
}

}  // namespace adit::wire
