// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/command_line.h"
#include "cli/control_client.h"
#include "cli/fake_daemon.h"
#include "cli/status_text.h"

namespace adit::cli {
namespace {

using nlohmann::ordered_json;
using std::chrono_literals::operator""ms;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

ordered_json link(const std::string& name, const std::string& state) {
  auto json = ordered_json::parse(R"({
    "name": "", "interface": "adit0", "state": "", "reason": "", "since": 1000,
    "peer": {"public_key": "KEY=", "endpoint": "192.0.2.7:51820", "endpoint_source": "learned",
             "latest_handshake": 1100, "handshake_rtt_ms": 1.25, "keepalive": 25},
    "local": {"public_key": "OURS=", "listen": "51820"},
    "traffic": {"tx": {"packets": 1, "bytes": 84}, "rx": {"packets": 2000, "bytes": 2560000}},
    "drops": {"forged": 3, "replayed": 0, "rate_limited": 1}, "mtu": 1420, "crypto": "libsodium",
    "offload": {"tun_tcp": "on", "tun_udp": "on", "udp_send": "on", "udp_receive": "on"}, "routes": [], "workers": 1, "restarts": 0})");
  json["name"] = name;
  json["state"] = state;
  return json;
}

std::string answer_of(const ordered_json& status) {
  return ordered_json{{"status", status}}.dump() + "\n";
}

class StatusTest : public ::testing::Test {
 protected:
  StatusTest() { setenv("ADIT_RUN_DIR", (folder_ / "").c_str(), 1); }
  ~StatusTest() override { unsetenv("ADIT_RUN_DIR"); }
  std::filesystem::path socket(const std::string& name) const { return folder_ / (name + ".sock"); }

  Folder folder_;
};

TEST_F(StatusTest, WithoutLinksItSaysSo) {
  const auto outcome = adit({"status"});
  EXPECT_EQ(outcome.status, kDone);
  EXPECT_THAT(outcome.out, StartsWith("no links are running"));
  EXPECT_EQ(adit({"status", "--json"}).out, "[]\n");
}

TEST_F(StatusTest, AFolderThatIsMissingHasNoLinks) {
  setenv("ADIT_RUN_DIR", (folder_ / "none").c_str(), 1);
  EXPECT_EQ(adit({"status"}).status, kDone);
}

TEST_F(StatusTest, ALinkThatIsUpIsShown) {
  const FakeDaemon daemon(socket("office"), answer_of(link("office", "up")));
  const auto outcome = adit({"status", "office"});
  EXPECT_EQ(outcome.status, kDone);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, StartsWith("office: up for "));
}

TEST_F(StatusTest, ANamedLinkThatIsNotUpIsThree) {
  const FakeDaemon office(socket("office"), answer_of(link("office", "up")));
  const FakeDaemon home(socket("home"), answer_of(link("home", "stale")));
  EXPECT_EQ(adit({"status", "office"}).status, kDone);
  EXPECT_EQ(adit({"status", "home"}).status, kNotUp);
  EXPECT_EQ(adit({"status", "office", "home"}).status, kNotUp);
  EXPECT_EQ(adit({"status"}).status, kDone) << "nobody asked for a link in particular";
}

TEST_F(StatusTest, AllLinksAreShownInOrder) {
  const FakeDaemon office(socket("office"), answer_of(link("office", "up")));
  const FakeDaemon home(socket("home"), answer_of(link("home", "stale")));
  folder_.write("note.txt", "not a socket");
  const auto outcome = adit({"status"});
  EXPECT_THAT(outcome.out, StartsWith("home: "));
  EXPECT_THAT(outcome.out, HasSubstr("\n\noffice: "));
}

TEST_F(StatusTest, JsonIsAlwaysAnArray) {
  const FakeDaemon office(socket("office"), answer_of(link("office", "up")));
  for (const auto& outcome : {adit({"status", "--json"}), adit({"status", "office", "--json"})}) {
    EXPECT_EQ(outcome.status, kDone);
    EXPECT_EQ(ordered_json::parse(outcome.out), ordered_json::array({link("office", "up")}));
  }
}

TEST_F(StatusTest, ALinkThatIsNotThereIsFour) {
  for (const auto* name : {"nowhere", "../office", ""}) {
    const auto outcome = adit({"status", name, "--json"});
    EXPECT_EQ(outcome.status, kNoSuchLink) << name;
    EXPECT_EQ(outcome.out, "[]\n");
    EXPECT_THAT(outcome.err, StartsWith("adit: there is no link "));
  }
}

TEST_F(StatusTest, WhatAKilledDaemonLeftIsNoLink) {
  { const FakeDaemon office(socket("office"), ""); }
  const auto outcome = adit({"status", "office"});
  EXPECT_EQ(outcome.status, kNoSuchLink);
  EXPECT_THAT(outcome.err, HasSubstr("journalctl -u adit@office"));
  EXPECT_EQ(adit({"status"}).status, kDone);
  EXPECT_THAT(adit({"status"}).err, HasSubstr("not running"));
}

TEST_F(StatusTest, AnAnswerOfAnotherKindIsAnErrorAndNoCrash) {
  for (const auto* answer : {"\n", "x\n", "{}\n", "[]\n", "{\"status\":{}}\n", "{\"error\":\"no\"}\n",
                             "{\"status\":{\"name\":7,\"state\":\"up\"}}\n"}) {
    std::filesystem::remove(socket("office"));
    const FakeDaemon office(socket("office"), answer);
    const auto outcome = adit({"status", "office"});
    EXPECT_EQ(outcome.status, kFailed) << answer;
    EXPECT_THAT(outcome.err, HasSubstr("one version")) << answer;
    EXPECT_THAT(outcome.out, IsEmpty());
  }
}

TEST_F(StatusTest, ADaemonThatSaysNothingIsNotWaitedForForEver) {
  const FakeDaemon office(socket("office"), "");
  const auto answer = ask(socket("office"), "{}", 20ms);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, AskFailure::no_answer);
}

TEST_F(StatusTest, ADaemonThatHangsUpIsAnError) {
  const FakeDaemon office(socket("office"), "half an answ");
  const auto answer = ask(socket("office"), "{}", 5000ms);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, AskFailure::broken);
}

TEST(StatusText, HasALineForEachThingPeopleAskFor) {
  EXPECT_EQ(status_text(link("office", "up"), 1112),
            "office: up for 1 min\n"
            "  peer       KEY= at 192.0.2.7:51820 (learned)\n"
            "  handshake  12 s ago, round trip 1.2 ms\n"
            "  traffic    sent 84 B in 1 packet, received 2.4 MiB in 2000 packets\n"
            "  dropped    forged 3, rate_limited 1\n"
            "  interface  adit0, MTU 1420, listening on 51820\n"
            "  offload    tun tcp+udp, udp send+receive\n");
}

TEST(StatusText, SaysWhatIsNotKnownYet) {
  auto json = link("office", "waiting");
  json["reason"] = "no endpoint known yet: the peer must call";
  json["peer"]["endpoint"] = nullptr;
  json["peer"]["endpoint_source"] = nullptr;
  json["peer"]["latest_handshake"] = nullptr;
  json["peer"]["handshake_rtt_ms"] = nullptr;
  json["drops"] = {{"forged", 0}};
  json["routes"] = ordered_json::parse(R"([{"to": "10.1.0.0/16"}, {"to": "::/0", "table": 5}])");
  EXPECT_EQ(status_text(json, 1003),
            "office: waiting for 3 s: no endpoint known yet: the peer must call\n"
            "  peer       KEY= no endpoint known\n"
            "  handshake  never\n"
            "  traffic    sent 84 B in 1 packet, received 2.4 MiB in 2000 packets\n"
            "  routes     10.1.0.0/16, ::/0\n"
            "  interface  adit0, MTU 1420, listening on 51820\n"
            "  offload    tun tcp+udp, udp send+receive\n");
}

TEST(StatusText, SaysWhichOffloadsAreUsedAndWhichCannotBe) {
  const auto last_line = [](const char* tun_tcp, const char* tun_udp, const char* udp_send, const char* udp_receive) {
    auto json = link("office", "up");
    json["offload"] = {
        {"tun_tcp", tun_tcp}, {"tun_udp", tun_udp}, {"udp_send", udp_send}, {"udp_receive", udp_receive}};
    const auto text = status_text(json, 1112);
    return text.substr(text.rfind("  offload    "));
  };
  EXPECT_EQ(last_line("off", "off", "off", "off"), "  offload    off\n");
  EXPECT_EQ(last_line("on", "off", "off", "on"), "  offload    tun tcp, udp receive\n");
  EXPECT_EQ(last_line("off", "off", "on", "on"), "  offload    udp send+receive\n");
  EXPECT_EQ(last_line("on", "unavailable", "refused", "on"),
            "  offload    tun tcp, udp receive; refused: udp send; unavailable: tun udp\n");
  EXPECT_EQ(last_line("off", "off", "refused", "refused"), "  offload    off; refused: udp send+receive\n");
  EXPECT_EQ(last_line("unavailable", "unavailable", "unavailable", "unavailable"),
            "  offload    off; unavailable: tun tcp+udp, udp send+receive\n");
  EXPECT_EQ(last_line("on", "on", "of a later version", "on"), "  offload    tun tcp+udp, udp receive\n");
}

TEST(StatusText, WritesAmountsInTheUnitThatFits) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1024), "1.0 KiB");
  EXPECT_EQ(bytes_text(1536 * 1024), "1.5 MiB");
  EXPECT_EQ(bytes_text(~std::uint64_t{0}), "16.0 EiB");
}

TEST(StatusText, WritesSpansAsShortAsTheyNeedToBe) {
  EXPECT_EQ(span_text(-5), "0 s") << "the clock went back";
  EXPECT_EQ(span_text(59), "59 s");
  EXPECT_EQ(span_text(60), "1 min");
  EXPECT_EQ(span_text(3600 + 20 * 60), "1 h 20 min");
  EXPECT_EQ(span_text(2 * 86'400 + 4 * 3600 + 59), "2 d 4 h");
}

}  // namespace
}  // namespace adit::cli
