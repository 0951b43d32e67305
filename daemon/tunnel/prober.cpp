// SPDX-License-Identifier: MIT
#include "tunnel/prober.h"

#include <algorithm>

#include "base/assert.h"
#include "base/two_hosts.h"
#include "tunnel/own_packet.h"

namespace adit::tunnel {
std::optional<ProbeEnds> find_probe_ends(std::span<const IpNetwork> addresses, std::span<const IpAddress> peers) {
  const auto nth_peer = [&](Family family, std::size_t n) -> IpAddress {
    for (const auto& peer : peers) {
      if (peer.family() == family && n-- == 0) return peer;
    }
    return {};
  };
  std::size_t seen_v4 = 0;
  std::size_t seen_v6 = 0;
  for (const auto& network : addresses) {
    const auto n = network.address.is_v4() ? seen_v4++ : seen_v6++;
    auto other = nth_peer(network.family(), n);
    if (other.is_none()) other = other_host(network);
    if (!other.is_none()) return ProbeEnds{network.address, other};
  }
  return std::nullopt;
}

void Prober::set_ends(const std::optional<ProbeEnds>& ends) {
  if (ends == ends_) return;
  ends_ = ends;
  open_.fill({});
}

std::vector<std::uint8_t> Prober::ask(std::size_t size, std::size_t slack, Instant now) {
  ADIT_ASSERT(ends_);
  if (identifier_ == 0) identifier_ = static_cast<std::uint16_t>(random_.u32() | 1);
  const bool is_v4 = ends_->ours.is_v4();
  const auto smallest = is_v4 ? kSmallest4 : kSmallest6;
  const auto whole = std::max(size, smallest);
  std::vector<std::uint8_t> bytes;
  bytes.reserve(whole + slack);
  bytes.resize(whole);

  // Nobody who has not read the question can answer it: not the peer before it came, and nobody in its name.
  std::array<std::uint8_t, 8> cookie;
  random_.fill(cookie);
  auto& question = open_[sequence_ % kOpen];
  question = {load_be64(cookie.data()), static_cast<std::uint32_t>(whole), now};

  const auto header = write_ip_header(bytes, ends_->ours, ends_->peers, is_v4 ? kIcmp : kIcmp6, smallest);
  auto* const icmp = bytes.data() + header;
  icmp[0] = is_v4 ? kEchoRequest4 : kEchoRequest6;
  store_be16(icmp + 4, identifier_);
  store_be16(icmp + 6, sequence_++);
  store_be64(icmp + kIcmpHeader, question.cookie);
  store_be16(icmp + 2, icmp_checksum(Bytes(bytes).first(smallest), header));
  bytes.resize(whole + slack);
  return bytes;
}

std::optional<Prober::Answer> Prober::take(Bytes packet, Instant now) {
  if (!ends_) return std::nullopt;
  const bool is_v4 = ends_->ours.is_v4();
  const auto header = is_v4 ? kIpv4Header : kIpv6Header;
  const auto smallest = is_v4 ? kSmallest4 : kSmallest6;
  // No options and no extension headers: an answer has none where the question had none.
  if (packet.size() != smallest || packet[0] >> 4 != (is_v4 ? 4 : 6)) return std::nullopt;
  if (is_v4 && (packet[0] & 0x0f) != kIpv4Header / 4) return std::nullopt;
  if (packet[is_v4 ? 9 : 6] != (is_v4 ? kIcmp : kIcmp6)) return std::nullopt;
  const auto addresses = packet.subspan(is_v4 ? 12 : 8, is_v4 ? 8 : 32);
  const auto half = addresses.size() / 2;
  if (!std::ranges::equal(addresses.first(half), ends_->peers.bytes()) ||
      !std::ranges::equal(addresses.last(half), ends_->ours.bytes())) {
    return std::nullopt;
  }
  const auto* const icmp = packet.data() + header;
  if (icmp[0] != (is_v4 ? kEchoReply4 : kEchoReply6) || icmp[1] != 0) return std::nullopt;
  if (load_be16(icmp + 4) != identifier_ || icmp_checksum(packet, header) != 0) return std::nullopt;
  const auto sequence = load_be16(icmp + 6);
  auto& question = open_[sequence % kOpen];
  // The cookie is another one for each: an answer to an older question in that place does not have it.
  if (question.size == 0 || load_be64(icmp + kIcmpHeader) != question.cookie) return std::nullopt;
  const Answer answer{question.size, now - question.asked};
  question = {};
  return answer;
}

}  // namespace adit::tunnel
