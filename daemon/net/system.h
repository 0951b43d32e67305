// SPDX-License-Identifier: MIT
// The three things only the kernel knows: randomness, the calendar, and how long this machine has been up. The core
// is handed them as values or through the interfaces of daemon/base, so that tests can hand it others.
#pragma once

#include "base/random.h"
#include "base/time.h"

namespace adit::net {

/// The kernel's generator by way of libsodium. Throws std::runtime_error when libsodium cannot be set up.
class SystemRandom final : public RandomSource {
 public:
  SystemRandom();
  void fill(MutableBytes out) override;
};

class SystemWallClock final : public WallClock {
 public:
  WallTime now() override;
};

/// CLOCK_BOOTTIME, which runs on in suspend. In a loop's callback use EventLoop::now() instead: one time a turn.
Instant boot_now();

/// How long this host has been suspended since it was started, to memory or to disk, all in all.
Duration suspended_time();

}  // namespace adit::net
