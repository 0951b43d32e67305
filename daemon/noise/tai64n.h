// SPDX-License-Identifier: MIT
// TAI64N timestamps of handshake initiations (paper §5.1, §5.4.2): the responder takes only ones later than the last,
// which is what stops replayed initiations.
#pragma once

#include <array>
#include <compare>

#include "base/bytes.h"
#include "base/time.h"

namespace adit::noise {

/// Twelve bytes, big-endian: compared byte by byte they are compared in time.
struct Tai64n {
  std::array<std::uint8_t, 12> bytes{};
  friend auto operator<=>(const Tai64n&, const Tai64n&) = default;

  /// Rounded down to kWhitening, so that the low bits tell an observer nothing about our clock.
  static Tai64n from(WallTime time);
  /// The inverse, for people and for the file the last one is kept in; precise to what was whitened.
  /// A label before 1970 or beyond what a WallTime holds becomes the nearest one that it does.
  WallTime to_wall_time() const;
  /// On the label itself, which may be beyond all time a Duration can hold; no later than the last label there is.
  Tai64n later_by(std::chrono::seconds time) const;
};

/// 2^24 ns (16.8 ms): finer than two initiations can follow each other, coarse enough to hide the clock's detail.
inline constexpr Duration kWhitening{1 << 24};

/// Hands out strictly rising timestamps even when the clock stands still or goes back, given the last one sent in an
/// earlier life of this link (PRODUCT.md: kept under /var/lib/adit).
class TimestampSource {
 public:
  explicit TimestampSource(Tai64n last_sent) : last_(last_sent) {}
  /// max(now, last + one whitening step). Must be on disk before the message that carries it is sent.
  Tai64n next(WallTime now);
  Tai64n last() const { return last_; }

 private:
  Tai64n last_;
};

}  // namespace adit::noise
