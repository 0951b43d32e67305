// SPDX-License-Identifier: MIT
#include "host/mtu.h"

#include <gtest/gtest.h>

namespace adit::host {
namespace {

TEST(AutomaticMtu, IsTheRoutesLessTheHeadersOfTheFamily) {
  EXPECT_EQ(automatic_mtu(1500, Family::v4, false), 1440U);
  EXPECT_EQ(automatic_mtu(1500, Family::v6, false), 1420U);
  EXPECT_EQ(automatic_mtu(9000, Family::v4, true), 8940U);
}

TEST(AutomaticMtu, IsAGoodGuessWhileTheWayIsNotKnown) {
  EXPECT_EQ(automatic_mtu(std::nullopt, Family::v4, true), 1420U);
  EXPECT_EQ(automatic_mtu(1500, Family::none, true), 1420U);
}

TEST(AutomaticMtu, NeverTakesIpv6FromTheInterface) {
  EXPECT_EQ(automatic_mtu(1280, Family::v6, true), 1280U);
  EXPECT_EQ(automatic_mtu(1280, Family::v6, false), 1200U);
}

TEST(AutomaticMtu, StaysWithinWhatAnInterfaceMayHave) {
  EXPECT_EQ(automatic_mtu(65'536, Family::v4, true), 65'455U);
  EXPECT_EQ(automatic_mtu(68, Family::v6, false), 576U);
  EXPECT_EQ(automatic_mtu(0, Family::v4, false), 576U);
}

}  // namespace
}  // namespace adit::host
