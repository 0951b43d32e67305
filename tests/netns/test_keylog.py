# SPDX-License-Identifier: MIT
"""`aditd --keylog FILE`: Wireshark's own dissector reads the inner packets out of a capture of the outer ones."""
import os
import re
import signal
import stat
import subprocess

import pytest

from lab.ends import ADITD
from lab.traffic import ping, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only

INNER = {("8", "10.9.0.1"), ("0", "10.9.0.2")}  # echo request and reply; the ends ask each other, too (path probes)


class Capture:
    """What passes host a's outer interface meanwhile."""

    def __init__(self, host, directory):
        self.file = directory / "outer.pcap"
        self._process = host.popen("tcpdump", "-i", "eth0", "-Z", "root", "--immediate-mode", "-U", "-w", self.file, "udp")
        wait_until(lambda: "listening on" in self._process.log(), 20, "the capture to begin")

    def stop(self):
        self._process.stop(signal.SIGINT)
        return self

    def decrypted(self, keys):
        """(ICMP type, inner source) of all pings that Wireshark finds with these keys."""
        done = subprocess.run(["tshark", "-r", self.file, "-o", f"wg.keylog_file:{keys or ''}", "-Y", "wg && icmp", "-T", "fields",
                               "-e", "icmp.type", "-e", "ip.src", "-E", "occurrence=l"], capture_output=True, text=True,
                              check=True)
        return {tuple(line.split("\t")) for line in done.stdout.splitlines()}


def start_logged(end, keys):
    """Starts the end with a key log."""
    end.write_config()
    end.process = end.host.popen(ADITD, "--keylog", keys, end.file, name=end.program, env=end.env)
    wait_until(lambda: end._is_up() and end.socket_path.exists(), 10, "the interface and the control socket")


def pass_pings(link):
    """Until it is up, and then two for sure, each in a datagram of its own: those that waited for the session may leave as
    one large datagram, which the kernel splits behind the capture."""
    traffic_within(link.a.host, link.b.side.addr4, 30)
    assert ping(link.a.host, link.b.side.addr4, 2) == 2


def secrets_in(keys):
    return re.findall(r"^(?!REMOTE_STATIC)\w+=(\S{44})$", keys.read_text(), re.M)


@pytest.mark.parametrize("calls", ["a", "b"])
@pytest.mark.parametrize("psk", [False, True], ids=["no psk", "psk"])
def test_wireshark_reads_the_inner_ping(make, tmp_path, calls, psk):
    """Whoever of the two began the handshake."""
    link = make(calls=calls, psk=psk)
    keys = tmp_path / "keys"
    capture = Capture(link.a.host, tmp_path)
    link.b.start()
    start_logged(link.a, keys)
    pass_pings(link)
    capture.stop()
    assert capture.decrypted(keys) >= INNER
    assert capture.decrypted(None) == set(), "not without the keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert link.a.process.log().count("KEY LOG") == 1, "nobody is to overlook it"
    assert secrets_in(keys)
    for secret in secrets_in(keys):
        assert secret not in link.a.log()


def test_without_the_option_there_is_neither_file_nor_warning(make, tmp_path):
    link = make()
    capture = Capture(link.a.host, tmp_path)
    link.start()
    pass_pings(link)
    capture.stop()
    assert capture.decrypted(None) == set()
    assert "KEY LOG" not in link.a.log()
    files = [path for path in link.a.directory.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"EPHEMERAL" in path.read_bytes()]


def test_later_handshakes_are_there_too(make, tmp_path):
    """Of a peer that began anew, and of this end itself after a reload that changed its key."""
    link = make()
    keys = tmp_path / "keys"
    link.b.start()
    start_logged(link.a, keys)
    pass_pings(link)

    capture = Capture(link.a.host, tmp_path)
    link.b.kill()
    link.b.start()
    pass_pings(link)
    capture.stop()
    assert capture.decrypted(keys) >= INNER

    link.a.side.preshared_key = link.b.side.preshared_key = "bm90IHJlYWxseSBhIHNlY3JldCwganVzdCA0IHRlc3Q="
    capture = Capture(link.a.host, tmp_path)
    for end in (link.a, link.b):
        end.write_config()
        end.adit("reload", end.name)
    link.b.restart()
    pass_pings(link)
    capture.stop()
    assert capture.decrypted(keys) >= INNER
    assert "PRESHARED_KEY=bm90" in keys.read_text()


def test_a_successor_goes_on_with_the_log(make, tmp_path):
    """SIGUSR2: the session goes on, its keys are there from before; and the new process logs the next."""
    link = make()
    keys = tmp_path / "keys"
    capture = Capture(link.a.host, tmp_path)
    link.b.start()
    start_logged(link.a, keys)
    pass_pings(link)
    before = keys.read_text()
    link.a.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: link.a.log().count("KEY LOG") == 2, 10, "the successor")
    wait_until(lambda: link.a.state() == "up", 10, "its link")
    assert ping(link.a.host, link.b.side.addr4, 2) == 2
    link.b.kill()
    link.b.start()
    pass_pings(link)
    capture.stop()
    assert capture.decrypted(keys) >= INNER
    assert keys.read_text().startswith(before)
    assert keys.read_text().count("EPHEMERAL") > before.count("EPHEMERAL")


def test_a_file_that_is_not_its_owners_alone_is_refused(make, tmp_path):
    end = make().a
    end.write_config()
    keys = tmp_path / "keys"
    keys.write_text("mine\n")
    keys.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    for file, sentence in ((keys, f"chmod 600 {keys}"), (link, "symbolic link"), (tmp_path / "none/keys", "No such file")):
        done = end.host.run(ADITD, "--keylog", file, end.file, check=False, env=end.env)
        assert done.returncode == 1
        assert sentence in done.stderr
        assert end.device not in end.host.ip("link")
    assert keys.read_text() == "mine\n"
    assert not os.path.exists(tmp_path / "elsewhere")
