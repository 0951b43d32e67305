# SPDX-License-Identifier: MIT
"""The wire that every competitor's encrypted packets cross: two hosts and one veth, no router.

        host a                       host b
    ┌──────────────┐             ┌──────────────┐
    │         eth0 ├─────────────┤ eth0         │
    └──────────────┘             └──────────────┘
       10.1.0.1/24                 10.1.0.2/24

A veth hands on a UDP super-packet in one piece, which no network card on a plain network does; the second kind of wire
has segmentation switched off at both ends, so that every datagram crosses alone. Which one is nearer to a given network
depends on its cards, so both are measured.
"""
import dataclasses
import pathlib

from lab.namespace import Namespace
from lab.wait import wait_until

VETH = "veth"
NO_SEGMENTATION = "veth, no segmentation"
KINDS = (VETH, NO_SEGMENTATION)
OUTER = {"a": "10.1.0.1", "b": "10.1.0.2"}
MTU = 1420
FIRST_PORT = 51820


@dataclasses.dataclass
class End:
    """What one end of a competitor's link is told; no two competitors on a wire share any of it but the host."""
    host: Namespace
    label: str            # "a" or "b"
    device: str           # the tunnel's interface
    address: str          # outside the tunnel
    peer_address: str
    port: int             # the same at both ends
    inner4: str           # without the prefix, which is INNER4_PREFIX
    inner6: str
    peer_inner4: str
    peer_inner6: str
    directory: pathlib.Path

    INNER4_PREFIX = 30
    INNER6_PREFIX = 64

    @property
    def inner(self):
        return [f"{self.inner4}/{self.INNER4_PREFIX}", f"{self.inner6}/{self.INNER6_PREFIX}"]


class Wire:
    def __init__(self, kind, directory):
        self.kind = kind
        self.directory = directory
        directory.mkdir(parents=True)
        self._namespaces = []
        try:
            self.a, self.b = (self._namespace(label) for label in "ab")
            self._connect()
        except BaseException:
            self.close()
            raise

    def _namespace(self, label):
        namespace = Namespace(label, self.directory)
        self._namespaces.append(namespace)
        return namespace

    def _connect(self):
        self.a.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.b.name)
        for label, host in (("a", self.a), ("b", self.b)):
            host.ip("addr", "add", f"{OUTER[label]}/24", "dev", "eth0")
            host.ip("link", "set", "eth0", "up")
            if self.kind == NO_SEGMENTATION:
                host.run("ethtool", "-K", "eth0", "tx-udp-segmentation", "off", "gso", "off", "tso", "off")
        for host in (self.a, self.b):
            wait_until(lambda host=host: "state UP" in host.ip("link", "show", "dev", "eth0"), 10, "the veth's carrier")

    def ends(self, name, number):
        """Both ends of competitor `number` (from 1), called `name`."""
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        return [End(host=self.a if label == "a" else self.b, label=label, device=f"bench{number}",
                    address=OUTER[label], peer_address=OUTER[other], port=FIRST_PORT + number,
                    inner4=f"10.9.{number}.{own}", inner6=f"fd09:{number}::{own}",
                    peer_inner4=f"10.9.{number}.{far}", peer_inner6=f"fd09:{number}::{far}", directory=directory)
                for label, other, own, far in (("a", "b", 1, 2), ("b", "a", 2, 1))]

    def close(self):
        for namespace in reversed(self._namespaces):
            namespace.close()
