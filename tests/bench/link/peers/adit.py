# SPDX-License-Identifier: MIT
"""Adit itself, from the build in ADIT_BIN_DIR."""
import json
import os
import pathlib
import socket
import subprocess

from lab.wait import wait_until

from ..wire import MTU
from . import Peer

BIN = pathlib.Path(os.environ.get("ADIT_BIN_DIR", pathlib.Path(__file__).parents[4] / "build/release/bin"))
LINK = "link"


def new_key():
    """A private key and its public one, in base64."""
    def adit(command, given=None):
        return subprocess.run([BIN / "adit", command], input=given, capture_output=True, text=True, timeout=10,
                              check=True).stdout.strip()
    private = adit("genkey")
    return private, adit("pubkey", private + "\n")


class Adit(Peer):
    name = "adit"
    bin = BIN

    def missing(self):
        if all(os.access(self.bin / program, os.X_OK) for program in ("aditd", "adit")):
            return None
        return f"there is no Adit to be measured in {self.bin}: scripts/bench builds it; or set ADIT_BIN_DIR"

    def version(self):
        done = subprocess.run([self.bin / "adit", "--version"], capture_output=True, text=True, timeout=10)
        return f"adit {done.stdout.strip().removeprefix('adit ')}".strip()

    def prepare(self, a, b):
        keys = {"a": new_key(), "b": new_key()}
        for end, other in ((a, b), (b, a)):
            config = {"interface": {"name": end.device, **self.interface(end)},
                      "local": {"private_key": keys[end.label][0], "listen": end.port},
                      "peer": {"public_key": keys[other.label][1], "endpoint": f"{end.peer_address}:{end.port}"}}
            for folder in ("run", "state", "wireguard"):
                (self._home(end) / folder).mkdir(parents=True, exist_ok=True)
            file = self._home(end) / f"{LINK}.yaml"
            file.touch(mode=0o600)
            file.write_text(json.dumps(config))  # JSON is YAML, and needs no library

    def interface(self, end):
        return {"addresses": end.inner, "mtu": MTU}

    @staticmethod
    def _home(end):
        return end.directory / end.label

    def start(self, a, b):
        for end in (b, a):
            home = self._home(end)
            env = {"ADIT_RUN_DIR": home / "run", "ADIT_STATE_DIR": home / "state", "ADIT_WG_DIR": home / "wireguard"}
            self.processes.append(end.host.popen(self.bin / "aditd", home / f"{LINK}.yaml", name="aditd",
                                                 env={name: str(path) for name, path in env.items()}))
        for end, process in zip((b, a), self.processes):
            wait_until(lambda end=end, process=process: self.socket(end).exists() or not process.alive, 10,
                       "aditd's control socket", interval=0.005)
        return tuple(process.pid for process in reversed(self.processes))

    def socket(self, end):
        return self._home(end) / "run" / f"{LINK}.sock"

    def ask_status(self, end):
        """One request on a connection of its own, as `adit status` makes it; the answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(5)
            sock.connect(str(self.socket(end)))
            sock.sendall(b'{"command":"status"}\n')
            with sock.makefile("rb") as answers:
                return json.loads(answers.readline())["status"]
