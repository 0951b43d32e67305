# SPDX-License-Identifier: MIT
"""What happens to a daemon that dies or hangs. Times are shown, not judged."""
import pathlib
import time

import pytest

from lab.wait import wait_until

BACKOFF = pathlib.Path(__file__).parents[2] / "systemd/backoff.conf"


def recovery(link, before):
    """Seconds until another process serves the link, and until it carries packets."""
    begin = time.monotonic()
    wait_until(lambda: link.pid() not in (0, before) and link.active() == "active", 90, "another process")
    served = time.monotonic() - begin
    wait_until(lambda: link.host.pings(link.peer), 60, "packets")
    return served, time.monotonic() - begin


@pytest.fixture
def comes_back_from(pair, measured):
    """A function that hits a link's daemon with a signal, and sees it come back by itself, once. Returns the link."""
    def comes_back_from(name):
        office, home = pair.start(*pair.links())
        before = office.pid()
        pair.a.run("kill", f"-{name}", before)
        served, works = recovery(office, before)
        measured(f"SIG{name} until another process serves", served, "s")
        measured(f"SIG{name} until packets pass", works, "s")
        assert office.restarts() == 1
        office.wait_until_up()
        home.wait_until_up()
        return office
    return comes_back_from


def test_a_killed_daemon_comes_back(comes_back_from):
    comes_back_from("KILL")


def test_a_crash_leaves_no_copy_of_the_keys_behind(pair):
    office, home = pair.start(*pair.links())
    before = office.pid()
    pair.a.run("kill", "-SEGV", before)
    recovery(office, before)
    ends = [message for message in pair.a.messages(office.unit) if "Main process exited" in message]
    assert len(ends) == 1 and "code=killed, status=11/SEGV" in ends[0], "and not code=dumped"
    locked = [line for line in pair.a.run("cat", f"/proc/{office.pid()}/status").stdout.splitlines() if "VmLck" in line]
    assert int(locked[0].split()[1]) > 0, "what holds the private key is locked"


def test_a_stuck_loop_is_killed_by_the_watchdog_and_comes_back(pair, comes_back_from):
    office = comes_back_from("STOP")
    assert any("atchdog timeout" in message for message in pair.a.messages(office.unit))


def test_an_idle_link_keeps_the_watchdog_content(pair):
    office, _ = pair.links(edit=lambda text: text.replace("endpoint: ", "keepalive: off\n  endpoint: "))
    pair.a.put("/etc/systemd/system/adit@.service.d/watchdog.conf", "[Service]\nWatchdogSec=4\n", 0o644)
    pair.a.systemctl("daemon-reload")
    pair.a.systemctl("start", office.unit)
    signs = set()

    def signs_seen():
        signs.add(pair.a.show(office.unit, "WatchdogTimestampMonotonic"))
        return len(signs)

    wait_until(lambda: signs_seen() > 3, 30, "three signs of life")
    assert office.restarts() == 0


def test_where_systemd_can_attempts_become_rarer(pair):
    """From 254 on, where `cmake --install` puts the drop-in."""
    office, _ = pair.links()
    pair.a.put(f"/etc/systemd/system/{office.unit}.d/backoff.conf", BACKOFF.read_text(encoding="utf-8"), 0o644)
    pair.a.systemctl("daemon-reload")
    version = int(pair.a.run("systemctl", "--version").stdout.split()[1])
    assert pair.a.show(office.unit, "RestartSteps") == ("6" if version >= 254 else "")
    assert pair.a.show(office.unit, "RestartUSec") == "1s"


def test_a_full_tunnel_stays_closed_while_the_watchdog_and_systemd_do_their_work(pair):
    """From a daemon that hangs to the next one that works, nothing takes the host's own default route."""
    office, home = pair.links(edit=lambda text: text + "routes: [default]\n")
    home.host.put(home.file, home.host.run("cat", home.file).stdout.replace("routes: [default]\n", ""))
    pair.a.net.ip("route", "add", "default", "via", "10.99.0.2")
    pair.start(office, home)

    def way():
        return pair.a.net.run("ip", "route", "get", "203.0.113.1", check=False)
    assert "dev office" in way().stdout
    assert not any("nftables says" in message for message in pair.a.messages(office.unit))
    assert "adit_office" in pair.a.net.run("nft", "list", "tables").stdout
    before = office.pid()
    pair.a.run("kill", "-STOP", before)
    seen = set()

    def next_one_serves():
        done = way()
        seen.add("tunnel" if "dev office" in done.stdout else "refused" if done.returncode != 0 else done.stdout)
        return office.pid() not in (0, before) and office.active() == "active"
    wait_until(next_one_serves, 120, "another process", interval=0.01)
    office.wait_until_up()
    assert seen <= {"tunnel", "refused"}
    pair.a.systemctl("stop", office.unit)
    assert "via 10.99.0.2" in way().stdout, "an orderly stop opens it"
    pair.a.systemctl("start", office.unit)
    office.wait_until_up()
    pair.a.run("kill", "-KILL", office.pid())
    wait_until(lambda: office.active() == "active" and pair.a.pings(office.peer), 60, "the link to be back")
