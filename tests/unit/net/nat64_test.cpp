// SPDX-License-Identifier: MIT
#include "net/nat64.h"

#include <gtest/gtest.h>

namespace adit::net {
namespace {

IpAddress address(const char* text) {
  return IpAddress::parse(text).value();
}

struct Sample {
  const char* prefix;
  const char* address;   ///< 192.0.2.33 through it: RFC 6052, section 2.4
  const char* ipv4only;  ///< 192.0.0.170 likewise
};
constexpr Sample kSamples[] = {
    {"2001:db8::/32", "2001:db8:c000:221::", "2001:db8:c000:aa::"},
    {"2001:db8:100::/40", "2001:db8:1c0:2:21::", "2001:db8:1c0:0:aa::"},
    {"2001:db8:122::/48", "2001:db8:122:c000:2:2100::", "2001:db8:122:c000:0:aa00::"},
    {"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::", "2001:db8:122:3c0:0:aa::"},
    {"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::", "2001:db8:122:344:c0:0:aa00::"},
    {"2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33", "2001:db8:122:344::192.0.0.170"},
    {"64:ff9b::/96", "64:ff9b::192.0.2.33", "64:ff9b::192.0.0.171"},
};

TEST(Nat64, ThePrefixShowsInTheAnswerAndHoldsAnyAddress) {
  for (const auto& sample : kSamples) {
    const auto prefix = IpNetwork::parse(sample.prefix).value();
    EXPECT_EQ(nat64_prefix(address(sample.ipv4only)), prefix) << sample.prefix;
    EXPECT_EQ(through_nat64(prefix, address("192.0.2.33")), address(sample.address)) << sample.prefix;
  }
}

TEST(Nat64, WhatHoldsNoWellKnownAddressWasNotMadeUp) {
  for (const auto* const text :
       {"2001:db8::1", "64:ff9b::192.0.0.172", "2001:db8:122:344:100:0:aa:0", "192.0.0.170", "::"}) {
    EXPECT_FALSE(nat64_prefix(address(text))) << text;
  }
}

}  // namespace
}  // namespace adit::net
