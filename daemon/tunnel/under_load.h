// SPDX-License-Identifier: MIT
// When handshakes get expensive (paper §5.3): a meter that says "under load", and a token bucket for each source, so
// that one noisy address never uses up what another is entitled to.
#pragma once

#include <map>

#include "base/ip.h"
#include "base/time.h"

namespace adit::tunnel {

/// Counts handshake messages that passed mac1. A link has one peer, which needs one in five seconds.
class LoadMeter {
 public:
  static constexpr unsigned kPerSecond = 50;
  static constexpr Duration kHold = std::chrono::seconds(1);

  void note(Instant now);
  bool under_load(Instant now) const { return now < until_; }
  /// When it will be over, or was.
  Instant until() const { return until_; }

 private:
  Instant window_{};
  unsigned in_window_ = 0;
  Instant until_{};
};

/// 20 messages a second with bursts of 5, for each IPv4 address and each IPv6 /64. Memory is bounded: when the table is
/// full of recent sources, new ones are refused.
class RateLimiter {
 public:
  static constexpr std::size_t kMaxSources = 4096;
  static constexpr Duration kCost = std::chrono::milliseconds(50);
  static constexpr Duration kBurst = 5 * kCost;

  bool allow(const IpAddress& source, Instant now);

 private:
  /// When the bucket of a source is full again: bucket level and time in one number.
  std::map<IpAddress, Instant> full_at_;
};

/// Messages that are heard under load though they have no cookie, of all that come from where the peer is called: so a
/// peer that is where it was expected need not ask twice. A handshake takes one of them, and each costs us four curve
/// operations.
class Reserve {
 public:
  static constexpr Duration kCost = std::chrono::milliseconds(200);
  static constexpr Duration kBurst = 3 * kCost;

  bool allow(Instant now);

 private:
  Instant full_at_{};
};

}  // namespace adit::tunnel
