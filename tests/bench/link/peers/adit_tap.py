# SPDX-License-Identifier: MIT
"""Adit as an Ethernet cable (interface.mode: tap): its datagrams are as large as those of the others."""
from ..wire import MTU
from .adit import Adit

IN_FRONT = 20 + 4 + 14 + 4  # IPv4, GRE, Ethernet and a VLAN tag


class AditTap(Adit):
    name = "adit-tap"

    def interface(self, end):
        return {"mode": "tap", "addresses": end.inner, "mtu": MTU - IN_FRONT}
