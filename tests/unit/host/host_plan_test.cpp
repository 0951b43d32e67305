// SPDX-License-Identifier: MIT
#include "host/host_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/link_number.h"

namespace adit::host {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

IpNetwork net(const char* text) {
  return IpNetwork::parse(text).value();
}
IpAddress ip(const char* text) {
  return IpAddress::parse(text).value();
}

config::Config link() {
  config::Config config;
  config.name = "office";
  config.interface.name = "adit0";
  config.interface.addresses = {net("10.9.0.1/30"), net("fd09::1/126")};
  return config;
}

TEST(HostPlan, AddressesMeetThePeerAddressesOfTheirFamilyInOrder) {
  auto config = link();
  config.interface.addresses = {net("10.9.0.1/30"), net("fd09::1/126"), net("10.8.0.1/32"), net("10.7.0.1/32")};
  config.interface.peer_addresses = {ip("fd09::2"), ip("10.9.0.2"), ip("10.8.0.2")};
  const auto settings = interface_settings(config, 1400, {});
  EXPECT_EQ(settings.mtu, 1400U);
  EXPECT_THAT(settings.addresses, ElementsAre(net::InterfaceAddress{net("10.9.0.1/30"), ip("10.9.0.2")},
                                              net::InterfaceAddress{net("fd09::1/126"), ip("fd09::2")},
                                              net::InterfaceAddress{net("10.8.0.1/32"), ip("10.8.0.2")},
                                              net::InterfaceAddress{net("10.7.0.1/32"), {}}));
}

TEST(HostPlan, OrdinaryRoutesGoToTheInterfaceAndNeedNoMark) {
  auto config = link();
  config.routes = {{.to = net("10.20.0.0/16"), .metric = 50, .table = 100, .source = ip("10.9.0.1")}};
  const auto settings = interface_settings(config, 1420, {});
  EXPECT_THAT(settings.routes, ElementsAre(net::RouteSpec{net("10.20.0.0/16"), 50, 100, ip("10.9.0.1")}));
  EXPECT_THAT(default_families(config), IsEmpty());
  EXPECT_EQ(datagram_mark(config), std::nullopt);
}

TEST(HostPlan, DefaultRoutesArePolicyRoutingAndMarkOurDatagrams) {
  auto config = link();
  config.routes = {{.to = net("0.0.0.0/0")}, {.to = net("::/0")}, {.to = net("192.168.20.0/24")}};
  EXPECT_THAT(interface_settings(config, 1420, {}).routes, ElementsAre(net::RouteSpec{.to = net("192.168.20.0/24")}));
  EXPECT_THAT(default_families(config), ElementsAre(Family::v4, Family::v6));
  EXPECT_EQ(datagram_mark(config), link_number("office"));
  EXPECT_EQ(listen_options(config).fwmark, link_number("office"));
}

TEST(HostPlan, TheUsersMarkIsKept) {
  auto config = link();
  config.local.fwmark = 7;
  EXPECT_EQ(datagram_mark(config), 7U);
  config.routes = {{.to = net("0.0.0.0/0")}};
  EXPECT_EQ(datagram_mark(config), 7U);
}

TEST(HostPlan, ADefaultRouteInATableOfItsOwnConcernsThatTableOnly) {
  auto config = link();
  config.routes = {{.to = net("0.0.0.0/0"), .table = 100}};
  EXPECT_THAT(default_families(config), IsEmpty());
  EXPECT_THAT(interface_settings(config, 1420, {}).routes,
              ElementsAre(net::RouteSpec{.to = net("0.0.0.0/0"), .table = 100}));
}

TEST(HostPlan, ADefaultRouteOfAFamilyTheInterfaceHasNotBlocksIt) {
  auto config = link();
  config.interface.addresses = {net("10.9.0.1/30")};
  config.routes = {{.to = net("0.0.0.0/0")}, {.to = net("::/0")}};
  const auto options = policy_options(config, 5, {});
  EXPECT_THAT(options.families, ElementsAre(Family::v4));
  EXPECT_THAT(options.blocked, ElementsAre(Family::v6));
  EXPECT_THAT(options.behind, SizeIs(2));
  EXPECT_THAT(why_blocked(Family::v6), HasSubstr("write 0.0.0.0/0 instead of `default`"));
  config.routes.push_back({.to = net("::/0"), .metric = 5});
  EXPECT_THAT(policy_options(config, 5, {}).behind, SizeIs(2)) << "what lies behind has no metric";
  config.routes.pop_back();
  config.interface.kill_switch = config::KillSwitch::off;
  EXPECT_THAT(policy_options(config, 5, {}).behind,
              ElementsAre(net::RouteSpec{.to = net("::/0"), .table = options.number}));
  config.routes.pop_back();
  EXPECT_THAT(policy_options(config, 5, {}).blocked, IsEmpty());
}

TEST(HostPlan, RoutesThatLeadNearlyEverythingIntoTheTunnelSwitchTheKillSwitchOn) {
  using config::KillSwitch;
  const auto by_itself = [](std::initializer_list<const char*> routes) {
    auto config = link();
    for (const auto* to : routes) config.routes.push_back({.to = net(to)});
    EXPECT_EQ(is_full_tunnel(config), kill_switch(config) == KillSwitch::on);
    return kill_switch(config);
  };
  EXPECT_EQ(by_itself({"10.0.0.0/8", "192.168.20.0/24"}), KillSwitch::off);
  EXPECT_EQ(by_itself({"0.0.0.0/0"}), KillSwitch::on);
  EXPECT_EQ(by_itself({"0.0.0.0/1", "128.0.0.0/1"}), KillSwitch::on);
  EXPECT_EQ(by_itself({"2000::/3"}), KillSwitch::on);
  EXPECT_EQ(by_itself({"0.0.0.0/1", "10.0.0.0/8", "64.0.0.0/2"}), KillSwitch::off)
      << "what lies in another counts once";
  // Everything but 10.0.0.0/8, as calculators write it.
  EXPECT_EQ(by_itself({"0.0.0.0/5", "8.0.0.0/7", "11.0.0.0/8", "12.0.0.0/6", "16.0.0.0/4", "32.0.0.0/3", "64.0.0.0/2",
                       "128.0.0.0/1"}),
            KillSwitch::on);
  auto config = link();
  config.routes = {{.to = net("0.0.0.0/0"), .table = 100}};
  EXPECT_EQ(kill_switch(config), KillSwitch::off);
  config.interface.kill_switch = KillSwitch::always;
  EXPECT_FALSE(is_full_tunnel(config)) << "whatever is to block";
  EXPECT_EQ(kill_switch(config), KillSwitch::always);
  EXPECT_THAT(policy_options(config, 5, {}).behind, ElementsAre(net::RouteSpec{.to = net("0.0.0.0/0"), .table = 100}));
}

TEST(HostPlan, ARouteThatThePeerLiesInBelongsToThePolicyAndMarksOurDatagrams) {
  auto config = link();
  config.peer.endpoints = {{"vpn.example.net", 51820}, {"10.2.0.2", 51820}};
  config.routes = {{.to = net("10.0.0.0/8")}, {.to = net("192.168.20.0/24")}, {.to = net("10.2.0.0/16"), .table = 7}};
  const auto peers = literal_endpoints(config);
  EXPECT_THAT(peers, ElementsAre(ip("10.2.0.2")));
  EXPECT_EQ(datagram_mark(config), link_number("office"));
  EXPECT_THAT(policy_options(config, 5, peers).spared, ElementsAre(net("10.0.0.0/8")));
  EXPECT_THAT(interface_settings(config, 1420, peers).routes, SizeIs(2));
  EXPECT_FALSE(is_routed(config, ip("192.0.2.7")));
  config.peer.endpoints.pop_back();
  EXPECT_EQ(datagram_mark(config), std::nullopt) << "where a name leads is found out later";
}

TEST(HostPlan, ADefaultRouteInAnotherNetworkNamespaceIsAnOrdinaryOne) {
  auto config = link();
  config.interface.netns = "inside";
  config.routes = {{.to = net("0.0.0.0/0"), .metric = 5}, {.to = net("::/0")}};
  EXPECT_THAT(default_families(config), IsEmpty());
  EXPECT_EQ(datagram_mark(config), std::nullopt);
  EXPECT_THAT(interface_settings(config, 1420, {}).routes,
              ElementsAre(net::RouteSpec{.to = net("0.0.0.0/0"), .metric = 5}, net::RouteSpec{.to = net("::/0")}));
  EXPECT_EQ(tun_options(config).netns, "inside");
}

TEST(HostPlan, ListenReadsAsInTheConfigurationWithTheRealPort) {
  EXPECT_EQ(listen_text({}, 40123), "40123");
  EXPECT_EQ(listen_text({.address = ip("192.0.2.1")}, 51820), "192.0.2.1:51820");
  EXPECT_EQ(listen_text({.address = ip("2001:db8::1")}, 51820), "[2001:db8::1]:51820");
}

}  // namespace
}  // namespace adit::host
