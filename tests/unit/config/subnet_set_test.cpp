// SPDX-License-Identifier: MIT
#include "config/subnet_set.h"

#include <gtest/gtest.h>

namespace adit::config {
namespace {

SubnetSet set_of(std::initializer_list<std::string_view> subnets) {
  SubnetSet set;
  for (const auto subnet : subnets) set.add(*IpNetwork::parse(subnet));
  return set;
}

bool covers(const SubnetSet& set, std::string_view network) {
  return set.covers(*IpNetwork::parse(network));
}

TEST(SubnetSet, CoversWhatOneOfItsSubnetsHolds) {
  const auto set = set_of({"10.0.0.0/8", "192.168.20.0/24", "fd09::/64"});
  for (const auto* inside :
       {"10.0.0.0/8", "10.255.0.0/16", "10.1.2.3/32", "192.168.20.128/25", "fd09::/64", "fd09::1/128"}) {
    EXPECT_TRUE(covers(set, inside)) << inside;
  }
  for (const auto* outside : {"0.0.0.0/0", "8.0.0.0/6", "11.0.0.0/8", "192.168.20.0/23", "192.168.0.0/16", "fd09::/63",
                              "fd09:0:0:1::/64", "::/0"}) {
    EXPECT_FALSE(covers(set, outside)) << outside;
  }
}

TEST(SubnetSet, CoversPieceByPiece) {
  EXPECT_TRUE(covers(set_of({"0.0.0.0/1", "128.0.0.0/1"}), "0.0.0.0/0"));
  EXPECT_TRUE(covers(set_of({"0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/2"}), "0.0.0.0/0"));
  EXPECT_FALSE(covers(set_of({"0.0.0.0/1", "128.0.0.0/2"}), "0.0.0.0/0"));
  EXPECT_FALSE(covers(set_of({"0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3"}), "0.0.0.0/0"));
  EXPECT_TRUE(covers(set_of({"::/1", "8000::/1"}), "::/0"));
  EXPECT_FALSE(covers(set_of({"::/1", "128.0.0.0/1"}), "::/0"));
  EXPECT_TRUE(covers(set_of({"10.0.0.0/32", "10.0.0.1/32"}), "10.0.0.0/31"));
  EXPECT_FALSE(covers(set_of({"10.0.0.1/32"}), "10.0.0.0/31"));
  EXPECT_TRUE(covers(set_of({"10.0.0.0/25", "10.0.0.0/26", "10.0.0.128/25"}), "10.0.0.0/24"));
}

TEST(SubnetSet, CoversNothingWhenEmpty) {
  EXPECT_FALSE(covers(SubnetSet(), "10.0.0.0/32"));
  EXPECT_FALSE(covers(SubnetSet(), "::/0"));
}

TEST(SubnetSet, KnowsWhatItHas) {
  SubnetSet set;
  EXPECT_TRUE(set.add(*IpNetwork::parse("10.0.0.0/8")));
  EXPECT_FALSE(set.add(*IpNetwork::parse("10.0.0.0/8")));
  EXPECT_TRUE(set.add(*IpNetwork::parse("10.0.0.0/9")));
}

}  // namespace
}  // namespace adit::config
