// SPDX-License-Identifier: MIT
// What tests of InterfaceSetup share: an interface, what it is usually to have, and what the kernel says of it.
#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "host/interface_setup.h"
#include "net/netlink_monitor.h"
#include "net/tun_device.h"

namespace adit::host::test {

inline IpAddress address(const char* text) {
  return IpAddress::parse(text).value();
}
inline IpNetwork net(const char* text) {
  return IpNetwork::parse(text).value();
}

/// A fresh interface "tun-i" and what is needed to set it up, in this test's namespace.
struct Interface {
  explicit Interface(const net::TunOptions& options = {.name = "tun-i"})
      : netlink(net::Netlink::open().value()), tun(net::TunDevice::open(options).value()) {
    setup.emplace(netlink, tun->index(), tun->name());
  }
  net::Netlink netlink;
  std::optional<net::TunDevice> tun;
  std::optional<InterfaceSetup> setup;
};

inline InterfaceSettings usual() {
  return {.mtu = 1380,
          .queue_length = 777,
          .addresses = {{.network = net("10.9.0.1/30")}, {.network = net("fd09::1/126")}},
          .routes = {{.to = net("192.168.20.0/24")},
                     {.to = net("10.20.0.0/16"), .metric = 50, .table = 100, .source = address("10.9.0.1")},
                     {.to = net("fd20::/48"), .metric = 7}}};
}

template <class T>
void expect_done(const Result<T>& result) {
  EXPECT_TRUE(result) << result.error().message;
}

inline void expect_done(const Restored& restored) {
  EXPECT_EQ(restored.problem, "");
}

/// What the kernel reported since the last call.
class Witness {
 public:
  Witness() : monitor_(loop_, [this](const net::NetworkChange& change) { add(change); }) {}
  net::NetworkChange changes() {
    seen_ = {};
    while (loop_.run_once(Duration::zero())) continue;
    return seen_;
  }

 private:
  void add(const net::NetworkChange& change) {
    seen_.addresses |= change.addresses;
    seen_.routes |= change.routes;
  }
  net::EventLoop loop_;
  net::NetworkChange seen_;
  net::NetlinkMonitor monitor_;
};

}  // namespace adit::host::test
