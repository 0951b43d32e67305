// SPDX-License-Identifier: MIT
// Name servers at link-local addresses, as routers announce them: "fe80::1%eth0". c-ares knows their interface from
// 1.24 on; Debian 12 has 1.18, which refuses them. It gets the address alone here, and its sockets the interface.
#pragma once

#include <ares.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/ip.h"

namespace adit::net {

class ScopedServers {
 public:
  /// Has `channel` ask `list` ("ADDRESS[%INTERFACE],…"); an ARES_ code. Those whose interface is not there are left
  /// out. Outlives the channel.
  int set(ares_channel channel, std::string_view list);

 private:
  std::string without_scopes(std::string_view list);

  std::map<IpAddress, std::uint32_t> scopes_;
};

}  // namespace adit::net
