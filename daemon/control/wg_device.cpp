// SPDX-License-Identifier: MIT
#include "control/wg_device.h"

#include <fmt/core.h>

#include <cerrno>
#include <chrono>
#include <tuple>
#include <utility>

#include "config/tap_ends.h"
#include "config/validate.h"
#include "host/host_plan.h"

namespace adit::control {
namespace {

/// What userspace implementations begin with, and wg-quick puts right.
constexpr std::uint32_t kUsualMtu = 1420;

void forget_private_key(config::Config& config, RandomSource& random) {
  config.local.private_key = crypto::generate_private_key(random);
  config.missing.private_key = true;
}

void forget_peer(config::Config& config, RandomSource& random) {
  config.peer = {};
  config.peer.public_key = crypto::public_key_of(crypto::generate_private_key(random));
  config.peer.keepalive.reset();
  config.missing.peer = true;
}

/// As the kernel shows it: the bits that X25519 sets or clears before it uses a key (RFC 7748 §5) are so already.
crypto::PrivateKey clamped(const crypto::PrivateKey& key) {
  auto result = key.clone();
  const auto bytes = result.writable();
  bytes[0] &= 248;
  bytes[31] = static_cast<std::uint8_t>((bytes[31] & 127) | 64);
  return result;
}

std::optional<std::chrono::seconds> keepalive_of(const WgPeer& peer) {
  return peer.keepalive == 0 ? std::nullopt : std::optional(std::chrono::seconds(peer.keepalive));
}

void adopt_peer(WgPeer peer, config::Config& config) {
  auto& ours = config.peer;
  if (peer.added) ours.endpoints.clear();
  if (peer.endpoint_given) ours.endpoints = {{host_with_zone(peer.endpoint), peer.endpoint.port}};
  const bool same_preshared = crypto::equal_in_constant_time(ours.preshared_key.bytes(), peer.preshared_key.bytes());
  if (!same_preshared) ours.preshared_key_file.clear();  // the file has another one, and is not to put it back
  const crypto::PresharedKey none;
  ours.has_preshared_key = !crypto::equal_in_constant_time(peer.preshared_key.bytes(), none.bytes());
  ours.preshared_key = std::move(peer.preshared_key);
  ours.public_key = peer.key;
  ours.keepalive = keepalive_of(peer);
  ours.allowed_ips = std::move(peer.allowed_ips);
  config.missing.peer = false;
}

/// With frames: whose GRE packets are whose comes of the order of the keys, unless the file has addresses for them, and
/// the peer is allowed its own unless somebody said otherwise. The MAC stays, as others in the network know it.
void follow_keys(config::Config& config) {
  auto& tap = config.interface.tap;
  if (config.interface.mode != config::Mode::tap || tap.tunnel_address) return;
  auto& allowed = config.peer.allowed_ips;
  const bool is_default = allowed == config::default_allowed_ips(config.interface, config.routes);
  const auto ends = config::ends_by_keys(crypto::public_key_of(config.local.private_key), config.peer.public_key);
  std::tie(tap.ours, tap.peers) = std::tie(ends.ours, ends.peers);
  if (is_default) allowed = config::default_allowed_ips(config.interface, config.routes);
}

// What holds a secret cannot be copied as a whole. Its members are taken by their order, all of them: with another one
// this does not compile until that is here too.

config::Local copy_of(const config::Local& local, const tunnel::Tunnel& tunnel) {
  const auto& [private_key, private_key_file, listen, device, uplinks, fwmark] = local;
  return {tunnel.private_key().clone(), private_key_file, listen, device, uplinks, fwmark};
}

config::Peer copy_of(const config::Peer& peer, const tunnel::Tunnel& tunnel) {
  const auto& [public_key, preshared_key, has_preshared_key, preshared_key_file, endpoints, keepalive, allowed_ips] =
      peer;
  return {public_key, tunnel.preshared_key().clone(), has_preshared_key, preshared_key_file, endpoints, keepalive,
          allowed_ips};
}

}  // namespace

config::Config unconfigured(const std::string& interface, RandomSource& random) {
  config::Config config;
  config.name = interface;
  config.interface.name = interface;
  config.interface.mtu = kUsualMtu;
  forget_private_key(config, random);
  forget_peer(config, random);
  return config;
}

config::Config copy_of(const config::Config& config, const tunnel::Tunnel& tunnel) {
  const auto& [name, file, interface, local, peer, routes, log_level, tuning, hooks, dns, missing, number, key_files,
               warnings] = config;
  return {name,
          file,
          interface,
          copy_of(local, tunnel),
          copy_of(peer, tunnel),
          routes,
          log_level,
          tuning,
          hooks,
          dns,
          missing,
          number,
          key_files,
          {}};  // warnings have been said
}

WgDevice to_device(const config::Config& config, const tunnel::Tunnel& tunnel, std::uint16_t port) {
  WgDevice device;
  if (!config.missing.private_key) device.private_key = clamped(tunnel.private_key());
  device.listen_port = port;
  device.fwmark = host::datagram_mark(config).value_or(0);
  if (config.missing.peer) return device;
  const auto& status = tunnel.status();
  WgPeer peer;
  peer.key = config.peer.public_key;
  peer.preshared_key = tunnel.preshared_key().clone();
  peer.endpoint = tunnel.path().remote;
  if (config.peer.keepalive) peer.keepalive = static_cast<std::uint16_t>(config.peer.keepalive->count());
  peer.allowed_ips = config.peer.allowed_ips;
  if (status.handshake_at) peer.handshake = status.handshake_time;
  peer.sent = status.wire.sent;
  peer.received = status.wire.received;
  device.peers.push_back(std::move(peer));
  return device;
}

std::expected<void, WgRefusal> adopt(WgDevice device, const WgDevice& before, config::Config& config,
                                     RandomSource& random) {
  if (!device.private_key) {
    if (!config.missing.private_key) forget_private_key(config, random);
  } else {
    config.local.private_key = std::move(*device.private_key);
    config.missing.private_key = false;
  }
  if (device.listen_port_given && device.listen_port != before.listen_port) {
    config.local.listen.port = device.listen_port;
  }
  if (device.fwmark != before.fwmark) {
    config.local.fwmark = device.fwmark == 0 ? std::nullopt : std::optional(device.fwmark);
  }
  if (device.peers.empty()) {
    if (!config.missing.peer) forget_peer(config, random);
    return {};
  }
  adopt_peer(std::move(device.peers.front()), config);
  if (config.peer.public_key == crypto::public_key_of(config.local.private_key)) {
    return std::unexpected(WgRefusal{EINVAL, "the peer's public key is this end's own"});
  }
  follow_keys(config);
  return {};
}

}  // namespace adit::control
