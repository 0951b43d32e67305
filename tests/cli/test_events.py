# SPDX-License-Identifier: MIT
"""`adit events` of more links than a process may have descriptors for, unless it gives itself more."""
import json
import os
import resource
import socket
import subprocess
import tempfile
import threading

from shells import ADIT

LINKS, DESCRIPTORS = 60, 40


def tell_once(listening, name):
    client, _ = listening.accept()
    with client:
        client.recv(1000)
        client.sendall(json.dumps({"event": "mtu", "link": name, "mtu": 1400, "previous": 1420}).encode() + b"\n")


def limited():
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def test_each_of_many_links_is_listened_to():
    names = [f"link-{number}" for number in range(LINKS)]
    with tempfile.TemporaryDirectory() as folder:  # its name is short, as a socket's has to be
        sockets = []
        for name in names:
            sockets.append(socket.socket(socket.AF_UNIX))
            sockets[-1].bind(f"{folder}/{name}.sock")
            sockets[-1].listen()
            threading.Thread(target=tell_once, args=(sockets[-1], name), daemon=True).start()
        done = subprocess.run([ADIT, "events", "--json"], env={**os.environ, "ADIT_RUN_DIR": folder}, preexec_fn=limited,
                              capture_output=True, text=True, timeout=120)
    assert "cannot ask" not in done.stderr
    assert sorted(json.loads(line)["link"] for line in done.stdout.splitlines()) == sorted(names)
