// SPDX-License-Identifier: MIT
#include "net/netlink_bridge.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>

#include "net/netlink_message.h"

namespace adit::net {
namespace {

constexpr auto kBridge = "bridge";

BridgeState parse(nlmsghdr* message) {
  const NetlinkAttributes attributes(message, sizeof(ifinfomsg), IFLA_MAX);
  const NetlinkAttributes info(attributes.find(IFLA_LINKINFO), IFLA_INFO_MAX);
  BridgeState state;
  if (info.text(IFLA_INFO_KIND) == kBridge) {
    const NetlinkAttributes bridge(info.find(IFLA_INFO_DATA), IFLA_BR_MAX);
    state.is_bridge = true;
    state.stp = bridge.u32(IFLA_BR_STP_STATE).value_or(0) != 0;
  }
  if (info.text(IFLA_INFO_SLAVE_KIND) == kBridge) {
    const NetlinkAttributes port(info.find(IFLA_INFO_SLAVE_DATA), IFLA_BRPORT_MAX);
    state.port_state = port.u8(IFLA_BRPORT_STATE);
  }
  return state;
}

/// Older kernels give those of all ports, and each card's own.
bool is_learnt_behind(std::uint32_t port, const ndmsg& entry) {
  return static_cast<std::uint32_t>(entry.ndm_ifindex) == port && (entry.ndm_flags & NTF_SELF) == 0 &&
         (entry.ndm_state & (NUD_PERMANENT | NUD_NOARP)) == 0;
}

}  // namespace

NetlinkResult<BridgeState> get_bridge_state(Netlink& netlink, std::uint32_t index) {
  BridgeState state;
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = static_cast<int>(index);
  auto done = netlink.query({RTM_GETLINK, 0, header}, [&](nlmsghdr* message) { state = parse(message); });
  if (!done) return std::unexpected(done.error());
  return state;
}

std::optional<std::uint32_t> LearntAddresses::count(std::uint32_t port) {
  if (complete_) counted_ = 0;
  ndmsg header{};
  header.ndm_family = AF_BRIDGE;
  header.ndm_ifindex = static_cast<int>(port);
  const auto done = netlink_.query_some({RTM_GETNEIGH, 0, header}, kMostLearnt, [&](nlmsghdr* message) {
    if (message->nlmsg_type == RTM_NEWNEIGH && is_learnt_behind(port, header_of<ndmsg>(message))) ++counted_;
  });
  complete_ = done.value_or(true);
  if (!done) return std::nullopt;
  return std::min(counted_, kMostLearnt);
}

}  // namespace adit::net
