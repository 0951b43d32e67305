// SPDX-License-Identifier: MIT
#include "cli/tunnel_subnets.h"

#include <gtest/gtest.h>

#include <set>

#include "cli/command_line.h"
#include "config/fields.h"

namespace adit::cli {
namespace {

IpNetwork net(std::string_view text) {
  return *IpNetwork::parse(text);
}

TEST(TunnelSubnets, ArePrivateAndNotPopular) {
  SeededRandom random;
  std::set<IpNetwork> seen;
  for (int i = 0; i < 2000; ++i) {
    const auto subnet = pick_ipv4_subnet(random, {});
    ASSERT_TRUE(subnet);
    EXPECT_EQ(subnet->prefix, 30);
    EXPECT_FALSE(subnet->has_host_bits());
    EXPECT_TRUE(net("10.0.0.0/8").contains(subnet->address));
    for (const auto* popular :
         {"10.0.0.0/16", "10.1.0.0/16", "10.8.0.0/16", "10.10.0.0/16", "10.96.0.0/12", "10.244.0.0/16"}) {
      EXPECT_FALSE(net(popular).overlaps(*subnet)) << to_string(*subnet);
    }
    seen.insert(*subnet);
  }
  EXPECT_GT(seen.size(), 1990);
}

TEST(TunnelSubnets, AvoidWhatIsTakenAsLongAsThereIsRoom) {
  SeededRandom random;
  const std::vector<IpNetwork> half{net("10.0.0.0/9")};
  for (int i = 0; i < 500; ++i) EXPECT_FALSE(half[0].overlaps(*pick_ipv4_subnet(random, half)));
  const std::vector<IpNetwork> ten{net("10.0.0.0/8")};
  EXPECT_TRUE(net("172.16.0.0/16").overlaps(*pick_ipv4_subnet(random, ten)));
  const std::vector<IpNetwork> all_private{net("10.0.0.0/8"), net("172.16.0.0/12"), net("192.168.0.0/16")};
  EXPECT_TRUE(net("100.64.0.0/10").overlaps(*pick_ipv4_subnet(random, all_private)));
  const std::vector<IpNetwork> everything{net("0.0.0.0/0")};
  const auto none = pick_ipv4_subnet(random, everything);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("--tunnel"), std::string::npos);
}

TEST(TunnelSubnets, OfIpv6AreUniqueLocalAndRandom) {
  SeededRandom random;
  std::set<IpNetwork> seen;
  for (int i = 0; i < 100; ++i) {
    const auto subnet = pick_ipv6_subnet(random);
    EXPECT_EQ(subnet.prefix, 126);
    EXPECT_FALSE(subnet.has_host_bits());
    EXPECT_TRUE(net("fd00::/8").contains(subnet.address));
    seen.insert(subnet);
  }
  EXPECT_EQ(seen.size(), 100);
}

TEST(TunnelSubnets, GiveTheirFirstTwoHostsToTheEnds) {
  const struct {
    std::string_view subnet, first, second;
  } table[] = {
      {"10.9.0.0/30", "10.9.0.1/30", "10.9.0.2/30"}, {"10.9.0.4/31", "10.9.0.4/31", "10.9.0.5/31"},
      {"10.9.0.0/16", "10.9.0.1/16", "10.9.0.2/16"}, {"fd09::/126", "fd09::1/126", "fd09::2/126"},
      {"fd09::8/127", "fd09::8/127", "fd09::9/127"}, {"fd09::/64", "fd09::1/64", "fd09::2/64"},
  };
  for (const auto& [subnet, first, second] : table) {
    const auto ends = ends_of(net(subnet));
    ASSERT_TRUE(ends) << subnet;
    EXPECT_EQ(to_string((*ends)[0]), first);
    EXPECT_EQ(to_string((*ends)[1]), second);
    for (const auto& end : *ends) EXPECT_TRUE(config::parse_interface_address(to_string(end))) << to_string(end);
  }
  EXPECT_FALSE(ends_of(net("10.9.0.1/32")));
  EXPECT_FALSE(ends_of(net("fd09::1/128")));
}

TEST(TunnelSubnets, OfThisHostIncludeTheLoopbacks) {
  const auto subnets = local_subnets();
  EXPECT_TRUE(std::ranges::any_of(subnets, [](const auto& subnet) { return to_string(subnet) == "127.0.0.0/8"; }));
}

}  // namespace
}  // namespace adit::cli
