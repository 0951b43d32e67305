// SPDX-License-Identifier: MIT
// A link's status as scripts read it: the JSON of docs/control-socket.md. Knows the names and the units; where the
// facts come from is the Daemon's.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/health.h"
#include "net/netlink_route.h"
#include "tunnel/status.h"

namespace adit::app {

enum class OffloadState : std::uint8_t {
  off,          ///< the file switched it off
  on,           ///< in use
  unavailable,  ///< this kernel does not have it
  refused,      ///< the kernel or the network card has it, but failed when it was used: done without since then
};

/// What travels as one instead of packet by packet.
struct OffloadReport {
  OffloadState tun_tcp = OffloadState::off;      ///< TCP super-packets, from the interface and to it
  OffloadState tun_udp = OffloadState::off;      ///< likewise UDP
  OffloadState udp_send = OffloadState::off;     ///< UDP_SEGMENT
  OffloadState udp_receive = OffloadState::off;  ///< UDP_GRO
};

struct Report {
  std::string name;
  std::string interface;
  Health health;
  WallTime since;  ///< when this state began
  crypto::PublicKey peer_key;
  Endpoint remote;
  std::optional<Duration> keepalive;
  crypto::PublicKey local_key;
  std::string listen;  ///< as local.listen has it, with the port that is really used
  tunnel::Status status;
  std::uint32_t mtu = 0;
  std::string_view crypto;
  OffloadReport offload;
  std::vector<net::RouteSpec> routes;
};

/// The word scripts read.
std::string_view name_of(OffloadState state);

nlohmann::ordered_json to_json(const Report& report);

}  // namespace adit::app
