# SPDX-License-Identifier: MIT
"""Keys leave no trace: after each thing the daemon does its whole memory is read, and what `adit` leaves is read at the
moment it ends. Whatever is in locked memory is a secret, also those that nobody outside knows: keys of sessions and
handshakes, what the two static keys have in common. None of them stands anywhere else, nor do those that were.
"""
import base64
import ctypes
import os
import signal

import pytest
import yaml

from lab import secrets
from lab.ends import ADIT, Keys, wg
from lab.traffic import ping, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only

WG_DIR = "/run/wireguard"
PTRACE_TRACEME, PTRACE_CONT, PTRACE_SETOPTIONS, PTRACE_O_TRACEEXIT = 0, 7, 0x4200, 0x40
EVENT_EXIT = 6


@pytest.fixture
def link(make):
    os.makedirs(WG_DIR, exist_ok=True)  # to be mounted over
    link = make(psk=True).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    return link


class Watched:
    """One end, and all secrets it ever had."""

    def __init__(self, end):
        self.end = end
        self.known = {base64.b64decode(end.side.private_key), base64.b64decode(end.side.preshared_key)}

    def learn(self, key):
        self.known.add(base64.b64decode(key))

    def leaves_nothing(self, what):
        with secrets.stopped(self.end.process):
            found = secrets.traces(self.end.process.pid, self.known)
        assert not found, f"after {what}:\n" + "\n".join(found)
        assert len(self.known) > 4, "the private, the preshared and the static keys' common secret, and a session's two"


def edit(end, section, **changes):
    config = yaml.safe_load(end.file.read_text())
    config[section].update(changes)
    end.file.write_text(yaml.safe_dump(config))
    return end.adit("reload", end.name)


def ask(end, *arguments, **options):
    return end.host.run("wg", *arguments, binds={WG_DIR: end.file.parent / "wireguard"}, **options)


def test_keys_are_in_locked_memory_alone_whatever_the_daemon_does(link):
    end = link.a
    watched = Watched(end)
    watched.leaves_nothing("the start and a handshake")
    assert ping(end.host, link.b.side.addr4) == 3
    watched.leaves_nothing("packets")

    end.status()
    end.adit("status", end.name)
    watched.leaves_nothing("adit status")
    assert end.side.private_key in ask(end, "showconf", end.device).stdout
    ask(end, "show")
    ask(end, "show", end.device, "dump")
    watched.leaves_nothing("wg show")

    psk = wg("genpsk")
    watched.learn(psk)
    for each in link.a, link.b:
        edit(each, "peer", preshared_key=psk)
        each.side.preshared_key = psk
    watched.leaves_nothing("a reload with another preshared key")
    ask(end, "set", end.device, "peer", end.side.peer_public_key, "preshared-key", "/dev/stdin", input=psk)
    watched.leaves_nothing("wg set")
    link.b.restart()
    traffic_within(end.host, link.b.side.addr4, 20)
    watched.leaves_nothing("a handshake with the new one")

    before = end.log().count("going on with the session")
    end.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: end.log().count("going on with the session") > before and end.socket_path.exists(), 10,
               "the successor")
    assert ping(end.host, link.b.side.addr4) == 3
    watched.leaves_nothing("a restart")

    fresh = Keys()
    watched.learn(fresh.private)
    edit(end, "local", private_key=fresh.private)
    edit(link.b, "peer", public_key=fresh.public)
    traffic_within(end.host, link.b.side.addr4, 20)
    watched.leaves_nothing("a reload with another private key")


def test_what_a_mistaken_file_holds_is_not_kept_either(link):
    watched = Watched(link.a)
    psk = wg("genpsk")
    watched.learn(psk)
    config = yaml.safe_load(link.a.file.read_text())
    config["peer"]["preshared_key"] = psk
    config["peer"]["keepalive"] = "never"
    link.a.file.write_text(yaml.safe_dump(config))
    assert link.a.adit("reload", link.a.name, check=False).returncode != 0
    watched.leaves_nothing("a reload that was refused")


def with_key_files(end, directory):
    """Its keys as files, the private one as a credential, as the unit has it; the file of the preshared one."""
    keys = {"link.key": end.side.private_key, "link.psk": end.side.preshared_key}
    for name, key in keys.items():
        (directory / name).touch(mode=0o600)
        (directory / name).write_text(key + "\n")
    config = end.config()
    del config["local"]["private_key"], config["peer"]["preshared_key"]
    config["local"]["private_key_credential"] = "link.key"
    config["peer"]["preshared_key_file"] = str(directory / "link.psk")
    end.side.more = config
    end.env = {**end.env, "CREDENTIALS_DIRECTORY": str(directory)}
    return directory / "link.psk"


def test_keys_that_are_files_leave_nothing_either(make, tmp_path):
    link = make(psk=True)
    psk_file = with_key_files(link.a, tmp_path)
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    watched = Watched(link.a)
    watched.leaves_nothing("the start")
    link.a.adit("reload", link.a.name)
    watched.leaves_nothing("a reload")
    for _ in range(2):
        psk = wg("genpsk")
        watched.learn(psk)
        said = link.a.log().count("preshared_key_file: another key")
        psk_file.write_text(psk + "\n")
        wait_until(lambda: link.a.log().count("preshared_key_file: another key") > said, 10, "the key to be read")
        watched.leaves_nothing("another key in its file")
    link.a.adit("reload", link.a.name)
    watched.leaves_nothing("a reload")


def memory_at_exit(command, known, stdin=b""):
    """Runs `command`; (what it printed, where keys stood in its memory at the moment it ended)."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

    def ptrace(request, pid, data=0):
        if libc.ptrace(request, pid, None, data) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    into, out = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(into[0], 0)
        os.dup2(out[1], 1)
        os.closerange(3, 256)
        libc.ptrace(PTRACE_TRACEME, 0, None, None)
        os.execv(command[0], command)
    os.close(into[0])
    os.close(out[1])
    os.write(into[1], stdin)
    os.close(into[1])
    os.waitpid(pid, 0)  # at its first instruction
    ptrace(PTRACE_SETOPTIONS, pid, PTRACE_O_TRACEEXIT)
    deliver, found = 0, None
    while True:
        ptrace(PTRACE_CONT, pid, deliver)
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            break
        deliver = 0
        if status >> 8 == signal.SIGTRAP | EVENT_EXIT << 8:
            found = secrets.traces(pid, known)
        elif os.WSTOPSIG(status) != signal.SIGTRAP:
            deliver = os.WSTOPSIG(status)
    with open(out[0], "rb") as printed:
        text = printed.read().decode()
    assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0, f"{command}: {status}\n{text}"
    return text, found


def test_adit_leaves_nothing_when_it_ends(link, tmp_path):
    """What it printed is in the reader's hands, and no more in its own."""
    side = link.a.side
    known = {base64.b64decode(key) for key in (side.private_key, side.preshared_key)}
    name = str(link.a.file)
    wg_quick = tmp_path / "wg7.conf"
    text, found = memory_at_exit([ADIT, "export", name], known)
    assert side.private_key in text and found == []
    wg_quick.touch(mode=0o600)
    wg_quick.write_text(text)
    text, found = memory_at_exit([ADIT, "import", str(wg_quick), "-o", "-"], known)
    assert side.private_key in text and found == []
    _, found = memory_at_exit([ADIT, "check", name], known)
    assert found == []
    text, found = memory_at_exit([ADIT, "pubkey"], known, stdin=side.private_key.encode() + b"\n")
    assert text.strip() == side.public_key and found == []
    text, found = memory_at_exit([ADIT, "genkey"], known)
    assert len(text.strip()) == 44 and found == []
