// SPDX-License-Identifier: MIT
// Handshakes under attack: who is answered, with what, and what it costs.
#include "tunnel/handshaker.h"

#include "world.h"

namespace adit::tunnel::test {
namespace {

const Endpoint kElsewhere = *Endpoint::parse("203.0.113.9:9999");

/// Seeds below this one are the hosts'.
constexpr std::uint64_t kFirstStranger = 1'000'000;

struct Attack : testing::Test {
  World world;
  Host& a = world.a;
  Host& b = world.b;

  void SetUp() override {
    world.start(b, false);
    world.start(a);
  }
  Buffer initiation() const { return world.overheard.at(0).bytes; }
  /// What b sent in answer to the last call.
  template <class Call>
  std::vector<Buffer> answers(Call call) {
    const auto before = world.overheard.size();
    call();
    std::vector<Buffer> sent;
    for (auto i = before; i < world.overheard.size(); ++i) {
      if (world.overheard[i].from == &b) sent.push_back(world.overheard[i].bytes);
    }
    return sent;
  }
  /// Sound initiations by strangers: each passes mac1, none is the peer's.
  Buffer stranger(std::uint64_t seed) const { return stranger(seed, b); }
  static Buffer stranger(std::uint64_t seed, const Host& to) {
    noise::MacWriter writer(to.public_key);
    return stranger(seed, to, writer);
  }
  static Buffer stranger(std::uint64_t seed, const Host& to, noise::MacWriter& writer) {
    SeededRandom random(kFirstStranger + seed);
    auto keys = *noise::StaticKeys::make(crypto::generate_private_key(random), to.public_key);
    wire::HandshakeInitiation message;
    noise::write_initiation(keys, crypto::generate_private_key(random), noise::Tai64n::from({1s}), 77, message);
    Buffer bytes(sizeof message);
    std::memcpy(bytes.data(), &message, sizeof message);
    writer.write(bytes, Instant{});
    return bytes;
  }
  void put_under_load() { put_under_load(b); }
  void put_under_load(Host& host) {
    for (unsigned i = 0; i <= LoadMeter::kPerSecond; ++i) world.inject(host, kElsewhere, stranger(i, host));
    ASSERT_TRUE(host.tunnel->status().under_load);
  }
};

TEST_F(Attack, AnInitiationIsAnsweredOnceHoweverOftenItIsReplayed) {
  EXPECT_EQ(answers([&] { world.inject(b, a.address, initiation()); }).size(), 1u);
  world.run(1s);
  EXPECT_TRUE(answers([&] { world.inject(b, kElsewhere, initiation()); }).empty());
  EXPECT_GE(b.drops(DropReason::old_timestamp), 1u);
  EXPECT_EQ(b.tunnel->path().remote, a.address);
}

TEST_F(Attack, AStrangersCallIsNamedAndNotAnswered) {
  EXPECT_TRUE(answers([&] { world.inject(b, kElsewhere, stranger(5)); }).empty());
  EXPECT_EQ(b.drops(DropReason::wrong_key), 1u);
  SeededRandom random(kFirstStranger + 5);
  ASSERT_TRUE(b.tunnel->status().problem);
  EXPECT_EQ(b.tunnel->status().problem->key, crypto::public_key_of(crypto::generate_private_key(random)));
}

TEST_F(Attack, AResponseNobodyAskedForIsDropped) {
  world.run(1s);
  const auto response = std::ranges::find_if(world.overheard, [](const auto& flight) { return flight.bytes[0] == 2; });
  ASSERT_NE(response, world.overheard.end());
  const auto unknown = a.drops(DropReason::unknown_index);
  world.inject(a, b.address, response->bytes);
  EXPECT_EQ(a.drops(DropReason::unknown_index), unknown + 1);
}

TEST_F(Attack, UnderLoadAStrangerGetsACookieSmallerThanItsMessage) {
  put_under_load();
  const auto call = stranger(999);
  const auto sent = answers([&] { world.inject(b, kElsewhere, call); });
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].size(), sizeof(wire::CookieReply));
  EXPECT_LT(sent[0].size(), call.size());
  EXPECT_GT(b.drops(DropReason::cookie_required), 0u);
}

TEST_F(Attack, ThePeerComesThroughUnderLoadByItsCookie) {
  world.network.delay = 1ms;
  put_under_load();
  for (int second = 0; second < 12 && !world.both_up(); ++second) {
    for (int i = 0; i < 60; ++i) world.inject(b, kElsewhere, stranger(1000 + world.random.below(1000)));
    world.run(1s);
  }
  EXPECT_TRUE(world.both_up());
  EXPECT_TRUE(b.tunnel->status().under_load);
}

TEST_F(Attack, ThePeersCookieIsInItsVeryNextMessageWhichFollowsAtOnce) {
  world.network.delay = 1ms;
  put_under_load();
  world.run(kMaxJitter + 10ms);
  EXPECT_TRUE(world.both_up());
  EXPECT_TRUE(b.tunnel->status().under_load);
}

/// The cookie it has is for where it was.
TEST_F(Attack, WhoHasMovedSinceItsCookieIsHeardAsSoonAgain) {
  world.network.delay = 1ms;
  put_under_load();
  world.run(kMaxJitter + 10ms);
  ASSERT_TRUE(world.both_up());
  for (int second = 0; second < 20; ++second) {
    put_under_load();
    world.run(1s);
  }
  a.address.address = *IpAddress::parse("203.0.113.77");
  put_under_load();
  const auto refused = b.drops(DropReason::cookie_required);
  a.tunnel->forget_sessions(world.now, world.outbox);
  world.transmit(a);
  world.run(kMaxJitter + 20ms);
  EXPECT_GT(b.drops(DropReason::cookie_required), refused);
  EXPECT_TRUE(a.tunnel->has_session(world.now));
  EXPECT_TRUE(b.tunnel->status().under_load);
}

TEST_F(Attack, ACookieIsAReasonToCallAgainOnceAndNoMore) {
  world.network.delay = 1ms;
  std::size_t initiations = 0;
  world.swallows = [&](const World::Flight& flight) {
    initiations += flight.from == &a && flight.bytes[0] == 1 ? 1 : 0;
    return flight.from == &b && flight.bytes[0] == 2;  // no answer but cookies arrives
  };
  for (int i = 0; i < 40; ++i) {
    put_under_load();
    world.run(100ms);
  }
  EXPECT_EQ(initiations, 1U) << "the first was sent before; the next without a reason is due 5 s after the second";
}

TEST_F(Attack, UnderLoadThePeerIsHeardWhereItIsExpectedAsLongAsNobodyClaimsToBeThere) {
  world.network.delay = 1ms;
  world.swallows = [&](const World::Flight& flight) { return flight.from == &b && flight.bytes[0] == 1; };
  world.now += 10s;
  b.tunnel->set_endpoint(a.address, world.now, world.outbox);
  world.transmit(b);
  put_under_load();
  const auto answer = answers([&] { world.inject(b, a.address, initiation()); });
  ASSERT_EQ(answer.size(), 1U);
  EXPECT_EQ(answer[0].size(), sizeof(wire::HandshakeResponse));
  const auto heard = b.drops(DropReason::wrong_key);
  for (unsigned i = 0; i < 100; ++i) world.inject(b, a.address, stranger(2000 + i));
  EXPECT_EQ(b.drops(DropReason::wrong_key) - heard, 2U) << "of three at once the peer has had one";
}

TEST_F(Attack, CookiesFromBeforeSessionsWereForgottenAreNoneAnyMore) {
  put_under_load();
  noise::MacWriter writer(b.public_key);
  const auto reply = answers([&] { world.inject(b, kElsewhere, stranger(1, b, writer)); });
  ASSERT_EQ(reply.size(), 1u);
  ASSERT_TRUE(writer.take_cookie(wire::read_message<wire::CookieReply>(reply[0]), Instant{}));
  b.tunnel->forget_sessions(world.now, world.outbox);
  const auto before = b.drops(DropReason::cookie_required);
  world.inject(b, kElsewhere, stranger(2, b, writer));
  EXPECT_EQ(b.drops(DropReason::cookie_required), before + 1);
}

TEST_F(Attack, AnInitiatorUnderLoadTakesTheResponseThatHasACookie) {
  world.network.delay = 1ms;
  put_under_load(a);
  for (int second = 0; second < 12 && !world.both_up(); ++second) {
    for (int i = 0; i < 60; ++i) world.inject(a, kElsewhere, stranger(1000 + world.random.below(1000), a));
    world.run(1s);
  }
  EXPECT_TRUE(world.both_up());
  EXPECT_GT(a.drops(DropReason::cookie_required), 0u);
  EXPECT_EQ(b.drops(DropReason::bad_cookie), 0u);
}

TEST_F(Attack, ACookieDoesNotMakeAFlooderWelcome) {
  put_under_load();
  noise::MacWriter writer(b.public_key);
  const auto reply = answers([&] { world.inject(b, kElsewhere, stranger(1, b, writer)); });
  ASSERT_EQ(reply.size(), 1u);
  ASSERT_TRUE(writer.take_cookie(wire::read_message<wire::CookieReply>(reply[0]), Instant{}));
  const auto before = b.drops(DropReason::wrong_key);
  for (unsigned i = 0; i < 100; ++i) world.inject(b, kElsewhere, stranger(1000 + i, b, writer));
  EXPECT_EQ(b.drops(DropReason::wrong_key) - before, 5u) << "each of these costs three curve operations";
  EXPECT_EQ(b.drops(DropReason::rate_limited), 95u);
}

TEST_F(Attack, ACookieReplyForAnotherIndexIsRefused) {
  put_under_load();
  const auto sent = answers([&] { world.inject(b, a.address, initiation()); });
  ASSERT_EQ(sent.size(), 1u);
  auto misdirected = sent[0];
  misdirected[4] ^= 1;
  world.inject(a, b.address, misdirected);
  EXPECT_EQ(a.drops(DropReason::bad_cookie), 1u);
  world.inject(a, b.address, sent[0]);
  EXPECT_EQ(a.drops(DropReason::bad_cookie), 1u);
}

TEST_F(Attack, TwoInitiationsOfThePeerWithinTwentyMillisecondsCostOneAnswer) {
  world.network.loss = 1;
  a.tunnel->set_endpoint(kElsewhere, world.now, world.outbox);
  world.transmit(a);
  const auto second = world.overheard.back().bytes;
  EXPECT_EQ(answers([&] { world.inject(b, a.address, initiation()); }).size(), 1u);
  world.now += 19ms;
  EXPECT_TRUE(answers([&] { world.inject(b, a.address, second); }).empty());
  EXPECT_EQ(b.drops(DropReason::rate_limited), 1u);
  world.now += 1ms;
  EXPECT_EQ(answers([&] { world.inject(b, a.address, second); }).size(), 1u);
}

TEST_F(Attack, AResponseToAnEarlierInitiationIsNotTakenForAWrongPresharedKey) {
  world.network.loss = 1;
  const auto late = answers([&] { world.inject(b, a.address, initiation()); });
  ASSERT_EQ(late.size(), 1u);
  world.now += kAnswerTime;
  a.tunnel->retry_now(world.now, world.outbox);
  world.transmit(a);
  world.inject(a, b.address, late[0]);
  EXPECT_EQ(a.drops(DropReason::unknown_index), 1u);
  EXPECT_EQ(a.drops(DropReason::unverified_response), 0u);
}

TEST_F(Attack, AsManyInitiationsAsThereAreInFlightAreKnownAndTheOldestGiveWay) {
  constexpr std::size_t kMore = 3;
  world.network.loss = 1;
  const auto first = world.overheard.size();
  for (std::size_t i = 0; i < Handshaker::kInFlight + kMore; ++i) {
    a.tunnel->try_also({kElsewhere.address, static_cast<std::uint16_t>(1000 + i)}, false);
    world.run(1ms);
  }
  std::vector<Buffer> initiations;
  for (auto i = first; i < world.overheard.size(); ++i) {
    if (world.overheard[i].from == &a) initiations.push_back(world.overheard[i].bytes);
  }
  ASSERT_EQ(initiations.size(), Handshaker::kInFlight + kMore);
  for (std::size_t i = 0; i < initiations.size(); ++i) {
    world.now += 20ms;
    const auto answer = answers([&] { world.inject(b, a.address, initiations[i]); });
    ASSERT_EQ(answer.size(), 1u);
    world.inject(a, kElsewhere, answer[0]);
    EXPECT_EQ(a.drops(DropReason::unknown_index), std::min(i + 1, kMore)) << i;
  }
  EXPECT_EQ(a.count<HandshakeCompleted>(), Handshaker::kInFlight);
}

TEST_F(Attack, ACookieReplyNeverMovesTheEndpoint) {
  put_under_load();
  world.run(5ms);  // a's initiation arrives and is answered by a cookie
  const auto& reply = world.overheard.back();
  ASSERT_EQ(reply.to, a.address);
  ASSERT_EQ(reply.bytes.size(), sizeof(wire::CookieReply));
  const auto before = a.tunnel->path();
  world.inject(a, kElsewhere, Buffer(reply.bytes));
  EXPECT_EQ(a.tunnel->path(), before);
  EXPECT_EQ(a.drops(DropReason::bad_cookie), 0u) << "a reply that is not taken shows nothing";
}

TEST_F(Attack, LoadPassesWhenTheFloodDoes) {
  put_under_load();
  world.run(2s);
  world.run(30s);
  EXPECT_FALSE(b.tunnel->status().under_load);
  EXPECT_TRUE(world.both_up());
}

TEST_F(Attack, LoadThatPassedIsToldEvenWhileNothingElseIsDue) {
  b.tunnel->set_keepalive(std::nullopt, world.now, world.outbox);
  world.stop(a);
  put_under_load();
  world.run(2s);
  EXPECT_FALSE(b.tunnel->status().under_load);
  EXPECT_EQ(b.count<UnderLoadChanged>(), 2u);
}

TEST_F(Attack, NothingUnauthenticatedIsAnsweredWithMoreThanItBrought) {
  for (const bool load : {false, true}) {
    if (load) put_under_load();
    for (std::uint64_t i = 0; i < 200; ++i) {
      auto bytes = world.random.chance(0.5) ? stranger(i) : initiation();
      if (world.random.chance(0.3)) bytes[world.random.below(bytes.size())] ^= 1;
      for (const auto& answer : answers([&] { world.inject(b, kElsewhere, bytes); })) {
        EXPECT_LE(answer.size(), bytes.size());
      }
    }
  }
}

TEST_F(Attack, SessionIndicesAreRandom) {
  std::set<std::uint32_t> indices;
  std::uint32_t ones = 0;
  for (int i = 0; i < 50; ++i) {
    world.run(6s);
    a.tunnel->retry_now(world.now, world.outbox);
    world.transmit(a);
  }
  World quiet;
  quiet.start(quiet.a);
  quiet.run(24h);
  for (const auto& flight : quiet.overheard) {
    const auto index = load_le32(flight.bytes.data() + 4);
    EXPECT_TRUE(indices.insert(index).second);
    ones += static_cast<std::uint32_t>(std::popcount(index));
  }
  const auto bits = 32.0 * static_cast<double>(indices.size());
  EXPECT_GT(indices.size(), 1000u);
  EXPECT_NEAR(ones / bits, 0.5, 0.02);
}

/// Gives out the indices it is told, whatever else is asked for by chance.
struct ChosenIndices final : RandomSource {
  explicit ChosenIndices(std::vector<std::uint32_t> list) : indices(std::move(list)) {}
  void fill(MutableBytes out) override {
    if (out.size() != 4) return rest.fill(out);
    store_le32(out.data(), indices.at(next++));
  }
  std::vector<std::uint32_t> indices;
  std::size_t next = 0;
  SeededRandom rest{1};
};

TEST(Handshaker, ChoosesNoIndexThatIsTakenAndNeverZero) {
  ChosenIndices random({0, 7, 7, 8, 0, 9});
  SettableWallClock clock;
  Sessions sessions;
  sessions.add(std::make_shared<noise::Keypair>(noise::Keypair{.local_index = 8}));
  const auto peer = crypto::public_key_of(crypto::generate_private_key(random));
  Handshaker handshaker(*noise::StaticKeys::make(crypto::generate_private_key(random), peer), {}, {}, sessions, random,
                        clock);
  const auto index = [](const HandshakeDatagram& datagram) { return load_le32(datagram.buffer.data() + 4); };
  EXPECT_EQ(index(handshaker.initiate({.remote = kElsewhere}, true, Instant{})), 7u);
  EXPECT_EQ(index(handshaker.initiate({.remote = kElsewhere}, true, Instant{})), 9u);
}

TEST(LoadMeter, IsCalmWithTheTrafficOfOnePeer) {
  LoadMeter meter;
  Instant now{100s};
  for (int i = 0; i < 1000; ++i, now += 100ms) {
    meter.note(now);
    ASSERT_FALSE(meter.under_load(now));
  }
}

TEST(RateLimiter, HoldsEachSourceToItsOwnRate) {
  RateLimiter limiter;
  const auto noisy = *IpAddress::parse("203.0.113.9");
  const auto other = *IpAddress::parse("203.0.113.10");
  Instant now{100s};
  int allowed = 0;
  for (int i = 0; i < 1000; ++i, now += 1ms) allowed += limiter.allow(noisy, now) ? 1 : 0;
  EXPECT_NEAR(allowed, 25, 2);  // a burst of 5 and 20 in the second
  EXPECT_TRUE(limiter.allow(other, now)) << "one source used up another's share";
}

TEST(RateLimiter, TakesASlash64OfIpv6ForOneSource) {
  RateLimiter limiter;
  const Instant now{100s};
  int allowed = 0;
  for (int i = 0; i < 100; ++i) allowed += limiter.allow(*IpAddress::parse("2001:db8::" + std::to_string(i)), now);
  EXPECT_EQ(allowed, 5);
  EXPECT_TRUE(limiter.allow(*IpAddress::parse("2001:db8:0:1::1"), now));
}

TEST(RateLimiter, RefusesNewSourcesWhenItsTableIsFullAndFreesItself) {
  RateLimiter limiter;
  Instant now{100s};
  std::array<std::uint8_t, 4> bytes{};
  const auto source = [&](std::uint32_t i) {
    store_be32(bytes.data(), 0x0A000000 + i);
    return IpAddress::v4(bytes);
  };
  for (std::uint32_t i = 0; i < RateLimiter::kMaxSources; ++i) ASSERT_TRUE(limiter.allow(source(i), now));
  EXPECT_FALSE(limiter.allow(source(1'000'000), now));
  EXPECT_TRUE(limiter.allow(source(7), now));
  EXPECT_TRUE(limiter.allow(source(1'000'000), now + 1s));
}

}  // namespace
}  // namespace adit::tunnel::test
