// SPDX-License-Identifier: MIT
#include "net/netlink_tun.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "net/netlink_message.h"

namespace adit::net {

NetlinkResult<TunState> get_tun(Netlink& netlink, const std::string& name) {
  TunState state;
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  NetlinkMessage message(RTM_GETLINK, 0, header);
  message.put(IFLA_IFNAME, name);
  auto done = netlink.query(std::move(message), [&](nlmsghdr* answer) {
    const NetlinkAttributes attributes(answer, sizeof header, IFLA_MAX);
    const NetlinkAttributes info(attributes.find(IFLA_LINKINFO), IFLA_INFO_MAX);
    if (info.text(IFLA_INFO_KIND) != "tun") return;
    const NetlinkAttributes tun(info.find(IFLA_INFO_DATA), IFLA_TUN_MAX);
    state.several_queues = tun.u8(IFLA_TUN_MULTI_QUEUE).value_or(0) != 0;
    state.has_owner = tun.u32(IFLA_TUN_OWNER).has_value();
    state.attached = tun.u32(IFLA_TUN_NUM_QUEUES).value_or(0) + tun.u32(IFLA_TUN_NUM_DISABLED_QUEUES).value_or(0);
  });
  if (!done) return std::unexpected(done.error());
  return state;
}

}  // namespace adit::net
