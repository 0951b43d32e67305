// SPDX-License-Identifier: MIT
#include "offload/merge.h"

#include <algorithm>
#include <optional>
#include <ranges>

#include "offload/checksum.h"
#include "offload/ethernet.h"
#include "offload/headers.h"

namespace adit::offload {
namespace {

constexpr std::size_t kMaxIpPacket = 65'535;

bool same_at(Bytes a, Bytes b, std::size_t from, std::size_t size) {
  return std::memcmp(a.data() + from, b.data() + from, size) == 0;
}

bool take_ip(MergeCandidate& candidate) {
  const auto packet = candidate.packet.subspan(candidate.ip);
  if (packet.size() < kIpv4HeaderSize) return false;
  candidate.is_v4 = packet[0] >> 4 == 4;
  std::uint8_t protocol = 0;
  if (candidate.is_v4) {
    const auto fragment = load_be16(packet.data() + kIpv4Fragment);
    const bool options = ipv4_header_size(packet) != kIpv4HeaderSize;
    if (options || (fragment & ~kIpv4DontFragment) != 0) return false;
    if (load_be16(packet.data() + kIpv4TotalLength) != packet.size()) return false;
    if (checksum_finish(checksum_add(packet.first(kIpv4HeaderSize))) != 0) return false;
    protocol = packet[kIpv4Protocol];
    candidate.transport = candidate.ip + kIpv4HeaderSize;
  } else {
    if (packet[0] >> 4 != 6 || packet.size() < kIpv6HeaderSize) return false;
    if (load_be16(packet.data() + kIpv6PayloadLength) != packet.size() - kIpv6HeaderSize) return false;
    protocol = packet[kIpv6NextHeader];
    candidate.transport = candidate.ip + kIpv6HeaderSize;
  }
  candidate.is_tcp = protocol == kProtocolTcp;
  return candidate.is_tcp || protocol == kProtocolUdp;
}

bool take_transport(MergeCandidate& candidate) {
  const auto transport = candidate.packet.subspan(candidate.transport);
  std::size_t header = kUdpHeaderSize;
  if (candidate.is_tcp) {
    if (transport.size() < kTcpHeaderSize) return false;
    header = tcp_header_size(transport);
    const auto flags = transport[kTcpFlags];
    // The low bits of the byte before the flags are reserved or newer flags: a packet that has them stays alone.
    if (header < kTcpHeaderSize || (transport[kTcpFlags - 1] & 0x0f) != 0) return false;
    if (flags != kTcpAck && flags != (kTcpAck | kTcpPsh)) return false;
  } else {
    if (transport.size() < kUdpHeaderSize) return false;
    if (load_be16(transport.data() + kUdpLength) != transport.size()) return false;
    if (load_be16(transport.data() + kUdpChecksum) == 0) return false;  // has none that could be verified
  }
  if (transport.size() <= header) return false;
  candidate.headers = candidate.transport + header;
  candidate.payload = transport.size() - header;
  return true;
}

bool checksum_is_valid(const MergeCandidate& candidate) {
  const auto transport = candidate.packet.subspan(candidate.transport);
  const auto protocol = candidate.is_tcp ? kProtocolTcp : kProtocolUdp;
  const auto sum = pseudo_header_sum(ip_addresses(candidate.packet.subspan(candidate.ip), candidate.is_v4), protocol,
                                     static_cast<std::uint32_t>(transport.size()));
  return checksum_finish(checksum_add(transport, sum)) == 0;
}

/// The kernel goes by the type, and refuses what is merged as the other.
bool type_is_true(Bytes frame, std::size_t ip) {
  const auto version = load_be16(frame.data() + ip - 2) == kTypeIpv4 ? 4 : 6;
  return frame.size() > ip && frame[ip] >> 4 == version;
}

std::optional<MergeCandidate> candidate_of(MutableBytes packet, const MergeOptions& options) {
  MergeCandidate candidate{.packet = packet};
  if (options.frames) {
    candidate.ip = find_ip(packet);
    if (candidate.ip == 0 || !type_is_true(packet, candidate.ip)) return std::nullopt;
  }
  if (!take_ip(candidate)) return std::nullopt;
  const bool wanted = candidate.is_tcp ? (candidate.is_v4 ? options.tcp4 : options.tcp6)
                                       : (candidate.is_v4 ? options.udp4 : options.udp6);
  if (!wanted || !take_transport(candidate) || !checksum_is_valid(candidate)) return std::nullopt;
  return candidate;
}

/// Addresses and ports.
bool same_flow(const MergeCandidate& a, const MergeCandidate& b) {
  if (a.is_v4 != b.is_v4 || a.is_tcp != b.is_tcp || a.ip != b.ip) return false;
  const auto at = a.ip + (a.is_v4 ? kIpv4Addresses : kIpv6Addresses);
  return same_at(a.packet, b.packet, at, a.transport - at + 4);
}

/// All of the headers that `split` repeats unchanged.
bool same_headers(const MergeCandidate& a, const MergeCandidate& b) {
  if (a.headers != b.headers) return false;
  const auto at = a.ip;
  // In front of it is Ethernet's: stations that change, or another VLAN, are another way for the same flow.
  const bool ip =
      same_at(a.packet, b.packet, 0, at) &&
      (a.is_v4 ? same_at(a.packet, b.packet, at + kIpv4Tos, 1) && same_at(a.packet, b.packet, at + kIpv4Fragment, 3)
               : same_at(a.packet, b.packet, at, 4) && same_at(a.packet, b.packet, at + kIpv6HopLimit, 1));
  if (!a.is_tcp) return ip;
  const auto tcp = a.transport;
  return ip && same_at(a.packet, b.packet, tcp + kTcpAcknowledgment, 4) &&
         same_at(a.packet, b.packet, tcp + kTcpWindow, 2) && same_at(a.packet, b.packet, tcp + kTcpUrgent, 2) &&
         same_at(a.packet, b.packet, tcp + kTcpHeaderSize, a.headers - tcp - kTcpHeaderSize);
}

std::uint32_t sequence_of(const MergeCandidate& candidate) {
  return load_be32(candidate.packet.data() + candidate.transport + kTcpSequence);
}

std::uint8_t flags_of(const MergeCandidate& candidate) {
  return candidate.is_tcp ? candidate.packet[candidate.transport + kTcpFlags] : std::uint8_t{0};
}

}  // namespace

std::span<Delivery> Merger::merge(std::span<const MutableBytes> packets) {
  used_ = 0;
  groups_.clear();
  for (const auto packet : packets) {
    const auto candidate = candidate_of(packet, options_);
    if (!candidate) {
      close_related(packet);
      add_delivery(packet);
      continue;
    }
    if (append(*candidate)) continue;
    add_delivery(packet);
    groups_.push_back(
        {.first = *candidate,
         .delivery = used_ - 1,
         .size = packet.size(),
         .sequence = candidate->is_tcp ? sequence_of(*candidate) + static_cast<std::uint32_t>(candidate->payload) : 0,
         .flags = flags_of(*candidate),
         .open = (flags_of(*candidate) & kTcpPsh) == 0});
  }
  for (const auto& group : groups_) finish(group);
  return std::span(deliveries_).first(used_);
}

void Merger::give_up(const VirtioHeader& refused) {
  if (refused.gso_type == static_cast<std::uint8_t>(GsoType::tcp4)) options_.tcp4 = false;
  if (refused.gso_type == static_cast<std::uint8_t>(GsoType::tcp6)) options_.tcp6 = false;
  if (refused.gso_type == static_cast<std::uint8_t>(GsoType::udp)) options_.udp4 = options_.udp6 = false;
}

Delivery& Merger::add_delivery(MutableBytes packet) {
  if (used_ == deliveries_.size()) deliveries_.emplace_back();
  auto& delivery = deliveries_[used_++];
  delivery.virtio = {};
  delivery.packets = 1;
  delivery.pieces.assign(1, packet);
  return delivery;
}

std::span<Merger::Group> Merger::in_sight() {
  return std::span(groups_).last(std::min(groups_.size(), kGroupsInSight));
}

/// To the newest group of its flow. If it does not fit there, that group is closed: the flow goes on in a new one.
bool Merger::append(const MergeCandidate& candidate) {
  auto groups = in_sight() | std::views::reverse;
  const auto found =
      std::ranges::find_if(groups, [&](const Group& group) { return same_flow(group.first, candidate); });
  if (found == groups.end() || !found->open) return false;
  auto& group = *found;
  const bool continues = !candidate.is_tcp || sequence_of(candidate) == group.sequence;
  const bool fits = candidate.payload <= group.first.payload && group.size + candidate.payload <= kMaxIpPacket;
  if (!continues || !fits || !same_headers(group.first, candidate)) {
    group.open = false;
    return false;
  }
  auto& delivery = deliveries_[group.delivery];
  delivery.pieces.push_back(candidate.packet.subspan(candidate.headers));
  delivery.packets += 1;
  group.size += candidate.payload;
  group.sequence += static_cast<std::uint32_t>(candidate.payload);
  group.flags |= flags_of(candidate);
  group.open =
      candidate.payload == group.first.payload && (group.flags & kTcpPsh) == 0 && delivery.packets < kMaxPieces;
  return true;
}

/// A packet that cannot be merged may still belong to a flow, or be a fragment of it: nothing later may pass it.
void Merger::close_related(Bytes packet) {
  if (options_.frames) {
    const auto ip = find_ip(packet);
    if (ip == 0) return;
    packet = packet.subspan(ip);
  }
  if (packet.size() < kIpv4HeaderSize) return;
  const bool is_v4 = packet[0] >> 4 == 4;
  if (!is_v4 && packet.size() < kIpv6HeaderSize) return;
  const auto addresses = ip_addresses(packet, is_v4);
  for (auto& group : in_sight()) {
    const bool related = group.first.is_v4 == is_v4 &&
                         std::ranges::equal(ip_addresses(group.first.packet.subspan(group.first.ip), is_v4), addresses);
    if (related) group.open = false;
  }
}

void Merger::finish(const Group& group) {
  auto& delivery = deliveries_[group.delivery];
  if (delivery.packets == 1) return;
  const auto& first = group.first;
  const auto ip = first.packet.subspan(first.ip);
  const auto transport = first.packet.subspan(first.transport);
  const auto transport_size = static_cast<std::uint16_t>(group.size - first.transport);
  if (first.is_v4) {
    store_be16(ip.data() + kIpv4TotalLength, static_cast<std::uint16_t>(group.size - first.ip));
    store_be16(ip.data() + kIpv4Checksum, 0);
    store_be16(ip.data() + kIpv4Checksum, checksum_finish(checksum_add(ip.first(kIpv4HeaderSize))));
  } else {
    store_be16(ip.data() + kIpv6PayloadLength, transport_size);
  }
  if (first.is_tcp) {
    transport[kTcpFlags] = group.flags;
  } else {
    store_be16(transport.data() + kUdpLength, transport_size);
  }
  const auto checksum_offset = first.is_tcp ? kTcpChecksum : kUdpChecksum;
  const auto protocol = first.is_tcp ? kProtocolTcp : kProtocolUdp;
  store_be16(transport.data() + checksum_offset,
             checksum_fold(pseudo_header_sum(ip_addresses(ip, first.is_v4), protocol, transport_size)));
  const auto type = !first.is_tcp ? GsoType::udp : first.is_v4 ? GsoType::tcp4 : GsoType::tcp6;
  delivery.virtio = {.flags = VirtioHeader::kNeedsChecksum,
                     .gso_type = static_cast<std::uint8_t>(type),
                     .header_size = static_cast<std::uint16_t>(first.headers),
                     .segment_size = static_cast<std::uint16_t>(first.payload),
                     .checksum_start = static_cast<std::uint16_t>(first.transport),
                     .checksum_offset = static_cast<std::uint16_t>(checksum_offset)};
}

}  // namespace adit::offload
