// SPDX-License-Identifier: MIT
// Datagrams that travel as one (UDP_SEGMENT, UDP_GRO), and the traffic class that keeps them apart.
#include <algorithm>
#include <array>

#include "namespace.h"
#include "net/udp_sockets.h"

namespace adit::net::test {
namespace {

/// Datagrams one behind the other in memory, as the transmitter lays them out; filled with their number.
struct Row {
  explicit Row(const std::vector<std::size_t>& sizes) {
    std::size_t total = 0;
    for (const auto size : sizes) total += size;
    bytes.resize(total);
    MutableBytes rest = bytes;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      std::ranges::fill(rest.first(sizes[i]), static_cast<std::uint8_t>(i));
      datagrams.push_back({rest.first(sizes[i])});
      rest = rest.subspan(sizes[i]);
    }
  }
  std::vector<std::uint8_t> bytes;
  std::vector<OutboundDatagram> datagrams;
};

void expect_the_same(const std::vector<Datagram>& received, const Row& row) {
  ASSERT_EQ(received.size(), row.datagrams.size());
  for (std::size_t i = 0; i < received.size(); ++i) {
    EXPECT_TRUE(std::ranges::equal(received[i].bytes, row.datagrams[i].bytes)) << i;
  }
}

TEST_P(UdpSocketOf, RunsOfOneSizeTravelAsOneAndArriveAsTheyWere) {
  auto server = open({.family = family()});
  auto client = open({.family = family()});
  ASSERT_TRUE(client.segments() && server.merges());
  const auto path = path_to(loopback(), server.local_port());
  for (const auto& sizes : {std::vector<std::size_t>(200, 300), std::vector<std::size_t>{100, 100, 40, 100, 30, 20, 20},
                            std::vector<std::size_t>{1, 2, 3, 2, 2, 1}, std::vector<std::size_t>(60, 1400)}) {
    const Row row(sizes);
    EXPECT_EQ(client.send(path, row.datagrams).sent, sizes.size());
    Inbox inbox(1);
    std::vector<Datagram> received;
    std::vector<std::vector<std::uint8_t>> copies;
    std::size_t calls = 0;
    while (copies.size() < sizes.size()) {
      inbox.receive(server);
      ++calls;
      for (const auto& datagram : inbox.datagrams) copies.emplace_back(datagram.bytes.begin(), datagram.bytes.end());
    }
    for (auto& copy : copies) received.push_back({{}, copy});
    expect_the_same(received, row);
    EXPECT_LT(calls, sizes.size()) << "nothing travelled together";
  }
  EXPECT_TRUE(client.segments());
}

TEST_P(UdpSocketOf, WithoutOffloadEachDatagramTravelsAlone) {
  auto server = open({.family = family(), .offload = false});
  auto client = open({.family = family(), .offload = false});
  EXPECT_FALSE(client.segments() || server.merges());
  const Row row(std::vector<std::size_t>(10, 100));
  EXPECT_EQ(client.send(path_to(loopback(), server.local_port()), row.datagrams).sent, 10u);
  Inbox inbox(16);
  EXPECT_EQ(inbox.receive(server).count, 10u);
  expect_the_same(inbox.datagrams, row);
}

TEST_P(UdpSocketOf, SegmentsSentToASocketThatDoesNotMergeArriveOneByOne) {
  auto server = open({.family = family(), .offload = false});
  auto client = open({.family = family()});
  const Row row(std::vector<std::size_t>(10, 100));
  EXPECT_EQ(client.send(path_to(loopback(), server.local_port()), row.datagrams).sent, 10u);
  Inbox inbox(16);
  EXPECT_EQ(inbox.receive(server).count, 10u);
  expect_the_same(inbox.datagrams, row);
}

TEST(UdpSocket, WhereSegmentationIsRefusedTheSameDatagramsGoOneByOneAndItIsNotTriedAgain) {
  in_namespace([] {
    run("ip link set lo mtu 1300");  // segments must fit the path; plain datagrams may be fragmented
    for (const auto* loopback : {"127.0.0.1", "::1"}) {
      auto server = open({.family = address(loopback).family()});
      auto client = open({.family = address(loopback).family()});
      const auto path = path_to(loopback, server.local_port());
      const Row row(std::vector<std::size_t>(10, 1400));
      const auto result = client.send(path, row.datagrams);
      EXPECT_EQ(result.sent, 10u);
      EXPECT_EQ(result.refused, 0u);
      EXPECT_EQ(result.error, 0);
      EXPECT_TRUE(result.segmentation_refused);
      EXPECT_FALSE(client.segments());
      Inbox inbox(16);
      EXPECT_EQ(inbox.receive(server).count, 10u);
      expect_the_same(inbox.datagrams, row);
      EXPECT_FALSE(client.send(path, row.datagrams).segmentation_refused) << "said once";

      client.try_segmentation_again();
      EXPECT_TRUE(client.segments());
    }
  });
}

TEST(UdpSocket, ADatagramRefusedForItsOwnSakeDoesNotEndSegmentation) {
  in_namespace([] {
    run("nft 'add table ip t; add chain ip t out { type filter hook output priority 0; }; "
        "add rule ip t out udp dport 9 drop'; ip route add unreachable 203.0.113.0/24");
    auto client = open({.family = Family::v4});
    const Row row(std::vector<std::size_t>(10, 1400));
    for (const auto& path : {path_to("127.0.0.1", 9), path_to("203.0.113.1", 1)}) {
      const auto result = client.send(path, row.datagrams);
      EXPECT_EQ(result.refused, 10u) << describe(result.error);
      EXPECT_TRUE(client.segments());
    }
  });
}

TEST_P(UdpSocketOf, TheTrafficClassArrivesAndEndsARun) {
  auto server = open({.family = family()});
  auto client = open({.family = family()});
  Row row(std::vector<std::size_t>(6, 100));
  const std::array<std::uint8_t, 6> classes{0, 0, 2, 2, 0xb9, 0};
  for (std::size_t i = 0; i < 6; ++i) row.datagrams[i].traffic_class = classes[i];
  EXPECT_EQ(client.send(path_to(loopback(), server.local_port()), row.datagrams).sent, 6u);
  Inbox inbox(8);
  ASSERT_EQ(inbox.receive(server).count, 6u);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(inbox.datagrams[i].traffic_class, classes[i]) << i;
}

}  // namespace
}  // namespace adit::net::test
