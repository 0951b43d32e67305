// SPDX-License-Identifier: MIT
#include "config/tap_ends.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/two_hosts.h"
#include "crypto/blake2s.h"

namespace adit::config {

/// Where both ends are Adit no host has them, so that they can be the same in every link. Where one is another
/// WireGuard, its host does: `adit export` says so.
TapEnds ends_by_keys(const crypto::PublicKey& ours, const crypto::PublicKey& peers) {
  const auto first = IpAddress::v4(std::array<std::uint8_t, 4>{169, 254, 0, 1});
  const auto second = IpAddress::v4(std::array<std::uint8_t, 4>{169, 254, 0, 2});
  return ours < peers ? TapEnds{first, second} : TapEnds{second, first};
}

std::optional<TapEnds> tap_ends(const Draft& draft) {
  if (!draft.tunnel_address) {
    if (draft.tunnel_peer || !draft.private_key || !draft.public_key) return std::nullopt;
    return ends_by_keys(crypto::public_key_of(draft.private_key->value), draft.public_key->value);
  }
  const auto& network = draft.tunnel_address->value;
  const TapEnds ends{network.address, draft.tunnel_peer ? draft.tunnel_peer->value : other_host(network)};
  if (ends.peers.family() != ends.ours.family() || ends.peers == ends.ours) return std::nullopt;
  return ends;
}

void check_tap_ends(const Draft& draft, Problems& problems) {
  const auto& [address, peer] = std::tie(draft.tunnel_address, draft.tunnel_peer);
  if (!address) {
    if (peer) problems.add(peer->place, "goes with tunnel_address only; add this end's address, or remove this");
    return;
  }
  if (!peer && other_host(address->value).is_none()) {
    problems.add(address->place,
                 fmt::format("{} leaves open which address the peer has; add tunnel_peer, or write a subnet of two "
                             "hosts (/{})",
                             to_string(address->value), address->value.address.bits() - 2));
  } else if (peer && peer->value.family() != address->value.family()) {
    problems.add(peer->place, "is of another family than tunnel_address; write both as IPv4 or both as IPv6");
  } else if (peer && peer->value == address->value.address) {
    problems.add(peer->place, fmt::format("{} is this end's own address; write the peer's", to_string(peer->value)));
  }
}

void complete_tap(const Draft& draft, Interface& interface) {
  auto& tap = interface.tap;
  if (draft.bridge) tap.bridge = draft.bridge->value;
  if (draft.tunnel_address) tap.tunnel_address = draft.tunnel_address->value;
  if (draft.tunnel_peer) tap.tunnel_peer = draft.tunnel_peer->value;
  if (const auto ends = tap_ends(draft)) std::tie(tap.ours, tap.peers) = std::tie(ends->ours, ends->peers);
  if (tap.given_mac || !draft.private_key) {
    tap.mac = tap.given_mac.value_or(MacAddress());
    return;
  }
  const auto key = crypto::public_key_of(draft.private_key->value);
  const auto hash = crypto::blake2s({as_bytes("adit mac "), as_bytes(interface.name), key.bytes});
  std::copy_n(hash.begin(), tap.mac.bytes.size(), tap.mac.bytes.begin());
  // Of one station, and not from a vendor's range (IEEE 802, local bit).
  tap.mac.bytes[0] = static_cast<std::uint8_t>((tap.mac.bytes[0] & 0xfc) | 0x02);
}

}  // namespace adit::config
