// SPDX-License-Identifier: MIT
#include "net/uplink_servers.h"

#include <gtest/gtest.h>

namespace adit::net {
namespace {

const std::vector<IpAddress> kOwn{IpAddress::parse("10.9.0.2").value(), IpAddress::parse("fd09::2").value()};

UplinkServers chosen(std::string_view resolv_conf, std::string_view resolveds_list = {}) {
  return choose_uplink_servers(resolv_conf, resolveds_list, kOwn);
}

TEST(UplinkServers, AnOrdinaryResolvConfIsUsedAsItIs) {
  EXPECT_FALSE(chosen("").differs());
  EXPECT_FALSE(chosen("search example.com\nnameserver 192.0.2.53\nnameserver\t2001:db8::53\n").differs());
  EXPECT_FALSE(chosen("nameserver 192.0.2.53", "nameserver 192.0.2.1\n").differs()) << "no resolved, no list of its";
}

TEST(UplinkServers, WhereResolvedIsNamedItsListCounts) {
  for (const auto* const file : {"nameserver 127.0.0.53\noptions edns0 trust-ad\n", "nameserver  127.0.0.54 \r\n",
                                 "nameserver 192.0.2.9\nnameserver 127.0.0.53"}) {
    const auto servers = chosen(file, "nameserver 192.0.2.53\nnameserver fe80::1%eth0\n");
    EXPECT_TRUE(servers.of_resolved) << file;
    EXPECT_EQ(servers.list, "192.0.2.53,fe80::1%eth0") << file;
  }
  EXPECT_FALSE(chosen("nameserver 127.0.0.53\n").differs()) << "there is no list";
  EXPECT_FALSE(chosen("nameserver 127.0.0.53\n", "# No DNS servers known.\n").differs());
  EXPECT_FALSE(
      chosen("# nameserver 127.0.0.53\nnameserver127.0.0.53\nnameserver\n", "nameserver 192.0.2.53\n").differs());
}

TEST(UplinkServers, TheLinksOwnAreLeftOut) {
  const auto direct =
      chosen("nameserver 10.9.0.2\nnameserver 192.0.2.53\nnameserver fd09:0::2\nnameserver 192.0.2.54\n");
  EXPECT_FALSE(direct.of_resolved);
  EXPECT_EQ(direct.list, "192.0.2.53,192.0.2.54");
  const auto of_resolved = chosen("nameserver 127.0.0.53\n", "nameserver 10.9.0.2\nnameserver 2001:db8::53\n");
  EXPECT_TRUE(of_resolved.of_resolved);
  EXPECT_EQ(of_resolved.list, "2001:db8::53");
}

TEST(UplinkServers, ButNotWhereThereIsNoOther) {
  EXPECT_FALSE(chosen("nameserver 10.9.0.2\n").differs());
  EXPECT_FALSE(chosen("nameserver 127.0.0.53\n", "nameserver 10.9.0.2\n").differs());
}

TEST(UplinkServers, AServerOfOneInterfaceOnlyIsAsked) {
  EXPECT_EQ(chosen("nameserver fe80::1%eth0\nnameserver 192.0.2.53\n").list, "fe80::1%eth0,192.0.2.53");
  EXPECT_EQ(chosen("nameserver 127.0.0.53\n", "nameserver 10.9.0.2\nnameserver fe80::1%eth0\n").list, "fe80::1%eth0");
}

}  // namespace
}  // namespace adit::net
