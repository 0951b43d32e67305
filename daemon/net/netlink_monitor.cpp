// SPDX-License-Identifier: MIT
#include "net/netlink_monitor.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

#include "net/netlink_message.h"
#include "net/netlink_port.h"

namespace adit::net {
namespace {

/// A bigger one than libnl's, for hosts where a routing daemon changes thousands of routes at once.
constexpr int kReceiveBuffer = 1 << 20;
constexpr std::size_t kLargestMessages = 32 << 10;
/// Reads per turn: whoever changes routes without end shall not stop the packets.
constexpr int kReadsPerTurn = 16;

void add_once(std::vector<std::uint32_t>& all, std::uint32_t one) {
  if (std::ranges::find(all, one) == all.end()) all.push_back(one);
}

void note_link(const nlmsghdr* message, NetworkChange& change) {
  const auto& link = header_of<ifinfomsg>(message);
  const auto index = static_cast<std::uint32_t>(link.ifi_index);
  // A bridge port that leaves its bridge is also a "deleted link", of the bridge's family.
  if (link.ifi_family != AF_UNSPEC) return;
  if (message->nlmsg_type == RTM_DELLINK) {
    std::erase(change.links_up, index);
    std::erase(change.links_down, index);
    add_once(change.links_deleted, index);
  } else if ((link.ifi_flags & IFF_UP) != 0) {
    add_once(change.links_up, index);  // one that was down for a moment has lost its routes: that counts as well
  } else {
    std::erase(change.links_up, index);
    add_once(change.links_down, index);
  }
}

/// libnl's sockets have the process id in the lower bits of theirs, those of others are numbered by it.
constexpr std::uint32_t kProcessMask = (1U << 22) - 1;

/// The kernel says on whose request something was changed. 0: its own, or not known
std::uint32_t author_of(const nlmsghdr* message) {
  // Those the kernel makes up, as for a process's second socket, count down from the top and name nobody.
  return message->nlmsg_pid >> 31 != 0 ? 0 : message->nlmsg_pid & kProcessMask;
}

void note_taken_away(const nlmsghdr* message, NetworkChange& change) {
  if (is_port_of_ours(message->nlmsg_pid)) return;
  const auto by = author_of(message);
  change.taken_away = true;
  // Our own number is that of a process in another namespace, which has no name here.
  change.taken_away_by = by == (static_cast<std::uint32_t>(getpid()) & kProcessMask) ? 0 : by;
}

void note_route(nlmsghdr* message, NetworkChange& change) {
  change.routes = true;
  if (is_port_of_ours(message->nlmsg_pid) || nlmsg_valid_hdr(message, sizeof(rtmsg)) == 0) return;
  change.routes_of_others.push_back(place_in(message));
}

bool is_ours(nlmsghdr* message) {
  if (message->nlmsg_type == RTM_DELROUTE) {
    return nlmsg_valid_hdr(message, sizeof(rtmsg)) != 0 && header_of<rtmsg>(message).rtm_protocol == kAditProtocol;
  }
  return nlmsg_valid_hdr(message, sizeof(fib_rule_hdr)) != 0 &&
         NetlinkAttributes(message, sizeof(fib_rule_hdr), FRA_MAX).u8(FRA_PROTOCOL) == kAditProtocol;
}

void note(nlmsghdr* message, NetworkChange& change) {
  switch (message->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      if (nlmsg_valid_hdr(message, sizeof(ifinfomsg)) != 0) note_link(message, change);
      break;
    case RTM_DELADDR:
      note_taken_away(message, change);
      [[fallthrough]];
    case RTM_NEWADDR:
      change.addresses = true;
      break;
    case RTM_DELROUTE:
      if (is_ours(message)) note_taken_away(message, change);
      [[fallthrough]];
    case RTM_NEWROUTE:
      note_route(message, change);
      break;
    case RTM_DELRULE:
      if (is_ours(message)) note_taken_away(message, change);
      [[fallthrough]];
    case RTM_NEWRULE:
      change.rules = true;
      break;
    default:
      break;
  }
}

bool is_empty(const NetworkChange& change) {
  return change.links_deleted.empty() && change.links_up.empty() && change.links_down.empty() && !change.addresses &&
         !change.routes && !change.rules && !change.taken_away;
}

}  // namespace

NetlinkMonitor::NetlinkMonitor(EventLoop& loop, Changed callback)
    : socket_(nl_socket_alloc()), callback_(std::move(callback)) {
  if (!socket_) throw std::runtime_error("out of memory for a netlink socket");
  nl_socket_disable_seq_check(socket_.get());
  int error = nl_connect(socket_.get(), NETLINK_ROUTE);
  if (error == 0) error = nl_socket_set_nonblocking(socket_.get());
  if (error == 0) {
    error = nl_socket_add_memberships(socket_.get(), RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                                      RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE,
                                      RTNLGRP_NONE);
  }
  if (error < 0) {
    throw std::runtime_error(std::string("cannot watch the network for changes (netlink): ") + nl_geterror(error));
  }
  nl_socket_set_buffer_size(socket_.get(), kReceiveBuffer, 0);
  watch_ = loop.watch(nl_socket_get_fd(socket_.get()), EPOLLIN, [this](std::uint32_t) { read(); });
}

NetlinkMonitor::~NetlinkMonitor() = default;

void NetlinkMonitor::read() {
  NetworkChange change;
  const int fd = nl_socket_get_fd(socket_.get());
  alignas(nlmsghdr) std::array<std::uint8_t, kLargestMessages> buffer;
  for (int reads = 0; reads < kReadsPerTurn; ++reads) {
    const auto size = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) break;
    if (size < 0 || static_cast<std::size_t>(size) > buffer.size()) {  // ENOBUFS: the kernel dropped messages
      change.overrun = change.addresses = change.routes = change.rules = true;
      continue;
    }
    auto rest = static_cast<int>(size);
    auto* message = reinterpret_cast<nlmsghdr*>(buffer.data());
    for (; nlmsg_ok(message, rest) != 0; message = nlmsg_next(message, &rest)) note(message, change);
  }
  if (is_empty(change)) return;
  const auto callback = callback_;  // which may destroy us
  callback(change);
}

}  // namespace adit::net
