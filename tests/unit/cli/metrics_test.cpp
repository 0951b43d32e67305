// SPDX-License-Identifier: MIT
#include "cli/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adit::cli {
namespace {

using nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::Not;

ordered_json status() {
  return ordered_json::parse(R"({
    "name": "office", "interface": "office0", "state": "up", "reason": "", "since": 1000,
    "peer": {"public_key": "PEER=", "endpoint": "192.0.2.7:51820", "endpoint_source": "learned",
             "latest_handshake": 1790000000, "handshake_rtt_ms": 1.25, "keepalive": 25},
    "local": {"public_key": "OURS=", "listen": "51820"},
    "traffic": {"tx": {"packets": 1, "bytes": 84}, "rx": {"packets": 2000, "bytes": 2560000}},
    "drops": {"forged": 3, "replayed": 0}, "mtu": 1420, "learnt_macs": 12, "crypto": "libsodium",
    "offload": {"tun_tcp": "on", "udp_send": "refused"}, "routes": [{"to": "10.0.0.0/8"}], "workers": 1, "restarts": 2,
    "process": {"cpu_seconds": 1.5, "memory_bytes": 1048576}, "changed_by_wg": ["peer.endpoint", "peer.keepalive"],
    "observations": [{"kind": "wrong_key", "sentence": "x", "from": null, "count": 4, "last": 1790000001}, {"kind": "new"}, 7],
    "later": null})");
}

std::string page_of(const ordered_json& status) {
  return metrics_page({.links = {{"office", status}}, .seconds = 0.25}, "1.2.3");
}

/// The page has this very line.
auto has_line(const std::string& line) {
  return HasSubstr("\n" + line + "\n");
}

TEST(Metrics, ALinkThatIsUpHasThemAll) {
  const auto page = page_of(status());
  for (
      const auto* const line :
      {R"(adit_exporter_build_info{version="1.2.3"} 1)",
       "adit_links 1",
       "adit_scrape_duration_seconds 0.25",
       R"(adit_link_scrape_success{link="office"} 1)",
       R"(adit_link_up{link="office"} 1)",
       R"(adit_link_state{link="office",state="up"} 1)",
       R"(adit_link_state{link="office",state="stale"} 0)",
       R"(adit_link_info{link="office",interface="office0",public_key="OURS=",peer="PEER=",listen="51820",crypto="libsodium"} 1)",
       R"(adit_peer_endpoint_info{link="office",endpoint="192.0.2.7:51820",source="learned"} 1)",
       R"(adit_link_state_since_timestamp_seconds{link="office"} 1000)",
       R"(adit_latest_handshake_timestamp_seconds{link="office"} 1790000000)",
       R"(adit_handshake_round_trip_seconds{link="office"} 0.00125)",
       R"(adit_keepalive_interval_seconds{link="office"} 25)",
       R"(adit_transmit_bytes_total{link="office"} 84)",
       R"(adit_transmit_packets_total{link="office"} 1)",
       R"(adit_receive_bytes_total{link="office"} 2560000)",
       R"(adit_receive_packets_total{link="office"} 2000)",
       R"(adit_mtu_bytes{link="office"} 1420)",
       R"(adit_learnt_macs{link="office"} 12)",
       R"(adit_dropped_packets_total{link="office",reason="forged"} 3)",
       R"(adit_dropped_packets_total{link="office",reason="replayed"} 0)",
       R"(adit_offload_state{link="office",offload="tun_tcp",state="on"} 1)",
       R"(adit_offload_state{link="office",offload="udp_send",state="refused"} 1)",
       R"(adit_offload_state{link="office",offload="udp_send",state="on"} 0)",
       R"(adit_routes{link="office"} 1)",
       R"(adit_workers{link="office"} 1)",
       R"(adit_restarts_total{link="office"} 2)",
       R"(adit_process_cpu_seconds_total{link="office"} 1.5)",
       R"(adit_process_resident_memory_bytes{link="office"} 1048576)"}) {
    EXPECT_THAT(page, has_line(line));
  }
}

TEST(Metrics, WhatOnlyGrowsIsACounterAndNothingElseIs) {
  const auto page = page_of(status());
  std::size_t families = 0;
  for (std::size_t at = page.find("# TYPE "); at != std::string::npos; at = page.find("# TYPE ", at + 1)) {
    const auto line = page.substr(at, page.find('\n', at) - at);
    EXPECT_EQ(line.find("_total ") != std::string::npos, line.ends_with(" counter")) << line;
    ++families;
  }
  EXPECT_GE(families, 20);
}

TEST(Metrics, WhatIsNotKnownIsLeftOut) {
  auto json = status();
  json["peer"]["endpoint"] = nullptr;
  json["peer"]["endpoint_source"] = nullptr;
  json["peer"]["latest_handshake"] = nullptr;
  json["peer"]["handshake_rtt_ms"] = nullptr;
  json["peer"]["keepalive"] = nullptr;
  json.erase("process");
  const auto page = page_of(json);
  for (const auto* const name : {"adit_peer_endpoint_info", "adit_latest_handshake", "adit_handshake_round_trip",
                                 "adit_keepalive_interval", "adit_process"}) {
    EXPECT_THAT(page, Not(HasSubstr(name)));
  }
  EXPECT_THAT(page, has_line(R"(adit_link_up{link="office"} 1)"));
}

TEST(Metrics, ALinkThatDoesNotAnswerIsNotUp) {
  const auto page = page_of(nullptr);
  EXPECT_THAT(page, has_line(R"(adit_link_scrape_success{link="office"} 0)"));
  EXPECT_THAT(page, has_line(R"(adit_link_up{link="office"} 0)"));
  EXPECT_THAT(page, Not(HasSubstr("adit_link_state")));
}

TEST(Metrics, AnotherStateThanUpIsNotUp) {
  auto json = status();
  json["state"] = "stale";
  const auto page = page_of(json);
  EXPECT_THAT(page, has_line(R"(adit_link_up{link="office"} 0)"));
  EXPECT_THAT(page, has_line(R"(adit_link_state{link="office",state="stale"} 1)"));
  EXPECT_THAT(page, has_line(R"(adit_link_state{link="office",state="up"} 0)"));
}

TEST(Metrics, AStateOfALaterVersionIsShownBesides) {
  auto json = status();
  json["state"] = "probing";
  EXPECT_THAT(page_of(json), has_line(R"(adit_link_state{link="office",state="probing"} 1)"));
}

TEST(Metrics, FieldsOfOtherTypesDoNoHarm) {
  auto json = status();
  for (const auto* const field : {"interface", "since", "peer", "local", "traffic", "drops", "mtu", "offload", "routes",
                                  "observations", "process", "changed_by_wg"}) {
    json[field] = ordered_json::array({"what", 1, nullptr});
  }
  const auto page = page_of(json);
  EXPECT_THAT(page, has_line(R"(adit_link_up{link="office"} 1)"));
  EXPECT_THAT(page, Not(HasSubstr("adit_mtu_bytes")));
  json["state"] = 7;
  EXPECT_THAT(page_of(json), has_line(R"(adit_link_scrape_success{link="office"} 0)"));
}

TEST(Metrics, FamiliesOfSeveralLinksStayTogether) {
  auto other = status();
  other["state"] = "stale";
  const auto page = metrics_page({.links = {{"cabin", other}, {"gone", nullptr}, {"office", status()}}}, "1");
  EXPECT_THAT(page, HasSubstr("adit_link_up{link=\"cabin\"} 0\nadit_link_up{link=\"gone\"} 0\n"
                              "adit_link_up{link=\"office\"} 1\n"));
  const std::string type = "# TYPE adit_mtu_bytes ";
  EXPECT_EQ(page.find(type), page.rfind(type));
}

}  // namespace
}  // namespace adit::cli
