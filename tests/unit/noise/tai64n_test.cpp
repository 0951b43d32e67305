// SPDX-License-Identifier: MIT
#include "noise/tai64n.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support.h"

namespace adit::noise {
namespace {

using namespace std::chrono_literals;

TEST(Tai64n, WritesALabelAsTai64Defines) {
  // 1 s after the epoch: TAI label 2^62 + 10 + 1, big-endian.
  const auto stamp = Tai64n::from({1s});
  EXPECT_TRUE(std::ranges::equal(stamp.bytes, test::unhex("400000000000000b00000000")));
}

TEST(Tai64n, HidesTheLowBitsOfTheClock) {
  EXPECT_EQ(Tai64n::from({1s}), Tai64n::from({1s + 16'777'215ns}));
  EXPECT_LT(Tai64n::from({1s}), Tai64n::from({1s + 16'777'216ns}));
  for (const auto time : {1s + 123'456'789ns, 1s + 999'999'999ns}) {
    EXPECT_EQ(load_be32(Tai64n::from({time}).bytes.data() + 8) % (1 << 24), 0u);
  }
}

TEST(Tai64n, ComparesAsTimeDoes) {
  EXPECT_LT(Tai64n::from({254s}), Tai64n::from({255s}));
  EXPECT_LT(Tai64n::from({255s + 999'999'999ns}), Tai64n::from({256s}));
  EXPECT_LT(Tai64n{}, Tai64n::from({0s}));
}

TEST(Tai64n, TakesAClockBefore1970ForOneThatWasNeverSet) {
  EXPECT_EQ(Tai64n::from({-5s}), Tai64n::from({0s}));
}

TEST(TimestampSource, RisesWhileTheClockStandsStillOrGoesBack) {
  TimestampSource source{Tai64n{}};
  auto last = source.next({1000s + 990ms});
  for (const auto now : {1000s + 990ms, 1000s + 990ms, 999s + 0ms, 1s + 0ms, -1s + 0ms, 1000s + 991ms}) {
    const auto next = source.next({now});
    EXPECT_LT(last, next);
    EXPECT_LT(load_be32(next.bytes.data() + 8), 1'000'000'000u);
    last = next;
  }
}

TEST(TimestampSource, GoesOnFromTheOneSentInAnEarlierLife) {
  const auto before = Tai64n::from({5000s});
  TimestampSource source{before};
  EXPECT_GT(source.next({10s}), before);
}

TEST(TimestampSource, RisesAboveAnyLabelOfAnEarlierLife) {
  for (const auto* last : {"7fffffffffffffff3b000000", "400000025d0c1b7c38000000", "400000000000000affffffff"}) {
    Tai64n before;
    std::ranges::copy(test::unhex(last), before.bytes.begin());
    TimestampSource source{before};
    const auto first = source.next({-1s});
    EXPECT_GT(first, before) << last;
    EXPECT_GT(source.next({-1s}), first) << last;
    EXPECT_LT(load_be32(first.bytes.data() + 8), 1'000'000'000u) << last;
  }
}

TEST(Tai64n, BecomesTheNearestTimeThatCanBeTold) {
  Tai64n far;
  far.bytes.fill(0x7f);
  EXPECT_GT(far.to_wall_time().since_epoch, std::chrono::hours(24 * 365 * 200));
  EXPECT_EQ(Tai64n{}.to_wall_time(), WallTime{});
  EXPECT_EQ(Tai64n::from({5000s}).to_wall_time(), WallTime{5000s});
}

TEST(Tai64n, IsLaterByAnyTimeAndNeverBeyondTheLastLabel) {
  EXPECT_EQ(Tai64n::from({5000s}).later_by(60s), Tai64n::from({5060s}));
  Tai64n last;
  last.bytes.fill(0xff);
  EXPECT_EQ(last.later_by(60s), last);
  Tai64n far;  // beyond all time that a Duration can hold
  far.bytes.fill(0x7f);
  EXPECT_GT(far.later_by(60s), far);
}

TEST(TimestampSource, FollowsTheClockAgainOnceItIsAhead) {
  TimestampSource source{Tai64n::from({5000s})};
  source.next({10s});
  EXPECT_EQ(source.next({6000s}), Tai64n::from({6000s}));
}

}  // namespace
}  // namespace adit::noise
