// SPDX-License-Identifier: MIT
#include "link/zone.h"

#include <gtest/gtest.h>
#include <net/if.h>

#include "namespace.h"

namespace adit::link {
namespace {

using net::test::in_namespace;
using net::test::run;

Endpoint at(const char* interface) {
  return {IpAddress::parse("fe80::7").value(), 7, if_nametoindex(interface)};
}

TEST(Zone, IsFollowedByItsName) {
  in_namespace([] {
    net::test::make_veth_pair();
    const auto before = at("veth-a");
    Zone zone;
    zone.note(before);
    EXPECT_EQ(zone.moved(before), std::nullopt) << "all is as it was";
    run("ip link del veth-a");
    EXPECT_EQ(zone.moved(before), std::nullopt) << "it is nowhere";
    net::test::make_veth_pair();
    ASSERT_NE(at("veth-a"), before) << "another number";
    EXPECT_EQ(zone.moved(before), at("veth-a"));
  });
}

TEST(Zone, AnInterfaceThatIsOnlyCalledOtherwiseNowIsTheSame) {
  in_namespace([] {
    net::test::make_veth_pair();
    const auto before = at("veth-a");
    Zone zone;
    zone.note(before);
    run("ip link set veth-a down; ip link set veth-a name veth-c; ip link set veth-b down; ip link set veth-b name "
        "veth-a");
    EXPECT_EQ(zone.moved(before), std::nullopt);
  });
}

TEST(Zone, AddressesThatAreTheSameEverywhereHaveNone) {
  Zone zone;
  const auto remote = Endpoint::parse("192.0.2.7:1").value();
  zone.note(remote);
  EXPECT_EQ(zone.moved(remote), std::nullopt);
}

}  // namespace
}  // namespace adit::link
