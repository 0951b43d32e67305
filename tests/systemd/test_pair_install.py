# SPDX-License-Identifier: MIT
"""`adit pair --install` between two hosts with a real sshd: typed on one of them, it puts both ends in place, and on failure
takes back what it did. `adit unpair` takes them away.
"""
import pytest

from lab.wait import wait_until
from rig import image
from rig.pair import ADDRESS, Link, Pair

DIRECT = ("office=10.99.0.1", "home=10.99.0.2", "--tunnel", "10.9.0.0/30")
INSTALL = ("--install", "office=local", "--install", f"home=root@{ADDRESS['b']}")


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    directory = tmp_path_factory.mktemp("ssh")
    system = image.administered()
    return [system, image.installed(directory / "adit", system)]


@pytest.fixture
def hosts(tmp_path, layers):
    """The administrator on a may log in on b as root, by a key."""
    pair = Pair(tmp_path, layers)
    try:
        pair.boot()
        pair.let_in(pair.a, pair.b, ADDRESS["b"])
        yield pair
    finally:
        pair.close()


def nothing_of_it(host, name):
    return not host.exists(f"/etc/adit/{name}.yaml") and host.show(f"adit@{name}.service", "ActiveState") != "active"


def test_both_ends_come_up_by_one_command_and_go_by_one(hosts):
    a, b = hosts.a, hosts.b
    done = a.run("adit", "pair", *DIRECT, *INSTALL, timeout=120)
    assert "The link is up" in done.stdout and "3 received" in done.stdout
    for host, name in ((a, "office"), (b, "home")):
        assert host.run("stat", "-c", "%a", f"/etc/adit/{name}.yaml").stdout.strip() == "600"
        assert host.show(f"adit@{name}.service", "UnitFileState") == "enabled"
    assert Link(a, "office", "10.9.0.2").status() == "up"
    assert a.run("sh", "-c", "ls *.yaml", check=False).returncode != 0, "no copy of the keys is left"

    again = a.run("adit", "pair", *DIRECT, *INSTALL, check=False)
    assert again.returncode == 1 and "is there already" in again.stderr and "adit unpair" in again.stderr
    assert a.pings("10.9.0.2"), "and what is there goes on"

    gone = a.run("adit", "unpair", "office=local", f"home=root@{ADDRESS['b']}", timeout=120)
    assert "home" in gone.stdout
    assert nothing_of_it(a, "office") and nothing_of_it(b, "home")
    assert not a.exists("/var/lib/adit/office"), "nor what it remembered"
    refused = a.run("adit", "unpair", "../../etc=local", check=False)
    assert refused.returncode == 2 and a.exists("/etc/passwd")


def test_a_link_that_does_not_come_up_is_examined_and_taken_back(hosts):
    """The end that is called has a firewall. Once the line that is printed was typed there, the same command works."""
    a, b = hosts.a, hosts.b
    b.run("ufw", "allow", "22/tcp")
    b.run("ufw", "--force", "enable")
    pair = ("adit", "pair", "office=-", "home=10.99.0.2", "--tunnel", "10.9.0.0/30", *INSTALL)
    done = a.run(*pair, check=False, timeout=240)
    assert done.returncode == 1
    assert "is not up" in done.stderr and "Taking back what was done" in done.stderr
    assert "Most likely: this host's firewall drops the peer's calls to UDP port 51820" in done.stderr
    assert "`ufw allow 51820/udp`" in done.stderr, "the one command that opens the port"
    assert nothing_of_it(a, "office") and nothing_of_it(b, "home")
    b.run("ufw", "allow", "51820/udp")
    assert "The link is up" in a.run(*pair, timeout=240).stdout


def test_a_host_that_cannot_be_reached_or_lacks_adit_is_named_and_nothing_is_done(hosts):
    a, b = hosts.a, hosts.b
    done = a.run("adit", "pair", *DIRECT, "--install", "office=local", "--install", "home=root@10.99.0.77", check=False,
                 timeout=180)
    assert done.returncode == 1 and "ssh does not get to root@10.99.0.77" in done.stderr
    b.run("mv", "/usr/sbin/aditd", "/usr/sbin/aditd.away")
    done = a.run("adit", "pair", *DIRECT, *INSTALL, check=False)
    assert done.returncode == 1 and "--package" in done.stderr
    assert nothing_of_it(a, "office") and nothing_of_it(b, "home")
    b.systemctl("stop", "ssh")
    wait_until(lambda: b.show("ssh", "ActiveState") != "active", 10, "sshd to end")
