// SPDX-License-Identifier: MIT
// Packets that stand for many.
#include "link.h"
#include "packets.h"

namespace adit::tunnel::test {
namespace {

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

}  // namespace
}  // namespace adit::tunnel::test
