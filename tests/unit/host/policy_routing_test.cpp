// SPDX-License-Identifier: MIT
#include "host/policy_routing.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>

#include "host/interface_setup.h"
#include "host/uplinked_host.h"
#include "net/udp_pair.h"

namespace adit::host {
namespace {

using net::test::in_namespace;
using net::test::network_dump;
using net::test::run;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint32_t kNumber = 0x0ad1'1234;
constexpr std::uint32_t kMark = 0xadc0;

IpAddress address(const char* text) {
  return IpAddress::parse(text).value();
}
template <class T>
void expect_done(const Result<T>& result) {
  EXPECT_TRUE(result) << result.error().message;
}
void expect_done(const Restored& restored) {
  EXPECT_EQ(restored.problem, "");
}
net::RouteSpec everything(Family family) {
  return {.to = {IpAddress::any(family), 0}, .table = kNumber};
}

struct Host : test::UplinkedHost {
  PolicyRoutingOptions options() const {
    return {.number = kNumber,
            .interface = tun.index(),
            .fwmark = kMark,
            .families = {Family::v4, Family::v6},
            .blocked = {},
            .spared = {},
            .behind = {everything(Family::v4), everything(Family::v6)}};
  }
  std::uint32_t way_to(const char* text, std::optional<std::uint32_t> mark = std::nullopt) {
    const auto way = net::route_to(netlink, address(text), mark);
    EXPECT_TRUE(way) << way.error().message;
    return way ? way->interface : 0;
  }
};

TEST(PolicyRouting, SendsEverythingThroughTheTunnelButTheTunnelsOwnDatagrams) {
  in_namespace([] {
    Host host;
    const auto uplink = host.way_to("198.51.100.1");
    EXPECT_NE(uplink, host.tun.index());
    const auto before = network_dump();
    PolicyRouting routing(host.netlink);
    expect_done(routing.install(host.options()));

    for (const auto* far : {"198.51.100.1", "2001:db8:ffff::1"}) {
      EXPECT_EQ(host.way_to(far), host.tun.index()) << far;
      EXPECT_EQ(host.way_to(far, kMark), uplink) << far;
    }
    for (const auto* near : {"192.0.2.77", "2001:db8::77"}) {
      EXPECT_EQ(host.way_to(near), uplink) << "a route more precise than default still counts: " << near;
    }
    routing.remove();
    EXPECT_EQ(network_dump(), before);
  });
}

TEST(PolicyRouting, TakesBackWhatItAddedWhenDestroyed) {
  in_namespace([] {
    Host host;
    const auto before = network_dump();
    {
      PolicyRouting routing(host.netlink);
      auto options = host.options();
      options.families = {Family::v4};
      options.behind = {everything(Family::v4)};
      expect_done(routing.install(options));
      EXPECT_THAT(run("ip rule"), AllOf(HasSubstr("suppress_prefixlength 7"), HasSubstr("not from all fwmark 0xadc0")));
      EXPECT_THAT(run("ip -6 rule"), Not(HasSubstr("181473844")));
      EXPECT_EQ(host.way_to("198.51.100.1"), host.tun.index());
    }
    EXPECT_EQ(network_dump(), before);
  });
}

/// Puts a datagram from `source` to 192.0.2.1:`port` on the uplink's wire.
void arrive(const char* source, std::uint16_t port) {
  std::array<std::uint8_t, 14 + 20 + 8> frame{
      2,    0,    0, 0,  0, 0x0a, 2, 0, 0,  0,  0, 0x0b, 8, 0,                      // to veth-a, IPv4
      0x45, 0,    0, 28, 0, 0,    0, 0, 64, 17, 0, 0,    0, 0, 0, 0, 192, 0, 2, 1,  // UDP
      0xca, 0x6c, 0, 0,  0, 8,    0, 0};
  std::ranges::copy(address(source).bytes(), frame.begin() + 26);
  store_be16(&frame[36], port);
  std::uint32_t sum = 0;
  for (std::size_t i = 14; i < 34; i += 2) sum += load_be16(&frame[i]);
  store_be16(&frame[24], static_cast<std::uint16_t>(~((sum & 0xffff) + (sum >> 16))));

  const FileDescriptor wire(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex("veth-b"));
  ASSERT_EQ(sendto(wire.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to),
            static_cast<ssize_t>(frame.size()));
}

/// Who sent the next datagram.
std::string next_source(net::UdpSocket& socket) {
  pollfd ready{.fd = socket.fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&ready, 1, 5000), 1);
  std::vector<std::uint8_t> buffer(net::kMaxDatagram);
  const MutableBytes bytes = buffer;
  std::vector<Datagram> datagrams;
  EXPECT_EQ(socket.receive({&bytes, 1}, datagrams).count, 1u);
  return to_string(datagrams.at(0).path.remote.address);
}

TEST(PolicyRouting, TellsOfAStrictReversePathFilterAndItsMendHelps) {
  in_namespace([] {
    Host host;
    run("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.veth-a.rp_filter=1");
    auto socket = net::UdpSocket::open({.family = Family::v4, .port = 51820, .fwmark = kMark}).value();
    PolicyRouting routing(host.netlink);
    expect_done(routing.install(host.options()));
    arrive("198.51.100.1", 51820);
    arrive("192.0.2.77", 51820);
    EXPECT_EQ(next_source(socket), "192.0.2.77") << "the far one is dropped";

    const auto problem = reverse_path_problem("veth-a", false);
    ASSERT_TRUE(problem);
    EXPECT_THAT(*problem, HasSubstr("`sysctl net.ipv4.conf.veth-a.rp_filter=2`"));
    EXPECT_TRUE(reverse_path_problem("veth-a", true)) << "marks do not count";
    for (const auto* const where : {"all", "veth-a"}) {
      run(fmt::format("sysctl -qw net.ipv4.conf.{}.src_valid_mark=1", where));
      EXPECT_FALSE(reverse_path_problem("veth-a", true));
      EXPECT_TRUE(reverse_path_problem("veth-a", false)) << "and nothing is marked";
      run(fmt::format("sysctl -qw net.ipv4.conf.{}.src_valid_mark=0", where));
    }
    run("sysctl -qw net.ipv4.conf.veth-a.rp_filter=2");
    EXPECT_FALSE(reverse_path_problem("veth-a", false));
    arrive("198.51.100.1", 51820);
    EXPECT_EQ(next_source(socket), "198.51.100.1");
    run("sysctl -qw net.ipv4.conf.veth-a.rp_filter=0");
    EXPECT_TRUE(reverse_path_problem("veth-a", false)) << "`all` counts too";
  });
}

TEST(PolicyRouting, WhatAKilledRunLeavesBlocksAndTheNextRunGoesOnWithIt) {
  in_namespace([] {
    Host host;
    run("ip rule add pref 100 fwmark 5 lookup 7; ip rule add pref 101 fwmark 0xadc0 lookup 7 proto static");
    run("ip route add 10.99.0.0/16 dev veth-a proto 173; ip route add unreachable 10.98.0.0/16 proto 173");
    const auto before = network_dump();
    auto others = host.options();
    others.number = 0x0ad1'0333;
    others.fwmark = 0x333;
    others.priority = 20'000;
    others.behind = {{.to = {IpAddress::any(Family::v4), 0}, .table = others.number}};
    PolicyRouting other_link(host.netlink);
    expect_done(other_link.install(others));
    const auto with_other = network_dump();
    EXPECT_FALSE(PolicyRouting::is_blocked(host.netlink, kNumber));
    net::test::in_killed_process([&] {
      PolicyRouting routing(host.netlink);
      auto options = host.options();
      options.priority = 30'000;
      expect_done(routing.install(options));
      net::test::die();
    });
    EXPECT_TRUE(PolicyRouting::is_blocked(host.netlink, kNumber));
    other_link.remove();
    run("ip link set tun-q down");  // as if it were gone: it takes its routes along
    for (const auto* far : {"198.51.100.1", "2001:db8:ffff::1"}) {
      EXPECT_FALSE(net::route_to(host.netlink, address(far))) << far;
      EXPECT_NE(host.way_to(far, kMark), host.tun.index()) << far;
    }
    for (const auto* near : {"192.0.2.77", "2001:db8::77"}) EXPECT_NE(host.way_to(near), 0U) << near;
    run("ip link set tun-q up");
    net::test::add_ipv6("fd09::1", 64, "tun-q");
    expect_done(other_link.install(others));

    PolicyRouting routing(host.netlink);
    expect_done(routing.install(host.options()));
    EXPECT_THAT(run("ip rule"), Not(HasSubstr("30000:")));
    routing.remove();
    EXPECT_EQ(network_dump(), with_other);
    EXPECT_EQ(PolicyRouting::unblock(host.netlink, others.number).value(), true);
    EXPECT_EQ(PolicyRouting::unblock(host.netlink, others.number).value(), false);
    EXPECT_EQ(network_dump(), before);
  });
}

/// Hears what is deleted.
class Witness {
 public:
  Witness() : socket_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)) {
    const sockaddr_nl any{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
    for (const int group : {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE}) {
      EXPECT_EQ(setsockopt(socket_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group), 0);
    }
  }
  int deleted(int type) {
    alignas(nlmsghdr) std::array<std::uint8_t, 8192> buffer;
    for (ssize_t size = 0; (size = recv(socket_.get(), buffer.data(), buffer.size(), 0)) > 0;) {
      auto rest = static_cast<unsigned>(size);
      for (auto* at = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(at, rest); at = NLMSG_NEXT(at, rest)) {
        ++counted_[at->nlmsg_type];
      }
    }
    return counted_[type];
  }

 private:
  FileDescriptor socket_;
  std::map<int, int> counted_;
};

TEST(PolicyRouting, NothingLeaksWhileOptionsChangeOrALaterRunTakesOver) {
  in_namespace([] {
    Host host;
    PolicyRouting first(host.netlink);
    expect_done(first.install(host.options()));
    first.release();
    Witness witness;
    PolicyRouting routing(host.netlink);
    expect_done(routing.install(host.options()));
    auto options = host.options();
    options.spared = {IpNetwork::parse("198.51.100.0/24").value()};
    expect_done(routing.install(options));
    expect_done(routing.install(host.options()));
    // Of what was there before nothing goes; what goes is the one route and its two rules.
    EXPECT_EQ(witness.deleted(RTM_DELRULE), 2);
    EXPECT_EQ(witness.deleted(RTM_DELROUTE), 1);
  });
}

TEST(PolicyRouting, ARouteThatLeadsToThePeerIsLeftToAllButTheTunnelsOwnDatagrams) {
  in_namespace([] {
    Host host;
    run("ip route add 198.51.100.64/26 dev veth-a; ip route add 198.0.0.0/8 via 192.0.2.253");
    const auto before = network_dump();
    const auto uplink = host.way_to("192.0.2.254");
    PolicyRouting routing(host.netlink);
    auto options = host.options();
    options.families = {};
    options.behind = {};
    options.spared = {IpNetwork::parse("198.51.100.0/24").value(), IpNetwork::parse("198.51.0.0/16").value(),
                      IpNetwork::parse("2001:db8:8000::/33").value()};
    expect_done(routing.install(options));
    for (const auto* within : {"198.51.100.1", "198.51.7.7", "2001:db8:8000::1"}) {
      EXPECT_EQ(host.way_to(within), host.tun.index()) << within;
      EXPECT_EQ(host.way_to(within, kMark), uplink) << within;
    }
    EXPECT_EQ(host.way_to("198.51.100.65"), uplink) << "a more precise route of others counts";
    EXPECT_EQ(host.way_to("198.52.0.1"), uplink);
    EXPECT_EQ(host.way_to("203.0.113.1"), uplink);
    routing.remove();
    EXPECT_EQ(network_dump(), before);
  });
}

TEST(PolicyRouting, WhatIsBlockedGoesNowhereAndLeaveBlockedLeavesThatAlone) {
  in_namespace([] {
    Host host;
    const auto before = network_dump();
    const auto uplink = host.way_to("198.51.100.1");
    {
      PolicyRouting routing(host.netlink);
      auto options = host.options();
      options.families = {Family::v4};
      options.blocked = {Family::v6};
      options.behind.push_back({.to = IpNetwork::parse("10.20.0.0/16").value()});
      expect_done(routing.install(options));
      EXPECT_EQ(host.way_to("198.51.100.1"), host.tun.index());
      EXPECT_FALSE(net::route_to(host.netlink, address("2001:db8:ffff::1")));
      EXPECT_EQ(host.way_to("2001:db8:ffff::1", kMark), uplink);
      EXPECT_TRUE(routing.blocks());
      routing.leave_blocked();
    }
    for (const auto* far : {"198.51.100.1", "2001:db8:ffff::1", "10.20.0.1"}) {
      EXPECT_FALSE(net::route_to(host.netlink, address(far))) << far;
    }
    EXPECT_EQ(host.way_to("198.51.100.1", kMark), uplink);
    expect_done(PolicyRouting::unblock(host.netlink, kNumber));
    EXPECT_EQ(network_dump(), before);
  });
}

TEST(PolicyRouting, AHostWithoutIpv6HasNothingOfItToBlock) {
  in_namespace([] {
    Host host;
    run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1");
    PolicyRouting routing(host.netlink);
    auto options = host.options();
    options.families = {Family::v4};
    options.blocked = {Family::v6};
    expect_done(routing.install(options));
    EXPECT_EQ(host.way_to("198.51.100.1"), host.tun.index());
  });
}

/// As many as a file may name, each of them there already when it is looked after.
TEST(PolicyRouting, ThousandsThatBlockAreAddedLookedAfterAndTakenAway) {
  in_namespace([] {
    Host host;
    const auto before = network_dump();
    auto options = host.options();
    options.families = {};
    options.behind.clear();
    for (unsigned i = 0; i < 16'384; ++i) {
      const std::array<std::uint8_t, 4> to{100, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 0};
      options.behind.push_back({.to = {IpAddress::v4(to), 24}});
    }
    PolicyRouting routing(host.netlink);
    expect_done(routing.install(options));
    EXPECT_FALSE(net::route_to(host.netlink, address("100.63.255.1")));
    EXPECT_THAT(routing.restore().what, testing::IsEmpty());
    run("ip route del unreachable 100.1.2.0/24 proto 173 metric 4294962635");
    EXPECT_THAT(routing.restore().what, testing::SizeIs(1));
    routing.remove();
    EXPECT_EQ(network_dump(), before);
  });
}

/// Two links of one host: whoever was first has the traffic, and the other's own datagrams do not go through it.
TEST(PolicyRouting, TwoLinksWithDefaultRoutesDoNotCarryEachOther) {
  in_namespace([] {
    Host host;
    const auto second = net::TunDevice::open({.name = "tun-r"}).value();
    run("ip link set tun-r up");
    const auto uplink = host.way_to("198.51.100.1");
    auto one = host.options();
    one.families = {Family::v4};
    one.fwmark = one.number;
    auto two = one;
    two.number = two.fwmark = 0x0ad1'0002;
    two.interface = second.index();
    two.behind = {{.to = {IpAddress::any(Family::v4), 0}, .table = two.number}};
    PolicyRouting first(host.netlink);
    PolicyRouting other(host.netlink);
    expect_done(first.install(one));
    expect_done(other.install(two));
    EXPECT_EQ(host.way_to("198.51.100.1"), host.tun.index());
    EXPECT_EQ(host.way_to("198.51.100.1", one.fwmark), uplink);
    EXPECT_EQ(host.way_to("198.51.100.1", two.fwmark), uplink);
    first.remove();
    EXPECT_EQ(host.way_to("198.51.100.1"), second.index());
    EXPECT_EQ(host.way_to("198.51.100.1", two.fwmark), uplink);
  });
}

TEST(PolicyRouting, TheSameAgainChangesNothingAndOtherOptionsReplace) {
  in_namespace([] {
    Host host;
    PolicyRouting routing(host.netlink);
    expect_done(routing.install(host.options()));
    const auto installed = network_dump();
    expect_done(routing.install(host.options()));
    EXPECT_EQ(network_dump(), installed);

    auto options = host.options();
    options.priority = 31'000;
    expect_done(routing.install(options));
    EXPECT_THAT(run("ip rule; ip -6 rule"), AllOf(HasSubstr("31000:"), Not(HasSubstr("32700:"))));
  });
}

TEST(PolicyRouting, ARouteThatCannotBePutBackKeepsNothingElseAway) {
  in_namespace([] {
    Host host;
    PolicyRouting routing(host.netlink);
    auto options = host.options();
    std::ranges::reverse(options.families);
    expect_done(routing.install(options));
    run("sysctl -qw net.ipv6.conf.tun-q.disable_ipv6=1");
    run("ip rule del pref 32700; ip rule del pref 32701; ip -6 rule del pref 32701; ip route flush table 181473844");
    const auto restored = routing.restore();
    EXPECT_THAT(restored.what, testing::IsSupersetOf({"the IPv4 rule 32700", "the IPv4 rule 32701",
                                                      "the IPv6 rule 32701", "the route 0.0.0.0/0 table 181473844"}));
    EXPECT_THAT(restored.problem,
                AllOf(HasSubstr("cannot add the route ::/0 table 181473844"), HasSubstr("switch IPv6 on")));
    EXPECT_EQ(host.way_to("198.51.100.1"), host.tun.index());
    EXPECT_FALSE(net::route_to(host.netlink, address("2001:db8:1::1"))) << "refused, and not by way of the uplink";
  });
}

TEST(PolicyRouting, RestoreAddsWhatTheInterfaceLostWhileItWasDown) {
  in_namespace([] {
    Host host;
    PolicyRouting routing(host.netlink);
    expect_done(routing.restore());
    expect_done(routing.install(host.options()));
    run("ip link set tun-q down");
    EXPECT_FALSE(net::route_to(host.netlink, address("198.51.100.1")));
    EXPECT_THAT(routing.restore().what, testing::IsEmpty());
    run("ip link set tun-q up; ip rule del pref 32700; ip -6 route flush table 181473844");
    EXPECT_THAT(routing.restore().what,
                testing::UnorderedElementsAre("the IPv4 rule 32700", "the route 0.0.0.0/0 table 181473844",
                                              "the route ::/0 table 181473844",
                                              "the route unreachable ::/0 metric 4294962635 table 181473844"));
    EXPECT_EQ(host.way_to("198.51.100.1"), host.tun.index());
    EXPECT_EQ(host.way_to("2001:db8:ffff::1"), host.tun.index());
  });
}

TEST(PolicyRouting, ATableThatIsInUseIsRefusedAndNothingStays) {
  in_namespace([] {
    Host host;
    run("ip -6 route add default via 2001:db8::fe table 181473844");
    const auto before = network_dump();
    PolicyRouting routing(host.netlink);
    const auto done = routing.install(host.options());
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message,
                AllOf(HasSubstr("table 181473844"), HasSubstr("ip -6 route show table 181473844")));
    EXPECT_EQ(network_dump(), before);
  });
}

TEST(PolicyRouting, AndAllElseNeedsNoMoreThanCapNetAdmin) {
  in_namespace([] {
    Host host;
    const auto before = network_dump();
    net::test::drop_capabilities({CAP_NET_ADMIN});
    auto tun = net::TunDevice::open({.name = "tun-c"});
    ASSERT_TRUE(tun) << tun.error().message;
    {
      InterfaceSetup setup(host.netlink, tun->index(), "tun-c");
      expect_done(setup.apply(
          {.queue_length = 100,
           .addresses = {{.network = *IpNetwork::parse("10.8.0.1/24")}, {.network = *IpNetwork::parse("fd08::1/64")}},
           .routes = {{.to = *IpNetwork::parse("10.20.0.0/16"), .table = 100}}}));
      auto options = host.options();
      options.interface = tun->index();
      PolicyRouting routing(host.netlink);
      expect_done(routing.install(options));
      EXPECT_EQ(host.way_to("198.51.100.1"), tun->index());
      const auto sockets = net::open_udp({.device = "veth-a", .fwmark = kMark});
      EXPECT_TRUE(sockets) << sockets.error().message;
    }
    tun = fail("closed");
    EXPECT_EQ(network_dump(), before);
  });
}

}  // namespace
}  // namespace adit::host
