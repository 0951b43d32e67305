// SPDX-License-Identifier: MIT
#include "link/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace adit::link {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""h;
using ::testing::HasSubstr;
using tunnel::DropReason;
using tunnel::Status;

const Endpoint kRemote = Endpoint::parse("192.0.2.7:51820").value();
constexpr Instant kNow = Instant{} + 10h;
constexpr WallTime kTwoOClock{14h + std::chrono::minutes(2) + 11s};

class HealthTest : public ::testing::Test {
 protected:
  HealthTest() {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  /// Connected, and heard `silence` ago.
  static Status connected(Duration silence) {
    Status status;
    status.handshake_at = kNow - 1h;
    status.heard_at = kNow - silence;
    return status;
  }
  static Status attempting(std::uint32_t attempts) {
    Status status;
    status.attempts = attempts;
    status.attempting_since = kTwoOClock;
    return status;
  }
  Health health(const Status& status, const Endpoint& remote = kRemote) const {
    return assess(status, remote, surroundings_, keepalive_, kNow);
  }

  Surroundings surroundings_;
  std::optional<Duration> keepalive_ = 25s;
};

TEST_F(HealthTest, WithoutAnEndpointThePeerMustCall) {
  const auto result = health({}, {});
  EXPECT_EQ(result.state, State::waiting);
  EXPECT_EQ(result.reason, "no endpoint known yet: the peer must call");
}

TEST_F(HealthTest, AWaitingLinkTellsOfTheCallerItRefused) {
  Status status;
  status.problem = {.reason = DropReason::wrong_key, .from = kRemote, .key = {}, .when = {}};
  EXPECT_EQ(health(status, {}).reason,
            "peer uses another key: initiation from 192.0.2.7:51820 names public key "
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; no endpoint known yet: the peer must call");
}

TEST_F(HealthTest, ANameWithoutAnAddressIsBeingResolved) {
  surroundings_.endpoint_name = "vpn.example.net:51820";
  EXPECT_EQ(health({}, {}).state, State::resolving);
  EXPECT_EQ(health({}, {}).reason, "asking for the address of vpn.example.net:51820");
  surroundings_.resolver_error = "no server answers";
  EXPECT_EQ(health({}, {}).reason, "vpn.example.net:51820: no server answers");
}

TEST_F(HealthTest, HandshakesThatGoUnansweredAreCounted) {
  EXPECT_EQ(health(attempting(1)).state, State::connecting);
  EXPECT_EQ(health(attempting(1)).reason, "calling 192.0.2.7:51820");
  EXPECT_EQ(health(attempting(5)).reason, "5 handshakes to 192.0.2.7:51820 unanswered since 14:02:11");
}

TEST_F(HealthTest, AnEndpointThatIsCalledIsConnectingWhileAnotherNameIsResolved) {
  surroundings_.endpoint_name = "vpn.example.net:51820";
  EXPECT_EQ(health(attempting(2)).state, State::connecting);
}

TEST_F(HealthTest, WhatTheKernelRefusesToSendIsTold) {
  surroundings_.send_error = "Network is unreachable (ENETUNREACH)";
  EXPECT_EQ(health(attempting(2)).reason,
            "2 handshakes to 192.0.2.7:51820 unanswered since 14:02:11; the last could not be sent: Network is "
            "unreachable (ENETUNREACH)");
}

TEST_F(HealthTest, ASessionAndAPeerThatIsHeardIsUp) {
  EXPECT_EQ(health(connected(0s)).state, State::up);
  EXPECT_EQ(health(connected(179s)).state, State::up);
  EXPECT_EQ(health(connected(0s)).reason, "");
}

TEST_F(HealthTest, ALinkThatNeverHeardAPacketCountsFromItsHandshake) {
  Status status;
  status.handshake_at = kNow - 179s;
  EXPECT_EQ(health(status).state, State::up);
  status.handshake_at = kNow - 180s;
  EXPECT_EQ(health(status).state, State::stale);
}

TEST_F(HealthTest, SilenceMakesALinkStale) {
  EXPECT_EQ(health(connected(180s)).state, State::stale);
  EXPECT_EQ(health(connected(200s)).reason, "nothing received for 200 s");
}

TEST_F(HealthTest, ASilentLinkWithoutKeepaliveSaysWhyThatMayBe) {
  keepalive_.reset();
  EXPECT_EQ(health(connected(200s)).reason,
            "nothing received for 200 s; peer.keepalive is off, so an idle link is silent");
}

TEST_F(HealthTest, ALinkThatIsToSpeakLessOftenIsSilentForAsLong) {
  keepalive_ = 600s;
  EXPECT_EQ(health(connected(619s)).state, State::up);
  EXPECT_EQ(health(connected(620s)).state, State::stale);
  keepalive_ = 170s;
  EXPECT_EQ(health(connected(189s)).state, State::up) << "the answer may be on its way";
  auto called = connected(200s);
  keepalive_ = 600s;
  called.attempts = kUnprovenAttempts;
  EXPECT_EQ(health(called).state, State::stale) << "it spoke, and nobody answers";
}

TEST_F(HealthTest, DataWithoutAnAnswerMakesALinkStaleLongBeforeSilenceDoes) {
  auto status = connected(30s);
  status.unanswered_at = kNow - 19s;
  EXPECT_EQ(health(status).state, State::up);
  status.unanswered_at = kNow - 20s;
  EXPECT_EQ(health(status).state, State::stale);
  EXPECT_EQ(health(status).reason, "data sent, but nothing received for 30 s");
}

TEST_F(HealthTest, AStaleLinkTellsOfTheHandshakesThatShouldBringItBack) {
  auto status = attempting(3);
  status.handshake_at = kNow - 1h;
  status.heard_at = kNow - 300s;
  EXPECT_EQ(health(status).reason,
            "nothing received for 300 s; 3 handshakes to 192.0.2.7:51820 unanswered since 14:02:11");
}

TEST_F(HealthTest, EachRefusalOfAHandshakeTellsWhatIsWrong) {
  const auto explained = [](DropReason reason) {
    return explain({.reason = reason, .from = kRemote, .key = {}, .when = {}});
  };
  EXPECT_THAT(explained(DropReason::wrong_key), HasSubstr("peer uses another key"));
  EXPECT_THAT(explained(DropReason::unverified_response), HasSubstr("the preshared keys differ"));
  EXPECT_THAT(explained(DropReason::old_timestamp), HasSubstr("not newer than the last"));
  EXPECT_THAT(explained(DropReason::bad_mac1), HasSubstr("made for another public key than ours"));
  EXPECT_THAT(explained(DropReason::invalid_handshake), HasSubstr("does not decrypt"));
  EXPECT_EQ(explained(DropReason::malformed), "");
}

TEST_F(HealthTest, AFailureGoesBeforeEverythingElse) {
  surroundings_.failure = "the way to the peer leads into the tunnel itself";
  EXPECT_EQ(health(connected(0s)).state, State::failed);
  EXPECT_EQ(health(connected(0s)).reason, "the way to the peer leads into the tunnel itself");
  EXPECT_EQ(health(connected(0s)).session, State::failed);
}

TEST_F(HealthTest, AFailureBesideTheWayOfThePacketsIsNoneOfTheSession) {
  surroundings_.failure = "what the link needs on this host cannot be put back";
  surroundings_.beside = true;
  EXPECT_EQ(health(connected(0s)).state, State::failed);
  EXPECT_EQ(health(connected(0s)).session, State::up);
  EXPECT_EQ(health(connected(300s)).session, State::stale);
  EXPECT_EQ(health(attempting(3)).session, State::connecting);
}

TEST_F(HealthTest, WithoutAFailureTheSessionIsAllThereIs) {
  EXPECT_EQ(health(connected(0s)).session, State::up);
  EXPECT_EQ(health({}, {}).session, State::waiting);
}

TEST(StateNames, AreTheOnesPeopleScriptWith) {
  EXPECT_EQ(name_of(State::waiting), "waiting");
  EXPECT_EQ(name_of(State::resolving), "resolving");
  EXPECT_EQ(name_of(State::connecting), "connecting");
  EXPECT_EQ(name_of(State::up), "up");
  EXPECT_EQ(name_of(State::stale), "stale");
  EXPECT_EQ(name_of(State::failed), "failed");
}

TEST_F(HealthTest, CallsThatGoUnansweredWhilePacketsComeInAreAWayOutThatIsDead) {
  auto status = connected(3s);
  status.reached_at = kNow - 40s;
  status.attempts = 3;
  status.attempting_since = kTwoOClock;
  EXPECT_EQ(health(status).state, State::stale);
  EXPECT_EQ(
      health(status).reason,
      "what we send does not arrive: packets come from the peer, the last 3 s ago, but it has answered nothing for "
      "40 s; 3 handshakes to 192.0.2.7:51820 unanswered since 14:02:11");
  status.reached_at = kNow - 39s;
  EXPECT_EQ(health(status).state, State::up) << "a moment ago it was reached";
  status.reached_at = kNow - 100s;
  status.attempts = 2;
  EXPECT_EQ(health(status).state, State::up) << "messages may be lost";
}

TEST_F(HealthTest, CallsThatGoUnansweredWhileNothingComesInAreSilence) {
  auto status = connected(41s);
  status.reached_at = kNow - 41s;
  status.attempts = 3;
  status.attempting_since = kTwoOClock;
  EXPECT_EQ(health(status).state, State::stale);
  EXPECT_EQ(health(status).reason,
            "nothing received for 41 s; 3 handshakes to 192.0.2.7:51820 unanswered since 14:02:11");
}

TEST_F(HealthTest, ALinkWhoseEverySendIsRefusedIsNotUp) {
  auto status = connected(1s);
  status.reached_at = kNow - 5s;
  surroundings_.send_error = "Network is unreachable";
  surroundings_.refused_since = kNow - 9s;
  EXPECT_EQ(health(status).state, State::up) << "a route may be on its way";
  surroundings_.refused_since = kNow - 10s;
  EXPECT_EQ(health(status).state, State::stale);
  EXPECT_EQ(health(status).reason, "nothing can be sent to 192.0.2.7:51820 for 10 s: Network is unreachable");
}

TEST_F(HealthTest, APeerWithAnotherPresharedKeyIsNamedFirst) {
  auto status = connected(3s);
  status.reached_at = kNow - 45s;
  status.attempts = 8;
  status.problem = {.reason = DropReason::unverified_response, .from = kRemote, .key = {}, .when = {}};
  EXPECT_THAT(health(status).reason,
              testing::StartsWith("192.0.2.7:51820 answers, but its response does not verify: the "
                                  "preshared keys differ; what we send does not arrive"));
}

TEST_F(HealthTest, OtherEndpointsThatWereTriedInVainAreCounted) {
  surroundings_.others = 1;
  EXPECT_EQ(health(attempting(1)).reason, "calling 192.0.2.7:51820");
  EXPECT_EQ(health(attempting(5)).reason,
            "5 handshakes to 192.0.2.7:51820 unanswered since 14:02:11, nor did 1 other endpoint answer");
  surroundings_.others = 20;
  EXPECT_THAT(health(attempting(5)).reason, HasSubstr("nor did 20 other endpoints answer"));
}

}  // namespace
}  // namespace adit::link
