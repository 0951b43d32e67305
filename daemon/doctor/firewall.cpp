// SPDX-License-Identifier: MIT
// 1. The base chains of the hooks on its way, each by itself: a datagram must pass them all.
// 2. A chain's rules in order, until one certainly decides; jumps go into other chains and come back.
// 3. What no rule decided, the base chain's policy does.
#include "doctor/firewall.h"

#include <fmt/core.h>
#include <linux/netfilter_ipv4.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "doctor/firewall_match.h"
#include "doctor/firewall_opening.h"

namespace adit::doctor {
namespace {

using nlohmann::json;

/// The kernel's own limit of jumps within jumps.
constexpr int kMostJumps = 16;
/// Rules that are looked at. Chains that lead to each other by many ways would otherwise take for ever.
constexpr std::size_t kMostSteps = 200'000;

/// Statements that decide nothing, and behind which the rule always goes on. Any that is neither here nor below might.
constexpr std::array kHarmless{"counter", "log", "mangle", "notrack", "flow", "ct helper"};

/// Where a datagram may have ended, and whether it may have come out at the end.
struct Course {
  bool accepted = false;
  bool dropped = false;
  bool goes_on = true;               ///< to the next rule
  bool returns = false;              ///< to whoever led here, without the rules that follow
  const json* dropped_by = nullptr;  ///< the first rule that does, or may
  const json* last_dropped_by = nullptr;
};

/// Where a datagram meets base chains.
struct Place {
  const char* hook;
  bool of_devices = false;          ///< of some network device: nft does not always say which
  bool before_redirection = false;  ///< its port may still be another one
};
constexpr std::array kComing{Place{"ingress", true, true}, Place{"prerouting", false, true}, Place{"input"}};
constexpr std::array kGoing{Place{"output"}, Place{"postrouting"}, Place{"egress", true}};

/// Of a running link.
bool is_ours(const json& chain) {
  return chain.value("table", "").starts_with("adit_");
}

/// Not so those for NAT, and our own, which are about what is inside links.
bool may_shut(const json& chain) {
  const bool translates = chain.value("type", "") == "nat" && chain.value("hook", "").ends_with("routing");
  return !translates && !is_ours(chain);
}

/// Has connection tracking seen what comes to this base chain?
bool is_tracked(const json& chain) {
  const auto hook = chain.value("hook", "");
  if (hook == "ingress") return false;
  return (hook != "prerouting" && hook != "output") || chain.value("prio", 0) >= NF_IP_PRI_CONNTRACK;
}

bool is_for_family(const std::string& family, const IpAddress& remote) {
  if (family == "inet" || family == "netdev") return true;
  if (remote.is_none()) return family == "ip" || family == "ip6";
  return family == (remote.is_v4() ? "ip" : "ip6");
}

std::string name_of(const json& chain) {
  return fmt::format("chain {} {} {}", chain.value("family", ""), chain.value("table", ""), chain.value("name", ""));
}

std::string name_of_rule(const json& rule) {
  std::string counted;
  for (const auto& statement : rule.at("expr")) {
    if (statement.contains("counter") && statement.at("counter").is_object()) {
      counted = fmt::format(", which has matched {} packets", statement.at("counter").value("packets", 0));
    }
  }
  const auto list = fmt::format("{} {} {}", rule.value("family", ""), rule.value("table", ""), rule.value("chain", ""));
  return fmt::format("rule {} of chain {}{} (`nft -a list chain {}`)", rule.value("handle", 0), list, counted, list);
}

/// An extension of iptables, which nft only names.
bool is_extension(const json& statement, const char* type) {
  return statement.contains("xt") && statement.at("xt").is_object() && statement.at("xt").value("type", "") == type;
}

/// What comes to another port may end at ours.
bool redirects(const json& rule, std::uint16_t port) {
  return std::ranges::any_of(rule.at("expr"), [port](const json& statement) {
    if (statement.contains("redirect")) return true;
    if (is_extension(statement, "target")) return statement.at("xt").value("name", "") == "REDIRECT";
    return statement.contains("dnat") && statement.at("dnat").is_object() &&
           statement.at("dnat").value("port", json()) == port;
  });
}

/// firewalld has a chain for each zone, filter_IN_ZONE, which leads to others of its own.
std::string_view firewalld_zone(std::string_view chain) {
  constexpr std::string_view kPrefix = "filter_IN_";
  if (!chain.starts_with(kPrefix)) return {};
  chain.remove_prefix(kPrefix.size());
  return chain.starts_with("policy_") ? std::string_view() : chain;
}

class Walk {
 public:
  Walk(const json& objects, const Imagined& datagram) : sets_(objects), datagram_(datagram) {
    for (const auto& object : objects) {
      if (!object.contains("rule")) continue;
      const auto& rule = object.at("rule");
      rules_[{rule.value("family", ""), rule.value("table", ""), rule.value("chain", "")}].push_back(&rule);
      may_be_redirected_ |= redirects(rule, datagram.local_port);
    }
  }

  Ruling base_chain(const json& chain) {
    zone_.clear();
    tracked_ = is_tracked(chain);
    const auto course = through(chain.value("family", ""), chain.value("table", ""), chain.value("name", ""), 0);
    const bool policy_drops = chain.value("policy", "accept") == "drop";
    const bool may_pass = course.accepted || (course.goes_on && !policy_drops);
    const bool may_drop = course.dropped || (course.goes_on && policy_drops);
    if (!may_drop) return {};
    // Where nothing gets through, what may drop matters less than what does: nothing comes behind that.
    const auto* const by = may_pass ? course.dropped_by : course.goes_on ? nullptr : course.last_dropped_by;
    auto where = by != nullptr ? name_of_rule(*by)
                               : fmt::format("the policy of {} is drop, and no rule accepts it", name_of(chain));
    if (may_pass) return {Fate::unclear, std::move(where), {}};
    return {Fate::drops, std::move(where), opening(chain, by)};
  }

  /// What came to another port.
  bool may_be_redirected() const { return may_be_redirected_; }

 private:
  /// `by`: the rule that drops; null: the policy does.
  std::string opening(const json& chain, const json* by) const {
    if (datagram_.hook != Hook::input || datagram_.local_port == 0) return {};
    const auto family = chain.value("family", "");
    const auto table = chain.value("table", "");
    const auto* const ufws = family == "ip6" ? "ufw6-before-input" : "ufw-before-input";
    return command_that_opens({.family = family,
                               .table = table,
                               .chain = chain.value("name", ""),
                               .hook = chain.value("hook", ""),
                               .by = by == nullptr ? std::string() : by->value("chain", ""),
                               .is_ufws = rules_.contains({family, table, ufws}),
                               .zone = datagram_.interface.empty() ? std::string() : zone_,
                               .remote = datagram_.remote.address,
                               .port = datagram_.local_port});
  }

  Course through(const std::string& family, const std::string& table, const std::string& chain, int depth) {
    Course course;
    if (depth > kMostJumps) return course;
    for (const auto* const rule : rules_[{family, table, chain}]) {
      if (++steps_ > kMostSteps) decide_either_way(*rule, course);
      if (steps_ > kMostSteps || apply(*rule, course, depth)) break;
    }
    course.goes_on |= course.returns;
    return course;
  }

  /// True: nothing gets past this rule.
  bool apply(const json& rule, Course& course, int depth) {
    bool certain = true;
    for (const auto& statement : rule.at("expr")) {
      if (const auto matched = goes_on_behind(statement, rule)) {
        if (*matched == Tri::no) return false;
        certain &= *matched == Tri::yes;
      } else if (statement.contains("vmap")) {
        if (map(statement.at("vmap"), rule, course, certain, depth)) return true;
      } else if (decides(statement)) {
        return decide(statement, rule, course, certain, depth);
      } else if (!is_harmless(statement)) {
        // Limits, quotas, meters, extensions of iptables: it may match or not, and even decide by itself.
        certain = false;
        const bool may_decide = statement.contains("xt") && !is_extension(statement, "match");
        if (may_decide || statement.contains("queue")) decide_either_way(rule, course);
      }
    }
    return false;
  }

  /// Whether the rule does. None: the statement is neither a match nor like one.
  std::optional<Tri> goes_on_behind(const json& statement, const json& rule) const {
    if (statement.contains("match")) return matches(statement.at("match"), scope_of(rule));
    // Into a set goes what the packet has: `add @seen { ip saddr }` ends the rule for IPv6. With a limit or a quota for
    // each element (`stmt`) it is one of those that may end it for any.
    if (!statement.contains("set") || statement.at("set").contains("stmt")) return std::nullopt;
    const auto& element = statement.at("set").at("elem");
    const auto& key = element.contains("elem") ? element.at("elem").at("val") : element;
    return matches({{"left", key}, {"right", "*"}}, scope_of(rule));
  }

  MatchScope scope_of(const json& rule) const {
    return {datagram_, sets_, rule.value("family", ""), rule.value("table", ""), may_be_redirected_, tracked_};
  }

  static bool decides(const json& statement) {
    static constexpr std::array kVerdicts{"accept", "drop", "reject", "return", "jump", "goto", "continue"};
    return std::ranges::any_of(kVerdicts, [&](const char* verdict) { return statement.contains(verdict); });
  }
  static bool is_harmless(const json& statement) {
    return std::ranges::any_of(kHarmless, [&](const char* name) { return statement.contains(name); });
  }

  static void note_drop(Course& course, const json& rule) {
    course.dropped = true;
    if (course.dropped_by == nullptr) course.dropped_by = &rule;
    course.last_dropped_by = &rule;
  }

  static void decide_either_way(const json& rule, Course& course) {
    course.accepted = true;
    note_drop(course, rule);
  }

  /// A verdict map: one verdict for each value the key may have.
  bool map(const json& vmap, const json& rule, Course& course, bool certain, int depth) {
    const auto& data = vmap.at("data");
    if (!data.is_object() || !data.contains("set")) {
      decide_either_way(rule, course);
      return false;
    }
    const auto scope = scope_of(rule);
    for (const auto& pair : data.at("set")) {
      const auto matched = matches({{"left", vmap.at("key")}, {"right", pair.at(0)}}, scope);
      if (matched == Tri::no) continue;
      const bool ends = decide(pair.at(1), rule, course, certain && matched == Tri::yes, depth);
      if (matched == Tri::yes) return ends;
    }
    return false;
  }

  bool decide(const json& verdict, const json& rule, Course& course, bool certain, int depth) {
    if (verdict.contains("continue")) return false;
    if (verdict.contains("jump")) return follow(verdict.at("jump"), true, rule, course, certain, depth);
    if (verdict.contains("goto")) return follow(verdict.at("goto"), false, rule, course, certain, depth);
    if (verdict.contains("return")) {
      course.returns = true;
    } else if (verdict.contains("accept")) {
      course.accepted = true;
    } else {
      note_drop(course, rule);
    }
    if (certain) course.goes_on = false;
    return certain;
  }

  bool follow(const json& jump, bool comes_back, const json& rule, Course& course, bool certain, int depth) {
    const auto target = jump.at("target").get<std::string>();
    if (certain && zone_.empty()) zone_ = firewalld_zone(target);
    const auto inner = through(rule.value("family", ""), rule.value("table", ""), target, depth + 1);
    course.accepted |= inner.accepted;
    course.dropped |= inner.dropped;
    if (course.dropped_by == nullptr) course.dropped_by = inner.dropped_by;
    if (inner.dropped) course.last_dropped_by = inner.last_dropped_by;
    if (!comes_back) course.returns |= inner.goes_on;
    if (!certain) return false;
    course.goes_on = comes_back && inner.goes_on;
    return !course.goes_on;
  }

  /// By family, table and chain.
  std::map<std::array<std::string, 3>, std::vector<const json*>> rules_;
  NamedSets sets_;
  std::size_t steps_ = 0;
  const Imagined& datagram_;
  bool may_be_redirected_ = false;
  bool tracked_ = true;
  std::string zone_;  ///< of firewalld's, the first one that it certainly comes to
};

}  // namespace

bool has_shield(const json& ruleset) {
  return std::ranges::any_of(ruleset.at("nftables"), [](const json& object) {
    return object.contains("chain") && is_ours(object.at("chain"));
  });
}

Ruling judge_datagram(const json& ruleset, const Imagined& datagram) {
  const auto& objects = ruleset.at("nftables");
  Walk walk(objects, datagram);
  Ruling worst;
  for (const auto& place : datagram.hook == Hook::input ? kComing : kGoing) {
    for (const auto& object : objects) {
      if (!object.contains("chain")) continue;
      const auto& chain = object.at("chain");
      if (chain.value("hook", "") != place.hook || !may_shut(chain)) continue;
      if (!is_for_family(chain.value("family", ""), datagram.remote.address)) continue;
      auto ruling = walk.base_chain(chain);
      const bool sure = !place.of_devices && !(place.before_redirection && walk.may_be_redirected());
      if (!sure) ruling.fate = std::min(ruling.fate, Fate::unclear);
      if (ruling.fate > worst.fate) worst = std::move(ruling);
    }
  }
  return worst;
}

}  // namespace adit::doctor
