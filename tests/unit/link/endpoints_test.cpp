// SPDX-License-Identifier: MIT
#include "link/endpoints.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adit::link {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""min;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Endpoint at(const std::string& text) {
  return Endpoint::parse(text).value();
}

const Endpoint kFirst = at("192.0.2.1:51820");
const Endpoint kSecond = at("192.0.2.2:51820");
const Endpoint kThird = at("[2001:db8::3]:51820");
const Endpoint kFourth = at("[2001:db8::4]:51820");
const Endpoint kElsewhere = at("198.51.100.9:40000");
const Endpoints::Line kNobody{};

Endpoints::Line silent(const Endpoint& remote, std::uint32_t attempts = 1) {
  return {.remote = remote, .attempts = attempts};
}
Endpoints::Line alive(const Endpoint& remote) {
  return {.remote = remote, .alive = true, .heard = true};
}
/// In use, and called since it has not been heard for a while.
Endpoints::Line doubtful(const Endpoint& remote) {
  return {.remote = remote, .alive = true, .attempts = 1};
}

/// Endpoints and a clock.
struct Under {
  explicit Under(std::size_t names, std::optional<Endpoint> remembered = std::nullopt) : all(names, remembered) {}

  std::optional<Endpoint> resolve(std::size_t name, std::vector<Endpoint> addresses, const Endpoints::Line& line) {
    return all.resolved(name, addresses, line, now);
  }
  /// Who is tried within `time`.
  std::vector<Endpoint> tried_within(Duration time, const Endpoints::Line& line) {
    std::vector<Endpoint> tried;
    const auto end = now + time;
    while (const auto next = all.next_try()) {
      if (*next > end) break;
      now = std::max(now, *next);
      if (const auto found = all.take_try(line, now)) tried.push_back(found->to);
    }
    now = end;
    return tried;
  }

  Endpoints all;
  Instant now{1000s};
};

TEST(Endpoints, ANameThatResolvesIsCalledAtItsFirstAddress) {
  Under endpoints(1);
  EXPECT_EQ(endpoints.all.first(), std::nullopt);
  EXPECT_EQ(endpoints.resolve(0, {kFirst, kSecond}, kNobody), kFirst);
}

/// As many as a file may have. What takes longer than in proportion to their number takes minutes here.
TEST(Endpoints, ThousandsAreInOrderAndEachOnce) {
  constexpr std::size_t kNames = 256;
  Under endpoints(kNames, kElsewhere);
  const auto address = [](std::size_t name, std::size_t number) {
    return at(fmt::format("10.{}.{}.1:51820", name, number));
  };
  for (std::size_t name = 0; name < kNames; ++name) {
    std::vector<Endpoint> addresses;
    for (std::size_t i = 0; i < Endpoints::kMaxAddresses; ++i) addresses.push_back(address(name, i));
    addresses.push_back(addresses.front());
    endpoints.resolve(name, addresses, alive(address(kNames - 1, 0)));
  }
  for (int look = 0; look < 50; ++look) {
    ASSERT_EQ(endpoints.all.others_than(kElsewhere), kNames * Endpoints::kMaxAddresses);
    endpoints.all.found(address(kNames - 1, 0), true, endpoints.now);
  }
  EXPECT_THAT(endpoints.tried_within(Endpoints::kHoldDown + 3s, alive(address(kNames - 1, 0))),
              ElementsAre(address(0, 0), address(0, 1), address(0, 2), address(0, 3)));
}

TEST(Endpoints, WithoutNamesTheRememberedEndpointIsCalledAtOnce) {
  EXPECT_EQ(Endpoints(0, kElsewhere).first(), kElsewhere);
  EXPECT_EQ(Endpoints(0, std::nullopt).first(), std::nullopt);
}

TEST(Endpoints, ALaterNameWaitsForAnEarlierOne) {
  Under endpoints(2);
  EXPECT_EQ(endpoints.resolve(1, {kSecond}, kNobody), std::nullopt);
  EXPECT_EQ(endpoints.resolve(0, {kFirst}, kNobody), kFirst);
}

TEST(Endpoints, ALaterNameIsCalledWhenTheEarlierOneCannotBeResolved) {
  Under endpoints(2);
  EXPECT_EQ(endpoints.resolve(1, {kSecond}, kNobody), std::nullopt);
  EXPECT_EQ(endpoints.all.unresolved(0, kNobody), kSecond);
}

TEST(Endpoints, ALaterNameIsCalledWhenTheWaitIsOver) {
  Under endpoints(2);
  endpoints.resolve(1, {kSecond}, kNobody);
  EXPECT_EQ(endpoints.all.stop_waiting(kNobody), kSecond);
  EXPECT_EQ(endpoints.all.stop_waiting(silent(kSecond)), std::nullopt);
}

TEST(Endpoints, TheRememberedEndpointIsCalledWhenNoNameResolves) {
  Under endpoints(1, kElsewhere);
  EXPECT_EQ(endpoints.all.first(), std::nullopt);
  EXPECT_EQ(endpoints.all.unresolved(0, kNobody), kElsewhere);
}

TEST(Endpoints, TheRememberedAddressGoesFirstAmongThoseOfItsName) {
  Under endpoints(1, kSecond);
  EXPECT_EQ(endpoints.resolve(0, {kThird, kFirst, kSecond}, kNobody), kSecond);
}

TEST(Endpoints, WhoDoesNotAnswerAtTheStartIsFollowedByTheOthersInOrder) {
  Under endpoints(2);
  endpoints.resolve(0, {kFirst}, kNobody);
  endpoints.resolve(1, {kSecond, kThird}, silent(kFirst));
  EXPECT_THAT(endpoints.tried_within(249ms, silent(kFirst)), IsEmpty()) << "the first has a moment to answer";
  EXPECT_THAT(endpoints.tried_within(1ms, silent(kFirst)), ElementsAre(kSecond));
  EXPECT_THAT(endpoints.tried_within(250ms, silent(kFirst)), ElementsAre(kThird));
  EXPECT_EQ(endpoints.all.next_try(), std::nullopt) << "each once, until it is called again";
}

TEST(Endpoints, FamiliesTakeTurnsWithinAName) {
  Under endpoints(1);
  endpoints.resolve(0, {kThird, kFourth, kFirst, kSecond}, kNobody);
  endpoints.all.called(silent(kThird), endpoints.now);
  EXPECT_THAT(endpoints.tried_within(1s, silent(kThird)), ElementsAre(kFirst, kFourth, kSecond));
}

TEST(Endpoints, ALongListIsThroughInSecondsAndThenGoneThroughAtLeisure) {
  std::vector<Endpoint> list;
  for (int i = 0; i < 21; ++i) list.push_back(at("192.0.2." + std::to_string(100 + i) + ":1"));
  Under endpoints(1);
  endpoints.resolve(0, list, kNobody);
  const auto line = silent(list.front());
  endpoints.all.called(line, endpoints.now);
  EXPECT_EQ(endpoints.tried_within(5s, line).size(), 20u);
  for (int round = 0; round < 100; ++round) {
    endpoints.all.called(line, endpoints.now);
    endpoints.tried_within(5s, line);
  }
  endpoints.all.called(line, endpoints.now);
  EXPECT_LE(endpoints.tried_within(5s, line).size(), 3u);
}

TEST(Endpoints, WhoAnsweredIsKeptAndNobodyElseIsTried) {
  Under endpoints(2);
  endpoints.resolve(0, {kFirst, kSecond}, kNobody);
  endpoints.resolve(1, {kThird}, silent(kFirst));
  endpoints.all.called(silent(kFirst), endpoints.now);
  endpoints.all.found(kFirst, true, endpoints.now);
  EXPECT_EQ(endpoints.all.next_try(), std::nullopt);
}

TEST(Endpoints, AnEndpointThatIsAliveIsNeverDisplaced) {
  Under endpoints(1);
  endpoints.all.found(kElsewhere, true, endpoints.now);
  EXPECT_EQ(endpoints.resolve(0, {kFirst}, alive(kElsewhere)), std::nullopt);
  EXPECT_EQ(endpoints.all.unresolved(0, alive(kElsewhere)), std::nullopt);
  EXPECT_EQ(endpoints.all.stop_waiting(alive(kElsewhere)), std::nullopt);
  for (int order = 0; order < 50; ++order) {
    EXPECT_EQ(
        endpoints.resolve(0, order % 2 ? std::vector{kSecond, kFirst} : std::vector{kFirst, kThird}, alive(kElsewhere)),
        std::nullopt);
    EXPECT_THAT(endpoints.tried_within(5min, alive(kElsewhere)), IsEmpty());
  }
}

TEST(Endpoints, AnAddressOfTheSameNameIsNotPreferredToTheOneThatLives) {
  Under endpoints(1);
  endpoints.resolve(0, {kFirst, kSecond}, kNobody);
  endpoints.all.found(kSecond, true, endpoints.now);
  EXPECT_THAT(endpoints.tried_within(60min, alive(kSecond)), IsEmpty());
}

TEST(Endpoints, OneInUseThatIsInDoubtIsCalledOnceMoreBeforeTheOthersAre) {
  Under endpoints(2);
  endpoints.resolve(0, {kFirst}, kNobody);
  endpoints.resolve(1, {kSecond}, silent(kFirst));
  endpoints.all.found(kFirst, true, endpoints.now);
  endpoints.all.called(doubtful(kFirst), endpoints.now);
  EXPECT_THAT(endpoints.tried_within(1s, doubtful(kFirst)), ElementsAre(kFirst));
  EXPECT_THAT(endpoints.tried_within(1s, doubtful(kFirst)), ElementsAre(kSecond));
}

TEST(Endpoints, WhileItIsStillHeardALostCallIsNoReasonToTryAnother) {
  Under endpoints(2);
  endpoints.resolve(0, {kFirst}, kNobody);
  endpoints.resolve(1, {kSecond}, silent(kFirst));
  endpoints.all.found(kFirst, true, endpoints.now);
  endpoints.all.called(alive(kFirst), endpoints.now);
  EXPECT_THAT(endpoints.tried_within(4s, alive(kFirst)), ElementsAre(kFirst));
  endpoints.all.called(silent(kFirst, 2), endpoints.now);
  EXPECT_THAT(endpoints.tried_within(1s, silent(kFirst, 2)), ElementsAre(kSecond)) << "but two are";
}

TEST(Endpoints, ASingleEndpointIsCalledAndNothingElse) {
  Under endpoints(1);
  endpoints.resolve(0, {kFirst}, kNobody);
  endpoints.all.called(silent(kFirst), endpoints.now);
  endpoints.all.called(doubtful(kFirst), endpoints.now);
  EXPECT_EQ(endpoints.all.next_try(), std::nullopt);
}

TEST(Endpoints, WhereThePeerWasLastFoundHasItsTurnToo) {
  Under endpoints(1);
  endpoints.all.found(kElsewhere, true, endpoints.now);
  endpoints.resolve(0, {kFirst}, silent(kElsewhere));
  endpoints.tried_within(1s, silent(kElsewhere));
  endpoints.all.called(silent(kFirst), endpoints.now);
  EXPECT_THAT(endpoints.tried_within(1s, silent(kFirst)), ElementsAre(kElsewhere));
}

TEST(Endpoints, ThePreferredOneIsTriedNowAndThenAndItsAnswerIsPreferred) {
  Under endpoints(2);
  endpoints.resolve(0, {kFirst}, kNobody);
  endpoints.resolve(1, {kSecond}, silent(kFirst));
  endpoints.all.found(kSecond, true, endpoints.now);
  EXPECT_THAT(endpoints.tried_within(29s, alive(kSecond)), IsEmpty());
  endpoints.now += 1s;
  EXPECT_EQ(endpoints.all.take_try(alive(kSecond), endpoints.now), (Endpoints::Try{kFirst, true}));
  EXPECT_THAT(endpoints.tried_within(90s, alive(kSecond)), ElementsAre(kFirst, kFirst, kFirst));
  endpoints.all.found(kFirst, true, endpoints.now);
  EXPECT_THAT(endpoints.tried_within(60min, alive(kFirst)), IsEmpty());
}

TEST(Endpoints, ALinkThatWasOnALaterOneBeforeItsFileWasReadAgainGoesBackToo) {
  Under endpoints(2, kSecond);
  endpoints.resolve(0, {kFirst}, alive(kSecond));
  endpoints.resolve(1, {kSecond}, alive(kSecond));
  EXPECT_THAT(endpoints.tried_within(30s, alive(kSecond)), ElementsAre(kFirst));
}

TEST(Endpoints, APreferredOneThatFlapsIsTriedMoreAndMoreSeldom) {
  Under endpoints(2);
  endpoints.resolve(0, {kFirst}, kNobody);
  endpoints.resolve(1, {kSecond}, silent(kFirst));
  std::vector<Duration> waits;
  for (int turn = 0; turn < 7; ++turn) {
    endpoints.all.found(kSecond, true, endpoints.now);
    const auto due = endpoints.all.next_try().value();
    waits.push_back(due - endpoints.now);
    endpoints.now = due;
    endpoints.all.take_try(alive(kSecond), endpoints.now);
    endpoints.all.found(kFirst, true, endpoints.now);
    endpoints.now += 1min;
  }
  EXPECT_THAT(waits, ElementsAre(30s, 1min, 2min, 4min, 8min, 10min, 10min));
  endpoints.now += 10min;
  endpoints.all.found(kSecond, true, endpoints.now);
  EXPECT_EQ(*endpoints.all.next_try() - endpoints.now, 30s) << "it has lasted";
}

TEST(Endpoints, WhereThePeerWentByItselfNobodyIsPreferred) {
  Under endpoints(2);
  endpoints.resolve(0, {kFirst}, kNobody);
  endpoints.resolve(1, {kSecond}, silent(kFirst));
  endpoints.all.found(kFirst, true, endpoints.now);
  endpoints.all.found(kElsewhere, false, endpoints.now);
  EXPECT_THAT(endpoints.tried_within(60min, alive(kElsewhere)), IsEmpty());
}

TEST(Endpoints, APreferredNameThatResolvesLateIsTriedAtOnceWhileNobodyAnswers) {
  Under endpoints(2);
  endpoints.all.unresolved(0, kNobody);
  EXPECT_EQ(endpoints.resolve(1, {kSecond}, kNobody), kSecond);
  EXPECT_EQ(endpoints.resolve(0, {kFirst}, silent(kSecond)), std::nullopt);
  EXPECT_EQ(endpoints.all.take_try(silent(kSecond), endpoints.now), (Endpoints::Try{kFirst, true}));
}

TEST(Endpoints, ANameThatMovedIsTriedAtItsNewAddressAtOnce) {
  for (const auto& line : {silent(kFirst, 2), Endpoints::Line{.remote = kFirst, .alive = true, .quiet = true}}) {
    Under endpoints(1);
    endpoints.resolve(0, {kFirst}, kNobody);
    endpoints.all.found(kFirst, true, endpoints.now);
    EXPECT_EQ(endpoints.resolve(0, {kSecond}, line), std::nullopt);
    EXPECT_EQ(endpoints.all.take_try(line, endpoints.now), (Endpoints::Try{kSecond, false}));
  }
}

TEST(Endpoints, ANameThatDidNotMoveChangesNothing) {
  Under endpoints(1);
  endpoints.resolve(0, {kFirst, kSecond}, kNobody);
  endpoints.resolve(0, {kFirst, kSecond}, silent(kSecond, 5));
  endpoints.resolve(0, {kSecond, kFirst}, silent(kSecond, 5));
  EXPECT_EQ(endpoints.all.next_try(), std::nullopt);
}

TEST(Endpoints, OfAnAnswerWithoutEndTheFirstAreLookedAt) {
  std::vector<Endpoint> list;
  for (std::uint16_t port = 1; port <= 1000; ++port) list.push_back({.address = kFirst.address, .port = port});
  Under endpoints(1);
  endpoints.resolve(0, list, kNobody);
  endpoints.all.called(silent(list.front()), endpoints.now);
  EXPECT_EQ(endpoints.tried_within(60min, silent(list.front())).size(), Endpoints::kMaxAddresses - 1);
}

}  // namespace
}  // namespace adit::link
