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
#include "tunnel/reassembly.h"
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
  std::size_t ip = 0;    ///< where an IP packet begins in it; 0: there is none
  std::size_t size = 0;  ///< of the packet it came in; all of them, if they were fragments of it
};

class Ethernet {
 public:
  using Memory = std::vector<std::vector<std::uint8_t>>;
  /// Room there must be in front of each frame.
  static constexpr std::size_t kHeadroom = 64;
  static_assert(wire::kLargestGreOverhead <= kHeadroom);

  /// Hosts that are told a second that their packets are too large.
  static constexpr std::uint32_t kTellingsPerSecond = 100;
  /// Echo requests to our end that are answered a second: the peer's probes are a few.
  static constexpr std::uint32_t kAnswersPerSecond = 100;

  /// `storm_limit`: frames to many that may be sent a second, and at once; 0: any number.
  explicit Ethernet(const wire::GreEnds& ends, std::uint32_t storm_limit = 0) : gre_(ends), storm_limit_(storm_limit) {
    if (storm_limit != 0) storm_.emplace(storm_limit, storm_limit);
  }

  const wire::GreEnds& ends() const { return gre_.ends(); }
  std::uint32_t storm_limit() const { return storm_limit_; }

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
  /// What `unwrap` refused as gre_fragment, with those that came before: the frame, if it was the last one missing, in
  /// `memory`. What is dropped is counted in `drops`. `passed`: packets of the peer's so far.
  std::optional<UnwrappedFrame> join(MutableBytes packet, std::uint64_t passed, Instant now, Memory& memory,
                                     DropCounters& drops);
  /// Fragments that have waited for too long are dropped; all of them with `now` in the far future.
  void expire(Instant now, DropCounters& drops);
  /// When there will be some; the far future: never, as it is.
  Instant deadline() const { return fragments_.deadline().value_or(Instant::max()); }
  /// What answers `packet`, with `slack` bytes behind it, if that is an echo request to our end (RFC 792, RFC 4443).
  /// None either when too many were answered just now: answers wait for a socket that is full, and their room is not
  /// bounded.
  std::optional<std::vector<std::uint8_t>> answer(Bytes packet, std::size_t slack, Instant now);

 private:
  void count_dropped(DropCounters& drops);

  wire::Gre gre_;
  std::uint32_t storm_limit_;
  std::optional<Allowance> storm_;
  Allowance tellings_{kTellingsPerSecond, kTellingsPerSecond};
  Allowance answers_{kAnswersPerSecond, kAnswersPerSecond};
  Reassembly fragments_;
};

}  // namespace adit::tunnel
