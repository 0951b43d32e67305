// SPDX-License-Identifier: MIT
// When there is a session to send with, when there is none any more, and what waits for one meanwhile.
#include "link.h"

namespace adit::tunnel::test {
namespace {

TEST_F(Link, ANewPresharedKeyIsUsedByTheNextHandshake) {
  world.connect();
  const auto fresh = crypto::generate_preshared_key(world.random);
  a.tunnel->set_preshared_key(fresh.clone());
  EXPECT_TRUE(world.passes(a, 1s));  // the session at hand goes on
  world.stop(b);
  world.start(b, false);
  world.run(5s);
  EXPECT_FALSE(world.passes(a, 60s));
  EXPECT_GT(a.drops(DropReason::unverified_response), 0u);
  b.tunnel->set_preshared_key(fresh.clone());
  EXPECT_TRUE(world.passes(a, 20s));
}

/// Each sends with the session that it began, and goes on with it for a round trip after the other has renewed.
TEST_F(Link, NothingOnItsWayIsLostWhenKeysChangeThatBothEndsHadBegun) {
  world.network.delay = 50ms;
  world.start(a);
  world.start(b);
  world.run(1s);
  ASSERT_EQ(a.count<InitiationSent>() + b.count<InitiationSent>(), 2U);
  for (int i = 0; i < 40'000; ++i) {
    world.send(a);
    world.send(b);
    world.run(10ms);
  }
  world.run(1s);
  for (auto* host : {&a, &b}) {
    EXPECT_EQ(host->delivered.size(), 40'000U);
    EXPECT_EQ(host->drops(DropReason::unknown_index), 0U);
  }
  EXPECT_GE(a.count<HandshakeCompleted>(), 4U);
}

TEST_F(Link, RekeysAfterTooManyMessagesAndNeverSendsPastTheLimit) {
  world.connect();
  world.run(6s);
  auto& keypair = receiving(a);  // a sends with it too
  const auto handshakes = a.count<HandshakeCompleted>();
  ASSERT_TRUE(keypair.counters.take(noise::REKEY_AFTER_MESSAGES - keypair.counters.next()));
  world.send(a);
  world.send(a);
  world.run(1s);
  EXPECT_EQ(a.count<HandshakeCompleted>(), handshakes + 1);
}

TEST_F(Link, StopsSendingAtTheLastCounterAndWaitsForANewSession) {
  world.connect();
  world.run(6s);
  auto& keypair = receiving(a);
  ASSERT_TRUE(keypair.counters.take(noise::REJECT_AFTER_MESSAGES - 1 - keypair.counters.next()));
  world.network.loss = 1;
  for (int i = 0; i < 3; ++i) world.send(a);  // the World refuses a counter past the limit
  world.network.loss = 0;
  EXPECT_FALSE(a.tunnel->has_session(world.now));
  EXPECT_TRUE(world.passes(a, 10s));
}

TEST_F(Link, ABatchThatUsesUpTheCountersStagesTheRest) {
  world.connect();
  world.run(6s);
  auto& keypair = receiving(a);
  ASSERT_TRUE(keypair.counters.take(noise::REJECT_AFTER_MESSAGES - 2 - keypair.counters.next()));
  std::vector<Buffer> buffers(4, inner_packet(a.inner, b.inner, 900'004));
  std::vector<PlainPacket> views;
  for (auto& buffer : buffers) {
    buffer.resize(64 + kPaddingSlack);
    views.push_back({MutableBytes(buffer).first(64)});
  }
  Outbox out;
  a.tunnel->admit(views, world.now, out);
  EXPECT_EQ(out.packets.size(), 2u);
  EXPECT_EQ(out.handshakes.size(), 1u);
}

TEST_F(Link, RefusesCountersFromTheLimitOn) {
  world.connect();
  world.inject(b, a.address, sealed(a, noise::REJECT_AFTER_MESSAGES, inner_packet(a.inner, b.inner, 900'005)));
  world.inject(b, a.address, sealed(a, ~std::uint64_t{0}, inner_packet(a.inner, b.inner, 900'006)));
  EXPECT_EQ(b.drops(DropReason::expired), 2u);
  EXPECT_TRUE(b.delivered.empty());
}

TEST_F(Link, RefusesAndForgetsASessionPastItsTime) {
  world.keepalive_a.reset();
  world.keepalive_b.reset();
  world.connect();
  const auto datagram = sealed(a, 70, inner_packet(a.inner, b.inner, 900'007));
  const auto tapped = sealed(a, 71, inner_packet(a.inner, b.inner, 900'008));
  world.network.loss = 1;
  world.run(181s);
  EXPECT_FALSE(a.tunnel->has_session(world.now));
  world.inject(b, a.address, datagram);
  EXPECT_EQ(b.drops(DropReason::expired), 1u);
  world.run(3 * 180s);
  world.inject(b, a.address, tapped);
  EXPECT_EQ(b.drops(DropReason::unknown_index), 1u);
  EXPECT_EQ(b.count<SessionExpired>(), 1u);
}

TEST_F(Link, PacketsWaitForTheSessionInOrderAndBounded) {
  world.start(b, false);
  world.network.loss = 1;
  world.start(a);
  for (std::size_t i = 0; i < Staging::kMaxPackets + 10; ++i) world.send(a);
  EXPECT_EQ(a.drops(DropReason::no_session_queue_full), 10u);
  world.network.loss = 0;
  world.run(6s);
  ASSERT_EQ(b.delivered.size(), Staging::kMaxPackets);
  for (std::size_t i = 1; i < b.delivered.size(); ++i) {
    EXPECT_LT(load_be64(b.delivered[i - 1].data() + 20), load_be64(b.delivered[i].data() + 20));
  }
}

TEST_F(Link, PacketsThatWaitedTooLongAreDroppedAndCounted) {
  world.start(a);
  world.send(a);
  world.run(100s);
  EXPECT_EQ(a.drops(DropReason::no_session_timeout), 1u);
}

TEST_F(Link, APacketWithoutAnEndpointWaitsForThePeersCall) {
  world.start(b, false);
  world.send(b);
  world.run(10s);
  EXPECT_EQ(b.datagrams_sent, 0u);
  world.start(a);
  world.run(1s);
  EXPECT_EQ(a.delivered.size(), 1u);
}

TEST_F(Link, ResponderSendsNothingBeforeTheInitiatorProvedItsKeys) {
  world.start(b, false);
  world.start(a);
  const auto initiation = world.overheard.at(0);
  world.network.loss = 1;
  world.inject(b, initiation.path.remote, initiation.bytes);
  const auto before = b.datagrams_sent;
  world.send(b);
  EXPECT_EQ(b.datagrams_sent, before);
  EXPECT_FALSE(b.tunnel->has_session(world.now));
}

TEST_F(Link, AnInitiatorWhosePacketsAllWaitedTooLongStillProvesItsKeys) {
  world.keepalive_a.reset();
  world.keepalive_b.reset();
  world.start(b, false);
  world.start(a, false);
  world.send(a);
  world.run(91s);
  a.tunnel->set_endpoint(b.address, world.now, world.outbox);
  world.transmit(a);
  world.run(100ms);
  EXPECT_EQ(a.drops(DropReason::no_session_timeout), 1u);
  EXPECT_TRUE(world.both_up());
}

TEST_F(Link, AResponderWatchesForTheAnswerToWhatItSentFirst) {
  world.keepalive_a.reset();
  world.keepalive_b.reset();
  world.start(b, false);
  world.send(b);
  world.start(a);
  world.run(12ms);  // the packet that makes the session is on its way to b
  world.network.loss = 1;
  world.run(10ms);
  ASSERT_TRUE(world.both_up());
  EXPECT_TRUE(b.tunnel->status().unanswered_at);
  world.run(16s);
  EXPECT_EQ(b.count<InitiationSent>(), 1u);
}

}  // namespace
}  // namespace adit::tunnel::test
