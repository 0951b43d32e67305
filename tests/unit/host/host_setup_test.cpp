// SPDX-License-Identifier: MIT
// A link that all traffic goes into, whose interface somebody moved away and back. The kernel takes all from it then.
#include "host/host_setup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/or_throw.h"
#include "namespace.h"

namespace adit::host {
namespace {

using net::test::in_namespace;
using net::test::run;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

config::Config configuration() {
  config::Config config;
  config.name = "office";
  config.number = 0x0ad1'1234;
  config.interface.name = "adit0";
  config.interface.addresses = {IpNetwork::parse("10.9.0.1/30").value(), IpNetwork::parse("fd09::1/126").value()};
  config.routes = {{.to = IpNetwork::parse("0.0.0.0/0").value()}, {.to = IpNetwork::parse("::/0").value()}};
  return config;
}

struct Host {
  void leave() {
    setup.interface_left();
    run("ip link set adit0 down; ip addr flush dev adit0; ip route flush dev adit0");
  }
  std::string addresses() { return run("ip addr show adit0"); }
  /// Of both families.
  std::string ways() { return run("ip route get 45.66.77.88; ip -6 route get 2606:4d53::1"); }

  config::Config config = configuration();
  net::TunDevice device = or_throw(net::TunDevice::open({.name = "adit0"}));
  HostSetup setup{config, device, 1420};
};

TEST(HostSetup, AnInterfaceThatCameBackIsAsItWas) {
  in_namespace([] {
    Host host;
    host.leave();
    ASSERT_TRUE(host.setup.interface_came_back(true));
    EXPECT_THAT(host.addresses(), AllOf(HasSubstr("10.9.0.1/30"), HasSubstr("fd09::1/126")));
    EXPECT_THAT(host.ways(), AllOf(HasSubstr("45.66.77.88 dev adit0"), HasSubstr("2606:4d53::1 from :: dev adit0")));
    EXPECT_THAT(host.setup.restore().what, IsEmpty());
  });
}

TEST(HostSetup, AnInterfaceThatCameBackHasWhatCanBeHadAndTheRestWhenThatIsPossible) {
  in_namespace([] {
    Host host;
    host.leave();
    run("sysctl -qw net.ipv6.conf.adit0.disable_ipv6=1");
    const auto done = host.setup.interface_came_back(true);
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("adit0 cannot have the address fd09::1/126"));
    EXPECT_THAT(host.addresses(), HasSubstr("10.9.0.1/30"));
    EXPECT_THAT(run("ip route get 45.66.77.88"), HasSubstr("dev adit0"));
    EXPECT_THAT(host.setup.restore().problem, HasSubstr("fd09::1/126")) << "it is told as long as it lasts";
    run("sysctl -qw net.ipv6.conf.adit0.disable_ipv6=0");
    EXPECT_THAT(host.setup.restore().what, testing::Contains("the address fd09::1/126"));
    EXPECT_THAT(host.ways(), HasSubstr("2606:4d53::1 from :: dev adit0"));
    EXPECT_EQ(host.setup.restore().problem, "");
  });
}

TEST(HostSetup, AnInterfaceThatOthersSetUpIsLeftAsItCameBack) {
  in_namespace([] {
    Host host;
    host.leave();
    ASSERT_TRUE(host.setup.interface_came_back(false));
    EXPECT_EQ(host.setup.restore().problem, "");
    EXPECT_THAT(host.addresses(), Not(HasSubstr("10.9.0.1")));
  });
}

}  // namespace
}  // namespace adit::host
