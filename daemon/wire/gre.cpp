// SPDX-License-Identifier: MIT
#include "wire/gre.h"

#include <algorithm>

#include "base/assert.h"
#include "wire/ip_fragment.h"
#include "wire/ip_packet.h"

namespace adit::wire {
namespace {

constexpr std::size_t kGreHeaderSize = 4;
constexpr std::size_t kGreChecksumSize = 4;  ///< and two reserved bytes
constexpr std::uint8_t kGre = 47;
constexpr std::uint8_t kHopLimit = 64;
constexpr std::size_t kLargestSize = 65'535;

constexpr std::uint16_t kDontFragment = 0x4000;

constexpr std::uint16_t kEthernet = 0x6558;
constexpr std::uint16_t kChecksumPresent = 0x8000;
/// Bits that must be zero (RFC 2784 §2.2 to 2.3): key and sequence number of RFC 2890, routing of RFC 1701, version.
constexpr std::uint16_t kMustBeZero = 0x7c07;

std::uint16_t sum_of(Bytes bytes) {
  std::uint64_t sum = 0;
  std::size_t at = 0;
  for (; at + 2 <= bytes.size(); at += 2) sum += load_be16(bytes.data() + at);
  if (at < bytes.size()) sum += static_cast<std::uint64_t>(bytes[at]) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

/// What Linux puts in front of GRE, the limit of tunnels in tunnels (RFC 2473 §4.1.1), is an option of IPv6.
std::expected<MutableBytes, GreRefusal> skip_to_gre(std::uint8_t next, MutableBytes payload) {
  const auto found = skip_options(next, payload, 0);
  if (!found || found->protocol != kGre || found->at > payload.size()) return std::unexpected(GreRefusal::foreign);
  return payload.subspan(found->at);
}

std::expected<MutableBytes, GreRefusal> find_gre(MutableBytes packet) {
  const bool is_v4 = packet[0] >> 4 == 4;
  if (const auto fragment = read_fragment(packet)) {
    // In parts that are not the first nobody can look behind the options.
    const bool may_be = fragment->protocol == kGre || (!is_v4 && fragment->protocol == kDestinationOptions);
    return std::unexpected(may_be ? GreRefusal::fragment : GreRefusal::foreign);
  }
  if (!is_v4) return skip_to_gre(packet[6], packet.subspan(kIpv6HeaderSize));
  if (packet[9] != kGre) return std::unexpected(GreRefusal::foreign);
  return packet.subspan((packet[0] & 0x0fu) * 4u);
}

std::expected<MutableBytes, GreRefusal> find_frame(const std::expected<MutableBytes, GreRefusal>& found) {
  if (!found) return found;
  const auto gre = *found;
  if (gre.size() < kGreHeaderSize) return std::unexpected(GreRefusal::foreign);
  const auto flags = load_be16(gre.data());
  if ((flags & kMustBeZero) != 0 || load_be16(&gre[2]) != kEthernet) return std::unexpected(GreRefusal::foreign);
  if ((flags & kChecksumPresent) == 0) return gre.subspan(kGreHeaderSize);
  if (gre.size() < kGreHeaderSize + kGreChecksumSize || sum_of(gre) != 0xffff) {
    return std::unexpected(GreRefusal::foreign);
  }
  return gre.subspan(kGreHeaderSize + kGreChecksumSize);
}

}  // namespace

std::size_t gre_overhead(Family family) {
  return (family == Family::v4 ? kIpv4HeaderSize : kIpv6HeaderSize) + kGreHeaderSize;
}

std::uint32_t frame_overhead(Family family) {
  constexpr std::size_t kEthernetWithTag = 18;
  return static_cast<std::uint32_t>(gre_overhead(family) + kEthernetWithTag);
}

Gre::Gre(const GreEnds& ends) : ends_(ends), size_(gre_overhead(ends.ours.family())) {
  ADIT_ASSERT(ends.ours.family() == ends.peers.family() && !ends.ours.is_none());
  if (ends.ours.is_v4()) {
    header_[0] = 0x45;
    store_be16(&header_[6], kDontFragment);
    header_[8] = kHopLimit;
    header_[9] = kGre;
    std::ranges::copy(ends.ours.bytes(), header_.begin() + 12);
    std::ranges::copy(ends.peers.bytes(), header_.begin() + 16);
  } else {
    header_[0] = 0x60;
    header_[6] = kGre;
    header_[7] = kHopLimit;
    std::ranges::copy(ends.ours.bytes(), header_.begin() + 8);
    std::ranges::copy(ends.peers.bytes(), header_.begin() + 24);
  }
  store_be16(&header_[size_ - 2], kEthernet);
}

MutableBytes Gre::wrap(MutableBytes frame, std::uint8_t traffic_class) const {
  const MutableBytes packet(frame.data() - size_, size_ + frame.size());
  std::copy_n(header_.begin(), size_, packet.begin());
  if (ends_.ours.is_v4()) {
    packet[1] = traffic_class;
    store_be16(&packet[2], static_cast<std::uint16_t>(std::min(packet.size(), kLargestSize)));
    store_be16(&packet[10], static_cast<std::uint16_t>(~sum_of(packet.first(kIpv4HeaderSize))));
  } else {
    packet[0] = static_cast<std::uint8_t>(0x60 | traffic_class >> 4);
    packet[1] = static_cast<std::uint8_t>(traffic_class << 4);
    store_be16(&packet[4], static_cast<std::uint16_t>(std::min(packet.size() - kIpv6HeaderSize, kLargestSize)));
  }
  return packet;
}

std::expected<MutableBytes, GreRefusal> Gre::unwrap(MutableBytes packet) const {
  if (!is_between_the_ends(packet)) return std::unexpected(GreRefusal::foreign);
  return find_frame(find_gre(packet));
}

std::expected<MutableBytes, GreRefusal> Gre::unwrap_joined(std::uint8_t protocol, MutableBytes payload) {
  return find_frame(skip_to_gre(protocol, payload));
}

bool Gre::is_between_the_ends(Bytes packet) const {
  const bool is_v4 = packet[0] >> 4 == 4;
  if (is_v4 != ends_.ours.is_v4()) return false;
  // The peer's and ours, one behind the other.
  const auto addresses = packet.subspan(is_v4 ? 12 : 8, is_v4 ? 8 : 32);
  return std::ranges::equal(addresses.first(addresses.size() / 2), ends_.peers.bytes()) &&
         std::ranges::equal(addresses.last(addresses.size() / 2), ends_.ours.bytes());
}

}  // namespace adit::wire
