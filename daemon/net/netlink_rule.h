// SPDX-License-Identifier: MIT
// Policy routing rules in rtnetlink, as much of them as PolicyRouting and Bypass need.
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
  std::uint32_t mask = 0;                        ///< 0: any mark matches, `mark` only names the owner
  bool invert = false;                           ///< "not": everything else matches
  std::optional<std::uint32_t> suppress_prefix;  ///< results with a prefix of at most that length do not count
  friend bool operator==(const Rule&, const Rule&) = default;
};

NetlinkResult<> add_rule(Netlink& netlink, const Rule& rule);
NetlinkResult<> remove_rule(Netlink& netlink, const Rule& rule);
/// Those with our protocol tag.
NetlinkResult<std::vector<Rule>> list_our_rules(Netlink& netlink, Family family);

/// One of anybody's.
struct FoundRule {
  Rule rule;             ///< table 0: none is looked up
  bool refuses = false;  ///< whatever it matches
  bool selects = false;  ///< it does not match every packet without a mark
};
/// All of them, in the order in which they count.
NetlinkResult<std::vector<FoundRule>> list_rules(Netlink& netlink, Family family);

}  // namespace adit::net
