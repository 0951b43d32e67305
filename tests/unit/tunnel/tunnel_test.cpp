// SPDX-License-Identifier: MIT
// The rules of packets and sessions one by one, many of them bugs that others shipped.
#include "tunnel/tunnel.h"

#include "packets.h"
#include "world.h"

namespace adit::tunnel::test {
namespace {

const Endpoint kElsewhere = *Endpoint::parse("203.0.113.9:9999");

struct Link : testing::Test {
  World world;
  Host& a = world.a;
  Host& b = world.b;

  /// What the tunnel of `host` wants sent for one packet of `size` bytes.
  Outbox admitted(Host& host, std::size_t size) {
    storage = inner_packet(host.inner, world.peer_of(host).inner, 1'000'000 + size, size);
    const auto actual = storage.size();
    storage.resize(actual + kPaddingSlack, 0xEE);
    const PlainPacket view{MutableBytes(storage).first(actual)};
    Outbox out;
    host.tunnel->admit({&view, 1}, world.now, out);
    return out;
  }
  /// A datagram sealed with the keys `host` sends with now, with any counter and any contents.
  Buffer sealed(Host& host, std::uint64_t counter, const Buffer& plaintext) {
    const auto out = admitted(host, 100);
    storage = plaintext;
    storage.resize(plaintext.size() + kPaddingSlack);
    const OutboundPacket packet{
        out.packets.at(0).keypair, counter, {MutableBytes(storage).first(plaintext.size())}, plaintext.size()};
    Buffer bytes(packet.sealed_size(0));
    const MutableBytes view = bytes;
    seal({&packet, 1}, *world.aead, {&view, 1});
    return bytes;
  }
  /// The keypair `host` receives with, as the machine itself holds it.
  noise::Keypair& receiving(Host& host) {
    InboundBatch batch;
    Outbox out;
    auto bytes = sealed(world.peer_of(host), 1'000, {});
    const Datagram datagram{{.remote = world.peer_of(host).address}, bytes};
    host.tunnel->classify({&datagram, 1}, world.now, batch, out);
    return *batch.packets.at(0).keypair;
  }
  Buffer storage;
};

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

/// A super-packet from a to b, in a buffer with slack, and what it stands for.
struct Super {
  explicit Super(std::size_t payload, std::uint16_t segment_size) : recipe{.ip_options = 0, .tcp_options = 12} {
    recipe.payload = adit::test::pattern(payload);
    packet = offload::test::with_partial_checksum(offload::test::build(recipe));
    std::ranges::copy(IpAddress::parse("10.9.0.1")->bytes(), packet.begin() + 12);
    std::ranges::copy(IpAddress::parse("10.9.0.2")->bytes(), packet.begin() + 16);
    size = packet.size();
    packet.resize(size + kPaddingSlack);
    plan = offload::SplitPlan::make({.flags = offload::VirtioHeader::kNeedsChecksum,
                                     .gso_type = static_cast<std::uint8_t>(offload::GsoType::tcp4),
                                     .segment_size = segment_size,
                                     .checksum_start = 20,
                                     .checksum_offset = 16},
                                    MutableBytes(packet).first(size));
  }
  PlainPacket plain() { return {MutableBytes(packet).first(size), &*plan}; }

  offload::test::Recipe recipe;
  Buffer packet;
  std::size_t size = 0;
  std::optional<offload::SplitPlan> plan;
};

TEST_F(Link, ASuperPacketIsSealedAsTheSegmentsItStandsFor) {
  world.connect();
  // Sizes that need padding and ones that do not; one below the headers' own, where headers overlap most.
  for (const auto segment_size : std::initializer_list<std::uint16_t>{20, 500, 1353, 1368}) {
    Super whole(10'000, segment_size);
    Super copy(10'000, segment_size);
    const auto plain = whole.plain();
    Outbox out;
    a.tunnel->admit({&plain, 1}, world.now, out);
    ASSERT_EQ(out.packets.size(), 1u);
    const auto& packet = out.packets[0];
    std::vector<Buffer> sealed;
    std::vector<MutableBytes> views;
    for (std::size_t i = 0; i < plain.segments(); ++i) sealed.emplace_back(packet.sealed_size(i));
    for (auto& bytes : sealed) views.emplace_back(bytes);
    seal(out.packets, *world.aead, views);
    for (std::size_t i = 0; i < sealed.size(); ++i) {
      Buffer opened(sealed[i].size() - wire::kTransportOverhead);
      ASSERT_TRUE(crypto::aead_open(packet.keypair->keys.send, packet.counter + i, {},
                                    Bytes(sealed[i]).subspan(wire::kTransportHeaderSize), opened));
      const auto expected = copy.plan->write_header(MutableBytes(copy.packet).first(copy.size), i);
      ASSERT_TRUE(std::ranges::equal(Bytes(opened).first(expected.size()), expected)) << segment_size << " at " << i;
      ASSERT_TRUE(std::ranges::all_of(Bytes(opened).subspan(expected.size()), [](auto byte) { return byte == 0; }));
      const auto header = wire::read_transport_header(sealed[i]);
      EXPECT_EQ(header.counter, packet.counter + i);
    }
  }
}

TEST_F(Link, ASuperPacketThatMustWaitIsCutAndCounted) {
  world.start(b, false);
  world.network.loss = 1;
  world.start(a);
  Super whole(10'000, 1000);
  Super copy(10'000, 1000);
  for (std::size_t i = 0; i < copy.plan->segments(); ++i) {
    const auto segment = copy.plan->write_header(copy.plain().bytes, i);
    world.expect(a, Buffer(segment.begin(), segment.end()));
  }
  const auto plain = whole.plain();
  a.tunnel->admit({&plain, 1}, world.now, world.outbox);
  world.transmit(a);
  EXPECT_EQ(a.tunnel->status().sent.packets, 0u);
  world.network.loss = 0;
  world.run(5s);
  EXPECT_TRUE(world.run_until([&] { return a.tunnel->status().sent.packets == 10; }, 2s));
  EXPECT_EQ(a.tunnel->status().sent.bytes, 10u * 52u + 10'000u);
  EXPECT_EQ(b.delivered.size(), 10u);
}

TEST_F(Link, ASuperPacketNeverTakesACounterPastTheLimit) {
  world.connect();
  world.run(6s);
  auto& keypair = receiving(a);
  ASSERT_TRUE(keypair.counters.take(noise::REJECT_AFTER_MESSAGES - 9 - keypair.counters.next()));
  Super whole(10'000, 1000);
  const auto plain = whole.plain();
  Outbox out;
  a.tunnel->admit({&plain, 1}, world.now, out);
  EXPECT_TRUE(out.packets.empty());
}

TEST_F(Link, ChecksAllowedIpsBothWays) {
  world.connect();
  world.send(a, inner_packet("10.9.0.1", "192.168.1.1", 900'000));
  EXPECT_EQ(a.drops(DropReason::disallowed_destination), 1u);
  world.inject(b, a.address, sealed(a, 50, inner_packet("192.168.1.1", "10.9.0.2", 900'001)));
  EXPECT_EQ(b.drops(DropReason::disallowed_source), 1u);
  EXPECT_TRUE(b.delivered.empty());
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

TEST_F(Link, AnswersFromTheAddressThatWasCalled) {
  world.connect();
  EXPECT_EQ(b.tunnel->path().local, b.address.address);
}

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

TEST_F(Link, TheFirstKeepaliveGoesOutAtOnce) {
  world.start(b, false);
  world.start(a);
  EXPECT_EQ(a.datagrams_sent, 1u);
  world.run(100ms);
  EXPECT_TRUE(world.both_up());
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

TEST_F(Link, AKeyOfLowOrderIsRefusedWithASentence) {
  const auto made = Tunnel::make({.private_key = a.key.clone(), .peer_key = {}}, a.random, a.clock);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("low order"), std::string::npos);
}

}  // namespace
}  // namespace adit::tunnel::test
