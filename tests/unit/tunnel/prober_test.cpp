// SPDX-License-Identifier: MIT
// Echo requests in the session: what is asked, what counts as an answer, and what must not.
#include "tunnel/prober.h"

#include <gmock/gmock.h>

#include "link.h"
#include "offload/checksum.h"
#include "wire/ip_packet.h"

namespace adit::tunnel::test {
namespace {

IpAddress address(const char* text) {
  return *IpAddress::parse(text);
}

std::optional<ProbeEnds> ends(std::vector<const char*> addresses, std::vector<const char*> peers = {}) {
  std::vector<IpNetwork> ours;
  std::vector<IpAddress> theirs;
  for (const auto* text : addresses) ours.push_back(subnet(text));
  for (const auto* text : peers) theirs.push_back(address(text));
  return find_probe_ends(ours, theirs);
}

ProbeEnds both(const char* ours, const char* peers) {
  return {address(ours), address(peers)};
}

TEST(ProbeEnds, AreTheTwoHostsOfASubnetThatHasNoMore) {
  EXPECT_EQ(ends({"10.9.0.1/30"}), both("10.9.0.1", "10.9.0.2"));
  EXPECT_EQ(ends({"10.9.0.2/30"}), both("10.9.0.2", "10.9.0.1"));
  EXPECT_EQ(ends({"10.9.0.0/31"}), both("10.9.0.0", "10.9.0.1"));
  EXPECT_EQ(ends({"fd09::1/126"}), both("fd09::1", "fd09::2"));
  EXPECT_EQ(ends({"fd09::1/127"}), both("fd09::1", "fd09::"));
}

TEST(ProbeEnds, AreWhatTheFileSaysElsewhere) {
  EXPECT_EQ(ends({"10.9.0.1/24"}), std::nullopt);
  EXPECT_EQ(ends({"10.9.0.1/32", "fd09::1/64"}), std::nullopt);
  EXPECT_EQ(ends({"10.9.0.1/24"}, {"10.9.0.7"}), both("10.9.0.1", "10.9.0.7"));
  EXPECT_EQ(ends({"10.9.0.1/24", "fd09::1/64"}, {"fd09::9"}), both("fd09::1", "fd09::9"));
  EXPECT_EQ(ends({"10.8.0.1/24", "10.9.0.1/30"}), both("10.9.0.1", "10.9.0.2"));
  EXPECT_EQ(ends({}), std::nullopt);
}

/// The peer's answer to `request`, which is an IPv4 or IPv6 packet with whatever behind it.
Buffer answer_to(Bytes request) {
  return echo_reply(request.first(request[0] >> 4 == 4 ? Prober::kSmallest4 : Prober::kSmallest6));
}

struct AProber : testing::TestWithParam<ProbeEnds> {
  AProber() { prober.set_ends(GetParam()); }
  SeededRandom random{7};
  Prober prober{random};
  Instant now{1000s};
};

TEST_P(AProber, AsksWithASoundPacketAndZerosBehindIt) {
  for (const std::size_t size : {0, 100, 1280, 1420, 9000}) {
    const auto bytes = prober.ask(size, 15, now);
    const auto header = wire::read_ip_packet(Bytes(bytes).first(bytes.size() - 15));
    ASSERT_TRUE(header);
    EXPECT_EQ(bytes.size() - 15, std::max(size, header->size));
    EXPECT_EQ(header->source, GetParam().ours);
    EXPECT_EQ(header->destination, GetParam().peers);
    EXPECT_TRUE(std::ranges::all_of(Bytes(bytes).subspan(header->size), [](auto byte) { return byte == 0; }));
    const auto answer = prober.take(answer_to(bytes), now + 30ms);
    ASSERT_TRUE(answer) << size;
    EXPECT_EQ(answer->size, std::max(size, header->size));
    EXPECT_EQ(answer->round_trip, 30ms);
  }
}

TEST_P(AProber, TakesAnAnswerOnce) {
  const auto reply = answer_to(prober.ask(1280, 0, now));
  EXPECT_TRUE(prober.take(reply, now));
  EXPECT_FALSE(prober.take(reply, now));
}

TEST_P(AProber, TakesAnswersInAnyOrderAndForgetsOldQuestions) {
  std::vector<Buffer> replies;
  for (std::size_t i = 0; i < 2 * Prober::kOpen; ++i) replies.push_back(answer_to(prober.ask(1000 + i, 0, now)));
  for (std::size_t i = 0; i < Prober::kOpen; ++i) EXPECT_FALSE(prober.take(replies[i], now)) << i;
  for (std::size_t i = 2 * Prober::kOpen; i-- > Prober::kOpen;) {
    const auto answer = prober.take(replies[i], now);
    ASSERT_TRUE(answer) << i;
    EXPECT_EQ(answer->size, 1000 + i);
  }
}

TEST_P(AProber, TakesNothingElse) {
  const auto request = prober.ask(1280, 0, now);
  const auto reply = answer_to(request);
  EXPECT_FALSE(prober.take(request, now)) << "its own question";
  for (std::size_t at = 0; at < reply.size(); ++at) {
    const bool v4 = reply[0] >> 4 == 4;
    // What a router may change, or the kernel of the peer fill in: TOS, number, fragmentation, TTL and their checksum.
    if (v4 && (at == 1 || (at >= 2 && at < 9) || at == 10 || at == 11)) continue;
    if (!v4 && ((at > 0 && at < 6) || at == 7)) continue;
    auto other = reply;
    other[at] ^= 0x21;
    EXPECT_FALSE(prober.take(other, now)) << at;
  }
  for (std::size_t size = 1; size < reply.size(); ++size)
    EXPECT_FALSE(prober.take(Bytes(reply).first(size), now)) << size;
  EXPECT_TRUE(prober.take(reply, now)) << "none of that used the question up";
}

TEST_P(AProber, ForgetsItsQuestionsWhenItAsksSomebodyElse) {
  const auto reply = answer_to(prober.ask(1280, 0, now));
  prober.set_ends(std::nullopt);
  EXPECT_FALSE(prober.take(reply, now));
  prober.set_ends(GetParam());
  EXPECT_FALSE(prober.take(reply, now));
}

INSTANTIATE_TEST_SUITE_P(OfBothFamilies, AProber,
                         testing::Values(both("10.9.0.1", "10.9.0.2"), both("fd09::1", "fd09::2")),
                         [](const auto& one) { return one.param.ours.is_v4() ? "V4" : "V6"; });

struct Probes : Link {
  Probes() {
    world.connect();
    a.tunnel->set_probe_ends(both("10.9.0.1", "10.9.0.2"));
  }
  bool probe(std::size_t size) {
    const bool asked = a.tunnel->probe(size, world.now, world.outbox);
    world.transmit(a);
    return asked;
  }
  const ProbeReport& report() { return a.tunnel->status().probes; }
};

TEST_F(Probes, AreLargeOnTheWayThereAndSmallOnTheWayBack) {
  world.overheard.clear();
  ASSERT_TRUE(probe(1400));
  world.run(1s);
  ASSERT_GE(world.overheard.size(), 2u);
  EXPECT_EQ(world.overheard[0].bytes.size(), 1400 + wire::kTransportOverhead);
  EXPECT_LE(world.overheard[1].bytes.size(), 64 + wire::kTransportOverhead);
  EXPECT_EQ(report().asked, 1u);
  EXPECT_EQ(report().answered, 1u);
  EXPECT_EQ(report().answered_size, 1400u);
  EXPECT_EQ(a.count<ProbeEnded>(), 1u);
}

TEST_F(Probes, AreNobodyElsesBusiness) {
  const auto sent = a.tunnel->status().sent.packets;
  const auto received = a.tunnel->status().received.packets;
  ASSERT_TRUE(probe(500));
  world.run(1s);
  EXPECT_EQ(b.echoed, 1u);
  EXPECT_TRUE(a.delivered.empty());
  EXPECT_EQ(a.tunnel->status().sent.packets, sent);
  EXPECT_EQ(a.tunnel->status().received.packets, received);
}

TEST_F(Probes, ThatThePathLosesDoNotMakeTheLinkLookDead) {
  world.network.widest = 1332;
  ASSERT_TRUE(probe(1400));
  world.run(20s);  // then a small one is due, which asks whether the peer hears us
  EXPECT_EQ(report().answered, 0u);
  EXPECT_FALSE(a.tunnel->status().unanswered_at);
  EXPECT_EQ(a.count<InitiationSent>(), 1u);
}

TEST_F(Probes, NeedASessionAndSomebodyAllowed) {
  a.tunnel->set_allowed_ips(std::array{subnet("10.8.0.0/24")});
  EXPECT_FALSE(probe(0));
  a.tunnel->set_allowed_ips(std::array{subnet("10.9.0.0/24")});
  EXPECT_TRUE(probe(0));
  a.tunnel->set_probe_ends(std::nullopt);
  EXPECT_FALSE(probe(0));
  a.tunnel->set_probe_ends(both("10.9.0.1", "10.9.0.2"));
  world.start(a);
  a.tunnel->set_probe_ends(both("10.9.0.1", "10.9.0.2"));
  EXPECT_FALSE(probe(0));
  EXPECT_EQ(report().asked, 0u);
}

TEST_F(Probes, ThatTheKernelRefusesAreTold) {
  a.events.clear();
  a.tunnel->probe_refused(9000, world.outbox);
  world.transmit(a);
  ASSERT_EQ(a.count<ProbeEnded>(), 1u);
  EXPECT_FALSE(std::get<ProbeEnded>(a.events[0]).answered);
  EXPECT_EQ(report().refused, 1u);
}

}  // namespace
}  // namespace adit::tunnel::test
