// SPDX-License-Identifier: MIT
#include "tunnel/too_big.h"

#include <algorithm>

#include "offload/ethernet.h"
#include "tunnel/own_packet.h"
#include "wire/ip_packet.h"

namespace adit::tunnel {
namespace {

constexpr std::size_t kUdpHeader = 8;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kUnreachable = 3;
constexpr std::uint8_t kFragmentationNeeded = 4;
constexpr std::uint8_t kPacketTooBig = 2;
constexpr std::size_t kFragmentField = 6;
constexpr std::size_t kProtocolField = 9;
constexpr std::uint16_t kDontFragment = 0x4000;
constexpr std::uint16_t kFragmentOffset = 0x1fff;

// All that an error message may be (RFC 1812 §4.3.2.3, RFC 4443 §2.4), and what IPv6 takes to be the least MTU.
constexpr std::size_t kLargestError4 = 576;
constexpr std::size_t kLargestError6 = 1280;

constexpr std::size_t kMacSize = 6;

/// Type, code and MTU, of a header that is all zero.
void write_icmp(MutableBytes icmp, bool v4, std::uint32_t mtu) {
  icmp[0] = v4 ? kUnreachable : kPacketTooBig;
  if (v4) {
    icmp[1] = kFragmentationNeeded;
    store_be16(&icmp[6], static_cast<std::uint16_t>(mtu));
  } else {
    store_be16(&icmp[4], static_cast<std::uint16_t>(mtu >> 16));
    store_be16(&icmp[6], static_cast<std::uint16_t>(mtu));
  }
}

bool is_single_host(const IpAddress& address) {
  const bool is_broadcast = address.is_v4() && std::ranges::all_of(address.bytes(), [](auto b) { return b == 0xff; });
  return !address.is_unspecified() && !address.is_multicast() && !address.is_loopback() && !is_broadcast;
}

/// `packet`: as read_ip_packet takes it. Extension headers of IPv6 are not looked behind: errors are never too large.
bool is_error_or_later_fragment(Bytes packet) {
  if (packet[0] >> 4 == 6) return packet[6] == kIcmp6 && (packet.size() <= kIpv6Header || packet[kIpv6Header] < 128);
  if ((load_be16(&packet[kFragmentField]) & kFragmentOffset) != 0) return true;
  const std::size_t icmp = (packet[0] & 0x0fu) * 4u;
  return packet[9] == kIcmp && (packet.size() <= icmp || (packet[icmp] >= 3 && packet[icmp] <= 5) ||
                                packet[icmp] == 11 || packet[icmp] == 12);
}

/// The message about `packet`, for who sent it, from where it was to go, with `before` bytes in front of it. None:
/// there is nobody to be told.
std::optional<std::vector<std::uint8_t>> answer_behind(std::size_t before, Bytes packet, std::uint32_t mtu) {
  const auto header = wire::read_ip_packet(packet);
  if (!header || !is_single_host(header->source) || !is_single_host(header->destination)) return std::nullopt;
  packet = packet.first(header->size);
  const bool v4 = header->source.is_v4();
  // Less than that no host with IPv6 believes (RFC 8201 §4).
  if (is_error_or_later_fragment(packet) || (!v4 && mtu < kLargestError6)) return std::nullopt;

  const auto ip = v4 ? kIpv4Header : kIpv6Header;
  const auto quoted = packet.first(std::min(packet.size(), (v4 ? kLargestError4 : kLargestError6) - ip - kIcmpHeader));
  std::vector<std::uint8_t> answer(before + ip + kIcmpHeader + quoted.size());
  const auto message = MutableBytes(answer).subspan(before);
  write_ip_header(message, header->destination, header->source, v4 ? kIcmp : kIcmp6, message.size());
  const auto icmp = message.subspan(ip);
  write_icmp(icmp, v4, mtu);
  std::ranges::copy(quoted, icmp.begin() + kIcmpHeader);
  store_be16(&icmp[2], icmp_checksum(message, ip));
  return answer;
}

}  // namespace

std::vector<std::uint8_t> write_too_big(const TooBig& message) {
  const bool v4 = message.to.is_v4();
  const auto header = v4 ? kIpv4Header : kIpv6Header;
  std::vector<std::uint8_t> packet(2 * header + kIcmpHeader + kUdpHeader);
  const MutableBytes bytes(packet);
  const auto icmp = bytes.subspan(header);
  const auto datagram = icmp.subspan(kIcmpHeader);

  write_ip_header(bytes, message.from, message.to, v4 ? kIcmp : kIcmp6, packet.size());
  write_icmp(icmp, v4, message.mtu);
  // The datagram as it was, but for what was in it.
  write_ip_header(datagram, message.source.address, message.destination.address, kUdp, message.mtu + 1);
  store_be16(&datagram[header], message.source.port);
  store_be16(&datagram[header + 2], message.destination.port);
  store_be16(&datagram[header + 4], static_cast<std::uint16_t>(message.mtu + 1 - header));

  store_be16(&icmp[2], icmp_checksum(packet, header));
  return packet;
}

std::optional<std::vector<std::uint8_t>> write_too_big_frame(Bytes frame, std::size_t ip, std::uint32_t mtu) {
  const bool is_between_stations = (frame[0] & 1) == 0 && (frame[kMacSize] & 1) == 0;
  auto answer = is_between_stations ? answer_behind(ip, frame.subspan(ip), mtu) : std::nullopt;
  if (!answer) return std::nullopt;
  std::copy_n(frame.begin() + kMacSize, kMacSize, answer->begin());
  std::copy_n(frame.begin(), kMacSize, answer->begin() + kMacSize);
  std::ranges::copy(frame.subspan(offload::kEthernetType, ip - offload::kEthernetType),
                    answer->begin() + offload::kEthernetType);  // and the tags of the VLAN
  return answer;
}

bool is_whole_tcp4(Bytes packet) {
  return packet[0] >> 4 == 4 && packet[kProtocolField] == kTcp &&
         (load_be16(&packet[kFragmentField]) & kDontFragment) != 0;
}

std::optional<std::vector<std::uint8_t>> answer_too_big(Bytes packet, std::uint32_t mtu) {
  return answer_behind(0, packet, mtu);
}

}  // namespace adit::tunnel
