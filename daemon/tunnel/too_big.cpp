// SPDX-License-Identifier: MIT
#include "tunnel/too_big.h"

#include <algorithm>

#include "offload/checksum.h"

namespace adit::tunnel {
namespace {

constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kIcmpHeader = 8;
constexpr std::size_t kUdpHeader = 8;
constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kIcmp6 = 58;
constexpr std::uint8_t kUnreachable = 3;
constexpr std::uint8_t kFragmentationNeeded = 4;
constexpr std::uint8_t kPacketTooBig = 2;
constexpr std::uint8_t kHopLimit = 64;

void write_ipv4(MutableBytes out, const IpAddress& from, const IpAddress& to, std::uint8_t protocol, std::size_t size) {
  out[0] = 0x45;
  store_be16(&out[2], static_cast<std::uint16_t>(size));
  out[8] = kHopLimit;
  out[9] = protocol;
  std::ranges::copy(from.bytes(), out.begin() + 12);
  std::ranges::copy(to.bytes(), out.begin() + 16);
  store_be16(&out[10], offload::checksum_finish(offload::checksum_add(Bytes(out).first(kIpv4Header))));
}

void write_ipv6(MutableBytes out, const IpAddress& from, const IpAddress& to, std::uint8_t protocol, std::size_t size) {
  out[0] = 0x60;
  store_be16(&out[4], static_cast<std::uint16_t>(size - kIpv6Header));
  out[6] = protocol;
  out[7] = kHopLimit;
  std::ranges::copy(from.bytes(), out.begin() + 8);
  std::ranges::copy(to.bytes(), out.begin() + 24);
}

}  // namespace

std::vector<std::uint8_t> write_too_big(const TooBig& message) {
  const bool v4 = message.to.is_v4();
  const auto header = v4 ? kIpv4Header : kIpv6Header;
  const auto write = v4 ? write_ipv4 : write_ipv6;
  std::vector<std::uint8_t> packet(2 * header + kIcmpHeader + kUdpHeader);
  const MutableBytes bytes(packet);
  const auto icmp = bytes.subspan(header);
  const auto datagram = icmp.subspan(kIcmpHeader);

  write(bytes, message.from, message.to, v4 ? kIcmp : kIcmp6, packet.size());
  icmp[0] = v4 ? kUnreachable : kPacketTooBig;
  if (v4) {
    icmp[1] = kFragmentationNeeded;
    store_be16(&icmp[6], static_cast<std::uint16_t>(message.mtu));
  } else {
    store_be16(&icmp[4], static_cast<std::uint16_t>(message.mtu >> 16));
    store_be16(&icmp[6], static_cast<std::uint16_t>(message.mtu));
  }
  // The datagram as it was, but for what was in it.
  write(datagram, message.source.address, message.destination.address, kUdp, message.mtu + 1);
  store_be16(&datagram[header], message.source.port);
  store_be16(&datagram[header + 2], message.destination.port);
  store_be16(&datagram[header + 4], static_cast<std::uint16_t>(message.mtu + 1 - header));

  const auto pseudo =
      v4 ? 0
         : offload::pseudo_header_sum(Bytes(packet).subspan(8, 32), kIcmp6, static_cast<std::uint32_t>(icmp.size()));
  store_be16(&icmp[2], offload::checksum_finish(offload::checksum_add(icmp, pseudo)));
  return packet;
}

}  // namespace adit::tunnel
