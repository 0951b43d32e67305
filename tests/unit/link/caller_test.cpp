// SPDX-License-Identifier: MIT
#include "link/caller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "recorded_log.h"
#include "support.h"

namespace adit::link {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Endpoint kFirst = Endpoint::parse("192.0.2.1:51820").value();
const Endpoint kSecond = Endpoint::parse("192.0.2.2:51821").value();
const Endpoint kSixth = Endpoint::parse("[2001:db8::6]:51820").value();

class CallerTest : public ::testing::Test {
 protected:
  void start(CallerOptions options) {
    // Nobody listens there: names fail at once, wherever the test runs.
    options.resolver.servers = "127.0.0.1:9";
    options.resolver.timeout = 50ms;
    options.resolver.tries = 1;
    Caller::Phone phone;
    phone.line = [this] { return line_; };
    phone.call = [this](const Endpoint& endpoint) {
      calls_.push_back(endpoint);
      line_.remote = endpoint;
    };
    phone.try_also = [this](const Endpoints::Try& other) { tries_.push_back(other.to); };
    phone.stay = [this] { ++stays_; };
    caller_ = std::make_unique<Caller>(loop_, random_, log_, std::move(options), std::move(phone));
    caller_->start();
  }
  /// Turns the loop until `calls` calls were made, or nothing has happened for a long time.
  void wait_for_calls(std::size_t calls) {
    while (calls_.size() < calls) ASSERT_TRUE(loop_.run_once(20s)) << "nothing happens any more";
  }

  net::EventLoop loop_;
  test::SeededRandom random_{7};
  test::RecordedLog log_;
  Endpoints::Line line_;
  std::vector<Endpoint> calls_;
  std::vector<Endpoint> tries_;
  int stays_ = 0;
  std::unique_ptr<Caller> caller_;
};

TEST_F(CallerTest, ANumericEndpointIsCalled) {
  start({.names = {{"192.0.2.1", 51820}}});
  EXPECT_EQ(caller_->unresolved(), "192.0.2.1:51820");
  wait_for_calls(1);
  EXPECT_THAT(calls_, ElementsAre(kFirst));
  EXPECT_EQ(caller_->unresolved(), "");
}

TEST_F(CallerTest, WithoutNamesThePlaceOfAnEarlierRunIsCalledAtOnce) {
  start({.remembered = kSecond});
  EXPECT_THAT(calls_, ElementsAre(kSecond));
}

TEST_F(CallerTest, WithNothingToCallItWaits) {
  start({});
  EXPECT_THAT(calls_, IsEmpty());
  EXPECT_FALSE(loop_.run_once(0ms)) << "and has nothing to do";
}

TEST_F(CallerTest, ANameThatCannotBeResolvedIsToldOnceAndTheNextIsCalled) {
  start({.names = {{"host.invalid", 51820}, {"192.0.2.2", 51821}}});
  wait_for_calls(1);
  EXPECT_THAT(calls_, ElementsAre(kSecond));
  EXPECT_EQ(caller_->unresolved(), "host.invalid:51820");
  EXPECT_THAT(caller_->error(), HasSubstr("host.invalid"));
  EXPECT_THAT(log_.text(), HasSubstr("peer.endpoint host.invalid:51820: "));
}

TEST_F(CallerTest, AnAddressThatCanBeNoPeerIsRefusedUnlessItIsWrittenSo) {
  const auto why_not = [](const IpAddress& address) {
    return std::string(address.is_loopback() ? "that is here" : "");
  };
  start({.names = {{"localhost", 51820}, {"192.0.2.2", 51821}}, .why_not = why_not});
  wait_for_calls(1);
  EXPECT_THAT(calls_, ElementsAre(kSecond));
  EXPECT_THAT(caller_->error(), HasSubstr("to the name servers, and that is here"));
  calls_.clear();
  line_ = {};
  start({.names = {{"127.0.0.1", 51820}}, .why_not = why_not});
  wait_for_calls(1);
  EXPECT_THAT(calls_, ElementsAre(Endpoint::parse("127.0.0.1:51820").value()));
}

TEST_F(CallerTest, AnEndpointOfAFamilyWithoutASocketIsNotCalled) {
  start({.names = {{"2001:db8::6", 51820}, {"192.0.2.1", 51820}}, .has_v6 = false});
  wait_for_calls(1);
  EXPECT_THAT(calls_, ElementsAre(kFirst));
  EXPECT_EQ(caller_->unresolved(), "[2001:db8::6]:51820");
  EXPECT_THAT(caller_->error(), HasSubstr("has only IPv6 addresses"));
}

TEST_F(CallerTest, ARememberedEndpointOfAFamilyWithoutASocketIsNotCalled) {
  start({.remembered = kSixth, .has_v6 = false});
  EXPECT_THAT(calls_, IsEmpty());
}

Endpoint by(std::uint32_t uplink, Endpoint endpoint) {
  endpoint.scope = uplink;
  return endpoint;
}

TEST_F(CallerTest, ARememberedEndpointIsCalledByAnUplinkThatIsListed) {
  for (const std::uint32_t then : {0, 5, 9}) {
    calls_.clear();
    line_ = {};
    start({.remembered = by(then, kSecond), .uplinks = [] { return std::vector<std::uint32_t>{0, 7, 9}; }});
    EXPECT_THAT(calls_, ElementsAre(by(then == 9 ? 9 : 7, kSecond)));
  }
}

TEST_F(CallerTest, ACallThatGoesOnByAnInterfaceThatIsNotListedGoesByAnotherAtOnce) {
  line_.remote = by(5, kFirst);
  start({.uplinks = [] { return std::vector<std::uint32_t>{7, 9}; }});
  EXPECT_THAT(calls_, ElementsAre(by(7, kFirst)));
  start({.uplinks = [] { return std::vector<std::uint32_t>{9, 7}; }});
  EXPECT_THAT(calls_, ElementsAre(by(7, kFirst))) << "that is good enough";
}

TEST_F(CallerTest, WhileNoUplinkCanBeUsedNothingLeavesByAnyOther) {
  std::vector<std::uint32_t> there{0, 0};
  line_.remote = by(5, kFirst);
  start({.uplinks = [&there] { return there; }});
  ASSERT_EQ(calls_.size(), 1U);
  EXPECT_NE(calls_[0].scope, 5U);
  EXPECT_NE(calls_[0].scope, 0U) << "that would be whichever the routes say";
  there = {0, 9};
  caller_->links_changed();
  EXPECT_EQ(calls_.back(), by(9, kFirst));
}

TEST_F(CallerTest, BesideAnEndpointThatDoesNotAnswerTheNextIsTried) {
  start({.names = {{"192.0.2.1", 51820}, {"192.0.2.2", 51821}}});
  wait_for_calls(1);
  caller_->event(tunnel::InitiationSent{kFirst, 1}, loop_.now());
  while (tries_.empty()) ASSERT_TRUE(loop_.run_once(20s)) << "nothing happens any more";
  EXPECT_THAT(tries_, ElementsAre(kSecond));
  EXPECT_THAT(calls_, ElementsAre(kFirst));
}

TEST_F(CallerTest, NamesAreAskedForNowWhenSomebodyWantsThemAndOnAnotherWayNowAndThenOnly) {
  int answers = 0;
  const auto count = [&answers](const IpAddress&) {
    ++answers;
    return std::string();
  };
  start({.names = {{"localhost", 51820}}, .why_not = count});
  wait_for_calls(1);
  line_.alive = true;
  for (int i = 0; i < 2; ++i) {
    const int before = answers;
    caller_->ask_now();
    while (answers == before) ASSERT_TRUE(loop_.run_once(20s)) << "nothing happens any more";
  }
  const int before = answers;
  caller_->way_moved();
  while (loop_.run_once(2s)) {
  }
  EXPECT_EQ(answers, before) << "it was asked for only just now";
  EXPECT_EQ(calls_.size(), 1U) << "who answers is called nowhere else";
}

TEST_F(CallerTest, AfterATryAtAPreferredEndpointThePeerHearsThatTheCallIsWhereItWas) {
  start({.names = {{"192.0.2.1", 51820}, {"192.0.2.2", 51821}}});
  wait_for_calls(1);
  while (!caller_->unresolved().empty()) ASSERT_TRUE(loop_.run_once(20s)) << "nothing happens any more";
  for (const bool answered : {false, true}) {
    tries_.clear();
    line_ = {.remote = kSecond, .alive = true, .heard = true};
    caller_->event(tunnel::EndpointMoved{kSecond, kFirst}, loop_.now());
    caller_->event(tunnel::HandshakeCompleted{noise::Role::initiator, kSecond, 1ms},
                   loop_.now() - 2 * Endpoints::kLongestHoldDown);
    while (tries_.empty()) ASSERT_TRUE(loop_.run_once(20s)) << "nothing happens any more";
    EXPECT_THAT(tries_, ElementsAre(kFirst));
    if (answered) line_.remote = kFirst;
    while (loop_.run_once(2s)) {
    }
    EXPECT_EQ(stays_, 1) << "unless it was answered";
  }
}

TEST_F(CallerTest, AnEndpointOfAFamilyWithoutASocketIsNotTried) {
  start({.names = {{"192.0.2.1", 51820}}, .remembered = kSixth, .has_v6 = false});
  wait_for_calls(1);
  caller_->event(tunnel::InitiationSent{kFirst, 1}, loop_.now());
  while (loop_.run_once(2s)) {
  }
  EXPECT_THAT(tries_, IsEmpty());
}

TEST_F(CallerTest, WhereThePeerWasHeardIsCalledAgainWhenItFallsSilent) {
  start({.names = {{"192.0.2.1", 51820}}});
  wait_for_calls(1);
  caller_->event(tunnel::EndpointMoved{kFirst, kSecond}, loop_.now());
  caller_->event(tunnel::InitiationSent{kFirst, 1}, loop_.now());
  while (tries_.empty()) ASSERT_TRUE(loop_.run_once(20s)) << "nothing happens any more";
  EXPECT_THAT(tries_, ElementsAre(kSecond));
}

TEST(EndpointName, ReadsAsInTheConfiguration) {
  EXPECT_EQ(to_string(config::EndpointName{"vpn.example.net", 51820}), "vpn.example.net:51820");
  EXPECT_EQ(to_string(config::EndpointName{"2001:db8::1", 1}), "[2001:db8::1]:1");
}

}  // namespace
}  // namespace adit::link
