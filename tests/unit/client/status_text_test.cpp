// SPDX-License-Identifier: MIT
#include "client/status_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "link_status.h"

namespace adit::client {
namespace {

using nlohmann::ordered_json;
using test::link;
using ::testing::HasSubstr;
using ::testing::Not;

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

TEST(StatusText, SaysWhatALinkForEthernetFramesIsIn) {
  auto json = link("office", "up");
  json["mode"] = "tap";
  json["bridge"] = nullptr;
  json["learnt_macs"] = nullptr;
  EXPECT_THAT(status_text(json, 1112), HasSubstr("  interface  adit0 for Ethernet frames, MTU 1420"));
  json["bridge"] = "br0";
  json["learnt_macs"] = 1;
  EXPECT_THAT(status_text(json, 1112), HasSubstr("adit0 for Ethernet frames in br0 (1 MAC address behind it), MTU"));
  json["learnt_macs"] = 16384;
  EXPECT_THAT(status_text(json, 1112), HasSubstr("(16384 MAC addresses behind it)"));
}

TEST(StatusText, SaysWhyThereAreFewerWorkersThanTheFileAsksFor) {
  auto json = link("office", "up");
  json["workers"] = 2;
  json["workers_limited_by"] = "processors";
  EXPECT_THAT(status_text(json, 1112),
              HasSubstr("  workers    2, fewer than were asked for: no more processors may be used\n"));
  json["workers_limited_by"] = "quota";
  EXPECT_THAT(status_text(json, 1112), HasSubstr("the control group's quota has no more processors\n"));
  json["workers_limited_by"] = "tasks";
  EXPECT_THAT(status_text(json, 1112), HasSubstr("no more threads could be started\n"));
  json.erase("workers_limited_by");
  EXPECT_THAT(status_text(json, 1112), Not(HasSubstr("workers")));
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
}  // namespace adit::client
