// SPDX-License-Identifier: MIT
// A request socket of rtnetlink and the one way in which requests are made: send a message, wait for the kernel's
// verdict, keep its errno and its explanation. What the messages say is the business of netlink_*.h.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

struct nl_sock;

namespace adit::net {

class NetlinkMessage;

/// What our routes, rules and addresses are tagged with (`proto 173` in `ip route`), so that leftovers of a killed
/// run can be told from other people's.
inline constexpr std::uint8_t kAditProtocol = 173;

struct NetlinkError {
  int code = 0;             ///< errno
  std::string explanation;  ///< the kernel's own words (extended acknowledgement), often none
};
/// "File exists (EEXIST)", with the kernel's explanation where there is one, and the mend where it is always the same.
std::string describe(const NetlinkError& error);

/// The kernel has no such address family (`ipv6.disable=1`): there is nothing to list.
bool is_missing_family(const NetlinkError& error);

template <class T = void>
using NetlinkResult = std::expected<T, NetlinkError>;

struct NetlinkSocketDeleter {
  void operator()(nl_sock* socket) const;
};
using NetlinkSocket = std::unique_ptr<nl_sock, NetlinkSocketDeleter>;

class Netlink {
 public:
  /// Belongs to the network namespace of the calling thread, and stays there.
  static Result<Netlink> open();

  /// To be called every millisecond or so while thousands of things are changed or listed, so that other work goes on.
  /// It must not use this Netlink.
  void set_between(std::function<void()> between) { between_ = std::move(between); }
  void between() const {
    if (between_) between_();
  }

  /// Sends and waits for the acknowledgement.
  NetlinkResult<> request(NetlinkMessage message);
  /// `count` requests, many in one system call; `make` and `done` are called for each in order, `done` with code 0
  /// where it was carried out.
  NetlinkResult<> request_each(std::size_t count, const std::function<NetlinkMessage(std::size_t)>& make,
                               const std::function<void(std::size_t, const NetlinkError&)>& done);
  /// Sends a get or dump request; calls `each` for every message of the answer once all of it is there.
  NetlinkResult<> query(NetlinkMessage message, const std::function<void(nlmsghdr*)>& each);
  /// Of a dump that may be of any length, about `most` messages. False: there are more, with which the next call goes
  /// on, whatever `message` says. A socket of its own is to be had for that: nothing else can be asked meanwhile.
  NetlinkResult<bool> query_some(NetlinkMessage message, std::size_t most, const std::function<void(nlmsghdr*)>& each);

 private:
  explicit Netlink(NetlinkSocket socket) : socket_(std::move(socket)) {}
  NetlinkSocket socket_;
  bool goes_on_ = false;  ///< the dump of query_some
  std::function<void()> between_;
};

}  // namespace adit::net
