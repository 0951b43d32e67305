# SPDX-License-Identifier: MIT
"""Two hosts with a router between them, as namespaces; what runs on the hosts is not known here.

        host a                        router r                        host b
    ┌──────────────┐             ┌────────────────┐             ┌──────────────┐
    │         eth0 ├─────────────┤ toa        tob ├─────────────┤ eth0         │
    └──────────────┘             └────────────────┘             └──────────────┘
       10.1.0.2/24         10.1.0.1/24      10.2.0.1/24         10.2.0.2/24
       fd01::2/64          fd01::1/64        fd02::1/64         fd02::2/64

The router can translate addresses (a behind NAT), lose and duplicate packets, capture and re-send datagrams.
"""
from .namespace import Namespace
from .wait import wait_until


class Lab:
    def __init__(self, directory):
        self.directory = directory
        self.ends = []
        self.closers = []
        self.a, self.r, self.b = (self.namespace(label) for label in "arb")
        for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            self.r.sysctl(key, 1)
        self.cable(self.a, "toa", 1)
        self.cable(self.b, "tob", 2)
        for namespace, device in ((self.a, "eth0"), (self.r, "toa"), (self.r, "tob"), (self.b, "eth0")):
            wait_until(lambda: "state UP" in namespace.ip("link", "show", "dev", device), 10, f"carrier on {device}")

    def namespace(self, label):
        namespace = Namespace(label, self.directory)
        self.closers.append(namespace.close)
        return namespace

    def close(self):
        for end in self.ends:
            end.close()
        for close in reversed(self.closers):
            close()

    def cable(self, host, leg, net):
        """Host's eth0 to the router's leg: 10.NET.0.0/24 and fd0NET::/64, the router as the way to everywhere."""
        self.r.ip("link", "add", leg, "type", "veth", "peer", "name", "eth0", "netns", host.name)
        self.r.ip("addr", "add", f"10.{net}.0.1/24", "dev", leg)
        self.r.ip("addr", "add", f"fd0{net}::1/64", "dev", leg)
        self.r.ip("link", "set", leg, "up")
        self.address(host, net, 2)

    def another_cable(self, host, leg, device, net):
        """A further one: host's `device` to the router's `leg`, likewise, and no routes."""
        self.r.ip("link", "add", leg, "type", "veth", "peer", "name", device, "netns", host.name)
        for end, interface, number in ((self.r, leg, 1), (host, device, 2)):
            end.ip("addr", "add", f"10.{net}.0.{number}/24", "dev", interface)
            end.ip("addr", "add", f"fd0{net}::{number}/64", "dev", interface, "nodad")
            end.ip("link", "set", interface, "up")

    def address(self, host, net, number):
        """Gives a host its addresses (10.NET.0.NUMBER, fd0NET::NUMBER) in place of those it has, and its routes."""
        host.ip("addr", "flush", "dev", "eth0", "scope", "global")
        host.ip("addr", "add", f"10.{net}.0.{number}/24", "dev", "eth0")
        host.ip("addr", "add", f"fd0{net}::{number}/64", "dev", "eth0")
        host.ip("link", "set", "eth0", "up")
        self.default_routes(host, net)

    @staticmethod
    def default_routes(host, net):
        host.ip("route", "replace", "default", "via", f"10.{net}.0.1")
        host.ip("route", "replace", "default", "via", f"fd0{net}::1")

    def path_mtu(self, mtu):
        """The leg between the router and b carries no packet above `mtu` bytes."""
        self.r.ip("link", "set", "tob", "mtu", str(mtu))
        self.b.ip("link", "set", "eth0", "mtu", str(mtu))

    def nat(self):
        """Hides a behind the router: b sees 10.2.0.1 or fd02::1 and a random port, and cannot call first."""
        self.r.nft("""
            table inet nat {
              chain out { type nat hook postrouting priority srcnat; oifname "tob" masquerade fully-random; }
              chain in { type filter hook forward priority filter; iifname "tob" ct state new drop; }
            }""")

    def forget_mappings(self):
        """As a NAT router does when it restarts: the next packet gets another port."""
        self.r.run("conntrack", "-F")

    def lose(self, percent):
        """Loses this share of the packets in both directions."""
        self.r.nft(f"""
            table inet faults {{
              chain loss {{ type filter hook forward priority -10; numgen random mod 100 < {percent} drop; }}
            }}""")

    def duplicate(self):
        """Sends every packet to b twice, in both families."""
        for family, gateway in (("ip", "10.2.0.2"), ("ip6", "fd02::2")):
            self.r.nft(f"""
                table {family} copies {{
                  chain copy {{
                    type filter hook forward priority -5;
                    oifname "tob" dup to {gateway} device "tob";
                  }}
                }}""")
