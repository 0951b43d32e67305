// SPDX-License-Identifier: MIT
// The way datagrams take: addresses, interfaces, marks, and what is said when there is none.
#include <net/if.h>

#include <cerrno>
#include <utility>

#include "namespace.h"
#include "net/udp_sockets.h"

namespace adit::net::test {
namespace {

TEST(UdpSocket, AnswersFromTheAddressThatWasCalledAmongSeveral) {
  in_namespace([] {
    run("ip addr add 192.0.2.1/32 dev lo; ip addr add 192.0.2.2/32 dev lo");
    for (const auto* text : {"2001:db8::1", "2001:db8::2"}) test::add_ipv6(text, 128, "lo");
    for (const auto* called : {"192.0.2.2", "2001:db8::2", "192.0.2.1", "2001:db8::1"}) {
      const auto family = address(called).family();
      auto server = open({.family = family});
      // Bound, so that the kernel by itself would answer it from 127.0.0.1 or ::1.
      auto client = open({.family = family, .address = address(family == Family::v4 ? "127.0.0.1" : "::1")});
      Inbox inbox;
      ASSERT_EQ(send(client, path_to(called, server.local_port()), "call").sent, 1u);
      ASSERT_EQ(inbox.receive(server).count, 1u);
      EXPECT_EQ(inbox.datagrams[0].path.local, address(called));
      const auto path = inbox.datagrams[0].path;
      EXPECT_FALSE(send(server, path, "answer").source_refused);
      ASSERT_EQ(inbox.receive(client).count, 1u);
      EXPECT_EQ(inbox.datagrams[0].path.remote.address, address(called));
    }
  });
}

TEST(UdpSocket, FallsBackToTheKernelsChoiceWhenTheSourceAddressIsGone) {
  in_namespace([] {
    for (const auto* loopback : {"127.0.0.1", "::1"}) {
      const auto family = address(loopback).family();
      auto server = open({.family = family});
      auto client = open({.family = family});
      auto path = path_to(loopback, server.local_port());
      path.local = address(family == Family::v4 ? "198.51.100.7" : "2001:db8::7");
      const auto datagrams = to_send({as_bytes("a"), as_bytes("b")});
      const auto result = client.send(path, datagrams);
      EXPECT_EQ(result.sent, 2u) << describe(result.error);
      EXPECT_EQ(result.error, 0);
      EXPECT_TRUE(result.source_refused);
      Inbox inbox;
      EXPECT_EQ(inbox.receive(server).count, 2u);
    }
  });
}

TEST(UdpSocket, LinkLocalAddressesLeaveThroughTheInterfaceTheyCameFrom) {
  in_namespace([] {
    test::make_veth_pair();
    test::add_ipv6("fe80::a", 64, "veth-a");
    test::add_ipv6("fe80::b", 64, "veth-b");
    auto server = open({.family = Family::v6});
    auto client = open({.family = Family::v6});
    const auto from = if_nametoindex("veth-a");
    Path path{
        .remote = {address("fe80::b"), server.local_port(), from}, .local = address("fe80::a"), .interface = from};
    ASSERT_EQ(send(client, path, "call").sent, 1u);
    Inbox inbox;
    ASSERT_EQ(inbox.receive(server).count, 1u);
    const auto back = inbox.datagrams[0].path;
    EXPECT_EQ(back.local, address("fe80::b"));
    EXPECT_EQ(back.remote.scope, back.interface);
    EXPECT_NE(back.remote.scope, 0u);
    EXPECT_EQ(send(server, back, "answer").sent, 1u);
    EXPECT_EQ(inbox.receive(client).count, 1u);
    auto unscoped = back;  // where it came in says as much
    unscoped.remote.scope = 0;
    EXPECT_EQ(send(server, unscoped, "answer").sent, 1u);
    EXPECT_EQ(inbox.receive(client).count, 1u);
  });
}

TEST(UdpSocket, WhatWasSentToAGroupIsAnsweredFromAnAddressOfOurs) {
  in_namespace([] {
    test::make_veth_pair();
    test::add_ipv6("fe80::a", 64, "veth-a");
    test::add_ipv6("fe80::b", 64, "veth-b");
    auto server = open({.family = Family::v6});
    auto client = open({.family = Family::v6});
    const Path group{.remote = {address("ff02::1"), server.local_port(), if_nametoindex("veth-a")}};
    ASSERT_EQ(send(client, group, "call").sent, 1u);
    Inbox inbox;
    // It comes in where it left, too.
    Path back;
    for (int i = 0; i < 2 && back.interface == 0; ++i) {
      inbox.receive(server);
      for (const auto& datagram : inbox.datagrams) {
        if (datagram.path.interface == if_nametoindex("veth-b")) back = datagram.path;
      }
    }
    ASSERT_NE(back.interface, 0u);
    EXPECT_TRUE(back.local.is_none()) << "nothing can be sent from there";
    const auto answered = send(server, back, "answer");
    EXPECT_EQ(answered.sent, 1u);
    EXPECT_FALSE(answered.source_refused);
    EXPECT_EQ(inbox.receive(client).count, 1u);
  });
}

TEST(UdpSocket, TellsRefusalsApart) {
  in_namespace([] {
    test::make_veth_pair();
    run("ip addr add 192.0.2.1/24 dev veth-a");
    run("ip route add unreachable 203.0.113.0/24");
    run("nft 'add table ip t; add chain ip t out { type filter hook output priority 0; }; "
        "add rule ip t out udp dport 9 drop'");
    auto v4 = open({.family = Family::v4});
    auto v6 = open({.family = Family::v6});
    for (const auto& [path, error] : {std::pair{path_to("198.51.100.1", 1), ENETUNREACH},
                                      {path_to("203.0.113.1", 1), EHOSTUNREACH},
                                      {path_to("127.0.0.1", 9), EPERM},
                                      {path_to("255.255.255.255", 1), ENETUNREACH}}) {
      const auto result = send(v4, path, "x");
      EXPECT_EQ(result.sent, 0u);
      EXPECT_EQ(result.refused, 1u);
      EXPECT_EQ(result.error, error) << to_string(path.remote) << ": " << describe(result.error);
      EXPECT_FALSE(result.source_refused);
    }
    EXPECT_EQ(send(v6, path_to("2001:db8::1", 1), "x").error, ENETUNREACH);
  });
}

TEST(UdpSocket, OuterPacketsMayBeFragmentedOnTheirWay) {
  in_namespace([] {
    run("ip link set lo mtu 1300");
    for (const auto* loopback : {"127.0.0.1", "::1"}) {
      auto server = open({.family = address(loopback).family()});
      auto client = open({.family = address(loopback).family()});
      const std::vector<std::uint8_t> payload(4000, 0x42);
      EXPECT_EQ(client.send(path_to(loopback, server.local_port()), to_send({payload})).sent, 1u);
      Inbox inbox;
      ASSERT_EQ(inbox.receive(server).count, 1u);
      EXPECT_EQ(inbox.datagrams[0].bytes.size(), 4000u);
    }
  });
}

TEST(UdpSocket, MarksItsDatagramsAndStaysOnItsDevice) {
  in_namespace([] {
    run("ip rule add fwmark 0x51 unreachable; ip -6 rule add fwmark 0x51 unreachable");
    test::make_veth_pair();
    run("ip route add default dev veth-a");
    auto plain = open({.family = Family::v4});
    auto marked = open({.family = Family::v4, .fwmark = 0x51});
    auto bound = open({.family = Family::v4, .device = "lo"});
    const auto path = path_to("198.51.100.1", 1);
    EXPECT_EQ(send(plain, path, "x").sent, 1u);
    EXPECT_NE(send(marked, path, "x").error, 0);
    EXPECT_EQ(send(bound, path_to("127.0.0.1", plain.local_port()), "x").sent, 1u);
    Inbox inbox;
    EXPECT_EQ(inbox.receive(plain).count, 1u);
    Path inside{.remote = {address("192.0.2.9"), 1}, .local = {}};
    run("ip route add 192.0.2.0/24 dev veth-a");
    EXPECT_EQ(send(plain, inside, "x").sent, 1u);

    const auto missing = UdpSocket::open({.family = Family::v4, .device = "nope0"});
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message, AllOf(HasSubstr("nope0"), HasSubstr("local.device")));
    test::drop_capabilities();
    const auto refused = UdpSocket::open({.family = Family::v4, .fwmark = 1});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, AllOf(HasSubstr("local.fwmark"), HasSubstr("systemctl start adit@")));
    EXPECT_THAT(UdpSocket::open({.family = Family::v4, .port = 80}).error().message,
                AllOf(HasSubstr("1024 or more"), HasSubstr("docs/service.md")));
  });
}

}  // namespace
}  // namespace adit::net::test
