// SPDX-License-Identifier: MIT
#include "crypto/keys.h"

#include <gtest/gtest.h>

#include <concepts>
#include <ostream>
#include <string>
#include <type_traits>

#include "test_bytes.h"

namespace adit::crypto {
namespace {

using test::hex;

class PatternSource final : public RandomSource {
 public:
  explicit PatternSource(std::uint8_t start) : next_(start) {}
  void fill(MutableBytes out) override {
    for (auto& byte : out) byte = next_++;
  }

 private:
  std::uint8_t next_;
};

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; } || fmt::is_formattable<T>::value;

// A secret is moved or cloned by name, never copied, printed, or taken for a secret of another kind.
static_assert(!std::is_copy_constructible_v<PrivateKey> && !std::is_copy_assignable_v<PrivateKey>);
static_assert(!Printable<PrivateKey> && !Printable<PresharedKey>);
static_assert(!std::convertible_to<PrivateKey, PresharedKey> && !std::constructible_from<PresharedKey, PrivateKey>);
static_assert(!std::equality_comparable<PrivateKey>, "comparing secrets has to be done in constant time");

TEST(Keys, AreWrittenAsWgPrintsThem) {
  // `wg genkey | tee /dev/stderr | wg pubkey` of wireguard-tools 1.0.20210914
  const auto key = parse_private_key("MHtbV9DgHhKOo3+LL1o4ZIIpx0QrIyhKF6cfHPSKVEg=");
  ASSERT_TRUE(key);
  EXPECT_EQ(to_base64(public_key_of(*key)), "7IF1URzIlj2y2Oo2re+PsGUukgmkqqIHz3P3z3Bc5H0=");
  EXPECT_EQ(reveal_base64(*key), "MHtbV9DgHhKOo3+LL1o4ZIIpx0QrIyhKF6cfHPSKVEg=");
}

TEST(Keys, SurviveTheRoundTripThroughBase64) {
  for (int start = 0; start < 256; ++start) {
    PatternSource random(static_cast<std::uint8_t>(start));
    const auto private_key = generate_private_key(random);
    const auto preshared_key = generate_preshared_key(random);
    const auto public_key = public_key_of(private_key);
    EXPECT_EQ(reveal_base64(private_key).size(), kKeyTextSize);
    EXPECT_EQ(hex(parse_private_key(reveal_base64(private_key)).value().bytes()), hex(private_key.bytes()));
    EXPECT_EQ(hex(parse_preshared_key(reveal_base64(preshared_key)).value().bytes()), hex(preshared_key.bytes()));
    EXPECT_EQ(parse_public_key(to_base64(public_key)).value(), public_key);
  }
}

TEST(Keys, AreGeneratedFromTheRandomSourceAndClamped) {
  PatternSource zeros(0);
  PatternSource high(0xe0);
  EXPECT_EQ(hex(generate_private_key(zeros).bytes()),
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e5f");
  EXPECT_EQ(hex(generate_private_key(high).bytes()),
            "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfe7f");
  PatternSource again(0xe0);
  EXPECT_EQ(hex(generate_preshared_key(again).bytes()),
            "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
      << "a preshared key is not a scalar: every bit counts";
}

TEST(Keys, HaveExactlyOneSpelling) {
  const std::string good = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
  ASSERT_TRUE(parse_public_key(good));
  for (const std::string bad :
       {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",   // the last character's unused bits are not zero
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",    // no padding
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A",   // 33 bytes
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",   // 31 bytes
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd====",   // padding that stands for nothing
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH-8=",   // the URL alphabet
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH_8=",   //
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH 8=",   //
        "\nAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",  //
        " AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",  //
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", "AAEC",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",  // hexadecimal
        "", "="}) {
    EXPECT_FALSE(parse_public_key(bad)) << bad;
    EXPECT_FALSE(parse_private_key(bad)) << bad;
    EXPECT_FALSE(parse_preshared_key(bad)) << bad;
  }
  auto with_zero = good;
  with_zero[10] = '\0';
  EXPECT_FALSE(parse_public_key(with_zero));
}

TEST(Keys, ErrorsHelpAndNeverRepeatTheText) {
  for (const std::string bad : {"secretsecretsecret", "secretsecretsecretsecretsecretsecretsecret!!"}) {
    const auto key = parse_private_key(bad);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().message.find("secret"), std::string::npos) << key.error().message;
    EXPECT_NE(key.error().message.find("adit genkey"), std::string::npos) << key.error().message;
  }
  EXPECT_NE(parse_private_key("short").error().message.find("5 characters"), std::string::npos);
}

TEST(Keys, NothingBeyondAsciiIsADigit) {
  const std::string key = "2BO4c0XAbZUVu1qN0kaKiU1qWA9F4692YrMi0aIpx1Q=";
  ASSERT_TRUE(parse_private_key(key));
  for (unsigned code = 0x80; code < 0x800; ++code) {
    auto damaged = key;
    damaged[10] = static_cast<char>(0xc0 | code >> 6);
    damaged[11] = static_cast<char>(0x80 | (code & 0x3f));
    EXPECT_FALSE(parse_private_key(damaged)) << code;
    EXPECT_FALSE(parse_public_key(damaged)) << code;
  }
}

}  // namespace
}  // namespace adit::crypto
