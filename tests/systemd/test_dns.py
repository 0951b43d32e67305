# SPDX-License-Identifier: MIT
"""The section `dns` with systemd-resolved itself, and polkit between it and the unit's user."""
from lab.wait import wait_until

DNS = 'dns: {servers: [10.9.0.2], domains: [example.com, "~example.net"]}\n'
RULE = "/usr/share/polkit-1/rules.d/adit.rules"


def told(host):
    return host.run("resolvectl", "dns", "office").stdout + host.run("resolvectl", "domain", "office").stdout


def test_resolved_knows_the_name_servers_while_the_link_is_there(pair):
    office, _ = pair.links(edit=lambda text: text + DNS)
    pair.a.systemctl("start", "systemd-resolved")
    pair.a.systemctl("start", office.unit)
    wait_until(lambda: "10.9.0.2" in told(pair.a) and "example.com ~example.net" in told(pair.a), 30, "the name server")
    pair.a.systemctl("stop", office.unit)
    assert "office" not in pair.a.run("resolvectl", "dns").stdout


def test_without_the_rule_the_link_runs_and_says_what_it_needs(pair):
    office, _ = pair.links(edit=lambda text: text + DNS)
    pair.a.run("rm", RULE)
    pair.a.systemctl("start", "systemd-resolved")
    pair.a.systemctl("start", office.unit)
    wait_until(lambda: "needs polkitd and a rule for it" in pair.a.run("journalctl", "-u", office.unit).stdout, 30,
               "the warning")
    assert office.active() == "active"
