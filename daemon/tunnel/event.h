// SPDX-License-Identifier: MIT
// What happened, for whoever logs, reports or reacts. The core tells; it does not know who listens.
#pragma once

#include <cstdint>
#include <variant>

#include "base/ip.h"
#include "base/time.h"
#include "crypto/keys.h"
#include "noise/keypair.h"
#include "tunnel/drop_reason.h"

namespace adit::tunnel {

/// An initiation was sent. `attempt` counts from 1 since the last completed handshake, so that whoever knows other
/// endpoints tries them; 0: this was such a try.
struct InitiationSent {
  Endpoint to;
  std::uint32_t attempt = 0;
};

/// A new session is in use. `round_trip` is known to the initiator only, otherwise zero.
struct HandshakeCompleted {
  noise::Role role{};
  Endpoint with;
  Duration round_trip{};
};

/// A handshake message was dropped for `reason`; `key` is the caller's where the reason is wrong_key.
struct HandshakeRefused {
  DropReason reason{};
  Endpoint from;
  crypto::PublicKey key;
};

/// 90 seconds of initiations went unanswered. Staged packets were dropped; attempts go on.
struct AttemptsExhausted {
  Endpoint to;
};

/// Data of ours has had no answer for a while. Nothing is wrong yet; who can find out where the peer is may ask.
struct PeerQuiet {};

/// The peer's authenticated packets come from another place now.
struct EndpointMoved {
  Endpoint from;
  Endpoint to;
};

/// Too many handshake messages arrive (true), or no longer.
struct UnderLoadChanged {
  bool under_load = false;
};

/// No session is left that could be used; keys are wiped.
struct SessionExpired {};

/// A question of ours to the peer (Tunnel::probe) was answered, or our own kernel would not send it in one piece. One
/// that is lost ends in silence.
struct ProbeEnded {
  std::uint32_t size = 0;  ///< as it was asked with
  bool answered = false;   ///< false: too large for the way out
  Duration round_trip{};   ///< when answered
};

using Event = std::variant<InitiationSent, HandshakeCompleted, HandshakeRefused, AttemptsExhausted, EndpointMoved,
                           UnderLoadChanged, SessionExpired, PeerQuiet, ProbeEnded>;

}  // namespace adit::tunnel
