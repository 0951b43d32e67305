# SPDX-License-Identifier: MIT
"""As many routes as a file may name. What they cost is measured, and packets pass all the while."""
import os
import re
import time

import pytest

from lab.traffic import traffic_within
from lab.wait import wait_until

pytestmark = [pytest.mark.adit_only, pytest.mark.slow]

MANY = [f"100.{i >> 8}.{i & 255}.0/24" for i in range(16_384)]


def cpu_seconds(end):
    """Of the daemon, all threads."""
    with open(f"/proc/{end.process.pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def routes_there(end):
    return end.host.ip("route", "show", "dev", end.device, "proto", "173").count("\n")


class Meanwhile:
    """A ping every 2 ms; how late the latest answer was."""

    def __init__(self, host, to):
        self.process = host.popen("ping", "-n", "-i", "0.002", to, name="ping")
        wait_until(lambda: "bytes from" in self.process.log(), 10, "the first answer")

    def latest(self):
        self.process.stop(2)
        return max(float(time) for time in re.findall(r"time=([\d.]+) ms", self.process.log()))


def peak_memory(end):
    """In MiB; of all that it ever had."""
    with open(f"/proc/{end.process.pid}/status") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) / 1024


def test_a_router_with_other_peoples_routes_is_not_read_whole_while_they_change(make, measured):
    """One of them is in the way of ours, which has to be known for each that changes."""
    link = make(a={"routes": ["192.168.20.0/24"], "allowed_ips": ["10.9.0.0/30", "fd09::/126", "192.168.20.0/24"]})
    host = link.a.host
    host.run("ip", "-batch", "-", input="".join(f"route add 100.{i >> 16}.{i >> 8 & 255}.{i & 255} via 10.1.0.1\n"
                                                for i in range(100_000)))
    link.start()
    traffic_within(host, link.b.side.addr4, 20)
    memory = peak_memory(link.a)
    host.ip("route", "replace", "192.168.20.0/24", "via", "10.1.0.1")
    wait_until(lambda: "192.168.20.0/24 is there already" in link.a.status()["reason"], 10, "the reason")
    before, pings = cpu_seconds(link.a), Meanwhile(host, link.b.side.addr4)
    for i in range(50):
        host.ip("route", "add", f"101.0.0.{i}", "via", "10.1.0.1")
        time.sleep(0.1)
    measured("100,000 routes of others, 10 changes a second, latest answer", pings.latest(), "ms")
    measured("100,000 routes of others, 10 changes a second, CPU", cpu_seconds(link.a) - before, "s")
    measured("memory for a look at them", peak_memory(link.a) - memory, "MiB")
    assert peak_memory(link.a) - memory < 8
    host.ip("route", "del", "192.168.20.0/24")
    wait_until(lambda: link.a.status()["reason"] == "", 10, "the route to be back")


def test_sixteen_thousand_routes_start_change_and_come_back_while_packets_pass(make, measured):
    link = make(a={"routes": MANY, "allowed_ips": ["10.9.0.0/30", "100.0.0.0/8"]})
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert routes_there(link.a) == len(MANY)
    measured("start, CPU", cpu_seconds(link.a), "s")

    def while_pinging(what, change, done):
        before, pings = cpu_seconds(link.a), Meanwhile(link.a.host, link.b.side.addr4)
        change()
        wait_until(done, 30, what)
        measured(f"{what}, latest answer", pings.latest(), "ms")
        measured(f"{what}, CPU", cpu_seconds(link.a) - before, "s")

    def edit(routes):
        link.a.side.routes = routes
        link.a.write_config()
        link.a.adit("reload", link.a.name)
    while_pinging("reload that removes one", lambda: edit(MANY[1:]), lambda: routes_there(link.a) == len(MANY) - 1)
    while_pinging("reload that removes all", lambda: edit(["192.168.20.0/24"]), lambda: routes_there(link.a) == 1)
    while_pinging("reload that adds all", lambda: edit(MANY), lambda: routes_there(link.a) == len(MANY))
    while_pinging("flush by somebody else", lambda: link.a.host.ip("route", "flush", "table", "main", "proto", "173"),
                  lambda: routes_there(link.a) == len(MANY))
    while_pinging("nothing for comparison", lambda: None, lambda: True)

    before = cpu_seconds(link.a)
    link.a.host.ip("link", "set", link.a.device, "down")
    link.a.host.ip("link", "set", link.a.device, "up")
    wait_until(lambda: routes_there(link.a) == len(MANY), 30, "the routes to be back")
    measured("down and up, CPU", cpu_seconds(link.a) - before, "s")
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert link.a.state() == "up"
    link.a.stop()
    assert "proto 173" not in link.a.host.ip("route", "show", "table", "all")
