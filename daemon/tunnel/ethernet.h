// SPDX-License-Identifier: MIT
// The link as an Ethernet cable: frames of the interface in GRE packets between two addresses that are the tunnel's
// own, and taken out of them. No host has those addresses, so what else is sent there is for us: echo requests are
// answered, since the peer asks so whether it is heard (prober.h). Pure.
#pragma once

#include <expected>
#include <optional>
#include <vector>

#include "offload/split.h"
#include "tunnel/allowance.h"
#include "tunnel/drop_reason.h"
#include "wire/gre.h"
#include "wire/ip_packet.h"

namespace adit::tunnel {

/// A frame on its way out, with its headers in front.
struct WrappedFrame {
  MutableBytes packet;
  offload::Wrapping wrapping;
  std::optional<wire::IpPacket> ip;  ///< that the frame carries
};

/// A frame that came in.
struct UnwrappedFrame {
  MutableBytes frame;
  std::size_t ip = 0;  ///< where an IP packet begins in it; 0: there is none
};

class Ethernet {
 public:
  /// Room there must be in front of each frame.
  static constexpr std::size_t kHeadroom = 64;
  static_assert(wire::kLargestGreOverhead <= kHeadroom);

  /// Hosts that are told a second that their packets are too large.
  static constexpr std::uint32_t kTellingsPerSecond = 100;

  /// `storm_limit`: frames to many that may be sent a second, and at once; 0: any number.
  explicit Ethernet(const wire::GreEnds& ends, std::uint32_t storm_limit = 0) : gre_(ends) {
    if (storm_limit != 0) storm_.emplace(storm_limit, storm_limit);
  }

  const wire::GreEnds& ends() const { return gre_.ends(); }

  /// What the IP packet in the frame says of its class stands on the outside, too. None: it is too short for a frame.
  std::optional<WrappedFrame> wrap(MutableBytes frame) const;
  /// The frame will be sent as that many: too many to all or a group of stations for now?
  bool is_storm(const WrappedFrame& frame, std::size_t segments, Instant now);
  /// A frame for whoever sent this one, which is larger, in its packet, than the `largest` that passes: it is told how
  /// large its IP packets may be. None: nobody is to be told, or that often.
  std::optional<std::vector<std::uint8_t>> tell_too_large(const WrappedFrame& frame, std::uint32_t largest,
                                                          Instant now);
  /// Of a whole packet from the peer. A mark of congestion moves into the frame.
  std::expected<UnwrappedFrame, DropReason> unwrap(MutableBytes packet) const;
  /// What answers `packet`, with `slack` bytes behind it, if that is an echo request to our end (RFC 792, RFC 4443).
  std::optional<std::vector<std::uint8_t>> answer(Bytes packet, std::size_t slack) const;

 private:
  wire::Gre gre_;
  std::optional<Allowance> storm_;
  Allowance tellings_{kTellingsPerSecond, kTellingsPerSecond};
};

}  // namespace adit::tunnel
