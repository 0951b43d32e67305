// SPDX-License-Identifier: MIT
#include "host/bypass.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "host/link_number.h"
#include "host/uplinked_host.h"
#include "temporary_directory.h"

namespace adit::host {
namespace {

using net::test::in_namespace;
using net::test::run;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::uint32_t kNumber = 0x0ad1'1234;
constexpr std::uint32_t kOther = 0x0ad1'0777;

net::RouteSpec everything(Family family) {
  return {.to = {IpAddress::any(family), 0}, .table = kNumber};
}

IpNetwork network(const char* text) {
  return IpNetwork::parse(text).value();
}

/// And a link that all traffic goes into.
struct Host : test::UplinkedHost {
  void install() {
    const auto done = routing.install(options);
    ASSERT_TRUE(done) << done.error().message;
  }
  std::vector<std::string> bypasses() {
    const auto found = find_bypasses(netlink, options, numbers.path());
    EXPECT_TRUE(found.all);
    return found.sentences;
  }
  /// With the command's doing, which is undone by the other.
  std::vector<std::string> bypasses_with(const std::string& command, const std::string& back) {
    run(command);
    auto found = bypasses();
    run(back);
    return found;
  }

  adit::test::TemporaryDirectory numbers;
  PolicyRoutingOptions options{.number = kNumber,
                               .interface = tun.index(),
                               .fwmark = kNumber,
                               .families = {Family::v4, Family::v6},
                               .blocked = {},
                               .spared = {},
                               .behind = {everything(Family::v4), everything(Family::v6)}};
  PolicyRouting routing{netlink};
};

TEST(Bypass, ARuleInFrontIsNamedWithTheMend) {
  in_namespace([] {
    Host host;
    host.install();
    EXPECT_THAT(host.bypasses(), IsEmpty());
    EXPECT_THAT(host.bypasses_with("ip rule add priority 1000 lookup main", "ip rule del priority 1000"),
                ElementsAre("IPv4 traffic goes past the tunnel, by veth-a: the rule 1000, which looks up table main, "
                            "comes before this link's at 32701: remove it (`ip rule del priority 1000`), or give it a "
                            "priority above 32701"));
    EXPECT_THAT(host.bypasses_with("ip -6 rule add priority 1000 lookup main", "ip -6 rule del priority 1000"),
                ElementsAre(AllOf(HasSubstr("IPv6 traffic goes past"), HasSubstr("`ip -6 rule del priority 1000`"))));
    EXPECT_THAT(host.bypasses_with("ip rule add priority 7 unreachable", "ip rule del priority 7"),
                ElementsAre(AllOf(HasSubstr("IPv4 traffic is refused"), HasSubstr("the rule 7, which refuses it"))));
    EXPECT_THAT(host.bypasses(), IsEmpty());
  });
}

/// One half of the Internet is a part of the traffic, and as wide as no network is.
TEST(Bypass, AHalfOfTheInternetIsNoNarrowRoute) {
  in_namespace([] {
    Host host;
    host.install();
    EXPECT_THAT(host.bypasses_with("ip route add 128.0.0.0/1 via 192.0.2.254 table 7; ip rule add priority 50 lookup 7",
                                   "ip rule del priority 50; ip route flush table 7"),
                ElementsAre(AllOf(HasSubstr("a part of IPv4 traffic goes past"), HasSubstr("looks up table 7"))));
    EXPECT_THAT(host.bypasses_with("ip route add 128.0.0.0/1 via 192.0.2.254", "ip route del 128.0.0.0/1"), IsEmpty())
        << "in main it counts no more";
  });
}

/// What is beside a full tunnel on ordinary hosts.
TEST(Bypass, IsNoneWhereOnlySomePacketsGoAnotherWay) {
  in_namespace([] {
    Host host;
    host.install();
    run("ip route add default via 192.0.2.254 table 7");
    for (const auto* const rule :
         {"priority 32702 lookup main", "priority 40000 lookup 7", "priority 10 from 192.0.2.1 lookup main",
          "priority 10 to 198.51.100.0/24 lookup main", "priority 10 fwmark 0x80000/0xff0000 lookup main",
          "priority 10 iif veth-a lookup main", "priority 10 oif veth-a lookup main",
          "priority 10 uidrange 4711-4712 lookup main", "priority 10 ipproto 6 dport 25 lookup main",
          "priority 10 lookup main suppress_prefixlength 0", "priority 10 lookup 77"}) {
      const auto text = std::string(rule);
      const auto priority = text.substr(0, text.find(' ', 9));
      EXPECT_THAT(host.bypasses_with("ip rule add " + text, "ip rule del " + priority), IsEmpty()) << rule;
    }
    for (const auto* const route : {"45.0.0.0/8 via 192.0.2.254", "blackhole 154.43.32.0/24",
                                    "unreachable 45.66.77.0/24", "default via 192.0.2.254 metric 7"}) {
      EXPECT_THAT(host.bypasses_with(std::string("ip route add ") + route, std::string("ip route del ") + route),
                  IsEmpty())
          << route;
    }
    // While the interface is down the link's own table refuses.
    EXPECT_THAT(host.bypasses_with("ip link set tun-q down", "ip link set tun-q up"), IsEmpty());
  });
}

/// Without the rule itself, as while somebody takes it away: others put it back, and say so.
TEST(Bypass, IsNotKnownWhereTheLinksOwnRuleIsMissing) {
  in_namespace([] {
    Host host;
    host.install();
    run("ip rule del priority 32701; ip rule add priority 9 lookup main; ip -6 rule add priority 9 lookup main");
    const auto found = find_bypasses(host.netlink, host.options, host.numbers.path());
    EXPECT_FALSE(found.all);
    EXPECT_THAT(found.sentences, ElementsAre(HasSubstr("IPv6 traffic goes past the tunnel"))) << "of the other family";
    ASSERT_THAT(host.routing.restore().what, testing::SizeIs(1));
    EXPECT_THAT(host.bypasses(), ElementsAre(HasSubstr("IPv4 traffic"), HasSubstr("IPv6 traffic")));
  });
}

TEST(Bypass, NothingIsJudgedThatTheLinkDoesNotLead) {
  in_namespace([] {
    Host host;
    host.options.families = {};
    host.options.behind = {};
    host.options.spared = {network("10.0.0.0/8")};
    host.install();
    EXPECT_THAT(host.bypasses_with("ip rule add priority 9 lookup main", "ip rule del priority 9"), IsEmpty());
    host.options.families = {Family::v6};
    host.install();
    EXPECT_THAT(host.bypasses_with("ip rule add priority 9 lookup main", "ip rule del priority 9"), IsEmpty());
  });
}

TEST(Bypass, HalvesOfOursAndBlockedFamiliesAreJudgedToo) {
  in_namespace([] {
    Host host;
    host.options.families = {};
    host.options.blocked = {Family::v6};
    host.options.spared = {network("0.0.0.0/1"), network("128.0.0.0/1")};
    host.options.behind = {everything(Family::v6)};
    host.install();
    EXPECT_THAT(host.bypasses(), IsEmpty());
    run("ip rule add priority 9 lookup main; ip -6 rule add priority 8 lookup main");
    EXPECT_THAT(host.bypasses(), ElementsAre(HasSubstr("IPv4 traffic goes past the tunnel, by veth-a: the rule 9"),
                                             HasSubstr("IPv6 traffic goes past the tunnel, by veth-a: the rule 8")));
  });
}

TEST(Bypass, AnotherLinkIsNamedWhileItLeadsAndWhenItOnlyHolds) {
  in_namespace([] {
    Host host;
    std::ofstream(host.numbers.path() / "ad10777") << "first";
    PolicyRouting first(host.netlink);
    {
      const auto tun = net::TunDevice::open({.name = "tun-f"}).value();
      run("ip link set tun-f addrgenmode none; ip link set tun-f up; ip addr add 10.8.0.1/24 dev tun-f");
      net::test::add_ipv6("fd08::1", 64, "tun-f");
      auto options = host.options;
      options.number = options.fwmark = kOther;
      options.interface = tun.index();
      for (auto& route : options.behind) route.table = kOther;
      ASSERT_TRUE(first.install(options));
      host.install();
      EXPECT_THAT(
          host.bypasses(),
          ElementsAre(HasSubstr("IPv4 and IPv6 traffic goes into the link first (tun-f), whose rules were there")));
      EXPECT_THAT(find_bypasses(host.netlink, options, host.numbers.path()).sentences, IsEmpty());
    }
    EXPECT_THAT(host.bypasses(),
                ElementsAre(AllOf(HasSubstr("IPv4 and IPv6 traffic is refused by the rules of the link first"),
                                  HasSubstr("`adit unblock first`"))));
    first.remove();
    EXPECT_THAT(host.bypasses(), IsEmpty());
  });
}

}  // namespace
}  // namespace adit::host
