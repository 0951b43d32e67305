# SPDX-License-Identifier: MIT
"""Routes exist while the link does, are what the file says, and never keep the encrypted packets from the peer."""
import json

import pytest

from lab.traffic import answers, ping, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only

OUTER = pytest.mark.parametrize("outer", [4, 6], ids=["over_ipv4", "over_ipv6"])
# Addresses of b that a reaches only through the tunnel: the router has no route to them.
BEYOND = {4: "203.0.113.1", 6: "2001:db8::1"}


def routes(end, *arguments):
    return json.loads(end.host.ip("-json", *arguments))


def way(end, to):
    return routes(end, "route", "get", to)[0]["dev"]


def with_default(make, outer, **options):
    link = make(outer=outer, a={"routes": ["default"], "allowed_ips": ["0.0.0.0/0", "::/0"]}, **options)
    for address in BEYOND.values():
        link.b.host.ip("addr", "add", address, "dev", "lo")
    return link


def test_routes_are_there_while_the_link_is_and_gone_after(make):
    end = make(a={"allowed_ips": ["10.0.0.0/8", "192.168.0.0/16", "fd00::/8"],
                  "routes": ["192.168.20.0/24", {"to": "10.20.0.0/16", "metric": 50, "table": 100, "source": "10.9.0.1"},
                             {"to": "fd20::/64", "metric": 9}]}).a
    end.start()
    plain, = routes(end, "route", "show", "192.168.20.0/24")
    assert plain["dev"] == end.device
    full, = routes(end, "route", "show", "10.20.0.0/16", "table", "100")
    assert (full["dev"], full["metric"], full["prefsrc"]) == (end.device, 50, "10.9.0.1")
    six, = routes(end, "-6", "route", "show", "fd20::/64")
    assert (six["dev"], six["metric"]) == (end.device, 9)
    assert len(end.status()["routes"]) == 3
    end.stop()
    assert end.device not in end.host.ip("route", "show", "table", "all")
    assert end.device not in end.host.ip("-6", "route", "show", "table", "all")


def test_routes_do_not_wait_for_the_peer(make):
    """A packet that would leave in the clear while the link is down is worse than one that waits."""
    end = make(calls="b", a={"allowed_ips": ["10.9.0.0/30", "192.168.20.0/24"], "routes": ["192.168.20.0/24"]}).a
    end.start()
    assert end.state() == "waiting"
    assert routes(end, "route", "get", "192.168.20.1")[0]["dev"] == end.device


def test_routes_come_back_when_the_interface_was_down(make):
    link = make(a={"allowed_ips": ["10.9.0.0/30", "192.168.20.0/24"], "routes": ["192.168.20.0/24"]}).start()
    link.b.host.ip("addr", "add", "192.168.20.1", "dev", "lo")
    traffic_within(link.a.host, "192.168.20.1", 10)
    link.a.host.ip("link", "set", link.a.device, "down")
    link.a.host.ip("link", "set", link.a.device, "up")
    traffic_within(link.a.host, "192.168.20.1", 10)


def test_a_route_that_another_takes_the_place_of_is_named_and_comes_back(make):
    """`ip route replace`, as a hook of dhclient or keepalived has it: the kernel tells of the new one alone."""
    end = make(a={"allowed_ips": ["10.9.0.0/30", "192.168.20.0/24", "fd00::/8"],
                  "routes": ["192.168.20.0/24", "192.168.21.0/24", "fd20::/64"]}).start().a
    host = end.host
    host.ip("route", "replace", "192.168.20.0/24", "via", "10.1.0.1")
    host.ip("-6", "route", "replace", "fd20::/64", "via", "fd01::1", "metric", "1024")
    for what in ("192.168.20.0/24", "fd20::/64"):
        wait_until(lambda: f"the route {what} is there already, by way of eth0" in end.status()["reason"], 10, f"{what} to be named")
        assert f"the route {what} is there already" in end.log()
    assert (way(end, "192.168.20.1"), way(end, "192.168.21.1")) == ("eth0", end.device)
    host.ip("route", "del", "192.168.20.0/24")
    host.ip("-6", "route", "del", "fd20::/64")
    for to in ("192.168.20.1", "fd20::1"):
        wait_until(lambda: json.loads(host.run("ip", "-json", "route", "get", to, check=False).stdout or "[{}]")[0].get("dev")
                   == end.device, 10, f"the route to {to} to be back")
    wait_until(lambda: end.status()["reason"] == "", 10, "the reason to be gone")


@pytest.mark.parametrize("leads", ["192.168.20.0/24", "default"])
def test_routes_come_back_when_the_interface_was_down_for_a_moment(make, leads):
    """The news of both come at once; it was luck whether the daemon saw the interface while it was down."""
    link = make(a={"addresses": ["10.9.0.1/30"], "routes": [leads], "allowed_ips": ["0.0.0.0/0"]}).start()
    link.b.host.ip("addr", "add", "192.168.20.1", "dev", "lo")
    traffic_within(link.a.host, "192.168.20.1", 10)
    for _ in range(8):
        link.a.host.run("ip", "-batch", "-", input=f"link set {link.a.device} down\nlink set {link.a.device} up\n")
        traffic_within(link.a.host, "192.168.20.1", 10)


@OUTER
def test_the_default_route_leads_everything_but_the_links_own_datagrams_into_it(make, outer):
    link = with_default(make, outer).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    for family, address in BEYOND.items():
        assert ping(link.a.host, address) == 3
        assert routes(link.a, f"-{family}", "route", "get", address)[0]["dev"] == link.a.device
    before = {end: end.status()["traffic"]["rx"]["packets"] for end in (link.a, link.b)}
    assert ping(link.a.host, link.b.side.addr6, 5) == 5
    assert link.b.status()["traffic"]["rx"]["packets"] >= before[link.b] + 5


@OUTER
def test_with_the_default_route_the_host_may_still_change_its_uplink(make, lab, outer):
    link = with_default(make, outer, calls="a").start()
    traffic_within(link.a.host, BEYOND[4], 10)
    lab.address(link.a.host, 1, 77)
    traffic_within(link.a.host, BEYOND[4], 20)
    assert link.b.peer_endpoint() in ("10.1.0.77:51820", "[fd01::77]:51820")


@OUTER
def test_with_the_default_route_an_uplink_that_comes_late_is_used(make, lab, outer):
    """The boot race: the daemon is up before the network is."""
    link = with_default(make, outer)
    link.a.host.ip("link", "set", "eth0", "down")
    link.b.start()
    link.a.start()
    assert not answers(link.a.host, link.b.side.addr4)
    lab.address(link.a.host, 1, 2)
    traffic_within(link.a.host, BEYOND[6], 20)


def test_a_host_that_routes_by_default_into_the_link_is_reached_from_its_own_network(make, lab):
    """The hosts of networks that a is connected to stay its neighbours."""
    link = with_default(make, 4).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert ping(lab.r, "10.1.0.2") == 3
    assert ping(link.a.host, "10.1.0.1") == 3
