// SPDX-License-Identifier: MIT
// Both families as one door, on real sockets over loopback.
#include "path/ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <poll.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "namespace.h"
#include "net/udp_sockets.h"

namespace adit::path {
namespace {

using net::test::address;
using net::test::in_namespace;

/// A pair of sockets behind the port, and somebody of each family who sends to it.
struct Both {
  Both() : pair(net::open_udp({}).value()), port(pair) {}

  void tell(const char* loopback, int times) {
    auto& sender = address(loopback).family() == Family::v4 ? v4 : v6;
    for (int i = 0; i < times; ++i) {
      ASSERT_EQ(net::test::send(sender, net::test::path_to(loopback, pair.port()), "hello").sent, 1u);
    }
    pollfd there{.fd = pair.of(address(loopback).family())->fd(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&there, 1, 5000), 1);
    port.mark_readable(address(loopback).family());
  }
  /// What came of each family, with room for so many in all.
  std::pair<int, int> receive(std::size_t room = 8) {
    std::vector<std::vector<std::uint8_t>> storage(room, std::vector<std::uint8_t>(net::kMaxDatagram));
    const std::vector<MutableBytes> buffers(storage.begin(), storage.end());
    datagrams.clear();
    const auto result = port.receive(buffers, datagrams);
    EXPECT_EQ(result.count, datagrams.size());
    std::pair<int, int> came;
    for (const auto& datagram : datagrams) {
      ++(datagram.path.remote.address.family() == Family::v4 ? came.first : came.second);
    }
    return came;
  }
  net::SendResult send_to(const IpAddress& remote) {
    const OutboundDatagram datagram{as_bytes("x")};
    return port.send({.remote = {remote, 9}, .local = {}}, {&datagram, 1});
  }

  net::UdpPair pair;
  UdpPort port;
  net::UdpSocket v4 = net::test::open({.family = Family::v4, .offload = false});
  net::UdpSocket v6 = net::test::open({.family = Family::v6, .offload = false});
  std::vector<Datagram> datagrams;
};

TEST(UdpPort, NeitherFamilyShutsOutTheOther) {
  in_namespace([] {
    Both both;
    both.tell("127.0.0.1", 10);
    both.tell("::1", 10);
    EXPECT_EQ(both.receive(8), (std::pair{4, 4}));
    EXPECT_EQ(both.receive(8), (std::pair{0, 0})) << "nobody said that there is more";
    both.port.mark_readable(Family::v6);
    EXPECT_EQ(both.receive(8), (std::pair{0, 6}));
  });
}

TEST(UdpPort, WhatComesByAnotherInterfaceIsLeftOutAndCountedOnce) {
  in_namespace([] {
    Both both;
    const auto loopback = if_nametoindex("lo");
    both.port.keep_to({loopback + 1});
    both.tell("127.0.0.1", 3);
    EXPECT_EQ(both.receive(), (std::pair{0, 0}));
    EXPECT_EQ(both.port.take_lost().other_interface, 3u);
    EXPECT_EQ(both.port.take_lost().other_interface, 0u);
    both.port.keep_to({loopback + 1, loopback});
    both.tell("::1", 2);
    EXPECT_EQ(both.receive(), (std::pair{0, 2}));
    EXPECT_EQ(both.datagrams[0].path.remote.scope, loopback) << "the answer goes there";
    EXPECT_EQ(both.port.take_lost().other_interface, 0u);
  });
}

TEST(UdpPort, OneAddressAfterTheOtherIsShutAndNoneBesideIt) {
  in_namespace([] {
    Both both;
    std::vector<IpAddress> addresses{address("::1")};
    for (int i = 1; i < 40; ++i) addresses.push_back(address(fmt::format("127.0.0.{}", i).c_str()));
    for (const auto& shut : addresses) {
      both.port.shut(shut);
      for (const auto& other : addresses) {
        EXPECT_EQ(both.send_to(other).error, other == shut ? EHOSTUNREACH : 0) << to_string(other);
      }
      const OutboundDatagram datagram{as_bytes("x")};
      EXPECT_EQ(both.port.send_whole({.remote = {shut, 9}, .local = {}}, datagram), EHOSTUNREACH);
    }
    both.port.shut(std::nullopt);
    EXPECT_EQ(both.send_to(addresses.back()).sent, 1u);
  });
}

TEST(UdpPort, AFamilyWithoutASocketIsRefused) {
  in_namespace([] {
    Both both;
    both.pair.v6.reset();
    const OutboundDatagram datagram{as_bytes("x")};
    const auto result = both.send_to(address("::1"));
    EXPECT_EQ(result.error, EAFNOSUPPORT);
    EXPECT_EQ(result.refused, 1u);
    EXPECT_EQ(both.port.send_whole({.remote = {address("::1"), 9}, .local = {}}, datagram), EAFNOSUPPORT);
    EXPECT_EQ(both.send_to(address("127.0.0.1")).sent, 1u);
  });
}

}  // namespace
}  // namespace adit::path
