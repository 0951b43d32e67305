// SPDX-License-Identifier: MIT
#include "tunnel/own_packet.h"

#include <algorithm>

#include "offload/checksum.h"

namespace adit::tunnel {
namespace {

constexpr std::uint8_t kHopLimit = 64;

}  // namespace

std::size_t write_ip_header(MutableBytes out, const IpAddress& from, const IpAddress& to, std::uint8_t protocol,
                            std::size_t size) {
  if (from.is_v4()) {
    out[0] = 0x45;
    store_be16(&out[2], static_cast<std::uint16_t>(size));
    out[8] = kHopLimit;
    out[9] = protocol;
    std::ranges::copy(from.bytes(), out.begin() + 12);
    std::ranges::copy(to.bytes(), out.begin() + 16);
    store_be16(&out[10], offload::checksum_finish(offload::checksum_add(Bytes(out).first(kIpv4Header))));
    return kIpv4Header;
  }
  out[0] = 0x60;
  store_be16(&out[4], static_cast<std::uint16_t>(size - kIpv6Header));
  out[6] = protocol;
  out[7] = kHopLimit;
  std::ranges::copy(from.bytes(), out.begin() + 8);
  std::ranges::copy(to.bytes(), out.begin() + 24);
  return kIpv6Header;
}

std::uint16_t icmp_checksum(Bytes packet, std::size_t header) {
  const auto message = packet.subspan(header);
  const auto pseudo = header == kIpv6Header ? offload::pseudo_header_sum(packet.subspan(8, 32), kIcmp6,
                                                                         static_cast<std::uint32_t>(message.size()))
                                            : 0;
  return offload::checksum_finish(offload::checksum_add(message, pseudo));
}

}  // namespace adit::tunnel
