// SPDX-License-Identifier: MIT
// The five timers one by one, against a peer that behaves and one that is silent.
#include "world.h"

namespace adit::tunnel::test {
namespace {

const Endpoint kElsewhere = *Endpoint::parse("203.0.113.9:9999");

/// Without persistent keepalives, so that nothing is sent but what a test is about.
struct Timing : testing::Test {
  World world;
  Host& a = world.a;
  Host& b = world.b;

  void SetUp() override {
    world.keepalive_a.reset();
    world.keepalive_b.reset();
  }
  std::uint64_t sent_by(Host& host, Duration time) {
    const auto before = host.datagrams_sent;
    world.run(time);
    return host.datagrams_sent - before;
  }
  /// The longest silence between two datagrams of `host`.
  Duration longest_gap(const Host& host) const {
    Duration longest{};
    std::optional<Instant> last;
    for (const auto& flight : world.overheard) {
      if (flight.from != &host) continue;
      if (last) longest = std::max(longest, flight.arrives - *last);
      last = flight.arrives;
    }
    return longest;
  }
};

TEST_F(Timing, APersistentKeepaliveGoesOutWhenNothingElseDid) {
  world.keepalive_a = 10s;
  world.connect();
  EXPECT_EQ(sent_by(a, 9s), 0u);
  EXPECT_EQ(sent_by(a, 2s), 1u);
  EXPECT_EQ(sent_by(a, 10s), 1u);
}

TEST_F(Timing, TrafficPutsThePersistentKeepaliveOff) {
  world.keepalive_a = 25s;
  world.connect();
  for (int i = 0; i < 5; ++i) {
    world.run(20s);
    const auto before = a.datagrams_sent;
    world.send(a);
    EXPECT_EQ(a.datagrams_sent, before + 1);
  }
  EXPECT_EQ(a.tunnel->status().sent.packets, 5u);
  const auto is_keepalive = [&](const auto& flight) {
    return flight.from == &a && flight.bytes.size() == wire::kTransportOverhead;
  };
  EXPECT_EQ(std::ranges::count_if(world.overheard, is_keepalive), a.count<HandshakeCompleted>());
}

TEST_F(Timing, APersistentKeepaliveCutsEachPauseShort) {
  world.keepalive_a = 2s;
  world.start(a);
  world.run(10min);
  EXPECT_LE(longest_gap(a), 5s + kMaxJitter + 2s);
  EXPECT_GE(a.count<AttemptsExhausted>(), 5u);
}

TEST_F(Timing, AChangedKeepaliveIsShownAtOnceAndATurnedOffOneStops) {
  world.connect();
  const auto before = a.datagrams_sent;
  a.tunnel->set_keepalive(10s, world.now, world.outbox);
  world.transmit(a);
  EXPECT_EQ(a.datagrams_sent, before + 1);
  EXPECT_EQ(sent_by(a, 21s), 2u);
  a.tunnel->set_keepalive(std::nullopt, world.now, world.outbox);
  world.transmit(a);
  EXPECT_EQ(sent_by(a, 60s), 0u);
}

TEST_F(Timing, KeepalivesAloneRenewTheSession) {
  world.keepalive_a = 25s;
  world.connect();
  world.run(130s);
  EXPECT_GE(a.count<HandshakeCompleted>(), 2u);
  EXPECT_EQ(b.count<InitiationSent>(), 0u);
}

TEST_F(Timing, DataIsAcknowledgedByOneKeepaliveAndMoreDataByOneMore) {
  world.connect();
  world.send(b);
  world.run(1s);
  world.send(b);
  EXPECT_EQ(sent_by(a, 8500ms), 0u);
  EXPECT_EQ(sent_by(a, 1s), 1u);
  EXPECT_EQ(sent_by(a, 10s), 1u);
  EXPECT_EQ(sent_by(a, 60s), 0u);
}

TEST_F(Timing, DataSentBackSavesTheKeepalive) {
  world.connect();
  world.send(b);
  world.run(1s);
  world.send(a);
  EXPECT_EQ(sent_by(a, 30s), 0u);
}

TEST_F(Timing, AnAnswerEndsTheWaitForIt) {
  world.connect();
  world.send(a);
  EXPECT_TRUE(a.tunnel->status().unanswered_at);
  world.run(11s);
  EXPECT_FALSE(a.tunnel->status().unanswered_at);
  world.run(20s);
  EXPECT_EQ(a.count<InitiationSent>(), 1u);
}

TEST_F(Timing, AnInitiatorThatOnlyReceivesRenewsBeforeTheEndEachTime) {
  world.connect();
  for (std::size_t round = 1; round <= 3; ++round) {
    EXPECT_EQ(a.count<InitiationSent>(), round);
    world.run(166s);
    world.send(b);
    world.run(100ms);
    EXPECT_EQ(a.count<InitiationSent>(), round + 1) << "the session has 14 s left";
  }
  EXPECT_EQ(a.delivered.size(), 3u);
  EXPECT_EQ(b.count<InitiationSent>(), 0u);
}

TEST_F(Timing, AResponderThatReceivesLeavesTheRenewalToTheInitiator) {
  world.connect();
  world.run(166s);
  world.send(a);
  world.run(100ms);
  EXPECT_EQ(a.count<HandshakeCompleted>(), 2u);
  EXPECT_EQ(b.count<InitiationSent>(), 0u);
}

TEST_F(Timing, APacketCutsThePauseBetweenCyclesShort) {
  world.start(a);
  ASSERT_TRUE(world.run_until([&] { return a.count<AttemptsExhausted>() == 1; }, 100s));
  world.run(10s);
  const auto before = a.datagrams_sent;
  world.send(a);
  EXPECT_EQ(a.datagrams_sent, before + 1);
}

TEST_F(Timing, PacketsNeitherHurryNorProlongARunningCycle) {
  world.start(a);
  for (int i = 0; i < 960; ++i) {
    world.send(a);
    world.run(100ms);
  }
  EXPECT_EQ(a.count<AttemptsExhausted>(), 1u);
  EXPECT_EQ(a.count<InitiationSent>(), kAttemptsPerCycle + 1);
}

TEST_F(Timing, ACompletedHandshakeEndsTheCycle) {
  world.start(a);
  ASSERT_TRUE(world.run_until([&] { return a.count<InitiationSent>() == kAttemptsPerCycle - 1; }, 90s));
  world.start(b, false);
  ASSERT_TRUE(world.run_until([&] { return world.both_up(); }, 6s));
  EXPECT_EQ(a.tunnel->status().attempts, 0u);
  world.stop(b);
  world.run(181s);
  a.tunnel->set_endpoint(b.address, world.now, world.outbox);
  world.transmit(a);
  EXPECT_EQ(sent_by(a, 33s), 6u) << "a new cycle has all its attempts";
}

TEST_F(Timing, SilenceAfterDataLetsTheKernelChooseTheSourceAgain) {
  world.connect();
  ASSERT_FALSE(a.tunnel->path().local.is_none());
  world.network.loss = 1;
  world.send(a);
  world.run(11s);
  EXPECT_FALSE(a.tunnel->path().local.is_none());
  world.run(1s);
  EXPECT_TRUE(a.tunnel->path().local.is_none());
}

TEST_F(Timing, AnUnansweredInitiationLetsTheKernelChooseTheSourceAgain) {
  world.keepalive_a = 25s;
  world.connect();
  ASSERT_TRUE(world.run_until([&] { return a.count<HandshakeCompleted>() == 2; }, 30s));
  world.network.loss = 1;
  ASSERT_TRUE(world.run_until([&] { return a.count<InitiationSent>() == 3; }, 30s));
  EXPECT_FALSE(a.tunnel->path().local.is_none());
  world.run(5s + kMaxJitter);
  EXPECT_TRUE(a.tunnel->path().local.is_none());
}

/// Whether that address can still be used is known to whoever looks at the network (link/upkeep.cpp).
TEST_F(Timing, TryingNowKeepsToTheSource) {
  world.connect();
  ASSERT_FALSE(a.tunnel->path().local.is_none());
  a.tunnel->retry_now(world.now, world.outbox);
  EXPECT_FALSE(a.tunnel->path().local.is_none());
  EXPECT_EQ(world.outbox.path, a.tunnel->path());
  ASSERT_EQ(world.outbox.packets.size(), 1u);
  EXPECT_TRUE(world.outbox.handshakes.empty()) << "the session at hand is good";
  world.transmit(a);
}

TEST_F(Timing, WithTheKeysAnUnansweredInitiationIsForgotten) {
  world.network.loss = 1;
  world.start(a);
  world.start(b);
  const auto from_a = world.overheard.at(0).bytes;
  const auto from_b = world.overheard.at(1).bytes;
  const auto last = [&] { return world.overheard.back().bytes; };
  world.inject(b, a.address, from_a);
  const auto withheld = last();
  world.inject(a, b.address, from_b);
  world.inject(b, a.address, last());
  world.inject(a, b.address, last());  // b's first packet: its session is a's current one
  ASSERT_TRUE(world.both_up());
  world.run(3 * 180s + 1s);
  const auto unknown = a.drops(DropReason::unknown_index);
  world.inject(a, b.address, withheld);
  EXPECT_EQ(a.drops(DropReason::unknown_index), unknown + 1);
  EXPECT_FALSE(a.tunnel->has_session(world.now));
}

}  // namespace
}  // namespace adit::tunnel::test
