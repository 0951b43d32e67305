// SPDX-License-Identifier: MIT
#include "wire/ecn.h"

#include <gtest/gtest.h>

#include "packets.h"

namespace adit::wire {
namespace {

using offload::test::Buffer;
using offload::test::build;
using offload::test::is_sound;
using offload::test::Recipe;

constexpr Ecn kNot = Ecn::not_capable;
constexpr Ecn kCapable0 = Ecn::capable0;
constexpr Ecn kCapable1 = Ecn::capable1;
constexpr Ecn kMarked = Ecn::congestion;
constexpr std::uint8_t kDscp = 0xb8;

struct Row {
  Ecn inner;
  Ecn outer;
  bool passes;
  Ecn after;
};

/// RFC 6040, figure 4.
constexpr Row kFigure4[] = {
    {kNot, kNot, true, kNot},
    {kNot, kCapable0, true, kNot},
    {kNot, kCapable1, true, kNot},
    {kNot, kMarked, false, kNot},
    {kCapable0, kNot, true, kCapable0},
    {kCapable0, kCapable0, true, kCapable0},
    {kCapable0, kCapable1, true, kCapable1},
    {kCapable0, kMarked, true, kMarked},
    {kCapable1, kNot, true, kCapable1},
    {kCapable1, kCapable0, true, kCapable1},
    {kCapable1, kCapable1, true, kCapable1},
    {kCapable1, kMarked, true, kMarked},
    {kMarked, kNot, true, kMarked},
    {kMarked, kCapable0, true, kMarked},
    {kMarked, kCapable1, true, kMarked},
    {kMarked, kMarked, true, kMarked},
};

TEST(Ecn, FollowsTheTableOfTheRfcAndTouchesNothingElse) {
  for (const bool v4 : {true, false}) {
    for (const auto& row : kFigure4) {
      for (std::uint16_t id = 0; id < 500; id += 7) {  // many checksums
        Recipe recipe{.v4 = v4, .id = id, .payload = {1, 2, 3}};
        recipe.tos = kDscp | static_cast<std::uint8_t>(row.inner);
        auto packet = build(recipe);
        recipe.tos = kDscp | static_cast<std::uint8_t>(row.after);
        EXPECT_EQ(take_outer_ecn(packet, row.outer), row.passes);
        EXPECT_EQ(packet, build(recipe)) << "inner " << int(row.inner) << " outer " << int(row.outer);
        EXPECT_TRUE(is_sound(packet));
      }
    }
  }
}

/// One in 65,536 carries twice.
TEST(Ecn, TheChecksumIsRightWhateverItWas) {
  for (std::uint32_t id = 0; id <= 0xffff; ++id) {
    Recipe recipe{.tos = 1, .id = static_cast<std::uint16_t>(id), .payload = {1}};
    auto packet = build(recipe);
    ASSERT_TRUE(take_outer_ecn(packet, kMarked));
    recipe.tos = 3;
    ASSERT_EQ(packet, build(recipe)) << id;
  }
}

TEST(Ecn, ABrokenChecksumIsNotMendedByTheWay) {
  Recipe recipe{.tos = 2, .payload = {1}};
  auto packet = build(recipe);
  packet[10] ^= 0x40;
  ASSERT_TRUE(take_outer_ecn(packet, kMarked));
  EXPECT_FALSE(is_sound(packet));
}

}  // namespace
}  // namespace adit::wire
