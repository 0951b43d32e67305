# SPDX-License-Identifier: MIT
"""The section `dns` with systemd-resolved itself, and polkit between it and the unit's user."""
import json
import pathlib

import pytest

import lab
from lab.wait import wait_until

DNS = 'dns: {servers: [10.9.0.2], domains: [example.com, "~example.net"]}\n'
RULE = "/usr/share/polkit-1/rules.d/adit.rules"


SERVER = pathlib.Path(lab.__file__).with_name("dns_server.py")
OF_RESOLVED = "/run/systemd/resolve/stub-resolv.conf"


def told(host):
    return host.run("resolvectl", "dns", "office").stdout + host.run("resolvectl", "domain", "office").stdout


def test_resolved_knows_the_name_servers_while_the_link_is_there(pair):
    office, home = pair.links(edit=lambda text: text + DNS)
    pair.a.systemctl("start", "systemd-resolved")
    pair.start(office, home)
    wait_until(lambda: "10.9.0.2" in told(pair.a) and "example.com ~example.net" in told(pair.a), 30, "the name server")
    pair.a.systemctl("stop", office.unit)
    assert "office" not in pair.a.run("resolvectl", "dns").stdout


def test_without_the_rule_the_link_runs_and_says_what_it_needs(pair):
    office, home = pair.links(edit=lambda text: text + DNS)
    pair.a.run("rm", RULE)
    pair.a.systemctl("start", "systemd-resolved")
    pair.start(office, home)
    wait_until(lambda: "needs polkitd and a rule for it" in pair.a.run("journalctl", "-u", office.unit).stdout, 30,
               "the warning")
    assert office.active() == "active"


class FullTunnel:
    """Office sends everything through the link, all names too, and knows home by name alone. Two name servers at home's
    end of the wire: the uplink's, 192.0.2.53 behind the router 10.99.0.53, which knows home; and one behind the link,
    10.9.0.2, which knows inner.test. Office asks resolved, which knows the uplink's.
    """

    def __init__(self, pair):
        self.a, self.b = pair.a, pair.b
        self._tables = {"192.0.2.53": pair.directory / "uplink.json", "10.9.0.2": pair.directory / "inner.json"}
        self.home_is("10.99.0.2")
        self._tables["10.9.0.2"].write_text(json.dumps({"inner.test": ["10.9.0.77"]}))
        self.b.net.ip("addr", "add", "10.99.0.53/32", "dev", "eth0")
        self.b.net.ip("addr", "add", "192.0.2.53/32", "dev", "lo")
        self.a.net.ip("route", "add", "default", "via", "10.99.0.53")
        self.b.net.sysctl("net.ipv4.ip_nonlocal_bind", 1)
        for address, table in self._tables.items():
            server = self.b.net.popen("/usr/bin/python3", SERVER, address, table, name=f"dns-{address}")
            wait_until(lambda: "ready" in server.log(), 10, "the name server")
        self.office, self.home = pair.links(edit=self._edit)
        self.a.systemctl("start", "systemd-resolved")
        self.a.run("ln", "-sf", OF_RESOLVED, "/etc/resolv.conf")
        self.a.run("resolvectl", "dns", "eth0", "192.0.2.53")

    @staticmethod
    def _edit(text):
        if "10.99.0.2:51820" not in text:  # home's: it is called
            return "".join(line for line in text.splitlines(True) if "endpoint:" not in line)
        return (text.replace("10.99.0.2:51820", "home.test:51820").replace("allowed_ips:", "# allowed_ips:")
                + 'routes: ["0.0.0.0/0"]\ndns: {servers: [10.9.0.2], domains: ["~."]}\n')

    def home_is(self, address):
        self._tables["192.0.2.53"].write_text(json.dumps({"home.test": [address]}))

    def knows(self, name):
        return self.a.run("resolvectl", "--cache=no", "query", name, check=False).returncode == 0

    def start(self):
        self.home.host.systemctl("start", self.home.unit)
        self.office.host.systemctl("start", self.office.unit)
        self.wait_until_up()

    def wait_until_up(self):
        self.office.wait_until_up()
        wait_until(lambda: self.knows("inner.test"), 30, "a name of the server behind the link")
        assert not self.knows("home.test"), "all names are asked through the link"

    def messages(self, text):
        return sum(text in message for message in self.a.messages(self.office.unit))


@pytest.fixture
def full_tunnel(pair):
    return FullTunnel(pair)


def test_the_peers_name_is_asked_outside_the_tunnel_that_takes_all_names(full_tunnel):
    full_tunnel.start()


def test_a_dead_link_whose_peer_has_another_address_now_comes_back(full_tunnel):
    full_tunnel.start()
    office, home, wire = full_tunnel.office, full_tunnel.home, full_tunnel.b.net
    home.host.systemctl("stop", home.unit)
    home.host.run("rm", "-r", "/var/lib/adit/home")  # or it remembers where to call
    wire.ip("addr", "del", "10.99.0.2/24", "dev", "eth0")
    wire.ip("addr", "add", "10.99.0.3/24", "dev", "eth0")
    office.host.pings(office.peer)  # data without an answer
    wait_until(lambda: "stale" in office.status(), 60, "the link to be stale")
    wait_until(lambda: "10.9.0.2" not in told(office.host), 30, "the name server to be taken back")
    full_tunnel.home_is("10.99.0.3")
    home.host.systemctl("start", home.unit)
    wait_until(lambda: office.status() == "up", 120, "the link at the new address")
    full_tunnel.wait_until_up()


def test_the_name_servers_outlive_a_restart_of_resolved_and_a_revert(full_tunnel):
    full_tunnel.start()
    host = full_tunnel.a
    host.run("resolvectl", "revert", "office")
    wait_until(lambda: full_tunnel.knows("inner.test"), 30, "the name server again")
    assert full_tunnel.messages("another program changed what systemd-resolved knows") == 1
    host.systemctl("stop", "systemd-resolved")
    host.run("rm", "-rf", "/run/systemd/resolve/netif")
    host.systemctl("start", "systemd-resolved")
    wait_until(lambda: full_tunnel.knows("inner.test"), 30, "the name server again")
    assert full_tunnel.messages("systemd-resolved was started anew") == 1
    assert full_tunnel.office.active() == "active"


def test_servers_for_some_domains_are_asked_for_no_others(pair):
    office, home = pair.links(edit=lambda text: text + "dns: {servers: [10.9.0.2], domains: [example.com]}\n")
    pair.a.systemctl("start", "systemd-resolved")
    pair.start(office, home)
    wait_until(lambda: "-DefaultRoute" in pair.a.run("resolvectl", "status", "office").stdout, 30, "no default route")
