// SPDX-License-Identifier: MIT
// A real interface with a route, in a network namespace of its own, and what others do there.
//
//   adit0 (10.9.0.1/30, 192.168.20.0/24)      veth-a ── veth-b
#include "link/guard.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "base/or_throw.h"
#include "namespace.h"
#include "recorded_log.h"

namespace adit::link {
namespace {

using net::test::in_namespace;
using net::test::run;
using std::chrono_literals::operator""ms;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

config::Config configuration() {
  config::Config config;
  config.name = "office";
  config.interface.name = "adit0";
  config.interface.addresses = {IpNetwork::parse("10.9.0.1/30").value()};
  config.routes = {{.to = IpNetwork::parse("192.168.20.0/24").value()}};
  return config;
}

struct Guarded {
  explicit Guarded(config::Config chosen = configuration()) : config(std::move(chosen)) {
    net::test::make_veth_pair();
    hear();
    guard.look(now);
    host.set_between([this] { ++parts; });
  }
  /// What the kernel tells of, all in one.
  void hear() {
    while (loop.run_once(Duration::zero())) continue;
  }
  void after(const std::string& command) {
    now += Guard::kLeisure;
    run(command);
    hear();
    guard.look(now);
  }
  /// The kernel tells of it, but for what there was no room for.
  void after_unheard(const std::string& command) {
    now += Guard::kLeisure;
    run(command);
    hears = false;
    hear();
    hears = true;
    guard.network_changed({.overrun = true});
    guard.look(now);
  }
  std::string routes() { return run("ip route show 192.168.20.0/24"); }
  /// How much was looked at since it was last asked.
  int take_parts() { return std::exchange(parts, 0); }

  int parts = 0;
  bool hears = true;
  config::Config config;
  test::RecordedLog log;
  net::EventLoop loop;
  net::TunDevice device =
      or_throw(net::TunDevice::open({.name = "adit0", .frames = config.interface.mode == config::Mode::tap}));
  host::HostSetup host{config, device, 1420};
  Instant now = loop.now();
  Guard guard{device.index(), host, log, now};
  net::NetlinkMonitor monitor{loop, [this](const net::NetworkChange& change) {
                                if (hears) guard.network_changed(change);
                              }};
};

TEST(Guard, RoutesComeBackWhenTheInterfaceWasDownForAMoment) {
  in_namespace([] {
    Guarded guarded;
    run("ip link set adit0 down; ip link set adit0 up");
    ASSERT_THAT(guarded.routes(), IsEmpty());
    guarded.after("true");
    EXPECT_THAT(guarded.routes(), HasSubstr("dev adit0"));
    EXPECT_EQ(guarded.guard.problem(), "");
    guarded.after("ip link set adit0 down; ip link set adit0 up; ip link set adit0 down");
    EXPECT_THAT(guarded.guard.problem(), HasSubstr("adit0 is down"));
  });
}

TEST(Guard, WhetherTheInterfaceIsUpIsSeenThoughTheNewsWereLost) {
  in_namespace([] {
    Guarded guarded;
    guarded.after_unheard("ip link set adit0 down");
    EXPECT_THAT(guarded.guard.problem(), HasSubstr("adit0 is down"));
    guarded.after_unheard("ip link set adit0 up");
    EXPECT_EQ(guarded.guard.problem(), "");
    EXPECT_THAT(guarded.routes(), HasSubstr("dev adit0"));
    guarded.after("ip link set adit0 down");
    EXPECT_THAT(guarded.guard.problem(), HasSubstr("adit0 is down"));
    guarded.after_unheard("ip link set adit0 up");
    EXPECT_EQ(guarded.guard.problem(), "");
  });
}

TEST(Guard, ABridgeThatIsNotThereAtTheStartIsMissedAtOnce) {
  in_namespace([] {
    auto config = configuration();
    config.interface = {.name = "adit0"};
    config.interface.mode = config::Mode::tap;
    config.interface.tap = {.mac = MacAddress::parse("02:00:00:00:00:01").value(), .bridge = "br0"};
    config.routes.clear();
    Guarded guarded(std::move(config));
    EXPECT_THAT(guarded.guard.problem(), HasSubstr("there is no interface br0"));
    guarded.after("ip link add br0 type bridge");
    EXPECT_EQ(guarded.guard.problem(), "");
    EXPECT_THAT(run("ip link show adit0"), HasSubstr("master br0"));
  });
}

TEST(Guard, OfManyRoutesThatAreLeftOutAFewAreNamed) {
  in_namespace([] {
    Guarded guarded;
    guarded.config.routes.clear();
    for (int i = 20; i < 30; ++i)
      guarded.config.routes.push_back({.to = IpNetwork::parse(fmt::format("192.168.{}.0/24", i)).value()});
    ASSERT_TRUE(guarded.host.change(guarded.config, 1420));
    guarded.after("for i in $(seq 20 29); do ip route replace 192.168.$i.0/24 dev veth-a; done");
    auto lines = guarded.log.take_lines();
    ASSERT_THAT(lines, testing::SizeIs(5));
    EXPECT_THAT(lines.front(), HasSubstr("the route 192.168.20.0/24 is there already, by way of veth-a"));
    EXPECT_EQ(lines.back(), "warning: and 6 more routes were left out likewise");
    guarded.after("ip route del 192.168.22.0/24 dev veth-a");
    guarded.log.take_lines();
    guarded.after("ip route replace 192.168.22.0/24 dev veth-a");
    lines = guarded.log.take_lines();
    ASSERT_THAT(lines, testing::SizeIs(1)) << "the one that is new";
    EXPECT_THAT(lines.front(), HasSubstr("192.168.22.0/24"));
  });
}

TEST(Guard, ARouteThatTakesThePlaceOfOursIsNamedAtOnceAndOursComesBack) {
  in_namespace([] {
    Guarded guarded;
    guarded.after("ip route replace 192.168.20.0/24 dev veth-a");
    EXPECT_THAT(guarded.guard.left_out(), HasSubstr("192.168.20.0/24 is there already, by way of veth-a"));
    EXPECT_THAT(guarded.log.text(), HasSubstr("warning: the route 192.168.20.0/24 is there already"));
    guarded.after("ip route del 192.168.20.0/24 dev veth-a");
    EXPECT_THAT(guarded.routes(), HasSubstr("dev adit0"));
    EXPECT_EQ(guarded.guard.left_out(), "");
  });
}

TEST(Guard, OtherPeoplesRoutesMayChangeAllDayEvenWhereOneIsInTheWay) {
  in_namespace([] {
    Guarded guarded;
    guarded.after("ip route replace 192.168.20.0/24 dev veth-a");
    EXPECT_GT(guarded.take_parts(), 0) << "what a look is known by";
    for (int i = 0; i < 10; ++i) {
      guarded.after("ip route add 203.0.113.0/24 dev veth-a; ip route del 203.0.113.0/24");
      EXPECT_EQ(guarded.guard.next_look(), std::nullopt);
    }
    EXPECT_EQ(guarded.take_parts(), 0);
    guarded.now += Guard::kUnasked;
    guarded.after("true");
    EXPECT_GT(guarded.take_parts(), 0) << "unasked";
    guarded.now += Guard::kUnasked / 2;
    guarded.after("true");
    EXPECT_EQ(guarded.take_parts(), 0);
  });
}

TEST(Guard, WhatNobodyToldOfIsPutBackInTheEnd) {
  in_namespace([] {
    Guarded guarded;
    run("ip route del 192.168.20.0/24");
    guarded.guard.look(guarded.now);
    EXPECT_THAT(guarded.routes(), IsEmpty());
    guarded.now += Guard::kUnasked;
    guarded.guard.look(guarded.now);
    EXPECT_THAT(guarded.routes(), HasSubstr("dev adit0"));
    EXPECT_EQ(guarded.guard.put_back().by, "");
  });
}

/// A static address and no IPv6: no word of an address, and none of the routes of an interface that goes down.
TEST(Guard, ALanThatComesAndGoesWithItsInterfaceIsSeen) {
  in_namespace([] {
    Guarded guarded;
    guarded.after(
        "sysctl -qw net.ipv6.conf.veth-a.disable_ipv6=1; ip link set veth-a down; "
        "ip addr add 192.168.20.7/24 dev veth-a");
    for (int i = 0; i < 2; ++i) {
      guarded.after("ip link set veth-a up");
      EXPECT_THAT(guarded.routes(), AllOf(HasSubstr("dev veth-a"), Not(HasSubstr("dev adit0"))));
      EXPECT_THAT(guarded.guard.left_out(), HasSubstr("is also the network that veth-a is in"));
      guarded.after("ip link set veth-a down");
      EXPECT_THAT(guarded.routes(), HasSubstr("dev adit0"));
      EXPECT_EQ(guarded.guard.left_out(), "");
    }
  });
}

TEST(Guard, WhatIsMissingIsPutBackAndToldOfThoughSomethingElseCannotBe) {
  in_namespace([] {
    Guarded guarded;
    guarded.config.interface.addresses.insert(guarded.config.interface.addresses.begin(),
                                              IpNetwork::parse("fd09::1/126").value());
    ASSERT_TRUE(guarded.host.change(guarded.config, 1420));
    guarded.after("sysctl -qw net.ipv6.conf.adit0.disable_ipv6=1; ip addr del 10.9.0.1/30 dev adit0");
    EXPECT_THAT(guarded.log.text(), HasSubstr("it was put back: the address 10.9.0.1/30"));
    EXPECT_THAT(guarded.guard.problem(), AllOf(HasSubstr("cannot be put back"), HasSubstr("fd09::1/126")));
    guarded.after("sysctl -qw net.ipv6.conf.adit0.disable_ipv6=0");
    EXPECT_EQ(guarded.guard.problem(), "");
  });
}

/// In time of the processor, so that a machine that is busy with other things counts for nothing.
TEST(Guard, ALookThatCostsMuchIsNotRepeatedSoon) {
  in_namespace([] {
    Guarded guarded;
    const auto spent = [] {
      timespec time{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
      return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
    };
    guarded.host.set_between([&] {
      for (const auto begun = spent(); spent() - begun < 100ms;) continue;
    });
    guarded.after("ip addr add 192.0.2.1/24 dev veth-a");
    guarded.guard.network_changed({.overrun = true});
    ASSERT_TRUE(guarded.guard.next_look());
    EXPECT_GE(*guarded.guard.next_look(), guarded.now + 20 * 100ms);
    EXPECT_LE(*guarded.guard.next_look(), guarded.now + Guard::kUnasked);
    guarded.guard.network_changed({.addresses = true});
    EXPECT_EQ(*guarded.guard.next_look(), guarded.now + Guard::kLookLimit) << "what may leak does not wait";
  });
}

}  // namespace
}  // namespace adit::link
