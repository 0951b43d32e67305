// SPDX-License-Identifier: MIT
// What rtnetlink knows of a TUN interface: whether several may have it at a time, and how many do.
#pragma once

#include <cstdint>
#include <string>

#include "net/netlink.h"

namespace adit::net {

struct TunState {
  bool several_queues = false;  ///< made with IFF_MULTI_QUEUE, and cannot be attached to without it
  bool has_owner = false;       ///< a user; the kernel can give it to another one, and never to nobody
  std::uint32_t attached = 0;   ///< queues in use by anybody, at rest or not; only of one with several
};

NetlinkResult<TunState> get_tun(Netlink& netlink, const std::string& name);

}  // namespace adit::net
