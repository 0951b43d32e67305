// SPDX-License-Identifier: MIT
#include "wire/ip_fragment.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "wire/ip_packet.h"

namespace adit::wire {
namespace {

constexpr std::uint8_t kHopByHop = 0;
constexpr std::size_t kMaxExtensions = 4;

constexpr std::uint16_t kMoreFragments = 0x2000;  ///< of IPv4; without "don't fragment", which no fragment has
constexpr std::uint16_t kOffset = 0x1fff;
constexpr std::uint16_t kMoreFragments6 = 1;
constexpr std::size_t kUnit = 8;  ///< offsets count these

std::uint16_t header_checksum(Bytes header) {
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < header.size(); at += 2) sum += load_be16(&header[at]);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~((sum & 0xffff) + (sum >> 16)));
}

}  // namespace

std::optional<UpperLayer> skip_options(std::uint8_t next, Bytes packet, std::size_t at) {
  for (std::size_t i = 0; i < kMaxExtensions && (next == kHopByHop || next == kDestinationOptions); ++i) {
    if (packet.size() < at + kUnit) return std::nullopt;
    next = packet[at];
    at += (packet[at + 1] + 1u) * kUnit;
  }
  return UpperLayer{next, at};
}

std::optional<IpFragment> read_fragment(MutableBytes packet) {
  if (packet[0] >> 4 == 4) {
    const auto field = load_be16(&packet[6]);
    if ((field & (kMoreFragments | kOffset)) == 0) return std::nullopt;
    return IpFragment{.identification = load_be16(&packet[4]),
                      .offset = (field & kOffset) * kUnit,
                      .is_last = (field & kMoreFragments) == 0,
                      .protocol = packet[9],
                      .payload = packet.subspan((packet[0] & 0x0fu) * 4u)};
  }
  const auto found = skip_options(packet[6], packet, kIpv6HeaderSize);
  if (!found || found->protocol != kFragmentHeader || packet.size() < found->at + kFragmentHeaderSize) {
    return std::nullopt;
  }
  const auto header = packet.subspan(found->at);
  const auto field = load_be16(&header[2]);
  return IpFragment{.identification = load_be32(&header[4]),
                    .offset = field / kUnit * kUnit,
                    .is_last = (field & kMoreFragments6) == 0,
                    .protocol = header[0],
                    .payload = header.subspan(kFragmentHeaderSize)};
}

FragmentPlan::FragmentPlan(Family family, std::size_t packet, std::size_t largest)
    : is_v4_(family == Family::v4), header_(is_v4_ ? kIpv4HeaderSize : kIpv6HeaderSize), payload_(packet - header_) {
  const auto headers = header_ + (is_v4_ ? 0 : kFragmentHeaderSize);
  ADIT_ASSERT(packet > header_ && largest >= headers + kUnit);
  const auto most = (largest - headers) / kUnit * kUnit;
  const auto parts = (payload_ + most - 1) / most;
  part_ = ((payload_ + parts - 1) / parts + kUnit - 1) / kUnit * kUnit;
}

std::size_t FragmentPlan::size_of(std::size_t index) const {
  return header_ + (is_v4_ ? 0 : kFragmentHeaderSize) + payload_of(index);
}

void FragmentPlan::write(Bytes packet, std::size_t index, std::uint32_t identification, MutableBytes out) const {
  ADIT_ASSERT(packet.size() == header_ + payload_ && out.size() == size_of(index));
  std::ranges::copy(packet.first(header_), out.begin());
  const bool is_last = index + 1 == count();
  const auto field = static_cast<std::uint16_t>(index * part_);
  if (is_v4_) {
    store_be16(&out[2], static_cast<std::uint16_t>(out.size()));
    store_be16(&out[4], static_cast<std::uint16_t>(identification));
    store_be16(&out[6], static_cast<std::uint16_t>(field / kUnit | (is_last ? 0 : kMoreFragments)));
    store_be16(&out[10], 0);
    store_be16(&out[10], header_checksum(out.first(header_)));
  } else {
    store_be16(&out[4], static_cast<std::uint16_t>(out.size() - header_));
    const auto header = out.subspan(header_);
    header[0] = std::exchange(out[6], kFragmentHeader);
    header[1] = 0;
    store_be16(&header[2], static_cast<std::uint16_t>(field | (is_last ? 0 : kMoreFragments6)));
    store_be32(&header[4], identification);
  }
  std::ranges::copy(packet.subspan(header_ + index * part_, payload_of(index)),
                    out.end() - static_cast<std::ptrdiff_t>(payload_of(index)));
}

}  // namespace adit::wire
