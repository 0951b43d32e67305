// SPDX-License-Identifier: MIT
// A request socket of rtnetlink and the one way in which requests are made: send a message, wait for the kernel's
// verdict, keep its errno and its explanation. What the messages say is the business of netlink_*.h.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "base/ip.h"
#include "base/result.h"

struct nl_addr;
struct nl_msg;
struct nl_sock;
struct nlmsghdr;

namespace adit::net {

/// What our routes, rules and addresses are tagged with (`proto 173` in `ip route`), so that leftovers of a killed
/// run can be told from other people's.
inline constexpr std::uint8_t kAditProtocol = 173;

struct NetlinkError {
  int code = 0;             ///< errno
  std::string explanation;  ///< the kernel's own words (extended acknowledgement), often none
};
/// "File exists (EEXIST)", with the kernel's explanation where there is one.
std::string describe(const NetlinkError& error);

struct NetlinkDeleter {
  void operator()(nl_addr* address) const;
  void operator()(nl_msg* message) const;
  void operator()(nl_sock* socket) const;
};
using NetlinkMessage = std::unique_ptr<nl_msg, NetlinkDeleter>;

class Netlink {
 public:
  /// Belongs to the network namespace of the calling thread, and stays there.
  static Result<Netlink> open();

  /// Sends and waits for the acknowledgement.
  std::expected<void, NetlinkError> request(NetlinkMessage message);
  /// Sends a dump or get request and calls `each` for every message of the answer.
  std::expected<void, NetlinkError> query(NetlinkMessage message, const std::function<void(nlmsghdr*)>& each);

 private:
  explicit Netlink(nl_sock* socket) : socket_(socket) {}
  std::unique_ptr<nl_sock, NetlinkDeleter> socket_;
};

/// libnl's form of an address; the prefix length of `address` is its own, that of a single address all bits.
std::unique_ptr<nl_addr, NetlinkDeleter> to_nl_addr(const IpNetwork& network);
IpNetwork from_nl_addr(const nl_addr* address, Family family);

}  // namespace adit::net
