// SPDX-License-Identifier: MIT
#include "net/netlink_route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "namespace.h"
#include "net/netlink_message.h"

namespace adit::net {
namespace {

using test::in_namespace;
using test::run;
using testing::AllOf;
using testing::HasSubstr;

IpAddress address(const char* text) {
  return IpAddress::parse(text).value();
}

TEST(RouteTo, KnowsInterfaceMtuAndSource) {
  in_namespace([] {
    test::make_veth_pair();
    run("ip link set veth-a mtu 1400");
    run("ip addr add 192.0.2.1/24 dev veth-a");
    test::add_ipv6("2001:db8::1", 64, "veth-a");
    run("ip route add 198.51.100.0/24 via 192.0.2.254 mtu 1300");
    auto netlink = Netlink::open().value();
    const auto near = route_to(netlink, address("192.0.2.7"));
    ASSERT_TRUE(near) << near.error().message;
    EXPECT_EQ(near->interface, if_nametoindex("veth-a"));
    EXPECT_EQ(near->mtu, 1400u);
    EXPECT_EQ(near->source, address("192.0.2.1"));
    EXPECT_EQ(route_to(netlink, address("198.51.100.7"))->mtu, 1300u);
    const auto v6 = route_to(netlink, address("2001:db8::7"));
    ASSERT_TRUE(v6) << v6.error().message;
    EXPECT_EQ(v6->interface, if_nametoindex("veth-a"));
    EXPECT_EQ(v6->mtu, 1400u);
    EXPECT_EQ(v6->source, address("2001:db8::1"));
  });
}

TEST(RouteTo, GoesTheWayOfMarkedPackets) {
  in_namespace([] {
    test::make_veth_pair();
    run("ip route add default dev veth-a; ip route add default dev veth-b table 9; ip rule add fwmark 77 lookup 9");
    auto netlink = Netlink::open().value();
    EXPECT_EQ(route_to(netlink, address("198.51.100.7"))->interface, if_nametoindex("veth-a"));
    EXPECT_EQ(route_to(netlink, address("198.51.100.7"), 77)->interface, if_nametoindex("veth-b"));
  });
}

TEST(RouteTo, SaysThatThereIsNone) {
  in_namespace([] {
    auto netlink = Netlink::open().value();
    for (const auto* text : {"198.51.100.7", "2001:db8::7"}) {
      const auto route = route_to(netlink, address(text));
      ASSERT_FALSE(route);
      EXPECT_THAT(route.error().message, AllOf(HasSubstr(text), HasSubstr("ENETUNREACH")));
    }
  });
}

TEST(FindRoute, KnowsTheTable) {
  in_namespace([] {
    test::make_veth_pair();
    auto netlink = Netlink::open().value();
    for (const auto* text : {"10.20.0.0/16", "fd20::/48"}) {
      const auto ip = std::string(text).contains(':') ? std::string("ip -6 ") : std::string("ip ");
      run(ip + "rule add pref 100 lookup 52; " + ip + "route add " + text + " dev veth-a metric 7 table 52");
      const RouteSpec main{.to = *IpNetwork::parse(text), .metric = 7};
      auto other = main;
      other.table = 52;
      EXPECT_FALSE(find_route(netlink, main)) << text;
      const auto found = find_route(netlink, other);
      ASSERT_TRUE(found) << text;
      EXPECT_EQ(found->route, other);
      EXPECT_EQ(found->interface, if_nametoindex("veth-a"));

      run(ip + "rule del pref 100; " + ip + "route add " + text + " dev veth-b metric 7");
      EXPECT_FALSE(find_route(netlink, other)) << text << " without a rule that leads to it";
      ASSERT_TRUE(find_route(netlink, main)) << text;
      EXPECT_EQ(find_route(netlink, main)->interface, if_nametoindex("veth-b"));
    }
  });
}

TEST(Netlink, KeepsTheKernelsErrnoAndExplanation) {
  in_namespace([] {
    test::make_veth_pair();
    auto netlink = Netlink::open().value();
    const RouteSpec route{.to = *IpNetwork::parse("10.0.0.0/8"), .source = address("198.51.100.1")};
    const auto done = add_route(netlink, if_nametoindex("veth-a"), route);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, EINVAL);
    EXPECT_EQ(done.error().explanation, "Invalid prefsrc address");
    EXPECT_EQ(describe(done.error()), "Invalid argument (EINVAL): Invalid prefsrc address");
    EXPECT_EQ(remove_route(netlink, 1, route).error().code, ESRCH);
    // And the socket is good for the next request.
    EXPECT_TRUE(list_routes(netlink, {.family = Family::v4}));
  });
}

TEST(Netlink, GoesOnAfterARequestThatCouldNotBeSent) {
  in_namespace([] {
    auto netlink = Netlink::open().value();
    const std::vector<std::uint8_t> more_than_a_socket_takes(1 << 20);
    nlmsg_set_default_size(2 << 20);
    const auto unsent = netlink.request(NetlinkMessage(RTM_NEWROUTE, NLM_F_CREATE, Bytes(more_than_a_socket_takes)));
    nlmsg_set_default_size(static_cast<std::size_t>(::getpagesize()));
    ASSERT_FALSE(unsent);
    EXPECT_EQ(unsent.error().code, EMSGSIZE);
    const auto next = route_to(netlink, address("127.0.0.1"));
    EXPECT_TRUE(next) << next.error().message;
  });
}

TEST(Netlink, AsksInBatchesWithPausesThatAreNeverFarApart) {
  in_namespace([] {
    auto netlink = Netlink::open().value();
    std::size_t batch = 0;
    std::size_t largest = 0;
    std::size_t answered = 0;
    netlink.set_between([&] {
      largest = std::max(largest, batch);
      batch = 0;
    });
    const std::vector<std::uint8_t> nothing(sizeof(rtmsg));
    const auto make = [&](std::size_t) {
      ++batch;
      return NetlinkMessage(RTM_DELROUTE, 0, Bytes(nothing));
    };
    const auto done = [&](std::size_t index, const NetlinkError& error) {
      EXPECT_EQ(index, answered++);
      EXPECT_NE(error.code, 0);
    };
    ASSERT_TRUE(netlink.request_each(2'000, make, done));
    EXPECT_EQ(answered, 2'000U);
    EXPECT_LE(largest, 64U);
    EXPECT_EQ(batch, 0U);
  });
}

TEST(Netlink, ListsMoreRoutesThanFitIntoOneMessage) {
  in_namespace([] {
    auto netlink = Netlink::open().value();
    for (std::uint32_t i = 0; i < 3000; ++i) {
      std::array<std::uint8_t, 4> bytes{};
      store_be32(bytes.data(), 0x0a000000 + (i << 8));
      ASSERT_TRUE(add_route(netlink, 1, {.to = {IpAddress::v4(bytes), 24}, .metric = 5, .table = 1000}));
    }
    const auto all = list_routes(netlink, {.family = Family::v4, .table = 1000});
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 3000u);
    EXPECT_EQ(to_string(all->back().route), "10.11.183.0/24 metric 5 table 1000");
    EXPECT_EQ(all->back().protocol, kAditProtocol);
    EXPECT_EQ(list_routes(netlink, {.family = Family::v4, .table = 1001})->size(), 0u);
    EXPECT_EQ(list_routes(netlink, {.family = Family::v4, .protocol = kAditProtocol})->size(), 3000u);
    EXPECT_EQ(list_routes(netlink, {.family = Family::v4, .table = 1000, .protocol = 3})->size(), 0u);
  });
}

}  // namespace
}  // namespace adit::net
