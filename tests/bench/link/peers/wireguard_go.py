# SPDX-License-Identifier: MIT
"""wireguard-go, the program that WIREGUARD_GO names. Configured over its own socket (the cross-platform protocol of
https://www.wireguard.com/xplatform), which spares a process and a package.
"""
import base64
import os
import re
import shutil
import socket
import subprocess

from lab.wait import wait_until

from ..wire import MTU
from . import Peer
from .adit import new_key

SOCKETS = "/run/wireguard"  # wireguard-go knows no other folder: each end has its own mounted there
FIRST_WITH_OFFLOAD = 20230301


class WireguardGo(Peer):
    name = "wireguard-go"
    program = os.environ.get("WIREGUARD_GO", "")

    def missing(self):
        if self.program and shutil.which(self.program):
            return None
        given = f"there is no program {self.program}" if self.program else "it could not be fetched"
        return f"wireguard-go is left out: {given}; set WIREGUARD_GO to the path of a recent one"

    def version(self):
        done = subprocess.run([self.program, "--version"], capture_output=True, text=True, timeout=10)
        line = (done.stdout + done.stderr).strip().splitlines()[0]
        date = re.search(r"\b(20\d{6})\b", line)
        if date and int(date[1]) < FIRST_WITH_OFFLOAD:
            line += " (OLD: from before it learned offload; to be faster than this one proves nothing)"
        return f"{line}, {self.program.removeprefix(os.getcwd() + os.sep)}"

    @staticmethod
    def _sockets(end):
        return end.directory / f"sockets-{end.label}"

    def prepare(self, a, b):
        os.makedirs(SOCKETS, mode=0o700, exist_ok=True)
        keys = {"a": new_key(), "b": new_key()}
        self.settings = {}  # by the end's label
        for end, other in ((a, b), (b, a)):
            self._sockets(end).mkdir(exist_ok=True)
            self.settings[end.label] = "".join(f"{key}={value}\n" for key, value in (
                ("set", 1), ("private_key", _hex(keys[end.label][0])), ("listen_port", end.port),
                ("public_key", _hex(keys[other.label][1])), ("endpoint", f"{end.peer_address}:{end.port}"),
                ("persistent_keepalive_interval", 25), ("allowed_ip", f"{end.peer_inner4}/{end.INNER4_PREFIX}"),
                ("allowed_ip", f"{end.peer_inner6}/{end.INNER6_PREFIX}"))) + "\n"

    def start(self, a, b):
        for end in (b, a):
            self.processes.append(end.host.popen(
                self.program, "-f", end.device, name=self.name, binds={SOCKETS: str(self._sockets(end))},
                env={"WG_PROCESS_FOREGROUND": "1"}))
        for end, process in zip((b, a), self.processes):
            self._configure(end, process)
        return tuple(process.pid for process in reversed(self.processes))

    def _configure(self, end, process):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(5)
            path = str(self._sockets(end) / f"{end.device}.sock")
            wait_until(lambda: sock.connect_ex(path) == 0 or not process.alive, 10, "wireguard-go to listen",
                       interval=0.002)
            sock.sendall(self.settings[end.label].encode())
            answer = sock.recv(4096)
        if b"errno=0" not in answer:
            raise RuntimeError(f"wireguard-go refused its configuration: {answer.decode(errors='replace').strip()}")
        commands = [f"address add {address} dev {end.device}\n" for address in end.inner]
        commands.append(f"link set {end.device} mtu {MTU} up\n")
        end.host.run("ip", "-batch", "-", input="".join(commands))


def _hex(key):
    return base64.b64decode(key).hex()
