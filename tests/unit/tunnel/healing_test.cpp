// SPDX-License-Identifier: MIT
// Ways that die in one direction, several ways to one peer, and what lay about while a host was suspended.
#include <array>

#include "world.h"

namespace adit::tunnel::test {
namespace {

constexpr std::uint64_t kSeeds = 300;
constexpr std::uint64_t kStorms = 1000;

/// b has two addresses, and either way may be dead in either direction.
struct TwoWays {
  explicit TwoWays(std::uint64_t seed = 1) : world(seed) {
    world.b.more = {second};
    world.swallows = [this](const World::Flight& flight) {
      const bool from_a = flight.from == &world.a;
      const bool by_second = (from_a ? flight.to : flight.path.remote) == second;
      return from_a ? dead_to_b[by_second] : dead_from_b[by_second];
    };
  }
  void call_also(const Endpoint& there, bool rather) {
    a.tunnel->try_also(there, rather);
    world.run(0ms);
  }
  void kill(bool by_second, bool dead = true) { dead_to_b[by_second] = dead_from_b[by_second] = dead; }

  World world;
  Host& a = world.a;
  Host& b = world.b;
  Endpoint first = world.b.address;
  Endpoint second = *Endpoint::parse("203.0.113.2:2000");
  std::array<bool, 2> dead_to_b{};
  std::array<bool, 2> dead_from_b{};
};

/// As the state of a link sees it (link/health.h).
bool shows_that_nothing_arrives(const World& world, const Host& host) {
  const auto& status = host.tunnel->status();
  return status.attempts >= 3 && world.now - *status.reached_at >= 40s;
}

TEST(Healing, OneWayDeathShowsOnAnIdleLinkThoughKeepalivesComeIn) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    World world(seed);
    world.network.delay = 1ms * world.random.below(200);
    world.connect();
    world.run(1ms * world.random.below(200'000));
    world.swallows = [&](const World::Flight& flight) { return flight.from == &world.a; };
    ASSERT_TRUE(world.run_until([&] { return shows_that_nothing_arrives(world, world.a); }, 45s)) << "seed " << seed;
    ASSERT_TRUE(world.run_until([&] { return shows_that_nothing_arrives(world, world.b); }, 5s)) << "seed " << seed;
    world.swallows = nullptr;
    ASSERT_TRUE(world.passes(world.a, 20s)) << "seed " << seed;
    ASSERT_TRUE(world.passes(world.b, 20s)) << "seed " << seed;
  }
}

TEST(Healing, OneWayDeathShowsThoughDataComesInAllTheTime) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    World world(seed);
    world.connect();
    for (auto seconds = world.random.below(150); seconds > 0; --seconds) {
      world.send(world.a);
      world.send(world.b);
      world.run(1s);
    }
    world.swallows = [&](const World::Flight& flight) { return flight.from == &world.a; };
    int seconds = 0;
    for (; seconds < 60 && !shows_that_nothing_arrives(world, world.a); ++seconds) {
      world.send(world.a);
      world.send(world.b);
      world.run(1s);
    }
    ASSERT_LE(seconds, 45) << "seed " << seed;
  }
}

/// Both ends can ask inside the session, as the addresses of the usual link allow.
void let_ask(World& world) {
  for (auto* host : {&world.a, &world.b}) {
    const std::array ours{*IpNetwork::parse(std::string(host->inner) + "/30")};
    host->tunnel->set_probe_ends(find_probe_ends(ours, {}));
  }
}

TEST(Healing, AnIdleLinkIsProvenInsideTheSessionAndBeginsNoOther) {
  World world;
  world.connect();
  let_ask(world);
  const auto before = world.a.datagrams_sent + world.b.datagrams_sent;
  world.run(110s);
  EXPECT_EQ(world.a.count<InitiationSent>() + world.b.count<InitiationSent>(), 1u);
  EXPECT_LE(world.now - *world.a.tunnel->status().reached_at, kProofAge + 1s);
  // A question, its answer, and the packet that says so ten seconds later.
  EXPECT_LE(world.a.datagrams_sent + world.b.datagrams_sent - before, 110u / 25 * 3 + 3);
}

TEST(Healing, OneWayDeathShowsInTimeWhereTheEndsAskInsideTheSessionToo) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    World world(seed);
    world.network.delay = 1ms * world.random.below(200);
    world.connect();
    let_ask(world);
    world.run(1ms * world.random.below(200'000));
    auto& sender = world.random.chance(0.5) ? world.a : world.b;
    world.swallows = [&](const World::Flight& flight) { return flight.from == &sender; };
    ASSERT_TRUE(world.run_until([&] { return shows_that_nothing_arrives(world, sender); }, 45s)) << "seed " << seed;
    world.swallows = nullptr;
    ASSERT_TRUE(world.passes(world.a, 20s)) << "seed " << seed;
    ASSERT_TRUE(world.passes(world.b, 20s)) << "seed " << seed;
  }
}

TEST(Healing, APeerThatAnswersNoQuestionsIsNotAskedForEver) {
  World world;
  world.a.echoes = world.b.echoes = false;
  world.connect();
  let_ask(world);
  world.run(30min);
  EXPECT_EQ(world.a.tunnel->status().probes.asked, kVainQuestions);
  EXPECT_LE(world.now - *world.a.tunnel->status().reached_at, 30s) << "handshakes show it";
}

TEST(Healing, AnOutageIsNoReasonToAskNoMore) {
  World world;
  world.connect();
  let_ask(world);
  for (int outage = 0; outage < 5; ++outage) {
    world.network.loss = 1;
    world.run(5min);
    world.network.loss = 0;
    world.run(5min);
  }
  const auto& probes = world.a.tunnel->status().probes;
  const auto& others = world.b.tunnel->status().probes;
  EXPECT_GE(probes.answered + others.answered, 5u * 8);
}

TEST(Healing, TrafficBothWaysNeedsNoProofOfItsOwn) {
  World world;
  world.connect();
  for (int second = 0; second < 110; ++second) {
    world.send(world.a);
    world.send(world.b);
    world.run(1s);
  }
  EXPECT_EQ(world.a.count<InitiationSent>() + world.b.count<InitiationSent>(), 1u);
}

TEST(Healing, NorDoesTrafficOneWayWhoseEmptyAnswersComeInTime) {
  World world;
  world.keepalive_b.reset();
  world.connect();
  for (int second = 0; second < 110; ++second) {
    world.send(world.a);
    world.run(1s);
  }
  EXPECT_EQ(world.a.count<InitiationSent>(), 1u);
}

TEST(Healing, ALinkWithoutKeepalivesIsLeftInPeaceWhenItsTrafficHasEnded) {
  World world;
  world.keepalive_a = world.keepalive_b = std::nullopt;
  world.connect();
  for (int second = 0; second < 20; ++second) {
    world.send(world.a);
    world.send(world.b);
    world.run(1s);
  }
  world.run(15s);
  const auto before = world.a.datagrams_sent + world.b.datagrams_sent;
  world.run(24h);
  EXPECT_EQ(world.a.datagrams_sent + world.b.datagrams_sent, before);
}

TEST(Healing, APeerThatCameBackWithAnotherPresharedKeyShows) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    World world(seed);
    world.connect();
    world.run(1ms * world.random.below(100'000));
    world.stop(world.b);
    std::array<std::uint8_t, 32> bytes{};
    bytes.fill(7);
    world.preshared_b = crypto::PresharedKey(bytes);
    world.start(world.b);
    ASSERT_TRUE(world.run_until([&] { return shows_that_nothing_arrives(world, world.a); }, 45s)) << "seed " << seed;
    ASSERT_EQ(world.a.tunnel->status().problem.value().reason, DropReason::unverified_response);
  }
}

TEST(Healing, TheFirstAnswerWinsAndThePreferredOneTakesOver) {
  for (const bool rather : {false, true}) {
    TwoWays ways;
    auto& world = ways.world;
    world.network.delay = 150ms;
    world.start(ways.b, false);
    world.start(ways.a);
    world.run(250ms);
    ways.call_also(ways.second, rather);  // while the answer from the first is on its way
    ASSERT_TRUE(world.run_until([&] { return world.both_up(); }, 1s));
    world.run(1s);
    EXPECT_EQ(ways.a.tunnel->path().remote, rather ? ways.second : ways.first);
    EXPECT_TRUE(world.passes(ways.a, 5s));
    EXPECT_TRUE(world.passes(ways.b, 5s));
    EXPECT_EQ(ways.a.tunnel->status().endpoint_source, EndpointSource::configured);
  }
}

TEST(Healing, ADeadFirstEndpointIsLeftForOneThatAnswers) {
  TwoWays ways;
  ways.kill(false);
  ways.world.start(ways.b, false);
  ways.world.start(ways.a);
  ways.call_also(ways.second, false);
  ASSERT_TRUE(ways.world.run_until([&] { return ways.world.both_up(); }, 1s));
  EXPECT_EQ(ways.a.tunnel->path().remote, ways.second);
}

TEST(Healing, GoingBackToThePreferredOneLosesNothing) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    TwoWays ways(seed);
    auto& world = ways.world;
    world.network = {.delay = 1ms * world.random.below(100), .jitter = 1ms * world.random.below(30)};
    ways.kill(false);
    world.start(ways.b, false);
    world.start(ways.a);
    ways.call_also(ways.second, false);
    ASSERT_TRUE(world.run_until([&] { return world.both_up(); }, 1s));
    world.run(1s);
    ways.kill(false, false);
    for (int i = 0; i < 500; ++i) {
      if (i == 100) ways.call_also(ways.first, true);
      world.send(ways.a);
      world.send(ways.b);
      world.run(10ms);
    }
    world.run(1s);
    ASSERT_EQ(ways.a.tunnel->path().remote, ways.first) << "seed " << seed;
    ASSERT_EQ(ways.b.tunnel->path().local, ways.first.address) << "seed " << seed;
    ASSERT_EQ(ways.a.delivered.size(), 500u) << "seed " << seed;
    ASSERT_EQ(ways.b.delivered.size(), 500u) << "seed " << seed;
    ASSERT_LE(ways.a.count<EndpointMoved>(), 2u) << "seed " << seed;
  }
}

/// b's packets go on coming by a way on which it hears nothing.
TEST(Healing, AWayThatIsDeadInOneDirectionDoesNotDrawUsBack) {
  TwoWays ways;
  auto& world = ways.world;
  world.connect();
  ways.dead_to_b[0] = true;
  world.send(ways.b);
  ways.call_also(ways.second, false);
  for (int i = 0; i < 20; ++i) {
    world.send(ways.b);
    world.run(1ms);
  }
  world.run(1s);
  EXPECT_EQ(ways.a.tunnel->path().remote, ways.second);
  EXPECT_TRUE(world.passes(ways.a, 1s));
  EXPECT_TRUE(world.passes(ways.b, 1s));
  EXPECT_EQ(ways.a.delivered.size(), 22u);
}

TEST(Healing, APeerThatGoesOnFromElsewhereIsFollowedAsEver) {
  TwoWays ways;
  ways.world.connect();
  ways.call_also(ways.second, true);
  ways.world.run(1s);
  ASSERT_EQ(ways.a.tunnel->path().remote, ways.second);
  ways.b.more.clear();
  ways.b.address = *Endpoint::parse("198.51.100.77:7777");
  ASSERT_TRUE(ways.world.passes(ways.b, 5s));
  EXPECT_EQ(ways.a.tunnel->path().remote, ways.b.address);
}

/// Whoever calls does what a caller would, at any time and as wrongly as can be; then all ways but one die.
TEST(Healing, WhateverIsTriedWhileWaysComeAndGoTheOneThatLivesIsFound) {
  for (std::uint64_t seed = 1; seed <= kStorms; ++seed) {
    TwoWays ways(seed);
    auto& world = ways.world;
    auto& dice = world.random;
    world.network = {.loss = 0.01 * static_cast<double>(dice.below(20)),
                     .duplicate = 0.01 * static_cast<double>(dice.below(20)),
                     .delay = 1ms * dice.below(300),
                     .jitter = 1ms * dice.below(200)};
    world.start(ways.a);
    world.start(ways.b, dice.chance(0.5));
    for (auto turns = 20 + dice.below(30); turns > 0; --turns) {
      const bool which = dice.chance(0.5);
      switch (dice.below(8)) {
        case 0:
          ways.dead_to_b[which] = !ways.dead_to_b[which];
          break;
        case 1:
          ways.dead_from_b[which] = !ways.dead_from_b[which];
          break;
        case 2:
        case 3:
          ways.call_also(which ? ways.second : ways.first, dice.chance(0.5));
          break;
        case 4:
          if (!world.overheard.empty()) {
            world.inject(which ? ways.a : ways.b, *Endpoint::parse("203.0.113.66:6666"),
                         world.overheard[dice.below(world.overheard.size())].bytes);
          }
          break;
        default:
          for (auto burst = dice.below(5); burst > 0; --burst) world.send(which ? ways.a : ways.b);
          world.run(1ms * dice.below(20'000));
      }
    }
    const bool alive = dice.chance(0.5);
    ways.kill(alive, false);
    ways.kill(!alive);
    world.network = {};
    bool found = false;
    // As Endpoints do while calls go unanswered: the other ones, once in five seconds.
    for (int second = 0; second < 60 && !found; ++second) {
      if (second % 5 == 0) ways.call_also(alive ? ways.second : ways.first, false);
      const std::array before{ways.a.delivered.size(), ways.b.delivered.size()};
      world.send(ways.a);
      world.send(ways.b);
      world.run(1s);
      found = ways.a.delivered.size() > before[0] && ways.b.delivered.size() > before[1];
    }
    ASSERT_TRUE(found) << "seed " << seed;
    ASSERT_TRUE(world.passes(ways.a, 20s)) << "seed " << seed;
    ASSERT_TRUE(world.passes(ways.b, 20s)) << "seed " << seed;
    if (testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

/// A host that is stopped answers nothing; all that was sent to it meanwhile lies there when it goes on.
TEST(Healing, AfterALongStopTheNewestOfTheCallsThatLieThereIsAnswered) {
  for (const Duration stopped : {30s, 100s, 200s, 600s}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      World world(seed);
      world.connect();
      world.run(1ms * world.random.below(100'000));
      auto& b = world.b;
      auto suspended = std::move(b.tunnel);
      std::vector<World::Flight> queue;
      world.swallows = [&](const World::Flight& flight) {
        if (flight.from == &world.a && queue.size() < 250) queue.push_back(flight);
        return true;
      };
      for (const auto end = world.now + stopped; world.now < end;) {
        world.send(world.a);
        world.run(1s);
      }
      world.swallows = nullptr;
      b.tunnel = std::move(suspended);
      for (const auto& flight : queue) world.inject(b, flight.path.remote, flight.bytes);
      ASSERT_TRUE(world.passes(world.b, 2s)) << "seed " << seed;
      ASSERT_TRUE(world.passes(world.a, 2s)) << "seed " << seed;
    }
  }
}

TEST(Healing, AClockThatGoesForwardAYearAndBackCostsNoMoreThanAHandshake) {
  for (auto* const which : {"a", "b"}) {
    World world;
    world.connect();
    auto& host = which[0] == 'a' ? world.a : world.b;
    for (const Duration offset : {24h * 365, -1h, 0h, -24h * 365}) {
      host.clock_offset = offset;
      for (int second = 0; second < 200; ++second) {
        world.send(world.a);
        world.send(world.b);
        world.run(1s);
      }
    }
    world.run(1s);
    EXPECT_EQ(world.a.delivered.size(), 800u);
    EXPECT_EQ(world.b.delivered.size(), 800u);
    EXPECT_EQ(world.a.drops(DropReason::old_timestamp) + world.b.drops(DropReason::old_timestamp), 0u);
  }
}

TEST(Healing, AStreamThatBrokeOffIsAnsweredByOnePacketSoThatANatLearnsUsAnew) {
  World world;
  world.connect();
  for (int i = 0; i < 50; ++i) {
    world.send(world.b);
    world.send(world.a);
    world.run(200ms);
  }
  world.a.address.port = 4711;  // what b sends to the old one is lost from here on
  for (int i = 0; i < 25 && world.b.tunnel->path().remote != world.a.address; ++i) {
    world.send(world.b);
    world.run(200ms);
  }
  EXPECT_EQ(world.b.tunnel->path().remote, world.a.address);
  EXPECT_TRUE(world.passes(world.b, 100ms));
}

}  // namespace
}  // namespace adit::tunnel::test
