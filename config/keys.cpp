// SPDX-License-Identifier: MIT
#include "config/keys.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

#include "config/wording.h"

namespace adit::config {
namespace {

constexpr std::array kKeys = std::to_array<std::string_view>({
    "interface",
    "interface.name",
    "interface.addresses",
    "interface.peer_addresses",
    "interface.mode",
    "interface.mac",
    "interface.bridge",
    "interface.tunnel_address",
    "interface.tunnel_peer",
    "interface.mtu",
    "interface.queue_length",
    "interface.owner",
    "interface.group",
    "interface.persist",
    "interface.multicast",
    "interface.kill_switch",
    "interface.netns",
    "interface.forward",
    "local",
    "local.private_key",
    "local.private_key_file",
    "local.private_key_credential",
    "local.listen",
    "local.device",
    "local.fwmark",
    "peer",
    "peer.public_key",
    "peer.preshared_key",
    "peer.preshared_key_file",
    "peer.preshared_key_credential",
    "peer.endpoint",
    "peer.keepalive",
    "peer.allowed_ips",
    "routes",
    "routes[].to",
    "routes[].metric",
    "routes[].table",
    "routes[].source",
    "log",
    "log.level",
    "tuning",
    "tuning.crypto",
    "tuning.tun_offload",
    "tuning.udp_offload",
    "tuning.receive_buffer",
    "tuning.send_buffer",
    "tuning.workers",
    "tuning.copy_dscp",
    "tuning.mss_clamp",
    "tuning.path_probe",
    "tuning.storm_limit",
    "hooks",
    "hooks.up",
    "hooks.up.command",
    "hooks.up.timeout",
    "hooks.up.required",
    "hooks.up[].command",
    "hooks.up[].timeout",
    "hooks.up[].required",
    "hooks.down",
    "hooks.down.command",
    "hooks.down.timeout",
    "hooks.down[].command",
    "hooks.down[].timeout",
    "hooks.state",
    "hooks.state.command",
    "hooks.state.timeout",
    "hooks.state[].command",
    "hooks.state[].timeout",
    "dns",
    "dns.servers",
    "dns.domains",

});

/// "routes[2].to" is the table's "routes[].to".
std::string without_indices(std::string_view path) {
  std::string result;
  bool inside = false;
  for (const char c : path) {
    if (c == ']') inside = false;
    if (!inside) result += c;
    if (c == '[') inside = true;
  }
  return result;
}

struct Split {
  std::string_view section;
  std::string_view name;
};

Split split(std::string_view path) {
  const auto dot = path.rfind('.');
  if (dot == std::string_view::npos) return {"", path};
  return {path.substr(0, dot), path.substr(dot + 1)};
}

/// Where a key of this very name belongs, if there is just one such place.
std::optional<std::string_view> belongs_to(std::string_view name) {
  std::optional<std::string_view> found;
  for (const auto& key : kKeys) {
    if (split(key).name != name) continue;
    if (found) return std::nullopt;
    found = key;
  }
  return found;
}

}  // namespace

std::span<const std::string_view> known_keys() {
  return kKeys;
}

bool is_known(std::string_view path) {
  return std::ranges::find(kKeys, without_indices(path)) != kKeys.end();
}

std::vector<std::string_view> names_within(std::string_view section) {
  const auto wanted = without_indices(section);
  std::vector<std::string_view> names;
  for (const auto& key : kKeys) {
    const auto [parent, name] = split(key);
    if (parent == wanted) names.push_back(name);
  }
  return names;
}

std::string unknown_key_reason(std::string_view section, std::string_view name) {
  if (const auto place = belongs_to(name)) return fmt::format("unknown key here; did you mean {}?", *place);
  const auto names = names_within(section);
  if (const auto guess = closest(name, names)) return fmt::format("unknown key; did you mean {}?", *guess);
  return fmt::format("unknown key; known here: {}", alternatives(names));
}

std::string join(std::string_view section, std::string_view name) {
  return section.empty() ? std::string(name) : fmt::format("{}.{}", section, name);
}

}  // namespace adit::config
