// SPDX-License-Identifier: MIT
#include "control/status_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace adit::control {
namespace {

using nlohmann::ordered_json;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""us;
using ::testing::ElementsAre;

std::vector<std::string> names(const ordered_json& object) {
  std::vector<std::string> list;
  for (const auto& [name, value] : object.items()) list.push_back(name);
  return list;
}

Report report() {
  Report report{.name = "office",
                .interface = "adit0",
                .health = {link::State::up, {}},
                .since = {1'700'000'000s},
                .peer_key = crypto::PublicKey(),
                .remote = Endpoint::parse("192.0.2.7:51820").value(),
                .keepalive = 25s,
                .local_key = crypto::PublicKey(),
                .listen = "51820",
                .mtu = 1420,
                .crypto = "libsodium"};
  report.status.endpoint_source = tunnel::EndpointSource::learned;
  report.status.handshake_at = Instant{} + 5s;
  report.status.handshake_time = {1'700'000'123s};
  report.status.round_trip = 12'345us;
  report.status.sent = {.packets = 1, .bytes = 84};
  report.status.received = {.packets = 2, .bytes = 168};
  report.status.drops.add(tunnel::DropReason::forged, 3);
  return report;
}

TEST(StatusReport, HasExactlyTheNamesPeopleScriptWith) {
  const auto json = to_json(report());
  EXPECT_THAT(names(json), ElementsAre("name", "interface", "netns", "mode", "mac", "bridge", "learnt_macs", "state",
                                       "reason", "since", "peer", "local", "traffic", "drops", "mtu", "path", "crypto",
                                       "offload", "routes", "blocked", "observations", "process", "changed_by_wg",
                                       "workers", "workers_limited_by", "restarts"));
  EXPECT_THAT(names(json["peer"]), ElementsAre("public_key", "endpoint", "endpoint_source", "latest_handshake",
                                               "handshake_rtt_ms", "keepalive"));
  EXPECT_THAT(names(json["local"]), ElementsAre("public_key", "listen", "device"));
  EXPECT_THAT(names(json["traffic"]), ElementsAre("tx", "rx"));
  EXPECT_THAT(names(json["traffic"]["tx"]), ElementsAre("packets", "bytes"));
  EXPECT_THAT(names(json["path"]), ElementsAre("probe", "size", "asked", "answered"));
  EXPECT_THAT(names(json["offload"]), ElementsAre("tun_tcp", "tun_udp", "udp_send", "udp_receive"));
}

TEST(StatusReport, TellsWhatAStillUnconfiguredLinkLacks) {
  auto bare = report();
  bare.peer_key.reset();
  bare.local_key.reset();
  const auto json = to_json(bare);
  EXPECT_TRUE(json["peer"]["public_key"].is_null());
  EXPECT_TRUE(json["local"]["public_key"].is_null());
}

TEST(StatusReport, TellsWhatIsKnown) {
  const auto json = to_json(report());
  EXPECT_EQ(json["state"], "up");
  EXPECT_EQ(json["reason"], "");
  EXPECT_EQ(json["since"], 1'700'000'000);
  EXPECT_EQ(json["peer"]["public_key"], "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
  EXPECT_EQ(json["peer"]["endpoint"], "192.0.2.7:51820");
  EXPECT_EQ(json["peer"]["endpoint_source"], "learned");
  EXPECT_EQ(json["peer"]["latest_handshake"], 1'700'000'123);
  EXPECT_EQ(json["peer"]["handshake_rtt_ms"], 12.345);
  EXPECT_EQ(json["peer"]["keepalive"], 25);
  EXPECT_EQ(json["traffic"]["tx"]["bytes"], 84);
  EXPECT_EQ(json["traffic"]["rx"]["packets"], 2);
  EXPECT_EQ(json["crypto"], "libsodium");
}

TEST(StatusReport, TellsWhyThereAreFewerWorkersThanTheFileAsksFor) {
  EXPECT_EQ(to_json(report())["workers"], 1);
  EXPECT_TRUE(to_json(report())["workers_limited_by"].is_null());
  auto limited = report();
  limited.workers = {.count = 2, .limit = path::Limit::quota};
  EXPECT_EQ(to_json(limited)["workers"], 2);
  EXPECT_EQ(to_json(limited)["workers_limited_by"], "quota");
}

TEST(StatusReport, WhatIsNotKnownIsNullAndNever1970) {
  const auto json = to_json(Report{.health = {link::State::waiting, "no endpoint known yet: the peer must call"}});
  EXPECT_EQ(json["state"], "waiting");
  for (const auto* name : {"endpoint", "endpoint_source", "latest_handshake", "handshake_rtt_ms", "keepalive"}) {
    EXPECT_TRUE(json["peer"][name].is_null()) << name;
  }
}

TEST(StatusReport, EveryDropReasonIsThereWithItsCount) {
  const auto drops = to_json(report())["drops"];
  EXPECT_EQ(drops.size(), tunnel::kDropReasons);
  EXPECT_EQ(drops["forged"], 3);
  EXPECT_EQ(drops["replayed"], 0);
}

TEST(StatusReport, EachOffloadHasOneOfFourWords) {
  auto with_offload = report();
  EXPECT_EQ(to_json(with_offload)["offload"], ordered_json::parse(R"(
      {"tun_tcp": "off", "tun_udp": "off", "udp_send": "off", "udp_receive": "off"})"));
  with_offload.offload = {.tun_tcp = path::OffloadState::on,
                          .tun_udp = path::OffloadState::unavailable,
                          .udp_send = path::OffloadState::refused,
                          .udp_receive = path::OffloadState::off};
  EXPECT_EQ(to_json(with_offload)["offload"], ordered_json::parse(R"(
      {"tun_tcp": "on", "tun_udp": "unavailable", "udp_send": "refused", "udp_receive": "off"})"));
}

TEST(StatusReport, ARouteSaysOnlyWhatWasChosenForIt) {
  auto with_routes = report();
  with_routes.routes = {
      {.to = IpNetwork::parse("192.168.20.0/24").value()},
      {.to = IpNetwork::parse("10.20.0.0/16").value(),
       .metric = 50,
       .table = 100,
       .source = IpAddress::parse("10.9.0.1").value()},
  };
  EXPECT_EQ(to_json(with_routes)["routes"], ordered_json::parse(R"([
      {"to": "192.168.20.0/24"},
      {"to": "10.20.0.0/16", "metric": 50, "table": 100, "source": "10.9.0.1"}])"));
}

}  // namespace
}  // namespace adit::control
