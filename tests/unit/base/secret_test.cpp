// SPDX-License-Identifier: MIT
#include "base/secret.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "test_bytes.h"

namespace adit {
namespace {

using Key = Secret<32, struct KeyTag>;
using OtherKey = Secret<32, struct OtherKeyTag>;

static_assert(!std::is_copy_constructible_v<Key> && !std::is_copy_assignable_v<Key>);
static_assert(std::is_nothrow_move_constructible_v<Key> && std::is_nothrow_move_assignable_v<Key>);
static_assert(!std::is_convertible_v<Key, OtherKey> && !std::is_constructible_v<OtherKey, Key>);

Key some_key() {
  return test::fixed<Key>(test::pattern(32, 1));
}

bool all_zero(std::span<const std::uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

TEST(Secret, StartsAsZeros) {
  EXPECT_TRUE(all_zero(Key().bytes()));
}

TEST(Secret, IsWipedWhenMovedFrom) {
  auto first = some_key();
  auto second = std::move(first);
  EXPECT_EQ(test::hex(second.bytes()), test::hex(test::pattern(32, 1)));
  EXPECT_TRUE(all_zero(first.bytes()));  // NOLINT(bugprone-use-after-move): what is left behind is the point

  Key third;
  third = std::move(second);
  EXPECT_EQ(test::hex(third.bytes()), test::hex(test::pattern(32, 1)));
  EXPECT_TRUE(all_zero(second.bytes()));  // NOLINT(bugprone-use-after-move)
}

TEST(Secret, SurvivesBeingMovedOntoItself) {
  auto key = some_key();
  auto& same = key;
  key = std::move(same);
  EXPECT_EQ(test::hex(key.bytes()), test::hex(test::pattern(32, 1)));
}

TEST(Secret, IsWipedWhenDestroyed) {
  std::optional<Key> key(some_key());
  ASSERT_EQ(test::hex(key->bytes()), test::hex(test::pattern(32, 1)));
  // What an attacker who reads the memory later would see; volatile, so that the compiler really looks.
  const volatile std::uint8_t* left = key->bytes().data();
  key.reset();
  for (std::size_t i = 0; i < Key::kSize; ++i) EXPECT_EQ(left[i], 0) << i;
}

TEST(Secret, CanBeWipedAndClonedByName) {
  auto key = some_key();
  const auto clone = key.clone();
  key.wipe();
  EXPECT_TRUE(all_zero(key.bytes()));
  EXPECT_EQ(test::hex(clone.bytes()), test::hex(test::pattern(32, 1)));
}

}  // namespace
}  // namespace adit
