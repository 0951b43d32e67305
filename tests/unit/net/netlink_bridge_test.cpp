// SPDX-License-Identifier: MIT
#include "net/netlink_bridge.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "namespace.h"

namespace adit::net {
namespace {

using test::in_namespace;
using test::run;

std::uint32_t index_of(const char* name) {
  return ::if_nametoindex(name);
}

/// A bridge br-n with the ports port-n and port-o, behind which nobody says anything.
void make_bridge() {
  run("echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
  // Kernels with VLANs in bridges would put what is added by hand into the port's VLAN as well, and so count it twice.
  run("ip link add br-n type bridge vlan_default_pvid 0; ip link set br-n up");
  for (const auto* port : {"port-n", "port-o"}) {
    run(fmt::format(
        "ip link add {0} type veth peer name {0}-far; ip link set {0}-far up; ip link set {0} master br-n up", port));
  }
}

/// As if frames had come from that many hosts.
void learn(const char* port, std::uint32_t count) {
  const auto file = fmt::format("{}adit-fdb-{}", testing::TempDir(), ::getpid());
  std::ofstream commands(file);
  for (std::uint32_t i = 0; i < count; ++i) {
    commands << fmt::format("fdb add 02:{:02x}:00:{:02x}:{:02x}:{:02x} dev {} master dynamic\n", port[5], i >> 16,
                            (i >> 8) & 255, i & 255, port);
  }
  commands.close();
  run("bridge -batch " + file);
  std::filesystem::remove(file);
}

TEST(NetlinkBridge, TellsABridgeAndAPortFromOthers) {
  in_namespace([] {
    make_bridge();
    auto netlink = Netlink::open().value();
    const auto lone = get_bridge_state(netlink, index_of("lo"));
    ASSERT_TRUE(lone);
    EXPECT_FALSE(lone->is_bridge || lone->stp || lone->port_state);
    auto bridge = get_bridge_state(netlink, index_of("br-n"));
    ASSERT_TRUE(bridge);
    EXPECT_TRUE(bridge->is_bridge && !bridge->stp && !bridge->port_state);
    run("ip link set br-n type bridge stp_state 1");
    bridge = get_bridge_state(netlink, index_of("br-n"));
    ASSERT_TRUE(bridge);
    EXPECT_TRUE(bridge->stp);
    const auto port = get_bridge_state(netlink, index_of("port-n"));
    ASSERT_TRUE(port);
    EXPECT_TRUE(!port->is_bridge && port->port_state);
    EXPECT_FALSE(get_bridge_state(netlink, 9999));
  });
}

TEST(NetlinkBridge, CountsWhatWasLearntBehindOnePortAlone) {
  in_namespace([] {
    make_bridge();
    LearntAddresses learnt(Netlink::open().value());
    EXPECT_EQ(learnt.count(index_of("port-n")), 0U);
    learn("port-n", 700);
    learn("port-o", 5);
    run("bridge fdb add 02:99:00:00:00:01 dev port-n master static");
    EXPECT_EQ(learnt.count(index_of("port-n")), 700U);
    EXPECT_EQ(learnt.count(index_of("port-o")), 5U);
    EXPECT_EQ(learnt.count(index_of("lo")), 0U);
  });
}

TEST(NetlinkBridge, OfMoreThanItMayCountItReadsAPartEachTime) {
  in_namespace([] {
    make_bridge();
    LearntAddresses learnt(Netlink::open().value());
    learn("port-n", 2 * kMostLearnt + 5000);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(learnt.count(index_of("port-n")), kMostLearnt);
    run("ip link set port-n type bridge_slave fdb_flush");
    // The answer that was begun is read to its end, and then asked anew.
    EXPECT_TRUE(learnt.count(index_of("port-n")));
    EXPECT_TRUE(learnt.count(index_of("port-n")));
    EXPECT_EQ(learnt.count(index_of("port-n")), 0U);
  });
}

}  // namespace
}  // namespace adit::net
