// SPDX-License-Identifier: MIT
// From the words of `adit pair` to the configurations of both ends: who calls whom, which addresses, which routes,
// fresh keys. Writes nothing.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/random.h"
#include "base/result.h"
#include "config/config.h"

namespace adit::cli {

inline constexpr std::uint16_t kDefaultPort = 51820;

struct PairEnd {
  std::string name;
  std::optional<std::string> host;    ///< none: behind NAT, it calls
  std::optional<std::uint16_t> port;  ///< where it listens; always there with a host
  std::vector<IpNetwork> behind;      ///< the subnets behind it, which the other end gets routes to
  bool is_exit = false;               ///< `default` is behind it
  bool has_usual_port = false;        ///< none was given
  std::string bridge;                 ///< with frames: what the interface is put into; empty: nothing
};

struct PairRequest {
  std::array<PairEnd, 2> ends;
  std::vector<IpNetwork> tunnels;  ///< empty: pick
  bool frames = false;             ///< the link is for Ethernet frames
};

/// NAME=HOST[:PORT], HOST a name, an IPv4 address, [ADDR6] or `-`.
Result<PairEnd> parse_end(std::string_view text);

/// The arguments as they were written.
struct PairWords {
  std::array<std::string, 2> ends;   ///< NAME=HOST[:PORT]
  std::vector<std::string> tunnels;  ///< NET each
  std::vector<std::string> routes;   ///< NAME=NET,… each
  bool frames = false;
  std::vector<std::string> bridges;  ///< NAME=BRIDGE each
};

Result<PairRequest> parse_request(const PairWords& words);

/// The configurations of both ends, in order. `taken`: subnets a picked one should not touch.
Result<std::array<config::Config, 2>> plan(const PairRequest& request, std::vector<IpNetwork> taken,
                                           RandomSource& random);

}  // namespace adit::cli
