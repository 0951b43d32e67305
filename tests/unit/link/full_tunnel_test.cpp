// SPDX-License-Identifier: MIT
// A link that all IPv4 traffic goes into, in a network namespace of its own with an uplink, and rules of others.
#include "link/full_tunnel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/or_throw.h"
#include "namespace.h"
#include "recorded_log.h"

namespace adit::link {
namespace {

using net::test::in_namespace;
using net::test::run;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

config::Config configuration() {
  config::Config config;
  config.name = "office";
  config.number = 0x0ad1'1234;
  config.interface.name = "adit0";
  config.interface.addresses = {IpNetwork::parse("10.9.0.1/30").value()};
  config.routes = {{.to = IpNetwork::parse("0.0.0.0/0").value()}};
  return config;
}

struct Host {
  Host() {
    net::test::make_veth_pair();
    run("ip addr add 192.0.2.1/24 dev veth-a; ip route add default via 192.0.2.254");
  }
  const std::vector<std::string>& look_after(const std::string& command) {
    run(command);
    full_tunnel.network_changed({.rules = true}, now);
    now += FullTunnel::kSettled;
    full_tunnel.look(now);
    return full_tunnel.bypasses();
  }

  config::Config config = configuration();
  test::RecordedLog log;
  net::TunDevice device = or_throw(net::TunDevice::open({.name = "adit0"}));
  host::HostSetup host{config, device, 1420};
  FullTunnel full_tunnel{host, log};
  Instant now{};
};

TEST(FullTunnel, TellsOfAWayPastItOnceAndWhenItIsGone) {
  in_namespace([] {
    Host host;
    EXPECT_THAT(host.look_after("true"), IsEmpty());
    for (int i = 0; i < 2; ++i) {
      EXPECT_THAT(host.look_after(i == 0 ? "ip rule add priority 9 lookup main" : "true"),
                  ElementsAre(HasSubstr("IPv4 traffic goes past the tunnel")));
    }
    EXPECT_THAT(host.log.take_lines(), ElementsAre(HasSubstr("IPv4 traffic goes past the tunnel")));
    EXPECT_THAT(host.look_after("ip rule del priority 9"), IsEmpty());
    EXPECT_THAT(host.log.take_lines(), ElementsAre("info: all that is to go into the tunnel does so again"));
    EXPECT_EQ(host.full_tunnel.next_look(), std::nullopt);
  });
}

TEST(FullTunnel, WhatIsNotKnownIsNotTakenForWell) {
  in_namespace([] {
    Host host;
    host.look_after("ip rule add priority 9 lookup main");
    host.log.take_lines();
    EXPECT_THAT(host.look_after("ip rule del priority 32701"),
                ElementsAre(HasSubstr("IPv4 traffic goes past the tunnel")));
    EXPECT_THAT(host.log.take_lines(), IsEmpty());
    ASSERT_TRUE(host.full_tunnel.next_look()) << "it is looked at again";
    EXPECT_EQ(*host.full_tunnel.next_look(), host.now + FullTunnel::kLeisure);
    ASSERT_EQ(host.host.restore().problem, "");
    EXPECT_THAT(host.look_after("ip rule del priority 9"), IsEmpty());
    EXPECT_THAT(host.log.take_lines(), ElementsAre(HasSubstr("does so again")));
  });
}

}  // namespace
}  // namespace adit::link
