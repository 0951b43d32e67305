// SPDX-License-Identifier: MIT
// The first look at any packet.
#include "wire/ip_packet.h"

#include "fuzz.h"
#include "tunnel/allowed_ips.h"
#include "wire/ecn.h"
#include "wire/messages.h"

namespace adit::fuzz {

void run(Bytes bytes) {
  auto packet = copy_of(bytes);
  (void)wire::classify(packet);
  const auto header = wire::read_ip_packet(packet);
  if (!header) return;
  require(header->size >= 20 && header->size <= packet.size(), "a packet is no longer than its bytes");
  const auto whole = MutableBytes(packet).first(header->size);
  if (const auto udp = wire::read_udp(whole)) {
    require(udp->payload.data() + udp->payload.size() == whole.data() + whole.size(),
            "a datagram ends with its packet");
  }
  static const tunnel::AllowedIps allowed(
      std::vector<IpNetwork>{*IpNetwork::parse("10.0.0.0/8"), *IpNetwork::parse("fd00::/8")});
  (void)allowed.contains(header->source);
  for (const auto ecn : {wire::Ecn::not_capable, wire::ecn_of(1), wire::ecn_of(2), wire::ecn_of(3)}) {
    const auto before = wire::read_ip_packet(whole);
    if (!wire::take_outer_ecn(whole, ecn)) continue;
    const auto after = wire::read_ip_packet(whole);
    require(after && after->size == before->size && after->source == before->source, "only the mark changes");
  }
}

}  // namespace adit::fuzz
