// SPDX-License-Identifier: MIT
#include "offload/split.h"

#include <algorithm>

#include "base/assert.h"
#include "offload/checksum.h"
#include "offload/ethernet.h"
#include "offload/headers.h"

namespace adit::offload {

std::optional<SplitPlan> SplitPlan::make(const VirtioHeader& virtio, Bytes packet, const Wrapping& wrapping) {
  SplitPlan plan;
  plan.packet_size_ = packet.size();
  plan.frame_ = wrapping.frame;
  plan.ip_ = wrapping.ip;
  plan.is_v4_ = packet.size() > plan.ip_ && packet[plan.ip_] >> 4 == 4;
  if ((virtio.flags & VirtioHeader::kNeedsChecksum) == 0) {
    if (virtio.gso_type != 0) return std::nullopt;
    return plan;
  }
  if (!plan.plan_checksum(virtio, packet)) return std::nullopt;
  if (virtio.gso_type != 0 && !plan.plan_segments(virtio, packet)) return std::nullopt;
  return plan;
}

bool SplitPlan::plan_checksum(const VirtioHeader& virtio, Bytes packet) {
  const bool is_ip = ip_ >= frame_;
  const auto front = is_ip ? ip_ + (is_v4_ ? kIpv4HeaderSize : kIpv6HeaderSize) : frame_ + kEthernetHeaderSize;
  kind_ = Kind::checksum;
  transport_ = frame_ + virtio.checksum_start;
  checksum_offset_ = virtio.checksum_offset;
  return packet.size() >= front && transport_ >= front && transport_ + checksum_offset_ + 2 <= packet.size();
}

bool SplitPlan::plan_segments(const VirtioHeader& virtio, Bytes packet) {
  const auto type = static_cast<GsoType>(virtio.gso_type & ~VirtioHeader::kEcn);
  const bool ip_fits = type == GsoType::udp || (type == (is_v4_ ? GsoType::tcp4 : GsoType::tcp6));
  const bool version_fits = ip_ >= frame_ && (is_v4_ || packet[ip_] >> 4 == 6);
  if (!ip_fits || !version_fits || virtio.segment_size == 0) return false;

  const auto transport = packet.subspan(transport_);
  if (type == GsoType::udp) {
    kind_ = Kind::udp;
    headers_ = transport_ + kUdpHeaderSize;
    if (checksum_offset_ != kUdpChecksum) return false;
  } else {
    kind_ = Kind::tcp;
    clear_cwr_ = (virtio.gso_type & VirtioHeader::kEcn) != 0;
    if (transport.size() < kTcpHeaderSize || checksum_offset_ != kTcpChecksum) return false;
    const auto tcp_header = tcp_header_size(transport);
    if (tcp_header < kTcpHeaderSize) return false;
    headers_ = transport_ + tcp_header;
  }
  // The kernel's own hdr_len is not looked at: on forwarded packets it has been seen to be wrong.
  if (headers_ >= packet.size() || headers_ > kMaxHeaders) return false;
  if (is_v4_ && ipv4_header_size(packet.subspan(ip_)) != transport_ - ip_) return false;

  segment_payload_ = virtio.segment_size;
  segments_ = (packet.size() - headers_ + segment_payload_ - 1) / segment_payload_;
  std::ranges::copy(packet.first(headers_), original_.begin());
  return true;
}

std::size_t SplitPlan::size_of(std::size_t index) const {
  if (kind_ == Kind::plain || kind_ == Kind::checksum) return packet_size_;
  const auto payload = packet_size_ - headers_;
  return headers_ + std::min(segment_payload_, payload - index * segment_payload_);
}

MutableBytes SplitPlan::write_header(MutableBytes packet, std::size_t index) const {
  ADIT_ASSERT(packet.size() == packet_size_ && index < segments_);
  if (kind_ == Kind::plain) return packet;
  if (kind_ == Kind::checksum) {
    const auto covered = packet.subspan(transport_);
    // The field holds the pseudo-header's sum already, so it is summed along with the rest.
    auto checksum = checksum_finish(checksum_add(covered));
    if (checksum_offset_ == kUdpChecksum && checksum == 0) checksum = 0xFFFF;
    store_be16(covered.data() + checksum_offset_, checksum);
    return packet;
  }
  const auto segment = packet.subspan(index * segment_payload_, size_of(index));
  std::copy_n(original_.begin(), headers_, segment.begin());
  if (frame_ != 0) finish_outer(segment);
  finish_ip(segment.subspan(ip_, transport_ - ip_), segment.size() - ip_, index);
  finish_transport(segment, index);
  return segment;
}

/// Of the packet around the frame. It is never cut on its way, so that its identification says nothing (RFC 6864).
void SplitPlan::finish_outer(MutableBytes segment) const {
  if (segment[0] >> 4 != 4) {
    store_be16(segment.data() + kIpv6PayloadLength, static_cast<std::uint16_t>(segment.size() - kIpv6HeaderSize));
    return;
  }
  store_be16(segment.data() + kIpv4TotalLength, static_cast<std::uint16_t>(segment.size()));
  store_be16(segment.data() + kIpv4Checksum, 0);
  store_be16(segment.data() + kIpv4Checksum, checksum_finish(checksum_add(segment.first(kIpv4HeaderSize))));
}

void SplitPlan::finish_ip(MutableBytes header, std::size_t size, std::size_t index) const {
  if (!is_v4_) {
    store_be16(header.data() + kIpv6PayloadLength, static_cast<std::uint16_t>(size - kIpv6HeaderSize));
    return;
  }
  store_be16(header.data() + kIpv4TotalLength, static_cast<std::uint16_t>(size));
  const auto id = load_be16(header.data() + kIpv4Id);
  store_be16(header.data() + kIpv4Id, static_cast<std::uint16_t>(id + index));
  store_be16(header.data() + kIpv4Checksum, 0);
  store_be16(header.data() + kIpv4Checksum, checksum_finish(checksum_add(header)));
}

void SplitPlan::finish_transport(MutableBytes segment, std::size_t index) const {
  const auto transport = segment.subspan(transport_);
  const auto size = static_cast<std::uint16_t>(transport.size());
  if (kind_ == Kind::udp) {
    store_be16(transport.data() + kUdpLength, size);
  } else {
    const auto sequence = load_be32(transport.data() + kTcpSequence);
    store_be32(transport.data() + kTcpSequence, sequence + static_cast<std::uint32_t>(index * segment_payload_));
    auto& flags = transport[kTcpFlags];
    const bool last = index + 1 == segments_;
    if (!last) flags &= static_cast<std::uint8_t>(~(kTcpFin | kTcpPsh));
    if (clear_cwr_ && index > 0) flags &= static_cast<std::uint8_t>(~kTcpCwr);
  }
  const auto checksum_at = transport.data() + checksum_offset_;
  const auto pseudo = pseudo_header(segment, size);
  store_be16(checksum_at, 0);
  auto checksum = checksum_finish(checksum_add(transport, pseudo));
  // Zero says "no checksum" in UDP; its other spelling says zero (RFC 768).
  if (kind_ == Kind::udp && checksum == 0) checksum = 0xFFFF;
  store_be16(checksum_at, checksum);
}

/// Of a segment whose checksum field still is the kernel's: the sum of the pseudo-header of the whole super-packet.
std::uint64_t SplitPlan::pseudo_header(Bytes segment, std::uint16_t size) const {
  if (is_v4_ || transport_ - ip_ == kIpv6HeaderSize) {
    return pseudo_header_sum(ip_addresses(segment.subspan(ip_), is_v4_),
                             kind_ == Kind::udp ? kProtocolUdp : kProtocolTcp, size);
  }
  // Behind a routing header the destination that counts is not the one in the IP header, and the kernel has summed the
  // right one; only the size has to change.
  const auto whole = static_cast<std::uint16_t>(packet_size_ - transport_);
  const std::uint64_t kernels = load_be16(segment.data() + transport_ + checksum_offset_);
  return kernels + static_cast<std::uint16_t>(~whole) + size;
}

}  // namespace adit::offload
