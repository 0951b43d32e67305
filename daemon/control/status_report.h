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

#include "control/history.h"
#include "control/process_facts.h"
#include "link/health.h"
#include "link/observations.h"
#include "link/path_report.h"
#include "net/netlink_route.h"
#include "path/offload_state.h"
#include "path/processors.h"
#include "tunnel/status.h"

namespace adit::control {

struct Report {
  std::string name;
  std::string interface;
  std::string netns;                         ///< interface.netns; empty: none
  std::string mac;                           ///< of an interface for Ethernet frames; empty: it is for IP packets
  std::string bridge;                        ///< interface.bridge; empty: none
  std::optional<std::uint32_t> learnt_macs;  ///< by the bridge that it is in; none: it is in none
  link::Health health;
  WallTime since;                             ///< when this state began
  std::optional<crypto::PublicKey> peer_key;  ///< none: not set up yet
  Endpoint remote;
  std::optional<Duration> keepalive;
  std::optional<crypto::PublicKey> local_key;  ///< likewise
  std::string device;                          ///< that datagrams are to leave by; empty: that of the routes
  std::string listen;                          ///< as local.listen has it, with the port that is really used
  tunnel::Status status;
  std::uint32_t mtu = 0;
  link::PathReport path = {};
  std::string_view crypto;
  path::OffloadReport offload;
  std::vector<net::RouteSpec> routes;
  std::vector<Family> blocked;  ///< nothing of these leaves the host
  std::vector<link::Observation> observations;
  ProcessFacts process;
  std::vector<std::string> changed_by_wg;  ///< keys of the file that `wg` has given other values
  path::Workers workers;                   ///< threads that move packets
  std::uint32_t restarts = 0;              ///< StateStore::Loaded::restarts
};

nlohmann::ordered_json to_json(const Report& report);
/// `amounts`: of History, the last of which ended at the end of the second before `now`.
nlohmann::ordered_json to_json(const std::vector<History::Amount>& amounts);

}  // namespace adit::control
