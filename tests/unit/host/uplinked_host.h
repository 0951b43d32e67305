// SPDX-License-Identifier: MIT
// In a network namespace of one's own: a host with an uplink (veth-a, default routes by way of 192.0.2.254 and
// 2001:db8::fe) and a tunnel, tun-q.
#pragma once

#include "namespace.h"
#include "net/netlink.h"
#include "net/tun_device.h"

namespace adit::host::test {

struct UplinkedHost {
  UplinkedHost() {
    using net::test::run;
    net::test::make_veth_pair();
    run("ip addr add 192.0.2.1/24 dev veth-a");
    net::test::add_ipv6("2001:db8::1", 64, "veth-a");
    run("ip route add default via 192.0.2.254; ip -6 route add default via 2001:db8::fe");
    run("ip link set tun-q addrgenmode none; ip link set tun-q up; ip addr add 10.9.0.1/24 dev tun-q");
    net::test::add_ipv6("fd09::1", 64, "tun-q");
  }

  net::TunDevice tun = net::TunDevice::open({.name = "tun-q"}).value();
  net::Netlink netlink = net::Netlink::open().value();
};

}  // namespace adit::host::test
