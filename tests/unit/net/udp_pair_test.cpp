// SPDX-License-Identifier: MIT
#include "net/udp_pair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>

#include "namespace.h"

namespace adit::net {
namespace {

using test::in_namespace;
using test::run;
using testing::AllOf;
using testing::HasSubstr;

/// From now on this thread's sockets of `family` fail as on a kernel without it, or under RestrictAddressFamilies=.
void forbid_family(int family) {
  std::array<sock_filter, 6> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(family), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

TEST(UdpPair, HasBothFamiliesOnOnePortWhetherGivenOrChosen) {
  in_namespace([] {
    const auto chosen = open_udp({});
    ASSERT_TRUE(chosen) << chosen.error().message;
    ASSERT_TRUE(chosen->v4 && chosen->v6);
    EXPECT_NE(chosen->port(), 0);
    EXPECT_EQ(chosen->v4->local_port(), chosen->v6->local_port());

    auto given = open_udp({.port = 51820});
    ASSERT_TRUE(given) << given.error().message;
    EXPECT_EQ(given->port(), 51820);
    EXPECT_EQ(given->of(Family::v4), &*given->v4);
    EXPECT_EQ(given->of(Family::v6), &*given->v6);
    EXPECT_EQ(given->of(Family::none), nullptr);
  });
}

TEST(UdpPair, FindsAPortThatIsFreeForBothWhenMostAreTaken) {
  in_namespace([] {
    // The kernel may choose among eight ports; IPv6 has only one of them free.
    run("sysctl -qw net.ipv4.ip_local_port_range='40000 40007'");
    std::vector<UdpSocket> taken;
    for (std::uint16_t port = 40000; port < 40007; ++port) {
      taken.push_back(UdpSocket::open({.family = Family::v6, .port = port}).value());
    }
    const auto pair = open_udp({});
    ASSERT_TRUE(pair) << pair.error().message;
    EXPECT_TRUE(pair->v6);
    EXPECT_EQ(pair->port(), 40007);
    const auto another = open_udp({});
    ASSERT_FALSE(another);
    EXPECT_THAT(another.error().message, HasSubstr("no UDP port is free"));
  });
}

TEST(UdpPair, AnAddressMeansOneFamily) {
  in_namespace([] {
    for (const auto* text : {"127.0.0.1", "::1"}) {
      const auto address = *IpAddress::parse(text);
      auto pair = open_udp({.address = address, .port = 4000});
      ASSERT_TRUE(pair) << pair.error().message;
      EXPECT_EQ(pair->v4.has_value(), address.is_v4());
      EXPECT_EQ(pair->v6.has_value(), address.is_v6());
      EXPECT_EQ(pair->port(), 4000);
      EXPECT_EQ(pair->of(address.is_v4() ? Family::v6 : Family::v4), nullptr);
    }
    const auto absent = open_udp({.address = *IpAddress::parse("192.0.2.77")});
    ASSERT_FALSE(absent);
    EXPECT_THAT(absent.error().message, AllOf(HasSubstr("192.0.2.77"), HasSubstr("local.listen")));
  });
}

TEST(UdpPair, APortTakenInEitherFamilyIsRefused) {
  in_namespace([] {
    for (const auto family : {Family::v4, Family::v6}) {
      const auto other = UdpSocket::open({.family = family, .port = 51820});
      ASSERT_TRUE(other);
      const auto pair = open_udp({.port = 51820});
      ASSERT_FALSE(pair);
      EXPECT_THAT(pair.error().message,
                  AllOf(HasSubstr("UDP port 51820"), HasSubstr(family == Family::v4 ? "IPv4" : "IPv6")));
    }
  });
}

TEST(UdpPair, GoesOnWithOneFamilyWhereTheHostLacksTheOther) {
  for (const int family : {AF_INET, AF_INET6}) {
    in_namespace([family] {
      forbid_family(family);
      const auto missing = UdpSocket::open({.family = family == AF_INET ? Family::v4 : Family::v6});
      ASSERT_FALSE(missing);
      EXPECT_EQ(missing.error().kind, UdpOpenError::Kind::family_missing);

      auto pair = open_udp({.port = 51820});
      ASSERT_TRUE(pair) << pair.error().message;
      EXPECT_EQ(pair->v4.has_value(), family != AF_INET);
      EXPECT_EQ(pair->v6.has_value(), family != AF_INET6);
      EXPECT_EQ(pair->port(), 51820);

      const auto asked = open_udp({.address = IpAddress::any(family == AF_INET ? Family::v4 : Family::v6)});
      ASSERT_FALSE(asked);
      EXPECT_THAT(asked.error().message, HasSubstr("local.listen"));
    });
  }
}

TEST(UdpPair, SaysSoWhenThereIsNoFamilyAtAll) {
  in_namespace([] {
    forbid_family(AF_INET);
    forbid_family(AF_INET6);
    const auto pair = open_udp({});
    ASSERT_FALSE(pair);
    EXPECT_THAT(pair.error().message, HasSubstr("neither IPv4 nor IPv6"));
  });
}

TEST(UdpPair, SaysOfItsOffloadsWhatHoldsForBothFamilies) {
  in_namespace([] {
    auto pair = open_udp({}).value();
    auto offloads = pair.offloads();
    EXPECT_TRUE(offloads.can_send && offloads.sends && offloads.receives);
    run("ip link set lo mtu 1300");
    const std::vector<std::uint8_t> bytes(2800);
    const std::array<OutboundDatagram, 2> both{{{Bytes(bytes).first(1400)}, {Bytes(bytes).last(1400)}}};
    const Path path{.remote = {*IpAddress::parse("127.0.0.1"), pair.port()}, .local = {}};
    EXPECT_TRUE(pair.v4->send(path, both).segmentation_refused);
    offloads = pair.offloads();
    EXPECT_TRUE(offloads.can_send && offloads.receives);
    EXPECT_FALSE(offloads.sends);
    pair.try_segmentation_again();
    EXPECT_TRUE(pair.offloads().sends);

    const auto without = open_udp({.offload = false}).value().offloads();
    EXPECT_FALSE(without.can_send || without.sends || without.receives);
  });
}

TEST(UdpPair, ItsBuffersHaveTheSizeThatWasAskedFor) {
  in_namespace([] {
    const auto pair = open_udp({.receive_buffer = 300'000, .send_buffer = 200'000}).value();
    for (const auto& [option, wanted] : {std::pair{SO_RCVBUF, 300'000}, {SO_SNDBUF, 200'000}}) {
      int size = 0;
      socklen_t length = sizeof size;
      ASSERT_EQ(getsockopt(pair.v4->fd(), SOL_SOCKET, option, &size, &length), 0);
      EXPECT_EQ(size, 2 * wanted) << "the kernel counts its own overhead too";
    }
  });
}

TEST(UdpPair, WorksWhereIpv6IsSwitchedOff) {
  in_namespace([] {
    run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1");
    auto pair = open_udp({});
    ASSERT_TRUE(pair) << pair.error().message;
    ASSERT_TRUE(pair->v4);
    const Path path{.remote = {*IpAddress::parse("127.0.0.1"), pair->port()}, .local = {}};
    const OutboundDatagram datagram{as_bytes("x")};
    EXPECT_EQ(pair->v4->send(path, {&datagram, 1}).sent, 1u);
    if (pair->v6) {
      const Path nowhere{.remote = {*IpAddress::parse("2001:db8::1"), 1}, .local = {}};
      EXPECT_EQ(pair->v6->send(nowhere, {&datagram, 1}).refused, 1u);
    }
  });
}

}  // namespace
}  // namespace adit::net
