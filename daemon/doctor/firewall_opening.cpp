// SPDX-License-Identifier: MIT
// Who writes rules into another's tables loses them at its next reload: each tool has chains of its own to know it by.
#include "doctor/firewall_opening.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace adit::doctor {
namespace {

std::string by_firewalld(const Shut& shut) {
  // An open port is in the zone's chain _allow, behind what rich rules drop.
  if (shut.hook != "input" || shut.by.ends_with("_deny") || shut.by.ends_with("_pre")) return {};
  // Now and for later, each by itself: a reload would forget what others have opened for now.
  const auto zone = shut.zone.empty() ? std::string() : fmt::format("--zone={} ", shut.zone);
  const auto words = fmt::format("{}--add-port={}/udp", zone, shut.port);
  return fmt::format("firewall-cmd {0} && firewall-cmd --permanent {0}", words);
}

std::string by_ufw(const Shut& shut) {
  // before.rules come before all that is typed.
  if (shut.by.find("-before-") != std::string::npos || shut.by.ends_with("-not-local")) return {};
  if (!shut.by.ends_with("-user-input")) return fmt::format("ufw allow {}/udp", shut.port);
  // A rule for the port alone may be there already, behind what drops: ufw puts none in front that it has.
  if (shut.remote.is_none()) return {};
  return fmt::format("ufw prepend allow proto udp from {} to any port {}", to_string(shut.remote), shut.port);
}

bool is_iptables(const Shut& shut) {
  static constexpr std::array<std::string_view, 3> kTables{"filter", "mangle", "raw"};
  return (shut.family == "ip" || shut.family == "ip6") && (shut.chain == "INPUT" || shut.chain == "PREROUTING") &&
         std::ranges::find(kTables, shut.table) != kTables.end();
}

std::string by_iptables(const Shut& shut) {
  const auto table = shut.table == "filter" ? std::string() : fmt::format("-t {} ", shut.table);
  return fmt::format("{} {}-I {} -p udp --dport {} -j ACCEPT", shut.family == "ip6" ? "ip6tables" : "iptables", table,
                     shut.chain, shut.port);
}

}  // namespace

std::string command_that_opens(const Shut& shut) {
  if (shut.table == "firewalld") return by_firewalld(shut);
  if (shut.is_ufws) return by_ufw(shut);
  if (is_iptables(shut)) return by_iptables(shut);
  return fmt::format("nft insert rule {} {} {} udp dport {} accept", shut.family, shut.table, shut.chain, shut.port);
}

}  // namespace adit::doctor
