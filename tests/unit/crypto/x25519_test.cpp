// SPDX-License-Identifier: MIT
#include "crypto/x25519.h"

#include <gtest/gtest.h>

#include <string>

#include "test_bytes.h"

namespace adit::crypto {
namespace {

using test::hex;
using test::unhex;

PrivateKey private_key(std::string_view text) {
  return test::fixed<PrivateKey>(unhex(text));
}
PublicKey public_key(std::string_view text) {
  return {test::fixed<std::array<std::uint8_t, kKeySize>>(unhex(text))};
}

// RFC 7748 §6.1
constexpr auto kAlicePrivate = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
constexpr auto kAlicePublic = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
constexpr auto kBobPrivate = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
constexpr auto kBobPublic = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
constexpr auto kShared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";

TEST(X25519, GivesThePublicKeysAndTheSharedSecretOfRfc7748) {
  EXPECT_EQ(hex(public_key_of(private_key(kAlicePrivate)).bytes), kAlicePublic);
  EXPECT_EQ(hex(public_key_of(private_key(kBobPrivate)).bytes), kBobPublic);
  EXPECT_EQ(hex(x25519(private_key(kAlicePrivate), public_key(kBobPublic)).value().bytes()), kShared);
  EXPECT_EQ(hex(x25519(private_key(kBobPrivate), public_key(kAlicePublic)).value().bytes()), kShared);
}

TEST(X25519, ClampsTheScalarAndMasksTheHighBitAsRfc7748Demands) {
  // §5.2: neither scalar is clamped, the second coordinate has its unused high bit set.
  EXPECT_EQ(hex(x25519(private_key("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
                       public_key("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))
                    .value()
                    .bytes()),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  EXPECT_EQ(hex(x25519(private_key("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"),
                       public_key("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"))
                    .value()
                    .bytes()),
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

TEST(X25519, GivesTheIteratedVectorsOfRfc7748) {
  std::string scalar = "0900000000000000000000000000000000000000000000000000000000000000";
  std::string point = scalar;
  for (int round = 1; round <= 1000; ++round) {
    auto next = hex(x25519(private_key(scalar), public_key(point)).value().bytes());
    point = std::exchange(scalar, std::move(next));
    if (round == 1) {
      EXPECT_EQ(scalar, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
  }
  EXPECT_EQ(scalar, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

TEST(X25519, RefusesEveryPointOfLowOrder) {
  for (const std::string point : {"0000000000000000000000000000000000000000000000000000000000000000",
                                  "0100000000000000000000000000000000000000000000000000000000000000",
                                  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                                  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                                  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    auto key = public_key(point);
    EXPECT_FALSE(x25519(private_key(kAlicePrivate), key)) << point;
    key.bytes[31] |= 0x80;
    EXPECT_FALSE(x25519(private_key(kAlicePrivate), key)) << point << " with the unused high bit set";
  }
}

}  // namespace
}  // namespace adit::crypto
