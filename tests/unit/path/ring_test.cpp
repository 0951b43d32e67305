// SPDX-License-Identifier: MIT
#include "path/ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <deque>
#include <mutex>
#include <numeric>
#include <random>
#include <semaphore>
#include <stdexcept>

#include "path/crew.h"

namespace adit::path {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Slot {
  int number = 0;
  int worked = 0;
  int ended = 0;
};

const HandOverPoint kNoPoint;

class RingTest : public ::testing::Test {
 protected:
  RingTest() {
    for (int i = 0; i < 8; ++i) slots_[i].number = i;
  }
  void publish(int count) {
    for (int i = 0; i < count; ++i) ring_.publish(slots_[i]);
  }
  bool work() {
    return ring_.work([this](Slot& slot) {
      ++slot.worked;
      worked_.push_back(slot.number);
    });
  }
  void finish(int room = 100) {
    ring_.finish([&](const Slot& slot) {
      if (static_cast<int>(ended_.size()) >= room) return false;
      ended_.push_back(slot.number);
      return true;
    });
  }
  std::vector<int> collect() {
    std::vector<int> numbers;
    ring_.collect([&](const Slot& slot, bool failed) { numbers.push_back(failed ? -slot.number : slot.number); });
    return numbers;
  }

  Ring<Slot> ring_{kNoPoint};
  std::array<Slot, 8> slots_;
  std::vector<int> worked_;
  std::vector<int> ended_;
};

TEST_F(RingTest, SlotsAreTakenEndedAndCollectedInTheirOrder) {
  publish(3);
  EXPECT_EQ(ring_.waiting(), 3U);
  while (work()) finish();
  EXPECT_THAT(worked_, ElementsAre(0, 1, 2));
  EXPECT_THAT(ended_, ElementsAre(0, 1, 2));
  EXPECT_THAT(collect(), ElementsAre(0, 1, 2));
  EXPECT_EQ(ring_.in_flight(), 0U);
}

TEST_F(RingTest, OneThatIsSlowHoldsUpTheEndOfThoseBehindItButNotTheirWork) {
  publish(3);
  ring_.work([&](const Slot& first) {
    EXPECT_TRUE(work());
    EXPECT_TRUE(work());
    EXPECT_FALSE(work());
    finish();
    EXPECT_THAT(ended_, IsEmpty()) << first.number;
  });
  finish();
  EXPECT_THAT(ended_, ElementsAre(0, 1, 2));
}

TEST_F(RingTest, WhatCannotEndHoldsUpTheRestUntilItIsLetGo) {
  publish(4);
  while (work()) {
  }
  finish(1);
  EXPECT_TRUE(ring_.held());
  EXPECT_THAT(collect(), ElementsAre(0));
  finish();
  EXPECT_THAT(ended_, ElementsAre(0)) << "nobody has let go";
  ring_.let_go();
  finish();
  EXPECT_THAT(ended_, ElementsAre(0, 1, 2, 3));
}

TEST_F(RingTest, WhoFindsSomebodyFinishingLeaves) {
  publish(3);
  work();
  ring_.finish([&](const Slot& slot) {
    while (work()) {
    }
    finish();  // as another thread would
    ended_.push_back(slot.number);
    return true;
  });
  EXPECT_THAT(ended_, ElementsAre(0, 1, 2)) << "the one at it sees what has come to be done meanwhile";
}

TEST_F(RingTest, OneWhoseWorkFailsIsNotEndedAndHoldsUpNobody) {
  publish(3);
  EXPECT_THROW(ring_.work([](Slot&) { throw std::runtime_error("no memory"); }), std::runtime_error);
  while (work()) finish();
  EXPECT_THAT(ended_, ElementsAre(1, 2));
  ring_.let_go();
  ring_.publish(slots_[4]);
  work();
  EXPECT_THROW(ring_.finish([](Slot&) -> bool { throw std::runtime_error("no memory"); }), std::runtime_error);
  finish();
  EXPECT_THAT(ended_, ElementsAre(1, 2));
  EXPECT_THAT(collect(), ElementsAre(0, 1, 2, -4));
}

TEST_F(RingTest, ItGoesRoundAndRound) {
  for (std::uint64_t i = 0; i < 10 * Ring<Slot>::kPlaces; ++i) {
    publish(8);
    while (work()) finish(1'000'000);
    EXPECT_EQ(collect().size(), 8U);
  }
}

/// Each slot is worked on once and ended once, in order, whatever the threads do between two steps.
TEST(Crew, HowManyAndHoweverTheyAreShakenTheOrderStays) {
  for (const std::size_t helpers : {1U, 3U}) {
    for (std::uint32_t seed = 1; seed <= 3; ++seed) {
      const HandOverPoint shake = [seed] {
        thread_local std::minstd_rand random(seed);
        for (auto yields = random() % 3; yields > 0; --yields) std::this_thread::yield();
      };
      Ring<Slot> ring(shake);
      std::vector<int> ended;  // no lock: one at a time ends slots
      const auto end = [&](Slot& slot) {
        ++slot.ended;
        ended.push_back(slot.number);
        return slot.number % 50 != 49 || slot.ended > 1;  // sometimes there is no room
      };
      const auto job = [&] {
        if (!ring.work([](Slot& slot) { ++slot.worked; })) return false;
        ring.finish(end);
        return true;
      };
      Crew crew(job);
      crew.start(helpers);
      ASSERT_EQ(crew.size(), helpers);

      constexpr int kSlots = 100;
      std::deque<Slot> slots(kSlots);
      std::vector<int> collected;
      for (int next = 0; collected.size() < kSlots;) {
        if (next < kSlots && ring.in_flight() < 10) {
          slots[next].number = next;
          ring.publish(slots[next++]);
          crew.call();
        } else if (next % 3 == 0) {
          job();
        }
        if (ring.held()) {
          ring.let_go();
          ring.finish(end);
        }
        ring.collect([&](const Slot& slot, bool) { collected.push_back(slot.number); });
        // Sleeps, and is woken: by a helper, or by itself when it need not sleep.
        if (ring.in_flight() == 10 || next == kSlots) {
          crew.expect_news();
          if (ring.has_finished() || ring.held() || ring.waiting() > 0 || ring.in_flight() == 0) crew.ring();
          pollfd bell{.fd = crew.fd(), .events = POLLIN, .revents = 0};
          EXPECT_EQ(poll(&bell, 1, 60'000), 1) << "nobody woke the owner";
          crew.heard();
        }
      }
      std::vector<int> in_order(kSlots);
      std::iota(in_order.begin(), in_order.end(), 0);
      EXPECT_EQ(collected, in_order);
      ended.erase(std::unique(ended.begin(), ended.end()), ended.end());
      EXPECT_EQ(ended, in_order);
      for (const auto& slot : slots) EXPECT_EQ(slot.worked, 1);
    }
  }
}

TEST(Crew, OneThatIsHeldUpHoldsUpItsOwnSlotOnly) {
  Ring<Slot> ring(kNoPoint);
  std::binary_semaphore go_on(0);
  std::binary_semaphore started(0);
  std::vector<int> ended;
  const auto end = [&](const Slot& slot) {
    ended.push_back(slot.number);
    return true;
  };
  const auto work = [&] {
    const bool worked = ring.work([&](Slot& slot) {
      if (slot.number != 0) return;
      started.release();
      go_on.acquire();
    });
    ring.finish(end);
    return worked;
  };
  std::array<Slot, 4> slots{Slot{0}, Slot{1}, Slot{2}, Slot{3}};
  Crew crew(work);
  crew.start(1);
  ring.publish(slots[0]);
  crew.call();
  started.acquire();
  for (int i = 1; i < 4; ++i) ring.publish(slots[i]);
  while (work()) {
  }
  EXPECT_EQ(ring.waiting(), 0U);
  EXPECT_THAT(ended, IsEmpty());
  go_on.release();
  crew.stop();
  EXPECT_THAT(ended, ElementsAre(0, 1, 2, 3));
}

TEST(Crew, WhatAHelperThrowsTheOwnerGets) {
  std::atomic<int> left = 3;
  Crew crew([&left] {
    if (left == 0) return false;
    --left;
    left.notify_all();
    throw std::runtime_error("no memory");
  });
  crew.rethrow();
  crew.expect_news();  // whoever starts looks for work at once
  crew.start(1);
  pollfd bell{.fd = crew.fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&bell, 1, 60'000), 1);
  EXPECT_THROW(crew.rethrow(), std::runtime_error);
  for (auto seen = left.load(); seen > 0; seen = left.load()) left.wait(seen);  // it goes on
}

TEST(Crew, HelpersThatHaveNothingToDoSleepAndEndWhenTold) {
  std::atomic<int> looked = 0;
  Crew crew([&looked] {
    ++looked;
    looked.notify_all();
    return false;
  });
  crew.start(3);
  for (auto seen = looked.load(); seen < 3; seen = looked.load()) looked.wait(seen);
  crew.call();
  for (auto seen = looked.load(); seen < 4; seen = looked.load()) looked.wait(seen);
  crew.stop();
  EXPECT_EQ(crew.size(), 0U);
  EXPECT_LE(looked, 6) << "once more each, of those that had not fallen asleep yet";
  crew.start(1);
  EXPECT_EQ(crew.size(), 1U);
}

}  // namespace
}  // namespace adit::path
