// SPDX-License-Identifier: MIT
// InterfaceSetup on a host where others have a hand in it: what they took away, what was there before, what stays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/interface_setup.h"
#include "host/interface_setup_fixture.h"
#include "namespace.h"

namespace adit::host {
namespace {

using net::test::in_namespace;
using net::test::network_dump;
using net::test::run;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace test;

TEST(InterfaceSetup, ARouteOfAnotherInterfaceIsAConflictThatKeepsNothingElse) {
  in_namespace([] {
    net::test::make_veth_pair();
    run("ip route add 10.20.0.0/16 dev veth-a metric 50 table 100; ip -6 route add fd20::/48 dev veth-a metric 7");
    Interface interface;
    const auto before = network_dump();
    auto& setup = *interface.setup;
    expect_done(setup.apply(usual()));
    ASSERT_EQ(setup.conflicts().size(), 2U);
    EXPECT_EQ(setup.conflicts()[0],
              "the route 10.20.0.0/16 metric 50 table 100 src 10.9.0.1 is there already, by way of veth-a (see `ip "
              "route show 10.20.0.0/16 table 100`), and was left out: give this one another `metric`, or remove that "
              "one");
    EXPECT_THAT(setup.conflicts()[1], AllOf(HasSubstr("fd20::/48 metric 7"), HasSubstr("ip -6 route show fd20::/48")));
    EXPECT_THAT(run("ip addr show tun-i; ip route"), AllOf(HasSubstr("10.9.0.1/30"), HasSubstr("192.168.20.0/24")));

    run("ip route del 10.20.0.0/16 table 100; ip -6 route del fd20::/48");
    EXPECT_THAT(setup.restore().what, testing::SizeIs(2));
    EXPECT_THAT(setup.conflicts(), testing::IsEmpty());
    EXPECT_THAT(run("ip route show table 100; ip -6 route show fd20::/48"),
                AllOf(HasSubstr("10.20.0.0/16 dev tun-i"), HasSubstr("fd20::/48 dev tun-i")));
    setup.remove();
    run("ip route add 10.20.0.0/16 dev veth-a metric 50 table 100; ip -6 route add fd20::/48 dev veth-a metric 7");
    EXPECT_EQ(network_dump(), before);
  });
}

/// A DHCP lease in another office: whoever led its network into the tunnel would lose the gateway.
TEST(InterfaceSetup, ANetworkThatThisHostIsInIsLeftToIt) {
  in_namespace([] {
    net::test::make_veth_pair();
    Interface interface;
    auto& setup = *interface.setup;
    expect_done(setup.apply(usual()));
    EXPECT_THAT(run("ip route show 192.168.20.0/24"), HasSubstr("tun-i"));
    run("ip addr add 192.168.20.7/24 dev veth-a metric 100");
    EXPECT_THAT(setup.restore().what, testing::IsEmpty());
    EXPECT_THAT(run("ip route show 192.168.20.0/24"), AllOf(HasSubstr("veth-a"), Not(HasSubstr("tun-i"))));
    ASSERT_EQ(setup.conflicts().size(), 1U);
    EXPECT_THAT(setup.conflicts()[0], HasSubstr("192.168.20.0/24 is also the network that veth-a is in"));
    run("ip addr del 192.168.20.7/24 dev veth-a");
    EXPECT_THAT(setup.restore().what, testing::ElementsAre("the route 192.168.20.0/24"));
    EXPECT_THAT(setup.conflicts(), testing::IsEmpty());
  });
}

TEST(InterfaceSetup, WhatCanBeHadIsThereWhenAllOfItIsNotToBeHadAtOnce) {
  in_namespace([] {
    Interface interface;
    auto& setup = *interface.setup;
    run("sysctl -qw net.ipv6.conf.tun-i.disable_ipv6=1");
    ASSERT_FALSE(setup.apply(usual()));
    EXPECT_FALSE(setup.is_applied());
    const auto done = setup.apply(usual(), true);
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("tun-i cannot have the address fd09::1/126"));
    EXPECT_TRUE(setup.is_applied());
    EXPECT_THAT(run("ip addr show tun-i; ip route"), AllOf(HasSubstr("10.9.0.1/30"), HasSubstr("192.168.20.0/24")));
    EXPECT_EQ(setup.restore().problem, done.error().message);
    run("sysctl -qw net.ipv6.conf.tun-i.disable_ipv6=0");
    EXPECT_THAT(setup.restore().what, testing::ElementsAre("the address fd09::1/126", "the route fd20::/48 metric 7"));
    expect_done(setup.restore());
  });
}

TEST(InterfaceSetup, ABridgeThatIsGoneIsMissedUntilThereIsOneOfTheName) {
  in_namespace([] {
    run("ip tuntap add dev tun-i mode tap; ip link add br-i type bridge");
    Interface interface({.name = "tun-i", .frames = true});
    auto& setup = *interface.setup;
    expect_done(setup.apply({.mtu = 1300, .bridge = "br-i"}));
    run("ip link del br-i");
    for (const auto& restored : {setup.restore_link(), setup.restore()}) {
      EXPECT_THAT(restored.problem, HasSubstr("there is no interface br-i: make that bridge first"));
    }
    run("ip link add br-i type bridge");
    EXPECT_THAT(setup.restore().what, testing::ElementsAre("that it is in br-i"));
    expect_done(setup.restore());
  });
}

/// At boot whoever makes it runs beside the link.
TEST(InterfaceSetup, ABridgeThatIsNotThereYetIsMissedUntilItIsAndKeepsNothingElseAway) {
  in_namespace([] {
    run("ip tuntap add dev tun-i mode tap");
    Interface interface({.name = "tun-i", .frames = true});
    auto& setup = *interface.setup;
    const InterfaceSettings wanted{.mtu = 1300, .multicast = true, .bridge = "br-i"};
    expect_done(setup.apply(wanted));
    EXPECT_TRUE(setup.lacks_bridge());
    EXPECT_THAT(run("ip link show tun-i"), HasSubstr("mtu 1300"));
    EXPECT_THAT(setup.restore_link().problem, HasSubstr("there is no interface br-i: make that bridge first"));
    EXPECT_FALSE(setup.apply({.mtu = 1310, .multicast = true, .bridge = "br-j"})) << "nor is that, and it was edited";
    EXPECT_THAT(run("ip link show tun-i"), HasSubstr("mtu 1300"));
    run("ip link add br-i type bridge");
    EXPECT_THAT(setup.restore_link().what, testing::ElementsAre("that it is in br-i"));
    EXPECT_FALSE(setup.lacks_bridge());
    expect_done(setup.restore());
    EXPECT_THAT(run("ip link show tun-i"), HasSubstr("master br-i"));
    setup.remove();
    EXPECT_THAT(run("ip link show tun-i"), Not(HasSubstr("master")));
  });
}

TEST(InterfaceSetup, WhatIsNoBridgeIsNotWaitedFor) {
  in_namespace([] {
    run("ip tuntap add dev tun-i mode tap");
    Interface interface({.name = "tun-i", .frames = true});
    const auto done = interface.setup->apply({.mtu = 1300, .multicast = true, .bridge = "lo"});
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("is that a bridge"));
  });
}

TEST(InterfaceSetup, AMacAddressThatSomebodyChangedIsPutBackUnlessItIsThatOfABond) {
  in_namespace([] {
    run("ip tuntap add dev tun-i mode tap; ip link add br-i type bridge");
    const auto mac = MacAddress::parse("02:00:00:00:00:77");
    Interface interface({.name = "tun-i", .frames = true, .mac = mac});
    auto& setup = *interface.setup;
    for (const std::string bridge : {"", "br-i"}) {
      expect_done(setup.apply({.mtu = 1300, .multicast = true, .bridge = bridge, .mac = mac}));
      EXPECT_THAT(setup.restore_link().what, testing::IsEmpty());
      run("ip link set tun-i address 02:00:00:00:00:88");
      EXPECT_THAT(setup.restore_link().what, testing::ElementsAre("its MAC address 02:00:00:00:00:77"));
      EXPECT_THAT(run("ip link show tun-i"), HasSubstr("02:00:00:00:00:77"));
    }
    expect_done(setup.apply({.mtu = 1300, .multicast = true, .mac = mac}));
    run("ip link add other type bridge; ip link set tun-i master other address 02:00:00:00:00:88");
    EXPECT_THAT(setup.restore_link().what, testing::IsEmpty()) << "whoever put it there knows why";
  });
}

/// As `ip route replace` has it.
TEST(InterfaceSetup, ARouteThatTookThePlaceOfOursIsAConflict) {
  in_namespace([] {
    net::test::make_veth_pair();
    Interface interface;
    auto& setup = *interface.setup;
    expect_done(setup.apply(usual()));
    run("ip route replace 192.168.20.0/24 dev veth-a; ip -6 route replace fd20::/48 dev veth-a metric 7");
    EXPECT_THAT(setup.restore().what, testing::IsEmpty());
    EXPECT_THAT(setup.conflicts(), testing::ElementsAre(HasSubstr("192.168.20.0/24 is there already, by way of veth-a"),
                                                        HasSubstr("fd20::/48 metric 7 is there already")));
    run("ip route del 192.168.20.0/24; ip -6 route del fd20::/48");
    EXPECT_THAT(setup.restore().what, testing::SizeIs(2));
    EXPECT_THAT(setup.conflicts(), testing::IsEmpty());
    // One that somebody puts in front of ours is no better.
    run("ip route prepend 192.168.20.0/24 dev veth-a");
    expect_done(setup.restore());
    EXPECT_THAT(setup.conflicts(), testing::SizeIs(1));
    run("ip route del 192.168.20.0/24 dev veth-a");
    EXPECT_THAT(setup.restore().what, testing::IsEmpty());
    EXPECT_THAT(setup.conflicts(), testing::IsEmpty());
  });
}

/// As Tailscale has its own in table 52, with a rule that comes before main's.
TEST(InterfaceSetup, ARouteInAnotherTableIsNoConflict) {
  in_namespace([] {
    net::test::make_veth_pair();
    run("ip rule add pref 100 lookup 52; ip route add 192.168.20.0/24 dev veth-a table 52");
    Interface interface;
    auto& setup = *interface.setup;
    expect_done(setup.apply(usual()));
    run("ip route del 192.168.20.0/24 dev tun-i");
    EXPECT_THAT(setup.restore().what, testing::ElementsAre("the route 192.168.20.0/24"));
    EXPECT_THAT(setup.conflicts(), testing::IsEmpty());
  });
}

TEST(InterfaceSetup, KnowsWhereItsRoutesAre) {
  in_namespace([] {
    Interface interface;
    auto& setup = *interface.setup;
    EXPECT_FALSE(setup.has_route_at({net("192.168.20.0/24"), 254}));
    expect_done(setup.apply(usual()));
    for (const auto* to : {"192.168.20.0/24", "fd20::/48"}) EXPECT_TRUE(setup.has_route_at({net(to), 254})) << to;
    EXPECT_TRUE(setup.has_route_at({net("10.20.0.0/16"), 100}));
    EXPECT_FALSE(setup.has_route_at({net("10.20.0.0/16"), 254}));
    EXPECT_FALSE(setup.has_route_at({net("192.168.20.0/25"), 254}));
    setup.remove();
    EXPECT_FALSE(setup.has_route_at({net("192.168.20.0/24"), 254}));
  });
}

/// A router with all the Internet's routes, which used to be copied whole at each look.
TEST(InterfaceSetup, ALookCostsTheSameHoweverManyRoutesOthersHave) {
  in_namespace([] {
    net::test::make_veth_pair();
    run("ip route add 192.168.20.0/24 dev veth-a");
    int parts = 0;  // counted to the end of the interface
    Interface interface;
    auto& setup = *interface.setup;
    auto wanted = usual();
    wanted.routes.push_back({.to = net("192.168.30.0/24")});
    expect_done(setup.apply(wanted));
    interface.netlink.set_between([&] { ++parts; });
    run("ip route del 10.20.0.0/16 table 100; ip rule add pref 100 to 10.20.0.0/16 lookup 100");
    const auto count = [&] {
      parts = 0;
      expect_done(setup.restore());
      EXPECT_EQ(setup.conflicts().size(), 1U);
      return parts;
    };
    count();
    const auto before = count();
    run("for i in $(seq 0 39); do for j in $(seq 0 249); do echo route add 100.$i.$j.0/24 dev veth-a; done; done | ip "
        "-batch -");
    EXPECT_EQ(count(), before);
    // Something narrower at its first address: then the others have to be walked through, with pauses.
    run("ip route add 192.168.20.0/32 dev veth-b");
    EXPECT_GT(count(), before + 5);
  });
}

TEST(InterfaceSetup, WhatCannotBeHadKeepsNothingElseAway) {
  in_namespace([] {
    Interface interface;
    auto& setup = *interface.setup;
    auto wanted = usual();
    std::ranges::reverse(wanted.addresses);
    expect_done(setup.apply(wanted));
    run("sysctl -qw net.ipv6.conf.tun-i.disable_ipv6=1; ip addr flush dev tun-i; ip link set tun-i mtu 1400");
    const auto restored = setup.restore();
    EXPECT_THAT(restored.what, testing::UnorderedElementsAre("its MTU 1380", "the address 10.9.0.1/30",
                                                             HasSubstr("the route 192.168.20.0/24"),
                                                             HasSubstr("the route 10.20.0.0/16")));
    EXPECT_THAT(restored.problem, AllOf(HasSubstr("fd09::1/126"), HasSubstr("net.ipv6.conf.tun-i.disable_ipv6")));
    EXPECT_THAT(run("ip addr show tun-i"), HasSubstr("10.9.0.1/30"));
    run("sysctl -qw net.ipv6.conf.tun-i.disable_ipv6=0");
    EXPECT_THAT(setup.restore().what, testing::SizeIs(2));
    expect_done(setup.restore());
  });
}

TEST(InterfaceSetup, RestoreAddsWhatTheKernelFlushedAndNothingElse) {
  in_namespace([] {
    Interface interface;
    expect_done(interface.setup->restore());
    expect_done(interface.setup->apply(usual()));
    const auto applied = network_dump();
    run("ip link set tun-i down");
    const auto down = network_dump();
    expect_done(interface.setup->restore());
    EXPECT_EQ(network_dump(), down) << "an interface that was taken down stays down";

    run("ip link set tun-i up");
    EXPECT_THAT(run("ip route"), Not(HasSubstr("192.168.20.0/24")));
    expect_done(interface.setup->restore());
    EXPECT_EQ(network_dump(), applied);
    net::test::await_ipv6("fd09::1");
    Witness witness;
    expect_done(interface.setup->restore());
    const auto changes = witness.changes();
    EXPECT_FALSE(changes.addresses || changes.routes);
  });
}

/// An `up` hook had exchanged an address, and it was put back before the hook had ended.
TEST(InterfaceSetup, WhatIsMissingWhileAHookRunsIsItsDoing) {
  in_namespace([] {
    Interface interface;
    expect_done(interface.setup->apply(usual()));
    run("ip addr del fd09::1/126 dev tun-i; ip route del 192.168.20.0/24");
    expect_done(interface.setup->restore(true));
    EXPECT_THAT(run("ip addr show dev tun-i"), Not(HasSubstr("fd09::1/126")));
    EXPECT_THAT(run("ip route"), HasSubstr("192.168.20.0/24"));
    expect_done(interface.setup->restore());
    EXPECT_THAT(run("ip addr show dev tun-i"), Not(HasSubstr("fd09::1/126"))) << "nor is it put back later";
    run("ip addr del 10.9.0.1/30 dev tun-i");
    expect_done(interface.setup->restore());
    EXPECT_THAT(run("ip addr show dev tun-i"), HasSubstr("10.9.0.1/30"));
  });
}

TEST(InterfaceSetup, LeftoversOfAKilledRunOnAPersistentInterfaceGoOrAreTakenOver) {
  in_namespace([] {
    run("ip tuntap add dev tun-i mode tun; ip link set tun-i up");
    run("ip addr add 10.77.0.1/24 dev tun-i; ip route add 10.78.0.0/24 dev tun-i");  // somebody else's
    net::test::in_killed_process([] {
      Interface interface;
      auto settings = usual();
      settings.addresses.push_back({.network = net("10.66.0.1/24")});
      settings.routes.push_back({.to = net("172.20.0.0/16")});
      settings.routes.push_back({.to = net("fd66::/64"), .table = 300});
      expect_done(interface.setup->apply(settings));
      net::test::die();
    });
    ASSERT_THAT(run("ip addr show tun-i; ip route"), AllOf(HasSubstr("10.66.0.1/24"), HasSubstr("172.20.0.0/16")));

    Interface interface;
    expect_done(interface.setup->apply(usual()));
    EXPECT_THAT(run("ip addr show tun-i; ip route"),
                AllOf(Not(HasSubstr("10.66.0.1/24")), Not(HasSubstr("172.20.0.0/16")), HasSubstr("192.168.20.0/24"),
                      HasSubstr("10.9.0.1/30"), HasSubstr("10.77.0.1/24"), HasSubstr("10.78.0.0/24")));
    EXPECT_THAT(run("ip -6 route show table all"), Not(HasSubstr("fd66")));
    interface.setup->remove();
    EXPECT_THAT(run("ip addr; ip route show table all; ip -6 route show table all"),
                AllOf(Not(HasSubstr("10.9.0.1")), Not(HasSubstr("proto 173")), HasSubstr("10.77.0.1/24"),
                      HasSubstr("10.78.0.0/24")));
  });
}

TEST(InterfaceSetup, OutlivesTheInterface) {
  in_namespace([] {
    const auto before = network_dump();
    Interface interface;
    expect_done(interface.setup->apply(usual()));
    run("ip link del tun-i");
    EXPECT_THAT(interface.setup->restore().what, testing::IsEmpty());
    interface.setup->remove();
    EXPECT_EQ(network_dump(), before);
  });
}

/// As many as a file may name. Each used to be looked up in a list of all; that took minutes.
TEST(InterfaceSetup, SixteenThousandRoutesAreAppliedRestoredAndTakenBack) {
  in_namespace([] {
    constexpr unsigned kRoutes = 16'384;
    Interface interface;
    InterfaceSettings wanted;
    wanted.addresses = {{.network = net("10.9.0.1/30")}};
    for (unsigned i = 0; i < kRoutes; ++i) {
      const std::array<std::uint8_t, 4> to{100, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 0};
      wanted.routes.push_back({.to = {IpAddress::v4(to), 24}});
    }
    const auto count = [&] {
      return net::list_routes(interface.netlink, {.interface = interface.tun->index(), .protocol = net::kAditProtocol})
          .value()
          .size();
    };
    auto& setup = *interface.setup;
    ASSERT_TRUE(setup.apply(wanted));
    EXPECT_EQ(count(), kRoutes);
    run("ip link set tun-i down && ip link set tun-i up");
    EXPECT_EQ(count(), 0U);
    ASSERT_EQ(setup.restore().problem, "");
    EXPECT_EQ(count(), kRoutes);
    wanted.mtu = 1300;
    wanted.routes.pop_back();
    ASSERT_TRUE(setup.apply(wanted));
    EXPECT_EQ(count(), kRoutes - 1);
    ASSERT_TRUE(setup.set_mtu(1310));
    EXPECT_THAT(run("ip link show tun-i"), HasSubstr("mtu 1310"));
    setup.remove();
    EXPECT_EQ(count(), 0U);
  });
}

TEST(InterfaceSetup, WhoGoesOnWithAnEarlierRunPutsBackWhatThatOneFound) {
  in_namespace([] {
    run("ip tuntap add dev tun-i mode tun; ip link set tun-i mtu 1300 txqueuelen 20 multicast on");
    const auto before = network_dump();
    Interface interface;
    expect_done(interface.setup->apply(usual()));
    const auto found = interface.setup->past();
    interface.setup->release();
    interface.setup.emplace(interface.netlink, interface.tun->index(), interface.tun->name(), found);
    auto wanted = usual();
    wanted.queue_length.reset();
    expect_done(interface.setup->apply(wanted));
    EXPECT_THAT(run("ip link show tun-i"), HasSubstr("qlen 20"));
    interface.setup.reset();
    interface.tun.reset();
    EXPECT_EQ(network_dump(), before);
  });
}

}  // namespace
}  // namespace adit::host
