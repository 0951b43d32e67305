// SPDX-License-Identifier: MIT
#include "link/event_log.h"
#include "recorded_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>

#include <sstream>

namespace adit::link {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tunnel::DropReason;

const Endpoint kHere = Endpoint::parse("192.0.2.7:51820").value();
const Endpoint kThere = Endpoint::parse("198.51.100.1:4000").value();

class EventLogTest : public ::testing::Test {
 protected:
  std::vector<std::string> lines() { return logger_.take_lines(); }
  static tunnel::Event refused(DropReason reason) {
    return tunnel::HandshakeRefused{.reason = reason, .from = kThere, .key = {}};
  }

  test::RecordedLog logger_;
  EventLog log_{logger_};
  Instant now_{};
};

TEST_F(EventLogTest, AStateIsToldWithItsReasonAndWeight) {
  log_.state({State::connecting, "calling 192.0.2.7:51820"});
  log_.state({State::up, {}});
  log_.state({State::stale, "nothing received for 180 s"});
  log_.state({State::failed, "no way"});
  EXPECT_THAT(lines(), ElementsAre("info: the link is connecting: calling 192.0.2.7:51820", "info: the link is up",
                                   "warning: the link is stale: nothing received for 180 s",
                                   "warning: the link is failed: no way"));
}

TEST_F(EventLogTest, WhatNeedsNobodysAttentionIsNotSaidAtTheUsualLevel) {
  log_.event(tunnel::InitiationSent{kHere, 1}, now_);
  log_.event(tunnel::HandshakeCompleted{noise::Role::initiator, kHere, 12ms}, now_);
  log_.event(refused(DropReason::cookie_required), now_);
  EXPECT_THAT(lines(), IsEmpty());
  logger_.set_threshold(Severity::debug);
  log_.event(tunnel::InitiationSent{kHere, 1}, now_);
  log_.event(tunnel::HandshakeCompleted{noise::Role::initiator, kHere, 12ms}, now_);
  log_.event(tunnel::HandshakeCompleted{noise::Role::responder, kHere, {}}, now_);
  log_.event(refused(DropReason::cookie_required), now_);
  EXPECT_THAT(lines(), ElementsAre("debug: handshake 1 sent to 192.0.2.7:51820",
                                   "debug: handshake with 192.0.2.7:51820 completed in 12.0 ms",
                                   "debug: handshake begun by 192.0.2.7:51820 completed",
                                   "debug: handshake from 198.51.100.1:4000 dropped: cookie_required"));
}

TEST_F(EventLogTest, WhatTheUserCanMendIsAWarning) {
  log_.event(refused(DropReason::unverified_response), now_);
  log_.event(tunnel::AttemptsExhausted{kHere}, now_);
  log_.send_failed(kHere, "Network is unreachable (ENETUNREACH)", now_);
  EXPECT_THAT(lines(), ElementsAre(EndsWith("the preshared keys differ"), HasSubstr("192.0.2.7:51820 does not answer"),
                                   "warning: cannot send to 192.0.2.7:51820: Network is unreachable (ENETUNREACH)"));
}

TEST_F(EventLogTest, APeerThatMovesIsTold) {
  log_.event(tunnel::EndpointMoved{kHere, kThere}, now_);
  EXPECT_THAT(lines(), ElementsAre("info: the peer moved from 192.0.2.7:51820 to 198.51.100.1:4000"));
}

TEST_F(EventLogTest, APeerThatIsReachedByAnotherInterfaceHasNotMoved) {
  auto by_loopback = kHere;
  by_loopback.scope = if_nametoindex("lo");
  auto by_none = kHere;
  by_none.scope = 0x7fff'fff0;
  log_.event(tunnel::EndpointMoved{by_none, by_loopback}, now_);
  log_.event(tunnel::EndpointMoved{by_loopback, kHere}, now_);
  EXPECT_THAT(lines(), ElementsAre("info: the peer is reached by lo now, was one that is gone",
                                   "info: the peer is reached by whichever interface the routes say now, was lo"));
}

TEST_F(EventLogTest, AFloodIsCutOffAndCounted) {
  for (int i = 0; i < 100'000; ++i) log_.event(refused(DropReason::bad_mac1), now_ += 1ms);
  EXPECT_THAT(lines(), SizeIs(LineLimit::kBurst + 1)) << "100 seconds: the first few, and one for the minute";
  now_ += 60s;
  log_.event(refused(DropReason::bad_mac1), now_);
  EXPECT_THAT(lines(), ElementsAre(EndsWith("more like this not shown)")));
}

TEST_F(EventLogTest, AFloodOfOneKindHidesNoOther) {
  for (int i = 0; i < 1000; ++i) log_.event(refused(DropReason::bad_mac1), now_);
  lines();
  log_.event(refused(DropReason::wrong_key), now_);
  log_.event(tunnel::EndpointMoved{kHere, kThere}, now_);
  EXPECT_THAT(lines(), SizeIs(2));
}

TEST_F(EventLogTest, LinesBelowTheLevelUseUpNothing) {
  for (int i = 0; i < 1000; ++i) log_.event(tunnel::UnderLoadChanged{i % 2 == 0}, now_);
  lines();
  logger_.set_threshold(Severity::warn);
  now_ += 3600s;
  for (int i = 0; i < 1000; ++i) log_.event(tunnel::UnderLoadChanged{false}, now_);
  log_.event(tunnel::UnderLoadChanged{true}, now_);
  EXPECT_THAT(lines(), SizeIs(1));
}

TEST_F(EventLogTest, DropsAreSummedUpNowAndThen) {
  tunnel::DropCounters drops;
  log_.drops(drops, now_);
  EXPECT_THAT(lines(), IsEmpty());
  drops.add(DropReason::forged, 3);
  drops.add(DropReason::replayed);
  log_.drops(drops, now_);
  EXPECT_THAT(lines(), ElementsAre("info: packets dropped: forged 3, replayed 1"));
  drops.add(DropReason::forged, 2);
  log_.drops(drops, now_ += 1s);
  EXPECT_THAT(lines(), IsEmpty());
  log_.drops(drops, now_ += EventLog::kSummaryInterval);
  EXPECT_THAT(lines(), ElementsAre("info: packets dropped: forged 2"));
  log_.drops(drops, now_ += EventLog::kSummaryInterval);
  EXPECT_THAT(lines(), IsEmpty());
}

}  // namespace
}  // namespace adit::link
