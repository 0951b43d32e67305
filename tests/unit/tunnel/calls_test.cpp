// SPDX-License-Identifier: MIT
// Where the peer is called and found, and how often.
#include "link.h"

namespace adit::tunnel::test {
namespace {

TEST_F(Link, RoamsOnAuthenticDataButNotOnForgedOrReplayed) {
  world.connect();
  const auto good = sealed(a, 60, {});
  auto forged = sealed(a, 61, {});
  forged.back() ^= 1;
  world.inject(b, kElsewhere, forged);
  EXPECT_EQ(b.tunnel->path().remote, a.address);
  world.inject(b, kElsewhere, good);
  EXPECT_EQ(b.tunnel->path().remote, kElsewhere);
  EXPECT_EQ(b.tunnel->status().endpoint_source, EndpointSource::learned);
  world.inject(b, a.address, good);
  EXPECT_EQ(b.tunnel->path().remote, kElsewhere) << "a replayed packet moved the endpoint";
}

TEST_F(Link, AnAnswerFromWhereThePeerIsMakesNoChoiceOfOursOfIt) {
  world.connect();
  b.more = {b.address};
  b.address = kElsewhere;
  world.inject(a, kElsewhere, sealed(b, 60, {}));
  ASSERT_EQ(a.tunnel->status().endpoint_source, EndpointSource::learned);
  const auto before = a.tunnel->status().handshake_at;
  world.run(121s);
  ASSERT_TRUE(world.passes(a, 5s));
  world.run(1s);
  ASSERT_GT(a.tunnel->status().handshake_at, before);
  EXPECT_EQ(a.tunnel->path().remote, kElsewhere);
  EXPECT_EQ(a.tunnel->status().endpoint_source, EndpointSource::learned);
  a.tunnel->try_also(b.more.front(), true);
  world.run(1s);
  EXPECT_EQ(a.tunnel->path().remote, b.more.front());
  EXPECT_EQ(a.tunnel->status().endpoint_source, EndpointSource::configured) << "that one we chose";
}

/// A host whose uplink has lost its address sends from the one it has inside.
TEST_F(Link, FollowsNobodyIntoTheTunnel) {
  world.connect();
  b.tunnel->set_inner(std::array{*IpNetwork::parse("10.9.0.0/30")});
  const auto received = b.tunnel->status().wire.received;
  world.inject(b, *Endpoint::parse("10.9.0.1:51820"), sealed(a, 60, {}));
  EXPECT_GT(b.tunnel->status().wire.received, received) << "it is the peer's all the same";
  EXPECT_EQ(b.tunnel->path().remote, a.address);
  EXPECT_EQ(b.count<EndpointMoved>(), 0u);
}

TEST_F(Link, RoamsOnTheResponseToo) {
  world.start(b, false);
  world.start(a);
  const auto initiation = world.overheard.at(0);
  ASSERT_NE(a.tunnel->path().remote, kElsewhere);
  b.address = kElsewhere;  // b answers from elsewhere, as a host with two addresses may
  world.inject(b, initiation.path.remote, initiation.bytes);
  world.run(1s);
  EXPECT_EQ(a.tunnel->path().remote, kElsewhere);
}

TEST_F(Link, RoamsOnAnInitiationToo) {
  world.start(b, false);
  world.start(a);
  const auto initiation = world.overheard.at(0);
  world.network.loss = 1;
  world.inject(b, kElsewhere, initiation.bytes);
  EXPECT_EQ(b.tunnel->path().remote, kElsewhere) << "b could not call when it has something to say";
  world.send(b);
  world.run(6s);
  EXPECT_EQ(b.count<InitiationSent>(), 1u);
}

/// Recorded before b forgot how new the newest was; b called first this time.
TEST_F(Link, AReplayedInitiationIsAnsweredAndMovesNoLiveSession) {
  world.start(b, false);
  world.start(a);
  const auto recorded = world.overheard.at(0);
  ASSERT_EQ(recorded.bytes[0], 1);
  world.stop(b);
  world.run(1s);
  world.start(b);
  world.run(1s);
  ASSERT_TRUE(b.tunnel->has_session(world.now));
  world.inject(b, kElsewhere, recorded.bytes);
  EXPECT_EQ(b.drops(DropReason::old_timestamp), 0u);
  EXPECT_EQ(world.overheard.back().to, kElsewhere);
  EXPECT_EQ(b.tunnel->path().remote, a.address);
  EXPECT_EQ(b.count<EndpointMoved>(), 0u);
  EXPECT_TRUE(world.passes(b, 100ms));
  EXPECT_TRUE(world.passes(a, 100ms));
  world.run(60s);
  EXPECT_EQ(b.tunnel->path().remote, a.address);
}

TEST_F(Link, RecordedInitiationsAreNoNewsAfterACrash) {
  world.connect();
  world.run(10min);  // sessions come and go
  std::vector<Buffer> recorded;
  for (const auto& flight : world.overheard) {
    if (flight.from == &a && flight.bytes[0] == 1) recorded.push_back(flight.bytes);
  }
  ASSERT_GT(recorded.size(), 3u);
  b.saved_initiation = b.tunnel->newest_initiation();
  world.stop(b);
  world.start(b, false);
  for (const auto& bytes : recorded) world.inject(b, kElsewhere, bytes);
  EXPECT_EQ(b.drops(DropReason::old_timestamp), recorded.size());
  EXPECT_FALSE(b.tunnel->path().remote.known());
  EXPECT_TRUE(world.passes(a, 60s)) << "the peer itself has newer ones";
}

TEST_F(Link, APeerThatMovedAndBeganAnewIsFoundWithItsFirstPacket) {
  world.connect();
  world.stop(a);
  a.address = kElsewhere;
  world.run(6s);
  world.start(a);
  world.run(17ms);  // initiation, response, first packet
  EXPECT_EQ(b.tunnel->path().remote, kElsewhere);
  EXPECT_TRUE(world.passes(b, 100ms));
}

TEST_F(Link, APeerThatMovedAndWhoseFirstPacketWasLostIsFoundWhenItIsMissed) {
  world.keepalive_a.reset();
  world.keepalive_b.reset();
  world.connect();
  world.stop(a);
  const auto before = a.address;
  a.address = kElsewhere;
  world.run(6s);
  world.start(a);
  world.run(7ms);
  world.network.loss = 1;
  world.run(7ms);  // the response was on its way already
  world.network.loss = 0;
  ASSERT_TRUE(a.tunnel->has_session(world.now));
  ASSERT_EQ(b.tunnel->path().remote, before);
  world.send(b);
  world.run(17s);
  EXPECT_EQ(b.tunnel->path().remote, kElsewhere);
  EXPECT_TRUE(world.passes(b, 1s));
}

TEST_F(Link, AnswersFromTheAddressThatWasCalled) {
  world.connect();
  EXPECT_EQ(b.tunnel->path().local, b.address.address);
}

TEST_F(Link, TheFirstKeepaliveGoesOutAtOnce) {
  world.start(b, false);
  world.start(a);
  EXPECT_EQ(a.datagrams_sent, 1u);
  world.run(100ms);
  EXPECT_TRUE(world.both_up());
}

TEST_F(Link, RetriesWithJitterSoThatTwoEndsDoNotCollideForEver) {
  std::set<Duration> gaps;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World other(seed);
    other.start(other.a);
    const auto first = other.now;
    EXPECT_TRUE(other.run_until([&] { return other.a.datagrams_sent == 2; }, 6s));
    const auto gap = other.now - first;
    EXPECT_GE(gap, 5s);
    EXPECT_LE(gap, 5s + 343ms);
    gaps.insert(gap);
  }
  EXPECT_GT(gaps.size(), 5u);
}

TEST_F(Link, AChangedNetworkIsShownToThePeerAtOnce) {
  world.connect();
  a.address = kElsewhere;
  a.tunnel->retry_now(world.now, world.outbox);
  world.transmit(a);
  world.run(10ms);
  EXPECT_EQ(b.tunnel->path().remote, kElsewhere);
}

TEST_F(Link, CallingAgainAtOnceDoesNotSpoilTheAnswerOnItsWay) {
  world.start(b, false);
  world.start(a);
  for (int i = 0; i < 20; ++i) {
    a.tunnel->set_endpoint(b.address, world.now, world.outbox);
    a.tunnel->retry_now(world.now, world.outbox);
    world.transmit(a);
    world.run(1ms);
  }
  EXPECT_TRUE(world.both_up());
  EXPECT_EQ(a.count<InitiationSent>(), 1u);
}

TEST_F(Link, AStormOfChangesCallsOnceASecondAndAnotherPlaceAtOnce) {
  world.start(a);
  for (int i = 0; i < 100; ++i) {
    world.run(100ms);
    a.tunnel->retry_now(world.now, world.outbox);
    world.transmit(a);
  }
  EXPECT_NEAR(static_cast<double>(a.count<InitiationSent>()), 11, 1);
  const auto before = a.datagrams_sent;
  a.tunnel->set_endpoint(kElsewhere, world.now, world.outbox);
  world.transmit(a);
  EXPECT_EQ(a.datagrams_sent, before + 1);
  EXPECT_EQ(world.overheard.back().to, kElsewhere);
}

TEST_F(Link, OneThatWgSetsUpSaysNothingUntilThereIsSomethingToSay) {
  world.only_when_needed = true;
  world.keepalive_a = world.keepalive_b = std::nullopt;
  world.start(a);
  world.start(b);
  a.tunnel->retry_now(world.now, world.outbox);
  world.transmit(a);
  world.run(10s);
  EXPECT_EQ(a.datagrams_sent + b.datagrams_sent, 0);
  world.send(a);
  world.run(1s);
  EXPECT_TRUE(world.both_up());
  EXPECT_EQ(b.delivered.size(), 1);
}

TEST_F(Link, WhatIsCountedOnTheWireIsWhatPasses) {
  world.keepalive_a = world.keepalive_b = std::nullopt;
  world.start(b, false);
  world.start(a);
  world.run(1s);
  // An initiation of 148 bytes, a response of 92, and a keepalive of 32 that proves the keys.
  EXPECT_EQ(a.tunnel->status().wire.sent, 148 + 32);
  EXPECT_EQ(a.tunnel->status().wire.received, 92);
  EXPECT_EQ(b.tunnel->status().wire.sent, 92);
  EXPECT_EQ(b.tunnel->status().wire.received, 148 + 32);
  world.send(a, 100);  // padded to 112
  world.run(1s);
  EXPECT_EQ(a.tunnel->status().wire.sent, 148 + 32 + 112 + 32);
  EXPECT_EQ(b.tunnel->status().wire.received, 148 + 32 + 112 + 32);
  EXPECT_EQ(b.tunnel->status().received.bytes, 100);
}

}  // namespace
}  // namespace adit::tunnel::test
