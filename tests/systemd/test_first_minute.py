# SPDX-License-Identifier: MIT
"""The README's first section, typed to the letter on one of two hosts that have nothing of Adit: from there to a ping
through the link, in how many lines, and in what time. At hand are the packages that scripts/package has made, what they
depend on in apt's cache, and a key that lets root from the one host into the other.
"""
import time

import pytest

from rig import image
from rig.newcomer import FIRST_MINUTE, HOSTS, Newcomer, console_blocks
from rig.packages import depends_of, packages
from rig.pair import ADDRESS, Link, Pair

README = (image.ROOT / "README.md").read_text(encoding="utf-8")
NAMES = {"vpn.example.net": "a", "home.example.net": "b"}


def lines():
    """(host, command) of the section."""
    return [(host, command) for section, block in console_blocks(README) if section == FIRST_MINUTE
            for host, _, command in block]


@pytest.fixture(scope="module")
def machine():
    files = packages()
    if not files:
        pytest.skip("there are no packages: scripts/package makes them")
    try:
        machine = Newcomer(image.debian_with("first-minute", ["openssh-server", "openssh-client", "sudo"]), own_archives=True)
    except RuntimeError as error:
        pytest.skip(f"the hosts' Debian cannot be fetched; is there a network? {error}")
    try:
        if reason := machine.unreachable():
            pytest.skip(f"Debian's archive cannot be reached: {reason}")
        machine.fetch(depends_of(files["adit"]))
        for file in files.values():
            (machine.root / "root" / file.name).write_bytes(file.read_bytes())
        yield machine
    finally:
        machine.close()


@pytest.fixture
def hosts(tmp_path, machine):
    """Both as the machine is, offline but for each other, home's root known on office."""
    pair = Pair(tmp_path, [machine.root])
    try:
        known = "".join(f"{ADDRESS[label]} {name}\n" for name, label in NAMES.items())
        for host in pair.hosts:
            host.put("/etc/hosts", HOSTS.format(name=host.name.rsplit("-", 1)[-1]) + known, 0o644)
            host.put("/etc/resolv.conf", "", 0o644)
        pair.boot(installed=False)
        office, home = pair.hosts
        pair.let_in(home, office, "vpn.example.net")
        yield pair
    finally:
        pair.close()


def test_from_a_bare_host_to_a_ping_in_three_lines(hosts, measured):
    office, home = hosts.hosts
    for host in hosts.hosts:
        assert not host.exists("/usr/sbin/aditd")
    typed = lines()
    assert len(typed) <= 3 and {host for host, _ in typed} == {"home"}
    began, printed = time.monotonic(), ""
    for _, command in typed:
        printed += home.run("bash", "-c", f"cd\n{command}", timeout=300).stdout
    measured(f"{len(typed)} lines, from a bare host to a ping", time.monotonic() - began, "s")
    assert "3 received" in printed and "home: up" in printed
    assert office.run("adit", "status", "office").returncode == 0
    Link(home, "home", home_sees(home)).wait_until_up()


def home_sees(home):
    """The office's address inside, out of home's file."""
    text = home.run("cat", "/etc/adit/home.yaml").stdout
    assert "vpn.example.net" in text
    inside = home.net.ip("-4", "-brief", "addr", "show", "dev", "home").split()[2].split("/")[0]
    first, last = inside.rsplit(".", 1)
    return f"{first}.{int(last) - 1}"
