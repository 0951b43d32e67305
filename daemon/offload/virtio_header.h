// SPDX-License-Identifier: MIT
// The header a TUN device with IFF_VNET_HDR puts in front of each packet (struct virtio_net_hdr of linux/virtio_net.h,
// virtio 1.2 §5.1.6): what is left to do to the packet behind it. Ten bytes, in the machine's own order.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace adit::offload {

/// Debian 12's headers lack the last one, so all are ours.
enum class GsoType : std::uint8_t { none = 0, tcp4 = 1, tcp6 = 4, udp = 5 };

struct VirtioHeader {
  static constexpr std::uint8_t kNeedsChecksum = 1;
  /// Or-ed to the type when the first segment carries CWR.
  static constexpr std::uint8_t kEcn = 0x80;

  std::uint8_t flags = 0;
  std::uint8_t gso_type = 0;
  std::uint16_t header_size = 0;  ///< a hint; not to be trusted on packets that are forwarded
  std::uint16_t segment_size = 0;
  std::uint16_t checksum_start = 0;
  std::uint16_t checksum_offset = 0;

  friend bool operator==(const VirtioHeader&, const VirtioHeader&) = default;
};
inline constexpr std::size_t kVirtioHeaderSize = 10;
static_assert(sizeof(VirtioHeader) == kVirtioHeaderSize);

}  // namespace adit::offload
