// SPDX-License-Identifier: MIT
// The rules of packets one by one, many of them bugs that others shipped.
#include "tunnel/tunnel.h"

#include "link.h"

namespace adit::tunnel::test {
namespace {

TEST_F(Link, PadsWithZerosToSixteenButNeverPastTheMtu) {
  world.connect();
  const struct {
    std::size_t size;
    std::size_t padded;
  } table[] = {{28, 32}, {32, 32}, {33, 48}, {64, 64}, {1400, 1408}, {1408, 1408}, {1409, 1420}, {1420, 1420}};
  for (const auto& [size, padded] : table) {
    const auto out = admitted(a, size);
    ASSERT_EQ(out.packets.size(), 1u);
    Buffer sealed(out.packets[0].sealed_size(0));
    const MutableBytes view = sealed;
    seal(out.packets, *world.aead, {&view, 1});
    ASSERT_EQ(sealed.size(), padded + wire::kTransportOverhead) << size;
    Buffer plaintext(padded);
    ASSERT_TRUE(crypto::aead_open(out.packets[0].keypair->keys.send, out.packets[0].counter, {},
                                  Bytes(sealed).subspan(wire::kTransportHeaderSize), plaintext));
    EXPECT_TRUE(std::ranges::equal(Bytes(plaintext).first(size), Bytes(storage).first(size)));
    EXPECT_TRUE(std::ranges::all_of(Bytes(plaintext).subspan(size), [](auto byte) { return byte == 0; })) << size;
    EXPECT_EQ(storage.at(size), 0xEE) << "what stood behind the packet must be put back";
  }
}

TEST_F(Link, TakesANewMtuAndNewAllowedIpsWhileItRuns) {
  world.connect();
  a.tunnel->set_mtu(1300);
  EXPECT_EQ(admitted(a, 1299).packets.at(0).sealed_size(0), 1300u + wire::kTransportOverhead);
  a.tunnel->set_allowed_ips(std::array{subnet("10.8.0.0/24")});
  EXPECT_TRUE(admitted(a, 100).packets.empty());
  EXPECT_EQ(a.drops(DropReason::disallowed_destination), 1u);
}

TEST_F(Link, TrimsPaddingFromWhatItDelivers) {
  world.connect();
  for (std::size_t size = 28; size < 80; ++size) world.send(a, size);
  world.run(1s);
  ASSERT_EQ(b.delivered.size(), 52u);  // the World compares the bytes
}

TEST_F(Link, ChecksAllowedIpsBothWays) {
  world.connect();
  world.send(a, inner_packet("10.9.0.1", "192.168.1.1", 900'000));
  EXPECT_EQ(a.drops(DropReason::disallowed_destination), 1u);
  world.inject(b, a.address, sealed(a, 50, inner_packet("192.168.1.1", "10.9.0.2", 900'001)));
  EXPECT_EQ(b.drops(DropReason::disallowed_source), 1u);
  EXPECT_TRUE(b.delivered.empty());
}

TEST_F(Link, ADatagramOfItsOwnThatComesOutOfTheTunnelGoesNoFurther) {
  world.connect();
  a.tunnel->set_allowed_ips(std::array{subnet("0.0.0.0/0"), subnet("::/0")});
  a.tunnel->set_own_port(51820);
  const auto& remote = a.tunnel->path().remote;
  ASSERT_TRUE(remote.address.is_v4());
  // As the kernel hands it to us when a route leads the peer's address into the tunnel.
  Buffer outer(28 + 48, 0);
  outer[0] = 0x45;
  store_be16(&outer[2], static_cast<std::uint16_t>(outer.size()));
  outer[9] = 17;
  std::ranges::copy(remote.address.bytes(), outer.begin() + 16);
  store_be16(&outer[20], 51820);
  store_be16(&outer[22], remote.port);
  outer[28] = 4;
  const auto sent = a.tunnel->status().sent.packets;
  world.send(a, outer);
  EXPECT_EQ(a.drops(DropReason::looped), 1U);
  EXPECT_EQ(a.tunnel->status().sent.packets, sent);
  outer[20] ^= 1;  // somebody else's port
  world.send(a, outer);
  store_be16(&outer[20], 51820);
  outer[28] = 9;  // no message of ours
  world.send(a, outer);
  EXPECT_EQ(a.drops(DropReason::looped), 1U);
  EXPECT_EQ(a.tunnel->status().sent.packets, sent + 2);
  // A try elsewhere.
  const auto other = *Endpoint::parse("192.0.2.99:4711");
  std::ranges::copy(other.address.bytes(), outer.begin() + 16);
  store_be16(&outer[22], other.port);
  outer[28] = 1;
  world.send(a, outer);
  EXPECT_EQ(a.drops(DropReason::looped), 1U) << "nobody is called there";
  a.tunnel->try_also(other, true);
  world.run(1s);
  world.send(a, outer);
  EXPECT_EQ(a.drops(DropReason::looped), 2U);
  store_be16(&outer[22], other.port + 1);
  world.send(a, outer);
  EXPECT_EQ(a.drops(DropReason::looped), 2U) << "another port of that host";
}

TEST_F(Link, ThePeerCannotClaimToBeUs) {
  world.connect();
  const auto everything = subnet("0.0.0.0/0");
  b.tunnel->set_allowed_ips({&everything, 1});
  const IpNetwork ours{*IpAddress::parse(b.inner), 24};
  b.tunnel->set_inner({&ours, 1});
  world.inject(b, a.address, sealed(a, 60, inner_packet(b.inner, b.inner, 900'010)));
  EXPECT_EQ(b.drops(DropReason::own_source), 1U);
  EXPECT_TRUE(b.delivered.empty());
  const auto packet = inner_packet(a.inner, b.inner, 900'011);  // from the same network, as it may be
  world.expect(a, packet);
  world.inject(b, a.address, sealed(a, 61, packet));
  EXPECT_EQ(b.drops(DropReason::own_source), 1U);
  EXPECT_EQ(b.delivered.size(), 1U);
}

TEST_F(Link, ForgottenSessionsAreGoneAtOnceAndANewOneBegins) {
  world.connect();
  world.send(a);
  world.run(1s);
  const auto old = world.overheard.back();
  ASSERT_EQ(old.from, &a);
  const auto handshakes = a.count<HandshakeCompleted>();
  a.tunnel->forget_sessions(world.now, world.outbox);
  world.transmit(a);
  EXPECT_FALSE(a.tunnel->has_session(world.now));
  EXPECT_EQ(world.overheard.back().bytes.size(), sizeof(wire::HandshakeInitiation)) << "no packet in the old session";
  world.run(1s);
  EXPECT_TRUE(world.both_up());
  EXPECT_EQ(a.count<HandshakeCompleted>(), handshakes + 1);
  b.tunnel->forget_sessions(world.now, world.outbox);
  world.transmit(b);
  const auto unknown = b.drops(DropReason::unknown_index);
  world.inject(b, a.address, Buffer(old.bytes));
  EXPECT_EQ(b.drops(DropReason::unknown_index), unknown + 1);
  world.run(2s);
  EXPECT_TRUE(world.passes(a, 5s));
}

TEST_F(Link, AnInitiationUnderWayIsForgottenWithTheSessions) {
  world.connect();
  world.swallows = [&](const World::Flight& flight) { return flight.from == &b; };
  a.tunnel->forget_sessions(world.now, world.outbox);
  world.transmit(a);
  world.run(1s);
  const auto response = std::ranges::find_if(world.overheard.rbegin(), world.overheard.rend(),
                                             [](const auto& flight) { return flight.bytes[0] == 2; });
  ASSERT_NE(response, world.overheard.rend());
  const auto answer = response->bytes;
  a.tunnel->forget_sessions(world.now, world.outbox);
  world.transmit(a);
  world.swallows = {};
  const auto unknown = a.drops(DropReason::unknown_index);
  world.inject(a, b.address, Buffer(answer));
  EXPECT_EQ(a.drops(DropReason::unknown_index), unknown + 1);
}

TEST_F(Link, CountsWhatIsNoIpPacketInBothDirections) {
  world.connect();
  Buffer junk(64, 0xFF);
  world.send(a, junk);
  EXPECT_EQ(a.drops(DropReason::malformed_packet), 1u);
  world.inject(b, a.address, sealed(a, 50, junk));
  auto lying = inner_packet(a.inner, b.inner, 900'002);
  store_be16(lying.data() + 2, 1000);
  world.inject(b, a.address, sealed(a, 51, lying));
  EXPECT_EQ(b.drops(DropReason::malformed_packet), 2u);
  EXPECT_TRUE(b.delivered.empty());
}

TEST_F(Link, DeliversAReplayedDatagramOnceAndCountsTheRest) {
  world.connect();
  world.send(a);
  world.run(1s);
  const auto captured = world.overheard.back();
  ASSERT_EQ(captured.from, &a);
  for (int i = 0; i < 3; ++i) world.inject(b, captured.path.remote, captured.bytes);
  EXPECT_EQ(b.delivered.size(), 1u);
  EXPECT_EQ(b.drops(DropReason::replayed), 3u);
}

TEST_F(Link, AForgedPacketDoesNotMoveTheReplayWindow) {
  world.connect();
  auto forged = sealed(a, std::uint64_t{1} << 40, inner_packet(a.inner, b.inner, 900'003));
  forged.back() ^= 1;
  world.inject(b, a.address, forged);
  EXPECT_EQ(b.drops(DropReason::forged), 1u);
  world.send(a);
  world.run(1s);
  EXPECT_EQ(b.delivered.size(), 1u);
}

TEST_F(Link, RefusesEveryCorruptedByteOfADatagram) {
  world.connect();
  world.send(a);
  world.run(1s);
  const auto captured = world.overheard.back().bytes;
  for (std::size_t at = 0; at < captured.size(); ++at) {
    auto bytes = captured;
    bytes[at] ^= 0x40;
    world.inject(b, kElsewhere, bytes);
  }
  EXPECT_EQ(b.delivered.size(), 1u);
  EXPECT_EQ(b.tunnel->path().remote, a.address);
}

TEST_F(Link, JudgesEachPacketOfABatchByItself) {
  world.connect();
  auto good = sealed(a, 60, inner_packet(a.inner, b.inner, 900'010));
  auto twice = good;
  auto forged = sealed(a, 61, inner_packet(a.inner, b.inner, 900'011));
  forged.back() ^= 1;
  auto disallowed = sealed(a, 62, inner_packet("192.168.1.1", b.inner, 900'012));
  auto stray = good;
  stray[4] ^= 1;
  Buffer junk(40, 0xFF);
  auto keepalive = sealed(a, 63, {});
  auto last = sealed(a, 64, inner_packet(a.inner, b.inner, 900'013));
  std::vector<Datagram> datagrams;
  for (auto* bytes : {&good, &twice, &forged, &disallowed, &stray, &junk, &keepalive, &last}) {
    datagrams.push_back({{.remote = a.address}, *bytes});
  }
  datagrams[5].path.remote = datagrams[2].path.remote = kElsewhere;

  InboundBatch batch;
  b.tunnel->classify(datagrams, world.now, batch, world.outbox);
  ASSERT_EQ(batch.packets.size(), 6u);
  open(batch.packets, *world.aead);
  std::vector<MutableBytes> delivered;
  b.tunnel->accept(batch, world.now, delivered, world.outbox);
  ASSERT_EQ(delivered.size(), 2u);
  EXPECT_EQ(load_be64(delivered[0].data() + 20), 900'010u);
  EXPECT_EQ(load_be64(delivered[1].data() + 20), 900'013u);
  for (const auto reason : {DropReason::replayed, DropReason::forged, DropReason::disallowed_source,
                            DropReason::unknown_index, DropReason::malformed}) {
    EXPECT_EQ(b.drops(reason), 1u) << name_of(reason);
  }
  EXPECT_EQ(b.tunnel->path().remote, a.address);
  EXPECT_EQ(b.tunnel->status().received.packets, 2u);
}

TEST_F(Link, StrayingPacketsOfAnotherSessionAreCounted) {
  world.connect();
  Buffer datagram(64);
  datagram[0] = 4;
  for (int i = 0; i < 100; ++i) {
    store_le32(datagram.data() + 4, world.random.u32());
    world.inject(b, kElsewhere, datagram);
  }
  EXPECT_EQ(b.drops(DropReason::unknown_index), 100u);
}

TEST_F(Link, GarbageIsCountedAndChangesNothing) {
  world.connect();
  const auto sent = b.datagrams_sent;
  std::uint64_t expected = 0;
  for (int i = 0; i < 20'000; ++i) {
    Buffer junk(world.random.below(300));
    world.random.fill(junk);
    if (world.random.chance(0.5) && junk.size() > 4) store_le32(junk.data(), 1 + world.random.u32() % 4);
    world.inject(b, kElsewhere, junk);
    ++expected;
  }
  EXPECT_EQ(b.datagrams_sent, sent);
  EXPECT_EQ(b.drops(DropReason::malformed) + b.drops(DropReason::unknown_index) + b.drops(DropReason::bad_mac1) +
                b.drops(DropReason::bad_cookie),
            expected);
  EXPECT_TRUE(world.passes(a, 1s));
}

TEST_F(Link, TellsWhatHappened) {
  world.start(b, false);
  Buffer call(sizeof(wire::HandshakeInitiation));
  call[0] = 1;
  world.inject(b, kElsewhere, call);
  ASSERT_TRUE(b.tunnel->status().problem);
  EXPECT_EQ(b.tunnel->status().problem->reason, DropReason::bad_mac1);
  EXPECT_EQ(b.count<HandshakeRefused>(), 1u);
  world.start(a);
  EXPECT_EQ(a.tunnel->status().endpoint_source, EndpointSource::configured);
  world.run(100ms);
  EXPECT_EQ(b.tunnel->status().endpoint_source, EndpointSource::learned);
  EXPECT_EQ(a.count<InitiationSent>(), 1u);
  ASSERT_EQ(a.count<HandshakeCompleted>(), 1u);
  ASSERT_EQ(b.count<HandshakeCompleted>(), 1u);
  EXPECT_EQ(a.tunnel->status().round_trip, 10ms);
  EXPECT_EQ(a.tunnel->status().attempts, 0u);
  ASSERT_TRUE(a.tunnel->status().heard_at && a.tunnel->status().handshake_at);
  EXPECT_EQ(*a.tunnel->status().heard_at, *a.tunnel->status().handshake_at);
  EXPECT_FALSE(b.tunnel->status().problem) << "a completed handshake is the end of what was wrong";
  EXPECT_FALSE(b.tunnel->status().round_trip);
  world.send(a, 100);
  world.run(1s);
  EXPECT_EQ(a.tunnel->status().sent.bytes, 100u);
  EXPECT_EQ(b.tunnel->status().received.packets, 1u);
  EXPECT_EQ(b.tunnel->status().received.bytes, 100u);
}

TEST_F(Link, AKeyOfLowOrderIsRefusedWithASentence) {
  const auto made = Tunnel::make({.private_key = a.key.clone(), .peer_key = {}}, a.random, a.clock);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("low order"), std::string::npos);
}

}  // namespace
}  // namespace adit::tunnel::test
