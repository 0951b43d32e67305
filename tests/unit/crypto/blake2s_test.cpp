// SPDX-License-Identifier: MIT
#include "crypto/blake2s.h"

#include <gtest/gtest.h>

#include <vector>

#include "crypto/vectors.h"
#include "test_bytes.h"

namespace adit::crypto {
namespace {

using test::hex;
using test::pattern;

TEST(Blake2s, HashesAbcAsRfc7693AppendixBSays) {
  EXPECT_EQ(hex(blake2s({as_bytes("abc")})), "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
}

TEST(Blake2s, AgreesWithAnIndependentImplementationAroundBlockBoundaries) {
  for (const auto& [size, expected] : vectors::kBlake2s) EXPECT_EQ(hex(blake2s({pattern(size)})), expected) << size;
}

TEST(Blake2s, AgreesWithAnIndependentImplementationOnEverySizeTo255) {
  std::vector<std::uint8_t> hashes;
  for (std::size_t size = 0; size < 256; ++size) {
    const auto one = blake2s({pattern(size)});
    hashes.insert(hashes.end(), one.begin(), one.end());
  }
  EXPECT_EQ(hex(blake2s({hashes})), vectors::kAllHashes);
}

TEST(Blake2s, HashesPartsAsIfTheyWereOne) {
  const auto input = pattern(200);
  const auto whole = blake2s({input});
  for (const std::size_t cut : {0u, 1u, 63u, 64u, 65u, 199u, 200u}) {
    const Bytes head = Bytes(input).first(cut);
    const Bytes tail = Bytes(input).subspan(cut);
    EXPECT_EQ(blake2s({head, tail}), whole) << cut;
    EXPECT_EQ(blake2s({{}, head, {}, tail, {}}), whole) << cut;
  }
  EXPECT_EQ(blake2s({}), blake2s({Bytes{}}));
}

TEST(Blake2sMac, AgreesWithAnIndependentImplementation) {
  for (const auto& [key_size, size, expected] : vectors::kMac) {
    EXPECT_EQ(hex(blake2s_mac(pattern(key_size, 100), pattern(size))), expected) << key_size << " " << size;
  }
  std::vector<std::uint8_t> macs;
  for (std::size_t size = 0; size < 256; ++size) {
    const auto one = blake2s_mac(pattern(32, 100), pattern(size));
    macs.insert(macs.end(), one.begin(), one.end());
  }
  EXPECT_EQ(hex(blake2s({macs})), vectors::kAllMacs);
}

TEST(Blake2sMac, IsNeitherATruncatedHashNorATruncatedHmac) {
  const auto key = pattern(32, 100);
  const auto data = pattern(64);
  const auto mac = hex(blake2s_mac(key, data));
  EXPECT_NE(mac, hex(blake2s({key, data})).substr(0, mac.size()));
  EXPECT_NE(mac, hex(hmac_blake2s(key, {data})).substr(0, mac.size()));
}

TEST(HmacBlake2s, AgreesWithAnIndependentImplementationForKeysBelowAtAndAboveTheBlockSize) {
  for (const auto& [key_size, size, expected] : vectors::kHmac) {
    const auto input = pattern(size);
    EXPECT_EQ(hex(hmac_blake2s(pattern(key_size, 100), {input})), expected) << key_size << " " << size;
    const Bytes bytes(input);
    EXPECT_EQ(hex(hmac_blake2s(pattern(key_size, 100), {bytes.first(size / 2), bytes.subspan(size / 2)})), expected);
  }
}

TEST(Kdf, AgreesWithAnIndependentImplementationAndShorterOnesArePrefixes) {
  for (const auto& [key_size, size, expected] : vectors::kKdf) {
    const auto key = pattern(key_size, 100);
    const auto input = pattern(size);
    const auto one = kdf<1>(key, input);
    const auto two = kdf<2>(key, input);
    const auto three = kdf<3>(key, input);
    EXPECT_EQ(hex(one[0].bytes()), expected[0]) << key_size << " " << size;
    for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(hex(two[i].bytes()), expected[i]) << key_size << " " << size;
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(hex(three[i].bytes()), expected[i]) << key_size << " " << size;
  }
}

TEST(EqualInConstantTime, ComparesContentsAndSizes) {
  const auto a = pattern(32);
  EXPECT_TRUE(equal_in_constant_time(a, pattern(32)));
  EXPECT_TRUE(equal_in_constant_time({}, {}));
  EXPECT_FALSE(equal_in_constant_time(a, pattern(31)));
  EXPECT_FALSE(equal_in_constant_time(a, {}));
  for (std::size_t bit = 0; bit < a.size() * 8; ++bit) {
    auto b = a;
    b[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    EXPECT_FALSE(equal_in_constant_time(a, b)) << bit;
  }
}

}  // namespace
}  // namespace adit::crypto
