// SPDX-License-Identifier: MIT
#include "wire/ecn.h"

namespace adit::wire {
namespace {

void set_ecn(MutableBytes packet, Ecn ecn) {
  const auto bits = static_cast<std::uint8_t>(ecn);
  if (packet[0] >> 4 == 6) {
    packet[1] = static_cast<std::uint8_t>((packet[1] & ~(kEcnMask << 4)) | bits << 4);
    return;
  }
  // The checksum is not computed anew, or a broken header would become a sound one: it follows the one 16-bit word
  // that changes (RFC 1624, equation 3).
  constexpr std::size_t kChecksum = 10;
  const std::uint16_t before = load_be16(packet.data());
  packet[1] = static_cast<std::uint8_t>((packet[1] & ~kEcnMask) | bits);
  const std::uint16_t after = load_be16(packet.data());
  std::uint32_t sum = static_cast<std::uint16_t>(~load_be16(packet.data() + kChecksum));
  sum += static_cast<std::uint16_t>(~before);
  sum += after;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  store_be16(packet.data() + kChecksum, static_cast<std::uint16_t>(~sum));
}

}  // namespace

bool take_outer_ecn(MutableBytes packet, Ecn outer) {
  const bool is_v4 = packet[0] >> 4 == 4;
  const auto inner = ecn_of(is_v4 ? packet[1] : packet[1] >> 4);
  switch (outer) {
    case Ecn::not_capable:
    case Ecn::capable0:
      return true;
    case Ecn::capable1:
      if (inner == Ecn::capable0) set_ecn(packet, outer);
      return true;
    case Ecn::congestion:
      if (inner == Ecn::not_capable) return false;
      if (inner != outer) set_ecn(packet, outer);
      return true;
  }
  return true;
}

}  // namespace adit::wire
