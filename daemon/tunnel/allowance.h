// SPDX-License-Identifier: MIT
// A token bucket, its level and its time in one number: so many a second, and so many at once after a pause.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace adit::tunnel {

class Allowance {
 public:
  /// Both at least 1.
  Allowance(std::uint32_t per_second, std::uint32_t at_once)
      : cost_(Duration(std::chrono::seconds(1)) / per_second), burst_(cost_ * at_once) {}

  /// All of `count`, or none. More than there may be at once count as that many: what comes as one is not for ever too
  /// large.
  bool take(Instant now, std::size_t count = 1) {
    const auto cost = std::min(cost_ * static_cast<Duration::rep>(count), burst_);
    const auto full_at = (full_at_ > now ? full_at_ : now) + cost;
    if (full_at - now > burst_) return false;
    full_at_ = full_at;
    return true;
  }

 private:
  Duration cost_;
  Duration burst_;
  Instant full_at_{};
};

}  // namespace adit::tunnel
