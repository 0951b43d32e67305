// SPDX-License-Identifier: MIT
// Single values: text → typed value, or what is wrong with the text. The error is what follows the key in
// `key.path: reason`. Knows neither YAML nor other keys; checks between keys are validate.h's.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/result.h"
#include "config/config.h"

namespace adit::config {

/// Decimal without leading zeros, or hexadecimal after 0x.
std::optional<std::uint64_t> parse_number(std::string_view text);

/// A link's NAME: it becomes part of file names and of systemd unit names.
Result<> check_name(std::string_view name);
/// What the kernel takes as a network interface's name.
Result<std::string> parse_interface_name(std::string_view text);
/// A link's name if the kernel takes it for its interface, else a short one that no other link's is likely to get.
std::string interface_name_for(std::string_view link);
/// Another interface's name, which need not exist yet.
Result<std::string> parse_device(std::string_view text);

/// A network namespace: as `ip netns` names it, or an absolute path to one. It need not exist yet.
Result<std::string> parse_netns(std::string_view text);

/// ADDRESS or ADDRESS/PREFIX that a host can own within a tunnel.
Result<IpNetwork> parse_interface_address(std::string_view text);
/// A single address that a host can own.
Result<IpAddress> parse_host_address(std::string_view text);
/// ADDRESS/PREFIX without host bits.
Result<IpNetwork> parse_subnet(std::string_view text);

/// PORT, ADDR:PORT or [ADDR6]:PORT.
Result<Listen> parse_listen(std::string_view text);
/// HOST:PORT, [ADDR6]:PORT or [ADDR6%INTERFACE]:PORT.
Result<EndpointName> parse_endpoint(std::string_view text);
/// A host name (RFC 1123, with underscores; in its ASCII form, xn--…, if it has other letters) or an IPv4 address.
Result<std::string> parse_host(std::string_view text);
Result<std::uint16_t> parse_port(std::string_view text);

/// A public key that handshakes can succeed with.
Result<crypto::PublicKey> parse_peer_key(std::string_view text);

/// A name server's address.
Result<IpAddress> parse_name_server(std::string_view text);
/// A domain, `~` and a domain, or `~.`; without the root's dot behind a name.
Result<std::string> parse_domain(std::string_view text);

/// A number with a unit: s, m or h.
Result<std::chrono::seconds> parse_duration(std::string_view text);
/// A duration, or `off`.
Result<std::optional<std::chrono::seconds>> parse_keepalive(std::string_view text);

/// How long a hook may run.
Result<std::chrono::seconds> parse_hook_timeout(std::string_view text);

/// A routing table's number, or main, default, local, or another name that iproute2 knows on this host.
Result<std::uint32_t> parse_table(std::string_view text);
/// A user's or group's number or name.
Result<std::uint32_t> parse_user(std::string_view text);
Result<std::uint32_t> parse_group(std::string_view text);

Result<LogLevel> parse_log_level(std::string_view text);

/// A crypto library by name, or `auto`. Whether this machine has it is found out at start.
Result<std::string> parse_crypto(std::string_view text);
/// auto, off or on.
Result<Switch> parse_switch(std::string_view text);
/// TCP's largest segment: auto, off or a number of bytes.
Result<MssClamp> parse_mss_clamp(std::string_view text);
/// A number of frames a second, or `off`: 0.
Result<std::uint32_t> parse_storm_limit(std::string_view text);
/// auto or off.
Result<bool> parse_path_probe(std::string_view text);
/// tun or tap.
Result<Mode> parse_mode(std::string_view text);
/// Of a single station.
Result<MacAddress> parse_mac(std::string_view text);
/// on, off or always.
Result<KillSwitch> parse_kill_switch(std::string_view text);
/// Bytes, with or without a binary unit (K, M, G, KiB, MiB, GiB), or `auto`: none.
Result<std::optional<std::uint32_t>> parse_buffer(std::string_view text);
/// "auto": none.
Result<std::optional<std::uint32_t>> parse_workers(std::string_view text);

}  // namespace adit::config
