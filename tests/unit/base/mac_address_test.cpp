// SPDX-License-Identifier: MIT
#include "base/mac_address.h"

#include <gtest/gtest.h>

namespace adit {
namespace {

TEST(MacAddress, WhatIsParsedIsPrintedInLowerCase) {
  const auto address = MacAddress::parse("02:1A:00:fe:00:07");
  ASSERT_TRUE(address);
  EXPECT_EQ(to_string(*address), "02:1a:00:fe:00:07");
  EXPECT_EQ(MacAddress::parse(to_string(*address)), address);
  EXPECT_FALSE(address->is_group());
  EXPECT_TRUE(MacAddress::parse("33:33:00:00:00:01")->is_group());
}

TEST(MacAddress, NothingElseIsTaken) {
  for (const auto* text : {"", "02:1a:00:fe:00", "02:1a:00:fe:00:07:", "02:1a:00:fe:00:7", "02-1a-00-fe-00-07",
                           "02:1a:00:fe:00:0g", "02:1a:00:fe:00: 7", "02:1a:00:fe:00:+7", "021a00fe0007:::::"}) {
    EXPECT_FALSE(MacAddress::parse(text)) << text;
  }
}

}  // namespace
}  // namespace adit
