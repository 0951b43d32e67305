// SPDX-License-Identifier: MIT
// SYNs on their way through the machine.
#include "link.h"

#include "offload/checksum.h"

namespace adit::tunnel::test {
namespace {

constexpr std::size_t kTcp = 20;
constexpr std::size_t kMss = kTcp + 22;

struct Segments : Link {
  Segments() {
    world.connect();
    a.tunnel->set_mss_limits({1180, 1160});
  }
  /// From `host`, with a number of its own where the World looks for it: ports and sequence number.
  Buffer syn(Host& host, std::uint64_t id) {
    auto packet = inner_packet(host.inner, world.peer_of(host).inner, id, kTcp + 24);
    packet[9] = 6;
    packet[kTcp + 12] = 0x60;
    packet[kTcp + 13] = 2;
    packet[kTcp + 20] = 2;
    packet[kTcp + 21] = 4;
    store_be16(&packet[kMss], 1460);
    store_be16(&packet[kTcp + 16], 0);
    store_be16(&packet[kTcp + 16], offload::checksum_finish(sum(packet)));
    return packet;
  }
  static std::uint64_t pseudo(const Buffer& packet) {
    return offload::pseudo_header_sum(Bytes(packet).subspan(12, 8), 6, 24);
  }
  static std::uint64_t sum(const Buffer& packet) {
    return offload::checksum_add(Bytes(packet).subspan(kTcp, 24), pseudo(packet));
  }
  /// What comes out at the other end, of `packet` as the TUN gave it.
  Buffer sent(Host& host, Buffer packet, const offload::SplitPlan* plan = nullptr) {
    // As it is to come out: the World compares.
    auto expected = packet;
    store_be16(&expected[kMss], 1180);
    store_be16(&expected[kTcp + 16], 0);
    store_be16(&expected[kTcp + 16], offload::checksum_finish(sum(expected)));
    world.expect(host, expected);
    const auto size = packet.size();
    packet.resize(size + kPaddingSlack);
    const PlainPacket view{MutableBytes(packet).first(size), plan};
    host.tunnel->admit({&view, 1}, world.now, world.outbox);
    world.transmit(host);
    world.run(1s);
    auto& delivered = world.peer_of(host).delivered;
    return delivered.empty() ? Buffer() : delivered.back();
  }
};

TEST_F(Segments, OfWhatIsSentAreLowered) {
  const auto packet = sent(a, syn(a, 1'000'001));
  ASSERT_FALSE(packet.empty());
  EXPECT_EQ(load_be16(&packet[kMss]), 1180);
  EXPECT_EQ(offload::checksum_finish(sum(packet)), 0);
}

TEST_F(Segments, OfWhatIsReceivedAreLowered) {
  const auto packet = sent(b, syn(b, 1'000'002));
  ASSERT_FALSE(packet.empty());
  EXPECT_EQ(load_be16(&packet[kMss]), 1180);
  EXPECT_EQ(offload::checksum_finish(sum(packet)), 0);
}

TEST_F(Segments, OfAPacketWhoseChecksumIsYetToBeMadeAreLowered) {
  auto packet = syn(a, 1'000'003);
  store_be16(&packet[kTcp + 16], offload::checksum_fold(pseudo(packet)));
  const offload::VirtioHeader virtio{
      .flags = offload::VirtioHeader::kNeedsChecksum, .checksum_start = kTcp, .checksum_offset = 16};
  const auto plan = offload::SplitPlan::make(virtio, packet);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->finishes_checksum());
  const auto arrived = sent(a, packet, &*plan);
  ASSERT_FALSE(arrived.empty());
  EXPECT_EQ(load_be16(&arrived[kMss]), 1180);
  EXPECT_EQ(offload::checksum_finish(sum(arrived)), 0);
}

TEST_F(Segments, OfWhatWaitsForASessionAreLowered) {
  World fresh;
  fresh.start(fresh.b, false);
  fresh.start(fresh.a, false);
  fresh.a.tunnel->set_mss_limits({1180, 1160});
  auto packet = syn(a, 1'000'004);
  auto expected = packet;
  store_be16(&expected[kMss], 1180);
  store_be16(&expected[kTcp + 16], 0);
  store_be16(&expected[kTcp + 16], offload::checksum_finish(sum(expected)));
  fresh.expect(fresh.a, expected);
  const auto size = packet.size();
  packet.resize(size + kPaddingSlack);
  const PlainPacket view{MutableBytes(packet).first(size)};
  fresh.a.tunnel->admit({&view, 1}, fresh.now, fresh.outbox);
  fresh.transmit(fresh.a);
  fresh.a.tunnel->set_endpoint(fresh.b.address, fresh.now, fresh.outbox);
  fresh.transmit(fresh.a);
  fresh.run(1s);
  EXPECT_EQ(fresh.b.delivered.size(), 1u);
}

}  // namespace
}  // namespace adit::tunnel::test
