# SPDX-License-Identifier: MIT
"""The control socket and `adit status`: what a link is doing and why, for scripts, and unmoved by whoever abuses it."""
import json
import os
import shutil
import signal
import socket
import stat
import time

import pytest

from lab.ends import ADIT
from lab.patience import patient
from lab.traffic import BackgroundPing, ping, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only

FIELDS = {"name", "interface", "state", "reason", "since", "peer", "local", "traffic", "drops", "mtu", "crypto", "offload",
          "routes", "workers", "workers_limited_by", "restarts"}
PEER_FIELDS = {"public_key", "endpoint", "endpoint_source", "latest_handshake", "handshake_rtt_ms", "keepalive"}


def connect(end, timeout=patient(5)):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(end.socket_path))  # waits for its turn when many connect at once
    sock.settimeout(timeout)
    return sock


def ask(end, request=b'{"command":"status"}\n'):
    with connect(end) as sock, sock.makefile("rb") as answers:
        sock.sendall(request)
        return json.loads(answers.readline())


def test_status_of_a_link_that_is_up(make):
    begun = int(time.time())
    link = make(a={"allowed_ips": ["10.9.0.0/30", "fd09::/126", "192.168.20.0/24"], "routes": ["192.168.20.0/24"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert ping(link.a.host, link.b.side.addr4, 5, 1000) == 5
    done = link.a.adit("status", "a", "--json")
    status, = json.loads(done.stdout)
    assert FIELDS <= set(status)
    assert PEER_FIELDS <= set(status["peer"])
    assert (status["name"], status["interface"], status["state"]) == ("a", link.a.device, "up")
    assert status["peer"]["public_key"] == link.b.side.public_key
    assert status["peer"]["endpoint"] == "10.2.0.2:51820"
    assert status["peer"]["keepalive"] == 25
    assert status["local"]["public_key"] == link.a.side.public_key
    assert "51820" in str(status["local"]["listen"])
    assert status["routes"][0]["to"] == "192.168.20.0/24"
    for way in ("tx", "rx"):
        assert status["traffic"][way]["packets"] >= 5
        assert status["traffic"][way]["bytes"] >= 5 * 1000
    for reason in ("disallowed_source", "replayed", "forged", "bad_mac1", "malformed", "unknown_index",
                   "disallowed_destination"):
        assert status["drops"][reason] == 0
    assert begun <= status["peer"]["latest_handshake"] <= time.time()
    assert begun <= status["since"] <= time.time()


def test_status_for_people_says_the_same(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    text = link.a.adit("status").stdout
    for part in ("a", "up", "10.2.0.2:51820", link.b.side.public_key):
        assert part in text
    assert link.a.side.private_key not in text


def test_exit_statuses_tell_up_from_not_up_from_no_such_link(make):
    link = make(calls="a")
    assert link.a.adit("status", "a", check=False).returncode == 4
    link.a.start()
    assert link.a.adit("status", "a", check=False).returncode == 3
    link.b.start()
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert link.a.adit("status", "a", check=False).returncode == 0
    assert link.a.adit("status", "nosuch", check=False).returncode == 4
    assert link.a.adit("status", check=False).returncode == 0
    link.a.process.send_signal(signal.SIGSTOP)
    assert link.a.adit("status", "a", check=False).returncode == 3, "it is there, and hangs"
    link.a.kill()
    assert link.a.adit("status", "a", check=False).returncode == 4


def test_states_come_with_a_reason_until_the_link_is_up(make):
    link = make(calls="a")
    link.b.start()
    waiting = link.b.status()
    assert waiting["state"] == "waiting" and waiting["reason"]
    link.b.stop()
    link.a.start()
    wait_until(lambda: link.a.state() == "connecting", 10, "connecting")
    wait_until(lambda: "10.2.0.2:51820" in link.a.status()["reason"], 30, "a reason that names the endpoint")
    link.b.start()
    wait_until(lambda: link.a.state() == "up" and link.b.state() == "up", 30, "both ends up")
    assert not link.a.status()["reason"]


def test_a_link_whose_peer_has_gone_becomes_stale(make):
    link = make(keepalive=1).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.b.kill()
    background = BackgroundPing(link.a.host, link.b.side.addr4)
    wait_until(lambda: link.a.state() == "stale", 60, "the link to be stale", interval=0.5)
    assert link.a.status()["reason"]
    background.close()


def test_the_history_has_what_was_sent_and_received(make):
    """Fed by the packets themselves, so that no clock wakes the daemon; silent seconds are there all the same."""
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert ping(link.a.host, link.b.side.addr4, 5, 1000, 0.3) == 5

    def history():
        return ask(link.a, b'{"command":"history"}\n')["history"]

    def agrees():
        """With the counters, once the second is over; they go on, for a keepalive too."""
        counted, traffic = history(), link.a.status()["traffic"]
        return all(sum(counted[way][unit]) == traffic[way][unit] for way in ("tx", "rx") for unit in ("packets", "bytes"))
    wait_until(agrees, 10, "the history to add up to the counters")
    seconds = len(history()["tx"]["bytes"])
    assert history()["interval"] == 1
    wait_until(lambda: len(history()["tx"]["bytes"]) >= seconds + 3, 10, "silent seconds to be counted")
    wait_until(lambda: history()["rx"]["bytes"][-2:] == [0, 0], 10, "two of them in a row")


def test_the_socket_is_for_its_owner_alone(make):
    end = make().a
    end.start()
    assert stat.S_IMODE(os.stat(end.socket_path).st_mode) == 0o600
    process = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    done = end.host.run(*process, "socat", "-u", "-", f"UNIX-CONNECT:{end.socket_path}", check=False, input="\n")
    assert done.returncode != 0


def test_a_socket_that_was_removed_comes_back(make):
    """As when somebody empties /run/adit. The link's number, which others look up there, is noted again, too."""
    link = make(a={"routes": ["192.168.44.0/24"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    numbers = sorted(path.name for path in (link.a.run_dir / ".numbers").iterdir())
    for path in link.a.run_dir.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    wait_until(link.a.socket_path.exists, 20, "the socket to be made anew")
    assert link.a.state() == "up"
    assert stat.S_IMODE(os.stat(link.a.socket_path).st_mode) == 0o600
    assert sorted(path.name for path in (link.a.run_dir / ".numbers").iterdir()) == numbers
    assert f"{link.a.socket_path} was taken away, and was made anew" in link.a.log()


def test_where_the_folder_is_gone_a_restart_is_advised(make):
    """Where the daemon may make no folder, as under its unit, or in the cage it puts itself into."""
    end = make().a
    end.start()
    shutil.rmtree(end.run_dir)
    wait_until(lambda: f"{end.socket_path} was taken away" in end.log(), 20, "the daemon to notice")
    if not end.socket_path.exists():
        assert "systemctl restart adit@a" in end.log()
        assert "`systemctl restart adit@a`" in end.adit("status", "a", check=False).stderr


def test_abuse_of_the_socket_does_not_touch_the_link(make):
    """Garbage, half a request, an endless line, one that never reads, more connections than it takes, one that hangs up
    at once; meanwhile not one ping is lost, and it still answers."""
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    background = BackgroundPing(link.a.host, link.b.side.addr4, 0.05)
    open_ones = []

    def abuse(data):
        sock = connect(link.a)
        open_ones.append(sock)
        try:
            sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it may hang up on us

    for data in (b"", b"\n", b"garbage\n", b"\xff\xfe\x00\n", b"{", b'{"command":"status"', b"[" * 100_000 + b"\n",
                 b'{"command":"nosuch"}\n', b'{"command":42}\n', b"null\n", b"{}\n" * 1000, os.urandom(10_000)):
        abuse(data)
    abuse(b"x" * 2_000_000)
    with connect(link.a, timeout=1) as greedy:  # asks and asks and never reads
        try:
            for _ in range(20_000):
                greedy.sendall(b'{"command":"status"}\n')
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass
        assert ask(link.a)["status"]["state"] == "up"
    for _ in range(200):
        connect(link.a).close()
        open_ones.append(connect(link.a))
    assert ask(link.a)["status"]["state"] == "up"
    for sock in open_ones:
        sock.close()
    sent, received = background.stop()
    assert received == sent
    assert link.a.state() == "up"


def test_requests_are_answered_in_order_and_wrong_ones_with_a_sentence(make):
    end = make().a
    end.start()
    with connect(end) as sock, sock.makefile("rb") as answers:
        sock.sendall(b'{"command":"nosuch"}\n{"command":"status"}\nnonsense\n{"comm')
        replies = [json.loads(answers.readline()) for _ in range(3)]
        sock.sendall(b'and":"status"}\n')
        replies.append(json.loads(answers.readline()))
    assert [next(iter(reply)) for reply in replies] == ["error", "status", "error", "status"]


def test_status_without_links_says_so(make, tmp_path):
    end = make().a
    done = end.host.run(ADIT, "status", env={"ADIT_RUN_DIR": str(tmp_path / "nothing")})
    assert "no links" in done.stdout
    done = end.host.run(ADIT, "status", "--json", env={"ADIT_RUN_DIR": str(tmp_path / "nothing")})
    assert json.loads(done.stdout) == []
