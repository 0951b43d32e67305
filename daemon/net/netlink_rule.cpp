// SPDX-License-Identifier: MIT
#include "net/netlink_rule.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <functional>

#include "net/netlink_message.h"
#include "net/sockaddr.h"

namespace adit::net {
namespace {

NetlinkMessage message_for(int type, int flags, const Rule& rule) {
  fib_rule_hdr header{};
  header.family = static_cast<std::uint8_t>(to_af(rule.family));
  header.action = FR_ACT_TO_TBL;
  header.flags = rule.invert ? FIB_RULE_INVERT : 0;
  NetlinkMessage message(type, flags, header);
  message.put_u32(FRA_PRIORITY, rule.priority).put_u32(FRA_TABLE, rule.table);
  message.put_u32(FRA_FWMARK, rule.mark).put_u32(FRA_FWMASK, rule.mask);
  message.put_u8(FRA_PROTOCOL, kAditProtocol);
  if (rule.suppress_prefix) message.put_u32(FRA_SUPPRESS_PREFIXLEN, *rule.suppress_prefix);
  return message;
}

Rule parse_rule(nlmsghdr* message, const NetlinkAttributes& attributes, Family family) {
  const auto& header = header_of<fib_rule_hdr>(message);
  Rule rule;
  rule.family = family;
  rule.priority = attributes.u32(FRA_PRIORITY).value_or(0);
  rule.table = attributes.u32(FRA_TABLE).value_or(header.table);
  rule.mark = attributes.u32(FRA_FWMARK).value_or(0);
  rule.mask = attributes.u32(FRA_FWMASK).value_or(0);
  rule.invert = (header.flags & FIB_RULE_INVERT) != 0;
  // The kernel's "none" is -1.
  const auto suppress = attributes.u32(FRA_SUPPRESS_PREFIXLEN);
  if (suppress && *suppress != ~std::uint32_t{0}) rule.suppress_prefix = suppress;
  return rule;
}

/// What else a rule may look at than the mark.
constexpr std::array kSelectors{FRA_IIFNAME,  FRA_OIFNAME,     FRA_L3MDEV,      FRA_UID_RANGE,
                                FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE, FRA_TUN_ID};

FoundRule parse_any(nlmsghdr* message, const NetlinkAttributes& attributes, Family family) {
  const auto& header = header_of<fib_rule_hdr>(message);
  FoundRule found{.rule = parse_rule(message, attributes, family)};
  if (header.action != FR_ACT_TO_TBL) found.rule.table = 0;
  found.refuses =
      header.action == FR_ACT_BLACKHOLE || header.action == FR_ACT_UNREACHABLE || header.action == FR_ACT_PROHIBIT;
  const bool fits_no_mark = ((found.rule.mark & found.rule.mask) == 0) != found.rule.invert;
  found.selects = !fits_no_mark || header.src_len != 0 || header.dst_len != 0 || header.tos != 0 ||
                  std::ranges::any_of(kSelectors, [&](int each) { return attributes.find(each) != nullptr; });
  return found;
}

NetlinkResult<> dump_rules(Netlink& netlink, Family family,
                           const std::function<void(nlmsghdr*, const NetlinkAttributes&)>& each) {
  fib_rule_hdr header{};
  header.family = static_cast<std::uint8_t>(to_af(family));
  auto done = netlink.query({RTM_GETRULE, NLM_F_DUMP, header}, [&](nlmsghdr* message) {
    if (header_of<fib_rule_hdr>(message).family != to_af(family)) return;
    each(message, NetlinkAttributes(message, sizeof header, FRA_MAX));
  });
  if (!done && !is_missing_family(done.error())) return std::unexpected(done.error());
  return {};
}

}  // namespace

NetlinkResult<> add_rule(Netlink& netlink, const Rule& rule) {
  return netlink.request(message_for(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule));
}

NetlinkResult<> remove_rule(Netlink& netlink, const Rule& rule) {
  return netlink.request(message_for(RTM_DELRULE, 0, rule));
}

NetlinkResult<std::vector<Rule>> list_our_rules(Netlink& netlink, Family family) {
  std::vector<Rule> rules;
  auto done = dump_rules(netlink, family, [&](nlmsghdr* message, const NetlinkAttributes& attributes) {
    if (attributes.u8(FRA_PROTOCOL) == kAditProtocol) rules.push_back(parse_rule(message, attributes, family));
  });
  if (!done) return std::unexpected(done.error());
  return rules;
}

NetlinkResult<std::vector<FoundRule>> list_rules(Netlink& netlink, Family family) {
  std::vector<FoundRule> rules;
  auto done = dump_rules(netlink, family, [&](nlmsghdr* message, const NetlinkAttributes& attributes) {
    rules.push_back(parse_any(message, attributes, family));
  });
  if (!done) return std::unexpected(done.error());
  return rules;
}

}  // namespace adit::net
