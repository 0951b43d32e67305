// SPDX-License-Identifier: MIT
#include "noise/replay_window.h"

#include <gtest/gtest.h>

#include <set>

#include "noise/keypair.h"
#include "support.h"

namespace adit::noise {
namespace {

constexpr std::uint64_t kSize = ReplayWindow::kSize;

TEST(ReplayWindow, IsAtLeastAsLargeAsPromised) {
  EXPECT_GE(kSize, 8000u);
}

TEST(ReplayWindow, JudgesATableOfCounters) {
  ReplayWindow window;
  const struct {
    std::uint64_t counter;
    bool accepted;
  } table[] = {
      {0, true},
      {0, false},
      {1, true},
      {1, false},
      {9, true},
      {8, true},
      {7, true},
      {7, false},
      {kSize, true},
      {kSize - 1, true},
      {kSize - 1, false},
      {2, true},
      {1, false},
      {0, false},  // now one too old
      {kSize + 16, true},
      {3, false},
      {kSize + 16, false},
      {kSize + 15, true},
      {17, true},
      {17, false},
      {16, false},
      {10 * kSize, true},
      {10 * kSize - kSize + 1, true},
      {10 * kSize - kSize, false},
      {9 * kSize + 2, true},
      {REJECT_AFTER_MESSAGES - 1, true},
      {REJECT_AFTER_MESSAGES - 1, false},
      {REJECT_AFTER_MESSAGES - kSize, true},
      {REJECT_AFTER_MESSAGES - kSize, false},
      {REJECT_AFTER_MESSAGES - kSize - 1, false},
      {0, false},
  };
  for (const auto& row : table) EXPECT_EQ(window.accept(row.counter), row.accepted) << row.counter;
}

TEST(ReplayWindow, TellsCountersApartThatDifferByTwoToThe32) {
  ReplayWindow window;
  EXPECT_TRUE(window.accept(5));
  EXPECT_TRUE(window.accept(5 + (std::uint64_t{1} << 32)));
  EXPECT_FALSE(window.accept(5 + (std::uint64_t{1} << 32)));
}

TEST(ReplayWindow, AgreesWithASetThatForgetsNothing) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    test::SeededRandom random(seed);
    ReplayWindow window;
    std::set<std::uint64_t> seen;
    std::uint64_t base = 0;
    std::uint64_t highest = 0;
    for (int i = 0; i < 3000; ++i) {
      base += random.below(random.chance(0.02) ? 3 * kSize : 60);
      const auto back = random.below(random.chance(0.2) ? 2 * kSize : 200);
      const auto counter = base > back ? base - back : base;
      const bool too_old = counter + kSize <= highest;
      const bool expected = !too_old && seen.insert(counter).second;
      ASSERT_EQ(window.accept(counter), expected) << "seed " << seed << " counter " << counter;
      highest = std::max(highest, counter);
    }
  }
}

TEST(CounterSource, GivesEachCounterOnceAndNoneFromTheLimitOn) {
  CounterSource source(REJECT_AFTER_MESSAGES - 5);
  EXPECT_EQ(source.take(2), REJECT_AFTER_MESSAGES - 5);
  EXPECT_EQ(source.take(4), std::nullopt);
  EXPECT_EQ(source.take(3), REJECT_AFTER_MESSAGES - 3);
  EXPECT_EQ(source.take(1), std::nullopt);
}

TEST(CounterSource, IsUselessAfterItWasMovedFrom) {
  CounterSource source;
  EXPECT_EQ(source.take(1), 0u);
  CounterSource heir(std::move(source));
  EXPECT_EQ(source.take(1), std::nullopt);  // NOLINT(bugprone-use-after-move): that is the point
  EXPECT_EQ(heir.take(1), 1u);
}

TEST(CounterSource, PassesFourBillionWithoutWrapping) {
  CounterSource source(0xFFFFFFFFu);
  EXPECT_EQ(source.take(1), 0xFFFFFFFFu);
  EXPECT_EQ(source.take(1), 0x100000000u);
}

}  // namespace
}  // namespace adit::noise
