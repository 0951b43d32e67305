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
