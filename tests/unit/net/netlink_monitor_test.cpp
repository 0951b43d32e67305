// SPDX-License-Identifier: MIT
#include "net/netlink_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "base/file_descriptor.h"
#include "namespace.h"
#include "net/netlink_address.h"
#include "net/netlink_route.h"

namespace adit::net {
namespace {

using test::in_namespace;
using test::run;
using testing::Contains;
using testing::IsEmpty;
using testing::Not;

/// A loop with a monitor whose last report can be asked for.
struct Watcher {
  NetworkChange after(const std::string& command) {
    run(command);
    last = {};
    while (loop.run_once(Duration::zero())) continue;
    return last;
  }
  EventLoop loop;
  NetworkChange last;
  NetlinkMonitor monitor{loop, [this](const NetworkChange& change) { last = change; }};
};

TEST(NetlinkMonitor, TellsAddressesRoutesAndLinksApart) {
  in_namespace([] {
    Watcher watcher;
    auto change = watcher.after("ip link add veth-a type veth peer name veth-b");
    const auto a = if_nametoindex("veth-a");
    EXPECT_THAT(change.links_down, Contains(a));
    EXPECT_FALSE(change.addresses || change.routes || change.overrun);

    watcher.after("ip link set veth-a addrgenmode none");
    change = watcher.after("ip link set veth-a up");
    EXPECT_THAT(change.links_up, Contains(a));
    EXPECT_THAT(change.links_down, Not(Contains(a)));

    EXPECT_TRUE(watcher.after("ip addr add 192.0.2.1/32 dev veth-a").addresses);
    change = watcher.after("ip route add unreachable 198.51.100.0/24");
    EXPECT_TRUE(change.routes);
    EXPECT_FALSE(change.addresses);
    EXPECT_TRUE(watcher.after("ip addr add 2001:db8::1/128 dev veth-a").addresses);
    EXPECT_TRUE(watcher.after("ip -6 route add unreachable 2001:db8:1::/64").routes);

    change = watcher.after("ip link del veth-a");
    EXPECT_THAT(change.links_deleted, Contains(a));
    EXPECT_THAT(change.links_up, IsEmpty());
  });
}

/// By a socket with that port.
void remove_from(std::uint32_t number, std::uint32_t interface, const std::array<std::uint8_t, 4>& address) {
  struct {
    nlmsghdr header;
    ifaddrmsg about;
    rtattr attribute;
    std::array<std::uint8_t, 4> address;
  } request{
      .header = {.nlmsg_len = sizeof request,
                 .nlmsg_type = RTM_DELADDR,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
                 .nlmsg_seq = 1,
                 .nlmsg_pid = 0},
      .about = {.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_flags = 0, .ifa_scope = 0, .ifa_index = interface},
      .attribute = {.rta_len = RTA_LENGTH(4), .rta_type = IFA_LOCAL},
      .address = address};
  const FileDescriptor fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  const sockaddr_nl port{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = number, .nl_groups = 0};
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&port), sizeof port), 0);
  ASSERT_EQ(::send(fd.get(), &request, sizeof request, 0), static_cast<ssize_t>(sizeof request));
  struct {
    nlmsghdr header;
    nlmsgerr verdict;
  } answer{};
  ASSERT_GE(::recv(fd.get(), &answer, sizeof answer, 0), static_cast<ssize_t>(sizeof answer));
  ASSERT_EQ(answer.verdict.error, 0);
}

TEST(NetlinkMonitor, WhatWeTakeAwayOurselvesIsToldFromWhatOthersDo) {
  in_namespace([] {
    Watcher watcher;
    const auto lo = if_nametoindex("lo");
    const auto ours = InterfaceAddress{.network = *IpNetwork::parse("192.0.2.1/32"), .peer = {}};
    auto netlink = Netlink::open().value();
    ASSERT_TRUE(add_address(netlink, lo, ours));
    watcher.after("true");
    ASSERT_TRUE(remove_address(netlink, lo, ours));
    auto change = watcher.after("true");
    EXPECT_TRUE(change.addresses);
    EXPECT_FALSE(change.taken_away);

    ASSERT_TRUE(add_address(netlink, lo, ours));
    watcher.after("true");
    // As a program in another process namespace would, whose number there may be ours here.
    remove_from(static_cast<std::uint32_t>(::getpid()), lo, {192, 0, 2, 1});
    change = watcher.after("true");
    EXPECT_TRUE(change.taken_away);
    EXPECT_EQ(change.taken_away_by, 0U) << "it is not us, and nobody else here has the number";
  });
}

TEST(NetlinkMonitor, NamesWhoTookSomethingAwayByThePortOfTheirSocket) {
  in_namespace([] {
    Watcher watcher;
    for (const auto& [port, process] : std::initializer_list<std::pair<std::uint32_t, std::uint32_t>>{
             {4711, 4711},
             {5U << 22 | 4711, 4711},  // libnl's sixth socket
             {0xffff'f000, 0}}) {      // made up by the kernel
      watcher.after("ip addr add 192.0.2.1/32 dev lo");
      remove_from(port, if_nametoindex("lo"), {192, 0, 2, 1});
      const auto change = watcher.after("true");
      EXPECT_TRUE(change.taken_away);
      EXPECT_EQ(change.taken_away_by, process) << port;
    }
  });
}

/// The kernel has dropped the routes through one that was down for a moment.
TEST(NetlinkMonitor, TellsOfALinkThatWasDownForAMoment) {
  in_namespace([] {
    Watcher watcher;
    run("ip link add veth-a type veth peer name veth-b; ip link set veth-a up");
    const auto a = if_nametoindex("veth-a");
    auto change = watcher.after("ip link set veth-a down; ip link set veth-a up");
    EXPECT_THAT(change.links_up, Contains(a));
    EXPECT_THAT(change.links_down, Contains(a));
    change = watcher.after("ip link set veth-a mtu 1400");
    EXPECT_THAT(change.links_down, Not(Contains(a)));
    change = watcher.after("ip link set veth-a down; ip link set veth-a up; ip link set veth-a down");
    EXPECT_THAT(change.links_up, Not(Contains(a)));
    EXPECT_THAT(change.links_down, Contains(a));
  });
}

TEST(NetlinkMonitor, NamesTheRoutesOfOthersAlone) {
  in_namespace([] {
    Watcher watcher;
    const auto net = [](const char* text) { return IpNetwork::parse(text).value(); };
    auto change = watcher.after("ip route add unreachable 198.51.100.0/24; ip -6 route add unreachable ::/0 table 900");
    EXPECT_THAT(change.routes_of_others,
                testing::ElementsAre(RoutePlace{net("198.51.100.0/24"), 254}, RoutePlace{net("::/0"), 900}));
    change = watcher.after("ip route replace blackhole 198.51.100.0/24");
    EXPECT_THAT(change.routes_of_others, Contains(RoutePlace{net("198.51.100.0/24"), 254}));
    change = watcher.after("ip route del 198.51.100.0/24");
    EXPECT_THAT(change.routes_of_others, Contains(RoutePlace{net("198.51.100.0/24"), 254}));

    auto netlink = Netlink::open().value();
    ASSERT_TRUE(add_route(netlink, 1, {.to = net("203.0.113.0/24")}));
    change = watcher.after("true");
    EXPECT_TRUE(change.routes);
    EXPECT_THAT(change.routes_of_others, IsEmpty());
  });
}

TEST(NetlinkMonitor, TellsOfRulesWhoeverChangesThem) {
  in_namespace([] {
    Watcher watcher;
    for (const auto* const family : {"-4", "-6"}) {
      const auto ip = std::string("ip ") + family + " rule ";
      EXPECT_TRUE(watcher.after(ip + "add priority 1000 lookup main").rules);
      const auto change = watcher.after(ip + "del priority 1000");
      EXPECT_TRUE(change.rules);
      EXPECT_FALSE(change.routes || change.taken_away);
    }
  });
}

TEST(NetlinkMonitor, SurvivesMoreMessagesThanItsSocketHolds) {
  in_namespace([] {
    Watcher watcher;
    auto netlink = Netlink::open().value();
    for (std::uint32_t i = 0; i < 20'000; ++i) {
      std::array<std::uint8_t, 4> bytes{};
      store_be32(bytes.data(), 0x0a000000 + i);
      ASSERT_TRUE(add_route(netlink, 1, {.to = {IpAddress::v4(bytes), 32}, .table = 1000}));
    }
    bool overrun = false;
    bool routes = false;
    while (watcher.loop.run_once(Duration::zero())) {
      overrun |= watcher.last.overrun;
      routes |= watcher.last.routes;
    }
    EXPECT_TRUE(overrun);
    EXPECT_TRUE(routes);
    // And hears the next word.
    EXPECT_TRUE(watcher.after("ip addr add 192.0.2.1/32 dev lo").addresses);
  });
}

TEST(NetlinkMonitor, MayBeDestroyedByItsCallback) {
  in_namespace([] {
    EventLoop loop;
    int calls = 0;
    std::optional<NetlinkMonitor> monitor;
    monitor.emplace(loop, [&](const NetworkChange&) { ++calls, monitor.reset(); });
    run("ip addr add 192.0.2.1/32 dev lo; ip addr add 192.0.2.2/32 dev lo");
    EXPECT_TRUE(loop.run_once(Duration::zero()));
    EXPECT_FALSE(loop.run_once(Duration::zero()));
    EXPECT_EQ(calls, 1);
  });
}

}  // namespace
}  // namespace adit::net
