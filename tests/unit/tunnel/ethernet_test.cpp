// SPDX-License-Identifier: MIT
// A tunnel that carries Ethernet frames.
#include "tunnel/ethernet.h"

#include "offload/ethernet.h"
#include "packets.h"
#include "tunnel/link.h"
#include "tunnel/own_packet.h"

namespace adit::tunnel::test {
namespace {

using offload::test::build;
using offload::test::is_sound;
using offload::test::Recipe;

Buffer frame_with(const Buffer& packet, std::uint16_t type = 0x0800) {
  Buffer frame{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0, 0};
  store_be16(&frame[12], type);
  frame.insert(frame.end(), packet.begin(), packet.end());
  return frame;
}

struct EthernetLink : Link {
  EthernetLink() {
    const auto address_a = *IpAddress::parse(a.inner);
    const auto address_b = *IpAddress::parse(b.inner);
    world.connect();
    a.tunnel->set_ethernet(wire::GreEnds{address_a, address_b});
    b.tunnel->set_ethernet(wire::GreEnds{address_b, address_a});
  }

  /// What `to` makes of a packet from its peer.
  std::vector<Buffer> accepted(Host& to, const Buffer& packet, std::uint8_t outer_class = 0) {
    auto bytes = sealed(world.peer_of(to), ++counter, packet);
    const Datagram datagram{{.remote = world.peer_of(to).address}, bytes, outer_class};
    InboundBatch batch;
    out.clear();
    to.tunnel->classify({&datagram, 1}, world.now, batch, out);
    open(batch.packets, *world.aead);
    std::vector<MutableBytes> deliver;
    to.tunnel->accept(batch, world.now, deliver, out);
    std::vector<Buffer> frames;
    for (const auto frame : deliver) frames.emplace_back(frame.begin(), frame.end());
    return frames;
  }
  /// As it leaves `from`.
  Buffer wrapped(Host& from, const Buffer& frame) {
    room.assign(Ethernet::kHeadroom + frame.size(), 0);
    std::ranges::copy(frame, room.begin() + Ethernet::kHeadroom);
    wrapped_frame = from.tunnel->wrap(MutableBytes(room).subspan(Ethernet::kHeadroom));
    if (!wrapped_frame) return {};
    return {wrapped_frame->packet.begin(), wrapped_frame->packet.end()};
  }

  std::uint64_t counter = 5'000;
  Outbox out;
  Buffer room;
  std::optional<WrappedFrame> wrapped_frame;
};

TEST_F(EthernetLink, AFrameCrossesWhateverIsInIt) {
  for (const auto& frame : {frame_with(build({.payload = Buffer(100, 1)})), frame_with(Buffer(46, 9), 0x0806),
                            frame_with(Buffer(1, 1), 0x0026), frame_with({})}) {
    EXPECT_EQ(accepted(b, wrapped(a, frame)), std::vector<Buffer>{frame});
  }
  EXPECT_EQ(wrapped(a, Buffer(13, 1)), Buffer());
  EXPECT_EQ(a.drops(DropReason::malformed_packet), 1U);
}

TEST_F(EthernetLink, TheClassOfWhatIsInsideStandsOutside) {
  const auto packet = wrapped(a, frame_with(build({.tos = 0xb9, .payload = Buffer(10, 1)})));
  EXPECT_EQ(wire::read_ip_packet(packet)->traffic_class, 0xb9);
}

TEST_F(EthernetLink, AMarkOfCongestionReachesThePacketInTheFrame) {
  const auto inside = [](std::uint8_t tos) { return frame_with(build({.tos = tos, .payload = Buffer(10, 1)})); };
  const auto marked = accepted(b, wrapped(a, inside(0x02)), 0x03);
  EXPECT_EQ(marked, std::vector<Buffer>{inside(0x03)});
  EXPECT_EQ(b.drops(DropReason::congestion), 0U);
  EXPECT_TRUE(accepted(b, wrapped(a, inside(0x00)), 0x03).empty());
  EXPECT_EQ(b.drops(DropReason::congestion), 1U);
}

TEST_F(EthernetLink, WhatIsNoFrameFromThePeerIsDroppedAndCounted) {
  auto fragment = wrapped(a, frame_with(Buffer(47, 9)));
  fragment[6] = 0x20;
  fragment[7] = 0x01;
  EXPECT_TRUE(accepted(b, fragment).empty());
  EXPECT_EQ(b.drops(DropReason::gre_fragment), 1U) << "its size is no multiple of eight";
  auto keyed = wrapped(a, frame_with(Buffer(46, 9)));
  keyed[20] = 0x20;
  EXPECT_TRUE(accepted(b, keyed).empty());
  EXPECT_TRUE(accepted(b, inner_packet(a.inner, b.inner, 77)).empty());
  auto runt = wrapped(a, frame_with({}));
  runt.pop_back();
  store_be16(&runt[2], static_cast<std::uint16_t>(runt.size()));
  EXPECT_TRUE(accepted(b, runt).empty());
  EXPECT_EQ(b.drops(DropReason::not_ethernet), 3U);
}

TEST_F(EthernetLink, AFrameInFragmentsIsPutTogetherInItsPlace) {
  for (const bool v6 : {false, true}) {
    const wire::GreEnds ends{*IpAddress::parse(v6 ? "fd09::1" : "10.9.0.1"),
                             *IpAddress::parse(v6 ? "fd09::2" : "10.9.0.2")};
    for (auto* host : {&a, &b})
      host->tunnel->set_allowed_ips(std::vector{*IpNetwork::parse("::/0"), *IpNetwork::parse("0.0.0.0/0")});
    a.tunnel->set_ethernet(ends);
    b.tunnel->set_ethernet(wire::GreEnds{ends.peers, ends.ours});
    const auto large = frame_with(build({.tos = 0x02, .payload = Buffer(1'460, 1)}));
    const auto small = frame_with(Buffer(46, 9), 0x0806);
    const auto packet = wrapped(a, large);
    const wire::FragmentPlan plan(ends.ours.family(), packet.size(), 600);
    ASSERT_EQ(plan.count(), 3U);
    std::vector<Buffer> parts;
    for (std::size_t i = 0; i < 3; ++i) {
      parts.emplace_back(plan.size_of(i));
      plan.write(packet, i, 7, parts.back());
    }
    const auto before = b.tunnel->status().received;
    EXPECT_TRUE(accepted(b, parts[2], 0x03).empty()) << "with a mark of congestion";
    EXPECT_TRUE(accepted(b, parts[0]).empty());
    EXPECT_EQ(accepted(b, wrapped(a, small)), std::vector<Buffer>{small});
    EXPECT_EQ(accepted(b, parts[1]),
              std::vector<Buffer>{frame_with(build({.tos = 0x03, .payload = Buffer(1'460, 1)}))});
    EXPECT_EQ(b.tunnel->status().received.packets - before.packets, 2U);
    EXPECT_EQ(b.tunnel->status().received.bytes - before.bytes,
              parts[0].size() + parts[1].size() + parts[2].size() + wrapped(a, small).size());
  }
  EXPECT_EQ(b.drops(DropReason::gre_fragment) + b.drops(DropReason::gre_incomplete), 0U);
}

TEST_F(EthernetLink, WhatIsJoinedAndNoFrameIsDroppedPartByPart) {
  auto packet = wrapped(a, frame_with(Buffer(1'000, 9)));
  packet[20] = 0x20;  // a key
  const wire::FragmentPlan plan(Family::v4, packet.size(), 600);
  for (std::size_t i = 0; i < plan.count(); ++i) {
    Buffer part(plan.size_of(i));
    plan.write(packet, i, 7, part);
    EXPECT_TRUE(accepted(b, part).empty());
  }
  EXPECT_EQ(b.drops(DropReason::not_ethernet), plan.count());
}

TEST_F(EthernetLink, FragmentsWithoutTheOthersAreDroppedInTimeAndNobodyElsesAreKept) {
  const auto packet = wrapped(a, frame_with(Buffer(1'000, 9)));
  const wire::FragmentPlan plan(Family::v4, packet.size(), 600);
  Buffer part(plan.size_of(0));
  plan.write(packet, 0, 7, part);
  auto foreign = part;
  foreign[15] ^= 4;
  EXPECT_TRUE(accepted(b, foreign).empty()) << "from an address that is not the peer's";
  EXPECT_EQ(b.drops(DropReason::disallowed_source) + b.drops(DropReason::not_ethernet), 1U);
  EXPECT_TRUE(accepted(b, part).empty());
  const auto due = world.now + Reassembly::kMaxAge;
  EXPECT_LE(b.tunnel->deadline(), due);
  out.clear();
  b.tunnel->tick(due, out);
  EXPECT_EQ(b.drops(DropReason::gre_incomplete), 1U);
  EXPECT_TRUE(accepted(b, part).empty());
  b.tunnel->set_ethernet(b.tunnel->probe_ends() ? std::nullopt : std::optional<wire::GreEnds>{});
  EXPECT_EQ(b.drops(DropReason::gre_incomplete), 2U) << "an end to frames is one to what waits";
}

TEST_F(EthernetLink, FragmentsWithoutTheOthersAreCountedBeforeASuccessorTakesOver) {
  const auto packet = wrapped(a, frame_with(Buffer(1'000, 9)));
  const wire::FragmentPlan plan(Family::v4, packet.size(), 600);
  Buffer part(plan.size_of(0));
  plan.write(packet, 0, 7, part);
  EXPECT_TRUE(accepted(b, part).empty());
  SavedTunnelHolder holder;
  b.tunnel->hand_over(holder.saved);
  EXPECT_EQ(holder.saved.status.drops[DropReason::gre_incomplete], 1U);
}

TEST_F(EthernetLink, AFrameTooLargeForTheWayAndNotForTheInterfaceIsCut) {
  const auto frame = frame_with(build({.payload = Buffer(1'300, 1)}));
  a.tunnel->set_way_size(576);
  auto packet = wrapped(a, frame);
  packet.resize(packet.size() + kPaddingSlack);
  const PlainPacket plain{MutableBytes(packet).first(packet.size() - kPaddingSlack)};
  ASSERT_FALSE(a.tunnel->refuse_wrapped(plain, *wrapped_frame, world.now));
  Outbox sent;
  a.tunnel->admit({&plain, 1}, world.now, sent);
  ASSERT_EQ(sent.packets.size(), 3U);
  std::vector<Buffer> frames;
  for (const auto& part : sent.packets) {
    EXPECT_LE(part.sealed_size(0), 576U + wire::kTransportOverhead);
    EXPECT_EQ(part.sealed_size(0), sent.packets[0].sealed_size(0)) << "all of one size, to be sent at once";
    frames = accepted(b, Buffer(part.plain.bytes.begin(), part.plain.bytes.end()));
  }
  EXPECT_EQ(frames, std::vector<Buffer>{frame});
}

TEST_F(EthernetLink, AFrameTooLargeForTheWayIsDroppedAndCounted) {
  const auto takes = [&](std::size_t size) {
    wrapped(a, frame_with(Buffer(size - 14)));
    return !a.tunnel->refuse_wrapped({wrapped_frame->packet}, *wrapped_frame, world.now);
  };
  EXPECT_TRUE(takes(1420 - 24));
  EXPECT_EQ(a.drops(DropReason::frame_too_large), 0U);
  EXPECT_FALSE(takes(1420 - 23));
  EXPECT_EQ(a.drops(DropReason::frame_too_large), 1U);
}

TEST_F(EthernetLink, WhoSentAFrameTooLargeIsToldTheInterfacesMtuAndNotTooOften) {
  const auto tagged = [](Buffer tags) {
    auto frame = frame_with(build({.payload = Buffer(1'400, 1)}));
    frame.insert(frame.begin() + 12, tags.begin(), tags.end());
    return frame;
  };
  const auto told = [&](const Buffer& frame) -> std::uint16_t {
    wrapped(a, frame);
    EXPECT_EQ(a.tunnel->refuse_wrapped({wrapped_frame->packet}, *wrapped_frame, world.now),
              DropReason::frame_too_large);
    const auto answer = a.tunnel->tell_too_large(*wrapped_frame, world.now);
    return answer ? load_be16(&(*answer)[offload::find_ip(*answer) + 26]) : std::uint16_t{0};
  };
  EXPECT_EQ(told(tagged({})), 1420 - 42) << "which leaves room for a tag";
  EXPECT_EQ(told(tagged({0x81, 0, 0, 5})), 1420 - 42);
  EXPECT_EQ(told(tagged({0x88, 0xa8, 0, 5, 0x81, 0, 0, 6})), 1420 - 46);
  EXPECT_EQ(told(frame_with(Buffer(1'400, 1), 0x88b5)), 0) << "no IP packet";
  std::size_t answers = 3;
  for (int i = 0; i < 1'000; ++i) answers += told(tagged({})) != 0 ? 1 : 0;
  EXPECT_EQ(answers, Ethernet::kTellingsPerSecond);
  world.now += std::chrono::seconds(1);
  EXPECT_NE(told(tagged({})), 0);
}

TEST_F(EthernetLink, FramesToManyAreHeldBackBeyondTheLimitAndNoOthers) {
  const auto limited = [&](std::uint32_t limit) {
    a.tunnel->set_ethernet(wire::GreEnds{*IpAddress::parse(a.inner), *IpAddress::parse(b.inner)}, limit);
  };
  const auto passed = [&](std::uint8_t first_byte) {
    auto frame = frame_with(Buffer(46, 9), 0x0806);
    frame[0] = first_byte;
    wrapped(a, frame);
    return !a.tunnel->refuse_wrapped({wrapped_frame->packet}, *wrapped_frame, world.now);
  };
  const auto passed_of = [&](int frames, std::uint8_t first_byte) {
    int count = 0;
    for (int i = 0; i < frames; ++i) count += passed(first_byte) ? 1 : 0;
    return count;
  };
  EXPECT_EQ(passed_of(1'000, 0xff), 1'000) << "no limit";
  limited(10);
  EXPECT_EQ(passed_of(100, 0xff), 10);
  EXPECT_EQ(passed_of(100, 0x01), 0) << "groups are many, too";
  EXPECT_EQ(passed_of(100, 0x02), 100) << "a single station";
  EXPECT_EQ(a.drops(DropReason::storm_limit), 190U);
  world.now += std::chrono::milliseconds(300);
  EXPECT_EQ(passed_of(100, 0xff), 3);
  world.now += std::chrono::hours(1);
  EXPECT_EQ(passed_of(100, 0xff), 10);
  limited(0);
  EXPECT_EQ(passed_of(100, 0xff), 100);
}

TEST_F(EthernetLink, WhatBridgesSayToEachOtherIsNoStorm) {
  a.tunnel->set_ethernet(wire::GreEnds{*IpAddress::parse(a.inner), *IpAddress::parse(b.inner)}, 1);
  const auto passed_to = [&](Buffer station) {
    int count = 0;
    for (int i = 0; i < 5; ++i) {
      auto frame = frame_with(Buffer(46, 9), 0x0806);
      std::ranges::copy(station, frame.begin());
      wrapped(a, frame);
      count += a.tunnel->refuse_wrapped({wrapped_frame->packet}, *wrapped_frame, world.now) ? 0 : 1;
    }
    return count;
  };
  EXPECT_EQ(passed_to({0x01, 0x80, 0xc2, 0x00, 0x00, 0x00}), 5);
  EXPECT_EQ(passed_to({0x01, 0x80, 0xc2, 0x00, 0x00, 0x0f}), 5);
  EXPECT_EQ(passed_to({0x01, 0x80, 0xc2, 0x00, 0x00, 0x10}), 1) << "and nothing of it was used up";
  EXPECT_EQ(passed_to({0x01, 0x80, 0xc2, 0x00, 0x01, 0x00}), 0);
}

TEST(Allowance, WhatIsMoreThanThereMayBeAtOncePassesWhenAllOfItIsThere) {
  Allowance allowance(10, 5);
  auto now = Instant(std::chrono::hours(1));
  EXPECT_TRUE(allowance.take(now, 44));
  EXPECT_FALSE(allowance.take(now));
  now += std::chrono::milliseconds(400);
  EXPECT_FALSE(allowance.take(now, 44));
  now += std::chrono::milliseconds(100);
  EXPECT_TRUE(allowance.take(now, 44));
}

TEST_F(EthernetLink, TheLargestSegmentOfConnectionsInFramesIsLowered) {
  Recipe syn{.tcp_options = 4, .flags = 0x02};
  auto packet = build(syn);
  const Buffer option{2, 4, 0x05, 0xb4};  // 1460
  std::ranges::copy(option, packet.begin() + 40);
  a.tunnel->set_mss_limits({.v4 = 1300, .v6 = 1280});
  wrapped(a, frame_with(packet));
  ASSERT_FALSE(a.tunnel->refuse_wrapped({wrapped_frame->packet}, *wrapped_frame, world.now));
  EXPECT_EQ(load_be16(&wrapped_frame->packet[24 + 14 + 42]), 1300);
  b.tunnel->set_mss_limits({.v4 = 1200, .v6 = 1180});
  const auto arrived = accepted(b, {wrapped_frame->packet.begin(), wrapped_frame->packet.end()});
  ASSERT_EQ(arrived.size(), 1U);
  EXPECT_EQ(load_be16(&arrived[0][14 + 42]), 1200);
}

TEST_F(EthernetLink, ItsOwnDatagramsDoNotGoIntoItAgain) {
  a.tunnel->set_own_port(51820);
  Recipe recipe{.tcp = false, .source_port = 51820, .destination_port = b.address.port, .payload = Buffer(64)};
  recipe.payload[0] = 4;
  const auto bytes = b.address.address.bytes();
  recipe.v4_addresses = {192, 0, 2, 1};
  recipe.v4_addresses.insert(recipe.v4_addresses.end(), bytes.begin(), bytes.end());
  EXPECT_EQ(wrapped(a, frame_with(build(recipe))), Buffer());
  EXPECT_EQ(a.drops(DropReason::looped), 1U);
  recipe.source_port = 4711;
  EXPECT_NE(wrapped(a, frame_with(build(recipe))), Buffer()) << "another program's";
}

TEST_F(EthernetLink, TheTunnelItselfAnswersThePeersQuestions) {
  // b's host has no such address: nobody else could answer.
  b.echoes = false;
  a.tunnel->set_probe_ends(ProbeEnds{*IpAddress::parse(a.inner), *IpAddress::parse(b.inner)});
  for (const std::size_t size : {0U, 1400U}) {
    Outbox question;
    ASSERT_TRUE(a.tunnel->probe(size, world.now, question));
    const auto asked = question.probes.at(0).plain.bytes;
    EXPECT_TRUE(accepted(b, Buffer(asked.begin(), asked.end())).empty());
    ASSERT_EQ(out.packets.size(), 1U);
    const auto answer = out.packets[0].plain.bytes;
    EXPECT_TRUE(accepted(a, Buffer(answer.begin(), answer.end())).empty());
  }
  EXPECT_EQ(a.tunnel->status().probes.answered, 2U);
  EXPECT_EQ(b.drops(DropReason::not_ethernet), 0U);
}

TEST_F(EthernetLink, OnlySoundQuestionsToItselfAreAnswered) {
  Ethernet ethernet({*IpAddress::parse("fd09::2"), *IpAddress::parse("fd09::1")});
  Buffer question(72, 7);
  std::ranges::fill(std::span(question).first(56), std::uint8_t{0});
  write_ip_header(question, ethernet.ends().peers, ethernet.ends().ours, kIcmp6, question.size());
  question[40] = 128;
  store_be16(&question[42], icmp_checksum(question, 40));
  const auto answer = ethernet.answer(question, 15, world.now);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->size(), question.size() + 15);
  EXPECT_EQ((*answer)[40], 129);
  EXPECT_EQ(icmp_checksum(Bytes(*answer).first(question.size()), 40), 0);
  EXPECT_TRUE(std::ranges::equal(Bytes(*answer).subspan(44, 28), Bytes(question).subspan(44, 28)));
  for (const std::size_t at : {std::size_t{6}, std::size_t{39}, std::size_t{40}, std::size_t{41}, std::size_t{60}}) {
    auto wrong = question;
    wrong[at] ^= 1;
    EXPECT_FALSE(ethernet.answer(wrong, 15, world.now)) << at;
  }
  EXPECT_FALSE(ethernet.answer(Bytes(question).first(47), 15, world.now));
  // They wait for a socket that is full.
  std::uint32_t answers = 1;
  while (answers < 1000 && ethernet.answer(question, 15, world.now)) ++answers;
  EXPECT_EQ(answers, Ethernet::kAnswersPerSecond);
  EXPECT_TRUE(ethernet.answer(question, 15, world.now + 1s));
}

}  // namespace
}  // namespace adit::tunnel::test
