// SPDX-License-Identifier: MIT
#include "host/interface_setup.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <utility>

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

TEST(InterfaceSetup, BringsAboutWhatIsAskedForAndTakesExactlyThatBack) {
  in_namespace([] {
    Interface interface;
    const auto before = network_dump();
    expect_done(interface.setup->apply(usual()));

    const auto link = run("ip -d link show tun-i");
    EXPECT_THAT(link, AllOf(HasSubstr("mtu 1380"), HasSubstr("qlen 777"), HasSubstr(",UP"),
                            HasSubstr("addrgenmode none"), Not(HasSubstr("MULTICAST"))));
    const auto addresses = run("ip addr show tun-i");
    EXPECT_THAT(addresses, AllOf(HasSubstr("inet 10.9.0.1/30"), HasSubstr("inet6 fd09::1/126"), Not(HasSubstr("fe80")),
                                 Not(HasSubstr("tentative"))));
    EXPECT_THAT(run("ip route show table main"),
                AllOf(HasSubstr("192.168.20.0/24 dev tun-i proto 173 scope link"), HasSubstr("10.9.0.0/30 dev tun-i")));
    EXPECT_THAT(run("ip route show table 100"), HasSubstr("10.20.0.0/16 dev tun-i proto 173 scope link src 10.9.0.1 "
                                                          "metric 50"));
    EXPECT_THAT(run("ip -6 route"), HasSubstr("fd20::/48 dev tun-i proto 173 metric 7"));

    interface.setup->remove();
    EXPECT_EQ(network_dump(), before);
  });
}

TEST(InterfaceSetup, TheDestructorTakesBackToo) {
  in_namespace([] {
    Interface interface;
    const auto before = network_dump();
    expect_done(interface.setup->apply(usual()));
    EXPECT_NE(network_dump(), before);
    interface.setup.reset();
    EXPECT_EQ(network_dump(), before);
  });
}

TEST(InterfaceSetup, KnowsPeerAddressesAndTheMulticastFlag) {
  in_namespace([] {
    Interface interface;
    const auto before = network_dump();
    const InterfaceSettings wanted{.multicast = true,
                                   .addresses = {{.network = net("10.9.0.1/32"), .peer = address("10.9.0.2")},
                                                 {.network = net("fd09::1/128"), .peer = address("fd09::2")}}};
    expect_done(interface.setup->apply(wanted));
    EXPECT_THAT(run("ip addr show tun-i"), AllOf(HasSubstr("MULTICAST"), HasSubstr("10.9.0.1 peer 10.9.0.2/32"),
                                                 HasSubstr("fd09::1 peer fd09::2/128")));
    EXPECT_THAT(run("ip route"), HasSubstr("10.9.0.2 dev tun-i"));
    interface.setup->remove();
    EXPECT_EQ(network_dump(), before);
  });
}

TEST(InterfaceSetup, AReloadAppliesOnlyTheDifference) {
  in_namespace([] {
    Interface interface;
    const auto before = network_dump();
    expect_done(interface.setup->apply(usual()));
    const auto applied = network_dump();

    net::test::await_ipv6("fd09::1");
    Witness witness;
    expect_done(interface.setup->apply(usual()));
    auto changes = witness.changes();
    EXPECT_FALSE(changes.addresses || changes.routes);
    EXPECT_EQ(network_dump(), applied);

    auto wanted = usual();
    wanted.mtu = 1400;
    wanted.queue_length.reset();
    wanted.routes.erase(wanted.routes.begin());
    wanted.routes.push_back({.to = net("172.20.0.0/16")});
    expect_done(interface.setup->apply(wanted));
    changes = witness.changes();
    EXPECT_TRUE(changes.routes);
    EXPECT_FALSE(changes.addresses) << "no address was touched";
    EXPECT_THAT(run("ip link show tun-i"), AllOf(HasSubstr("mtu 1400"), HasSubstr("qlen 2000")));
    EXPECT_THAT(run("ip route"), AllOf(HasSubstr("172.20.0.0/16"), Not(HasSubstr("192.168.20.0/24"))));
    EXPECT_THAT(run("ip route show table 100"), HasSubstr("10.20.0.0/16"));
    EXPECT_EQ(interface.setup->routes(), wanted.routes);

    expect_done(interface.setup->apply(usual()));
    EXPECT_EQ(network_dump(), applied) << "and back again";
    interface.setup->remove();
    EXPECT_EQ(network_dump(), before);
  });
}

TEST(InterfaceSetup, AnAddressSurvivesTheRemovalOfAnotherOfItsSubnet) {
  in_namespace([] {
    // The kernel's custom: with the first address of a subnet go all the others, and the routes with such a source.
    run("sysctl -qw net.ipv4.conf.all.promote_secondaries=0");
    Interface interface;
    auto wanted = usual();
    wanted.addresses = {{.network = net("10.9.0.1/24")}, {.network = net("10.9.0.2/24")}};
    wanted.routes = {{.to = net("10.20.0.0/16"), .source = address("10.9.0.2")}};
    expect_done(interface.setup->apply(wanted));
    wanted.addresses.erase(wanted.addresses.begin());
    expect_done(interface.setup->apply(wanted));
    EXPECT_THAT(run("ip addr show tun-i"), AllOf(HasSubstr("10.9.0.2/24"), Not(HasSubstr("10.9.0.1/24"))));
    EXPECT_THAT(run("ip route"), HasSubstr("10.20.0.0/16 dev tun-i"));
  });
}

/// Routes to one place that differ in their source are two routes to whoever uses them, and one to the kernel.
TEST(InterfaceSetup, ARouteWithAnotherSourceIsAnotherRoute) {
  in_namespace([] {
    run("ip tuntap add dev tun-i mode tun");
    auto wanted = usual();
    wanted.addresses = {{.network = net("10.9.0.1/24")}, {.network = net("10.9.0.2/24")}};
    wanted.routes = {{.to = net("10.20.0.0/16"), .source = address("10.9.0.2")}};
    {
      Interface interface;
      expect_done(interface.setup->apply(wanted));
      interface.setup->release();
    }
    // One that a run before left, and this one wants from another address.
    wanted.routes[0].source = address("10.9.0.1");
    Interface interface;
    expect_done(interface.setup->apply(wanted));
    EXPECT_THAT(run("ip route show 10.20.0.0/16"), HasSubstr("src 10.9.0.1"));
    EXPECT_EQ(interface.setup->conflicts().size(), 0U);

    // And one that somebody puts in its place is noticed.
    run("ip route replace 10.20.0.0/16 dev tun-i src 10.9.0.2");
    expect_done(interface.setup->restore());
    ASSERT_EQ(interface.setup->conflicts().size(), 1U);
    EXPECT_THAT(interface.setup->conflicts()[0], HasSubstr("with another source"));
    run("ip route del 10.20.0.0/16 dev tun-i");
    expect_done(interface.setup->restore());
    EXPECT_THAT(run("ip route show 10.20.0.0/16"), HasSubstr("src 10.9.0.1"));
    EXPECT_EQ(interface.setup->conflicts().size(), 0U);
  });
}

TEST(InterfaceSetup, RenamesTheInterfaceWithAllThatItHas) {
  in_namespace([] {
    Interface interface;
    expect_done(interface.setup->apply(usual()));
    const auto before = network_dump();
    expect_done(interface.setup->rename("tun-new"));
    EXPECT_EQ(run("ip addr show dev tun-new | grep -c inet"), run("echo 2"));
    EXPECT_THAT(run("ip route show table main"), HasSubstr("192.168.20.0/24 dev tun-new"));
    run("ip link add tun-old type veth peer name tun-other");
    const auto refused = interface.setup->rename("tun-old");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, AllOf(HasSubstr("tun-new to tun-old"), HasSubstr("interface.name")));
    run("ip link del tun-old");
    expect_done(interface.setup->rename("tun-i"));
    EXPECT_EQ(network_dump(), before);
  });
}

TEST(InterfaceSetup, ARouteThatWasThereBeforeIsLeftAloneAtExit) {
  in_namespace([] {
    run("ip tuntap add dev tun-i mode tun; ip link set tun-i addrgenmode none; ip link set tun-i up mtu 1300");
    run("ip addr add 10.9.0.1/30 dev tun-i; ip route add 192.168.20.0/24 dev tun-i; "
        "ip -6 route add fd20::/48 dev tun-i metric 7");
    const auto before = network_dump();
    Interface interface;
    EXPECT_TRUE(interface.tun->existed_before());
    const auto attached = network_dump();
    expect_done(interface.setup->apply(usual()));
    interface.setup->remove();
    EXPECT_EQ(network_dump(), attached);
    interface.tun.reset();
    EXPECT_EQ(network_dump(), before);
  });
}

TEST(InterfaceSetup, APersistentInterfaceIsPutBackAsItWas) {
  in_namespace([] {
    run("ip tuntap add dev tun-i mode tun; ip link set tun-i mtu 1300 txqueuelen 20 multicast on");
    const auto before = network_dump();
    {
      Interface interface;
      expect_done(interface.setup->apply(usual()));
    }
    EXPECT_EQ(network_dump(), before);
  });
}

TEST(InterfaceSetup, AQueueThatSomebodyChoseIsKeptAndTheKernelsIsNot) {
  in_namespace([] {
    auto wanted = usual();
    wanted.queue_length.reset();
    const std::array<std::pair<const char*, const char*>, 2> lengths{{{"300", "qlen 300"}, {"500", "qlen 2000"}}};
    for (const auto& [length, expected] : lengths) {
      run(fmt::format("ip tuntap add dev tun-i mode tun; ip link set tun-i txqueuelen {}", length));
      const auto before = network_dump();
      {
        Interface interface;
        expect_done(interface.setup->apply(wanted));
        EXPECT_THAT(run("ip link show tun-i"), HasSubstr(expected));
      }
      EXPECT_EQ(network_dump(), before);
      run("ip tuntap del dev tun-i mode tun");
    }
  });
}

TEST(InterfaceSetup, AnInterfaceForFramesIsPutIntoItsBridgeAndTakenOutAgain) {
  in_namespace([] {
    run("ip tuntap add dev tun-i mode tap; ip link add br-i type bridge; ip link add br-j type bridge");
    const auto before = network_dump();
    const net::TunOptions options{
        .name = "tun-i", .frames = true, .mac = MacAddress::parse("02:00:00:00:00:07").value()};
    Interface interface(options);
    const InterfaceSettings wanted{.mtu = 1300, .multicast = true, .bridge = "br-i"};
    expect_done(interface.setup->apply(wanted));
    EXPECT_THAT(run("ip link show tun-i"),
                AllOf(HasSubstr("master br-i"), HasSubstr("02:00:00:00:00:07"), HasSubstr("mtu 1300")));
    run("ip link set tun-i nomaster");
    EXPECT_THAT(interface.setup->restore().what, testing::ElementsAre("that it is in br-i"));
    EXPECT_THAT(run("ip link show tun-i"), HasSubstr("master br-i"));

    expect_done(interface.setup->apply({.mtu = 1300, .multicast = true, .bridge = "br-j"}));
    EXPECT_THAT(run("ip link show tun-i"), HasSubstr("master br-j"));
    run("ip link del br-j");
    auto waiting = usual();
    waiting.bridge = "br-j";
    expect_done(interface.setup->apply(waiting));  // gone for a while, as when the network is configured anew
    EXPECT_THAT(run("ip addr show dev tun-i"), HasSubstr("10.9.0.1/30"));
    run("ip link add br-j type bridge");
    EXPECT_EQ(interface.setup->restore().problem, "");
    EXPECT_THAT(run("ip link show dev tun-i"), HasSubstr("master br-j"));
    const auto missing = interface.setup->apply({.mtu = 1300, .multicast = true, .bridge = "br-k"});
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message, HasSubstr("there is no interface br-k: make that bridge first"));
    EXPECT_THAT(run("ip link show tun-i"), HasSubstr("master br-j")) << "as it was";
    const auto no_bridge = interface.setup->apply({.mtu = 1300, .multicast = true, .bridge = "lo"});
    ASSERT_FALSE(no_bridge);
    EXPECT_THAT(no_bridge.error().message, HasSubstr("is that a bridge"));

    expect_done(interface.setup->apply({.mtu = 1300, .multicast = true, .has_neighbours = true}));
    EXPECT_THAT(run("ip -d link show tun-i"), AllOf(Not(HasSubstr("master")), HasSubstr("addrgenmode eui64")));
    expect_done(interface.setup->apply(wanted));
    interface.setup->remove();
    EXPECT_THAT(run("ip link show tun-i"), Not(HasSubstr("master")));
  });
}

TEST(InterfaceSetup, ABridgeIsLeftByWhoPutTheInterfaceThereAndByNobodyElse) {
  in_namespace([] {
    run("ip tuntap add dev tun-i mode tap; ip link add br-i type bridge; ip link add br-j type bridge");
    Interface interface({.name = "tun-i", .frames = true, .mac = MacAddress::parse("02:00:00:00:00:07").value()});
    const InterfaceSettings bridged{.mtu = 1300, .multicast = true, .bridge = "br-i"};
    const InterfaceSettings alone{.mtu = 1300, .multicast = true, .has_neighbours = true};
    const auto begin_anew = [&interface] {
      const auto found = interface.setup->past();
      interface.setup->release();
      interface.setup.emplace(interface.netlink, interface.tun->index(), interface.tun->name(), found);
    };
    expect_done(interface.setup->apply(bridged));
    begin_anew();
    expect_done(interface.setup->apply(bridged));
    begin_anew();
    expect_done(interface.setup->apply(alone));
    EXPECT_THAT(run("ip link show tun-i"), Not(HasSubstr("master"))) << "the run before had put it there";

    run("ip link set tun-i master br-j");
    expect_done(interface.setup->apply({.mtu = 1290, .multicast = true, .has_neighbours = true}));
    begin_anew();
    expect_done(interface.setup->apply(alone));
    EXPECT_THAT(run("ip link show tun-i"), HasSubstr("master br-j")) << "somebody else's choice";
    expect_done(interface.setup->apply(bridged));
    run("ip link set tun-i master br-j");
    expect_done(interface.setup->apply(alone));
    EXPECT_THAT(run("ip link show tun-i"), HasSubstr("master br-j")) << "likewise, after it was ours";
    interface.setup->remove();
    EXPECT_THAT(run("ip link show tun-i"), HasSubstr("master br-j"));

    expect_done(interface.setup->apply(bridged));
    interface.setup->remove();
    EXPECT_THAT(run("ip link show tun-i"), HasSubstr("master br-j")) << "as it was before";
  });
}

TEST(InterfaceSetup, AFailedReloadLeavesWhatWasThere) {
  in_namespace([] {
    net::test::make_veth_pair();
    Interface interface;
    expect_done(interface.setup->apply(usual()));
    const auto applied = network_dump();
    auto wanted = usual();
    wanted.mtu = 1300;
    wanted.addresses = {{.network = net("10.99.0.1/24")}};
    wanted.routes = {{.to = net("192.168.99.0/24")}, {.to = net("172.20.0.0/16"), .source = address("198.51.100.9")}};
    EXPECT_FALSE(interface.setup->apply(wanted));
    EXPECT_EQ(network_dump(), applied);
    EXPECT_EQ(interface.setup->routes(), usual().routes);
  });
}

TEST(InterfaceSetup, SaysWhatToDoWhereIpv6IsSwitchedOff) {
  in_namespace([] {
    run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1");
    Interface interface;
    const auto before = network_dump();
    const auto done = interface.setup->apply(usual());
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, AllOf(HasSubstr("fd09::1/126"), HasSubstr("net.ipv6.conf.all.disable_ipv6"),
                                            HasSubstr("interface.addresses")));
    EXPECT_EQ(network_dump(), before);

    auto only_v4 = usual();
    only_v4.addresses.pop_back();
    only_v4.routes.pop_back();
    expect_done(interface.setup->apply(only_v4));
  });
}

TEST(InterfaceSetup, ErrorsNameThePlaceAndTheMend) {
  in_namespace([] {
    Interface interface;
    auto wanted = usual();
    wanted.routes[0].source = address("198.51.100.1");
    auto done = interface.setup->apply(wanted);
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, AllOf(HasSubstr("192.168.20.0/24 src 198.51.100.1"),
                                            HasSubstr("its source must be one of interface.addresses")));

    wanted = usual();
    wanted.mtu = 10;
    done = interface.setup->apply(wanted);
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, AllOf(HasSubstr("tun-i (mtu 10)"), HasSubstr("EINVAL")));

    run("ip addr add 10.9.0.1 peer 10.9.0.2/30 dev tun-i");
    done = interface.setup->apply(usual());
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("with another prefix or peer"));
    run("ip addr flush dev tun-i");

    run("ip link del tun-i");
    done = interface.setup->apply(usual());
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, AllOf(HasSubstr("tun-i"), HasSubstr("ENODEV")));
  });
}

TEST(InterfaceSetup, WithoutTheCapabilityTheMendIsNamed) {
  in_namespace([] {
    Interface interface;
    net::test::drop_capabilities();
    const auto done = interface.setup->apply(usual());
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("systemctl start adit@"));
  });
}

}  // namespace
}  // namespace adit::host
