// SPDX-License-Identifier: MIT
#include "tunnel/too_big.h"

#include "tunnel/own_packet.h"

namespace adit::tunnel {
namespace {

constexpr std::size_t kUdpHeader = 8;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kUnreachable = 3;
constexpr std::uint8_t kFragmentationNeeded = 4;
constexpr std::uint8_t kPacketTooBig = 2;

}  // namespace

std::vector<std::uint8_t> write_too_big(const TooBig& message) {
  const bool v4 = message.to.is_v4();
  const auto header = v4 ? kIpv4Header : kIpv6Header;
  std::vector<std::uint8_t> packet(2 * header + kIcmpHeader + kUdpHeader);
  const MutableBytes bytes(packet);
  const auto icmp = bytes.subspan(header);
  const auto datagram = icmp.subspan(kIcmpHeader);

  write_ip_header(bytes, message.from, message.to, v4 ? kIcmp : kIcmp6, packet.size());
  icmp[0] = v4 ? kUnreachable : kPacketTooBig;
  if (v4) {
    icmp[1] = kFragmentationNeeded;
    store_be16(&icmp[6], static_cast<std::uint16_t>(message.mtu));
  } else {
    store_be16(&icmp[4], static_cast<std::uint16_t>(message.mtu >> 16));
    store_be16(&icmp[6], static_cast<std::uint16_t>(message.mtu));
  }
  // The datagram as it was, but for what was in it.
  write_ip_header(datagram, message.source.address, message.destination.address, kUdp, message.mtu + 1);
  store_be16(&datagram[header], message.source.port);
  store_be16(&datagram[header + 2], message.destination.port);
  store_be16(&datagram[header + 4], static_cast<std::uint16_t>(message.mtu + 1 - header));

  store_be16(&icmp[2], icmp_checksum(packet, header));
  return packet;
}

}  // namespace adit::tunnel
