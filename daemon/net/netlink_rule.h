// SPDX-License-Identifier: MIT
// Policy routing rules in rtnetlink, as much of them as PolicyRouting needs.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ip.h"
#include "net/netlink.h"

namespace adit::net {

struct Rule {
  Family family = Family::v4;
  std::uint32_t priority = 0;
  std::uint32_t table = 0;
  std::uint32_t mark = 0;
  std::uint32_t mask = 0;                             ///< 0: any mark matches, `mark` only names the owner
  bool invert = false;                                ///< "not": everything else matches
  std::optional<std::uint32_t> suppress_prefix = {};  ///< results with a prefix of at most that length do not count
  std::optional<std::uint16_t> local_udp_port = {};   ///< only UDP from that port of this host itself
  friend bool operator==(const Rule&, const Rule&) = default;
};

std::expected<void, NetlinkError> add_rule(Netlink& netlink, const Rule& rule);
std::expected<void, NetlinkError> remove_rule(Netlink& netlink, const Rule& rule);
/// Those with our protocol tag.
std::expected<std::vector<Rule>, NetlinkError> list_our_rules(Netlink& netlink, Family family);

}  // namespace adit::net
