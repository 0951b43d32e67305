# SPDX-License-Identifier: MIT
"""fastd, with the method its authors recommend (it has no ChaCha20-Poly1305)."""
import subprocess

from lab.wait import wait_until

from ..wire import MTU
from . import Peer

METHOD = "salsa2012+umac"


class Fastd(Peer):
    name = "fastd"
    program = "fastd"
    package = "fastd"

    def version(self):
        done = subprocess.run([self.program, "--version"], capture_output=True, text=True, timeout=10)
        return f"{done.stdout.strip()}, {METHOD}"

    def _key(self):
        done = subprocess.run([self.program, "--generate-key"], capture_output=True, text=True, timeout=10, check=True)
        lines = dict(line.lower().split(": ") for line in done.stdout.splitlines() if ": " in line)
        return lines["secret"], lines["public"]

    def prepare(self, a, b):
        keys = {"a": self._key(), "b": self._key()}
        for end, other in ((a, b), (b, a)):
            addresses = "".join(f"ip address add {address} dev {end.device}; " for address in end.inner)
            self._file(end).write_text(f"""\
                mode tun;
                interface "{end.device}";
                mtu {MTU};
                bind {end.address}:{end.port};
                method "{METHOD}";
                secret "{keys[end.label][0]}";
                on up "{addresses} ip link set {end.device} up";
                peer "{other.label}" {{
                  key "{keys[other.label][1]}";
                  {f"remote {end.peer_address} port {end.port};" if end is a else ""}
                }}
                """)

    @staticmethod
    def _file(end):
        return end.directory / f"{end.label}.conf"

    def start(self, a, b):
        """Only a calls, and not before b listens: two calls that cross cost fastd 20 seconds."""
        for end in (b, a):
            process = end.host.popen(self.program, "--config", self._file(end), name=self.name)
            self.processes.append(process)
            wait_until(lambda process=process: "bound to" in process.log() or not process.alive, 10, "fastd to listen",
                       interval=0.005)
        return tuple(process.pid for process in reversed(self.processes))
