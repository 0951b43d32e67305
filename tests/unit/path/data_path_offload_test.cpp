// SPDX-License-Identifier: MIT
// Super-packets on their way through the data path.
#include "path/two_data_paths.h"

namespace adit::path::test {
namespace {

TEST_F(DataPathTest, ASuperPacketCrossesAsPacketsOfTheMtuAndIsPutTogetherAgain) {
  connect();
  const auto super = super_packet(60'000, 1380);
  a_.tun.from_host.push_back(super);
  a_.path->send(now_);
  EXPECT_EQ(b_.udp.inbox.size(), (60'000U + 1379) / 1380);
  EXPECT_EQ(b_.udp.inbox.front().size(), 1420U + wire::kTransportOverhead);
  settle();
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(cut(super)));
  EXPECT_GT(b_.tun.merges_tried, 0);
  EXPECT_EQ(b_.drops(DropReason::malformed_packet), 0U);
}

TEST_F(DataPathTest, WhatAHeaderLiesAboutIsDroppedAndItsNeighboursAreNot) {
  connect();
  auto liar = super_packet(5000, 1380);
  liar.first.checksum_start = 60'000;
  a_.tun.from_host.push_back(liar);
  const auto sound = super_packet(5000, 1380);
  a_.tun.from_host.push_back(sound);
  settle();
  EXPECT_EQ(a_.drops(DropReason::malformed_packet), 1U);
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(cut(sound)));
}

TEST_F(DataPathTest, AHostThatDoesNotTakeMergedPacketsGetsTheSamePacketsOneByOneFromThenOn) {
  connect();
  b_.tun.refuses_merged = true;
  const auto super = super_packet(20'000, 1380);
  for (int i = 0; i < 3; ++i) a_.tun.from_host.push_back(super);
  a_.path->send(now_);
  while (b_.path->receive(now_).count != 0) {
  }
  std::vector<Buffer> expected;
  for (int i = 0; i < 3; ++i) std::ranges::copy(cut(super), std::back_inserter(expected));
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(expected));
  EXPECT_EQ(b_.drops(DropReason::deliver_failed), 0U);
  EXPECT_FALSE(b_.path->merges().tcp4);
  EXPECT_TRUE(b_.path->merges().tcp6) << "that one was not refused";
  const auto tried = b_.tun.merges_tried;
  a_.tun.from_host.push_back(super);
  settle();
  EXPECT_EQ(b_.tun.merges_tried, tried);
}

TEST_F(DataPathTest, SuperPacketsThatWaitForRoomAreNotLost) {
  connect();
  a_.udp.room = 7;
  std::vector<Buffer> expected;
  for (const std::size_t payload : {60'000U, 1U, 50'000U, 64'000U, 3000U}) {
    const auto super = super_packet(payload, 1380);
    std::ranges::copy(cut(super), std::back_inserter(expected));
    a_.tun.from_host.push_back(super);
  }
  a_.path->send(now_);
  while (a_.path->blocked() != Family::none) {
    a_.udp.room = 13;
    a_.path->resume(now_);
  }
  a_.udp.room = -1;
  settle();
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(expected));
}

TEST_F(DataPathTest, WhatIsReadPacketByPacketGoesOutInOnePieceAsLongAsTheSizeStays) {
  connect();
  a_.udp.runs.clear();
  offer(a_, std::vector<Buffer>(60, packet(7)));
  a_.path->send(now_);
  EXPECT_THAT(a_.udp.runs, ElementsAre(60));

  a_.udp.runs.clear();
  for (const std::size_t size : {1400U, 1400U, 1400U, 600U, 1400U, 1400U, 40U, 40U}) offer(a_, {packet(7, size)});
  a_.path->send(now_);
  EXPECT_THAT(a_.udp.runs, ElementsAre(4, 3, 1)) << "a smaller one ends a run, and belongs to it";
}

TEST_F(DataPathTest, SuperPacketsInARowGoOutInOnePieceAsLongAsTheSizeStays) {
  connect();
  a_.udp.runs.clear();
  for (const std::size_t segments : {3U, 5U, 2U}) a_.tun.from_host.push_back(super_packet(segments * 1380, 1380));
  a_.tun.from_host.push_back(super_packet(2 * 1380 + 7, 1380));
  a_.tun.from_host.push_back(super_packet(2 * 700, 700));
  a_.path->send(now_);
  EXPECT_THAT(a_.udp.runs, ElementsAre(3 + 5 + 2 + 3, 2));
}

TEST_F(DataPathTest, CongestionMarksGoOutAndComeBack) {
  connect();
  a_.udp.classes.clear();
  constexpr std::uint8_t kDscpAndCapable = 0xb8 | 2;
  a_.tun.from_host.push_back(super_packet(3000, 1380, kDscpAndCapable));
  a_.tun.from_host.push_back(super_packet(100, 1380, 0));
  a_.path->send(now_);
  EXPECT_THAT(a_.udp.classes, ElementsAre(2, 2, 2, 0)) << "ECN is copied, DSCP is not";
  b_.udp.mark = 3;
  settle();
  ASSERT_EQ(b_.tun.to_host.size(), 3U) << "who does not know ECN loses the packet";
  for (const auto& packet : b_.tun.to_host) EXPECT_EQ(packet[1], 0xb8 | 3);
  EXPECT_EQ(b_.drops(DropReason::congestion), 1U);

  a_.tunnel->set_copy_dscp(true);
  a_.udp.classes.clear();
  a_.tun.from_host.push_back(super_packet(100, 1380, kDscpAndCapable));
  a_.path->send(now_);
  EXPECT_THAT(a_.udp.classes, ElementsAre(kDscpAndCapable));
}

}  // namespace
}  // namespace adit::path::test
