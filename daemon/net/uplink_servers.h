// SPDX-License-Identifier: MIT
// Whom to ask for the peer's own name. /etc/resolv.conf may lead into the link itself: it names systemd-resolved, which
// asks the servers that it has for the link, or those servers directly. With the link down the name would be asked
// through it for ever. Pure functions of the files' text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"

namespace adit::net {

/// Where resolved lists the servers that it asks, those of all links.
inline constexpr const char* kServersOfResolved = "/run/systemd/resolve/resolv.conf";

struct UplinkServers {
  /// /etc/resolv.conf names resolved itself, which knows others: those in its list are to be asked.
  bool of_resolved = false;
  /// "ADDRESS[%INTERFACE],…": these alone of the file. Empty: all of them.
  std::string list;

  /// There is something better than /etc/resolv.conf as it is.
  bool differs() const { return of_resolved || !list.empty(); }
};

/// `own`: the link's servers, which are asked through it.
UplinkServers choose_uplink_servers(std::string_view resolv_conf, std::string_view resolveds_list,
                                    const std::vector<IpAddress>& own);

}  // namespace adit::net
