// SPDX-License-Identifier: MIT
#include "path/offload_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adit::path {
namespace {

using config::Switch;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr net::TunOffloads kAll{.tcp = true, .udp = true};
constexpr net::UdpOffloads kBoth{.can_send = true, .sends = true, .receives = true};

config::Tuning tuned(Switch tun, Switch udp) {
  config::Tuning tuning;
  tuning.tun_offload = tun;
  tuning.udp_offload = udp;
  return tuning;
}

OffloadReport usual() {
  return report_offloads({}, kAll, merge_options(kAll), kBoth);
}

TEST(OffloadState, WhatTheKernelHasIsOn) {
  const auto report = usual();
  for (const auto state : {report.tun_tcp, report.tun_udp, report.udp_send, report.udp_receive}) {
    EXPECT_EQ(state, OffloadState::on);
  }
}

TEST(OffloadState, WhatTheFileSwitchesOffIsOffWhateverTheKernelHas) {
  const auto report = report_offloads(tuned(Switch::off, Switch::off), {}, merge_options({}), {});
  for (const auto state : {report.tun_tcp, report.tun_udp, report.udp_send, report.udp_receive}) {
    EXPECT_EQ(state, OffloadState::off);
  }
}

TEST(OffloadState, WhatAnOlderKernelLacksIsUnavailableAndNotRefused) {
  const net::TunOffloads old{.tcp = true, .udp = false};
  const auto report = report_offloads({}, old, merge_options(old), {});
  EXPECT_EQ(report.tun_tcp, OffloadState::on);
  EXPECT_EQ(report.tun_udp, OffloadState::unavailable);
  EXPECT_EQ(report.udp_send, OffloadState::unavailable);
  EXPECT_EQ(report.udp_receive, OffloadState::unavailable);
}

TEST(OffloadState, WhatWasRefusedIsToldOnceWithAReason) {
  auto merges = merge_options(kAll);
  merges.tcp6 = false;
  const net::UdpOffloads refused{.can_send = true, .sends = false, .receives = true};
  const auto report = report_offloads({}, kAll, merges, refused);
  EXPECT_EQ(report.tun_tcp, OffloadState::refused);
  EXPECT_EQ(report.tun_udp, OffloadState::on);
  EXPECT_EQ(report.udp_send, OffloadState::refused);
  RefusalNews news;
  EXPECT_THAT(news.of(usual()), IsEmpty());
  EXPECT_THAT(news.of(report), ElementsAre(HasSubstr("refused to segment UDP"), HasSubstr("refused merged packets")));
  EXPECT_THAT(news.of(report), IsEmpty());
}

TEST(OffloadState, WhatIsTriedAgainAndRefusedAgainIsNoNews) {
  const net::UdpOffloads refused{.can_send = true, .sends = false, .receives = true};
  const auto report = report_offloads({}, kAll, merge_options(kAll), refused);
  RefusalNews news;
  EXPECT_THAT(news.of(report), ElementsAre(HasSubstr("refused to segment UDP")));
  EXPECT_THAT(news.of(usual()), IsEmpty());
  EXPECT_THAT(news.of(report), IsEmpty());
}

TEST(OffloadState, OneRefusalDoesNotHideAnother) {
  const net::UdpOffloads refused{.can_send = true, .sends = false, .receives = true};
  RefusalNews news;
  EXPECT_THAT(news.of(report_offloads({}, kAll, merge_options(kAll), refused)), ElementsAre(HasSubstr("UDP")));
  auto merges = merge_options(kAll);
  merges.udp4 = false;
  EXPECT_THAT(news.of(report_offloads({}, kAll, merges, refused)), ElementsAre(HasSubstr("merged packets")));
}

TEST(OffloadState, WhatTheFileInsistsOnAndTheKernelLacksIsAnErrorThatNamesTheKey) {
  const auto insists = tuned(Switch::on, Switch::on);
  EXPECT_TRUE(have_what_was_asked(insists, usual()));
  EXPECT_THAT(have_what_was_asked(insists, report_offloads(insists, {}, {}, kBoth)).error().message,
              HasSubstr("tuning.tun_offload"));
  const net::UdpOffloads only_sends{.can_send = true, .sends = true, .receives = false};
  EXPECT_THAT(have_what_was_asked(insists, report_offloads(insists, kAll, {}, only_sends)).error().message,
              HasSubstr("tuning.udp_offload"));
  EXPECT_TRUE(have_what_was_asked({}, report_offloads({}, {}, {}, {}))) << "auto does without";
}

}  // namespace
}  // namespace adit::path
