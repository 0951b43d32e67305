// SPDX-License-Identifier: MIT
// Fragments of IP packets (RFC 791 §3.2, RFC 8200 §4.5): what one says of itself, and packets cut into such. Putting
// them together takes time and memory, and is not for here (tunnel/reassembly.h).
#pragma once

#include <algorithm>
#include <optional>

#include "base/ip.h"

namespace adit::wire {

/// What follows the headers that belong to IP.
struct UpperLayer {
  std::uint8_t protocol = 0;
  std::size_t at = 0;
};
/// `next` says what begins at `at`: IPv6's options are stepped over. None: they claim to be longer than the packet.
std::optional<UpperLayer> skip_options(std::uint8_t next, Bytes packet, std::size_t at);

inline constexpr std::uint8_t kFragmentHeader = 44;      ///< of IPv6: 8 bytes
inline constexpr std::uint8_t kDestinationOptions = 60;  ///< likewise
inline constexpr std::size_t kFragmentHeaderSize = 8;

struct IpFragment {
  std::uint32_t identification = 0;
  std::size_t offset = 0;     ///< of its payload in that of the whole packet
  bool is_last = false;       ///< nothing is behind it
  std::uint8_t protocol = 0;  ///< what the whole packet's payload begins with, if this is the first part
  MutableBytes payload;
  std::size_t end() const { return offset + payload.size(); }
  /// A whole packet that says so all the same (RFC 6946).
  bool is_all() const { return offset == 0 && is_last; }
};
/// `packet`: as read_ip_packet takes it, and not longer. None: it is no fragment.
std::optional<IpFragment> read_fragment(MutableBytes packet);

/// How a packet, without options or extension headers, is cut: into as few parts as can be, which are all equally
/// large, but for the last, which may be a little smaller, so that they are sent in one go.
class FragmentPlan {
 public:
  /// `largest`: a fragment may be, with its headers.
  FragmentPlan(Family family, std::size_t packet, std::size_t largest);

  std::size_t count() const { return (payload_ + part_ - 1) / part_; }
  std::size_t size_of(std::size_t index) const;
  /// `packet`: of that size; `out`: of size_of(index).
  void write(Bytes packet, std::size_t index, std::uint32_t identification, MutableBytes out) const;

 private:
  std::size_t payload_of(std::size_t index) const { return std::min(part_, payload_ - index * part_); }

  bool is_v4_;
  std::size_t header_;  ///< of the whole packet
  std::size_t payload_;
  std::size_t part_;
};

}  // namespace adit::wire
