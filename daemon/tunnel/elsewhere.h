// SPDX-License-Identifier: MIT
// Where the peer may be beside the endpoint it is called at: where it called from, where it is to be looked for, and
// where it was before we chose to call it elsewhere.
#pragma once

#include <optional>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "tunnel/allowed_ips.h"

namespace adit::tunnel {

struct Elsewhere {
  /// More wait for the next tick by accident only: a tick follows at once.
  static constexpr std::size_t kMaxTries = 8;

  struct Try {
    Endpoint to;
    bool rather = false;
  };

  /// An initiation came from there and did not move the endpoint. Nothing authentic was received since.
  std::optional<Path> called_from;
  std::vector<Try> tries;

  /// We left `left` at that moment for another endpoint, which answered. Until the peer knows, its packets come from
  /// there, and must not take us back: the way to it may be dead while the way from it is not. That goes for older
  /// sessions as long as they last, and for a while for the new one: packets of ours that went the old way may come in
  /// after those that went the new one, and take the peer back.
  static constexpr Duration kSettling = std::chrono::seconds(3);
  Endpoint left;
  Instant left_at{};
  bool is_of_the_past(const Endpoint& from, Instant session_created, Instant now) const {
    return left.known() && from == left && (session_created < left_at || now - left_at < kSettling);
  }

  /// Addresses of the tunnel itself. A host whose uplink has lost its own for a moment sends from the one it has there;
  /// what went to it would go into the tunnel again.
  AllowedIps inner{{}};
  /// Those of them that are ours: what claims to come from there was not sent by us, and is for nobody here.
  AllowedIps own{{}};
};

}  // namespace adit::tunnel
