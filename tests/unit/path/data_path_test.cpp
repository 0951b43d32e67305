// SPDX-License-Identifier: MIT
#include "path/data_path.h"

#include "path/two_data_paths.h"

namespace adit::path::test {
namespace {

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
  for (int i = 0; i < 3; ++i) offer(a_, packets(0, 100));
  EXPECT_EQ(a_.path->send(now_).count, net::kMostReads);
  EXPECT_EQ(b_.udp.inbox.size(), net::kMostReads);
  EXPECT_EQ(b_.path->receive(now_).count, kBatchMessages);
}

TEST_F(DataPathTest, ABatchOfSuperPacketsIsBoundByItsBytes) {
  connect();
  for (int i = 0; i < 20; ++i) a_.tun.from_host.push_back(super_packet(64'000, 1380));
  EXPECT_EQ(a_.path->send(now_).count, kPacketArena / 64'000);
}

/// Each segment grows by the protocol's headers and padding, so that what is cut small takes more room sealed.
TEST_F(DataPathTest, ASuperPacketOfSmallSegmentsGetsTheRoomItTakesSealed) {
  connect();
  const auto super = super_packet(60'000, 20);
  const auto expected = cut(super);
  ASSERT_GT(expected.size() * (64 + wire::kTransportOverhead), Shipment::kArenaSize);
  a_.tun.from_host.push_back(super);
  settle();
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(expected));
}

class CountingAead final : public crypto::Aead {
 public:
  std::string_view name() const override { return "counting"; }
  void seal(std::span<const crypto::SealJob> jobs) const override {
    sealed += jobs.size();
    real_->seal(jobs);
  }
  void open(std::span<crypto::OpenJob> jobs) const override {
    opened += jobs.size();
    real_->open(jobs);
  }
  mutable std::size_t sealed = 0;
  mutable std::size_t opened = 0;

 private:
  std::unique_ptr<crypto::Aead> real_ = crypto::make_sodium_aead();
};

TEST_F(DataPathTest, AnotherBackendIsUsedInBothDirectionsFromThenOn) {
  connect();
  const CountingAead other;
  a_.path->set_aead(other);
  offer(a_, packets(0, 5));
  offer(b_, packets(100, 3));
  settle();
  EXPECT_EQ(other.sealed, 5U);
  EXPECT_GE(other.opened, 3U);
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(packets(0, 5)));
  a_.path->set_aead(*a_.aead);
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

/// As after a restart: what came meanwhile, in few messages of many datagrams, is answered within the calls that
/// deliver it, and the interface's queue has its bounds.
TEST_F(DataPathTest, NoMoreIsDeliveredAtATimeThanIsReadSoThatAnswersFindRoom) {
  connect();
  for (std::uint8_t i = 0; i < 10; ++i) {
    offer(a_, packets(0, 100));
    while (a_.path->send(now_).count != 0) {
    }
  }
  ASSERT_EQ(b_.udp.inbox.size(), 1000U);
  b_.udp.in_one = 50;
  b_.tun.answers = true;
  EXPECT_EQ(b_.path->receive(now_).count, 20U);
  EXPECT_EQ(b_.tun.to_host.size(), 1000U);
  EXPECT_EQ(b_.tun.most_waiting, Arrival::kDeliveriesAtATime);
  settle();
  EXPECT_EQ(a_.tun.to_host.size(), 1000U);
}

TEST_F(DataPathTest, WhileTheSocketIsFullAnswersWaitWithTheHost) {
  connect();
  for (int i = 0; i < 4; ++i) offer(a_, packets(0, 100));
  while (a_.path->send(now_).count != 0) {
  }
  b_.udp.in_one = 50;
  b_.udp.room = 10;
  b_.tun.answers = true;
  EXPECT_EQ(b_.path->receive(now_).count, 8U);
  EXPECT_EQ(b_.tun.to_host.size(), 400U);
  EXPECT_EQ(b_.path->blocked(), Family::v4);
  EXPECT_EQ(b_.tun.from_host.size(), 400U - Arrival::kDeliveriesAtATime);
  b_.udp.room = -1;
  b_.path->resume(now_);
  settle();
  EXPECT_EQ(a_.tun.to_host.size(), 400U);
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

TEST_F(DataPathTest, WhatAFullSocketKeepsToTheEndIsCounted) {
  connect();
  a_.udp.room = 5;
  offer(a_, packets(0, 60));
  a_.path->send(now_);
  a_.path->finish(now_);
  EXPECT_EQ(a_.drops(DropReason::send_failed), 0U) << "there may be room again";
  a_.path->give_up(now_);
  EXPECT_EQ(a_.drops(DropReason::send_failed), 55U);
  a_.path->give_up(now_);
  EXPECT_EQ(a_.drops(DropReason::send_failed), 55U);
}

/// The router's answer, whose only number that counts is the size.
void expect_refusals(const std::vector<Buffer>& answers, std::size_t count) {
  ASSERT_EQ(answers.size(), count);
  for (const auto& answer : answers) {
    EXPECT_EQ(answer[20], 3);
    EXPECT_EQ(answer[21], 4);
    EXPECT_EQ(load_be16(&answer[26]), 1220);
  }
}

TEST_F(DataPathTest, WhatTheWayHasNoRoomForIsRefusedAsByARouterWhereItMayNotBeCut) {
  connect();
  auto udp = tcp_packet(1228);
  udp[9] = 17;
  const std::vector<Buffer> passing = {tcp_packet(1220), tcp_packet(1221, 0), tcp_packet(1280, 0x20), udp};
  a_.tunnel->set_way_size(1220);
  offer(a_, {tcp_packet(1221)});
  offer(a_, passing);
  offer(a_, {tcp_packet(1280)});
  settle();
  expect_refusals(a_.tun.to_host, 2);
  EXPECT_THAT(b_.tun.to_host, ElementsAreArray(passing));
  EXPECT_EQ(a_.drops(DropReason::packet_too_large), 2U);

  a_.tunnel->set_way_size(0);
  offer(a_, {tcp_packet(1280)});
  settle();
  EXPECT_EQ(b_.tun.to_host.size(), passing.size() + 1);
}

TEST_F(DataPathTest, PaddingGoesNoFurtherThanTheWayHasRoomFor) {
  connect();
  const auto datagram_of = [this](std::size_t size) {
    offer(a_, {packet(0, size)});
    a_.path->send(now_);
    const auto bytes = b_.udp.inbox.back().size();
    settle();
    return bytes - wire::kTransportOverhead;
  };
  EXPECT_EQ(datagram_of(1218), 1232U);
  a_.tunnel->set_way_size(1220);
  EXPECT_EQ(datagram_of(1200), 1200U);
  EXPECT_EQ(datagram_of(1218), 1220U);
  EXPECT_EQ(datagram_of(1220), 1220U);
  EXPECT_EQ(datagram_of(1278), 1278U);
}

TEST_F(DataPathTest, OfASuperPacketEachSegmentCounts) {
  connect();
  auto fitting = super_packet(20'000, 1180);
  auto large = super_packet(20'000, 1181);
  for (auto* super : {&fitting, &large}) super->second[6] = 0x40;
  a_.tunnel->set_way_size(1220);
  const auto segments = cut(fitting).size();
  a_.tun.from_host.push_back(large);
  a_.tun.from_host.push_back(fitting);
  settle();
  expect_refusals(a_.tun.to_host, 1);
  EXPECT_EQ(b_.tun.to_host.size(), segments);
  EXPECT_EQ(a_.drops(DropReason::packet_too_large), cut(large).size());
}

TEST_F(DataPathTest, WhoWaitsForAnswersIsToldAtOnceThatLessPasses) {
  connect();
  for (const std::size_t size : {1400, 1220, 100, 1221}) {
    offer(a_, {tcp_packet(size)});
    a_.path->send(now_);
  }
  EXPECT_THAT(a_.tun.to_host, IsEmpty());
  a_.path->refuse_those_sent(1220);
  expect_refusals(a_.tun.to_host, 2);
  a_.path->refuse_those_sent(1220);
  EXPECT_EQ(a_.tun.to_host.size(), 2U) << "once";
  for (int i = 0; i < 20; ++i) {
    offer(a_, {tcp_packet(1400)});
    a_.path->send(now_);
  }
  a_.path->refuse_those_sent(1220);
  EXPECT_EQ(a_.tun.to_host.size(), 2U + 8U);
}

TEST_F(DataPathTest, AFloodOfWhatIsTooLargeIsNotAnsweredPacketByPacket) {
  connect();
  a_.tunnel->set_way_size(500);
  const auto send_many = [&] {
    offer(a_, std::vector<Buffer>(kBatchMessages, tcp_packet(501)));
    EXPECT_EQ(a_.path->send(now_).count, kBatchMessages);
  };
  send_many();
  EXPECT_EQ(a_.tun.to_host.size(), 16U);
  send_many();
  EXPECT_EQ(a_.tun.to_host.size(), 16U);
  now_ += std::chrono::milliseconds(100);
  send_many();
  EXPECT_EQ(a_.tun.to_host.size(), 26U);
  EXPECT_EQ(a_.drops(DropReason::packet_too_large), 3 * kBatchMessages);
}

TEST_F(DataPathTest, AProbeLeavesInOnePieceOrIsToldToBeTooLarge) {
  connect();
  a_.tunnel->set_probe_ends(tunnel::ProbeEnds{*IpAddress::parse("10.9.0.1"), *IpAddress::parse("10.9.0.2")});
  a_.udp.order.clear();
  a_.udp.largest_whole = 1432;
  const auto refused = [this] { return a_.tunnel->status().probes.refused; };
  EXPECT_TRUE(a_.path->probe(1400, now_));
  EXPECT_EQ(a_.udp.order, "w");
  EXPECT_EQ(refused(), 0U);
  EXPECT_TRUE(a_.path->probe(1401, now_));
  EXPECT_EQ(a_.udp.order, "w");
  EXPECT_EQ(refused(), 1U);
  EXPECT_EQ(a_.drops(DropReason::send_failed), 0U);
  settle();
  ASSERT_EQ(b_.tun.to_host.size(), 1U);
  EXPECT_EQ(b_.tun.to_host[0].size(), tunnel::Prober::kSmallest4) << "trimmed";
}

TEST_F(DataPathTest, AProbeWaitsForTheSocketToHaveRoom) {
  connect();
  a_.tunnel->set_probe_ends(tunnel::ProbeEnds{*IpAddress::parse("10.9.0.1"), *IpAddress::parse("10.9.0.2")});
  a_.udp.room = 0;
  EXPECT_TRUE(a_.path->probe(1400, now_));
  EXPECT_EQ(a_.path->blocked(), Family::v4);
  EXPECT_FALSE(a_.path->probe(1300, now_)) << "not while others wait";
  a_.udp.room = -1;
  a_.path->resume(now_);
  EXPECT_EQ(a_.path->blocked(), Family::none);
  settle();
  EXPECT_EQ(b_.tun.to_host.size(), 1U);
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
  now_ += 123s;  // time for new keys, while the old ones still do
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

TEST_F(DataPathTest, WhatIsRefusedElsewhereSaysNothingOfTheWayToThePeer) {
  connect();
  a_.udp.unreachable = Endpoint::parse("[2001:db8::7]:51820").value();
  a_.tunnel->try_also(a_.udp.unreachable, true);
  a_.path->tick(now_);
  EXPECT_EQ(a_.drops(DropReason::send_failed), 1U);
  EXPECT_EQ(a_.path->send_error(), 0);
  EXPECT_EQ(a_.path->take_refused_elsewhere(), (Refusal{a_.udp.unreachable, ENETUNREACH}));
  EXPECT_EQ(a_.path->take_refused_elsewhere(), std::nullopt) << "told once";
}

TEST_F(DataPathTest, AProbeThatLeavesShowsThatTheWayIsFreeAgain) {
  a_.tunnel->set_probe_ends(tunnel::ProbeEnds{*IpAddress::parse("10.9.0.1"), *IpAddress::parse("10.9.0.2")});
  connect();
  a_.udp.refusal = EPERM;
  a_.path->retry_now(now_);
  EXPECT_EQ(a_.path->send_error(), EPERM);
  a_.udp.refusal = 0;
  EXPECT_TRUE(a_.path->probe(1400, now_));
  EXPECT_EQ(a_.path->send_error(), 0);
}

TEST_F(DataPathTest, PacketsTheInterfaceRefusesAreCounted) {
  connect();
  b_.tun.refuses = true;
  offer(a_, packets(0, 3));
  settle();
  EXPECT_EQ(b_.drops(DropReason::deliver_failed), 3U);
}

TEST_F(DataPathTest, WhatWasTooLargeToReadOrFoundNoRoomIsCountedOnce) {
  connect();
  a_.udp.lost = {.truncated = 2, .receive_buffer_full = 5};
  a_.tun.cut = 1;
  settle();
  settle();
  EXPECT_EQ(a_.drops(DropReason::truncated), 3U);
  EXPECT_EQ(a_.drops(DropReason::receive_buffer_full), 5U);
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

}  // namespace
}  // namespace adit::path::test
