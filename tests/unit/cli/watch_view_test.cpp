// SPDX-License-Identifier: MIT
#include "cli/watch_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace adit::cli {
namespace {

using nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::int64_t kNow = 1'700'000'100;

ordered_json status() {
  return ordered_json::parse(R"({
    "name":"office","interface":"office","state":"up","reason":"","since":1700000000,
    "peer":{"public_key":"PUBLIC=","endpoint":"192.0.2.7:51820","endpoint_source":"learned",
            "latest_handshake":1700000090,"handshake_rtt_ms":0.42,"keepalive":25},
    "drops":{"forged":3,"replayed":0},"crypto":"ipsec_mb",
    "offload":{"tun_tcp":"on","tun_udp":"on","udp_send":"on","udp_receive":"on"},
    "observations":[{"kind":"bad_mac1","sentence":"something came","from":null,"count":1,"last":1700000050}],
    "process":{"pid":77,"cpu_seconds":10.0,"memory_bytes":10485760}})");
}

ordered_json history(const std::vector<int>& bytes) {
  return {
      {"interval", 1}, {"tx", {{"bytes", bytes}, {"packets", bytes}}}, {"rx", {{"bytes", bytes}, {"packets", bytes}}}};
}

Watched watched() {
  return {.name = "office", .status = status(), .history = history({125, 1250, 125'000})};
}

std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string text_of(const Line& line) {
  std::string text;
  for (const auto& span : line) text += span.text;
  return text;
}

std::string text_of(const std::vector<Line>& lines) {
  std::string text;
  for (const auto& line : lines) text += text_of(line) + "\n";
  return text;
}

TEST(WatchFrame, ShowsWhatIsToBeKnown) {
  const auto text = text_of(watch_frame(watched(), {}, kNow));
  for (const auto* const part :
       {"office up for 1 min", "PUBLIC= at 192.0.2.7:51820 (learned)", "10 s ago, round trip 0.4 ms",
        "tun tcp+udp, udp send+receive, ipsec_mb", "process 77, 10.0 MiB", "forged 3", "1.0 Mbit/s, 125000 packets/s",
        "something came", "q quit"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(text, Not(HasSubstr("replayed"))) << "what did not happen takes no room";
  EXPECT_THAT(text, Not(HasSubstr("next link"))) << "there is no other one";
}

TEST(WatchFrame, TwoLooksTellTheProcessorsTimeAndFreshDrops) {
  auto second = watched();
  second.earlier = Earlier{.cpu_seconds = 9.0, .pid = 77, .drops = {{"forged", 1}, {"replayed", 0}}};
  second.seconds = 2;
  const auto text = text_of(watch_frame(second, {}, kNow));
  EXPECT_THAT(text, HasSubstr("CPU 50 %"));
  EXPECT_THAT(text, HasSubstr("forged 3 (+2)"));
  second.earlier->pid = 76;  // another process since
  EXPECT_THAT(text_of(watch_frame(second, {}, kNow)), Not(HasSubstr("CPU")));
}

TEST(WatchFrame, FitsEveryScreen) {
  auto full = watched();
  full.links = 3;
  full.status["reason"] = std::string(500, 'x') + " and words " + std::string(300, 'y');
  for (int rows = 0; rows <= 60; rows += 3) {
    for (int columns = 0; columns <= 200; columns += 7) {
      for (const bool utf8 : {false, true}) {
        const auto lines = watch_frame(full, {.columns = columns, .rows = rows, .utf8 = utf8}, kNow);
        EXPECT_LE(lines.size(), static_cast<std::size_t>(std::max(rows, 1)));
        for (const auto& line : lines) EXPECT_LE(columns_of(text_of(line)), static_cast<std::size_t>(columns));
      }
    }
  }
}

TEST(WatchFrame, TheLastLineNamesTheKeys) {
  auto one_of_many = watched();
  one_of_many.links = 2;
  const auto lines = watch_frame(one_of_many, {.columns = 80, .rows = 12}, kNow);
  ASSERT_THAT(lines, SizeIs(12));
  EXPECT_THAT(text_of(lines.back()), HasSubstr("n next link"));
}

TEST(WatchFrame, ALinkThatDoesNotAnswerSaysWhy) {
  Watched gone{.name = "office", .status = nullptr, .history = nullptr, .problem = "link office is not running"};
  const auto text = text_of(watch_frame(gone, {}, kNow));
  EXPECT_THAT(text, HasSubstr("office does not answer"));
  EXPECT_THAT(text, HasSubstr("link office is not running"));
}

TEST(WatchFrame, NothingThatAPeerSaysMovesTheCursor) {
  auto hostile = watched();
  hostile.status["reason"] = "a\x1b[2Jb\nc";
  for (const auto& line : watch_frame(hostile, {}, kNow)) {
    for (const char c : text_of(line)) EXPECT_TRUE(static_cast<unsigned char>(c) >= ' ');
  }
}

TEST(WatchFrame, WithoutUtf8ItIsPlainLetters) {
  for (const auto& line : watch_frame(watched(), {.utf8 = false}, kNow)) {
    for (const char c : text_of(line)) EXPECT_LT(static_cast<unsigned char>(c), 0x7f);
  }
}

TEST(Plot, TheNewestIsAtTheRightEdge) {
  EXPECT_THAT(plot({1, 0, 4}, 4, 5, 1, false), ElementsAre("  . #"));
  EXPECT_THAT(plot({4}, 4, 3, 2, false), ElementsAre("  #", "  #"));
  EXPECT_THAT(plot({2, 4}, 4, 2, 2, false), ElementsAre(" #", "##"));
}

TEST(Plot, EightStepsInARowWhereThereIsUtf8) {
  EXPECT_THAT(plot({1, 2, 3, 4, 5, 6, 7, 8}, 8, 8, 1, true), ElementsAre("▁▂▃▄▅▆▇█"));
}

TEST(Plot, WhatDoesNotFitIsAveraged) {
  EXPECT_THAT(plot({0, 8, 4, 4}, 4, 2, 1, false), ElementsAre("##"));
}

TEST(Plot, TheLeastTrafficIsSeenAndNoneIsNot) {
  EXPECT_THAT(plot({0.001, 0}, 1000, 2, 1, true), ElementsAre("▁ "));
  EXPECT_THAT(plot({0, 0}, 0, 2, 1, true), ElementsAre("  "));
  EXPECT_THAT(plot({}, 0, 3, 1, true), ElementsAre("   "));
}

TEST(RateText, CountsInThousands) {
  EXPECT_EQ(rate_text(0), "0 bit/s");
  EXPECT_EQ(rate_text(999), "999 bit/s");
  EXPECT_EQ(rate_text(1500), "1.5 kbit/s");
  EXPECT_EQ(rate_text(2.5e9), "2.5 Gbit/s");
}

}  // namespace
}  // namespace adit::cli
