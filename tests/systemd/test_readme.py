# SPDX-License-Identifier: MIT
"""The README, followed to the letter on machines that have nothing yet. Its commands are typed as they stand there; what it
asks for in words (copying the files, a name that leads to the office) is done as it says.

It costs a build. The second section goes first, since it asks for fewer packages than the demo: what it forgot to ask for
must not be there already.
"""
import re

import pytest
import yaml

from rig import image
from rig.newcomer import CLONE, FIRST_MINUTE, HOSTS, USER, Newcomer, console_blocks, type_on
from rig.pair import ADDRESS, Link, Pair

README = (image.ROOT / "README.md").read_text(encoding="utf-8")
TWO_HOSTS = "Two real hosts in five minutes"
# What runs this test is not typed by it. There is no other exception.
EXCUSED = "./scripts/test"
BEHIND_THE_OFFICE = "192.168.20.1"


def commands(wanted):
    """(host or None, prompt, command) of all blocks of a section; None: of those before the first one."""
    return [typed for section, block in console_blocks(README) if section == wanted for typed in block]


def excused(command):
    return command.split("#")[0].strip() == EXCUSED


@pytest.fixture(scope="module")
def machine():
    """On it all was typed that the README says to type on each of the two hosts."""
    try:
        machine = Newcomer(image.bare_debian())
    except RuntimeError as error:
        pytest.skip(f"a bare Debian cannot be fetched; is there a network? {error}")
    try:
        if reason := machine.unreachable():
            pytest.skip(f"Debian's archive cannot be reached, and without packages nothing can be built: {reason}")
        for host, _, command in commands(TWO_HOSTS):
            if host is None:
                machine.type(command)
        yield machine
    finally:
        machine.close()


@pytest.fixture
def two_hosts(tmp_path, machine):
    """Both as the machine has become; of the network they know each other, and what the office is called."""
    pair = Pair(tmp_path, [machine.root])
    try:
        for host, name in zip(pair.hosts, ("office", "home")):
            host.put("/etc/hosts", HOSTS.format(name=host.name.rsplit("-", 1)[-1]) + f"{ADDRESS['a']} vpn.example.net\n", 0o644)
            host.put("/etc/resolv.conf", "", 0o644)
        yield pair.boot(installed=False)
    finally:
        pair.close()


def test_each_block_is_typed_here():
    assert {section for section, _ in console_blocks(README)} == {None, FIRST_MINUTE, TWO_HOSTS}
    assert sum(excused(command) for section in (None, TWO_HOSTS) for _, _, command in commands(section)) == 1


def test_what_stands_at_the_top_works_on_a_bare_machine(machine):
    for host, prompt, command in commands(None):
        if excused(command):
            continue
        assert (host, prompt) == (None, "$")
        printed = machine.type(command)
        if "scripts/demo" in command:
            assert "everything worked" in printed
            assert re.findall(r"^([ab]): up", printed, re.M) == ["a", "b"], "`adit status` at both ends"


def test_two_hosts_are_linked(two_hosts):
    hosts = {"office": two_hosts.a, "home": two_hosts.b}
    copied = False
    for host, prompt, command in commands(TWO_HOSTS):
        if prompt == "#" and not copied:  # the first thing that root does is after "Copy each to its host"
            copied = True
            for name, place in hosts.items():
                place.put(f"/etc/adit/{name}.yaml", two_hosts.a.run("cat", f"{CLONE}/{name}.yaml").stdout)
        for place in hosts.values() if host is None else [hosts[host]]:
            type_on(place, prompt, command)
    inside = {name: yaml.safe_load(place.run("cat", f"/etc/adit/{name}.yaml").stdout)["interface"]["addresses"][0].split("/")[0]
              for name, place in hosts.items()}
    Link(two_hosts.a, "office", inside["home"]).wait_until_up()
    Link(two_hosts.b, "home", inside["office"]).wait_until_up()
    for name, place in hosts.items():
        assert f"{name}: up" in place.run("adit", "status", name).stdout
    two_hosts.a.run("ip", "addr", "add", BEHIND_THE_OFFICE, "dev", "lo")
    assert two_hosts.b.pings(BEHIND_THE_OFFICE), "--routes leads behind the office"
    assert two_hosts.a.run("stat", "-c", "%U %a", f"{CLONE}/office.yaml").stdout.split() == [USER, "600"]
