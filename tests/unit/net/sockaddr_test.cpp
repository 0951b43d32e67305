// SPDX-License-Identifier: MIT
#include "net/sockaddr.h"

#include <gtest/gtest.h>

namespace adit::net {
namespace {

TEST(SocketAddress, GivesBackTheEndpointItWasMadeOf) {
  for (auto endpoint : {*Endpoint::parse("192.0.2.7:51820"), *Endpoint::parse("[2001:db8::7]:1")}) {
    const auto address = to_sockaddr(endpoint);
    EXPECT_EQ(from_sockaddr(address.get(), address.size), endpoint);
  }
  const Endpoint scoped{*IpAddress::parse("fe80::1"), 7, 42};
  const auto address = to_sockaddr(scoped);
  EXPECT_EQ(from_sockaddr(address.get(), address.size), scoped);
}

TEST(SocketAddress, RefusesOtherFamiliesAndAddressesCutShort) {
  const auto address = to_sockaddr(*Endpoint::parse("[2001:db8::7]:1"));
  EXPECT_FALSE(from_sockaddr(address.get(), address.size - 1));
  EXPECT_FALSE(from_sockaddr(address.get(), 0));
  sockaddr_storage other{};
  other.ss_family = AF_UNIX;
  EXPECT_FALSE(from_sockaddr(reinterpret_cast<sockaddr*>(&other), sizeof other));
}

TEST(AddressFamily, HasItsKernelNumber) {
  EXPECT_EQ(to_af(Family::v4), AF_INET);
  EXPECT_EQ(to_af(Family::v6), AF_INET6);
  EXPECT_EQ(to_af(Family::none), AF_UNSPEC);
}

}  // namespace
}  // namespace adit::net
