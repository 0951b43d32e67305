// SPDX-License-Identifier: MIT
#include "net/signals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace adit::net {
namespace {

using namespace std::chrono_literals;

bool is_blocked(int signal) {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return sigismember(&mask, signal) == 1;
}

TEST(SignalWatch, TurnsSignalsIntoEvents) {
  EventLoop loop;
  std::vector<int> seen;
  const SignalWatch signals(loop, [&](int signal) { seen.push_back(signal); });
  raise(SIGTERM);
  raise(SIGHUP);
  raise(SIGINT);
  EXPECT_TRUE(seen.empty());
  while (loop.run_once(0ms)) continue;
  std::ranges::sort(seen);
  EXPECT_EQ(seen, (std::vector<int>{SIGHUP, SIGINT, SIGTERM}));
}

TEST(SignalWatch, RestoresTheMaskItFound) {
  ASSERT_FALSE(is_blocked(SIGUSR1));
  EventLoop loop;
  {
    const SignalWatch signals(loop, [](int) {}, {SIGUSR1});
    EXPECT_TRUE(is_blocked(SIGUSR1));
    EXPECT_FALSE(is_blocked(SIGTERM));
  }
  EXPECT_FALSE(is_blocked(SIGUSR1));
}

TEST(SignalWatch, MayBeDestroyedByItsOwnCallback) {
  EventLoop loop;
  std::optional<SignalWatch> signals;
  int calls = 0;
  signals.emplace(loop, [&](int) { ++calls, signals.reset(); }, std::vector{SIGUSR1});
  raise(SIGUSR1);
  EXPECT_TRUE(loop.run_once(0ms));
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(signals);
}

}  // namespace
}  // namespace adit::net
