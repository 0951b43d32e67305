// SPDX-License-Identifier: MIT
// What a TUN device may hand over: a virtio header and a packet, which may be cut, staged and sealed. The bytes behind
// a packet are its last.
#include "offload/split.h"
#include "fuzz.h"
#include "live_tunnel.h"
#include "offload/checksum.h"
#include "wire/ip_packet.h"

namespace adit::fuzz {
namespace {

/// Whole, and with the rest of the packet in it.
void check_segment(Bytes segment, const offload::VirtioHeader& virtio) {
  const auto header = wire::read_ip_packet(segment);
  if (!header || virtio.gso_type == 0) return;
  require(header->size == segment.size(), "a segment's length is in its header");
  const bool v4 = segment[0] >> 4 == 4;
  if (!v4) return;
  const auto ip = segment.first((segment[0] & 15u) * 4u);
  require(offload::checksum_finish(offload::checksum_add(ip)) == 0, "a segment's IP header has its checksum");
}

}  // namespace

void run(Bytes bytes) {
  if (bytes.size() < offload::kVirtioHeaderSize) return;
  offload::VirtioHeader virtio;
  std::memcpy(&virtio, bytes.data(), sizeof virtio);
  const auto packet = bytes.subspan(sizeof virtio);
  const auto plan = offload::SplitPlan::make(virtio, packet);
  if (!plan) return;
  std::size_t segments = plan->segments();
  require(segments >= 1, "there is a segment");
  auto writable = copy_of(packet);
  std::size_t payload = 0;
  for (std::size_t i = 0; i < segments; ++i) {
    const auto segment = plan->write_header(writable, i);
    require(segment.size() == plan->size_of(i) && segment.size() <= packet.size(),
            "a segment has the size it was said");
    check_segment(segment, virtio);
    payload += segment.size();
  }
  require(payload >= packet.size(), "no byte is lost");
  LiveTunnel tunnel;
  const auto turn = tunnel.admit(packet, &*plan);
  require(turn.sealed.empty() || turn.sealed.size() == segments, "each segment becomes a datagram");
}

}  // namespace adit::fuzz
