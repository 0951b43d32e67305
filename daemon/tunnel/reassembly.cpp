// SPDX-License-Identifier: MIT
#include "tunnel/reassembly.h"

#include <algorithm>
#include <ranges>

namespace adit::tunnel {
namespace {

constexpr std::size_t kUnit = 8;  ///< every part but the last is a multiple of it

/// RFC 3168 §5.3: a mark on one is a mark on all. None: they are of different minds whether their sender heeds marks.
std::optional<wire::Ecn> common_mark(std::uint8_t marks) {
  const auto has = [marks](wire::Ecn mark) { return (marks >> static_cast<unsigned>(mark) & 1) != 0; };
  if (has(wire::Ecn::not_capable)) {
    return marks == 1 ? std::optional(wire::Ecn::not_capable) : std::nullopt;
  }
  if (has(wire::Ecn::congestion)) return wire::Ecn::congestion;
  return has(wire::Ecn::capable0) ? wire::Ecn::capable0 : wire::Ecn::capable1;
}

bool is_sound(const wire::IpFragment& part) {
  return !part.payload.empty() && part.end() <= Reassembly::kMaxSize &&
         (part.is_last || part.payload.size() % kUnit == 0);
}

/// For one part more, and another one like it: mostly there are two. No packet needs more than kMaxSize.
void make_room(std::vector<std::uint8_t>& bytes, std::size_t part) {
  const auto needed = bytes.size() + part;
  if (needed > bytes.capacity()) bytes.reserve(std::min(2 * needed, Reassembly::kMaxSize));
}

}  // namespace

std::optional<Reassembly::Whole> Reassembly::add(const wire::IpFragment& part, std::size_t size, wire::Ecn mark,
                                                 std::uint64_t passed, Instant now) {
  expire(now);
  if (!is_sound(part)) {
    dropped_.refused += 1;
    return std::nullopt;
  }
  auto& packet = find(part.identification, passed, now);
  const auto fit = packet.refused ? Fit::contradicts : compare(packet, part);
  if (fit != Fit::fits) {
    dropped_.refused += 1;
    if (fit == Fit::contradicts) refuse(packet);
    return std::nullopt;
  }
  if (part.is_last) packet.end = part.end();
  if (part.offset == 0) packet.protocol = part.protocol;
  make_room(packet.bytes, part.payload.size());
  packet.marks |= static_cast<std::uint8_t>(1 << static_cast<unsigned>(mark));
  packet.size += size;
  packet.parts.push_back({part.offset, part.payload.size(), packet.bytes.size()});
  packet.bytes.insert(packet.bytes.end(), part.payload.begin(), part.payload.end());
  // They do not overlap, and none lies beyond the end.
  if (packet.end == packet.bytes.size()) return take(packet);
  while (held() > kMaxBytes) drop(packets_.begin());
  return std::nullopt;
}

/// The newest is looked at first: mostly it is that.
Reassembly::Packet& Reassembly::find(std::uint32_t identification, std::uint64_t passed, Instant now) {
  for (std::size_t i = packets_.size(); i-- > 0;) {
    if (packets_[i].identification != identification) continue;
    if (passed - packets_[i].passed <= kMaxPassed) return packets_[i];
    drop(packets_.begin() + static_cast<std::ptrdiff_t>(i));
    break;
  }
  if (packets_.size() == kMaxPackets) drop(packets_.begin());
  return packets_.emplace_back(Packet{.identification = identification, .passed = passed, .since = now});
}

Reassembly::Fit Reassembly::compare(const Packet& packet, const wire::IpFragment& part) {
  for (const auto& other : packet.parts) {
    if (part.end() <= other.offset || other.end() <= part.offset) continue;
    const bool is_same = other.offset == part.offset && other.size == part.payload.size() &&
                         part.is_last == (packet.end == part.end()) &&
                         std::ranges::equal(part.payload, Bytes(packet.bytes).subspan(other.at, other.size));
    return is_same ? Fit::comes_twice : Fit::contradicts;
  }
  if (packet.end && (part.is_last || part.end() > *packet.end)) return Fit::contradicts;
  const bool is_behind = std::ranges::any_of(packet.parts, [&](const Part& other) { return other.end() > part.end(); });
  return (part.is_last && is_behind) || packet.parts.size() == kMaxParts ? Fit::contradicts : Fit::fits;
}

void Reassembly::refuse(Packet& packet) {
  dropped_.refused += packet.parts.size();
  packet.refused = true;
  // Whoever sends nonsense must not hold memory with it, which clear() and `= {}` would keep.
  packet.parts = std::vector<Part>();
  packet.bytes = std::vector<std::uint8_t>();
}

void Reassembly::drop(std::vector<Packet>::iterator packet) {
  dropped_.incomplete += packet->parts.size();
  packets_.erase(packet);
}

std::optional<Reassembly::Whole> Reassembly::take(Packet& packet) {
  const auto mark = common_mark(packet.marks);
  if (!mark) {
    refuse(packet);
    return std::nullopt;
  }
  Whole whole{
      .payload = {}, .protocol = packet.protocol, .mark = *mark, .parts = packet.parts.size(), .size = packet.size};
  if (!std::ranges::is_sorted(packet.parts, {}, &Part::offset)) {
    whole.payload.resize(packet.bytes.size());
    for (const auto& part : packet.parts) {
      std::ranges::copy(Bytes(packet.bytes).subspan(part.at, part.size),
                        whole.payload.begin() + static_cast<std::ptrdiff_t>(part.offset));
    }
  } else {
    whole.payload = std::move(packet.bytes);
  }
  packets_.erase(packets_.begin() + (&packet - packets_.data()));
  return whole;
}

void Reassembly::expire(Instant now) {
  while (!packets_.empty() && now - packets_.front().since >= kMaxAge) drop(packets_.begin());
}

std::size_t Reassembly::held() const {
  std::size_t held = 0;
  for (const auto& packet : packets_) held += packet.held();
  return held;
}

std::optional<Instant> Reassembly::deadline() const {
  if (packets_.empty()) return std::nullopt;
  return packets_.front().since + kMaxAge;
}

void Reassembly::clear() {
  while (!packets_.empty()) drop(packets_.begin());
}

}  // namespace adit::tunnel
