// SPDX-License-Identifier: MIT
// What the machine knows about its own doing: facts and counters. What they mean in words is health.h's.
#pragma once

#include <optional>

#include "base/ip.h"
#include "base/time.h"
#include "crypto/keys.h"
#include "noise/keypair.h"
#include "tunnel/drop_reason.h"
#include "tunnel/prober.h"

namespace adit::tunnel {

/// Inner IP packets and their bytes, without padding, keepalives and handshakes.
struct Traffic {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

/// Bytes of whole messages, as the kernel's WireGuard counts them: data with header, padding and tag, keepalives and
/// handshakes included; those of cookies and of what was dropped are not.
struct WireBytes {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
};

enum class EndpointSource : std::uint8_t {
  none,        ///< not known yet
  configured,  ///< given by the configuration (or what it resolved to)
  learned,     ///< the peer's authentic packets come from there
};

/// A handshake message that came to nothing.
struct HandshakeProblem {
  DropReason reason{};
  Endpoint from;
  crypto::PublicKey key;  ///< of the caller, where the reason is wrong_key
  WallTime when;
  bool by_peer = false;  ///< it came from the address where the peer is called, so hardly from a stranger
};

/// How much one tells of why the link does not work: a stranger's garbage must not hide that the peer has another key.
int telling(const HandshakeProblem& problem);
/// An old one gives way to any other after this long: its cause may be mended.
inline constexpr Duration kProblemAge = std::chrono::seconds(60);

struct Status {
  Traffic sent;
  Traffic received;
  std::uint64_t large = 0;  ///< of `sent`, packets of more than half the MTU
  WireBytes wire;
  DropCounters drops;
  EndpointSource endpoint_source = EndpointSource::none;

  std::optional<Instant> handshake_at;  ///< last completed
  WallTime handshake_time;              ///< the same on the wall
  std::optional<Duration> round_trip;   ///< of the last handshake we began
  std::optional<Instant> heard_at;      ///< last authentic message of the peer's
  std::optional<Instant> reached_at;    ///< last proof that the peer hears us: what comes in is none

  std::uint32_t attempts = 0;               ///< initiations since the last completed handshake
  WallTime attempting_since;                ///< the first of them
  std::optional<Instant> unanswered_at;     ///< first data sent since the peer was last heard
  std::optional<HandshakeProblem> problem;  ///< the most telling one since the last completed handshake
  IpAddress disallowed_source;              ///< of the last packet dropped for that; none: there was none
  IpAddress disallowed_destination;         ///< likewise; multicast, which hosts send unasked, is left out
  bool under_load = false;
  ProbeReport probes;  ///< questions of ours, which no other counter but `wire` has seen
};

}  // namespace adit::tunnel
