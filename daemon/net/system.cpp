// SPDX-License-Identifier: MIT
#include "net/system.h"

#include <sodium.h>

#include <ctime>
#include <stdexcept>

#include "base/assert.h"

namespace adit::net {
namespace {

Duration read_clock(clockid_t clock) {
  timespec time{};
  ADIT_ASSERT(clock_gettime(clock, &time) == 0);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

SystemRandom::SystemRandom() {
  if (sodium_init() < 0)
    throw std::runtime_error("libsodium cannot be set up: is the kernel's random source readable?");
}

void SystemRandom::fill(MutableBytes out) {
  randombytes_buf(out.data(), out.size());
}

WallTime SystemWallClock::now() {
  return WallTime{read_clock(CLOCK_REALTIME)};
}

Instant boot_now() {
  return Instant(read_clock(CLOCK_BOOTTIME));
}

Duration suspended_time() {
  // CLOCK_MONOTONIC stands still meanwhile. Read again if we were interrupted between the two.
  constexpr int kTries = 8;
  constexpr Duration kAtOnce = std::chrono::microseconds(50);
  auto best = Duration::max();
  Duration difference{};
  for (int i = 0; i < kTries && best > kAtOnce; ++i) {
    const auto before = read_clock(CLOCK_MONOTONIC);
    const auto boot = read_clock(CLOCK_BOOTTIME);
    const auto taken = read_clock(CLOCK_MONOTONIC) - before;
    if (taken >= best) continue;
    best = taken;
    difference = boot - before;
  }
  return difference;
}

}  // namespace adit::net
