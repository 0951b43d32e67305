// SPDX-License-Identifier: MIT
#include "net/netlink_link.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "net/netlink_message.h"

namespace adit::net {
namespace {

ifinfomsg header_for(std::uint32_t index) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = static_cast<int>(index);
  return header;
}

LinkState parse_link(nlmsghdr* message) {
  const auto& header = header_of<ifinfomsg>(message);
  const NetlinkAttributes attributes(message, sizeof header, IFLA_MAX);
  LinkState state;
  state.name = attributes.text(IFLA_IFNAME);
  state.mtu = attributes.u32(IFLA_MTU).value_or(0);
  state.queue_length = attributes.u32(IFLA_TXQLEN).value_or(0);
  state.bridge = attributes.u32(IFLA_MASTER).value_or(0);
  state.up = (header.ifi_flags & IFF_UP) != 0;
  state.running = state.up && (header.ifi_flags & IFF_RUNNING) != 0;
  state.multicast = (header.ifi_flags & IFF_MULTICAST) != 0;
  state.has_neighbours = (header.ifi_flags & IFF_NOARP) == 0;
  if (auto* const found = attributes.find(IFLA_ADDRESS); found && nla_len(found) == sizeof state.mac->bytes) {
    std::memcpy(state.mac.emplace().bytes.data(), nla_data(found), sizeof state.mac->bytes);
  }
  if (auto* const found = attributes.find(IFLA_STATS64)) {
    rtnl_link_stats64 statistics{};  // this kernel's may be shorter, or longer
    std::memcpy(&statistics, nla_data(found),
                std::min<std::size_t>(sizeof statistics, static_cast<std::size_t>(nla_len(found))));
    state.dropped_out = statistics.tx_dropped;
  }
  const NetlinkAttributes families(attributes.find(IFLA_AF_SPEC), AF_MAX);
  const NetlinkAttributes inet6(families.find(AF_INET6), IFLA_INET6_MAX);
  state.address_generation = inet6.u8(IFLA_INET6_ADDR_GEN_MODE);
  return state;
}

void put_flag(ifinfomsg& header, std::optional<bool> wanted, unsigned flag) {
  if (!wanted) return;
  header.ifi_change |= flag;
  if (*wanted) header.ifi_flags |= flag;
}

}  // namespace

NetlinkResult<LinkState> get_link(Netlink& netlink, std::uint32_t index) {
  LinkState state;
  auto done =
      netlink.query({RTM_GETLINK, 0, header_for(index)}, [&](nlmsghdr* message) { state = parse_link(message); });
  if (!done) return std::unexpected(done.error());
  return state;
}

NetlinkResult<std::uint32_t> find_link(Netlink& netlink, const std::string& name) {
  std::uint32_t index = 0;
  NetlinkMessage message(RTM_GETLINK, 0, header_for(0));
  message.put(IFLA_IFNAME, name);
  auto done = netlink.query(std::move(message), [&](nlmsghdr* answer) {
    index = static_cast<std::uint32_t>(header_of<ifinfomsg>(answer).ifi_index);
  });
  if (!done) return std::unexpected(done.error());
  return index;
}

NetlinkResult<> change_link(Netlink& netlink, std::uint32_t index, const LinkChange& change) {
  auto header = header_for(index);
  put_flag(header, change.up, IFF_UP);
  put_flag(header, change.multicast, IFF_MULTICAST);
  NetlinkMessage message(RTM_NEWLINK, 0, header);
  if (change.name) message.put(IFLA_IFNAME, *change.name);
  if (change.mac) message.put(IFLA_ADDRESS, change.mac->bytes);
  if (change.mtu) message.put_u32(IFLA_MTU, *change.mtu);
  if (change.queue_length) message.put_u32(IFLA_TXQLEN, *change.queue_length);
  if (change.bridge) message.put_u32(IFLA_MASTER, *change.bridge);
  if (change.address_generation) {
    auto* families = message.begin(IFLA_AF_SPEC);
    auto* inet6 = message.begin(AF_INET6);
    message.put_u8(IFLA_INET6_ADDR_GEN_MODE, *change.address_generation);
    message.end(inet6);
    message.end(families);
  }
  return netlink.request(std::move(message));
}

}  // namespace adit::net
