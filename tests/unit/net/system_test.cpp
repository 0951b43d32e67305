// SPDX-License-Identifier: MIT
#include "net/system.h"

#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>

namespace adit::net {
namespace {

TEST(SystemRandom, FillsEveryByteAndNeverTheSameTwice) {
  SystemRandom random;
  std::array<std::uint8_t, 64> a{};
  std::array<std::uint8_t, 64> b{};
  random.fill(a);
  random.fill(b);
  EXPECT_NE(a, b);
  // All of the last 16 bytes zero twice over would be a chance of 2^-256.
  EXPECT_TRUE(std::ranges::any_of(std::span(a).last(16), [](auto byte) { return byte != 0; }) ||
              std::ranges::any_of(std::span(b).last(16), [](auto byte) { return byte != 0; }));
}

TEST(SystemClocks, TellBootTimeAndCalendarApart) {
  timespec boot{};
  clock_gettime(CLOCK_BOOTTIME, &boot);
  const auto before = std::chrono::seconds(boot.tv_sec) + std::chrono::nanoseconds(boot.tv_nsec);
  const Instant first = boot_now();
  const Instant second = boot_now();
  EXPECT_GE(first.time_since_epoch(), before);
  EXPECT_GE(second, first);
  EXPECT_GE(SystemWallClock().now().since_epoch, std::chrono::hours(24 * 365 * 50)) << "the calendar is past 2019";
}

}  // namespace
}  // namespace adit::net
