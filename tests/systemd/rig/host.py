# SPDX-License-Identifier: MIT
"""A host: systemd as process 1 of a container, in a network namespace that the tests know from outside, too. It ends with
the test, and with the test's process, however that ends.
"""
import ctypes
import json
import pathlib
import shutil
import signal
import subprocess
import time

from lab.namespace import Failed, Namespace
from lab.patience import patient
from lab.wait import wait_until

PR_SET_PDEATHSIG = 1
BOOT = pathlib.Path(__file__).with_name("boot")
BOOT_TIME = 120  # seconds, on a machine that does much else

_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def cgroup_root():
    """Where this machine has the second version of cgroups; None: nowhere."""
    for line in pathlib.Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return pathlib.Path(place)
    return None


def remove_cgroup(name):
    """Its processes have been killed, which takes a moment."""
    folder = cgroup_root() / name
    for _ in range(600):
        for inner in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
            try:
                inner.rmdir()
            except OSError:
                pass
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.05)


def _descendants(pid):
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except OSError:
        return
    for child in children:
        yield child
        yield from _descendants(child)


def _pids(pid):
    """Its number in each of its process namespaces, from ours inwards."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return []
    return next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")), [])


class Host:
    def __init__(self, label, directory, layers):
        self.label = label
        self.net = Namespace(label, directory)
        self.name = self.net.name
        self.directory = directory / label
        self.files = self.directory / "files"   # what is there when it boots
        self.memory = self.directory / "memory"
        self.console = self.directory / "console.log"
        for folder in (self.files, self.memory):
            folder.mkdir(parents=True)
        self._layers = [self.files, *layers]
        self._process = None

    # Life

    def boot(self):
        layers = ":".join(map(str, self._layers))
        with open(self.console, "ab") as console:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private", "sh",
                 BOOT, self.name, layers, self.memory, f"/run/netns/{self.name}"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT, preexec_fn=_die_with_parent)
        return self

    def wait_until_booted(self):
        def booted():
            if self._process.poll() is not None:
                raise Failed(f"{self.label} ended while booting:\n{self.console.read_text(errors='replace')}")
            if not self.leader():
                return False
            return self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")
        wait_until(booted, BOOT_TIME, f"{self.label} to boot", 0.2)
        return self

    def reboot(self):
        before = self.leader()
        self.run("systemctl", "reboot", check=False)
        wait_until(lambda: self.leader() not in (None, before), BOOT_TIME, f"{self.label} to reboot", 0.2)
        return self.wait_until_booted()

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            remove_cgroup(self.name)
        self.net.close()
        shutil.rmtree(self.files, ignore_errors=True)

    def leader(self):
        """Its process 1, by its number out here; None: there is none."""
        ours = len(_pids("self"))
        for pid in _descendants(self._process.pid):
            pids = _pids(pid)
            if len(pids) == ours + 2 and pids[-1] == "1":
                return pid
        return None

    # Doing things on it

    def run(self, *command, check=True, timeout=60, input=None):
        """As root on the host."""
        leader = self.leader()
        if leader is None:
            raise Failed(f"{self.label} is not running:\n{self.console.read_text(errors='replace')}")
        environment = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=dumb")
        done = subprocess.run(["nsenter", "-t", leader, "-a", *environment, *map(str, command)], capture_output=True,
                              text=True, timeout=patient(timeout), input=input, stdin=None if input else subprocess.DEVNULL,
                              preexec_fn=_die_with_parent)
        if check and done.returncode != 0:
            raise Failed(f"{self.label}: {' '.join(map(str, command))}: exit status {done.returncode}\n"
                         f"{done.stdout}{done.stderr}")
        return done

    def put(self, path, text, mode=0o600):
        """A file as an administrator would copy it there: root's. Before the boot, too."""
        root = self.files if self._process is None else pathlib.Path(f"/proc/{self.leader()}/root")
        file = root / str(path).lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)

    def systemctl(self, *arguments, check=True):
        return self.run("systemctl", "--no-pager", *arguments, check=check)

    # Looking at it

    def show(self, unit, property):
        """Asked again where a busy systemd hung up on the question, which changes nothing."""
        for _ in range(10):
            done = self.systemctl("show", "--value", "--property", property, unit, check=False)
            if done.returncode == 0:
                return done.stdout.strip()
            if "not connected" not in done.stderr:
                break
            time.sleep(0.5)
        raise Failed(f"{self.label}: systemctl show {unit}: {done.stderr}")

    def journal(self, *matches):
        """The entries, each with all its fields, of a unit or by any other match of journalctl."""
        self.run("journalctl", "--sync")
        lines = self.run("journalctl", "--no-pager", "--output=json", "--all", *matches).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def messages(self, unit):
        return [entry["MESSAGE"] for entry in self.journal("--unit", unit)]

    def exists(self, path):
        return self.run("test", "-e", path, check=False).returncode == 0

    def pings(self, address):
        return self.run("ping", "-n", "-c1", "-W5", address, check=False).returncode == 0
