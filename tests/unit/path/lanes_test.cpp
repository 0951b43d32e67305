// SPDX-License-Identifier: MIT
// The rules of several lanes, one step after the other; workers_test.cpp has them under threads.
#include "path/lanes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <deque>

#include "path/shared_ports.h"

namespace adit::path::test {
namespace {

using ::testing::ElementsAre;

class LanesTest : public ::testing::Test {
 protected:
  /// With so many packets, each of which takes a counter.
  Shipment& shipment(std::size_t packets) {
    auto& fresh = shipments_.emplace_back(4096);
    fresh.outbox.packets.resize(packets);
    return fresh;
  }
  /// Sends whatever is there, all of it from first to last; by their numbers.
  std::vector<std::uint64_t> work(Lanes& lanes) {
    std::vector<std::uint64_t> sent;
    while (lanes.work([](Shipment&) {},
                      [&](Shipment& shipment) {
                        sent.push_back(shipment.number);
                        return true;
                      })) {
    }
    return sent;
  }
  static std::size_t collect(Lanes& lanes) {
    std::size_t count = 0;
    lanes.collect([&](Shipment&, bool failed) {
      EXPECT_FALSE(failed);
      ++count;
    });
    return count;
  }
  std::size_t take_reads(Lanes& lanes) {
    std::size_t count = 0;
    lanes.collect_reads([&](std::size_t lane, Shipment& shipment, bool) {
      ++count;
      shipment.outbox.packets.resize(1000);
      lanes.publish(lane, shipment);
    });
    return count;
  }

  HandOverPoint point_;
  std::deque<Shipment> shipments_;
  SharedTun tun_{3};
};

TEST_F(LanesTest, EachLaneKeepsItsOrderAndNoneWaitsForAnother) {
  Lanes lanes(2, point_);
  for (const std::size_t lane : {0, 1, 0, 1}) lanes.publish(lane, shipment(1));
  bool stuck = true;
  std::vector<std::uint64_t> sent;
  const auto send = [&](Shipment& shipment) {
    if (stuck && shipment.number == 0) return false;
    sent.push_back(shipment.number);
    return true;
  };
  while (lanes.work([](Shipment&) {}, send)) {
  }
  EXPECT_THAT(sent, ElementsAre(1, 3));
  EXPECT_TRUE(lanes.held());
  EXPECT_EQ(collect(lanes), 2U);
  stuck = false;
  lanes.let_go();
  lanes.finish(send);
  EXPECT_THAT(sent, ElementsAre(1, 3, 0, 2));
  EXPECT_EQ(collect(lanes), 2U);
}

TEST_F(LanesTest, WhatCameFromNoQueueLeavesAfterAllBeforeItAndAheadOfWhatIsAdmittedLater) {
  Lanes lanes(3, point_);
  lanes.publish(1, shipment(5));
  EXPECT_FALSE(lanes.may_go_alone());
  EXPECT_THAT(work(lanes), ElementsAre(0));
  EXPECT_FALSE(lanes.may_go_alone()) << "it may still be at it, as far as the owner knows";
  EXPECT_EQ(collect(lanes), 1U);
  ASSERT_TRUE(lanes.may_go_alone());
  lanes.publish_alone(shipment(5));
  EXPECT_FALSE(lanes.may_admit());

  lanes.ask(2, shipment(0));
  EXPECT_TRUE(lanes.read(tun_));
  EXPECT_EQ(take_reads(lanes), 0U);
  EXPECT_FALSE(lanes.has_news(lanes.may_admit())) << "nobody is to look again and again meanwhile";
  EXPECT_THAT(work(lanes), ElementsAre(1));
  EXPECT_TRUE(lanes.has_news(lanes.may_admit()));
  EXPECT_EQ(collect(lanes), 1U);
  EXPECT_TRUE(lanes.may_admit());
  EXPECT_EQ(take_reads(lanes), 1U);
  EXPECT_THAT(work(lanes), ElementsAre(2));
}

TEST_F(LanesTest, ASlowLaneIsNotLeftBehindByMoreThanPeersForgive) {
  Lanes lanes(2, point_);
  lanes.publish(0, shipment(10));
  std::size_t admitted = 0;
  while (lanes.may_admit()) {
    lanes.publish(1, shipment(500));
    admitted += 500;
    lanes.finish([](Shipment&) { return true; });
  }
  EXPECT_GE(admitted, Lanes::kMostOnTheirWay - 510);
  EXPECT_LT(admitted, Lanes::kMostOnTheirWay + 500);
  // The others are done, which changes nothing: it is the slow one that counts.
  bool first = true;
  const auto send = [&](Shipment& shipment) { return shipment.number != 0 || !first; };
  while (lanes.work([](Shipment&) {}, send)) {
  }
  collect(lanes);
  EXPECT_FALSE(lanes.may_admit());
  EXPECT_EQ(lanes.in_flight(), 1U);
  first = false;
  lanes.let_go();
  lanes.finish(send);
  EXPECT_EQ(collect(lanes), 1U);
  EXPECT_TRUE(lanes.may_admit());
}

/// Any program of this host can have the kernel hand over such packets.
TEST_F(LanesTest, ABatchOfTinySegmentsWaitsUntilItIsAlone) {
  Lanes lanes(2, point_);
  lanes.publish(0, shipment(10));
  auto& tiny = shipment(0);
  lanes.ask(1, tiny);
  ASSERT_TRUE(lanes.read(tun_));
  std::vector<std::uint8_t> bytes(64 * 22);
  tiny.source.reads.assign(256, {.virtio = {.segment_size = 22}, .bytes = bytes});
  EXPECT_EQ(tiny.source.most_datagrams(), 256U * 65);
  EXPECT_TRUE(lanes.may_admit()) << "others";
  EXPECT_FALSE(lanes.has_news(lanes.may_admit())) << "nobody is to look again and again meanwhile";
  EXPECT_EQ(take_reads(lanes), 0U);
  lanes.ask(0, shipment(0));
  ASSERT_TRUE(lanes.read(tun_));
  EXPECT_EQ(take_reads(lanes), 1U) << "that one may, and has its turn";
  lanes.ask(0, shipment(0));
  ASSERT_TRUE(lanes.read(tun_));
  EXPECT_EQ(take_reads(lanes), 0U) << "but not always";
  EXPECT_THAT(work(lanes), ElementsAre(0, 1));
  EXPECT_EQ(collect(lanes), 2U);
  EXPECT_EQ(take_reads(lanes), 1U);
  EXPECT_EQ(lanes.in_reading(), 1U) << "the tiny ones went first";
  EXPECT_FALSE(lanes.is_reading(1));
  EXPECT_THAT(work(lanes), ElementsAre(2));
}

TEST_F(LanesTest, OneLaneKnowsNeitherOfThem) {
  Lanes lanes(1, point_);
  lanes.publish(0, shipment(100'000));
  EXPECT_TRUE(lanes.may_admit());
  EXPECT_TRUE(lanes.may_go_alone());
  lanes.publish_alone(shipment(1));
  EXPECT_TRUE(lanes.may_admit());
  EXPECT_THAT(work(lanes), ElementsAre(0, 1));
}

TEST_F(LanesTest, AQueueIsReadByOneAtATimeAndInTheOrderOfAsking) {
  Lanes lanes(2, point_);
  EXPECT_FALSE(lanes.read(tun_));
  lanes.ask(1, shipment(0));
  EXPECT_TRUE(lanes.is_reading(1));
  EXPECT_FALSE(lanes.is_reading(0));
  EXPECT_EQ(lanes.waiting(), 1U);
  EXPECT_TRUE(lanes.read(tun_));
  EXPECT_TRUE(lanes.is_reading(1)) << "until it is taken up";
  EXPECT_EQ(lanes.in_reading(), 1U);
  EXPECT_EQ(take_reads(lanes), 1U);
  EXPECT_FALSE(lanes.is_reading(1));
}

}  // namespace
}  // namespace adit::path::test
