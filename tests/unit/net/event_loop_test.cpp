// SPDX-License-Identifier: MIT
#include "net/event_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <system_error>

#include "net/system.h"

namespace adit::net {
namespace {

using namespace std::chrono_literals;

struct Pipe {
  Pipe() {
    std::array<int, 2> fds{};
    if (pipe2(fds.data(), O_NONBLOCK | O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category());
    read_end.reset(fds[0]);
    write_end.reset(fds[1]);
  }
  void put() const { ASSERT_EQ(::write(write_end.get(), "x", 1), 1); }
  void take() const {
    char byte = 0;
    ASSERT_EQ(::read(read_end.get(), &byte, 1), 1);
  }
  FileDescriptor read_end;
  FileDescriptor write_end;
};

TEST(EventLoop, CallsAgainUntilTheDescriptorIsDrained) {
  EventLoop loop;
  const Pipe pipe;
  int calls = 0;
  const auto watch = loop.watch(pipe.read_end.get(), EPOLLIN, [&](std::uint32_t events) {
    EXPECT_EQ(events, EPOLLIN);
    if (++calls == 3) pipe.take();
  });
  pipe.put();
  while (loop.run_once(0ms)) continue;
  EXPECT_EQ(calls, 3);
}

TEST(EventLoop, ACallbackMayEndItsOwnWatch) {
  EventLoop loop;
  const Pipe pipe;
  int calls = 0;
  auto captured = std::make_shared<int>(7);
  Watch watch;
  watch = loop.watch(pipe.read_end.get(), EPOLLIN, [&, captured](std::uint32_t) {
    watch.reset();
    EXPECT_EQ(*captured, 7) << "the callback's own captures outlive it";
    ++calls;
  });
  pipe.put();
  EXPECT_TRUE(loop.run_once(0ms));
  EXPECT_FALSE(loop.run_once(0ms));
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(watch);
  EXPECT_EQ(captured.use_count(), 1);
}

TEST(EventLoop, AnEventOfTheSameTurnDoesNotReachAWatchEndedInIt) {
  EventLoop loop;
  const Pipe first;
  const Pipe second;
  first.put();
  second.put();
  int calls = 0;
  Watch a;
  Watch b;
  // Whichever comes first ends the other.
  a = loop.watch(first.read_end.get(), EPOLLIN, [&](std::uint32_t) { ++calls, b.reset(); });
  b = loop.watch(second.read_end.get(), EPOLLIN, [&](std::uint32_t) { ++calls, a.reset(); });
  EXPECT_TRUE(loop.run_once(0ms));
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, AnEventDoesNotReachTheNextOwnerOfItsDescriptor) {
  EventLoop loop;
  Pipe first;
  Pipe second;
  first.put();
  second.put();
  std::string calls;
  Watch a;
  Watch b;
  Watch reused;
  const Pipe quiet;
  const auto replace = [&](Pipe& pipe, Watch& watch) {
    const int number = pipe.read_end.get();
    watch.reset();
    pipe.read_end.reset();
    ASSERT_EQ(dup3(quiet.read_end.get(), number, O_CLOEXEC), number);
    pipe.read_end.reset(number);
    reused = loop.watch(number, EPOLLIN, [&](std::uint32_t) { calls += "reused"; });
  };
  a = loop.watch(first.read_end.get(), EPOLLIN, [&](std::uint32_t) { calls += "a", replace(second, b), a.reset(); });
  b = loop.watch(second.read_end.get(), EPOLLIN, [&](std::uint32_t) { calls += "b", replace(first, a), b.reset(); });
  EXPECT_TRUE(loop.run_once(0ms));
  EXPECT_FALSE(loop.run_once(0ms));
  EXPECT_TRUE(calls == "a" || calls == "b") << calls;
}

TEST(EventLoop, InterestCanBeChangedAlsoForEventsAlreadyFetched) {
  EventLoop loop;
  const Pipe first;
  const Pipe second;
  int calls = 0;
  Watch a;
  Watch b;
  a = loop.watch(first.read_end.get(), EPOLLIN, [&](std::uint32_t) { ++calls, b.set_events(0); });
  b = loop.watch(second.read_end.get(), EPOLLIN, [&](std::uint32_t) { ++calls, a.set_events(0); });
  first.put();
  second.put();
  EXPECT_TRUE(loop.run_once(0ms));
  EXPECT_EQ(calls, 1);
  a.set_events(EPOLLIN);
  b.set_events(0);
  first.take();
  EXPECT_FALSE(loop.run_once(0ms));
  b.set_events(EPOLLIN);
  EXPECT_TRUE(loop.run_once(0ms));
  EXPECT_EQ(calls, 2);
}

TEST(EventLoop, ReportsThatADescriptorCanBeWritten) {
  EventLoop loop;
  const Pipe pipe;
  std::uint32_t seen = 0;
  auto watch = loop.watch(pipe.write_end.get(), 0, [&](std::uint32_t events) { seen = events; });
  EXPECT_FALSE(loop.run_once(0ms));
  watch.set_events(EPOLLOUT);
  EXPECT_TRUE(loop.run_once(0ms));
  EXPECT_EQ(seen, EPOLLOUT);
}

TEST(EventLoop, TimeStandsStillWithinATurn) {
  EventLoop loop;
  const Pipe first;
  const Pipe second;
  first.put();
  second.put();
  std::vector<Instant> seen;
  const auto note = [&](std::uint32_t) {
    seen.push_back(loop.now());
    while (boot_now() == loop.now()) continue;  // the clock goes on meanwhile
  };
  const auto a = loop.watch(first.read_end.get(), EPOLLIN, note);
  const auto b = loop.watch(second.read_end.get(), EPOLLIN, note);
  loop.set_turn_end([&] { seen.push_back(loop.now()); });
  loop.run_once(0ms);
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_EQ(seen[0], seen[2]);
  loop.run_once(0ms);
  EXPECT_GT(seen[3], seen[0]);
  EXPECT_LE(loop.now(), boot_now()) << "it is boot time";
}

TEST(EventLoop, RunsUntilItIsStoppedAndCanRunAgain) {
  EventLoop loop;
  const Pipe pipe;
  pipe.put();
  int turns = 0;
  const auto watch = loop.watch(pipe.read_end.get(), EPOLLIN, [&](std::uint32_t) {
    if (++turns % 5 == 0) loop.stop();
  });
  loop.run();
  EXPECT_EQ(turns, 5);
  loop.run();
  EXPECT_EQ(turns, 10);
}

TEST(EventLoop, AMovedWatchStaysTheSameWatch) {
  EventLoop loop;
  const Pipe pipe;
  int calls = 0;
  std::optional<Watch> kept;
  {
    auto watch = loop.watch(pipe.read_end.get(), EPOLLIN, [&](std::uint32_t) { ++calls; });
    kept = std::move(watch);
  }
  pipe.put();
  EXPECT_TRUE(loop.run_once(0ms));
  EXPECT_EQ(calls, 1);
  kept.reset();
  EXPECT_FALSE(loop.run_once(0ms));
}

TEST(EventLoop, RefusesADescriptorThatIsNone) {
  EventLoop loop;
  EXPECT_THROW((void)loop.watch(-1, EPOLLIN, [](std::uint32_t) {}), std::system_error);
}

TEST(Timer, FiresOnceAndNeverBeforeItsDeadline) {
  EventLoop loop;
  int fired = 0;
  Timer timer(loop, [&] { ++fired; });
  const auto deadline = boot_now() + 5ms;
  timer.set(deadline);
  EXPECT_EQ(timer.deadline(), deadline);
  EXPECT_TRUE(loop.run_once());
  EXPECT_EQ(fired, 1);
  EXPECT_GE(loop.now(), deadline);
  EXPECT_FALSE(timer.deadline());
  EXPECT_FALSE(loop.run_once(0ms));
}

TEST(Timer, ADeadlineInThePastFiresInTheNextTurnAndNotWithinSet) {
  EventLoop loop;
  int fired = 0;
  Timer timer(loop, [&] { ++fired; });
  for (const auto deadline : {boot_now() - 1h, Instant{}, Instant{} - 1h}) {
    const int before = fired;
    timer.set(deadline);
    EXPECT_EQ(fired, before);
    EXPECT_TRUE(loop.run_once(10s));
    EXPECT_EQ(fired, before + 1);
  }
}

TEST(Timer, CanBeMovedAndDisarmedEvenWhenAlreadyDue) {
  EventLoop loop;
  int fired = 0;
  Timer timer(loop, [&] { ++fired; });
  timer.set(boot_now() - 1s);
  timer.set(std::nullopt);
  EXPECT_FALSE(loop.run_once(0ms));
  timer.set(boot_now() - 1s);
  timer.set(boot_now() + 1h);
  EXPECT_FALSE(loop.run_once(0ms));
  EXPECT_EQ(fired, 0);

  // Two due in one turn: the first to run takes the other's turn away.
  std::optional<Timer> a;
  std::optional<Timer> b;
  a.emplace(loop, [&] { ++fired, b->set(boot_now() + 1h); });
  b.emplace(loop, [&] { ++fired, a->set(boot_now() + 1h); });
  a->set(Instant{});
  b->set(Instant{});
  EXPECT_TRUE(loop.run_once(10s));  // a slow processor's timers are late
  EXPECT_FALSE(loop.run_once(0ms));
  EXPECT_EQ(fired, 1);
}

TEST(Timer, MayBeSetAgainOrDestroyedByItsOwnCallback) {
  EventLoop loop;
  int fired = 0;
  std::optional<Timer> timer;
  timer.emplace(loop, [&] {
    if (++fired < 3) {
      timer->set(loop.now());
    } else {
      timer.reset();
    }
  });
  timer->set(loop.now());
  while (loop.run_once(timer ? std::optional<Duration>(10s) : 0ms)) continue;
  EXPECT_EQ(fired, 3);
  EXPECT_FALSE(timer);
}

}  // namespace
}  // namespace adit::net
