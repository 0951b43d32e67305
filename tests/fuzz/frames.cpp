// SPDX-License-Identifier: MIT
// What a link for Ethernet frames meets: a packet from the peer that may hold a frame or be a question to the link
// itself, a frame and a virtio header from the TAP, frames to be merged, and fragments of packets in any order. The
// first byte says which.
#include <array>
#include <map>

#include "fuzz.h"
#include "inner_packet.h"
#include "offload/ethernet.h"
#include "offload/merge.h"
#include "offload/split.h"
#include "tunnel/ethernet.h"
#include "wire/ip_fragment.h"

namespace adit::fuzz {
namespace {

using Buffer = std::vector<std::uint8_t>;

const wire::GreEnds kV4{*IpAddress::parse("10.9.0.1"), *IpAddress::parse("10.9.0.2")};
const wire::GreEnds kV6{*IpAddress::parse("fd09::1"), *IpAddress::parse("fd09::2")};

bool lies_within(Bytes part, Bytes whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

/// `packet` with the addresses that the ends have, so that more than the first look is taken.
void take_packet(const tunnel::Ethernet& ethernet, Buffer packet, bool address) {
  const auto& ends = ethernet.ends();
  const std::size_t at = ends.ours.is_v4() ? 12 : 8;
  const auto size = ends.ours.bytes().size();
  if (address && packet.size() >= at + 2 * size) {
    std::ranges::copy(ends.peers.bytes(), packet.begin() + static_cast<long>(at));
    std::ranges::copy(ends.ours.bytes(), packet.begin() + static_cast<long>(at + size));
  }
  const auto header = wire::read_ip_packet(packet);
  if (!header) return;
  const auto whole = MutableBytes(packet).first(header->size);
  tunnel::Ethernet answerer(ends);
  if (const auto answer = answerer.answer(whole, 15, Instant{})) {
    require(answer->size() == whole.size() + 15, "an answer is as large as the question");
    const auto written = wire::read_ip_packet(Bytes(*answer).first(whole.size()));
    require(written && written->source == ends.ours && written->destination == header->source,
            "an answer goes back to who asked");
  }
  const auto frame = ethernet.unwrap(whole);
  if (!frame) return;
  require(frame->frame.size() >= offload::kEthernetHeaderSize && lies_within(frame->frame, whole),
          "a frame lies in its packet");
  require(frame->ip < frame->frame.size() || frame->ip == offload::find_ip(frame->frame),
          "what is in a frame begins within it");
}

void take_frame(const tunnel::Ethernet& ethernet, Input input) {
  offload::VirtioHeader virtio;
  const auto header = input.bytes(sizeof virtio);
  std::memcpy(&virtio, header.data(), header.size());
  const auto frame = input.rest();
  Buffer room(tunnel::Ethernet::kHeadroom);
  room.insert(room.end(), frame.begin(), frame.end());
  const auto wrapped = ethernet.wrap(MutableBytes(room).subspan(tunnel::Ethernet::kHeadroom));
  if (!wrapped) return;
  tunnel::Ethernet teller(ethernet.ends());
  if (const auto told = teller.tell_too_large(*wrapped, 1'420, Instant{} + Duration(1))) {
    require(
        told->size() >= offload::kEthernetHeaderSize && std::equal(told->begin(), told->begin() + 6, frame.begin() + 6),
        "who sent a frame is told that it is too large");
    const auto ip = offload::find_ip(*told);
    const auto answer = wire::read_ip_packet(Bytes(*told).subspan(ip));
    require(ip != 0 && answer && answer->source == wrapped->ip->destination && answer->size == told->size() - ip,
            "by the host that it was for");
  }
  const tunnel::Ethernet other({ethernet.ends().peers, ethernet.ends().ours});
  auto copy = copy_of(wrapped->packet);
  if (const auto back = other.unwrap(copy); frame.size() < 65'000) {
    require(back && std::ranges::equal(back->frame, frame), "what is wrapped can be unwrapped");
  }
  const auto plan = offload::SplitPlan::make(virtio, wrapped->packet, wrapped->wrapping);
  if (!plan) return;
  for (std::size_t i = 0; i < plan->segments(); ++i) {
    const auto segment = plan->write_header(wrapped->packet, i);
    require(segment.size() == plan->size_of(i), "a segment has the size it was said");
    if (virtio.gso_type == 0 || segment.size() > 65'535) continue;
    auto packet = copy_of(segment);
    const auto taken = other.unwrap(packet);
    require(wire::read_ip_packet(segment).has_value(), "a segment is a packet");
    require(taken || taken.error() == tunnel::DropReason::congestion, "and one with a frame in it");
  }
}

/// Packet `id` as its sender made it, as far as the parts of it can reach, from byte `offset` on.
Bytes bytes_of(std::size_t id, std::size_t offset, std::size_t size) {
  constexpr std::size_t kMost = std::size_t{255} * 8 + 65'535;
  static const auto all = [] {
    std::array<Buffer, 16> packets;
    for (std::size_t i = 0; i < packets.size(); ++i) {
      for (std::size_t at = 0; at < kMost; ++at) {
        packets[i].push_back(static_cast<std::uint8_t>(i * 31 + at * 7 + at / 251));
      }
    }
    return packets;
  }();
  return Bytes(all[id]).subspan(offset, size);
}

/// Parts as their numbers say: true ones, doubled ones, and those that somebody made up.
void join_parts(Input input) {
  tunnel::Reassembly reassembly;
  std::array<bool, 16> lied{};
  tunnel::Reassembly::Dropped dropped;
  std::size_t parts = 0;
  std::size_t joined = 0;
  std::uint64_t passed = 0;
  Instant now = Instant{} + Duration(1);
  const auto count = [&] {
    const auto more = reassembly.take_dropped();
    dropped.refused += more.refused;
    dropped.incomplete += more.incomplete;
  };
  while (!input.empty()) {
    const auto kind = input.u8();
    const std::size_t id = kind & 15;
    const std::size_t offset = std::size_t{input.u8()} * 8;
    auto payload = copy_of(bytes_of(id, offset, (kind & 16) != 0 ? input.u16() : std::size_t{input.u8()} * 8));
    if ((kind & 32) != 0 && !payload.empty()) payload[input.u8() % payload.size()] ^= 0x80, lied[id] = true;
    if ((kind & 64) != 0) now += std::chrono::milliseconds(input.u16());
    if ((kind & 128) != 0) passed += input.u16();
    const wire::IpFragment part{static_cast<std::uint32_t>(id), offset, (input.u8() & 3) == 0, 47, payload};
    ++parts;
    if (const auto whole = reassembly.add(part, payload.size(), wire::Ecn::not_capable, passed, now)) {
      joined += whole->parts;
      require(whole->size == whole->payload.size(), "a whole is as large as its parts");
      require(lied[id] || std::ranges::equal(whole->payload, bytes_of(id, 0, whole->payload.size())),
              "every part is in its place");
    }
    count();
  }
  reassembly.clear();
  count();
  require(parts == joined + dropped.refused + dropped.incomplete, "each part is joined or counted once");
  require(!reassembly.deadline(), "nothing is left");
}

/// A frame cut as this end cuts, the parts in any order, some of them twice, and packets that are no parts among them.
void join_frame(const tunnel::Ethernet& to, Input input) {
  tunnel::Ethernet ethernet(to.ends());
  const tunnel::Ethernet sender({to.ends().peers, to.ends().ours});
  const std::size_t size = offload::kEthernetHeaderSize + input.u16() % 20'000;
  Buffer room(tunnel::Ethernet::kHeadroom + size, input.u8());
  const auto wrapped = sender.wrap(MutableBytes(room).subspan(tunnel::Ethernet::kHeadroom));
  const auto packet = wrapped->packet;
  const auto family = to.ends().ours.family();
  const wire::FragmentPlan plan(family, packet.size(), 400 + input.u8() * 8);
  std::vector<std::size_t> order(plan.count());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (auto& place : order) std::swap(place, order[input.u8() % order.size()]);
  tunnel::Ethernet::Memory memory;
  tunnel::DropCounters drops;
  std::size_t frames = 0;
  for (const auto index : order) {
    Buffer part(plan.size_of(index));
    plan.write(packet, index, 7, part);
    require(wire::read_ip_packet(part).has_value(), "a fragment is a packet");
    const auto times = 1 + (input.u8() & 1);
    for (int i = 0; i < times && frames == 0; ++i) {
      const auto whole = ethernet.unwrap(part);
      auto joined = whole ? std::optional(*whole) : std::nullopt;
      if (!whole && whole.error() == tunnel::DropReason::gre_fragment) {
        joined = ethernet.join(part, 0, Instant{} + Duration(1), memory, drops);
      }
      if (!joined) continue;
      ++frames;
      require(std::ranges::equal(joined->frame, packet.subspan(wrapped->wrapping.frame)),
              "a frame comes out as it went in");
    }
  }
  const bool too_many = plan.count() > tunnel::Reassembly::kMaxParts;
  require(frames == (too_many ? 0U : 1U), "all of the parts make the frame");
}

void merge_frames(Input input) {
  std::vector<Buffer> frames;
  while (!input.empty() && frames.size() < 128) {
    const auto kind = input.u8();
    Buffer frame(12, static_cast<std::uint8_t>(kind & 1));
    if ((kind & 2) != 0) frame.insert(frame.end(), {0x81, 0x00, 0x00, static_cast<std::uint8_t>(kind >> 6)});
    const auto packet = inner_packet(input);
    const bool v6 = ((kind & 4) != 0) != (!packet.empty() && packet[0] >> 4 == 6);
    frame.insert(frame.end(), {static_cast<std::uint8_t>(v6 ? 0x86 : 0x08), static_cast<std::uint8_t>(v6 ? 0xdd : 0)});
    frame.insert(frame.end(), packet.begin(), packet.end());
    if ((kind & 8) != 0) frame.resize(frame.size() / 2);
    frames.push_back(std::move(frame));
  }
  auto changed = frames;
  std::vector<MutableBytes> views(changed.begin(), changed.end());
  offload::Merger merger({.frames = true});
  std::size_t total = 0;
  for (const auto& delivery : merger.merge(views)) {
    total += delivery.packets;
    if (delivery.packets == 1) continue;
    Buffer whole;
    for (const auto piece : delivery.pieces) whole.insert(whole.end(), piece.begin(), piece.end());
    const auto ip = offload::find_ip(whole);
    const auto plan = offload::SplitPlan::make(delivery.virtio, whole, {.ip = ip});
    require(ip != 0 && plan && plan->segments() == delivery.packets, "what was merged can be cut again");
    for (std::size_t i = 0; i < plan->segments(); ++i) {
      auto frame = copy_of(plan->write_header(whole, i));
      const auto is_it = [&](const Buffer& original) {
        return original.size() == frame.size() &&
               std::equal(frame.begin(), frame.begin() + static_cast<long>(ip), original.begin()) &&
               std::equal(frame.begin() + static_cast<long>(ip) + 40, frame.end(),
                          original.begin() + static_cast<long>(ip) + 40);
      };
      require(frame.size() < ip + 40 || std::ranges::any_of(frames, is_it), "cut again, a frame is one that there was");
    }
  }
  require(total == frames.size(), "nothing is lost");
}

}  // namespace

void run(Bytes bytes) {
  static const tunnel::Ethernet v4(kV4);
  static const tunnel::Ethernet v6(kV6);
  Input input(bytes);
  const auto kind = input.u8();
  const auto& ethernet = (kind & 1) != 0 ? v6 : v4;
  switch (kind >> 1 & 3) {
    case 0:
      return take_packet(ethernet, copy_of(input.rest()), (kind & 8) != 0);
    case 1:
      return take_frame(ethernet, input);
    case 2:
      return merge_frames(input);
    default:
      return (kind & 8) != 0 ? join_parts(input) : join_frame(ethernet, input);
  }
}

}  // namespace adit::fuzz
