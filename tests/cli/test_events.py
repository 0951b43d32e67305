# SPDX-License-Identifier: MIT
"""`adit events` of more links than a process may have descriptors for, unless it gives itself more; what it says of them;
and of links whose daemons end and come back."""
import contextlib
import json
import os
import resource
import socket
import subprocess
import tempfile
import threading

from shells import ADIT

LINKS, DESCRIPTORS = 60, 40


class Daemon:
    """Tells whoever asks first one thing, and ends when it is to; its socket goes with it."""

    def __init__(self, folder, name, event):
        self._path = f"{folder}/{name}.sock"
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(self._path)
        self._listening.listen()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._tell, args=(event,), daemon=True)
        self._thread.start()

    def _tell(self, event):
        client, _ = self._listening.accept()
        with client:
            client.recv(1000)
            client.sendall(json.dumps(event).encode() + b"\n")
            self._ends.wait()
            self._listening.close()
            os.unlink(self._path)

    def end(self):
        self._ends.set()
        self._thread.join(60)


@contextlib.contextmanager
def events(folder, *arguments, **options):
    """`adit events`, as it goes on; what it says to stderr stands between the lines."""
    process = subprocess.Popen([ADIT, "events", *arguments], env={**os.environ, "ADIT_RUN_DIR": folder}, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, **options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def mtu_of(name, mtu=1400):
    return {"event": "mtu", "link": name, "time": 0, "mtu": mtu, "previous": 1420}


def limited():
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def test_each_of_many_links_is_listened_to():
    names = [f"link-{number}" for number in range(LINKS)]
    with tempfile.TemporaryDirectory() as folder:  # its name is short, as a socket's has to be
        daemons = [Daemon(folder, name, mtu_of(name)) for name in names]
        with events(folder, "--json", preexec_fn=limited) as told:
            assert sorted(json.loads(told.stdout.readline())["link"] for _ in names) == sorted(names)
        for daemon in daemons:
            daemon.end()


def test_another_device_to_the_same_address_is_named():
    event = {"event": "endpoint", "link": "office", "time": 0, "endpoint": "192.0.2.7:51820", "previous": "192.0.2.7:51820",
             "device": "wwan0", "previous_device": "eth0"}
    with tempfile.TemporaryDirectory() as folder:
        office = Daemon(folder, "office", event)
        with events(folder, "office") as told:
            assert "endpoint 192.0.2.7:51820 by wwan0, was by eth0" in told.stdout.readline()
        office.end()


def test_a_link_that_ends_and_comes_back_is_listened_to_again_without_a_word():
    with tempfile.TemporaryDirectory() as folder:
        office = Daemon(folder, "office", mtu_of("office", 1400))
        with events(folder, "--json") as told:
            assert json.loads(told.stdout.readline())["mtu"] == 1400
            office.end()
            office = Daemon(folder, "office", mtu_of("office", 1300))
            assert json.loads(told.stdout.readline())["mtu"] == 1300
        office.end()


def test_a_link_that_has_ended_is_listened_to_again_while_there_are_others():
    with tempfile.TemporaryDirectory() as folder:
        office, home = (Daemon(folder, name, mtu_of(name)) for name in ("office", "home"))
        with events(folder) as told:
            assert sorted(told.stdout.readline().split()[1] for _ in range(2)) == ["home", "office"]
            office.end()
            assert told.stdout.readline() == "adit events: link office has ended\n"
            office = Daemon(folder, "office", mtu_of("office", 1300))
            assert " office mtu 1300" in told.stdout.readline()
        office.end()
        home.end()
