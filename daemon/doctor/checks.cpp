// SPDX-License-Identifier: MIT
#include "doctor/checks.h"

#include <algorithm>
#include <array>

namespace adit::doctor {
namespace {

constexpr std::array kChecks = std::to_array<Check>({
    {"config", judge_config},
    {"permissions", judge_permissions},
    {"own_key", judge_own_key},
    {"daemon", judge_daemon},
    {"unit", judge_unit},
    {"in_force", judge_in_force},
    {"tun_device", judge_tun_device},
    {"capability", judge_capability},
    {"state_directory", judge_state_directory},
    {"clock", judge_clock},
    {"interface", judge_interface},
    {"bridge", judge_bridge},
    {"ipv6", judge_ipv6},
    {"overlap", judge_overlap},
    {"routes", judge_routes},
    {"forwarding", judge_forwarding},
    {"port", judge_port},
    {"endpoint", judge_endpoint},
    {"way", judge_way},
    {"firewall", judge_firewall},
    {"rp_filter", judge_rp_filter},
    {"sending", judge_sending},
    {"state", judge_state},
    {"handshake", judge_handshake},
    {"peer_key", judge_peer_key},
    {"preshared_key", judge_preshared_key},
    {"mac1", judge_mac1},
    {"peer_clock", judge_peer_clock},
    {"allowed_ips", judge_allowed_ips},
    {"nat", judge_nat},
    {"mtu", judge_mtu},
    {"path_mtu", judge_path_mtu},
    {"buffers", judge_buffers},
    {"offload", judge_offload},
});

/// Causes before what follows from them: a port that is taken ends the daemon, which fails the unit.
constexpr std::array<std::string_view, kChecks.size()> kCauses{
    "own_key",     "config",     "tun_device",    "capability",  "port",
    "ipv6",        "overlap",    "interface",     "bridge",      "endpoint",
    "way",         "peer_key",   "preshared_key", "firewall",    "rp_filter",
    "mac1",        "peer_clock", "sending",       "path_mtu",    "routes",
    "clock",       "offload",    "in_force",      "permissions", "state_directory",
    "allowed_ips", "forwarding", "nat",           "mtu",         "buffers",
    "unit",        "daemon",     "state",         "handshake"};

}  // namespace

std::span<const Check> checks() {
  return kChecks;
}

std::vector<Finding> judge_all(const Facts& facts) {
  std::vector<Finding> findings;
  for (const auto& check : kChecks) {
    findings.push_back(check.judge(facts));
    findings.back().id = check.id;
  }
  return findings;
}

const Finding* most_likely(std::span<const Finding> findings) {
  for (const auto cause : kCauses) {
    for (const auto& finding : findings) {
      if (finding.id == cause && finding.verdict == Verdict::problem) return &finding;
    }
  }
  return nullptr;
}

Verdict worst(std::span<const Finding> findings) {
  auto verdict = Verdict::ok;
  for (const auto& finding : findings) {
    if (finding.verdict != Verdict::skipped) verdict = std::max(verdict, finding.verdict);
  }
  return verdict;
}

}  // namespace adit::doctor
