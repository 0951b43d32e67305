// SPDX-License-Identifier: MIT
#include "noise/handshake.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "handshake_vector.h"
#include "noise/cookie.h"
#include "support.h"

namespace adit::noise {
namespace {

using test::unhex;
using test::unhex_key;

StaticKeys keys_of(const char* local, const char* remote_public) {
  crypto::PublicKey remote;
  std::ranges::copy(unhex(remote_public), remote.bytes.begin());
  return *StaticKeys::make(unhex_key<crypto::PrivateKey>(local), remote);
}

template <class Message>
std::vector<std::uint8_t> bytes_with_mac1(Message message, const crypto::PublicKey& receiver) {
  MacWriter writer(receiver);
  std::vector<std::uint8_t> bytes(sizeof message);
  std::memcpy(bytes.data(), &message, sizeof message);
  writer.write(bytes, Instant{});
  return bytes;
}

struct Handshake : testing::Test {
  StaticKeys initiator = keys_of(vector::kInitiatorPrivate, vector::kResponderPublic);
  StaticKeys responder = keys_of(vector::kResponderPrivate, vector::kInitiatorPublic);
  crypto::PresharedKey preshared = unhex_key<crypto::PresharedKey>(vector::kPreshared);
  wire::HandshakeInitiation initiation;
  wire::HandshakeResponse response;

  PendingInitiation begin(const StaticKeys& from) {
    Tai64n timestamp;
    std::ranges::copy(unhex(vector::kTimestamp), timestamp.bytes.begin());
    return write_initiation(from, unhex_key<crypto::PrivateKey>(vector::kInitiatorEphemeral), timestamp,
                            vector::kInitiatorIndex, initiation);
  }
  TransportKeys answer(const AcceptedInitiation& accepted) {
    return write_response(responder, preshared, accepted, unhex_key<crypto::PrivateKey>(vector::kResponderEphemeral),
                          vector::kResponderIndex, response);
  }
};

TEST_F(Handshake, MatchesAnIndependentComputationByteForByte) {
  const auto pending = begin(initiator);
  EXPECT_EQ(bytes_with_mac1(initiation, responder.local_public), unhex(vector::kInitiation));

  const auto accepted = read_initiation(responder, initiation);
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->remote_index, vector::kInitiatorIndex);
  EXPECT_TRUE(std::ranges::equal(accepted->timestamp.bytes, unhex(vector::kTimestamp)));

  const auto theirs = answer(*accepted);
  EXPECT_EQ(bytes_with_mac1(response, initiator.local_public), unhex(vector::kResponse));
  const auto ours = read_response(initiator, preshared, pending, response);
  ASSERT_TRUE(ours);
  EXPECT_TRUE(std::ranges::equal(ours->send.bytes(), unhex(vector::kToResponder)));
  EXPECT_TRUE(std::ranges::equal(ours->receive.bytes(), unhex(vector::kToInitiator)));
  EXPECT_TRUE(std::ranges::equal(theirs.receive.bytes(), unhex(vector::kToResponder)));
  EXPECT_TRUE(std::ranges::equal(theirs.send.bytes(), unhex(vector::kToInitiator)));
}

TEST_F(Handshake, ItsKeysOpenAnIndependentlySealedPacket) {
  const auto packet = unhex(vector::kPacket);
  const auto header = wire::read_transport_header(packet);
  EXPECT_EQ(header.receiver, vector::kResponderIndex);
  ASSERT_EQ(header.counter, vector::kPacketCounter);
  std::string text(16, '\0');
  const auto key = unhex_key<crypto::DerivedKey>(vector::kToResponder);
  ASSERT_TRUE(crypto::aead_open(key, header.counter, {}, Bytes(packet).subspan(wire::kTransportHeaderSize),
                                {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}));
  EXPECT_EQ(text, "sixteen  letters");
}

TEST_F(Handshake, EveryFlippedBitOfAnInitiationIsRefused) {
  begin(initiator);
  for (std::size_t bit = 8 * 8; bit < 8 * wire::kMac1Offset<wire::HandshakeInitiation>; ++bit) {
    auto forged = initiation;
    reinterpret_cast<std::uint8_t*>(&forged)[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    // The top bit of a Curve25519 point is ignored by the curve, yet hashed: refused all the same.
    const auto result = read_initiation(responder, forged);
    ASSERT_FALSE(result) << "bit " << bit;
    EXPECT_FALSE(result.error().stranger);
  }
}

TEST_F(Handshake, EveryFlippedBitOfAResponseIsRefusedAndTheTrueOneStillTaken) {
  const auto pending = begin(initiator);
  answer(*read_initiation(responder, initiation));
  for (std::size_t bit = 12 * 8; bit < 8 * wire::kMac1Offset<wire::HandshakeResponse>; ++bit) {
    auto forged = response;
    reinterpret_cast<std::uint8_t*>(&forged)[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    ASSERT_FALSE(read_response(initiator, preshared, pending, forged)) << "bit " << bit;
  }
  EXPECT_TRUE(read_response(initiator, preshared, pending, response));
}

TEST_F(Handshake, AnotherPresharedKeyIsRefusedByTheInitiator) {
  const auto pending = begin(initiator);
  answer(*read_initiation(responder, initiation));
  EXPECT_FALSE(read_response(initiator, crypto::PresharedKey{}, pending, response));
}

TEST_F(Handshake, AStrangerIsNamedOnlyWhenItProvesItsKey) {
  const auto stranger = keys_of(vector::kResponderEphemeral, vector::kResponderPublic);
  begin(stranger);
  const auto result = read_initiation(responder, initiation);
  ASSERT_FALSE(result);
  ASSERT_TRUE(result.error().stranger);
  EXPECT_EQ(*result.error().stranger, stranger.local_public);

  initiation.timestamp[0] ^= 1;  // what needs the stranger's private key
  const auto forged = read_initiation(responder, initiation);
  ASSERT_FALSE(forged);
  EXPECT_FALSE(forged.error().stranger);
}

TEST_F(Handshake, PointsOfLowOrderAreRefusedEverywhere) {
  EXPECT_FALSE(StaticKeys::make(unhex_key<crypto::PrivateKey>(vector::kInitiatorPrivate), crypto::PublicKey{}));
  const auto pending = begin(initiator);
  answer(*read_initiation(responder, initiation));
  auto zero_point = initiation;
  zero_point.ephemeral = {};
  EXPECT_FALSE(read_initiation(responder, zero_point));
  auto zero_response = response;
  zero_response.ephemeral = {};
  EXPECT_FALSE(read_response(initiator, preshared, pending, zero_response));
}

}  // namespace
}  // namespace adit::noise
