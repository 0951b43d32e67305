// SPDX-License-Identifier: MIT
// Ethernet frames on their way through the data path.
#include "path/two_data_paths.h"

namespace adit::path::test {
namespace {

const Buffer kEthernet{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 5, 0x08, 0x00};

Buffer in_frame(const Buffer& packet) {
  auto frame = kEthernet;
  frame.insert(frame.end(), packet.begin(), packet.end());
  return frame;
}

std::pair<offload::VirtioHeader, Buffer> super_frame(std::size_t payload, std::uint16_t segment) {
  auto [virtio, packet] = super_packet(payload, segment);
  virtio.checksum_start += static_cast<std::uint16_t>(kEthernet.size());
  return {virtio, in_frame(packet)};
}

std::vector<Buffer> frames_of(std::pair<offload::VirtioHeader, Buffer> super) {
  std::vector<Buffer> frames;
  const auto plan = offload::SplitPlan::make(super.first, super.second, {.ip = kEthernet.size()}).value();
  for (std::size_t i = 0; i < plan.segments(); ++i) {
    const auto frame = plan.write_header(super.second, i);
    frames.emplace_back(frame.begin(), frame.end());
  }
  return frames;
}

class FramesTest : public DataPathTest {
 protected:
  FramesTest() {
    const auto address_a = IpAddress::parse("10.9.0.1").value();
    const auto address_b = IpAddress::parse("10.9.0.2").value();
    a_.tunnel->set_ethernet(wire::GreEnds{address_a, address_b});
    b_.tunnel->set_ethernet(wire::GreEnds{address_b, address_a});
    for (auto* host : {&a_, &b_}) {
      host->tun.frames = true;
      host->path->set_merges({.frames = true});
    }
  }
};

TEST_F(FramesTest, ASuperFrameCrossesAsFramesAndIsPutTogetherAgain) {
  connect();
  const auto super = super_frame(60'000, 1338);
  a_.tun.from_host.push_back(super);
  a_.path->send(now_);
  EXPECT_EQ(b_.udp.inbox.size(), (60'000U + 1337) / 1338);
  EXPECT_EQ(b_.udp.inbox.front().size(), 1420U + wire::kTransportOverhead);
  settle();
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(frames_of(super)));
  EXPECT_GT(b_.tun.merges_tried, 0);
}

TEST_F(FramesTest, TheLargestFramesThereAreCross) {
  a_.tunnel->set_mtu(65'455);
  b_.tunnel->set_mtu(65'455);
  connect();
  const auto super = super_frame(65'495, 1338);
  const auto whole = in_frame(packet(1, 65'000));
  a_.tun.from_host.push_back(super);
  a_.tun.from_host.emplace_back(offload::VirtioHeader{}, whole);
  settle();
  auto expected = frames_of(super);
  expected.push_back(whole);
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(expected));
}

TEST_F(FramesTest, FramesThatWaitForTheSessionAreNotLost) {
  const auto super = super_frame(20'000, 1338);
  a_.tun.from_host.push_back(super);
  a_.path->send(now_);
  connect();
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(frames_of(super)));
}

TEST_F(FramesTest, AHostThatDoesNotTakeMergedFramesGetsTheSameOnesOneByOne) {
  connect();
  b_.tun.refuses_merged = true;
  const auto super = super_frame(20'000, 1338);
  a_.tun.from_host.push_back(super);
  settle();
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(frames_of(super)));
  EXPECT_FALSE(b_.path->merges().tcp4);
  EXPECT_TRUE(b_.path->merges().frames);
}

TEST_F(FramesTest, WhatTheWayHasNoRoomForCrossesInFragmentsInOrder) {
  for (auto* host : {&a_, &b_}) {
    host->tunnel->set_mtu(1'542);
    host->tunnel->set_way_size(1'440);
  }
  const auto super = super_frame(60'000, 1'448);
  const auto small = in_frame(packet(1));
  const auto whole = in_frame(packet(2, 1'480));
  a_.tun.from_host = {{offload::VirtioHeader{}, small}, super, {offload::VirtioHeader{}, whole}};
  a_.path->send(now_);  // those wait for the session
  connect();
  a_.tun.from_host = {{offload::VirtioHeader{}, whole}, super, {offload::VirtioHeader{}, small}};
  a_.path->send(now_);
  for (const auto& datagram : b_.udp.inbox) EXPECT_LE(datagram.size(), 1'440U + wire::kTransportOverhead);
  settle();
  auto expected = frames_of(super);
  expected.insert(expected.begin(), small);
  expected.push_back(whole);
  expected.push_back(whole);
  std::ranges::copy(frames_of(super), std::back_inserter(expected));
  expected.push_back(small);
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(expected));
  EXPECT_EQ(a_.drops(DropReason::frame_too_large), 0U);
}

TEST_F(FramesTest, SegmentsTooLargeForTheWayAreCountedAndTheRestPasses) {
  connect();
  a_.tun.from_host.push_back(super_frame(10'000, 1448));
  const auto small = in_frame(packet(1));
  a_.tun.from_host.emplace_back(offload::VirtioHeader{}, small);
  settle();
  EXPECT_EQ(a_.drops(DropReason::frame_too_large), 7U);
  ASSERT_EQ(a_.tun.to_host.size(), 1U) << "the sender is told";
  const auto& told = a_.tun.to_host[0];
  EXPECT_EQ(told.size(), kEthernet.size() + 576);
  EXPECT_TRUE(std::ranges::equal(Bytes(told).subspan(6, 6), Bytes(kEthernet).first(6)));
  EXPECT_EQ(told[kEthernet.size() + 20], 3);
  EXPECT_THAT(b_.tun.to_host, ElementsAre(small));
}

}  // namespace
}  // namespace adit::path::test
