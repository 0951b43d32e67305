// SPDX-License-Identifier: MIT
#include "net/device_binding.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "namespace.h"

namespace adit::net {
namespace {

using test::in_namespace;
using test::run;

UdpPair open(const std::string& device) {
  auto opened = open_udp_when_there({.address = {}, .port = 5001, .device = device});
  if (!opened) throw std::runtime_error(opened.error().message);
  return std::move(*opened);
}

TEST(DeviceBinding, SocketsAreOpenedOnceTheInterfaceIsThere) {
  in_namespace([] {
    auto sockets = open("veth-a");
    EXPECT_FALSE(sockets.v4 || sockets.v6) << "and not bound to anything else meanwhile";
    EXPECT_EQ(binding_of(sockets, "veth-a"), Binding::none);
    test::make_veth_pair();
    sockets = open("veth-a");
    EXPECT_TRUE(sockets.v4 && sockets.v6);
    EXPECT_EQ(binding_of(sockets, "veth-a"), Binding::bound);
  });
}

TEST(DeviceBinding, SocketsAreOpenedOnceTheAddressIsThere) {
  in_namespace([] {
    test::make_veth_pair();
    const ListenOptions options{.address = *IpAddress::parse("192.0.2.77"), .port = 5001};
    const auto none = open_udp_when_there(options);
    ASSERT_TRUE(none);
    EXPECT_FALSE(none->v4 || none->v6) << "and not bound to any other meanwhile";
    run("ip address add 192.0.2.77/24 dev veth-a");
    const auto sockets = open_udp_when_there(options);
    ASSERT_TRUE(sockets);
    EXPECT_TRUE(sockets->v4 && !sockets->v6);
    EXPECT_FALSE(open_udp_when_there(options)) << "what else is wrong is an error: the port is taken";
  });
}

TEST(DeviceBinding, AnotherInterfaceOfTheNameIsAnotherInterface) {
  in_namespace([] {
    test::make_veth_pair();
    auto sockets = open("veth-a");
    run("ip link del veth-a");
    EXPECT_EQ(binding_of(sockets, "veth-a"), Binding::lost);
    test::make_veth_pair();
    EXPECT_EQ(binding_of(sockets, "veth-a"), Binding::lost);
    sockets = {};
    sockets = open("veth-a");
    EXPECT_EQ(binding_of(sockets, "veth-a"), Binding::bound);
    run("ip link set veth-a down; ip link set veth-a name wan0");
    EXPECT_EQ(binding_of(sockets, "veth-a"), Binding::renamed);
    EXPECT_EQ(binding_of(sockets, "wan0"), Binding::bound);
  });
}

}  // namespace
}  // namespace adit::net
