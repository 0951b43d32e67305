// SPDX-License-Identifier: MIT
// What the kernel says over netlink. The parsers are private to their sources, which are read along here.
// NOLINTBEGIN(bugprone-suspicious-include)
#include "net/netlink.cpp"
#include "net/netlink_address.cpp"
#include "net/netlink_link.cpp"
#include "net/netlink_monitor.cpp"
#include "net/netlink_route.cpp"
#include "net/netlink_rule.cpp"
// NOLINTEND(bugprone-suspicious-include)

#include "fuzz.h"

namespace adit::fuzz {
namespace {

void parse(nlmsghdr* message) {
  using namespace net;  // NOLINT(google-build-using-namespace)
  (void)parse_link(message);
  for (const auto family : {Family::v4, Family::v6}) {
    (void)to_string(parse_route(message, family).route);
    (void)to_string(parse_address(message, family).address);
    (void)parse_rule(message, NetlinkAttributes(message, sizeof(fib_rule_hdr), FRA_MAX), family);
  }
  (void)NetlinkAttributes(NetlinkAttributes(message, sizeof(rtmsg), RTA_MAX).find(RTA_METRICS), RTAX_MAX).u32(RTAX_MTU);
  if (message->nlmsg_type != NLMSG_ERROR) return;
  if (const auto* verdict = verdict_of(message)) (void)explanation_of(message, *verdict);
}

}  // namespace

void run(Bytes bytes) {
  auto buffer = copy_of(bytes);
  auto rest = static_cast<int>(buffer.size());
  auto* message = reinterpret_cast<nlmsghdr*>(buffer.data());
  net::NetworkChange change;
  for (; nlmsg_ok(message, rest) != 0; message = nlmsg_next(message, &rest)) {
    net::note(message, change);
    const auto* begin = reinterpret_cast<const std::uint8_t*>(message);
    auto alone = copy_of(Bytes(begin, message->nlmsg_len));
    parse(reinterpret_cast<nlmsghdr*>(alone.data()));
  }
}

}  // namespace adit::fuzz
