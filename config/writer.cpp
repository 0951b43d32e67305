// SPDX-License-Identifier: MIT
#include "config/writer.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "config/validate.h"
#include "config/wg_quick_values.h"

namespace adit::config {
namespace {

/// Plain where every reader of YAML takes it for text, else in quotes.
std::string text(std::string_view value) {
  static constexpr std::array<std::string_view, 10> kWords{"true", "false", "null", "yes", "no",
                                                           "on",   "off",   "y",    "n",   "auto"};
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_plain = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  std::string lower;
  for (const char c : value) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (!value.empty() && is_letter(value[0]) && std::ranges::all_of(value, is_plain) &&
      std::ranges::find(kWords, lower) == kWords.end()) {
    return std::string(value);
  }
  std::string quoted = "\"";
  for (const char c : value) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\x{:02x}", byte);
      continue;
    }
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

/// Names of files have slashes, and are plain with them.
std::string path_text(const std::filesystem::path& path) {
  const auto& name = path.native();
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-").contains(c);
  };
  return name.starts_with('/') && std::ranges::all_of(name, plain) ? name : text(name);
}

std::string word_text(const std::string& word) {
  return text(word);
}

/// Addresses of IPv6 have colons, which old readers of YAML trip over without quotes.
template <class T>
std::string address_text(const T& value) {
  const auto written = to_string(value);
  return written.find(':') == std::string::npos ? written : fmt::format("\"{}\"", written);
}

/// In quotes where YAML would take the brackets for a list's.
std::string endpoint_text(const EndpointName& endpoint) {
  const auto text = to_string(endpoint);
  return text.starts_with('[') ? fmt::format("\"{}\"", text) : text;
}

std::string listen_text(const Listen& listen) {
  if (listen.address.is_none()) return std::to_string(listen.port);
  return endpoint_text({to_string(listen.address), listen.port});
}

template <class T>
std::string list(const std::vector<T>& values, std::string (*written)(const T&)) {
  std::string result = "[";
  for (const auto& value : values) {
    if (result.size() > 1) result += ", ";
    result += written(value);
  }
  return result + "]";
}

void add(std::string& out, std::string_view key, std::string_view value) {
  out += fmt::format("  {}: {}\n", key, value);
}

std::string_view word_of(KillSwitch kill_switch) {
  switch (kill_switch) {
    case KillSwitch::on:
      return "on";
    case KillSwitch::off:
      return "off";
    case KillSwitch::always:
      return "always";
    case KillSwitch::automatic:
      break;
  }
  return "auto";
}

void write_tap(std::string& out, const Tap& tap) {
  add(out, "mode", "tap");
  if (tap.given_mac) add(out, "mac", fmt::format("\"{}\"", to_string(*tap.given_mac)));
  if (!tap.bridge.empty()) add(out, "bridge", text(tap.bridge));
  if (tap.tunnel_address) add(out, "tunnel_address", address_text(*tap.tunnel_address));
  if (tap.tunnel_peer) add(out, "tunnel_peer", address_text(*tap.tunnel_peer));
}

void write_interface(std::string& out, const Config& config) {
  const auto& interface = config.interface;
  out += "interface:\n";
  if (interface.name != config.name) add(out, "name", text(interface.name));
  if (interface.mode == Mode::tap) write_tap(out, interface.tap);
  if (interface.mode == Mode::tun || !interface.addresses.empty()) {
    add(out, "addresses", list(interface.addresses, address_text));
  }
  if (!interface.peer_addresses.empty()) add(out, "peer_addresses", list(interface.peer_addresses, address_text));
  if (interface.mtu) add(out, "mtu", std::to_string(*interface.mtu));
  if (interface.queue_length) add(out, "queue_length", std::to_string(*interface.queue_length));
  if (interface.owner) add(out, "owner", std::to_string(*interface.owner));
  if (interface.group) add(out, "group", std::to_string(*interface.group));
  if (interface.persist) add(out, "persist", "true");
  if (interface.multicast) add(out, "multicast", "true");
  if (interface.kill_switch != KillSwitch::automatic) add(out, "kill_switch", word_of(interface.kill_switch));
  if (!interface.netns.empty()) add(out, "netns", text(interface.netns));
  if (interface.forward) add(out, "forward", "true");
}

void write_local(std::string& out, const Local& local, Secrets secrets) {
  out += "local:\n";
  if (secrets == Secrets::written && !local.private_key_file.empty()) {
    add(out, "private_key_file", path_text(local.private_key_file));
  } else if (secrets == Secrets::written) {
    add(out, "private_key", crypto::reveal_base64(local.private_key));
  }
  if (local.listen.port != 0 || !local.listen.address.is_none()) add(out, "listen", listen_text(local.listen));
  if (local.device) add(out, "device", text(*local.device));
  if (!local.uplinks.empty())
    add(out, "device", list(local.uplinks, +[](const std::string& name) { return text(name); }));
  if (local.fwmark) add(out, "fwmark", fmt::format("{:#x}", *local.fwmark));
}

void write_peer(std::string& out, const Config& config, Secrets secrets) {
  const auto& peer = config.peer;
  out += "peer:\n";
  add(out, "public_key", to_base64(peer.public_key));
  const bool is_in_file = !peer.preshared_key_file.empty() && is_all_zero(peer.preshared_key);
  if (peer.has_preshared_key && secrets == Secrets::written && is_in_file) {
    add(out, "preshared_key_file", path_text(peer.preshared_key_file));
  } else if (peer.has_preshared_key && secrets == Secrets::written) {
    add(out, "preshared_key", crypto::reveal_base64(peer.preshared_key));
  }
  if (peer.endpoints.size() == 1) add(out, "endpoint", endpoint_text(peer.endpoints[0]));
  if (peer.endpoints.size() > 1) add(out, "endpoint", list(peer.endpoints, endpoint_text));
  if (!peer.keepalive) add(out, "keepalive", "off");
  if (peer.keepalive && *peer.keepalive != kDefaultKeepalive)
    add(out, "keepalive", fmt::format("{}s", peer.keepalive->count()));
  if (peer.allowed_ips != default_allowed_ips(config.interface, config.routes)) {
    add(out, "allowed_ips", list(peer.allowed_ips, address_text));
  }
}

std::string route_text(const Route& route) {
  if (!route.metric && !route.table && !route.source) return address_text(route.to);
  auto result = fmt::format("{{to: {}", address_text(route.to));
  if (route.metric) result += fmt::format(", metric: {}", *route.metric);
  if (route.table) result += fmt::format(", table: {}", *route.table);
  if (route.source) result += fmt::format(", source: {}", address_text(*route.source));
  return result + "}";
}

/// In the largest unit that leaves nothing over.
std::string size_text(std::uint32_t bytes) {
  if (bytes % (1U << 30) == 0) return fmt::format("{}G", bytes >> 30);
  if (bytes % (1U << 20) == 0) return fmt::format("{}M", bytes >> 20);
  if (bytes % (1U << 10) == 0) return fmt::format("{}K", bytes >> 10);
  return std::to_string(bytes);
}

void write_tuning(std::string& out, const Tuning& tuning) {
  if (tuning == Tuning()) return;
  const auto add_switch = [&](std::string_view key, Switch value) {
    if (value != Switch::automatic) add(out, key, value == Switch::on ? "on" : "off");
  };
  out += "tuning:\n";
  if (tuning.crypto != "auto") add(out, "crypto", tuning.crypto);
  add_switch("tun_offload", tuning.tun_offload);
  add_switch("udp_offload", tuning.udp_offload);
  if (tuning.receive_buffer) add(out, "receive_buffer", size_text(*tuning.receive_buffer));
  if (tuning.send_buffer) add(out, "send_buffer", size_text(*tuning.send_buffer));
  if (tuning.workers) add(out, "workers", std::to_string(*tuning.workers));
  if (tuning.copy_dscp) add(out, "copy_dscp", "true");
  if (!tuning.mss_clamp.on) add(out, "mss_clamp", "off");
  if (tuning.mss_clamp.on && tuning.mss_clamp.most != 0) add(out, "mss_clamp", std::to_string(tuning.mss_clamp.most));
  if (!tuning.path_probe) add(out, "path_probe", "off");
  if (tuning.storm_limit != 0) add(out, "storm_limit", std::to_string(tuning.storm_limit));
}

std::string hook_text(const Hook& hook) {
  auto command = hook.shell ? text(hook.words[0]) : list(hook.words, word_text);
  if (hook.shell && hook.timeout == kDefaultHookTimeout && !hook.required) return command;
  auto result = fmt::format("{{command: {}", command);
  if (hook.timeout != kDefaultHookTimeout) result += fmt::format(", timeout: {}s", hook.timeout.count());
  if (hook.required) result += ", required: true";
  return result + "}";
}

constexpr std::size_t kLongHook = 80;

/// Whether a block (`|-`) keeps the text as it is. For a word of one short line it would only be longer.
bool wants_block(std::string_view value) {
  const bool is_visible = std::ranges::all_of(value, [](char c) {
    const auto byte = static_cast<std::uint8_t>(c);
    return (byte >= 0x20 && byte != 0x7f) || c == '\n';
  });
  const bool keeps_its_ends = !value.empty() && !std::string_view(" \n").contains(value.front()) &&
                              !std::string_view(" \n").contains(value.back()) && !value.contains("\n ") &&
                              !value.contains(" \n");
  return is_visible && keeps_its_ends && (value.size() > kLongHook / 2 || value.contains('\n'));
}

std::string block(std::string_view value, std::size_t indentation) {
  std::string result = "|-";
  while (!value.empty()) {
    const auto line = value.substr(0, value.find('\n'));
    value.remove_prefix(std::min(line.size() + 1, value.size()));
    result += '\n';
    if (!line.empty()) result += std::string(indentation, ' ') + std::string(line);
  }
  return result;
}

std::string text_or_block(const std::string& value, std::size_t indentation) {
  return wants_block(value) ? block(value, indentation) : text(value);
}

/// An element of a list that is four spaces deep, over several lines: no quote in it is doubled or escaped.
void write_long_hook(std::string& out, const Hook& hook) {
  out += "    - command:";
  if (hook.shell) {
    out += fmt::format(" {}\n", text_or_block(hook.words[0], 8));
  } else {
    out += '\n';
    for (const auto& word : hook.words) out += fmt::format("        - {}\n", text_or_block(word, 10));
  }
  if (hook.timeout != kDefaultHookTimeout) out += fmt::format("      timeout: {}s\n", hook.timeout.count());
  if (hook.required) out += "      required: true\n";
}

/// `for_people`: long ones as blocks; else each event is one line.
void write_hooks(std::string& out, const Hooks& hooks, bool for_people) {
  if (hooks == Hooks()) return;
  const auto add_hooks = [&](std::string_view key, const std::vector<Hook>& of_event) {
    const bool has_long =
        std::ranges::any_of(of_event, [](const Hook& hook) { return hook_text(hook).size() > kLongHook; });
    const auto total = list(of_event, hook_text).size();
    if (for_people && (has_long || (of_event.size() > 1 && total > kLongHook))) {
      out += fmt::format("  {}:\n", key);
      for (const auto& hook : of_event) {
        if (hook_text(hook).size() > kLongHook) {
          write_long_hook(out, hook);
        } else {
          out += fmt::format("    - {}\n", hook_text(hook));
        }
      }
      return;
    }
    if (of_event.size() == 1) add(out, key, hook_text(of_event[0]));
    if (of_event.size() > 1) add(out, key, list(of_event, hook_text));
  };
  out += "hooks:\n";
  add_hooks("up", hooks.up);
  add_hooks("down", hooks.down);
  add_hooks("state", hooks.state);
}

void write_dns(std::string& out, const Dns& dns) {
  if (dns == Dns()) return;
  out += "dns:\n";
  add(out, "servers", list(dns.servers, address_text));
  if (!dns.domains.empty()) add(out, "domains", list(dns.domains, word_text));
}

}  // namespace

std::string to_yaml(const Config& config, std::string_view heading, Secrets secrets) {
  static constexpr std::array<std::string_view, 5> kLevels{"trace", "debug", "info", "warn", "error"};
  std::string out;
  for (std::size_t start = 0; start < heading.size();) {
    const auto end = std::min(heading.find('\n', start), heading.size());
    out += fmt::format("# {}\n", heading.substr(start, end - start));
    start = end + 1;
  }
  write_interface(out, config);
  write_local(out, config.local, secrets);
  write_peer(out, config, secrets);
  if (!config.routes.empty()) out += "routes:\n";
  for (const auto& route : config.routes) out += fmt::format("  - {}\n", route_text(route));
  if (config.log_level != LogLevel::info) {
    out += fmt::format("log:\n  level: {}\n", kLevels.at(static_cast<std::size_t>(config.log_level)));
  }
  write_tuning(out, config.tuning);
  write_hooks(out, config.hooks, secrets == Secrets::written);
  write_dns(out, config.dns);
  return out;
}

}  // namespace adit::config
