// SPDX-License-Identifier: MIT
#include "config/wording.h"

#include <gtest/gtest.h>

#include <array>

namespace adit::config {
namespace {

constexpr std::array<std::string_view, 4> kWords{"endpoint", "keepalive", "allowed_ips", "public_key"};

TEST(Wording, FindsTheWordThatWasMeant) {
  EXPECT_EQ(closest("endpiont", kWords), "endpoint");  // swapped
  EXPECT_EQ(closest("endpont", kWords), "endpoint");   // left out
  EXPECT_EQ(closest("keeepalive", kWords), "keepalive");
  EXPECT_EQ(closest("publik_key", kWords), "public_key");
  EXPECT_EQ(closest("AllowedIPs", kWords), "allowed_ips");
  EXPECT_EQ(closest("keep-alive", kWords), "keepalive");
  EXPECT_EQ(closest("PublicKey", kWords), "public_key");
}

TEST(Wording, GuessesNothingWhereNothingIsNear) {
  EXPECT_EQ(closest("colour", kWords), std::nullopt);
  EXPECT_EQ(closest("", kWords), std::nullopt);
  EXPECT_EQ(closest(std::string(100'000, 'e'), kWords), std::nullopt);
  EXPECT_EQ(closest("endpoint", {}), std::nullopt);
}

TEST(Wording, QuotesSoThatATerminalIsSafe) {
  EXPECT_EQ(shown("plain text"), "\"plain text\"");
  EXPECT_EQ(shown("a\x1b[2J\n\"\\"), "\"a\\x1b[2J\\x0a\"\\\"");
  EXPECT_EQ(shown("\xc3\xa9"), "\"\xc3\xa9\"");
  EXPECT_EQ(shown("a\xc2\xa0"
                  "b"),
            R"("a\xc2\xa0b")")
      << "a space that is none";
  EXPECT_EQ(shown("a\xe2\x80\xae"
                  "b"),
            R"("a\xe2\x80\xaeb")")
      << "turns the direction";
  EXPECT_EQ(shown("a\xff"), R"("a\xff")");
  EXPECT_EQ(shown(std::string(200, '.')), "\"" + std::string(80, '.') + "…\"");
}

TEST(Wording, DoesNotRepeatWhatMayBeAKey) {
  EXPECT_EQ(shown("lpOD5fN1oQLsdX1EYR3oHCVd9v9yUC1V4vLXmBHfb+M="), "the text of 44 characters");
  EXPECT_EQ(shown("lpOD5fN1oQLsdX1EYR3oHCVd9v9yUC1V4vLXmBHf"), "the text of 40 characters");
  EXPECT_EQ(shown("lpOD5fN1oQLsdX1EYR3/HCVd9v9yUC1V4vLXmBHfb+M="), "the text of 44 characters");
  EXPECT_EQ(shown("lpOD5fN1oQLsdX1EYR3+HCVd9v9yUC1V4vLXmBHfb+M="), "the text of 44 characters");
  EXPECT_EQ(shown("key: lpOD5fN1oQLsdX1EYR3oHCVd9v9yUC1V4vLXmBHfb+M="), "the text of 49 characters");
  EXPECT_EQ(shown("a-rather-long.host-name.with-many-parts.example.net"),
            "\"a-rather-long.host-name.with-many-parts.example.net\"");
}

TEST(Wording, ListsAlternatives) {
  EXPECT_EQ(alternatives(kWords), "endpoint, keepalive, allowed_ips or public_key");
  EXPECT_EQ(alternatives(std::span(kWords).first(1)), "endpoint");
  EXPECT_EQ(alternatives({}), "");
}

}  // namespace
}  // namespace adit::config
