// SPDX-License-Identifier: MIT
// A token bucket, its level and its time in one number: so many a second, and so many at once after a pause.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace adit::tunnel {

class Allowance {
 public:
  /// Both at least 1. More than `at_once` of them in one go are never allowed.
  Allowance(std::uint32_t per_second, std::uint32_t at_once)
      : cost_(Duration(std::chrono::seconds(1)) / per_second), burst_(cost_ * at_once) {}

  /// All of `count`, or none.
  bool take(Instant now, std::size_t count = 1) {
    const auto full_at = (full_at_ > now ? full_at_ : now) + cost_ * static_cast<Duration::rep>(count);
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
