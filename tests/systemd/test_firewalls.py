# SPDX-License-Identifier: MIT
"""The firewalls that Debian's users have, the real ones: what `adit doctor` says of a port that one of them keeps shut, the
command that it prints, and links that go on when a firewall is started, loaded anew or stopped beside them.
"""
import re

import pytest

from lab.wait import wait_until
from rig import image
from rig.pair import ADDRESS
from test_doctor import alarms, examine

PORT = 51820
# How an administrator turns each of them on, loads its rules anew and turns it off; and, as docs/troubleshooting.md has
# them, the lines that open the port and shut it again.
FIREWALLS = {
    "ufw": {"on": "ufw allow 22/tcp && ufw --force enable", "reload": "ufw reload", "off": "ufw --force disable",
            "open": f"ufw allow {PORT}/udp", "shut": f"ufw delete allow {PORT}/udp"},
    "firewalld": {"on": "systemctl enable --now firewalld", "reload": "firewall-cmd --reload",
                  "off": "systemctl disable --now firewalld",
                  "open": f"firewall-cmd --zone=external --add-port={PORT}/udp && "
                          f"firewall-cmd --permanent --zone=external --add-port={PORT}/udp",
                  "shut": f"firewall-cmd --zone=external --remove-port={PORT}/udp && "
                          f"firewall-cmd --permanent --zone=external --remove-port={PORT}/udp"},
    "nftables": {"on": "systemctl enable --now nftables", "reload": "systemctl reload nftables",
                 "off": "systemctl disable --now nftables",
                 "open": f"nft insert rule inet filter input udp dport {PORT} accept", "shut": None},
}
NFTABLES = """flush ruleset
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iif lo accept
    meta l4proto { icmp, icmpv6 } accept
  }
}
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    system = image.administered()
    return [system, image.installed(tmp_path_factory.mktemp("adit"), system)]


def type_in(host, line):
    return host.run("bash", "-c", line, timeout=120).stdout


def no_endpoint_for_b(text):
    """b waits to be called."""
    return re.sub(rf'\n *endpoint: "?{re.escape(ADDRESS["a"])}.*', "", text)


@pytest.mark.parametrize("name", FIREWALLS)
def test_the_line_that_the_doctor_prints_opens_the_port(pair, name):
    firewall, host = FIREWALLS[name], pair.b
    host.net.ip("route", "add", "default", "dev", "eth0")  # whoever calls comes in there
    host.put("/etc/nftables.conf", NFTABLES)
    type_in(host, firewall["on"])
    if name == "firewalld":  # not in its default zone
        type_in(host, "firewall-cmd --zone=external --change-interface=eth0 && firewall-cmd --runtime-to-permanent")
    caller, called = pair.links(edit=no_endpoint_for_b)
    for link in (caller, called):
        link.host.systemctl("enable", "--now", link.unit)
    wait_until(lambda: caller.status().startswith("connecting"), 20, "the caller to have called")
    found = examine(called)[1]["firewall"]
    assert found["verdict"] == "problem" and str(PORT) in found["title"], found
    opened_by = re.search("`(.+)`", found["mend"])[1]
    assert opened_by == firewall["open"]
    checks = examine(caller)[1]
    assert "Run `adit doctor` there" in checks["state"]["mend"] and "firewall" not in alarms(checks), checks

    type_in(host, opened_by)
    called.wait_until_up()
    caller.wait_until_up()
    assert alarms(examine(called)[1]) == {}
    if firewall["shut"] is None:
        return  # it is kept by whoever writes it down
    type_in(host, firewall["reload"])
    host.reboot()
    called.wait_until_up()
    assert alarms(examine(called)[1]) == {}, "it is kept"

    type_in(host, firewall["shut"])
    found = examine(called)[1]["firewall"]
    assert found["verdict"] == "warning" and opened_by in found["mend"], found


def test_a_link_that_takes_all_traffic_goes_on_beside_them(pair):
    """Each is started, loaded anew, met by a link that starts, and stopped. The peer is called by IPv6, for which firewalld
    looks for the way back of whatever comes in."""
    for host, number in ((pair.a, 1), (pair.b, 2)):
        for address, device in ((f"fd99::{number}/64", "eth0"), (f"10.77.0.{number}/32", "lo"), (f"fd77::{number}/128", "lo")):
            host.net.ip("addr", "add", address, "dev", device, "nodad")
    pair.a.put("/etc/nftables.conf", NFTABLES)
    def edit(text):
        text = re.sub(r"\[10\.9\.0\.(\d)/30\]", r'[10.9.0.\1/30, "fd09::\1/126"]', no_endpoint_for_b(text))
        calls = f"{ADDRESS['b']}:{PORT}"
        return text.replace(calls, f'"[fd99::2]:{PORT}"') + ("routes: [default]\n" if calls in text else "")
    office, home = pair.links(edit=edit)

    def goes_on(when):
        for address in ("10.9.0.2", "fd09::2", "10.77.0.2", "fd77::2"):
            wait_until(lambda: pair.a.pings(address), 10, f"{address} to answer, {when}")
        assert pair.b.pings("10.9.0.1") and pair.b.pings("fd09::1"), when
        assert "adit_office" in type_in(pair.a, "nft list tables"), when
    pair.start(office, home)
    goes_on("before")
    for name, firewall in FIREWALLS.items():
        for what in ("on", "reload"):
            type_in(pair.a, firewall[what])
            goes_on(f"{name}: {what}")
        pair.a.systemctl("restart", office.unit)
        goes_on(f"beside {name}")
        assert alarms(examine(office)[1]) == {}, name
        type_in(pair.a, firewall["off"])
        goes_on(f"{name}: off")
    type_in(pair.a, "nft flush ruleset")
    goes_on("flushed")
