# SPDX-License-Identifier: MIT
"""`adit events` of more links than a process may have descriptors for, unless it gives itself more, and what it says of
them."""
import json
import os
import resource
import socket
import subprocess
import tempfile
import threading

from shells import ADIT

LINKS, DESCRIPTORS = 60, 40


def tell_once(listening, event):
    client, _ = listening.accept()
    with client:
        client.recv(1000)
        client.sendall(json.dumps(event).encode() + b"\n")


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
            event = {"event": "mtu", "link": name, "mtu": 1400, "previous": 1420}
            threading.Thread(target=tell_once, args=(sockets[-1], event), daemon=True).start()
        done = subprocess.run([ADIT, "events", "--json"], env={**os.environ, "ADIT_RUN_DIR": folder}, preexec_fn=limited,
                              capture_output=True, text=True, timeout=120)
    assert "cannot ask" not in done.stderr
    assert sorted(json.loads(line)["link"] for line in done.stdout.splitlines()) == sorted(names)


def test_another_device_to_the_same_address_is_named():
    event = {"event": "endpoint", "link": "office", "time": 0, "endpoint": "192.0.2.7:51820", "previous": "192.0.2.7:51820",
             "device": "wwan0", "previous_device": "eth0"}
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/office.sock")
        listening.listen()
        threading.Thread(target=tell_once, args=(listening, event), daemon=True).start()
        done = subprocess.run([ADIT, "events", "office"], env={**os.environ, "ADIT_RUN_DIR": folder},
                              capture_output=True, text=True, timeout=120)
    assert "endpoint 192.0.2.7:51820 by wwan0, was by eth0" in done.stdout
