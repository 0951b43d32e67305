// SPDX-License-Identifier: MIT
// The WireGuard configuration protocol, which `wg` speaks: `get=1` and `set=1`, a KEY=VALUE a line, keys in hexadecimal
// (https://www.wireguard.com/xplatform/#configuration-protocol). Text ↔ values; knows neither sockets nor the link.
//
// A device there may have many peers. A link of ours has one, and that is the only thing it refuses.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "crypto/keys.h"

namespace adit::control {

struct WgPeer {
  crypto::PublicKey key;
  crypto::PresharedKey preshared_key;  ///< all zero: none
  Endpoint endpoint;                   ///< may be unknown
  std::uint16_t keepalive = 0;         ///< seconds; 0: off
  std::vector<IpNetwork> allowed_ips;  ///< without host bits

  // Only in an answer to `get`.
  std::optional<WallTime> handshake;  ///< none: never
  std::uint64_t sent = 0;             ///< bytes
  std::uint64_t received = 0;

  // Only after `apply_set`.
  bool added = false;           ///< it was not there before, or is to be as if it had not been
  bool endpoint_given = false;  ///< `endpoint` is what the request asks for
};

struct WgDevice {
  std::optional<crypto::PrivateKey> private_key;
  std::uint16_t listen_port = 0;  ///< 0 in a request: any
  std::uint32_t fwmark = 0;       ///< 0: none
  bool listen_port_given = false;
  std::vector<WgPeer> peers;
};

/// Why a request is refused. Nothing was changed.
struct WgRefusal {
  int code = 0;          ///< an errno, which is all that `wg` can show
  std::string sentence;  ///< for the log; never repeats a key
};

enum class WgRequest : std::uint8_t { get, set };
/// `request`: without the empty line that ends it.
std::expected<WgRequest, WgRefusal> kind_of(std::string_view request);

/// What a `set` request makes of `device`. On refusal `device` is to be thrown away.
std::expected<void, WgRefusal> apply_set(std::string_view request, WgDevice& device);

/// The answer to `get`, ready to be sent but for the empty line. Holds secrets: to be wiped.
std::string to_text(const WgDevice& device);
/// The address with its zone, "fe80::2%eth0", where it has one.
std::string host_with_zone(const Endpoint& endpoint);
/// The end of each answer: "errno=0", or the code as a negative number.
std::string errno_line(int code);

}  // namespace adit::control
