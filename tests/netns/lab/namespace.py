# SPDX-License-Identifier: MIT
"""A network namespace that cleans up after itself: its processes end with it, and it ends with the test.

Names are PREFIX-PID-NUMBER-LABEL, so that runs beside each other never meet, and a later run can tell what a killed one
has left behind. Knows nothing of tunnels.
"""
import contextlib
import ctypes
import difflib
import itertools
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

from .patience import patient

PREFIX = "adit"
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
# What looks at its network by asking the kernel, and not in /sys: for these `ip netns exec`, which mounts another one, takes
# three times as much of the processor as they do, and tests call them ten thousand times.
ASK_THE_KERNEL = {"ip", "nft", "ping", "sysctl", "tc"}

_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _delete(name):
    """Kills whoever is still inside, then removes the name."""
    inside = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout.split()
    for pid in inside:
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    subprocess.run(["ip", "netns", "del", name], capture_output=True)


def remove_leftovers():
    """Removes the namespaces of test runs that are no longer alive."""
    names = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    for name, pid in re.findall(rf"^({PREFIX}-(\d+)-\S+)", names, re.MULTILINE):
        if not os.path.exists(f"/proc/{pid}"):
            _delete(name)


class Failed(AssertionError):
    """A command in a namespace did not do what it should; says what it printed."""


class Process:
    """A program running in a namespace, its output in a file."""

    def __init__(self, popen, log):
        self._popen = popen
        self.log_file = log
        self.pid = popen.pid

    @property
    def alive(self):
        return self._popen.poll() is None

    def log(self):
        return self.log_file.read_text(errors="replace")

    def wait(self, timeout):
        """Its exit status; negative for a signal. `timeout`: what it may take on an idle machine; see patience.py."""
        timeout = patient(timeout)
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self._popen.args} still runs after {timeout} s:\n{self.log()}") from None

    def catches(self, number):
        """Has it set up a handler for this signal (or ended already)?"""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except FileNotFoundError:
            return True
        caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
        return not self.alive or bool(int(caught.split()[1], 16) >> (number - 1) & 1)

    def state(self):
        """The kernel's letter: R, S, T for stopped …"""
        return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]

    def send_signal(self, number):
        self._popen.send_signal(number)

    def stop(self, number=signal.SIGTERM, timeout=10):
        if self.alive:
            self.send_signal(number)
        return self.wait(timeout)

    def close(self):
        if self.alive:
            self._popen.terminate()
            try:
                self._popen.wait(3)
            except subprocess.TimeoutExpired:
                self._popen.kill()
        self._popen.wait()


class Namespace:
    def __init__(self, label, directory):
        self.label = label
        self.name = f"{PREFIX}-{os.getpid()}-{next(_numbers)}-{label}"
        self.directory = directory
        self.processes = []
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.sysctl("net.ipv6.conf.all.accept_dad", 0)
        self.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.ip("link", "set", "lo", "up")

    def close(self):
        for process in self.processes:
            process.close()
        _delete(self.name)

    def _inside(self, command, binds):
        """`binds`: {path: file that stands in for it}, for this command alone (`ip netns exec` has its own mounts)."""
        argv = ["ip", "netns", "exec", self.name]
        if binds:
            mounts = " && ".join(f"mount --bind '{source}' '{target}'" for target, source in binds.items())
            argv += ["sh", "-c", f'{mounts} && exec "$@"', "sh"]
        return argv + [str(word) for word in command]

    def run(self, *command, check=True, timeout=60, input=None, env=None, binds=None, sysfs=None):
        """`sysfs`: whether it looks into /sys; unsaid: unless it is known not to."""
        words = [str(word) for word in command]
        sysfs = (words[0] not in ASK_THE_KERNEL or "tuntap" in words) if sysfs is None else sysfs
        in_place = not sysfs and not binds
        # No preexec_fn: with one, Python copies its own pages for each command, and these end by themselves.
        with self._entered() if in_place else contextlib.nullcontext():
            done = subprocess.run(words if in_place else self._inside(words, binds), capture_output=True, text=True,
                                  timeout=patient(timeout), input=input, env={**os.environ, **(env or {})})
        if check and done.returncode != 0:
            raise Failed(f"{self.label}: {' '.join(map(str, command))}: exit status {done.returncode}\n"
                         f"{done.stdout}{done.stderr}")
        return done

    def popen(self, *command, name=None, env=None, binds=None, pass_fds=()):
        log = self.directory / f"{self.label}-{name or os.path.basename(str(command[0]))}-{len(self.processes)}.log"
        with open(log, "wb") as output:
            popen = subprocess.Popen(self._inside(command, binds), stdin=subprocess.DEVNULL, stdout=output,
                                     stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, pass_fds=pass_fds,
                                     preexec_fn=_die_with_parent)
        self.processes.append(Process(popen, log))
        return self.processes[-1]

    def ip(self, *arguments, check=True):
        return self.run("ip", *arguments, check=check).stdout

    def nft(self, rules):
        self.run("nft", "-f", "-", input=rules)

    def sysctl(self, key, value):
        self.run("sysctl", "-qw", f"{key}={value}")

    def socket(self, *arguments):
        """A socket of this process that lives in the namespace."""
        with self._entered():
            return socket.socket(*arguments)

    @contextlib.contextmanager
    def _entered(self):
        """This thread is in the namespace, and whatever it starts and opens there."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.name}") as there:
            self._enter(there)
            try:
                yield
            finally:
                self._enter(home)

    @staticmethod
    def _enter(file):
        if _libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def network_state(self):
        """Everything a daemon may have touched, as text: links, addresses, routes of all tables, rules."""
        parts = [self.ip("-details", "addr")]
        for family in ("-4", "-6"):
            parts += [self.ip(family, "route", "show", "table", "all"), self.ip(family, "rule")]
        # Lifetimes run on by themselves; the kernel's own multicast routes come with the carrier; each user of a TUN
        # chooses vnet_hdr anew.
        return re.sub(r"(vnet_hdr|expires|valid_lft|preferred_lft|pref) \S+|^multicast .*\n", "", "\n".join(parts), flags=re.M)

    def expect_network_state(self, before):
        """It is as it was; carriers take up to a second to be reported."""
        deadline = time.monotonic() + patient(3)
        while (now := self.network_state()) != before:
            if time.monotonic() > deadline:
                raise Failed(f"{self.label} is not as before:\n" + "\n".join(
                    difflib.unified_diff(before.splitlines(), now.splitlines(), "before", "now", lineterm="")))
            time.sleep(0.1)
