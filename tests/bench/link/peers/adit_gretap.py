# SPDX-License-Identifier: MIT
"""What there is in place of `mode: tap`: a GRETAP on top of a link for IP packets. The kernel's, where it has one; else
tests/bench/gretap.cpp, from the path in GRETAP.
"""
import os
import re
import subprocess

from lab.wait import wait_until

from ..wire import MTU
from .adit import Adit
from .adit_tap import IN_FRONT

STAND_IN = os.environ.get("GRETAP", "")


def kernel_has_it():
    return subprocess.run(["unshare", "--net", "ip", "link", "add", "probe", "type", "gretap", "local", "192.0.2.1", "remote",
                           "192.0.2.2"], capture_output=True, timeout=20).returncode == 0


class AditGretap(Adit):
    name = "adit-gretap"

    def __init__(self):
        super().__init__()
        self.in_kernel = kernel_has_it()

    def missing(self):
        if not self.in_kernel and not os.access(STAND_IN, os.X_OK):
            return "adit-gretap is left out: this kernel has no gretap, and GRETAP names no program in its place"
        return super().missing()

    def on_top(self):
        """Which GRETAP it is, as a sentence."""
        if self.in_kernel:
            return "GRETAP: the kernel's."
        return ("GRETAP: this kernel has none, and tests/bench/gretap.cpp stands in. It takes and gives each frame by system calls: "
                "the kernel's would be quicker, and the ratio to it smaller.")

    def version(self):
        return f"{super().version()}. {self.on_top()}"

    def interface(self, end):
        """The link below: the addresses that the measures use are the GRETAP's."""
        return {"addresses": [f"{self._below(end.inner4)}/{end.INNER4_PREFIX}"], "mtu": MTU}

    @staticmethod
    def _below(address):
        return re.sub(r"^10\.9\.", "10.8.", address)

    def start(self, a, b):
        pids = super().start(a, b)
        for end in (b, a):
            self._put_on_top(end, f"{end.device}t")
        return pids

    def _put_on_top(self, end, device):
        ours, peers = self._below(end.inner4), self._below(end.peer_inner4)
        wait_until(lambda: ours in end.host.ip("-oneline", "addr", "show", "dev", end.device, check=False), 10, "the link below",
                   interval=0.01)
        if self.in_kernel:
            end.host.ip("link", "add", device, "type", "gretap", "local", ours, "remote", peers)
        else:
            process = end.host.popen(STAND_IN, device, ours, peers, name="gretap")
            self.processes.append(process)
            wait_until(lambda: "ready" in process.log() or not process.alive, 10, "the stand-in's TAP", interval=0.01)
        for address in end.inner:
            end.host.ip("addr", "add", address, "dev", device)
        end.host.ip("link", "set", device, "mtu", str(MTU - IN_FRONT), "up")
