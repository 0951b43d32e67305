# SPDX-License-Identifier: MIT
"""Two LANs that a link makes one: it carries Ethernet frames between two bridges, and behind each is another host.

    near ── lan ┐                                        ┌ lan ── far
                br0 (host a) ── tun0 ═══ link ═══ tun0 ── br0 (host b)

near has 192.168.50.1 and fd50::1, far 192.168.50.2 and fd50::2.
"""
import pathlib
import sys

from . import gretap
from .ends import KernelEnd
from .traffic import traffic_within
from .wait import wait_until

BRIDGED = {"mode": "tap", "bridge": "br0"}
IN_FRONT = 20 + 4 + 14 + 4  # IPv4, GRE, Ethernet and a VLAN tag
MTU = 1500 - 60 - IN_FRONT  # as the way to the peer has it, over IPv4


def frames(interface=None, **fields):
    """A Side that carries frames."""
    return {"addresses": [], "allowed_ips": None, "interface": {"mode": "tap", **(interface or {})}, **fields}


def lan(lab, host, number, offloads=True, mtu=1500):
    """A bridge on `host`, and behind it another host with 192.168.50.NUMBER and fd50::NUMBER."""
    behind = lab.namespace(f"behind-{host.label}")
    host.ip("link", "add", "br0", "type", "bridge")
    host.ip("link", "add", "lan", "mtu", mtu, "type", "veth", "peer", "name", "eth0", "mtu", mtu, "netns", behind.name)
    host.ip("link", "set", "lan", "master", "br0", "up")
    host.ip("link", "set", "br0", "up")
    behind.ip("addr", "add", f"192.168.50.{number}/24", "dev", "eth0")
    behind.ip("addr", "add", f"fd50::{number}/64", "dev", "eth0", "nodad")
    behind.ip("link", "set", "eth0", "up")
    if not offloads:  # it computes and checks every checksum itself: a wrong one would be lost, and counted
        behind.run("ethtool", "-K", "eth0", "tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off")
    return behind


def bridged(make, lab, a=None, b=None, **options):
    """(link, near, far) of the picture above, started, once a ping has crossed. `a`, `b`: fields of the Sides that are to be
    otherwise; `options`: of `lan`."""
    near, far = lan(lab, lab.a, 1, **options), lan(lab, lab.b, 2, **options)
    link = make(a=frames(**{"interface": BRIDGED, **(a or {})}), b=frames(**{"interface": BRIDGED, **(b or {})})).start()
    traffic_within(near, "192.168.50.2", 20)
    return link, near, far


class KernelGretap:
    """The kernel's own, asked what the process is asked that stands in for one."""
    alive = True

    def log(self):
        return "the kernel's gretap"


def gre_peer(end, local, remote, address=None, mtu=None):
    """A `gretap` over the end's tunnel, with an address of its own or in the host's bridge; the process that is it. The kernel's
    goes with the kernel's WireGuard. Frames that are too large for the tunnel, with an `mtu` of its own, go in fragments."""
    if isinstance(end, KernelEnd):
        in_fragments = ("nopmtudisc", "ignore-df") if mtu and ":" not in local else ()
        end.host.ip("link", "add", "lan0", "type", "ip6gretap" if ":" in local else "gretap", "local", local, "remote", remote,
                    *(("encaplimit", "none") if ":" in local else in_fragments))
        process = KernelGretap()
    else:
        process = end.host.popen(sys.executable, pathlib.Path(gretap.__file__), "lan0", local, remote, name="gretap")
        wait_until(lambda: "ready" in process.log() or not process.alive, 10, "the TAP")
    assert process.alive, process.log()
    if address:
        end.host.ip("addr", "add", address, "dev", "lan0")
    else:
        end.host.ip("link", "set", "lan0", "master", "br0")
    end.host.ip("link", "set", "lan0", "mtu", mtu or 1420 - IN_FRONT - (20 if ":" in local else 0), "up")
    return process


def link_of(end):
    return end.host.ip("-details", "link", "show", "dev", end.device)
