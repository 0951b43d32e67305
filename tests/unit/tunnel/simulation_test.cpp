// SPDX-License-Identifier: MIT
// Long lives of a link in short tests. What must hold at every packet is checked by the World.
#include "world.h"

namespace adit::tunnel::test {
namespace {

constexpr std::uint64_t kStormsPerBlock = 250;

TEST(Simulation, AnHourOnAnHonestNetworkLosesNothing) {
  World world;
  world.connect();
  for (int second = 0; second < 3600; ++second) {
    world.send(world.a);
    world.send(world.b, 1400);
    world.run(1s);
  }
  EXPECT_EQ(world.b.delivered.size(), 3600u);
  EXPECT_EQ(world.a.delivered.size(), 3600u);
  // One handshake in two minutes, begun by the one who began the first.
  EXPECT_NEAR(static_cast<double>(world.a.count<HandshakeCompleted>()), 30, 2);
  EXPECT_LE(world.b.count<InitiationSent>(), 1u);
}

/// Blocks, so that ctest can spread them over cores.
class Storms : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, Storms, testing::Range<std::uint64_t>(0, 8));

TEST_P(Storms, AreSurvivedAndTheLinkAlwaysRecovers) {
  const auto first = GetParam() * kStormsPerBlock + 1;
  for (std::uint64_t seed = first; seed < first + kStormsPerBlock; ++seed) {
    World world(seed);
    auto& dice = world.random;
    world.network = {.loss = 0.01 * static_cast<double>(dice.below(50)),
                     .duplicate = 0.01 * static_cast<double>(dice.below(30)),
                     .corrupt = 0.01 * static_cast<double>(dice.below(20)),
                     .delay = 1ms * dice.below(200),
                     .jitter = 1ms * dice.below(400)};
    world.start(world.a);
    world.start(world.b, dice.chance(0.5));
    const auto turns = 40 + dice.below(60);
    for (std::uint64_t turn = 0; turn < turns; ++turn) {
      auto& host = dice.chance(0.5) ? world.a : world.b;
      switch (dice.below(12)) {
        case 0:  // replay anything ever heard, from anywhere, to anyone
          if (!world.overheard.empty()) {
            world.inject(host, *Endpoint::parse("203.0.113.66:6666"),
                         world.overheard[dice.below(world.overheard.size())].bytes);
          }
          break;
        case 1:  // an uplink goes away for a while
          world.run(1s * dice.below(300));
          break;
        case 2:  // a host gets another address
          host.address.port = static_cast<std::uint16_t>(1024 + dice.below(60'000));
          break;
        case 3:  // a clock is set
          host.clock_offset = 1s * dice.below(100'000) - 50'000s;
          break;
        case 4:  // a crash; what was on disk survives
          world.stop(host);
          world.start(host);
          break;
        default:
          for (auto burst = dice.below(5); burst > 0; --burst) world.send(host, 28 + dice.below(1300));
          world.run(1ms * dice.below(20'000));
      }
    }
    world.network = {};
    // Whoever still has the wrong idea of the other's address gets the right one, as a resolver would give it.
    world.a.tunnel->set_endpoint(world.b.address, world.now, world.outbox);
    world.transmit(world.a);
    // Data without an answer is noticed after 15 s; then one round trip makes a session.
    ASSERT_TRUE(world.passes(world.a, 20s)) << "seed " << seed;
    ASSERT_TRUE(world.passes(world.b, 20s)) << "seed " << seed;
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(Simulation, TwoEndsStartedAtOnceAreUpAfterOneRoundTripAndStayQuiet) {
  constexpr std::uint64_t kSeeds = 200;
  std::size_t calls = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    World world(seed);
    world.start(world.a);
    world.start(world.b);
    world.run(30ms);
    ASSERT_TRUE(world.both_up()) << "seed " << seed;
    world.run(60s);
    calls += world.a.count<InitiationSent>() + world.b.count<InitiationSent>();
    ASSERT_TRUE(world.passes(world.a, 1s));
    ASSERT_TRUE(world.passes(world.b, 1s));
  }
  // One handshake in each keepalive interval: whoever is first proves both ways for both, and they hardly ever begin
  // within a round trip.
  EXPECT_LE(calls, kSeeds * (2u + 2u) + kSeeds / 20);
}

TEST(Simulation, TwoEndsStartedAtOnceGoOnForHours) {
  World world(7);
  world.start(world.a);
  world.start(world.b);
  world.run(1s);
  for (int second = 0; second < 4 * 3600; second += 7) {
    world.send(world.a);
    world.send(world.b);
    world.run(7s);
  }
  EXPECT_EQ(world.a.delivered.size(), world.b.delivered.size());
  EXPECT_EQ(world.a.delivered.size(), 4u * 3600u / 7u + 1u);
}

TEST(Simulation, AnIdleLinkOnlyKeepsAlive) {
  World world;
  world.keepalive_b.reset();
  world.connect();
  world.run(110s);
  const auto before_a = world.a.datagrams_sent;
  const auto before_b = world.b.datagrams_sent;
  world.run(75s);  // one rekey falls into it
  // A keepalive each 25 s, and a handshake that shows that b hears a: an initiation and a packet of its session.
  EXPECT_LE(world.a.datagrams_sent - before_a, 9u);
  EXPECT_LE(world.b.datagrams_sent - before_b, 3u);
}

/// What link/health.h rests on, where the interval is longer than sessions live.
TEST(Simulation, AnIdleLinkHearsItsPeerOnceInAKeepaliveInterval) {
  for (const auto interval : {100s, 170s, 600s, 3600s}) {
    for (const bool echoes : {true, false}) {
      World world;
      world.keepalive_a = interval;
      world.keepalive_b.reset();
      world.b.echoes = echoes;
      world.connect();
      for (const auto end = world.now + 12 * interval; world.now < end; world.run(1s)) {
        const auto silence = world.now - world.a.tunnel->status().heard_at.value();
        ASSERT_LE(silence, interval + 20s) << interval.count() << " s";
      }
    }
  }
}

TEST(Simulation, KeepalivesAreNeverAnsweredByKeepalives) {
  World world;
  world.keepalive_a.reset();
  world.keepalive_b.reset();
  world.connect();
  world.send(world.a);
  world.run(30s);  // b answers the data with one keepalive after ten seconds, and there it ends
  const auto total = world.a.datagrams_sent + world.b.datagrams_sent;
  EXPECT_EQ(total, 5u);  // initiation, response, confirming keepalive, data, keepalive
  world.run(80s);
  EXPECT_EQ(world.a.datagrams_sent + world.b.datagrams_sent, total);
}

TEST(Simulation, AfterTenHoursOfSuspendTheLinkComesBackAtOnce) {
  World world;
  world.connect();
  world.now += 10h;  // nobody ran
  world.run(0s);
  EXPECT_TRUE(world.passes(world.a, 7s));
  EXPECT_TRUE(world.passes(world.b, 7s));
}

TEST(Simulation, WhatASuspendLeftToDoDoesNotUndoTheNewHandshake) {
  for (const bool awaited : {true, false}) {
    World world;
    world.keepalive_a.reset();
    world.keepalive_b.reset();
    world.connect();
    if (awaited) {
      world.network.loss = 1;
      world.send(world.a);
      world.network.loss = 0;
    }
    world.now += 10h;  // the wait for an answer and the life of all keys ended in sleep
    if (!awaited) world.send(world.a);
    world.run(100ms);
    EXPECT_TRUE(world.both_up()) << (awaited ? "a timer" : "a packet") << " began the handshake";
  }
}

TEST(Simulation, AttemptsNeverStopWhileThePeerIsAway) {
  World world;
  for (const bool keepalive : {true, false}) {
    if (!keepalive) world.keepalive_a.reset();
    world.start(world.a);
    world.run(24h);
    const auto attempts = world.a.count<InitiationSent>();
    // 18 in 90 seconds and a pause of up to 30: not fewer than the cycles give, not more than one in five seconds.
    EXPECT_GT(attempts, 24u * 3600 / 130 * 18);
    EXPECT_LT(attempts, 24u * 3600 / 5);
    EXPECT_GT(world.a.count<AttemptsExhausted>(), 500u);
    world.start(world.b, false);
    EXPECT_TRUE(world.run_until([&] { return world.both_up(); }, 40s));
    world.stop(world.b);
    world.a.events.clear();
  }
}

TEST(Simulation, AClockThatGoesBackDoesNotRefuseTheLink) {
  World world;
  world.connect();
  world.a.clock_offset = -24h;
  for (int minute = 0; minute < 10; ++minute) {
    ASSERT_TRUE(world.passes(world.a, 2s)) << minute;
    world.run(1min);
  }
  EXPECT_EQ(world.b.drops(DropReason::old_timestamp), 0u);
}

TEST(Simulation, ARestartWithTheClockSetBackWorksBecauseTheLastTimestampWasKept) {
  World world;
  world.connect();
  world.stop(world.a);
  world.a.clock_offset = -24h;
  world.start(world.a);
  EXPECT_TRUE(world.run_until([&] { return world.a.tunnel->has_session(world.now); }, 1s));
}

TEST(Simulation, ARestartWithTheClockSetBackAndNothingKeptIsRefusedAndNamed) {
  World world;
  world.connect();
  world.stop(world.a);
  world.a.clock_offset = -24h;
  world.a.saved_timestamp = {};
  world.start(world.a);
  world.run(1s);
  EXPECT_FALSE(world.a.tunnel->has_session(world.now));
  EXPECT_GT(world.b.drops(DropReason::old_timestamp), 0u);
}

TEST(Simulation, EitherEndRestartedIsBackAtOnce) {
  World world;
  world.connect();
  for (auto* host : {&world.a, &world.b, &world.a, &world.b}) {
    world.stop(*host);
    world.run(500ms);
    world.start(*host);
    ASSERT_TRUE(world.passes(*host, 2s));
    ASSERT_TRUE(world.passes(world.peer_of(*host), 2s));
  }
}

TEST(Simulation, APeerThatRestartedWithoutKnowingUsIsCalledWhenItsSilenceShows) {
  World world;
  world.connect();
  world.stop(world.b);
  world.start(world.b, false);
  EXPECT_TRUE(world.passes(world.a, 20s));
}

TEST(Simulation, ANatThatForgetsItsMappingIsFollowed) {
  World world;
  world.connect();
  for (std::uint16_t port = 3000; port < 3010; ++port) {
    world.a.address.port = port;
    // What b sends before it has heard from the new port goes to the old one and is lost.
    ASSERT_TRUE(world.passes(world.a, 1s));
    ASSERT_TRUE(world.passes(world.b, 1s));
    EXPECT_EQ(world.b.tunnel->path().remote, world.a.address);
  }
}

}  // namespace
}  // namespace adit::tunnel::test
