// SPDX-License-Identifier: MIT
// Cuts a super-packet as the kernel hands it to us (TSO, USO) into packets that fit the link, and finishes the
// checksum of one that needs no cutting. In two steps, so that nothing is copied: `plan` looks and checks, and then for
// each segment in order `write_header` puts its header right in front of its payload, over the tail of the payload
// before it, which by then has been sealed.
//
//   |H|payload 0 |payload 1 |payload 2|      as read
//   |H|payload 0 |                           segment 0
//            |H'|payload 1 |                 segment 1
//                       |H"|payload 2|       segment 2
//
// Knows IPv4 with any options, IPv6 with any extension headers, TCP with any options, UDP. In front of the IP header
// there may be others, which each segment has as well: an Ethernet header, and IP and GRE around it (wire/gre.h).
#pragma once

#include <array>
#include <optional>

#include "offload/virtio_header.h"

namespace adit::offload {

/// IP with extensions plus TCP with options; more is refused.
inline constexpr std::size_t kMaxHeaders = 512;

/// What stands in front of the IP packet that is to be cut: an Ethernet header from `frame` on, `ip` being where it
/// ends, and before `frame` the headers of an IP packet that the frame is in. Both 0: nothing at all. `ip` 0 and
/// `frame` not: no IP packet is in the frame, and only a checksum can be finished.
struct Wrapping {
  std::size_t frame = 0;
  std::size_t ip = 0;
};

class SplitPlan {
 public:
  /// Nothing when header and packet contradict each other: such a packet is dropped, and counted, as malformed. A
  /// packet that needs nothing, or its checksum finished only, is a plan of one segment. Takes a copy of the headers.
  /// `virtio` counts from the beginning of the frame.
  static std::optional<SplitPlan> make(const VirtioHeader& virtio, Bytes packet, const Wrapping& wrapping = {});

  std::size_t segments() const { return segments_; }
  /// The checksum of TCP or UDP is yet to be made: what stands in its place is of the pseudo-header.
  bool finishes_checksum() const { return kind_ != Kind::plain; }
  /// Bytes of segment `index`, headers included.
  std::size_t size_of(std::size_t index) const;

  /// Makes segment `index` of `packet`, the very bytes the plan was made for, and returns it. To be called in rising
  /// order: it overwrites what is in front of the segment's payload, and nothing behind it.
  MutableBytes write_header(MutableBytes packet, std::size_t index) const;

 private:
  enum class Kind : std::uint8_t { plain, checksum, tcp, udp };

  bool plan_checksum(const VirtioHeader& virtio, Bytes packet);
  bool plan_segments(const VirtioHeader& virtio, Bytes packet);
  void finish_outer(MutableBytes segment) const;
  void finish_ip(MutableBytes header, std::size_t size, std::size_t index) const;
  void finish_transport(MutableBytes segment, std::size_t index) const;
  std::uint64_t pseudo_header(Bytes segment, std::uint16_t size) const;

  Kind kind_ = Kind::plain;
  bool is_v4_ = false;
  bool clear_cwr_ = false;
  std::size_t packet_size_ = 0;
  std::size_t segments_ = 1;
  std::size_t segment_payload_ = 0;
  std::size_t headers_ = 0;          ///< all of them
  std::size_t frame_ = 0;            ///< where the frame begins
  std::size_t ip_ = 0;               ///< where the IP header begins
  std::size_t transport_ = 0;        ///< where the transport header begins
  std::size_t checksum_offset_ = 0;  ///< in the transport header
  std::array<std::uint8_t, kMaxHeaders> original_;
};

}  // namespace adit::offload
