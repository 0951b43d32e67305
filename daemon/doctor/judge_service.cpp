// SPDX-License-Identifier: MIT
#include <fmt/core.h>

#include "doctor/checks.h"

namespace adit::doctor {
namespace {

std::string property(const UnitFacts& unit, const std::string& name) {
  const auto found = unit.properties.find(name);
  return found == unit.properties.end() ? std::string() : found->second;
}

bool is_loaded(const UnitFacts& unit) {
  return unit.why_not.empty() && property(unit, "LoadState") == "loaded";
}

}  // namespace

Finding judge_daemon(const Facts& facts) {
  const auto& daemon = facts.daemon;
  if (!daemon.failure) {
    Evidence seen;
    if (daemon.pid) seen.push_back(fmt::format("process {}", *daemon.pid));
    return ok("the daemon runs, and answers", seen);
  }
  switch (*daemon.failure) {
    case client::AskFailure::forbidden:
      return skipped("the daemon may only be asked by its owner: run as root");
    case client::AskFailure::no_answer:
      return problem("the daemon runs but does not answer", {daemon.sentence},
                     fmt::format("systemctl restart adit@{}", facts.name));
    case client::AskFailure::broken:
      return problem(
          "the daemon cannot be asked", {daemon.sentence},
          fmt::format("systemctl restart adit@{}, so that it runs the version that is installed", facts.name));
    case client::AskFailure::no_socket:
      // `start` would do nothing.
      if (property(facts.unit, "ActiveState") == "active") {
        return problem("the daemon runs, and its control socket was removed", {daemon.sentence},
                       fmt::format("systemctl restart adit@{}", facts.name));
      }
      break;
    case client::AskFailure::nobody:
      break;
  }
  return problem("the daemon does not run", {daemon.sentence}, fmt::format("systemctl start adit@{}", facts.name));
}

Finding judge_unit(const Facts& facts) {
  const auto& unit = facts.unit;
  if (!unit.why_not.empty()) return skipped(unit.why_not);
  const auto name = fmt::format("adit@{}", facts.name);
  if (!is_loaded(unit)) return skipped(fmt::format("systemd has no unit {}", name));
  const auto active = property(unit, "ActiveState");
  const auto result = property(unit, "Result");
  const auto status = property(unit, "ExecMainStatus");
  const Evidence seen{fmt::format("{} ({}), result {}, last exit status {}, {} restarts, {}", active,
                                  property(unit, "SubState"), result, status, property(unit, "NRestarts"),
                                  property(unit, "UnitFileState"))};
  if (active == "active" || active == "reloading") return ok(fmt::format("{} is active", name), seen);
  if (facts.status() != nullptr) return ok(fmt::format("the daemon runs, though not as {}", name), seen);
  if (active == "failed" || status == "78") {
    return problem(fmt::format("{} failed{}", name, status == "78" ? ": the file was not valid" : ""), seen,
                   fmt::format("journalctl -u {0} says why; then `systemctl restart {0}`", name));
  }
  if (active == "activating") {
    return problem(fmt::format("{} is starting again and again", name), seen,
                   fmt::format("journalctl -u {} says why it ends", name));
  }
  return warning(fmt::format("{} is not started", name), seen, fmt::format("systemctl enable --now {}", name));
}

Finding judge_tun_device(const Facts& facts) {
  const auto& host = facts.host;
  if (host.tun_problem.empty()) return ok("/dev/net/tun is there and may be opened");
  if (!host.is_root)
    return skipped(fmt::format("{} (for this user, which says nothing about the daemon)", host.tun_problem));
  if (facts.status() != nullptr) {
    return warning("/dev/net/tun cannot be opened any more: the link runs, and could not be started again",
                   {host.tun_problem}, host.tun_mend);
  }
  return problem("/dev/net/tun cannot be opened, so there can be no interface", {host.tun_problem}, host.tun_mend);
}

Finding judge_capability(const Facts& facts) {
  const auto& daemon = facts.daemon;
  const auto* const mend =
      "run aditd by its unit (`systemctl start adit@NAME`) or as root; in a container add NET_ADMIN";
  if (daemon.capabilities) {
    const Evidence seen{
        fmt::format("effective capabilities of process {}: {:#x}", daemon.pid.value_or(0), *daemon.capabilities)};
    if ((*daemon.capabilities & kNetAdmin) != 0) return ok("the daemon has CAP_NET_ADMIN");
    return warning("the daemon has no CAP_NET_ADMIN: it cannot change its interface, addresses and routes", seen, mend);
  }
  if (is_loaded(facts.unit)) {
    const auto ambient = property(facts.unit, "AmbientCapabilities");
    const auto gives = [&](const char* capability) { return ambient.find(capability) != std::string::npos; };
    if (const auto netns = facts.netns(); !netns.empty() && !gives("cap_sys_admin")) {
      return problem(fmt::format("the unit does not give the daemon CAP_SYS_ADMIN, which it takes to enter the network "
                                 "namespace {}",
                                 netns),
                     {fmt::format("AmbientCapabilities={}", ambient)},
                     "add the drop-in that network-namespaces.md in /usr/share/doc/adit shows");
    }
    if (gives("cap_net_admin")) return ok("the unit gives the daemon CAP_NET_ADMIN");
    return problem("the unit does not give the daemon CAP_NET_ADMIN", {fmt::format("AmbientCapabilities={}", ambient)},
                   "remove the drop-in that takes it away: `systemctl cat adit@.service` shows them all");
  }
  if (!facts.host.is_root) return skipped("the daemon does not run, and this user says nothing about it");
  if ((facts.host.capabilities & kNetAdmin) != 0) return ok("root has CAP_NET_ADMIN here");
  return problem("not even root has CAP_NET_ADMIN here: there can be no interface",
                 {fmt::format("effective capabilities: {:#x}", facts.host.capabilities)}, mend);
}

Finding judge_state_directory(const Facts& facts) {
  const auto& host = facts.host;
  if (!host.state_unknown.empty()) return skipped(host.state_unknown);
  if (host.state_problem.empty()) return ok(fmt::format("{} can be written", host.state_directory));
  const auto user = facts.daemon.uid ? "the daemon's user" : "the user adit (of the unit)";
  return warning(fmt::format("{} cannot be written: after a restart with the clock set back the peer may refuse us",
                             host.state_directory),
                 {host.state_problem}, fmt::format("make it a folder that {} may write", user));
}

}  // namespace adit::doctor
