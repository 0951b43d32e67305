// SPDX-License-Identifier: MIT
// Which way the peer is looked for, and where whoever calls is expected to come in, on hosts with several ways out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>

#include "doctor/gather.h"
#include "namespace.h"

namespace adit::doctor {
namespace {

using net::test::in_namespace;
using net::test::run;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

constexpr std::uint32_t kMain = 254;

IpNetwork network(const char* text) {
  return IpNetwork::parse(text).value();
}

/// A link without a daemon on a host with veth-a and veth-b, which in_namespace and make_veth_pair have made.
Facts two_ways_out() {
  Facts facts{.name = "office"};
  facts.file_facts.config.emplace();
  facts.file_facts.config->interface.name = "office";
  facts.file_facts.config->local.listen.port = 51820;
  for (const auto* const name : {"veth-a", "veth-b"}) {
    facts.network.interfaces.push_back({.name = name, .index = if_nametoindex(name), .up = true});
  }
  facts.host.capabilities = kNetAdmin;
  return facts;
}

config::Config& config_of(Facts& facts) {
  return *facts.file_facts.config;
}

/// The ways to the peer at `host`.
std::vector<WayFacts> ways(Facts& facts, const char* host) {
  facts.path = {};
  config_of(facts).peer.endpoints = {{host, 51820}};
  gather_endpoints(facts);
  return facts.path.ways;
}

auto through(const char* interface) {
  return ElementsAre(Field(&WayFacts::interface, interface));
}

TEST(GatherPath, FollowsTheRoutesOfTheInterfaceThatDatagramsAreKeptTo) {
  in_namespace([] {
    net::test::make_veth_pair();
    run("ip route add default dev veth-b; ip rule add oif veth-a lookup 200; ip route add default dev veth-a table "
        "200");
    auto facts = two_ways_out();
    EXPECT_THAT(ways(facts, "198.51.100.7"), through("veth-b"));
    config_of(facts).local.device = "veth-a";
    EXPECT_THAT(ways(facts, "198.51.100.7"), through("veth-a"));
    config_of(facts).local.device.reset();
    config_of(facts).local.uplinks = {"wwan7", "veth-a", "veth-b"};
    EXPECT_THAT(ways(facts, "198.51.100.7"), through("veth-a")) << "the first one that is there";
    facts.daemon.status = LinkStatus{.device = "veth-b"};
    EXPECT_THAT(ways(facts, "198.51.100.7"), through("veth-b")) << "the one in use";
  });
}

TEST(GatherPath, FindsNoWayByAnInterfaceThatNoRouteLeadsBy) {
  in_namespace([] {
    net::test::make_veth_pair();
    net::test::add_ipv6("2001:db8:b::1", 64, "veth-b");
    run("ip addr add 192.0.2.1/24 dev veth-a; ip route add default dev veth-b; ip -6 route add default dev veth-b");
    auto facts = two_ways_out();
    config_of(facts).local.device = "veth-a";
    for (const auto* const host : {"198.51.100.7", "2001:db8::7"}) {
      const auto found = ways(facts, host);
      ASSERT_EQ(found.size(), 1U);
      EXPECT_FALSE(found[0].route) << host;
      EXPECT_THAT(found[0].error, HasSubstr("through veth-a"));
    }
    EXPECT_THAT(ways(facts, "192.0.2.7"), through("veth-a")) << "a neighbour indeed";
    run("ip link set veth-a arp off");
    EXPECT_THAT(ways(facts, "198.51.100.7"), through("veth-a")) << "as a modem's interface: nobody is asked for";
  });
}

TEST(GatherPath, LooksForALinkLocalAddressByItsInterface) {
  in_namespace([] {
    net::test::make_veth_pair();
    for (const auto* const name : {"veth-a", "veth-b"}) {
      net::test::add_ipv6(name == std::string_view("veth-a") ? "fe80::a" : "fe80::b", 64, name);
    }
    auto facts = two_ways_out();
    EXPECT_THAT(ways(facts, "fe80::7%veth-a"), through("veth-a"));
    EXPECT_THAT(ways(facts, "fe80::7%veth-b"), through("veth-b"));
    facts.daemon.status = LinkStatus{.endpoint = "[fe80::7]:51820"};
    EXPECT_THAT(ways(facts, "fe80::7%veth-b"), through("veth-b")) << "the same, though the status names no interface";
  });
}

/// What becomes of a call to a host where only veth-a is shut.
Fate fate_of_a_call(Facts& facts) {
  gather_firewall(facts);
  EXPECT_EQ(facts.path.firewall.why_not, "");
  return facts.path.firewall.called.fate;
}

TEST(GatherPath, ExpectsACallWhereTheDefaultRouteOfTheMainTableLeads) {
  in_namespace([] {
    net::test::make_veth_pair();
    run("nft 'add table inet t; add chain inet t in { type filter hook input priority 0; }; "
        "add rule inet t in iifname veth-a drop'");
    constexpr std::uint32_t kOfAnotherTunnel = 51820;
    const auto v4 = network("0.0.0.0/0");
    const auto v6 = network("::/0");
    auto facts = two_ways_out();
    auto& routes = facts.network.routes;
    EXPECT_EQ(fate_of_a_call(facts), Fate::unclear) << "it may come from anywhere";
    routes = {{.to = v4, .interface = "veth-b", .table = kOfAnotherTunnel},
              {.to = v4, .interface = "veth-b", .metric = 600, .table = kMain},
              {.to = v4, .interface = "veth-a", .metric = 100, .table = kMain}};
    EXPECT_EQ(fate_of_a_call(facts), Fate::drops);
    routes.push_back({.to = v6, .interface = "veth-a", .metric = 1024, .table = kMain});
    EXPECT_EQ(fate_of_a_call(facts), Fate::drops) << "of both families it is the same";
    routes.push_back({.to = v6, .interface = "veth-b", .metric = 1024, .table = kMain});
    EXPECT_EQ(fate_of_a_call(facts), Fate::unclear) << "two of IPv6";
    config_of(facts).local.device = "veth-b";
    EXPECT_EQ(fate_of_a_call(facts), Fate::passes);
    config_of(facts).local.device.reset();
    config_of(facts).local.uplinks = {"veth-b", "veth-a"};
    EXPECT_EQ(fate_of_a_call(facts), Fate::unclear) << "any of the list";
  });
}

}  // namespace
}  // namespace adit::doctor
