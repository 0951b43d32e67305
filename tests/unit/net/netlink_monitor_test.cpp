// SPDX-License-Identifier: MIT
#include "net/netlink_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>

#include <optional>

#include "namespace.h"
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

    change = watcher.after("ip link set veth-a addrgenmode none; ip link set veth-a up");
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
