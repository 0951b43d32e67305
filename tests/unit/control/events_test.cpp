// SPDX-License-Identifier: MIT
#include "control/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace adit::control {
namespace {

using nlohmann::json;
using std::chrono_literals::operator""s;
using testing::IsEmpty;
using testing::SizeIs;

const WallTime kNow{1'700'000'000s};

EventFacts up() {
  return {.link = "office",
          .state = link::State::up,
          .reason = "",
          .endpoint = *Endpoint::parse("192.0.2.7:51820"),
          .mtu = 1440,
          .path = {link::PathProbe::working, 1440}};
}

TEST(Events, BeginWithTheState) {
  Events events;
  const auto lines = events.changes(up(), kNow);
  ASSERT_THAT(lines, SizeIs(1));
  const auto line = json::parse(lines[0]);
  EXPECT_EQ(line["event"], "state");
  EXPECT_EQ(line["link"], "office");
  EXPECT_EQ(line["time"], 1'700'000'000);
  EXPECT_EQ(line["state"], "up");
  EXPECT_TRUE(line["previous"].is_null());
  EXPECT_TRUE(events.moved());
  EXPECT_THAT(events.changes(up(), kNow), IsEmpty());
  EXPECT_FALSE(events.moved());
}

TEST(Events, TellEachThingThatIsAnotherOne) {
  Events events;
  events.changes(up(), kNow);
  auto facts = up();
  facts.state = link::State::stale;
  facts.reason = "nothing received for 180 s";
  facts.endpoint = *Endpoint::parse("192.0.2.8:51820");
  facts.mtu = 1220;
  facts.path.size = 1220;
  const auto lines = events.changes(facts, kNow);
  ASSERT_THAT(lines, SizeIs(4));
  const auto state = json::parse(lines[0]);
  EXPECT_EQ(state["state"], "stale");
  EXPECT_EQ(state["previous"], "up");
  EXPECT_EQ(state["reason"], "nothing received for 180 s");
  EXPECT_EQ(json::parse(lines[1])["endpoint"], "192.0.2.8:51820");
  EXPECT_EQ(json::parse(lines[1])["previous"], "192.0.2.7:51820");
  EXPECT_EQ(json::parse(lines[2])["mtu"], 1220);
  EXPECT_EQ(json::parse(lines[2])["previous"], 1440);
  EXPECT_EQ(json::parse(lines[3])["size"], 1220);
  EXPECT_TRUE(events.moved());
}

TEST(Events, TellOfTheWayWhenItsSizeOrWhatIsKnownOfItIsAnotherOne) {
  for (const auto& path : {link::PathReport{link::PathProbe::unanswered, 1440}, {link::PathProbe::working, 1432}}) {
    Events events;
    events.changes(up(), kNow);
    auto facts = up();
    facts.path = path;
    const auto lines = events.changes(facts, kNow);
    ASSERT_THAT(lines, SizeIs(1));
    EXPECT_EQ(json::parse(lines[0])["event"], "path");
    EXPECT_EQ(json::parse(lines[0])["size"], path.size);
    EXPECT_THAT(events.changes(facts, kNow), IsEmpty());
  }
}

TEST(Events, TellByWhichDeviceThePeerIsReached) {
  Events events;
  auto facts = up();
  facts.endpoint.scope = 2;
  facts.device = "eth0";
  events.changes(facts, kNow);
  facts.endpoint.scope = 3;
  facts.device = "wwan0";
  const auto lines = events.changes(facts, kNow);
  ASSERT_THAT(lines, SizeIs(1));
  const auto line = json::parse(lines[0]);
  EXPECT_EQ(line["endpoint"], line["previous"]);
  EXPECT_EQ(line["device"], "wwan0");
  EXPECT_EQ(line["previous_device"], "eth0");
  facts = up();
  const auto over = events.changes(facts, kNow);
  ASSERT_THAT(over, SizeIs(1));
  EXPECT_TRUE(json::parse(over[0])["device"].is_null());
}

TEST(Events, TellWhatWasPutBackEachTimeItWas) {
  Events events;
  auto facts = up();
  facts.put_back = {.times = 1, .count = 1, .what = {"the rule 5210"}, .by = ""};
  EXPECT_THAT(events.changes(facts, kNow), SizeIs(1)) << "that was before anybody could ask";
  facts.put_back = {.times = 2, .count = 20, .what = {"the route 10.20.0.0/16"}, .by = "ip (process 4711)"};
  const auto lines = events.changes(facts, kNow);
  ASSERT_THAT(lines, SizeIs(1));
  const auto line = json::parse(lines[0]);
  EXPECT_EQ(line["event"], "put_back");
  EXPECT_EQ(line["count"], 20);
  EXPECT_EQ(line["what"], json({"the route 10.20.0.0/16"}));
  EXPECT_EQ(line["by"], "ip (process 4711)");
  EXPECT_THAT(events.changes(facts, kNow), IsEmpty());
  facts.put_back.times = 3;
  facts.put_back.by.clear();
  const auto again = events.changes(facts, kNow);
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_TRUE(json::parse(again[0])["by"].is_null());
}

TEST(Events, TellWhatGoesPastTheTunnelAndThatItDoesNoMore) {
  Events events;
  events.changes(up(), kNow);
  auto facts = up();
  facts.bypasses = {"IPv4 traffic goes past the tunnel"};
  const auto lines = events.changes(facts, kNow);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(json::parse(lines[0])["event"], "bypass");
  EXPECT_EQ(json::parse(lines[0])["what"], json({"IPv4 traffic goes past the tunnel"}));
  EXPECT_THAT(events.changes(facts, kNow), IsEmpty());
  const auto over = events.changes(up(), kNow);
  ASSERT_THAT(over, SizeIs(1));
  EXPECT_EQ(json::parse(over[0])["what"], json::array());
}

TEST(Events, AReasonAloneIsNone) {
  Events events;
  events.changes(up(), kNow);
  auto facts = up();
  facts.reason = "17 handshakes unanswered";
  EXPECT_THAT(events.changes(facts, kNow), IsEmpty());
  EXPECT_FALSE(events.moved());
}

TEST(Events, SayHowItIsNow) {
  Events events;
  events.changes(up(), kNow);
  const auto line = json::parse(events.now(kNow));
  EXPECT_EQ(line["event"], "now");
  EXPECT_EQ(line["state"], "up");
  EXPECT_EQ(line["mtu"], 1440);
  EXPECT_EQ(line["probe"], "working");
}

}  // namespace
}  // namespace adit::control
