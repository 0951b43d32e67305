# SPDX-License-Identifier: MIT
"""A link whose interface is in another network namespace, as docs/network-namespaces.md tells administrators to set it up:
its file, its drop-in and its unit are taken from there.
"""
import pathlib
import re

import pytest

from lab.wait import wait_until

PAGE = pathlib.Path(__file__).parents[2] / "docs/network-namespaces.md"
NET_ADMIN, SYS_ADMIN = 1 << 12, 1 << 21


def block(first_line):
    """What follows that line in its block of the page."""
    return re.search(rf"^```\w+\n{re.escape(first_line)}\n(.*?)^```", PAGE.read_text(), re.M | re.S)[1]


@pytest.fixture
def links(pair):
    office, home = pair.links()
    file = pair.a.run("cat", office.file).stdout
    pair.a.put(office.file, file.replace("interface:\n", "interface:\n  netns: office\n"))
    return office, home


def inside(pair, *command, check=True):
    return pair.a.run("ip", "netns", "exec", "office", *command, check=check)


def answers(pair, address):
    return inside(pair, "ping", "-n", "-c1", "-W5", address, check=False).returncode == 0


def test_the_page_sets_up_a_link_in_a_namespace_that_survives_restarts(pair, links):
    office, home = links
    pair.b.systemctl("start", home.unit)
    assert pair.a.systemctl("start", office.unit, check=False).returncode != 0
    assert any("there is no network namespace office" in said for said in pair.a.messages(office.unit))
    pair.a.put("/etc/systemd/system/netns-office.service",
               "[Unit]\n" + block("[Unit]"), 0o644)
    pair.a.systemctl("daemon-reload")
    pair.a.systemctl("enable", "--now", "netns-office.service")
    wait_until(lambda: any("needs CAP_SYS_ADMIN" in said for said in pair.a.messages(office.unit)), 60,
               "it to say what it lacks")
    pair.a.put(f"/etc/systemd/system/{office.unit}.d/override.conf", block("# systemctl edit adit@office"), 0o644)
    pair.a.systemctl("daemon-reload")
    pair.a.systemctl("restart", office.unit)

    def is_up():
        return office.status() == "up" and answers(pair, office.peer)
    wait_until(is_up, 60, "the link to be up")
    assert not pair.a.pings(office.peer), "outside there is no tunnel"
    status = dict(line.split(":\t", 1) for line in pair.a.run("cat", f"/proc/{office.pid()}/status").stdout.splitlines())
    assert status["Uid"].split()[0] != "0"
    assert int(status["CapEff"], 16) == NET_ADMIN | SYS_ADMIN

    before, interface = office.pid(), inside(pair, "ip", "addr", "show", "dev", "office").stdout
    pair.a.systemctl("restart", office.unit)
    assert office.pid() != before
    wait_until(is_up, 60, "the link to be up again")
    assert inside(pair, "ip", "addr", "show", "dev", "office").stdout == interface, "the same interface"
    assert any("going on with the session" in said for said in pair.a.messages(office.unit))
    pair.a.systemctl("reload", office.unit)
    pair.a.systemctl("stop", office.unit)
    assert "office" not in inside(pair, "ip", "link").stdout
