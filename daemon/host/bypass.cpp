// SPDX-License-Identifier: MIT
#include "host/bypass.h"

#include <fmt/core.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "host/link_number.h"

namespace adit::host {
namespace {

/// Places in both halves of each family, since others may lead one of them elsewhere. Nothing is sent there. They are
/// ordinary hosts' addresses: those for documentation are refused on many hosts. Of three in a half the first counts
/// that no route of somebody's network covers.
using Half = std::array<const char*, 3>;
constexpr std::array<Half, 2> kOutsideV4{Half{"45.66.77.88", "93.84.75.66", "69.75.87.93"},
                                         Half{"154.43.32.21", "185.74.63.52", "212.101.90.79"}};
constexpr std::array<Half, 2> kOutsideV6{Half{"2606:4d53::1", "2a0e:8f02::1", "2405:6a17::1"},
                                         Half{"3a5f:11::1", "3c07:22::1", "3e11:33::1"}};

/// Packets that are to go into the tunnel, or nowhere.
struct Wanted {
  IpNetwork network;     ///< by the link's rules for this
  bool blocked = false;  ///< nowhere
};

/// What the link does with the address.
std::optional<Wanted> wanted_of(const PolicyRoutingOptions& options, const IpAddress& address) {
  const auto family = address.family();
  const auto has = [family](const std::vector<Family>& all) { return std::ranges::find(all, family) != all.end(); };
  std::optional<Wanted> wanted;
  if (has(options.families) || has(options.blocked)) {
    wanted = Wanted{.network = {IpAddress::any(family), 0}, .blocked = has(options.blocked)};
  }
  for (const auto& network : options.spared) {
    const bool precise = wanted && network.prefix <= wanted->network.prefix;
    if (network.family() != family || network.prefix > kNobodysNetwork || precise || !network.contains(address))
      continue;
    wanted = Wanted{.network = network};
  }
  return wanted;
}

/// What is as wide as this or wider is to be the link's.
std::uint32_t limit_of(const Wanted& wanted) {
  return wanted.network.prefix == 0 ? kNobodysNetwork : wanted.network.prefix;
}

std::string name_of_table(std::uint32_t table) {
  return table == RT_TABLE_MAIN ? "main" : table == RT_TABLE_DEFAULT ? "default" : std::to_string(table);
}

std::string name_of_interface(std::uint32_t index) {
  std::array<char, IF_NAMESIZE> name{};
  if (index == 0) return "several interfaces";
  return if_indextoname(index, name.data()) != nullptr ? name.data() : "an interface that is gone";
}

class Search {
 public:
  Search(net::Netlink& netlink, const PolicyRoutingOptions& options, const std::filesystem::path& numbers)
      : netlink_(netlink), options_(options), numbers_(numbers) {}

  /// How the sentence about this address goes on after its subject; empty: all is well. None: that is not known.
  std::optional<std::string> judge(const IpAddress& address, const Wanted& wanted, const net::RouteMatch& match) {
    const bool as_wanted = wanted.blocked ? match.refused : !match.refused && match.interface == options_.interface;
    if (as_wanted) return "";
    const auto rules = net::list_rules(netlink_, address.family());
    if (!rules) return std::nullopt;
    // Without the link's own rule it is not the place of others' that is to blame: link/guard.h puts it back.
    const auto own = std::ranges::find_if(*rules, [&](const net::FoundRule& found) {
      return found.rule.table == options_.number && found.rule.priority == own_priority(wanted);
    });
    if (own == rules->end()) return std::nullopt;
    const std::span<const net::FoundRule> front(rules->begin(), own);
    return match.refused ? refused(front, address, wanted) : led_past(front, address, match);
  }

 private:
  std::uint32_t own_priority(const Wanted& wanted) const { return options_.priority - 2U * wanted.network.prefix + 1; }

  /// Who refuses something is only to be found by looking at all who might.
  std::optional<std::string> refused(std::span<const net::FoundRule> front, const IpAddress& address,
                                     const Wanted& wanted) {
    for (const auto& each : front) {
      const bool may = !each.selects && !each.rule.suppress_prefix && (each.refuses || each.rule.table != 0);
      if (!may) continue;
      const auto refuses =
          each.refuses ? std::optional(true) : table_refuses(each.rule.table, address, limit_of(wanted));
      if (!refuses) return std::nullopt;
      if (!*refuses) continue;
      if (!is_link_number(each.rule.table)) return "is refused: " + mend_of(each, address.family());
      const auto link = link_of(each.rule.table);
      if (link.empty()) return fmt::format("is refused by the rules of another link (see `ip rule`, `adit status`)");
      return fmt::format(
          "is refused by the rules of the link {0}, which stay when it ends without being stopped: start {0}, or let "
          "go what it holds by `adit unblock {0}`",
          link);
    }
    return "";
  }

  std::optional<bool> table_refuses(std::uint32_t table, const IpAddress& address, std::uint32_t limit) {
    const auto routes = net::list_routes(netlink_, {.family = address.family(), .table = table});
    if (!routes) return std::nullopt;
    return std::ranges::any_of(*routes, [&](const net::FoundRoute& found) {
      return found.interface == 0 && found.route.to.prefix <= limit && found.route.to.contains(address);
    });
  }

  std::string led_past(std::span<const net::FoundRule> front, const IpAddress& address, const net::RouteMatch& match) {
    const auto interface = name_of_interface(match.interface);
    if (is_link_number(match.table) && match.table != options_.number) {
      const auto link = link_of(match.table);
      return fmt::format(
          "goes into {} ({}), whose rules were there first: one link of a host can have all traffic; leave `default` "
          "out of the other's routes, or give one of them interface.netns",
          link.empty() ? "another link" : "the link " + link, interface);
    }
    const auto leads = [&](const net::FoundRule& found) {
      const auto& suppress = found.rule.suppress_prefix;
      return found.rule.table == match.table && match.table != 0 && (!suppress || *suppress < match.prefix);
    };
    auto culprit = std::ranges::find_if(front, [&](const auto& found) { return leads(found) && !found.selects; });
    if (culprit == front.end()) culprit = std::ranges::find_if(front, leads);
    if (culprit != front.end()) {
      return fmt::format("goes past the tunnel, by {}: {}", interface, mend_of(*culprit, address.family()));
    }
    return fmt::format(
        "goes past the tunnel, by {}: something in table {} or before this link's rules in `ip {}rule` "
        "leads there",
        interface, name_of_table(match.table), address.family() == Family::v6 ? "-6 " : "");
  }

  std::string mend_of(const net::FoundRule& found, Family family) const {
    const auto& rule = found.rule;
    const auto what = found.refuses ? std::string("refuses it") : "looks up table " + name_of_table(rule.table);
    return fmt::format(
        "the rule {0}, which {1}, comes before this link's at {2}: remove it (`ip {3}rule del priority {0}`), or give "
        "it a priority above {2}",
        rule.priority, what, options_.priority + 1, family == Family::v6 ? "-6 " : "");
  }

  std::string link_of(std::uint32_t number) const { return name_of_link_number(numbers_, number); }

  net::Netlink& netlink_;
  const PolicyRoutingOptions& options_;
  const std::filesystem::path& numbers_;
};

/// A sentence without its subject, and what it is about.
struct Finding {
  std::string rest;
  std::vector<std::string> subjects;
};

void add(std::vector<Finding>& findings, std::string subject, const std::string& rest) {
  auto same = std::ranges::find(findings, rest, &Finding::rest);
  if (same == findings.end()) same = findings.insert(findings.end(), {.rest = rest, .subjects = {}});
  same->subjects.push_back(std::move(subject));
}

/// Of one half of a family; empty: all is well, or there is nothing to be judged. None: that is not known.
std::optional<std::string> judge_half(net::Netlink& netlink, const PolicyRoutingOptions& options, Search& search,
                                      const Half& half) {
  for (const auto* const text : half) {
    const auto address = IpAddress::parse(text).value();
    const auto wanted = wanted_of(options, address);
    if (!wanted) continue;
    const auto match = net::find_match(netlink, address);
    if (!match && net::is_missing_family(match.error())) return "";
    if (!match) return std::nullopt;
    const bool narrower = !match->refused && match->interface != options.interface && match->prefix > limit_of(*wanted);
    if (!narrower) return search.judge(address, *wanted, *match);
  }
  return "";
}

}  // namespace

Bypasses find_bypasses(net::Netlink& netlink, const PolicyRoutingOptions& options,
                       const std::filesystem::path& numbers) {
  Search search(netlink, options, numbers);
  Bypasses bypasses;
  std::vector<Finding> findings;
  for (const auto family : {Family::v4, Family::v6}) {
    const auto& [low, high] = family == Family::v4 ? kOutsideV4 : kOutsideV6;
    const auto in_low = judge_half(netlink, options, search, low);
    const auto in_high = judge_half(netlink, options, search, high);
    if (!in_low || !in_high) {
      bypasses.all = false;
      continue;
    }
    const std::string all = family_name(family);
    if (*in_low == *in_high) {
      if (!in_low->empty()) add(findings, all, *in_low);
      continue;
    }
    for (const auto& rest : {*in_low, *in_high}) {
      if (!rest.empty()) add(findings, "a part of " + all, rest);
    }
  }
  for (const auto& [rest, subjects] : findings) {
    // Both families may have one cause, and one next step.
    std::string subject;
    for (const auto& each : subjects) subject += (subject.empty() ? "" : " and ") + each;
    bypasses.sentences.push_back(fmt::format("{} traffic {}", subject, rest));
  }
  return bypasses;
}

}  // namespace adit::host
