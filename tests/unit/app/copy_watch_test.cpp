// SPDX-License-Identifier: MIT
#include "app/copy_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace adit::app {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct CopyWatchTest : ::testing::Test {
  net::EventLoop loop;
  Duration suspended = 5h;  // before we were started
  std::vector<std::string> noticed;
  CopyWatch watch{loop, [this] { return suspended; }, [this](std::string_view why) { noticed.emplace_back(why); }};
};

TEST_F(CopyWatchTest, ASuspendIsNoticedOnceInTheFirstTurnAfterIt) {
  watch.turn();
  EXPECT_THAT(noticed, IsEmpty());
  suspended += 800ms;
  watch.turn();
  watch.turn();
  EXPECT_THAT(noticed, ElementsAre("this host was suspended"));
  suspended += 2h;
  watch.turn();
  EXPECT_EQ(noticed.size(), 2U);
}

TEST_F(CopyWatchTest, ClocksThatAreNotReadAtOneMomentAreNoSuspend) {
  for (const auto noise : {3ms, -3ms, 20ms, 0ms}) {
    suspended = 5h + noise;
    watch.turn();
  }
  EXPECT_THAT(noticed, IsEmpty());
}

TEST_F(CopyWatchTest, ASuspendBetweenTwoRunsIsNoticedInTheFirstTurn) {
  const auto notice = [this](std::string_view why) { noticed.emplace_back(why); };
  CopyWatch same(loop, [this] { return suspended; }, notice, suspended - 20ms);
  same.turn();
  EXPECT_THAT(noticed, IsEmpty());
  CopyWatch since(loop, [this] { return suspended; }, notice, suspended - 800ms);
  EXPECT_EQ(since.seen(), suspended - 800ms);
  since.turn();
  since.turn();
  EXPECT_THAT(noticed, ElementsAre("this host was suspended"));
  EXPECT_EQ(since.seen(), suspended) << "what the run after this one is told";
}

}  // namespace
}  // namespace adit::app
