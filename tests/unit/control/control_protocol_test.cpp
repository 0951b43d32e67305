// SPDX-License-Identifier: MIT
#include "control/control_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace adit::control {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

Report report() {
  Report report;
  report.name = "office";
  return report;
}

const Commands kCommands{
    .status = report,
    .history = [] { return std::vector<History::Amount>(2); },
    .reload = [] { return ReloadOutcome(std::vector<std::string>{"peer.keepalive: 10s, was the default"}); },
    .events = [] { return std::string(R"({"event":"now"})"); }};

TEST(ControlProtocol, EventsBeginWithHowItIsNow) {
  EXPECT_EQ(answer(R"({"command":"events"})", kCommands), R"({"event":"now"})");
  EXPECT_TRUE(asks_for_events(R"({"command":"events"})"));
  for (const auto* other : {R"({"command":"status"})", R"({"events":"command"})", R"("events")", "events", "",
                            R"({"command":["events"]})"}) {
    EXPECT_FALSE(asks_for_events(other)) << other;
  }
}

TEST(ControlProtocol, StatusIsAnsweredWithTheStatus) {
  const auto reply = json::parse(answer(R"({"command":"status"})", kCommands));
  EXPECT_EQ(reply, (json{{"status", to_json(report())}}));
  EXPECT_EQ(reply.at("status").at("name"), "office");
}

TEST(ControlProtocol, HistoryIsAnsweredWithTheAmounts) {
  const auto reply = json::parse(answer(R"({"command":"history"})", kCommands));
  EXPECT_EQ(reply.at("history").at("tx").at("bytes"), (json{0, 0}));
}

TEST(ControlProtocol, AReloadIsAnsweredWithWhatItChangedOrWhyItDidNot) {
  EXPECT_EQ(answer(R"({"command":"reload"})", kCommands),
            R"({"reload":{"changes":["peer.keepalive: 10s, was the default"]}})");
  auto refusing = kCommands;
  refusing.reload = []() -> ReloadOutcome {
    return std::unexpected(ReloadRefusal{"a.yaml has mistakes", {"a.yaml:1:2: mtu: is no number"}});
  };
  EXPECT_EQ(answer(R"({"command":"reload"})", refusing),
            R"({"error":"a.yaml has mistakes","problems":["a.yaml:1:2: mtu: is no number"]})");
}

TEST(ControlProtocol, WhoeverIsNeitherRootNorTheOwnerMayAskForWhatChangesNothing) {
  for (const auto* request :
       {R"({"command":"status"})", R"({"command":"history"})", R"({"command":"events"})", "x", "{}"}) {
    EXPECT_EQ(refusal_to_others(request), "") << request;
  }
  for (const auto* request :
       {R"({"command":"reload"})", R"({"command":"launch"})", R"({"command":"status","command":"reload"})"}) {
    EXPECT_THAT(json::parse(refusal_to_others(request)).at("error"), HasSubstr("only root and the link's own user"))
        << request;
  }
}

TEST(ControlProtocol, OtherMembersOfARequestAreNoMistake) {
  const auto reply = json::parse(answer("{\"id\": [1, {}], \"command\": \"status\"} \r", kCommands));
  EXPECT_EQ(reply.at("status").at("name"), "office");
}

TEST(ControlProtocol, AnUnknownCommandIsNamedInTheError) {
  const auto reply = json::parse(answer(R"({"command":"launch"})", kCommands));
  EXPECT_THAT(reply.at("error"), HasSubstr("unknown command \"launch\""));
}

TEST(ControlProtocol, WhateverIsSentIsAnsweredWithOneLineOfJson) {
  for (const std::string& request :
       {std::string(), std::string("status"), std::string("{"), std::string("[]"), std::string("null"),
        std::string("{}"), std::string(R"({"command":7})"), std::string(R"({"command":null})"),
        std::string(R"({"command":"a\nb"})"), std::string("{\"command\":\"\xff\xfe\"}"),
        std::string("{\"command\":\"\\ud800\"}"), std::string("\0\1\2", 3), std::string("{\"command\":\"status\"} x"),
        std::string(60'000, '['), std::string(60'000, 'x')}) {
    const auto reply = answer(request, kCommands);
    EXPECT_EQ(reply.find('\n'), std::string::npos);
    EXPECT_TRUE(json::parse(reply).at("error").is_string()) << request.substr(0, 100);
  }
}

}  // namespace
}  // namespace adit::control
