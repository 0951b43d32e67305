# SPDX-License-Identifier: MIT
"""`adit status --watch` as somebody at a terminal sees it: a pseudoterminal whose screen is kept by pyte."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios

import pyte
import pytest

from lab.ends import ADIT
from lab.traffic import BackgroundPing, traffic_within
from lab.wait import wait_until
from test_control import ask

pytestmark = pytest.mark.adit_only
BLOCKS = "▁▂▃▄▅▆▇█"


class Terminal:
    def __init__(self, end, *arguments, rows=24, columns=80, ignores_hangup=False, **env):
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._master, slave = pty.openpty()
        self._set_size(rows, columns)
        # Where LINES and COLUMNS are set, as they are in a pytest of Debian 13, ncurses does not ask the terminal.
        environment = {**os.environ, "LINES": None, "COLUMNS": None, **end.env, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **env}
        environment = {key: value for key, value in environment.items() if value is not None}

        def own_terminal():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            if ignores_hangup:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)

        command = ["ip", "netns", "exec", end.host.name, str(ADIT), "status", "--watch", *arguments]
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment,
                                        start_new_session=True, preexec_fn=own_terminal)
        os.close(slave)
        self.raw = b""

    def _set_size(self, rows, columns):
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, rows, columns):
        self.screen.resize(rows, columns)
        self._set_size(rows, columns)

    def text(self):
        """The screen as it is now."""
        while select.select([self._master], [], [], 0)[0]:
            try:
                data = os.read(self._master, 65536)
            except OSError:
                break  # it has ended
            if not data:
                break
            self.raw += data
            self._stream.feed(data)
        return "\n".join(self.screen.display)

    def shows(self, *parts, timeout=15):
        try:
            wait_until(lambda: all(part in self.text() for part in parts), timeout, parts)
        except Exception:
            print(self.text())
            raise

    def press(self, keys):
        os.write(self._master, keys)

    def hang_up(self):
        os.close(self._master)
        self._master = None

    def ends(self):
        """Its exit status."""
        wait_until(lambda: (self._master is None or self.text() is not None) and self.process.poll() is not None, 10,
                   "it to end")
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self._master is not None:
            os.close(self._master)


@pytest.fixture
def terminal():
    opened = []

    def terminal(*arguments, **options):
        opened.append(Terminal(*arguments, **options))
        return opened[-1]
    yield terminal
    for each in opened:
        each.close()


@pytest.fixture
def link(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    return link


def test_it_shows_the_link_and_q_quits(link, terminal):
    screen = terminal(link.a, "a")
    screen.shows("a up", "10.2.0.2:51820", "sent", "received", "packets/s", "q quit", "CPU", link.a.side.peer_public_key)
    screen.press(b"q")
    assert screen.ends() == 0


def test_traffic_is_plotted_and_the_history_is_there_at_once(link, terminal):
    background = BackgroundPing(link.a.host, link.b.side.addr4, 0.01)

    def busy_seconds():
        return sum(count > 0 for count in ask(link.a, b'{"command":"history"}\n')["history"]["tx"]["bytes"])
    wait_until(lambda: busy_seconds() >= 4, 10, "a history")
    background.close()
    screen = terminal(link.a, "a")
    screen.shows("kbit/s")
    assert any(block in screen.text() for block in BLOCKS), "from before it was started"


def test_drops_appear_as_they_happen(link, terminal):
    screen = terminal(link.a, "a")
    screen.shows("dropped", "nothing")
    link.a.host.ip("route", "add", "10.77.0.0/16", "dev", link.a.device)
    link.a.host.run("ping", "-c", "2", "-i", "0.2", "-W", "1", "10.77.0.1", check=False)
    screen.shows("disallowed_destination 2", "noticed", "10.77.0.1")


def test_it_survives_the_daemons_restart(link, terminal):
    screen = terminal(link.a, "a", columns=200)
    screen.shows("a up")
    link.a.stop()
    screen.shows("a does not answer", "adit@a")  # where its lines break depends on the length of the folder's name
    link.a.start()
    traffic_within(link.a.host, link.b.side.addr4, 20)
    screen.shows("a up")


def test_it_follows_the_size_of_the_terminal(link, terminal):
    screen = terminal(link.a, "a")
    screen.shows("a up", "q quit")
    for rows, columns in ((40, 120), (12, 50), (3, 20), (24, 80)):
        screen.resize(rows, columns)
        screen.shows("too small" if rows < 8 else "q quit")
        assert screen.process.poll() is None


def test_a_terminal_without_utf8_gets_plain_letters(link, terminal):
    background = BackgroundPing(link.a.host, link.b.side.addr4, 0.05)
    screen = terminal(link.a, "a", LC_ALL="C")
    screen.shows("a up", "#")
    background.close()
    assert all(byte < 0x80 for byte in screen.raw)


def test_without_colours_there_are_none(link, terminal):
    coloured = terminal(link.a, "a")
    plain = terminal(link.a, "a", NO_COLOR="1")
    for screen in (coloured, plain):
        screen.shows("a up")
    assert b"\x1b[32m" in coloured.raw
    assert b"\x1b[32m" not in plain.raw


def test_keys_change_the_link(make, lab, terminal):
    link = make()
    link.a.start()
    link.b.host, link.b.env = link.a.host, link.a.env
    link.b.name, link.b.device = "other", "tun1"
    link.b.file = link.a.file.parent / "other.yaml"
    link.b.run_dir, link.b.side.listen = link.a.run_dir, 51821
    link.b.side.addresses = ["10.19.0.1/30"]
    link.b.side.allowed_ips = ["10.19.0.0/30"]
    link.b.start()
    screen = terminal(link.a)
    screen.shows("a ", "link 1 of 2", "n next link")
    screen.press(b"n")
    screen.shows("other ", "link 2 of 2")
    screen.press(b"\x1b[Z")
    screen.shows("link 1 of 2")
    screen.press(b"\x03")
    assert screen.ends() == 0


def test_it_ends_with_its_terminal_where_nobody_takes_the_signal_for_that(link, terminal):
    screen = terminal(link.a, "a", ignores_hangup=True)
    screen.shows("a up")
    screen.hang_up()
    assert screen.ends() == 0


def test_a_terminal_nobody_knows_is_a_sentence(link, terminal):
    screen = terminal(link.a, "a", columns=200, TERM="no-such-terminal")
    screen.shows("set TERM")
    assert screen.ends() == 1


def test_without_a_terminal_it_says_what_there_is_for_scripts(link):
    done = link.a.adit("status", "--watch", "a", check=False)
    assert done.returncode == 2
    assert "--json" in done.stderr
