// SPDX-License-Identifier: MIT
#include "host/host_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace adit::host {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

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
  const auto settings = interface_settings(config, 1400);
  EXPECT_EQ(settings.mtu, 1400U);
  EXPECT_THAT(settings.addresses, ElementsAre(net::InterfaceAddress{net("10.9.0.1/30"), ip("10.9.0.2")},
                                              net::InterfaceAddress{net("fd09::1/126"), ip("fd09::2")},
                                              net::InterfaceAddress{net("10.8.0.1/32"), ip("10.8.0.2")},
                                              net::InterfaceAddress{net("10.7.0.1/32"), {}}));
}

TEST(HostPlan, OrdinaryRoutesGoToTheInterfaceAndNeedNoMark) {
  auto config = link();
  config.routes = {{.to = net("10.20.0.0/16"), .metric = 50, .table = 100, .source = ip("10.9.0.1")}};
  const auto settings = interface_settings(config, 1420);
  EXPECT_THAT(settings.routes, ElementsAre(net::RouteSpec{net("10.20.0.0/16"), 50, 100, ip("10.9.0.1")}));
  EXPECT_THAT(default_families(config), IsEmpty());
  EXPECT_EQ(datagram_mark(config), std::nullopt);
}

TEST(HostPlan, DefaultRoutesArePolicyRoutingAndMarkOurDatagrams) {
  auto config = link();
  config.routes = {{.to = net("0.0.0.0/0")}, {.to = net("::/0")}, {.to = net("192.168.20.0/24")}};
  EXPECT_THAT(interface_settings(config, 1420).routes, ElementsAre(net::RouteSpec{.to = net("192.168.20.0/24")}));
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
  EXPECT_THAT(interface_settings(config, 1420).routes,
              ElementsAre(net::RouteSpec{.to = net("0.0.0.0/0"), .table = 100}));
}

TEST(HostPlan, ALinksNumberIsTheSameForEver) {
  EXPECT_EQ(link_number("office"), 0x0ad1'10bfU);
  std::set<std::uint32_t> numbers;
  for (int i = 0; i < 100; ++i) numbers.insert(link_number("link" + std::to_string(i)));
  EXPECT_GT(numbers.size(), 95U) << "links hardly ever share a number";
  for (const auto number : numbers) EXPECT_EQ(number & 0xc000U, 0U);
}

TEST(HostPlan, ListenReadsAsInTheConfigurationWithTheRealPort) {
  EXPECT_EQ(listen_text({}, 40123), "40123");
  EXPECT_EQ(listen_text({.address = ip("192.0.2.1")}, 51820), "192.0.2.1:51820");
  EXPECT_EQ(listen_text({.address = ip("2001:db8::1")}, 51820), "[2001:db8::1]:51820");
}

}  // namespace
}  // namespace adit::host
