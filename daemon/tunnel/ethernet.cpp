// SPDX-License-Identifier: MIT
#include "tunnel/ethernet.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "offload/ethernet.h"
#include "tunnel/own_packet.h"
#include "tunnel/too_big.h"
#include "wire/ecn.h"

namespace adit::tunnel {
namespace {

/// Of bridges among themselves, 01:80:c2:00:00:00 to 0f (IEEE 802.1Q §8.6.3): without the spanning tree's packets a
/// storm of a loop would never end.
bool is_reserved(Bytes group) {
  constexpr std::array<std::uint8_t, 5> kReserved{0x01, 0x80, 0xc2, 0x00, 0x00};
  return std::ranges::equal(group.first(kReserved.size()), kReserved) && group[kReserved.size()] < 0x10;
}

/// `size`: of what `frame` came in, with `mark` outside.
std::expected<UnwrappedFrame, DropReason> look_into(MutableBytes frame, wire::Ecn mark, std::size_t size) {
  if (frame.size() < offload::kEthernetHeaderSize) return std::unexpected(DropReason::not_ethernet);
  const UnwrappedFrame unwrapped{frame, offload::find_ip(frame), size};
  if (unwrapped.ip == 0 || mark == wire::Ecn::not_capable) return unwrapped;
  const auto inner = frame.subspan(unwrapped.ip);
  if (wire::read_ip_packet(inner) && !wire::take_outer_ecn(inner, mark)) {
    return std::unexpected(DropReason::congestion);
  }
  return unwrapped;
}

}  // namespace

std::optional<WrappedFrame> Ethernet::wrap(MutableBytes frame) const {
  if (frame.size() < offload::kEthernetHeaderSize) return std::nullopt;
  WrappedFrame wrapped;
  const auto ip = offload::find_ip(frame);
  if (ip != 0) wrapped.ip = wire::read_ip_packet(frame.subspan(ip));
  wrapped.packet = gre_.wrap(frame, wrapped.ip ? wrapped.ip->traffic_class : std::uint8_t{0});
  wrapped.wrapping = {.frame = gre_.overhead(), .ip = ip == 0 ? 0 : gre_.overhead() + ip};
  return wrapped;
}

bool Ethernet::is_storm(const WrappedFrame& frame, std::size_t segments, Instant now) {
  constexpr std::uint8_t kGroup = 1;  // in the first byte of the address; all stations are a group, too
  if (!storm_) return false;
  const auto to = frame.packet.subspan(frame.wrapping.frame, 6);
  return (to[0] & kGroup) != 0 && !is_reserved(to) && !storm_->take(now, segments);
}

std::optional<std::vector<std::uint8_t>> Ethernet::tell_too_large(const WrappedFrame& frame, std::uint32_t largest,
                                                                  Instant now) {
  const auto& [at, ip] = frame.wrapping;
  // The interface's own MTU, or what two tags leave of it.
  const auto in_front = std::max<std::size_t>(ip, wire::frame_overhead(ends().ours.family()));
  if (!frame.ip || largest <= in_front) return std::nullopt;
  auto told = write_too_big_frame(frame.packet.subspan(at), ip - at, static_cast<std::uint32_t>(largest - in_front));
  if (told && !tellings_.take(now)) return std::nullopt;
  return told;
}

std::expected<UnwrappedFrame, DropReason> Ethernet::unwrap(MutableBytes packet) const {
  const auto frame = gre_.unwrap(packet);
  if (!frame) {
    return std::unexpected(frame.error() == wire::GreRefusal::fragment ? DropReason::gre_fragment
                                                                       : DropReason::not_ethernet);
  }
  return look_into(*frame, wire::ecn_of(wire::read_ip_packet(packet)->traffic_class), packet.size());
}

std::optional<UnwrappedFrame> Ethernet::join(MutableBytes packet, std::uint64_t passed, Instant now, Memory& memory,
                                             DropCounters& drops) {
  const auto part = wire::read_fragment(packet);
  ADIT_ASSERT(part);
  const auto mark = wire::ecn_of(wire::read_ip_packet(packet)->traffic_class);
  auto payload = part->payload;
  Reassembly::Whole whole{.payload = {}, .protocol = part->protocol, .mark = mark, .parts = 1, .size = packet.size()};
  if (!part->is_all()) {
    auto joined = fragments_.add(*part, packet.size(), mark, passed, now);
    count_dropped(drops);
    if (!joined) return std::nullopt;
    whole = std::move(*joined);
    payload = memory.emplace_back(std::move(whole.payload));
  }
  const auto frame = wire::Gre::unwrap_joined(whole.protocol, payload);
  const auto unwrapped = frame ? look_into(*frame, whole.mark, whole.size) : std::unexpected(DropReason::not_ethernet);
  if (unwrapped) return *unwrapped;
  drops.add(unwrapped.error(), whole.parts);
  return std::nullopt;
}

void Ethernet::expire(Instant now, DropCounters& drops) {
  fragments_.expire(now);
  count_dropped(drops);
}

void Ethernet::count_dropped(DropCounters& drops) {
  const auto dropped = fragments_.take_dropped();
  drops.add(DropReason::gre_fragment, dropped.refused);
  drops.add(DropReason::gre_incomplete, dropped.incomplete);
}

std::optional<std::vector<std::uint8_t>> Ethernet::answer(Bytes packet, std::size_t slack, Instant now) {
  const auto header = wire::read_ip_packet(packet);
  const bool is_v4 = ends().ours.is_v4();
  const auto icmp_at = is_v4 ? kIpv4Header : kIpv6Header;
  if (!header || header->destination != ends().ours || header->size < icmp_at + kIcmpHeader) return std::nullopt;
  // No options, no extension headers, no fragments: questions of ours have none either.
  if (is_v4 && ((packet[0] & 0x0f) != kIpv4Header / 4 || (load_be16(&packet[6]) & 0x3fff) != 0)) return std::nullopt;
  if (packet[is_v4 ? 9 : 6] != (is_v4 ? kIcmp : kIcmp6)) return std::nullopt;
  const auto question = packet.first(header->size);
  if (question[icmp_at] != (is_v4 ? kEchoRequest4 : kEchoRequest6) || question[icmp_at + 1] != 0 ||
      icmp_checksum(question, icmp_at) != 0 || !answers_.take(now)) {
    return std::nullopt;
  }
  std::vector<std::uint8_t> bytes;
  bytes.reserve(question.size() + slack);
  bytes.assign(icmp_at, 0);
  bytes.insert(bytes.end(), question.begin() + static_cast<std::ptrdiff_t>(icmp_at), question.end());
  write_ip_header(bytes, ends().ours, header->source, is_v4 ? kIcmp : kIcmp6, question.size());
  bytes[icmp_at] = is_v4 ? kEchoReply4 : kEchoReply6;
  store_be16(&bytes[icmp_at + 2], 0);
  store_be16(&bytes[icmp_at + 2], icmp_checksum(bytes, icmp_at));
  bytes.resize(question.size() + slack);
  return bytes;
}

}  // namespace adit::tunnel
