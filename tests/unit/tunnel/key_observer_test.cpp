// SPDX-License-Identifier: MIT
#include "tunnel/key_observer.h"

#include <gtest/gtest.h>

#include "tunnel/world.h"

namespace adit::tunnel {
namespace {

using namespace test;

/// Has the public halves of what it was shown, and how often it was shown which preshared key.
class Observer final : public KeyObserver {
 public:
  void handshake_keys(const crypto::PrivateKey& ephemeral, const crypto::PresharedKey& preshared) override {
    ephemerals.push_back(crypto::public_key_of(ephemeral));
    preshared_keys.push_back(preshared.bytes()[0]);
  }
  std::vector<crypto::PublicKey> ephemerals;
  std::vector<int> preshared_keys;
};

/// The ephemeral keys in all handshake messages that `host` has sent.
std::vector<crypto::PublicKey> sent_by(const World& world, const Host& host) {
  std::vector<crypto::PublicKey> keys;
  for (const auto& flight : world.overheard) {
    if (flight.from != &host) continue;
    if (flight.bytes.size() == sizeof(wire::HandshakeInitiation)) {
      keys.push_back({wire::read_message<wire::HandshakeInitiation>(flight.bytes).ephemeral});
    } else if (flight.bytes.size() == sizeof(wire::HandshakeResponse)) {
      keys.push_back({wire::read_message<wire::HandshakeResponse>(flight.bytes).ephemeral});
    }
  }
  return keys;
}

crypto::PresharedKey preshared(std::uint8_t byte) {
  crypto::PresharedKey key;
  std::ranges::fill(key.writable(), byte);
  return key;
}

TEST(KeyObserver, SeesEveryHandshakeOfBothRolesRenewalsIncluded) {
  World world;
  Observer a;
  Observer b;
  world.start(world.a);
  world.start(world.b, false);
  world.a.tunnel->set_key_observer(&a);
  world.b.tunnel->set_key_observer(&b);
  ASSERT_TRUE(world.run_until([&] { return world.both_up(); }, 1s));
  for (int i = 0; i < 600; ++i) {
    world.send(world.a);
    world.send(world.b);
    world.run(1s);
  }
  EXPECT_GE(a.ephemerals.size(), 4);
  EXPECT_GE(b.ephemerals.size(), 4);
  // The first call went out before anybody was looking.
  const auto from_a = sent_by(world, world.a);
  EXPECT_EQ(a.ephemerals, std::vector(from_a.end() - static_cast<std::ptrdiff_t>(a.ephemerals.size()), from_a.end()));
  EXPECT_EQ(b.ephemerals, sent_by(world, world.b));
}

TEST(KeyObserver, SeesThePresharedKeyThatTheSessionIsMadeWith) {
  World world;
  Observer a;
  world.preshared_a = preshared(1);
  world.preshared_b = preshared(2);
  world.start(world.a);
  world.start(world.b, false);
  world.a.tunnel->set_key_observer(&a);
  world.run(7s);
  ASSERT_FALSE(world.both_up());
  ASSERT_FALSE(a.preshared_keys.empty());
  EXPECT_EQ(a.preshared_keys.back(), 1);
  // Replaced while an answer is awaited, it is the new one that the answer is read with.
  world.a.tunnel->set_preshared_key(preshared(2));
  EXPECT_EQ(a.preshared_keys.back(), 2);
  EXPECT_EQ(a.ephemerals.back(), sent_by(world, world.a).back());
}

TEST(KeyObserver, NobodyLooksAnyMoreWhenItIsTakenAway) {
  World world;
  Observer a;
  world.start(world.b, false);
  world.start(world.a, false);
  world.a.tunnel->set_key_observer(&a);
  world.a.tunnel->set_key_observer(nullptr);
  world.a.tunnel->set_endpoint(world.b.address, world.now, world.outbox);
  world.transmit(world.a);
  ASSERT_TRUE(world.run_until([&] { return world.both_up(); }, 1s));
  EXPECT_TRUE(a.ephemerals.empty());
}

}  // namespace
}  // namespace adit::tunnel
