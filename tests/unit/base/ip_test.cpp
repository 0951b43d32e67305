// SPDX-License-Identifier: MIT
#include "base/ip.h"

#include <gtest/gtest.h>

namespace adit {
namespace {

TEST(IpAddress, ParsesBothFamiliesAndPrintsTheUsualForm) {
  for (const auto* text : {"192.0.2.7", "0.0.0.0", "255.255.255.255", "2001:db8::7", "::", "fe80::1"}) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_string(*address), text);
  }
  EXPECT_EQ(to_string(*IpAddress::parse("2001:0DB8:0:0::0007")), "2001:db8::7");
}

TEST(IpAddress, RefusesWhatIsNoAddress) {
  using namespace std::string_view_literals;
  for (const auto text : {""sv, "1.2.3"sv, "1.2.3.4.5"sv, "256.1.1.1"sv, "01.2.3.4"sv, " 1.2.3.4"sv, "1.2.3.4\0"sv,
                          "fe80::1%eth0"sv, "1::2::3"sv, "host"sv}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpNetwork, KnowsItsHostBits) {
  EXPECT_TRUE(IpNetwork::parse("10.9.0.1/30")->has_host_bits());
  EXPECT_FALSE(IpNetwork::parse("10.9.0.0/30")->has_host_bits());
  EXPECT_TRUE(IpNetwork::parse("fd09::1/126")->has_host_bits());
  EXPECT_FALSE(IpNetwork::parse("::/0")->has_host_bits());
  EXPECT_EQ(to_string(IpNetwork::parse("10.9.7.201/20")->network()), "10.9.0.0/20");
  EXPECT_EQ(to_string(*IpNetwork::parse("10.9.0.1")), "10.9.0.1/32");
}

TEST(IpNetwork, RefusesOddPrefixes) {
  for (const auto* text : {"10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/08", "/24", "10.0.0.0/1x"}) {
    EXPECT_FALSE(IpNetwork::parse(text)) << text;
  }
}

TEST(IpNetwork, ContainsAndOverlapsOnlyWithinItsFamily) {
  const auto net = *IpNetwork::parse("10.9.0.0/16");
  EXPECT_TRUE(net.contains(*IpAddress::parse("10.9.255.255")));
  EXPECT_FALSE(net.contains(*IpAddress::parse("10.10.0.0")));
  EXPECT_FALSE(IpNetwork::parse("0.0.0.0/0")->contains(*IpAddress::parse("::1")));
  EXPECT_TRUE(net.overlaps(*IpNetwork::parse("10.9.3.0/24")));
  EXPECT_TRUE(IpNetwork::parse("10.9.3.0/24")->overlaps(net));
  EXPECT_FALSE(net.overlaps(*IpNetwork::parse("10.8.0.0/16")));
}

TEST(Endpoint, NeedsBracketsAroundIpv6AndAPort) {
  EXPECT_EQ(to_string(*Endpoint::parse("192.0.2.7:51820")), "192.0.2.7:51820");
  EXPECT_EQ(to_string(*Endpoint::parse("[2001:db8::7]:1")), "[2001:db8::7]:1");
  for (const auto* text :
       {"192.0.2.7", "2001:db8::7:1", "[192.0.2.7]:1", "192.0.2.7:65536", "192.0.2.7:", "[::1]", ":1"}) {
    EXPECT_FALSE(Endpoint::parse(text)) << text;
  }
}

}  // namespace
}  // namespace adit
