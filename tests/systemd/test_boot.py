# SPDX-License-Identifier: MIT
"""Boots: with nothing in the way, and without a network's usual comforts. Host b answers for names, when it does."""
import json
import pathlib

from lab.wait import wait_until

NAME = "home.adit.test"
SERVER = pathlib.Path(__file__).parents[1] / "netns/lab/dns_server.py"


def test_enabled_links_are_back_after_a_reboot(pair):
    office, home = pair.start(*pair.links())
    pair.a.reboot()
    office.wait_until_up()
    home.wait_until_up()
    assert office.restarts() == 0
    assert pair.a.systemctl("is-system-running").stdout.strip() == "running"


def test_a_boot_without_dns_ends_in_time_and_the_link_is_there_when_dns_comes(pair, tmp_path):
    office, home = pair.links(edit=lambda text: text.replace("endpoint: 10.99.0.2:", f"endpoint: {NAME}:"))
    pair.b.put(home.file, "\n".join(line for line in pair.b.run("cat", home.file).stdout.splitlines()
                                    if "endpoint:" not in line))
    pair.a.put("/etc/resolv.conf", "nameserver 10.99.0.2\noptions timeout:1 attempts:1\n", 0o644)
    pair.b.systemctl("start", home.unit)
    wait_until(lambda: home.status() == "waiting: no endpoint known yet: the peer must call", 10, "waiting")
    pair.a.systemctl("enable", office.unit)
    pair.a.reboot()
    assert pair.a.systemctl("is-system-running").stdout.strip() == "running", "nothing failed at boot"
    assert office.active() == "active"
    assert "10.9.0.1" in pair.a.net.ip("addr", "show", "dev", "office")
    wait_until(lambda: office.status().startswith("resolving: ") and NAME in office.status(), 10, "a reason with the name")

    names = tmp_path / "names.json"
    names.write_text(json.dumps({NAME: ["10.99.0.2"]}), encoding="utf-8")
    pair.b.net.popen("/usr/bin/python3", SERVER, "10.99.0.2", names, name="dns")
    office.wait_until_up()
    assert office.restarts() == 0


def test_a_boot_without_an_uplink_ends_in_time_and_the_link_is_there_when_the_uplink_comes(pair):
    office, home = pair.start(*pair.links())
    pair.a.net.ip("link", "set", "eth0", "down")
    pair.a.reboot()
    assert pair.a.systemctl("is-system-running").stdout.strip() == "running", "nothing failed at boot"
    assert office.active() == "active"
    pair.a.net.ip("link", "set", "eth0", "up")
    office.wait_until_up()
    assert office.restarts() == 0
