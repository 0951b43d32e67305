# SPDX-License-Identifier: MIT
"""The two ends of an encrypted link: Adit, and wireguard-go or the kernel's WireGuard set up by `wg`. All are told the same
things (a Side) and asked the same questions, so that a test need not care which one it has.
"""
import dataclasses
import functools
import json
import os
import pathlib
import signal
import subprocess

import yaml

from .namespace import Failed, Namespace
from .patience import SLOWER
from .wait import wait_until

BIN = pathlib.Path(os.environ.get("ADIT_BIN_DIR", pathlib.Path(__file__).parents[3] / "build/dev/bin"))
ADITD = BIN / "aditd"
ADIT = BIN / "adit"
WG_DIR = "/run/wireguard"


def wg(*arguments, input=None):
    return subprocess.run(["wg", *arguments], input=input, capture_output=True, text=True, check=True).stdout.strip()


class Keys:
    def __init__(self):
        self.private = wg("genkey")
        self.public = wg("pubkey", input=self.private)


@dataclasses.dataclass
class Side:
    """What an end knows, whatever software it is."""
    host: Namespace
    label: str                     # "a" or "b"
    private_key: str
    public_key: str                # its own
    peer_public_key: str
    addresses: list                # inside the tunnel, with prefixes
    allowed_ips: list  # None: the default
    preshared_key: str = None
    listen: int = None             # port
    endpoint: object = None        # "HOST:PORT", a list of them (Adit only), or None: the peer calls
    keepalive: int = 25            # seconds; 0: off
    routes: list = dataclasses.field(default_factory=list)     # as in Adit's file
    interface: dict = dataclasses.field(default_factory=dict)  # more keys of Adit's `interface`
    more: dict = dataclasses.field(default_factory=dict)       # more top-level keys of Adit's file

    @property
    def addr4(self):
        return next((a.split("/")[0] for a in self.addresses if ":" not in a), None)

    @property
    def addr6(self):
        return next((a.split("/")[0] for a in self.addresses if ":" in a), None)


class End:
    """A side with its software. `device` is the tunnel's interface."""
    device = "tun0"

    def __init__(self, side, directory):
        self.side = side
        self.host = side.host
        self.directory = directory / f"{side.label}-{type(self).__name__}"
        self.directory.mkdir(exist_ok=True)
        self.process = None
        self.inside = None  # the namespace its interface is in, if that is not the host's
        self.binds = {}  # files of /etc that this end sees in place of the machine's

    def start(self):
        """Starts it and returns when its interface is up."""
        raise NotImplementedError

    def stop(self, number=signal.SIGTERM):
        """Ends it; returns its exit status."""
        status = self.process.stop(number)
        self.process = None
        return status

    def kill(self):
        self.stop(signal.SIGKILL)

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        if self.process is not None:
            self.process.close()

    def log(self):
        return "".join(path.read_text(errors="replace")
                       for path in sorted(self.host.directory.glob(f"{self.side.label}-{self.program}-*.log")))

    def _is_up(self):
        if not self.process.alive:
            raise Failed(f"{self.program} on {self.side.label} ended at its start:\n{self.process.log()}")
        addresses = (self.inside or self.host).ip("-oneline", "addr", "show", "dev", self.device, check=False)
        return all(f" {address.split('/')[0]}" in addresses for address in self.side.addresses)


class AditEnd(End):
    program = "aditd"

    def __init__(self, side, directory):
        super().__init__(side, directory)
        self.name = side.label
        self.place(self.directory)

    def place(self, directory):
        """Its file and its folders are to be there."""
        directory = pathlib.Path(directory)
        self.file = directory / f"{self.name}.yaml"
        self.run_dir = directory / "run"
        self.state_dir = directory / "state"
        self.env = {"ADIT_RUN_DIR": str(self.run_dir), "ADIT_STATE_DIR": str(self.state_dir),
                    "ADIT_WG_DIR": str(directory / "wireguard")}
        self.run_dir.mkdir(exist_ok=True)
        self.state_dir.mkdir(exist_ok=True)

    @property
    def socket_path(self):
        return self.run_dir / f"{self.name}.sock"

    def _state_files(self, name):
        """The turns of a file in the state folder (service/turn_file.h) that are there."""
        return [path for path in (self.state_dir / self.name / name, self.state_dir / self.name / f"{name}.2") if path.exists()]

    def forget_timestamps(self):
        for path in self._state_files("timestamp"):
            path.unlink()

    def move_timestamp(self, seconds):
        """As if the last one sent had been so many seconds later; written as an earlier release would."""
        newest = max(path.read_text()[:24] for path in self._state_files("timestamp"))
        self.forget_timestamps()
        moved = f"{int(newest[:16], 16) + seconds:016x}{newest[16:]}"  # TAI64N: seconds come first
        (self.state_dir / self.name / "timestamp").write_text(f"{moved}\n")

    def config(self):
        side = self.side
        allowed = {} if side.allowed_ips is None else {"allowed_ips": side.allowed_ips}
        peer = {"public_key": side.peer_public_key, **allowed,
                "keepalive": f"{side.keepalive}s" if side.keepalive else "off"}
        if side.preshared_key:
            peer["preshared_key"] = side.preshared_key
        if side.endpoint:
            peer["endpoint"] = side.endpoint
        local = {"private_key": side.private_key}
        if side.listen:
            local["listen"] = side.listen
        addresses = {"addresses": side.addresses} if side.addresses else {}  # an interface for frames may have none
        return {"interface": {"name": self.device, **addresses, **side.interface}, "local": local,
                "peer": peer, **({"routes": side.routes} if side.routes else {}), "log": {"level": "debug"}, **side.more}

    def write_config(self):
        self.file.touch(mode=0o600)
        self.file.write_text(yaml.safe_dump(self.config(), sort_keys=False))

    def launch(self, *prefix, pass_fds=()):
        """Starts the daemon and does not wait. `prefix`: a command that runs it (setpriv …)."""
        self.write_config()
        self.process = self.host.popen(*prefix, ADITD, self.file, name=self.program, env=self.env, binds=self.binds,
                                       pass_fds=pass_fds)
        return self.process

    def start(self):
        self.launch()
        wait_until(lambda: self._is_up() and self.socket_path.exists(), 10, "the interface and the control socket")

    def adit(self, *arguments, check=True):
        sysfs = False if arguments[0] in ("reload", "status") else None
        return self.host.run(ADIT, *arguments, check=check, env=self.env, sysfs=sysfs)

    def status(self):
        """`adit status NAME --json`, whether or not the link is up."""
        for _ in range(SLOWER):  # an emulated daemon may take longer than `adit` waits
            done = self.adit("status", self.name, "--json", check=False)
            if "does not answer within" not in done.stderr:
                break
        if done.returncode not in (0, 3) or "does not answer within" in done.stderr:
            raise Failed(f"adit status: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout)[0]

    def state(self):
        return self.status()["state"]

    def drops(self, reason=None):
        """Packets dropped for a reason, or for any."""
        drops = self.status()["drops"]
        return sum(drops.values()) if reason is None else drops.get(reason, 0)

    def peer_endpoint(self):
        return self.status()["peer"]["endpoint"]

    def latest_handshake(self):
        """Any value that changes with each handshake; None before the first."""
        return self.status()["peer"]["latest_handshake"]


class FileEnd(AditEnd):
    """Adit with a configuration file that somebody else wrote, used as it is."""

    def __init__(self, host, file, directory):
        self.written = yaml.safe_load(file.read_text())
        interface = self.written["interface"]
        self.device = interface.get("name", file.stem)
        super().__init__(Side(host, file.stem, None, None, None, interface.get("addresses", []), None), directory)
        self.file = file

    def write_config(self):
        pass


class WireguardGoEnd(End):
    program = "wireguard-go"
    binary = "wireguard-go"

    def __init__(self, side, directory):
        super().__init__(side, directory)
        # `wg` and wireguard-go meet at a fixed path: each end has its own folder mounted there.
        os.makedirs(WG_DIR, mode=0o700, exist_ok=True)
        sockets = self.directory / "sockets"
        sockets.mkdir(exist_ok=True)
        self.socket = sockets / f"{self.device}.sock"
        self.wg_binds = {WG_DIR: str(sockets)}

    def wg(self, *arguments, input=None):
        return self.host.run("wg", *arguments, input=input, binds=self.wg_binds).stdout

    def run_it(self):
        self.socket.unlink(missing_ok=True)
        self.process = self.host.popen(self.binary, "-f", self.device, name=self.program, binds=self.wg_binds,
                                       env={"WG_PROCESS_FOREGROUND": "1", "LOG_LEVEL": "verbose"})
        wait_until(lambda: self.socket.exists() or not self.process.alive, 10, "wireguard-go's socket")

    def start(self):
        self.run_it()
        self.wg("setconf", self.device, "/dev/stdin", input=self.config())
        for address in self.side.addresses:
            self.host.ip("addr", "add", address, "dev", self.device)
        self.host.ip("link", "set", self.device, "mtu", "1420", "up")
        for network in self.side.allowed_ips:
            self.host.ip("route", "replace", network, "dev", self.device)
        wait_until(self._is_up, 10, "the interface")

    def config(self):
        side = self.side
        lines = ["[Interface]", f"PrivateKey = {side.private_key}"]
        if side.listen:
            lines.append(f"ListenPort = {side.listen}")
        lines += ["[Peer]", f"PublicKey = {side.peer_public_key}", f"AllowedIPs = {', '.join(side.allowed_ips)}"]
        if side.preshared_key:
            lines.append(f"PresharedKey = {side.preshared_key}")
        if side.endpoint:
            lines.append(f"Endpoint = {side.endpoint}")
        if side.keepalive:
            lines.append(f"PersistentKeepalive = {side.keepalive}")
        return "\n".join(lines) + "\n"

    def _show(self, what):
        return self.wg("show", self.device, what).split()[-1]

    def peer_endpoint(self):
        return self._show("endpoints")

    def latest_handshake(self):
        seconds = int(self._show("latest-handshakes"))
        return seconds or None


@functools.cache
@functools.cache
def kernel_has(kind):
    """Can this kernel make such an interface ("wireguard", "gretap")? Loads the module that does."""
    return subprocess.run(["unshare", "--net", "ip", "link", "add", "probe0", "type", kind,
                           *(("local", "10.0.0.1", "remote", "10.0.0.2") if kind == "gretap" else ())],
                          capture_output=True).returncode == 0


class KernelEnd(WireguardGoEnd):
    """The kernel's own WireGuard: no process, and nothing to be asked but by `wg`. Tests with it are for kernels that have one
    (`kernel_has`)."""
    program = "wg"

    def wg(self, *arguments, input=None):
        return self.host.run("wg", *arguments, input=input).stdout

    def run_it(self):
        self.host.ip("link", "add", self.device, "type", "wireguard")

    def stop(self, number=None):
        self.host.ip("link", "del", self.device)
        return 0

    def close(self):
        pass  # it goes with its namespace

    def _is_up(self):
        addresses = self.host.ip("-oneline", "addr", "show", "dev", self.device, check=False)
        return all(f" {address.split('/')[0]}" in addresses for address in self.side.addresses)


class WgQuickEnd(WireguardGoEnd):
    """wireguard-go as wg-quick sets it up. That has it started by a program of ours, which waits until we have."""
    program = "wg-quick"

    def start(self):
        wanted = self.directory / "wanted"
        wanted.unlink(missing_ok=True)
        starter = self.directory / "starter"
        starter.write_text(f"#!/bin/sh\ntouch {wanted}; until [ -S {WG_DIR}/{self.device}.sock ]; do sleep 0.01; done\n")
        starter.chmod(0o700)
        file = self.directory / f"{self.device}.conf"
        file.write_text(self.config().replace("[Peer]", f"Address = {', '.join(self.side.addresses)}\n[Peer]"))
        file.chmod(0o600)
        self.socket.unlink(missing_ok=True)
        wg_quick = self.host.popen("wg-quick", "up", file, name="wg-quick-up", binds=self.wg_binds,
                                   env={"WG_QUICK_USERSPACE_IMPLEMENTATION": str(starter)})
        wait_until(lambda: wanted.exists() or not wg_quick.alive, 20, "wg-quick to ask for wireguard-go")
        self.run_it()
        if wg_quick.wait(20) != 0:
            raise Failed(f"wg-quick: {wg_quick.log()}")
        wait_until(self._is_up, 10, "the interface")


class Link:
    """Both ends and what a test asks most of them."""

    def __init__(self, a, b):
        self.a, self.b = a, b

    def start(self):
        self.b.start()
        self.a.start()
        return self

    def stop(self):
        for end in (self.a, self.b):
            if end.process is not None:
                end.stop()
