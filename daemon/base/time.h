// SPDX-License-Identifier: MIT
// Two kinds of time. Instant: nanoseconds of CLOCK_BOOTTIME, which runs on while the machine is suspended, so that
// keys age in sleep; it is read once per turn of the event loop and handed down. WallTime: what the calendar says,
// used for TAI64N timestamps and for people. Neither type can read a clock: the core is told the time.
#pragma once

#include <chrono>
#include <cstdint>

namespace adit {

using Duration = std::chrono::nanoseconds;

struct BootClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};
using Instant = BootClock::time_point;

/// Since 1970-01-01 00:00:00 UTC.
struct WallTime {
  Duration since_epoch{};
  friend auto operator<=>(const WallTime&, const WallTime&) = default;
};

class WallClock {
 public:
  virtual ~WallClock() = default;
  virtual WallTime now() = 0;
};

}  // namespace adit
