// SPDX-License-Identifier: MIT
#include "control/history.h"

#include <gtest/gtest.h>

namespace adit::control {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;

constexpr Instant kStart = Instant{} + 1000s;

/// Counters that have grown by so much.
tunnel::Status grown(tunnel::Status status, std::uint64_t sent, std::uint64_t received) {
  status.sent.packets += 1;
  status.sent.bytes += sent;
  status.received.packets += 1;
  status.received.bytes += received;
  return status;
}

TEST(History, BeginsEmptyAndDoesNotCountWhatWasBefore) {
  const auto before = grown({}, 5000, 5000);
  History history(before, kStart);
  history.note(before, kStart + 500ms);
  EXPECT_TRUE(history.recent(kStart + 900ms).empty());
  const auto amounts = history.recent(kStart + 1s);
  ASSERT_EQ(amounts.size(), 1);
  EXPECT_EQ(amounts[0].sent.bytes, 0);
}

TEST(History, CountsInTheSecondInWhichItHappened) {
  History history({}, kStart);
  auto status = grown({}, 100, 7);
  history.note(status, kStart + 100ms);
  status = grown(status, 50, 0);
  history.note(status, kStart + 900ms);
  status = grown(status, 1, 2);
  history.note(status, kStart + 1s);
  const auto amounts = history.recent(kStart + 2s);
  ASSERT_EQ(amounts.size(), 2);
  EXPECT_EQ(amounts[0].sent.bytes, 150);
  EXPECT_EQ(amounts[0].sent.packets, 2);
  EXPECT_EQ(amounts[0].received.bytes, 7);
  EXPECT_EQ(amounts[1].sent.bytes, 1);
  EXPECT_EQ(amounts[1].received.bytes, 2);
}

TEST(History, SecondsWithoutACallAreSecondsWithoutPackets) {
  History history({}, kStart);
  const auto status = grown({}, 100, 100);
  history.note(status, kStart);
  history.note(grown(status, 9, 9), kStart + 4s);
  const auto amounts = history.recent(kStart + 5s);
  ASSERT_EQ(amounts.size(), 5);
  EXPECT_EQ(amounts[0].sent.bytes, 100);
  for (const auto quiet : {1, 2, 3}) EXPECT_EQ(amounts[quiet].sent.bytes, 0);
  EXPECT_EQ(amounts[4].sent.bytes, 9);
}

TEST(History, ForgetsWhatIsTooLongAgo) {
  History history({}, kStart);
  tunnel::Status status;
  for (int second = 0; second < 1000; ++second) {
    status = grown(status, static_cast<std::uint64_t>(second), 0);
    history.note(status, kStart + std::chrono::seconds(second));
  }
  const auto amounts = history.recent(kStart + 999s);
  ASSERT_EQ(amounts.size(), History::kIntervals - 1);
  EXPECT_EQ(amounts.back().sent.bytes, 998);
  EXPECT_EQ(amounts.front().sent.bytes, 1000 - History::kIntervals);

  for (const auto& amount : history.recent(kStart + 5000s)) EXPECT_EQ(amount.sent.bytes, 0);
}

TEST(History, GoesOnWithAnotherTunnelsCounters) {
  History history({}, kStart);
  history.note(grown({}, 1000, 1000), kStart);
  history.restart({});
  history.note(grown({}, 5, 5), kStart);
  EXPECT_EQ(history.recent(kStart + 1s)[0].sent.bytes, 1005);
}

}  // namespace
}  // namespace adit::control
