// SPDX-License-Identifier: MIT
#include "noise/cookie.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "handshake_vector.h"
#include "support.h"

namespace adit::noise {
namespace {

using namespace std::chrono_literals;

struct Cookies : testing::Test {
  test::SeededRandom random{1};
  crypto::PublicKey responder = crypto::public_key_of(crypto::generate_private_key(random));
  crypto::PublicKey other = crypto::public_key_of(crypto::generate_private_key(random));
  MacWriter writer{responder};
  MacReader reader{responder, random};
  Endpoint source = *Endpoint::parse("192.0.2.7:4242");
  Instant now{1000s};

  std::vector<std::uint8_t> message(std::uint32_t sender = 0x01020304) {
    wire::HandshakeInitiation initiation;
    initiation.sender.set(sender);
    random.fill(initiation.ephemeral);
    std::vector<std::uint8_t> bytes(sizeof initiation);
    std::memcpy(bytes.data(), &initiation, sizeof initiation);
    writer.write(bytes, now);
    return bytes;
  }
  void exchange_cookie() { ASSERT_TRUE(writer.take_cookie(reader.reply_to(message(), source, now), now)); }
};

TEST_F(Cookies, Mac1ProvesWhomTheMessageIsFor) {
  const auto bytes = message();
  EXPECT_TRUE(reader.mac1_is_valid(bytes));
  EXPECT_FALSE(MacReader(other, random).mac1_is_valid(bytes));
}

TEST_F(Cookies, EveryFlippedBitInFrontOfMac2SpoilsMac1) {
  const auto bytes = message();
  for (std::size_t bit = 0; bit < 8 * (bytes.size() - crypto::kMacSize); ++bit) {
    auto forged = bytes;
    forged[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    ASSERT_FALSE(reader.mac1_is_valid(forged)) << bit;
  }
}

TEST_F(Cookies, WithoutACookieMac2IsZeroAndNotValid) {
  const auto bytes = message();
  EXPECT_TRUE(std::ranges::all_of(std::span(bytes).last<16>(), [](auto byte) { return byte == 0; }));
  EXPECT_FALSE(reader.mac2_is_valid(bytes, source, now));
}

TEST(CookieReply, IsReadAsAnIndependentComputationWroteIt) {
  crypto::PublicKey responder;
  std::ranges::copy(test::unhex(vector::kResponderPublic), responder.bytes.begin());
  MacWriter writer{responder};
  auto initiation = test::unhex(vector::kInitiation);
  writer.write(initiation, Instant{});
  const auto reply = test::unhex(vector::kCookieReply);
  ASSERT_EQ(wire::classify(reply), wire::MessageType::cookie_reply);
  ASSERT_TRUE(writer.take_cookie(wire::read_message<wire::CookieReply>(reply), Instant{}));

  writer.write(initiation, Instant{});
  EXPECT_TRUE(std::ranges::equal(std::span(initiation).last<16>(), test::unhex(vector::kMac2)));
}

TEST_F(Cookies, AReplyMakesTheNextMessageValidFromTheSamePlace) {
  exchange_cookie();
  const auto bytes = message();
  EXPECT_TRUE(reader.mac1_is_valid(bytes));
  EXPECT_TRUE(reader.mac2_is_valid(bytes, source, now));
}

TEST_F(Cookies, ACookieHoldsForOneAddressAndOnePortOnly) {
  exchange_cookie();
  const auto bytes = message();
  for (const auto* place : {"192.0.2.7:4243", "192.0.2.8:4242", "[2001:db8::1]:4242"}) {
    EXPECT_FALSE(reader.mac2_is_valid(bytes, *Endpoint::parse(place), now)) << place;
  }
}

TEST_F(Cookies, AReplyNamesTheSenderAndIsSmallerThanWhatItAnswers) {
  const auto bytes = message(0xCAFEBABE);
  const auto reply = reader.reply_to(bytes, source, now);
  EXPECT_EQ(reply.receiver.get(), 0xCAFEBABEu);
  EXPECT_LT(sizeof reply, sizeof(wire::HandshakeResponse));
}

TEST_F(Cookies, AReplyCountsOnceAndOnlyForTheLastMessage) {
  const auto first = message();
  const auto late = reader.reply_to(first, source, now);
  const auto fitting = reader.reply_to(message(), source, now);
  EXPECT_FALSE(writer.take_cookie(late, now));
  EXPECT_TRUE(writer.take_cookie(fitting, now));
  EXPECT_FALSE(writer.take_cookie(fitting, now));
}

TEST_F(Cookies, AForgedReplyIsRefusedAndLeavesRoomForTheTrueOne) {
  const auto reply = reader.reply_to(message(), source, now);
  for (std::size_t bit = 0; bit < 8 * (reply.nonce.size() + reply.cookie.size()); ++bit) {
    auto forged = reply;
    auto& part = bit / 8 < forged.nonce.size() ? forged.nonce[bit / 8] : forged.cookie[bit / 8 - forged.nonce.size()];
    part ^= static_cast<std::uint8_t>(1u << (bit % 8));
    ASSERT_FALSE(writer.take_cookie(forged, now)) << bit;
  }
  EXPECT_TRUE(writer.take_cookie(reply, now));
}

TEST_F(Cookies, BothSidesForgetACookieAfterTwoMinutes) {
  exchange_cookie();
  const auto bytes = message();
  EXPECT_TRUE(reader.mac2_is_valid(bytes, source, now + 119s));
  EXPECT_FALSE(reader.mac2_is_valid(bytes, source, now + 120s));
  now += 120s;
  const auto later = message();
  EXPECT_TRUE(std::ranges::all_of(std::span(later).last<16>(), [](auto byte) { return byte == 0; }));
}

TEST_F(Cookies, TwoRepliesToOneMessageDifferInTheirNonce) {
  const auto bytes = message();
  EXPECT_NE(reader.reply_to(bytes, source, now).nonce, reader.reply_to(bytes, source, now).nonce);
}

}  // namespace
}  // namespace adit::noise
