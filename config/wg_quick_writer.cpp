// SPDX-License-Identifier: MIT
#include "config/wg_quick_writer.h"

#include <fmt/core.h>

#include <algorithm>

#include "config/wg_quick_hooks.h"
#include "config/wg_quick_routes.h"
#include "config/wg_quick_values.h"

namespace adit::config {
namespace {

template <class T>
std::string list(const std::vector<T>& values) {
  std::string result;
  for (const auto& value : values) {
    if (!result.empty()) result += ", ";
    result += to_string(value);
  }
  return result;
}

/// Not known here, and to be read from a file.
bool is_in_file(const Peer& peer) {
  return peer.has_preshared_key && !peer.preshared_key_file.empty() && is_all_zero(peer.preshared_key);
}

/// The n-th of a family goes with the n-th address of that family.
std::optional<IpAddress> far_end_of(const Interface& interface, std::size_t index) {
  const auto family = interface.addresses[index].family();
  auto before =
      std::count_if(interface.addresses.begin(), interface.addresses.begin() + static_cast<std::ptrdiff_t>(index),
                    [&](const IpNetwork& each) { return each.family() == family; });
  for (const auto& far : interface.peer_addresses) {
    if (far.family() == family && before-- == 0) return far;
  }
  return std::nullopt;
}

class Writer {
 public:
  Writer(const Config& config, const WgQuickOptions& options) : config_(config), options_(options) {}

  WgQuickText write() {
    write_heading();
    write_interface();
    write_peer();
    leave_out_the_rest();
    return std::move(result_);
  }

 private:
  void write_heading();
  void write_interface();
  void write_private_key();
  void write_key_files();
  void write_addresses();
  void write_peer_addresses();
  void write_dns();
  void write_routes();
  void write_forwarding();
  void write_hooks();
  void write_hooks_of(std::string_view key, const std::vector<Hook>& hooks, HookKind kind, std::string_view path);
  void write_peer();
  void leave_out_kill_switch();
  void leave_out_the_rest();

  /// Not by fmt, whose buffer is on the stack: a value may be a key.
  void add(std::string_view key, std::string_view value) {
    for (const auto part : {key, std::string_view(" = "), value, std::string_view("\n")}) result_.text += part;
  }
  void leave_out(std::string key, std::string reason) {
    result_.left_out.push_back({config_.file, 0, 0, std::move(key), std::move(reason)});
  }
  bool for_app() const { return options_.reader == WgQuickReader::app; }

  const Config& config_;
  const WgQuickOptions& options_;
  WgQuickText result_;
};

void Writer::write_heading() {
  for (std::string_view rest = options_.heading; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    result_.text += fmt::format("# {}\n", rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

void Writer::write_interface() {
  const auto& [interface, local] = std::tie(config_.interface, config_.local);
  result_.text += "[Interface]\n";
  write_private_key();
  write_addresses();
  write_dns();
  if (interface.mtu) add("MTU", std::to_string(*interface.mtu));
  if (local.listen.port != 0) add("ListenPort", std::to_string(local.listen.port));
  if (local.fwmark && for_app() && *local.fwmark != 0) {
    leave_out("local.fwmark", "is left out: the apps of phones refuse it");
  } else if (local.fwmark && !for_app()) {
    add("FwMark", fmt::format("{:#x}", *local.fwmark));
  }
  write_key_files();
  write_peer_addresses();
  write_routes();
  write_forwarding();
  write_hooks();
}

void Writer::write_private_key() {
  if (!config_.local.private_key_file.empty()) return;  // a hook sets it
  if (options_.has_private_key) {
    add("PrivateKey", crypto::reveal_base64(config_.local.private_key));
  } else {
    result_.text += "# PrivateKey = the key of this end goes here, as adit genkey or wg genkey made it\n";
  }
}

/// Names without a '~' are searched; the servers are asked for all.
void Writer::write_dns() {
  const auto& [servers, domains] = config_.dns;
  if (servers.empty()) return;
  auto value = list(servers);
  bool for_all = false;
  for (const auto& domain : domains) {
    if (domain == kAllNames) {
      for_all = true;
    } else if (domain.starts_with('~')) {
      leave_out("dns.domains", fmt::format("{} is left out: wg-quick knows no domain that is only asked for", domain));
    } else {
      value += ", " + domain;
    }
  }
  add("DNS", value);
  if (for_all) return;
  leave_out("dns.domains", "does not hold back the servers: wg-quick asks them for all names, and no others");
}

void Writer::write_routes() {
  const auto routes = wg_quick_routes(config_);
  for (const auto& network : config_.peer.allowed_ips) {
    const bool is_besides = std::ranges::find(routes.besides, network) != routes.besides.end();
    const bool is_held_back = routes.table.empty() && !can_route(config_.interface.addresses, network);
    if (!is_besides && !is_held_back) continue;
    leave_out(
        "peer.allowed_ips",
        fmt::format("{} will be routed too: wg-quick routes all that is allowed when a default route is among it, "
                    "and Adit has no such route",
                    to_string(network)));
  }
  for (const auto& network : routes.sourceless) {
    leave_out("routes", fmt::format("the source of {} is left out: add a hook: ip route change {} dev %i src ADDRESS",
                                    to_string(network), to_string(network)));
  }
  if (for_app()) {
    if (routes.table.empty() && routes.commands.empty()) return;
    leave_out("routes", "are left out: the apps of phones route just what peer.allowed_ips names");
    return;
  }
  if (!routes.table.empty()) add("Table", routes.table);
  for (const auto& command : routes.commands) add("PostUp", command);
}

/// Of an imported file whose keys stand elsewhere.
void Writer::write_key_files() {
  const auto& [local, peer] = std::tie(config_.local, config_.peer);
  if (!local.private_key_file.empty()) {
    add("PostUp", fmt::format("wg set %i private-key {}", word_for_wg_quick(local.private_key_file.native())));
  }
  if (is_in_file(peer)) {
    add("PostUp", fmt::format("wg set %i peer {} preshared-key {}", to_base64(peer.public_key),
                              word_for_wg_quick(peer.preshared_key_file.native())));
  }
}

/// Those with a far end are a hook's to set: `Address` has no word for it.
void Writer::write_addresses() {
  std::vector<IpNetwork> plain;
  for (std::size_t i = 0; i < config_.interface.addresses.size(); ++i) {
    if (for_app() || !far_end_of(config_.interface, i)) plain.push_back(config_.interface.addresses[i]);
  }
  if (!plain.empty()) add("Address", list(plain));
}

void Writer::write_peer_addresses() {
  if (for_app()) return;
  const auto& addresses = config_.interface.addresses;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const auto far = far_end_of(config_.interface, i);
    if (!far) continue;
    add("PostUp", fmt::format("ip addr add {} peer {} dev %i", to_string(addresses[i].address),
                              to_string(IpNetwork{*far, addresses[i].prefix})));
  }
}

void Writer::write_forwarding() {
  if (!config_.interface.forward) return;
  if (for_app()) return leave_out("interface.forward", "is left out: it is about this host");
  const auto& addresses = config_.interface.addresses;
  if (has_family(addresses, Family::v4)) add("PostUp", "sysctl -w net.ipv4.ip_forward=1");
  if (has_family(addresses, Family::v6)) add("PostUp", "sysctl -w net.ipv6.conf.all.forwarding=1");
}

void Writer::write_hooks() {
  const auto& hooks = config_.hooks;
  if (for_app()) {
    if (hooks != Hooks()) leave_out("hooks", "are left out: the apps of phones refuse them");
    return;
  }
  write_hooks_of("PostUp", hooks.up, HookKind::up, "hooks.up");
  write_hooks_of("PreDown", hooks.down, HookKind::down, "hooks.down");
}

void Writer::write_hooks_of(std::string_view key, const std::vector<Hook>& hooks, HookKind kind,
                            std::string_view path) {
  for (std::size_t i = 0; i < hooks.size(); ++i) {
    const auto line = hook_to_wg_quick(hooks[i], kind, config_.interface.name);
    const auto at = hooks.size() == 1 ? std::string(path) : fmt::format("{}[{}]", path, i);
    add(key, line);
    if (hooks[i].timeout != kDefaultHookTimeout) {
      leave_out(at + ".timeout",
                "has no equal: wg-quick waits for a hook as long as it takes; put timeout(1) before it");
    }
    if (line.contains("ADIT_")) {
      leave_out(at,
                "uses a variable that Adit sets and wg-quick does not ($ADIT_INTERFACE alone becomes %i); put its "
                "value there");
    }
  }
}

void Writer::write_peer() {
  const auto& peer = config_.peer;
  result_.text += "\n[Peer]\n";
  add("PublicKey", to_base64(peer.public_key));
  if (peer.has_preshared_key && !is_in_file(peer)) add("PresharedKey", crypto::reveal_base64(peer.preshared_key));
  if (!peer.endpoints.empty()) add("Endpoint", to_string(peer.endpoints[0]));
  for (std::size_t i = 1; i < peer.endpoints.size(); ++i) {
    leave_out(
        fmt::format("peer.endpoint[{}]", i),
        fmt::format("{} is left out: wg-quick takes one endpoint, and has the first", to_string(peer.endpoints[i])));
  }
  add("AllowedIPs", list(peer.allowed_ips));
  if (peer.keepalive) add("PersistentKeepalive", std::to_string(peer.keepalive->count()));
}

/// `auto` is the file's silence, and what an import comes to again.
void Writer::leave_out_kill_switch() {
  const auto kill_switch = config_.interface.kill_switch;
  if (kill_switch == KillSwitch::automatic) return;
  if (kill_switch == KillSwitch::off) {
    return leave_out("interface.kill_switch", "is left out: the kernel's WireGuard has no daemon that could be killed");
  }
  leave_out("interface.kill_switch",
            for_app() ? "is left out: the file has no word for it; have the phone block connections without VPN"
                      : "is left out: wg-quick blocks nothing once it is down; hold traffic back by a firewall");
}

/// What has no line of its own.
void Writer::leave_out_the_rest() {
  const auto& [interface, local, tuning] = std::tie(config_.interface, config_.local, config_.tuning);
  const auto unless = [&](bool is_default, std::string_view key, std::string_view reason) {
    if (!is_default) leave_out(std::string(key), fmt::format("is left out: {}", reason));
  };
  unless(interface.mode == Mode::tun, "interface.mode",
         "the kernel's WireGuard carries IP packets; put a gretap over it, between tunnel_address and the peer's");
  unless(interface.peer_addresses.empty() || !for_app(), "interface.peer_addresses", "the apps of phones set none");
  unless(!interface.queue_length, "interface.queue_length", "add a hook: ip link set %i txqueuelen N");
  unless(!interface.owner && !interface.group, "interface.owner, interface.group",
         "the kernel's WireGuard has no owner");
  unless(!interface.persist, "interface.persist", "the interface of wg-quick stays until wg-quick down");
  unless(!interface.multicast, "interface.multicast", "add a hook: ip link set %i multicast on");
  leave_out_kill_switch();
  unless(interface.netns.empty(), "interface.netns",
         "wg-quick knows no network namespaces; add a hook: ip link set %i netns NAME, and set up addresses and routes "
         "there");
  unless(
      local.listen.address.is_none(), "local.listen",
      "of it the port is kept, and the address not: WireGuard listens at all of them; let a firewall drop the others");
  unless(!local.device && local.uplinks.empty(), "local.device", "use FwMark and a routing rule for it");
  unless(config_.log_level == LogLevel::info, "log.level", "the kernel's WireGuard logs nothing");
  unless(config_.hooks.state.empty() || for_app(), "hooks.state", "wg-quick runs nothing when the state changes");
  unless(tuning == Tuning(), "tuning", "it is about how Adit moves packets");
}

}  // namespace

WgQuickText to_wg_quick(const Config& config, const WgQuickOptions& options) {
  return Writer(config, options).write();
}

}  // namespace adit::config
