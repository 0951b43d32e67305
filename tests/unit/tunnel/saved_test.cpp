// SPDX-License-Identifier: MIT
#include "tunnel/saved.h"

#include "world.h"

namespace adit::tunnel::test {
namespace {

/// A successor for the host's tunnel, which has handed over and is gone.
bool replace(World& world, Host& host) {
  SavedTunnelHolder holder;
  host.tunnel->hand_over(holder.saved);
  EXPECT_FALSE(host.tunnel->has_session(world.now)) << "what was handed over is used by one only";
  world.stop(host);
  world.start(host, false);
  return host.tunnel->take_over(holder.saved, world.now);
}

/// The world checks all the while that no nonce is used twice and nothing is delivered twice.
TEST(SavedTunnel, ASessionGoesOnInItsSuccessorAsIfNothingHadHappened) {
  World world;
  world.connect();
  const auto handshakes = world.a.count<HandshakeCompleted>();
  std::size_t sent = 0;
  for (int round = 0; round < 50; ++round) {
    for (auto* host : {&world.a, &world.b}) {
      for (int i = 0; i < 7; ++i) world.send(*host);
      sent += 7;
    }
    if (round % 3 != 1) world.run(50ms);  // else packets are on their way meanwhile
    ASSERT_TRUE(replace(world, round % 2 == 0 ? world.a : world.b));
  }
  world.run(1s);
  EXPECT_EQ(world.a.delivered.size() + world.b.delivered.size(), sent);
  EXPECT_EQ(world.a.count<HandshakeCompleted>(), handshakes);
  EXPECT_EQ(world.b.drops(DropReason::replayed), 0u);
  EXPECT_EQ(world.b.tunnel->status().received.packets, sent / 2) << "counters go on";
}

TEST(SavedTunnel, TimersGoOnToo) {
  World world;
  world.connect();
  ASSERT_TRUE(replace(world, world.a));
  world.run(115s);
  ASSERT_TRUE(replace(world, world.a));
  ASSERT_TRUE(replace(world, world.b));
  const auto before = world.a.count<HandshakeCompleted>();
  world.run(20s);
  world.send(world.a);
  world.run(20s);
  EXPECT_GT(world.a.count<HandshakeCompleted>(), before) << "rekeyed in time";
  EXPECT_TRUE(world.passes(world.b, 5s));
}

/// Datagrams of `host` in so much time without packets to send.
std::uint64_t sent_in_silence(World& world, Host& host, Duration time) {
  const auto before = host.datagrams_sent;
  world.run(time);
  return host.datagrams_sent - before;
}

/// Both ends connected, silent since so long that only the persistent keepalive of `host` a may still make a sound.
struct SilentWorld : World {
  explicit SilentWorld(std::optional<Duration> keepalive) {
    keepalive_a = keepalive;
    keepalive_b = std::nullopt;
    connect();
    run(20s);
  }
};

TEST(SavedTunnel, AKeepaliveThatIsSwitchedOnBetweenTwoRunsBeginsOnAnIdleLink) {
  SilentWorld world(std::nullopt);
  ASSERT_EQ(sent_in_silence(world, world.a, 30s), 0u);
  world.keepalive_a = 10s;
  ASSERT_TRUE(replace(world, world.a));
  EXPECT_EQ(sent_in_silence(world, world.a, 25s), 3u) << "at once, and after 10 s and 20 s";
}

TEST(SavedTunnel, AKeepaliveThatIsSwitchedOffBetweenTwoRunsEnds) {
  SilentWorld world(10s);
  ASSERT_GT(sent_in_silence(world, world.a, 20s), 0u);
  world.keepalive_a = std::nullopt;
  ASSERT_TRUE(replace(world, world.a));
  EXPECT_EQ(sent_in_silence(world, world.a, 60s), 0u);
}

TEST(SavedTunnel, AKeepaliveWithAnotherIntervalDoesNotWaitForTheEndOfTheOldOne) {
  SilentWorld world(60s);
  world.keepalive_a = 10s;
  ASSERT_TRUE(replace(world, world.a));
  EXPECT_EQ(sent_in_silence(world, world.a, 25s), 3u);
}

TEST(SavedTunnel, AKeepaliveThatStaysKeepsItsTime) {
  SilentWorld world(25s);
  const auto due = world.a.tunnel->deadline();
  ASSERT_GT(due, world.now);
  ASSERT_TRUE(replace(world, world.a));
  EXPECT_EQ(world.a.tunnel->deadline(), due);
}

TEST(SavedTunnel, WhatWaitedForASessionIsCountedAsDroppedInTheSuccessor) {
  World world;
  world.connect();
  Outbox out;
  world.a.tunnel->forget_sessions(world.now, out);
  world.send(world.a);
  world.send(world.a);
  ASSERT_EQ(world.a.drops(DropReason::no_session_timeout), 0u);
  ASSERT_TRUE(replace(world, world.a));
  EXPECT_EQ(world.a.drops(DropReason::no_session_timeout), 2u);
}

TEST(SavedTunnel, AReplayedPacketIsKnownInTheSuccessor) {
  World world;
  world.connect();
  world.send(world.a);
  world.run(100ms);
  const auto heard = world.overheard.back();
  ASSERT_TRUE(replace(world, world.b));
  world.inject(world.b, world.a.address, heard.bytes);
  EXPECT_EQ(world.b.drops(DropReason::replayed), 1u);
}

TEST(SavedTunnel, AnOldInitiationIsRefusedByTheSuccessor) {
  World world;
  world.connect();
  Buffer initiation;
  for (const auto& flight : world.overheard) {
    if (flight.bytes[0] == 1 && flight.from == &world.a) initiation = flight.bytes;
  }
  ASSERT_TRUE(replace(world, world.b));
  world.run(1s);
  world.inject(world.b, Endpoint::parse("203.0.113.9:9").value(), initiation);
  EXPECT_EQ(world.b.drops(DropReason::old_timestamp), 1u);
}

TEST(SavedTunnel, OneOfOtherKeysIsNotTaken) {
  World world;
  world.connect();
  SavedTunnelHolder holder;
  world.a.tunnel->hand_over(holder.saved);
  EXPECT_FALSE(world.b.tunnel->take_over(holder.saved, world.now));
  EXPECT_TRUE(world.b.tunnel->has_session(world.now)) << "and harms nothing";
}

}  // namespace
}  // namespace adit::tunnel::test
