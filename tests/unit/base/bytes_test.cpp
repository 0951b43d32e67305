// SPDX-License-Identifier: MIT
#include "base/bytes.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "test_bytes.h"

namespace adit {
namespace {

TEST(Bytes, AreLoadedInTheOrderTheNameSays) {
  const auto bytes = test::unhex("0102030405060708");
  EXPECT_EQ(load_le32(bytes.data()), 0x04030201u);
  EXPECT_EQ(load_le64(bytes.data()), 0x0807060504030201u);
  EXPECT_EQ(load_be16(bytes.data()), 0x0102u);
  EXPECT_EQ(load_be32(bytes.data()), 0x01020304u);
  EXPECT_EQ(load_be64(bytes.data()), 0x0102030405060708u);
}

TEST(Bytes, AreStoredInTheOrderTheNameSaysAtAnyAlignment) {
  for (std::size_t at = 0; at < 8; ++at) {
    std::array<std::uint8_t, 16> bytes{};
    const auto stored = [&](std::size_t size) { return test::hex(Bytes(bytes).subspan(at, size)); };
    store_le32(bytes.data() + at, 0x01020304);
    EXPECT_EQ(stored(4), "04030201");
    store_le64(bytes.data() + at, 0x0102030405060708);
    EXPECT_EQ(stored(8), "0807060504030201");
    store_be16(bytes.data() + at, 0x0102);
    EXPECT_EQ(stored(2), "0102");
    store_be32(bytes.data() + at, 0x01020304);
    EXPECT_EQ(stored(4), "01020304");
    store_be64(bytes.data() + at, 0x0102030405060708);
    EXPECT_EQ(stored(8), "0102030405060708");
  }
}

TEST(Bytes, OfATextAreItsCharacters) {
  EXPECT_EQ(test::hex(as_bytes("mac1----")), "6d6163312d2d2d2d");
  EXPECT_TRUE(as_bytes("").empty());
}

TEST(RandomSource, MakesNumbersOfEveryBitOfItsBytes) {
  class Fixed final : public RandomSource {
    void fill(MutableBytes out) override { std::ranges::copy(test::unhex("01020384"), out.begin()); }
  } random;
  EXPECT_EQ(random.u32(), 0x84030201u);
}

}  // namespace
}  // namespace adit
