// SPDX-License-Identifier: MIT
// The search over simulated ways: narrow ones, lossy ones, ones that change under way.
#include "link/path_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "support.h"

namespace adit::link {
namespace {

using adit::test::SeededRandom;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;
using State = PathSearch::State;

constexpr std::uint32_t kOverhead = 60;
constexpr std::uint32_t kSmallest = 44;
constexpr PathSearch::Bounds kEthernet{.top = 1440, .overhead = kOverhead, .smallest = kSmallest};

/// A way, and the peer at its end.
struct Way {
  std::uint32_t widest = 1440;  ///< inner size
  double loss = 0;              ///< of questions, and of answers
  Duration round_trip = 20ms;
  bool answers = true;
  bool dead = false;
};

class Simulation : public testing::Test {
 protected:
  explicit Simulation(std::uint64_t seed = 1) : random(seed) {}

  void begin(PathSearch::Bounds bounds = kEthernet) { search.begin(bounds, now); }

  /// As the shell does it: at its deadlines, when answers come, and when data passes.
  void run(Duration time) {
    for (const auto end = now + time; now < end;) {
      auto next = std::min(end, search.deadline(now, idle_interval));
      if (!answers.empty()) next = std::min(next, answers.begin()->first);
      if (traffic) next = std::min(next, std::max(sent_at + traffic_interval, now));
      now = std::max(next, now);
      if (traffic && now - sent_at >= traffic_interval) {
        sent_at = now;
        if (now >= search.data_due() || now - noted_at > 5s) {
          noted_at = now;
          search.note_data(large, now);
        }
      }
      while (!answers.empty() && answers.begin()->first <= now) {
        const auto [size, asked] = answers.begin()->second;
        answers.erase(answers.begin());
        search.answered(size, now - asked, now);
      }
      ask();
    }
  }
  void ask() {
    const auto sizes = search.tick(now, idle_interval);
    for (const auto size : sizes) {
      questions += 1;
      asked_at.push_back(now);
      if (blocked) {
        search.put_off(now);
        return;
      }
      if (size > device) {
        search.refused(size, now);
      } else if (way.answers && !way.dead && size <= way.widest && !random.chance(way.loss) &&
                 !random.chance(way.loss)) {
        answers.emplace(now + way.round_trip, std::pair(size, now));
      }
    }
    if (device == 65'535) {
      EXPECT_GT(search.deadline(now, idle_interval), now) << "a deadline that stays due would spin the loop";
    }
  }
  /// Seconds until the size is as `done` wants it, at most `limit`.
  template <class Done>
  double seconds_until(Done done, Duration limit) {
    const auto begun = now;
    while (!done() && now - begun < limit) run(50ms);
    return std::chrono::duration<double>(now - begun).count();
  }

  SeededRandom random;
  PathSearch search;
  Way way;
  Instant now{100'000s};
  std::optional<Duration> idle_interval = 25s;
  bool traffic = true;
  bool large = true;
  Duration traffic_interval = 100ms;
  bool blocked = false;
  std::uint32_t device = 65'535;
  std::size_t questions = 0;
  std::vector<Instant> asked_at;

 private:
  Instant sent_at{};
  Instant noted_at{};
  std::multimap<Instant, std::pair<std::uint32_t, Instant>> answers;
};

TEST_F(Simulation, AWayAsWideAsItsRouteTakesOneQuestion) {
  traffic = false;
  begin();
  EXPECT_EQ(search.size(), 1440U) << "what the route allows, until more is known";
  EXPECT_EQ(search.state(), State::searching);
  run(1s);
  EXPECT_EQ(search.size(), 1440U);
  EXPECT_EQ(search.state(), State::working);
  EXPECT_EQ(questions, 1U);
  run(1h);
  EXPECT_EQ(questions, 1U) << "an idle link is left in peace";
}

TEST_F(Simulation, SmallPacketsAreNoReasonToAskAgain) {
  large = false;
  begin();
  run(1h);
  EXPECT_EQ(questions, 1U);
}

TEST_F(Simulation, LargeOnesAreEveryNowAndThen) {
  begin();
  run(100s);
  EXPECT_GT(questions, 40U);
  EXPECT_LT(questions, 60U);
}

TEST_F(Simulation, FindsHowWideANarrowWayIs) {
  for (const std::uint32_t widest : {1432, 1420, 1394, 1300, 1280, 1220, 1200, 1000, 520, 100}) {
    way.widest = widest;
    begin();
    run(60s);
    EXPECT_EQ(search.state(), State::working) << widest;
    EXPECT_LE(search.size(), widest);
    EXPECT_GT(search.size() + PathSearch::kGranularity, widest) << widest;
  }
}

TEST_F(Simulation, FindsTheUsualWidthsExactly) {
  for (const std::uint32_t outer : {1280, 1400, 1480, 1492}) {
    way.widest = outer - kOverhead;
    begin();
    run(60s);
    EXPECT_EQ(search.size(), way.widest);
  }
}

TEST_F(Simulation, JumboFramesAreFoundAndSoIsTheirAbsence) {
  const PathSearch::Bounds jumbo{.top = 8940, .overhead = kOverhead, .smallest = kSmallest};
  way.widest = 8940;
  begin(jumbo);
  run(10s);
  EXPECT_EQ(search.size(), 8940U);
  way.widest = 1440;
  EXPECT_LT(seconds_until([&] { return search.size() == 1440; }, 60s), 6.0);
}

TEST_F(Simulation, AWayThatNarrowsWithoutAWordIsNoticedWithinSeconds) {
  begin();
  run(61s);
  way.widest = 1220;
  EXPECT_LT(seconds_until([&] { return search.size() <= 1220; }, 60s), 6.0);
  EXPECT_EQ(search.size(), 1220U);
}

TEST_F(Simulation, TriesMoreEveryTenMinutes) {
  way.widest = 1300;
  begin();
  run(60s);
  EXPECT_LE(search.size(), 1300U);
  way.widest = 1440;
  run(5min);
  EXPECT_LE(search.size(), 1300U);
  run(6min);
  EXPECT_EQ(search.size(), 1440U);
}

TEST_F(Simulation, KeepsWhatItHasWhereTryingMoreIsInVain) {
  way.widest = 1220;
  begin();
  run(60s);
  std::uint32_t least = 65'535;
  for (int i = 0; i < 3600; ++i) {
    run(1s);
    least = std::min(least, search.size());
  }
  EXPECT_EQ(least, 1220U);
  EXPECT_EQ(search.size(), 1220U);
}

TEST_F(Simulation, APeerThatAnswersNothingLeavesTheRouteItsSay) {
  way.answers = false;
  begin();
  run(10s);
  EXPECT_EQ(search.state(), State::unanswered);
  EXPECT_EQ(search.size(), 1440U);
  const auto so_far = questions;
  run(5min);
  EXPECT_EQ(questions, so_far) << "nothing more, for now";
  way.answers = true;
  run(6min);
  EXPECT_EQ(search.state(), State::working);
}

TEST_F(Simulation, ADeadWayTeachesNothing) {
  begin();
  run(10s);
  way.dead = true;
  const auto before = questions;
  run(10min);
  EXPECT_EQ(search.size(), 1440U);
  EXPECT_LT(questions - before, 300U);
  way.dead = false;
  run(60s);
  EXPECT_EQ(search.size(), 1440U);
  way.dead = true;
  run(1min);
  way.dead = false;
  way.widest = 1220;
  EXPECT_LT(seconds_until([&] { return search.size() == 1220; }, 5min), 45.0);
}

TEST_F(Simulation, AnAnswerOfBeforeTheWayDiedTeachesNothing) {
  for (int i = 0; i <= 40; ++i) {
    SCOPED_TRACE(i);
    way = {};
    begin();
    run(10s);
    way.widest = 100;
    run(i * 50ms);
    way.dead = true;
    for (int second = 0; second < 120; ++second) {
      run(1s);
      ASSERT_EQ(search.size(), 1440U);
    }
    way = {};
    run(60s);
    ASSERT_EQ(search.state(), State::working);
    ASSERT_EQ(search.size(), 1440U);
  }
}

TEST_F(Simulation, StepsOnTheWayAreToldFromWhatTheyLeadTo) {
  for (const std::uint32_t widest : {1220, 1000, 700, 100}) {
    SCOPED_TRACE(widest);
    way.widest = 1440;
    begin();
    run(10s);
    EXPECT_TRUE(search.sure());
    way.widest = widest;
    const auto sure = [&] { return search.size() <= widest && search.sure(); };
    EXPECT_LT(seconds_until(sure, 60s), widest == 1220 ? 6.0 : 30.0);
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(!search.sure() || search.size() + PathSearch::kNear >= widest) << search.size();
      run(100ms);
    }
    run(30s);
    EXPECT_TRUE(search.sure());
  }
}

TEST_F(Simulation, WhatTheKernelSaysIsBelievedAtOnce) {
  begin();
  run(10s);
  search.limit({.top = 1340, .overhead = kOverhead, .smallest = kSmallest}, now);
  EXPECT_EQ(search.size(), 1340U);
  run(1s);
  EXPECT_EQ(search.size(), 1340U);
  search.limit(kEthernet, now);
  EXPECT_EQ(search.size(), 1340U) << "until it has been seen to pass";
  run(1s);
  EXPECT_EQ(search.size(), 1440U);
}

TEST_F(Simulation, WithoutAnswersTheRouteIsFollowedBothWays) {
  way.answers = false;
  begin();
  run(10s);
  search.limit({.top = 1340, .overhead = kOverhead, .smallest = kSmallest}, now);
  EXPECT_EQ(search.size(), 1340U);
  run(10s);
  search.limit(kEthernet, now);
  EXPECT_EQ(search.size(), 1440U);
  run(10s);
  EXPECT_EQ(search.state(), State::unanswered);
}

TEST_F(Simulation, WhatOurOwnKernelRefusesIsTooLarge) {
  device = 1340;
  way.widest = 1340;
  begin();
  run(30s);
  EXPECT_EQ(search.state(), State::working);
  EXPECT_LE(search.size(), 1340U);
  EXPECT_GT(search.size(), 1340U - PathSearch::kGranularity);
}

TEST_F(Simulation, AQuestionThatCouldNotBeAskedIsNotALostOne) {
  begin();
  run(1s);
  blocked = true;
  run(60s);
  EXPECT_EQ(search.size(), 1440U);
  EXPECT_LT(questions, 700U);
  blocked = false;
  run(5s);
  EXPECT_EQ(search.state(), State::working);
  EXPECT_EQ(search.size(), 1440U);
}

TEST_F(Simulation, AnIdleLinkIsAskedOnceAKeepaliveIntervalAtMost) {
  traffic = false;
  for (const std::uint32_t widest : {1440, 1300, 1220, 100}) {
    way.widest = widest;
    asked_at.clear();
    begin();
    run(30min);
    for (std::size_t i = 1; i < asked_at.size(); ++i) EXPECT_GE(asked_at[i] - asked_at[i - 1], 25s) << widest;
    way.answers = widest != 1300;
  }
  idle_interval.reset();
  begin();
  asked_at.clear();
  run(1h);
  EXPECT_TRUE(asked_at.empty());
}

TEST_F(Simulation, AQuestionThatWasDueWhileTheHostSleptDoesNotStayDue) {
  for (const auto& interval : {std::optional<Duration>(25s), std::optional<Duration>()}) {
    idle_interval = interval;
    way.answers = false;
    begin();
    run(2500ms);
    now += 15s;  // suspended in the middle of a trial, and the link is idle by now
    ask();
    EXPECT_GT(search.deadline(now, idle_interval), now);
  }
}

TEST_F(Simulation, AnIdleLinkOverABlackHoleIsPutRightWhenItIsUsed) {
  traffic = false;
  way.widest = 1220;
  begin();
  run(10min);
  traffic = true;
  EXPECT_LT(seconds_until([&] { return search.size() == 1220; }, 60s), 8.0);
}

TEST_F(Simulation, LongRoundTripsAreGivenTheirTime) {
  way.round_trip = 2500ms;
  begin();
  run(30s);
  EXPECT_EQ(search.state(), State::working);
  std::uint32_t least = 65'535;
  for (int i = 0; i < 600; ++i) {
    run(1s);
    least = std::min(least, search.size());
  }
  EXPECT_EQ(least, 1440U);
  way.widest = 1220;
  EXPECT_LT(seconds_until([&] { return search.size() == 1220; }, 5min), 40.0);
}

struct Seeded : Simulation, testing::WithParamInterface<int> {
  Seeded() : Simulation(static_cast<std::uint64_t>(GetParam())) {}
};

/// Whatever is lost, and wherever it narrows, the size comes to what passes and stays there.
TEST_P(Seeded, ALossyWayIsFoundAllTheSame) {
  int wrong = 0;
  for (int i = 0; i < 100; ++i) {
    way.loss = 0.01 * static_cast<double>(random.below(10));
    way.widest = 300 + static_cast<std::uint32_t>(random.below(1141));
    way.round_trip = 1ms * static_cast<int>(1 + random.below(400));
    begin();
    run(3min);
    EXPECT_EQ(search.state(), State::working);
    EXPECT_LE(search.size(), way.widest);
    const bool short_of_it = search.size() + PathSearch::kGranularity <= way.widest;
    EXPECT_FALSE(short_of_it && way.loss == 0);
    wrong += short_of_it ? 1 : 0;
    // It narrows while it is in use.
    way.widest = 200 + static_cast<std::uint32_t>(random.below(way.widest - 200));
    const auto limit = way.loss == 0 ? 12.0 : 40.0;
    EXPECT_LT(seconds_until([&] { return search.size() <= way.widest; }, 5min), limit) << way.loss << " " << way.widest;
  }
  // Once in a while all of the questions of one size are lost; ten minutes later there are others.
  EXPECT_LE(wrong, 15);
}

INSTANTIATE_TEST_SUITE_P(Ways, Seeded, testing::Range(1, 21));

}  // namespace
}  // namespace adit::link
