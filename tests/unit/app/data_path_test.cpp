// SPDX-License-Identifier: MIT
// Two data paths over a wire that can be full, broken or cut, with tunnels and cryptography as they are in earnest.
#include "app/data_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <deque>

#include "packets.h"
#include "support.h"

namespace adit::app {
namespace {

using std::chrono_literals::operator""s;
using Buffer = std::vector<std::uint8_t>;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using tunnel::DropReason;

class FakeTun final : public PacketPort {
 public:
  net::IoResult read(MutableBytes arena, std::vector<net::TunPacket>& packets) override {
    net::IoResult result{.error = read_error};
    while (result.count < net::kMostReads && arena.size() >= net::kLargestPacket && !from_host.empty()) {
      const auto& [virtio, bytes] = from_host.front();
      std::ranges::copy(bytes, arena.begin());
      packets.push_back({virtio, arena.first(bytes.size())});
      arena = arena.subspan(bytes.size() + net::kReadSlack);
      ++result.count;
      from_host.pop_front();
    }
    return result;
  }
  net::IoResult write(std::span<const offload::Delivery> deliveries, const Refused& refused) override {
    net::IoResult result;
    for (std::size_t i = 0; i < deliveries.size(); ++i) {
      const bool merged = deliveries[i].packets > 1;
      if (merged) ++merges_tried;
      if (refuses || (merged && refuses_merged)) {
        refused(i, refuses ? EIO : EINVAL);
        continue;
      }
      take(deliveries[i]);
      ++result.count;
    }
    return result;
  }
  std::uint64_t truncated() const override { return cut; }

  std::deque<std::pair<offload::VirtioHeader, Buffer>> from_host;
  std::vector<Buffer> to_host;  ///< cut as the kernel would cut it
  int merges_tried = 0;
  int read_error = 0;
  bool refuses = false;
  bool refuses_merged = false;
  std::uint64_t cut = 0;

 private:
  void take(const offload::Delivery& delivery) {
    Buffer whole;
    for (const auto piece : delivery.pieces) whole.insert(whole.end(), piece.begin(), piece.end());
    const auto plan = offload::SplitPlan::make(delivery.virtio, whole).value();
    for (std::size_t i = 0; i < plan.segments(); ++i) {
      const auto packet = plan.write_header(whole, i);
      to_host.emplace_back(packet.begin(), packet.end());
    }
  }
};

class FakeUdp final : public DatagramPort {
 public:
  net::IoResult receive(std::span<const MutableBytes> buffers, std::vector<Datagram>& datagrams) override {
    net::IoResult result{.error = receive_error};
    while (result.count < buffers.size() && !inbox.empty()) {
      const auto buffer = buffers[result.count++].first(inbox.front().size());
      std::ranges::copy(inbox.front(), buffer.begin());
      datagrams.push_back({{.remote = peer}, buffer, mark});
      inbox.pop_front();
    }
    return result;
  }
  net::SendResult send(const Path& path, std::span<const OutboundDatagram> datagrams) override {
    to = path.remote;
    if (path.local == gone) source_refusals += 1;
    net::SendResult result{.source_refused = !gone.is_none() && path.local == gone};
    for (const auto& [datagram, traffic_class] : datagrams) {
      if (room == 0) {
        result.error = EAGAIN;
        return result;
      }
      if (refusal != 0) {
        result.error = refusal;
        result.refused += 1;
        continue;
      }
      if (room > 0) --room;
      result.sent += 1;
      order.push_back(datagram[0] == 4 ? 'p' : 'h');
      classes.push_back(traffic_class);
      if (other != nullptr) other->inbox.emplace_back(datagram.begin(), datagram.end());
    }
    return result;
  }
  std::uint64_t truncated() const override { return cut; }

  FakeUdp* other = nullptr;
  std::deque<Buffer> inbox;
  Endpoint peer;
  Endpoint to;
  IpAddress gone;
  int source_refusals = 0;
  int room = -1;  ///< datagrams that fit; negative: any number
  int refusal = 0;
  int receive_error = 0;
  std::uint64_t cut = 0;
  std::string order;  ///< h: a handshake message, p: a packet
  std::vector<int> classes;
  std::uint8_t mark = 0;  ///< traffic class of what comes in
};

struct Host {
  test::SeededRandom random;
  test::SettableWallClock wall_clock;
  FakeTun tun;
  FakeUdp udp;
  std::unique_ptr<crypto::Aead> aead = crypto::make_sodium_aead();
  std::unique_ptr<tunnel::Tunnel> tunnel;
  std::vector<noise::Tai64n> timestamps;
  std::size_t sent_before_timestamp = 0;
  std::optional<DataPath> path;

  explicit Host(std::uint64_t seed) : random(seed) {}
  std::uint64_t drops(DropReason reason) const { return tunnel->status().drops[reason]; }
};

/// As a TCP sender's stack hands it over: 40 bytes of headers, checksum to be finished.
std::pair<offload::VirtioHeader, Buffer> super_packet(std::size_t payload, std::uint16_t segment,
                                                      std::uint8_t tos = 0) {
  offload::test::Recipe recipe{.tos = tos, .v4_addresses = {10, 9, 0, 1, 10, 9, 0, 2}, .payload = Buffer(payload)};
  for (std::size_t i = 0; i < payload; ++i) recipe.payload[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  const auto packet = offload::test::with_partial_checksum(offload::test::build(recipe));
  const offload::VirtioHeader virtio{.flags = offload::VirtioHeader::kNeedsChecksum,
                                     .gso_type = static_cast<std::uint8_t>(offload::GsoType::tcp4),
                                     .header_size = 40,
                                     .segment_size = segment,
                                     .checksum_start = 20,
                                     .checksum_offset = 16};
  return {virtio, packet};
}

std::vector<Buffer> cut(std::pair<offload::VirtioHeader, Buffer> super) {
  std::vector<Buffer> packets;
  const auto plan = offload::SplitPlan::make(super.first, super.second).value();
  for (std::size_t i = 0; i < plan.segments(); ++i) {
    const auto packet = plan.write_header(super.second, i);
    packets.emplace_back(packet.begin(), packet.end());
  }
  return packets;
}

class DataPathTest : public ::testing::Test {
 protected:
  DataPathTest() {
    auto key_a = crypto::generate_private_key(a_.random);
    auto key_b = crypto::generate_private_key(b_.random);
    const auto public_a = crypto::public_key_of(key_a);
    const auto public_b = crypto::public_key_of(key_b);
    start(a_, std::move(key_a), public_b);
    start(b_, std::move(key_b), public_a);
    a_.udp.other = &b_.udp;
    b_.udp.other = &a_.udp;
    a_.udp.peer = Endpoint::parse("192.0.2.2:51820").value();
    b_.udp.peer = Endpoint::parse("192.0.2.1:51820").value();
  }

  static void start(Host& host, crypto::PrivateKey key, const crypto::PublicKey& peer) {
    tunnel::Settings settings{.private_key = std::move(key),
                              .peer_key = peer,
                              .preshared_key = {},
                              .allowed_ips = {IpNetwork::parse("10.9.0.0/30").value()}};
    host.tunnel = std::move(*tunnel::Tunnel::make(std::move(settings), host.random, host.wall_clock));
    const auto keep = [&host](const noise::Tai64n& timestamp) {
      host.timestamps.push_back(timestamp);
      host.sent_before_timestamp = host.udp.order.size();
    };
    host.path.emplace(*host.tunnel, *host.aead, host.tun, host.udp, offload::MergeOptions{}, keep);
  }

  /// Until nobody has anything to do.
  void settle() {
    for (bool busy = true; busy;) {
      busy = false;
      for (auto* host : {&a_, &b_}) {
        busy |= host->path->receive(now_).count != 0;
        if (host->path->blocked() == Family::none) busy |= host->path->send(now_).count != 0;
      }
    }
  }
  void connect() {
    a_.path->call(a_.udp.peer, now_);
    settle();
    ASSERT_TRUE(a_.tunnel->has_session(now_));
  }
  /// From host a to host b, told apart by `number`.
  static Buffer packet(std::uint8_t number, std::size_t size = 100) {
    Buffer bytes(size, number);
    bytes[0] = 0x45;
    store_be16(bytes.data() + 2, static_cast<std::uint16_t>(size));
    const std::array<std::uint8_t, 8> addresses{10, 9, 0, 1, 10, 9, 0, 2};
    std::ranges::copy(addresses, bytes.begin() + 12);
    return bytes;
  }
  static std::vector<Buffer> packets(std::uint8_t first, std::uint8_t count) {
    std::vector<Buffer> list;
    for (std::uint8_t i = 0; i < count; ++i) list.push_back(packet(first + i));
    return list;
  }
  static void offer(Host& host, const std::vector<Buffer>& list) {
    for (const auto& packet : list) host.tun.from_host.emplace_back(offload::VirtioHeader{}, packet);
  }

  Host a_{1};
  Host b_{2};
  Instant now_ = Instant{} + 3600s;
};

TEST_F(DataPathTest, PacketsCrossInOrder) {
  connect();
  offer(a_, packets(0, 200));
  settle();
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(packets(0, 200)));
}

TEST_F(DataPathTest, PacketsOfEverySizeUpToTheMtuComeOutAsTheyWentIn) {
  connect();
  std::vector<Buffer> list;
  for (std::size_t size = 20; size <= 1420; size += 7) list.push_back(packet(static_cast<std::uint8_t>(size), size));
  offer(a_, list);
  settle();
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(list));
}

TEST_F(DataPathTest, ABatchHasABoundSoThatTheOtherDirectionHasItsTurn) {
  connect();
  offer(a_, packets(0, 100));
  EXPECT_EQ(a_.path->send(now_).count, kBatchMessages);
  EXPECT_EQ(b_.udp.inbox.size(), kBatchMessages);
  EXPECT_EQ(b_.path->receive(now_).count, kBatchMessages);
}

TEST_F(DataPathTest, ABatchOfSuperPacketsIsBoundByItsBytes) {
  connect();
  for (int i = 0; i < 20; ++i) a_.tun.from_host.push_back(super_packet(64'000, 1380));
  EXPECT_EQ(a_.path->send(now_).count, kPacketArena / 64'000);
}

TEST_F(DataPathTest, FewMessagesAreReceivedAtATimeWhereEachIsLargeAndManyWhereEachIsSmall) {
  connect();
  const auto received = [&](std::size_t size) {
    for (int i = 0; i < 200; ++i) b_.udp.inbox.emplace_back(size, std::uint8_t{4});
    b_.path->receive(now_);  // shows what they are like
    const auto count = b_.path->receive(now_).count;
    b_.udp.inbox.clear();
    return count;
  };
  EXPECT_EQ(received(65'000), kBatchBytes / 65'000);
  EXPECT_EQ(received(100), kBatchMessages);
  EXPECT_EQ(received(8000), kBatchBytes / 8000);
}

TEST_F(DataPathTest, PacketsWaitForTheSessionTheyAskedFor) {
  a_.udp.refusal = ENETUNREACH;
  a_.path->call(a_.udp.peer, now_);  // lost
  a_.udp.refusal = 0;
  offer(a_, packets(0, 100));
  settle();
  EXPECT_THAT(b_.tun.to_host, IsEmpty());
  now_ += 6s;
  a_.path->tick(now_);
  settle();
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(packets(0, 100)));
}

TEST_F(DataPathTest, TheTimestampIsKeptBeforeItsHandshakeLeaves) {
  a_.path->call(a_.udp.peer, now_);
  EXPECT_EQ(a_.timestamps.size(), 1U);
  EXPECT_EQ(a_.sent_before_timestamp, 0U);
  EXPECT_EQ(a_.udp.order, "h");
  settle();
  EXPECT_THAT(b_.timestamps, IsEmpty()) << "who answers uses none";
}

TEST_F(DataPathTest, AFullSocketKeepsTheRestInOrder) {
  connect();
  a_.udp.room = 5;
  offer(a_, packets(0, 60));
  a_.path->send(now_);
  EXPECT_EQ(a_.path->blocked(), Family::v4);
  a_.udp.room = 1;
  a_.path->resume(now_);
  EXPECT_EQ(a_.path->blocked(), Family::v4);
  a_.udp.room = -1;
  a_.path->resume(now_);
  EXPECT_EQ(a_.path->blocked(), Family::none);
  settle();
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(packets(0, 60)));
  EXPECT_EQ(a_.drops(DropReason::send_failed), 0U);
}

TEST_F(DataPathTest, AFullSocketDoesNotHoldUpWhatComesIn) {
  connect();
  a_.udp.room = 0;
  offer(a_, packets(0, 10));
  a_.path->send(now_);
  auto answer = packet(7);
  std::swap_ranges(answer.begin() + 12, answer.begin() + 16, answer.begin() + 16);
  offer(b_, {answer});
  b_.path->send(now_);
  a_.path->receive(now_);
  EXPECT_THAT(a_.tun.to_host, ElementsAreArray({answer}));
}

TEST_F(DataPathTest, WhatWaitedTooLongIsDroppedAndCounted) {
  connect();
  a_.udp.room = 2;
  offer(a_, packets(0, 16));
  a_.path->send(now_);
  now_ += Transmitter::kMaxWait + 1s;
  a_.udp.room = -1;
  a_.path->resume(now_);
  EXPECT_EQ(a_.path->blocked(), Family::none);
  EXPECT_EQ(a_.drops(DropReason::send_failed), 14U);
  offer(a_, packets(100, 3));
  settle();
  std::vector<Buffer> expected = packets(0, 2);
  std::ranges::copy(packets(100, 3), std::back_inserter(expected));
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(expected));
}

TEST_F(DataPathTest, WhileASocketIsFullWhatWaitsStaysBounded) {
  connect();
  a_.udp.room = 0;
  for (int i = 0; i < 1000; ++i) a_.path->retry_now(now_);  // a keepalive each
  a_.udp.room = -1;
  b_.udp.inbox.clear();
  a_.path->resume(now_);
  const auto waited = b_.udp.inbox.size();
  EXPECT_LE(waited, Transmitter::kMaxWaiting + kBatchMessages);
  EXPECT_EQ(a_.drops(DropReason::send_failed), 1000 - waited);
}

TEST_F(DataPathTest, HandshakesLeaveBeforePackets) {
  connect();
  now_ += 121s;  // time for new keys, while the old ones still do
  a_.udp.order.clear();
  offer(a_, packets(0, 3));
  a_.path->send(now_);
  EXPECT_EQ(a_.udp.order, "hppp");
}

TEST_F(DataPathTest, RefusedDatagramsAreCountedAndTheErrorIsKept) {
  connect();
  a_.udp.refusal = EHOSTUNREACH;
  offer(a_, packets(0, 40));
  settle();
  EXPECT_EQ(a_.drops(DropReason::send_failed), 40U);
  EXPECT_EQ(a_.path->send_error(), EHOSTUNREACH);
  EXPECT_EQ(a_.path->blocked(), Family::none);
  a_.udp.refusal = 0;
  offer(a_, packets(40, 1));
  settle();
  EXPECT_EQ(a_.path->send_error(), 0);
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(packets(40, 1)));
}

TEST_F(DataPathTest, AHandshakeThatIsRefusedIsCountedToo) {
  a_.udp.refusal = EAFNOSUPPORT;
  a_.path->call(a_.udp.peer, now_);
  EXPECT_EQ(a_.drops(DropReason::send_failed), 1U);
  EXPECT_EQ(a_.path->send_error(), EAFNOSUPPORT);
}

TEST_F(DataPathTest, PacketsTheInterfaceRefusesAreCounted) {
  connect();
  b_.tun.refuses = true;
  offer(a_, packets(0, 3));
  settle();
  EXPECT_EQ(b_.drops(DropReason::deliver_failed), 3U);
}

TEST_F(DataPathTest, WhatWasTooLargeToReadIsCountedOnce) {
  connect();
  a_.udp.cut = 2;
  a_.tun.cut = 1;
  settle();
  settle();
  EXPECT_EQ(a_.drops(DropReason::truncated), 3U);
}

TEST_F(DataPathTest, ABrokenDeviceIsReported) {
  a_.tun.read_error = EBADFD;
  a_.udp.receive_error = EBADF;
  EXPECT_EQ(a_.path->send(now_).error, EBADFD);
  EXPECT_EQ(a_.path->receive(now_).error, EBADF);
}

TEST_F(DataPathTest, WhatHappenedIsToldOnce) {
  a_.path->call(a_.udp.peer, now_);
  std::vector<tunnel::Event> events;
  a_.path->take_events(events);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<tunnel::InitiationSent>(events.front()));
  events.clear();
  a_.path->take_events(events);
  EXPECT_THAT(events, IsEmpty());
}

TEST_F(DataPathTest, GarbageIsCountedAndAnswersNothing) {
  connect();
  b_.udp.order.clear();
  for (std::size_t size = 0; size < 200; ++size) b_.udp.inbox.emplace_back(size, static_cast<std::uint8_t>(size));
  settle();
  EXPECT_EQ(b_.drops(DropReason::malformed), 200U);
  EXPECT_EQ(b_.udp.order, "");
}

TEST_F(DataPathTest, ASuperPacketCrossesAsPacketsOfTheMtuAndIsPutTogetherAgain) {
  connect();
  const auto super = super_packet(60'000, 1380);
  a_.tun.from_host.push_back(super);
  a_.path->send(now_);
  EXPECT_EQ(b_.udp.inbox.size(), (60'000U + 1379) / 1380);
  EXPECT_EQ(b_.udp.inbox.front().size(), 1420U + wire::kTransportOverhead);
  settle();
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(cut(super)));
  EXPECT_GT(b_.tun.merges_tried, 0);
  EXPECT_EQ(b_.drops(DropReason::malformed_packet), 0U);
}

TEST_F(DataPathTest, WhatAHeaderLiesAboutIsDroppedAndItsNeighboursAreNot) {
  connect();
  auto liar = super_packet(5000, 1380);
  liar.first.checksum_start = 60'000;
  a_.tun.from_host.push_back(liar);
  const auto sound = super_packet(5000, 1380);
  a_.tun.from_host.push_back(sound);
  settle();
  EXPECT_EQ(a_.drops(DropReason::malformed_packet), 1U);
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(cut(sound)));
}

TEST_F(DataPathTest, AHostThatDoesNotTakeMergedPacketsGetsTheSamePacketsOneByOneFromThenOn) {
  connect();
  b_.tun.refuses_merged = true;
  const auto super = super_packet(20'000, 1380);
  for (int i = 0; i < 3; ++i) a_.tun.from_host.push_back(super);
  a_.path->send(now_);
  while (b_.path->receive(now_).count != 0) {
  }
  std::vector<Buffer> expected;
  for (int i = 0; i < 3; ++i) std::ranges::copy(cut(super), std::back_inserter(expected));
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(expected));
  EXPECT_EQ(b_.drops(DropReason::deliver_failed), 0U);
  EXPECT_FALSE(b_.path->merges().tcp4);
  EXPECT_TRUE(b_.path->merges().tcp6) << "that one was not refused";
  const auto tried = b_.tun.merges_tried;
  a_.tun.from_host.push_back(super);
  settle();
  EXPECT_EQ(b_.tun.merges_tried, tried);
}

TEST_F(DataPathTest, SuperPacketsThatWaitForRoomAreNotLost) {
  connect();
  a_.udp.room = 7;
  std::vector<Buffer> expected;
  for (const std::size_t payload : {60'000U, 1U, 50'000U, 64'000U, 3000U}) {
    const auto super = super_packet(payload, 1380);
    std::ranges::copy(cut(super), std::back_inserter(expected));
    a_.tun.from_host.push_back(super);
  }
  a_.path->send(now_);
  while (a_.path->blocked() != Family::none) {
    a_.udp.room = 13;
    a_.path->resume(now_);
  }
  a_.udp.room = -1;
  settle();
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(expected));
}

TEST_F(DataPathTest, CongestionMarksGoOutAndComeBack) {
  connect();
  a_.udp.classes.clear();
  constexpr std::uint8_t kDscpAndCapable = 0xb8 | 2;
  a_.tun.from_host.push_back(super_packet(3000, 1380, kDscpAndCapable));
  a_.tun.from_host.push_back(super_packet(100, 1380, 0));
  a_.path->send(now_);
  EXPECT_THAT(a_.udp.classes, ::testing::ElementsAre(2, 2, 2, 0)) << "ECN is copied, DSCP is not";
  b_.udp.mark = 3;
  settle();
  ASSERT_EQ(b_.tun.to_host.size(), 3U) << "who does not know ECN loses the packet";
  for (const auto& packet : b_.tun.to_host) EXPECT_EQ(packet[1], 0xb8 | 3);
  EXPECT_EQ(b_.drops(DropReason::congestion), 1U);

  a_.tunnel->set_copy_dscp(true);
  a_.udp.classes.clear();
  a_.tun.from_host.push_back(super_packet(100, 1380, kDscpAndCapable));
  a_.path->send(now_);
  EXPECT_THAT(a_.udp.classes, ::testing::ElementsAre(kDscpAndCapable));
}

}  // namespace
}  // namespace adit::app
