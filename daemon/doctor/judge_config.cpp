// SPDX-License-Identifier: MIT
#include <fmt/core.h>

#include <algorithm>

#include "config/validate.h"
#include "doctor/checks.h"
#include "host/host_plan.h"

namespace adit::doctor {
namespace {

Evidence texts_of(const std::vector<config::Problem>& problems) {
  Evidence texts;
  for (const auto& problem : problems) texts.push_back(to_string(problem));
  return texts;
}

/// A credential that only the unit can read is all zero here.
bool is_known(const crypto::PrivateKey& key) {
  return std::ranges::any_of(key.bytes(), [](std::uint8_t byte) { return byte != 0; });
}

std::string key_of(const config::Config& config) {
  return crypto::to_base64(crypto::public_key_of(config.local.private_key));
}

/// The default route of a family that is blocked for want of an address leads nowhere, and is among no routes in use.
bool is_blocked(const config::Config& config, const config::Route& route) {
  const auto blocked = host::blocked_families(config);
  return route.is_default_of_host() && std::ranges::find(blocked, route.to.family()) != blocked.end();
}

}  // namespace

Finding judge_config(const Facts& facts) {
  const auto& file = facts.file_facts;
  switch (file.state) {
    case FileState::valid:
      break;
    case FileState::forbidden:
      return skipped(fmt::format("{} may not be read by this user: run as root", facts.file));
    case FileState::missing:
      if (!facts.daemon.has_file) return skipped("this link has no file: `wg` sets it up");
      return problem(fmt::format("{} is missing", facts.file), {},
                     "put it back: the running link cannot be reloaded or started again without");
    case FileState::invalid:
      return problem(fmt::format("{} is not valid", facts.file), texts_of(file.problems),
                     "correct the file; `adit check` says the same");
  }
  const auto warnings = texts_of(file.config->warnings);
  // A credential cannot be read from here, and that is as it should be.
  const bool only_credentials = std::ranges::all_of(
      file.config->warnings, [](const config::Problem& each) { return each.reason.starts_with("not checked:"); });
  if (only_credentials) return ok(fmt::format("{} is valid", facts.file), warnings);
  return warning(fmt::format("{} is valid, but hardly as it was meant", facts.file), warnings, "correct the file");
}

Finding judge_permissions(const Facts& facts) {
  const auto& file = facts.file_facts;
  if (file.state != FileState::valid) return skipped("there is no valid file");
  const auto seen = fmt::format("mode {:04o}, owner {}", file.mode, file.owner);
  if ((file.mode & 022) != 0) {
    return warning("group or others can change the file, and with it this link", {seen},
                   fmt::format("chmod go-w {}", facts.file));
  }
  if (!file.for_daemon || file.for_daemon->empty())
    return ok("the file and its keys are private, and can be read", {seen});
  return warning(
      fmt::format("the daemon runs as {}, and could not read the file or its keys again", file.daemon_user),
      texts_of(*file.for_daemon),
      fmt::format("give {0} the file and its keys (chown {0}), or `systemctl reload adit@{1}`, which does so "
                  "in /etc/adit",
                  file.daemon_user, facts.name));
}

Finding judge_own_key(const Facts& facts) {
  const auto& file = facts.file_facts;
  for (const auto& each : file.problems) {
    if (each.reason != config::kOwnKeyReason) continue;
    return problem("peer.public_key is this host's own key: the two were mixed up", {to_string(each)},
                   "run `adit pubkey` at the other end on its private key, and write what it prints");
  }
  if (!file.config) return skipped("there is no valid file");
  if (!is_known(file.config->local.private_key))
    return skipped("the private key is a credential that only the unit sees");
  return ok("peer.public_key is not this host's own key", {fmt::format("which is {}", key_of(*file.config))});
}

Finding judge_in_force(const Facts& facts) {
  const auto* const config = facts.config();
  const auto* const status = facts.status();
  if (config == nullptr) return skipped("there is no valid file");
  if (status == nullptr) return skipped("the daemon does not answer");
  Evidence differences;
  const auto compare = [&](const char* key, const auto& in_file, const auto& in_use) {
    if (in_file != in_use)
      differences.push_back(fmt::format("{} is {} in the file, and {} in use", key, in_file, in_use));
  };
  compare("interface.name", config->interface.name, status->interface);
  if (config->interface.mtu) compare("interface.mtu", *config->interface.mtu, status->mtu);
  if (is_known(config->local.private_key)) {
    compare("the public key of this host", key_of(*config), status->local_key);
  }
  if (config->local.listen.port != 0) compare("local.listen", config->local.listen.port, status->port);
  compare("peer.public_key", crypto::to_base64(config->peer.public_key), status->peer_key);
  for (const auto& route : config->routes) {
    if (is_blocked(*config, route)) continue;
    const bool there = std::ranges::find(status->routes, route.to) != status->routes.end();
    if (!there) differences.push_back(fmt::format("the route {} of the file is not in use", to_string(route.to)));
  }
  for (const auto& key : status->changed_by_wg) differences.push_back(fmt::format("{} was changed by `wg`", key));
  if (differences.empty()) return ok("the daemon runs with what the file says");
  return warning("the daemon runs with other values than the file has", differences,
                 fmt::format("adit reload {}", facts.name));
}

}  // namespace adit::doctor
