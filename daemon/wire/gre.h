// SPDX-License-Identifier: MIT
// Ethernet frames in IP packets: GRE (RFC 2784) with the protocol "transparent Ethernet bridging", as the kernel's
// `gretap` and `ip6gretap` have it without a key and without sequence numbers.
//
//   | IPv4 20 or IPv6 40 | GRE 4 | Ethernet frame, without its checksum |
//
// What is written has no checksum of GRE's own, since what is sealed needs none; one that comes with a checksum is
// taken if it is right. IP fragments of such packets are refused under a name of their own: whoever has put them
// together comes again.
#pragma once

#include <array>
#include <expected>

#include "base/ip.h"

namespace adit::wire {

/// Of one family.
struct GreEnds {
  IpAddress ours;
  IpAddress peers;
  friend bool operator==(const GreEnds&, const GreEnds&) = default;
};

/// What an IP packet is larger by than the frame in it.
std::size_t gre_overhead(Family family);
inline constexpr std::size_t kLargestGreOverhead = 44;
/// What stands in front of an IP packet that is in such a frame, a VLAN tag included: so much smaller is the MTU of an
/// interface for frames than that of one for IP packets.
std::uint32_t frame_overhead(Family family);

enum class GreRefusal : std::uint8_t {
  foreign,   ///< not GRE with Ethernet in it, or not from that end to this one
  fragment,  ///< a part of what may be one
};

class Gre {
 public:
  explicit Gre(const GreEnds& ends);

  const GreEnds& ends() const { return ends_; }
  std::size_t overhead() const { return size_; }

  /// The packet: `frame`, with its headers written in front of it, where there must be room for `overhead` bytes. Its
  /// size in the header is at most what the header has room for: whoever cuts it corrects that.
  MutableBytes wrap(MutableBytes frame, std::uint8_t traffic_class) const;
  /// The frame in `packet`, a whole IP packet as read_ip_packet takes it.
  std::expected<MutableBytes, GreRefusal> unwrap(MutableBytes packet) const;
  /// The frame in what fragments that `unwrap` refused as such have carried, together. `protocol`: of the first one.
  static std::expected<MutableBytes, GreRefusal> unwrap_joined(std::uint8_t protocol, MutableBytes payload);

 private:
  bool is_between_the_ends(Bytes packet) const;

  GreEnds ends_;
  std::size_t size_;
  std::array<std::uint8_t, kLargestGreOverhead> header_{};
};

}  // namespace adit::wire
