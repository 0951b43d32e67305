// SPDX-License-Identifier: MIT
#include "link/endpoints.h"

#include <gtest/gtest.h>

namespace adit::link {
namespace {

using std::chrono_literals::operator""s;

Endpoint at(const char* text) {
  return Endpoint::parse(text).value();
}

const Endpoint kFirst = at("192.0.2.1:51820");
const Endpoint kSecond = at("192.0.2.2:51820");
const Endpoint kThird = at("[2001:db8::3]:51820");
const Endpoint kElsewhere = at("198.51.100.9:40000");
const Endpoints::Line kNobody{};

Endpoints::Line silent(const Endpoint& remote) {
  return {.remote = remote, .alive = false};
}
Endpoints::Line alive(const Endpoint& remote) {
  return {.remote = remote, .alive = true};
}

std::optional<Endpoint> resolve(Endpoints& endpoints, std::size_t name, std::vector<Endpoint> addresses,
                                const Endpoints::Line& line) {
  return endpoints.resolved(name, addresses, line);
}

/// Sends initiations to `to`, five seconds apart, until something else is advised.
struct Unanswered {
  Instant now{};
  int sent = 0;

  Endpoints::Advice call(Endpoints& endpoints, const Endpoint& to) {
    for (sent = 1; sent < 100; ++sent, now += 5s) {
      const auto advice = endpoints.initiation_sent(to, false, now);
      if (advice.call || advice.resolve) return advice;
    }
    return {};
  }
};

TEST(Endpoints, ANameThatResolvesIsCalledAtItsFirstAddress) {
  Endpoints endpoints(1, std::nullopt);
  EXPECT_EQ(endpoints.first(), std::nullopt);
  EXPECT_EQ(resolve(endpoints, 0, {kFirst, kSecond}, kNobody), kFirst);
}

TEST(Endpoints, WithoutNamesTheRememberedEndpointIsCalledAtOnce) {
  EXPECT_EQ(Endpoints(0, kElsewhere).first(), kElsewhere);
  EXPECT_EQ(Endpoints(0, std::nullopt).first(), std::nullopt);
}

TEST(Endpoints, ALaterNameWaitsForAnEarlierOne) {
  Endpoints endpoints(2, std::nullopt);
  EXPECT_EQ(resolve(endpoints, 1, {kSecond}, kNobody), std::nullopt);
  EXPECT_EQ(resolve(endpoints, 0, {kFirst}, kNobody), kFirst);
}

TEST(Endpoints, ALaterNameIsCalledWhenTheEarlierOneCannotBeResolved) {
  Endpoints endpoints(2, std::nullopt);
  EXPECT_EQ(resolve(endpoints, 1, {kSecond}, kNobody), std::nullopt);
  EXPECT_EQ(endpoints.unresolved(0, kNobody), kSecond);
}

TEST(Endpoints, ALaterNameIsCalledWhenTheWaitIsOver) {
  Endpoints endpoints(2, std::nullopt);
  resolve(endpoints, 1, {kSecond}, kNobody);
  EXPECT_EQ(endpoints.stop_waiting(kNobody), kSecond);
  EXPECT_EQ(endpoints.stop_waiting(silent(kSecond)), std::nullopt);
}

TEST(Endpoints, TheRememberedEndpointIsCalledWhenNoNameResolves) {
  Endpoints endpoints(1, kElsewhere);
  EXPECT_EQ(endpoints.first(), std::nullopt);
  EXPECT_EQ(endpoints.unresolved(0, kNobody), kElsewhere);
}

TEST(Endpoints, TheRememberedAddressGoesFirstAmongThoseOfItsName) {
  Endpoints endpoints(1, kSecond);
  EXPECT_EQ(resolve(endpoints, 0, {kThird, kFirst, kSecond}, kNobody), kSecond);
}

TEST(Endpoints, APreferredNameThatResolvesLateTakesOverFromWhoDoesNotAnswer) {
  Endpoints endpoints(2, kElsewhere);
  endpoints.unresolved(0, kNobody);
  EXPECT_EQ(resolve(endpoints, 1, {kSecond}, silent(kElsewhere)), kSecond);
  EXPECT_EQ(resolve(endpoints, 0, {kFirst}, silent(kSecond)), kFirst);
}

TEST(Endpoints, ALessPreferredNameThatResolvesLateDoesNotTakeOver) {
  Endpoints endpoints(2, std::nullopt);
  EXPECT_EQ(resolve(endpoints, 0, {kFirst}, kNobody), kFirst);
  EXPECT_EQ(resolve(endpoints, 1, {kSecond}, silent(kFirst)), std::nullopt);
}

TEST(Endpoints, AnEndpointThatIsAliveIsNeverDisplaced) {
  Endpoints endpoints(1, std::nullopt);
  endpoints.found(kElsewhere);
  EXPECT_EQ(resolve(endpoints, 0, {kFirst}, alive(kElsewhere)), std::nullopt);
  EXPECT_EQ(endpoints.unresolved(0, alive(kElsewhere)), std::nullopt);
  EXPECT_EQ(endpoints.stop_waiting(alive(kElsewhere)), std::nullopt);
  Instant now{};
  for (int i = 0; i < 50; ++i, now += 5s) {
    const auto advice = endpoints.initiation_sent(kElsewhere, true, now);
    EXPECT_EQ(advice.call, std::nullopt);
    EXPECT_FALSE(advice.resolve);
  }
}

TEST(Endpoints, ThreeUnansweredHandshakesGiveTheNextAddressItsTurn) {
  Endpoints endpoints(2, std::nullopt);
  resolve(endpoints, 0, {kFirst, kSecond}, kNobody);
  resolve(endpoints, 1, {kThird}, silent(kFirst));
  Unanswered attempts;
  const auto second = attempts.call(endpoints, kFirst);
  EXPECT_EQ(attempts.sent, 4);  // the fourth shows that the third has had its five seconds
  EXPECT_EQ(second.call, kSecond);
  EXPECT_FALSE(second.resolve);
  EXPECT_EQ(attempts.call(endpoints, kSecond).call, kThird);
}

TEST(Endpoints, AtTheEndOfTheListNamesAreAskedAgainAndTheFirstIsCalled) {
  Endpoints endpoints(1, std::nullopt);
  resolve(endpoints, 0, {kFirst, kSecond}, kNobody);
  Unanswered attempts;
  attempts.call(endpoints, kFirst);
  const auto advice = attempts.call(endpoints, kSecond);
  EXPECT_TRUE(advice.resolve);
  EXPECT_EQ(advice.call, kFirst);
}

TEST(Endpoints, ASingleAddressIsKeptButItsNameIsAskedAgainAndAgain) {
  Endpoints endpoints(1, std::nullopt);
  resolve(endpoints, 0, {kFirst}, kNobody);
  Unanswered attempts;
  for (int round = 0; round < 5; ++round) {
    const auto advice = attempts.call(endpoints, kFirst);
    EXPECT_TRUE(advice.resolve) << "round " << round;
    EXPECT_EQ(advice.call, std::nullopt);
  }
}

TEST(Endpoints, WhereThePeerWasLastFoundHasItsTurnToo) {
  Endpoints endpoints(1, std::nullopt);
  resolve(endpoints, 0, {kFirst}, kNobody);
  endpoints.found(kElsewhere);
  Unanswered attempts;
  EXPECT_EQ(attempts.call(endpoints, kElsewhere).call, kFirst);
  EXPECT_EQ(attempts.call(endpoints, kFirst).call, kElsewhere);
}

TEST(Endpoints, AnEndpointOfNoListGivesWayToTheFirst) {
  Endpoints endpoints(1, std::nullopt);
  resolve(endpoints, 0, {kFirst}, kNobody);
  Unanswered attempts;
  EXPECT_EQ(attempts.call(endpoints, kElsewhere).call, kFirst);
}

TEST(Endpoints, ANameThatMovedIsCalledAtItsNewAddressAtOnce) {
  Endpoints endpoints(1, std::nullopt);
  resolve(endpoints, 0, {kFirst}, kNobody);
  endpoints.found(kFirst);
  EXPECT_EQ(resolve(endpoints, 0, {kSecond}, silent(kFirst)), kSecond);
}

TEST(Endpoints, ANameThatDidNotMoveChangesNothing) {
  Endpoints endpoints(1, std::nullopt);
  resolve(endpoints, 0, {kFirst, kSecond}, kNobody);
  EXPECT_EQ(resolve(endpoints, 0, {kFirst, kSecond}, silent(kSecond)), std::nullopt);
  EXPECT_EQ(resolve(endpoints, 0, {kSecond, kFirst}, silent(kSecond)), std::nullopt);
}

TEST(Endpoints, ABurstOfAttemptsWithinSecondsProvesNothing) {
  Endpoints endpoints(1, std::nullopt);
  resolve(endpoints, 0, {kFirst, kSecond}, kNobody);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(endpoints.initiation_sent(kFirst, false, Instant{}).call, std::nullopt);
  EXPECT_EQ(endpoints.initiation_sent(kFirst, false, Instant{} + 15s).call, kSecond);
}

TEST(Endpoints, AHandshakeThatCameThroughStartsTheCountAnew) {
  Endpoints endpoints(1, std::nullopt);
  resolve(endpoints, 0, {kFirst, kSecond}, kNobody);
  Instant now{};
  for (int i = 0; i < 3; ++i, now += 5s) endpoints.initiation_sent(kFirst, false, now);
  endpoints.initiation_sent(kFirst, true, now);  // a rekey of a link that lives
  now += 120s;
  EXPECT_EQ(endpoints.initiation_sent(kFirst, false, now).call, std::nullopt);
}

}  // namespace
}  // namespace adit::link
