// SPDX-License-Identifier: MIT
#include "net/netlink_address.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "net/netlink_message.h"
#include "net/sockaddr.h"

namespace adit::net {
namespace {

NetlinkMessage message_for(int type, int flags, std::uint32_t index, const InterfaceAddress& address) {
  ifaddrmsg header{};
  header.ifa_family = static_cast<std::uint8_t>(to_af(address.network.family()));
  header.ifa_prefixlen = address.network.prefix;
  header.ifa_index = index;
  if (address.network.address.is_v6()) header.ifa_flags = IFA_F_NODAD;
  NetlinkMessage message(type, flags, header);
  // On a point-to-point interface IFA_ADDRESS is the far end's; without one both are ours.
  message.put(IFA_LOCAL, address.network.address);
  message.put(IFA_ADDRESS, address.peer.is_none() ? address.network.address : address.peer);
  return message;
}

FoundAddress parse_address(nlmsghdr* message, Family family) {
  const auto& header = header_of<ifaddrmsg>(message);
  const NetlinkAttributes attributes(message, sizeof header, IFA_MAX);
  const auto local = attributes.address(IFA_LOCAL, family);
  const auto address = attributes.address(IFA_ADDRESS, family);
  FoundAddress found;
  found.address.network = {local.is_none() ? address : local, header.ifa_prefixlen};
  if (address != found.address.network.address) found.address.peer = address;
  found.interface = header.ifa_index;
  found.ours = attributes.u8(IFA_PROTO) == kAditProtocol;
  return found;
}

}  // namespace

std::string to_string(const InterfaceAddress& address) {
  if (address.peer.is_none()) return to_string(address.network);
  return to_string(address.network) + " peer " + to_string(address.peer);
}

NetlinkResult<> add_address(Netlink& netlink, std::uint32_t index, const InterfaceAddress& address) {
  auto message = message_for(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, address);
  message.put_u8(IFA_PROTO, kAditProtocol);
  return netlink.request(std::move(message));
}

NetlinkResult<> remove_address(Netlink& netlink, std::uint32_t index, const InterfaceAddress& address) {
  return netlink.request(message_for(RTM_DELADDR, 0, index, address));
}

NetlinkResult<std::vector<FoundAddress>> list_addresses(Netlink& netlink, std::uint32_t index) {
  std::vector<FoundAddress> found;
  for (const auto family : {Family::v4, Family::v6}) {
    ifaddrmsg header{};
    header.ifa_family = static_cast<std::uint8_t>(to_af(family));
    header.ifa_index = index;
    auto done = netlink.query({RTM_GETADDR, NLM_F_DUMP, header}, [&](nlmsghdr* message) {
      const auto& each = header_of<ifaddrmsg>(message);
      // Older kernels do not filter; and one without IPv6 answers with every family.
      const bool wanted = index == 0 || each.ifa_index == index;
      if (wanted && each.ifa_family == to_af(family)) found.push_back(parse_address(message, family));
    });
    if (!done && !is_missing_family(done.error())) return std::unexpected(done.error());
  }
  return found;
}

}  // namespace adit::net
