// SPDX-License-Identifier: MIT
// Routes, between Adit's list and what wg-quick makes of AllowedIPs and Table: it routes each allowed subnet that the
// interface's own subnets do not hold, in one table or none. What that cannot say is `ip route add` in a PostUp line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/draft.h"

namespace adit::config {

/// Whether one of the interface's subnets holds all of `network`.
bool is_within(const std::vector<IpNetwork>& addresses, const IpNetwork& network);
bool has_family(const std::vector<IpNetwork>& addresses, Family family);
/// Whether it can be routed into the interface: a default route of a family that it has no address of cannot.
bool can_route(const std::vector<IpNetwork>& addresses, const IpNetwork& network);

/// The route that a PostUp line adds, if that is all it does: `ip route add NET dev %i [src A] [metric N] [table N]`.
std::optional<DraftRoute> route_of_command(std::string_view command, const Place& place);

struct WgQuickRoutes {
  std::string table;                  ///< the value of `Table`; empty: no such line
  std::vector<std::string> commands;  ///< for PostUp
  std::vector<IpNetwork> besides;     ///< routed by wg-quick all the same
  std::vector<IpNetwork> sourceless;  ///< routed by wg-quick too, but without the source
};

WgQuickRoutes wg_quick_routes(const Config& config);

}  // namespace adit::config
