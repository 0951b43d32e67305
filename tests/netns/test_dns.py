# SPDX-License-Identifier: MIT
"""The section `dns`: what systemd-resolved is told, and that a link minds nothing that goes wrong with it."""
import pytest

from lab.resolver import Bus, Resolver
from lab.traffic import ping, traffic_within
from lab.wait import wait_until
from test_reload import edit

pytestmark = pytest.mark.adit_only

DNS = {"servers": ["10.9.0.2", "fd09::2"], "domains": ["example.com", "~example.net", "~."]}
TOLD = {"dns": ["10.9.0.2", "fd09::2"], "domains": [("example.com", False), ("example.net", True), (".", True)],
        "default_route": True}


@pytest.fixture
def bus(tmp_path, lab):
    bus = Bus(tmp_path)
    lab.closers.append(bus.stop)
    return bus


@pytest.fixture
def resolver(bus, lab):
    resolver = Resolver(bus)
    lab.closers.append(resolver.stop)
    return resolver


@pytest.fixture
def link(make, bus):
    """Its end b serves already."""
    link = make(a={"more": {"dns": DNS}})
    link.a.env["DBUS_SYSTEM_BUS_ADDRESS"] = bus.address
    link.b.start()
    return link


@pytest.fixture
def end(link):
    return link.a


def index_of(end):
    return int(end.host.run("cat", f"/sys/class/net/{end.device}/ifindex").stdout)


def wait_for(resolver, end, what, seconds=30):
    wait_until(lambda: resolver.links.get(index_of(end)) == what, seconds, f"the resolver to know {what}: {resolver.calls}")


def test_the_resolver_is_told_at_start_and_after_each_edit(bus, resolver, end):
    bus.start()
    resolver.start()
    end.start()
    wait_for(resolver, end, TOLD)
    edit(end, {"dns.servers": ["10.9.0.2"], "dns.domains": ["example.com"]})
    wait_for(resolver, end, {"dns": ["10.9.0.2"], "domains": [("example.com", False)], "default_route": False})
    edit(end, {"dns.domains": None})
    wait_for(resolver, end, {"dns": ["10.9.0.2"], "domains": [], "default_route": True})
    calls = len(resolver.calls)
    edit(end, {"peer.keepalive": "7s"})
    edit(end, {"dns": None})
    wait_for(resolver, end, None)
    assert [call for call in resolver.calls[calls:] if call != "GetAll"] == ["RevertLink"]
    assert "warn" not in end.log() and "another program" not in end.log()


def test_the_resolver_is_told_while_the_link_is_up_and_no_longer(bus, resolver, link):
    link.b.stop()
    bus.start()
    resolver.start()
    link.a.start()
    wait_until(lambda: link.a.state() == "connecting", 10, "calls in vain")
    assert resolver.calls == []
    link.b.start()
    wait_for(resolver, link.a, TOLD)
    link.b.kill()
    ping(link.a.host, link.b.side.addr4, count=1, wait=1)  # data without an answer
    wait_for(resolver, link.a, None, 60)
    assert link.a.state() == "stale"
    link.b.start()
    wait_for(resolver, link.a, TOLD, 60)


@pytest.mark.slow
def test_a_link_that_is_merely_idle_keeps_them(make, bus, resolver):
    """Without keepalives it is stale after three silent minutes, and a question for a name may be what wakes it."""
    link = make(keepalive=0, a={"more": {"dns": DNS}})
    link.a.env["DBUS_SYSTEM_BUS_ADDRESS"] = bus.address
    bus.start()
    resolver.start()
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    wait_for(resolver, link.a, TOLD)
    wait_until(lambda: link.a.state() == "stale", 240, "the link to be stale", 1)
    assert ping(link.a.host, link.b.side.addr4) == 3
    wait_until(lambda: link.a.state() == "up", 10, "the link to be up")
    assert "RevertLink" not in resolver.calls


def test_who_takes_the_servers_away_gets_them_back_but_not_for_ever_at_once(bus, resolver, link):
    bus.start()
    resolver.start()
    link.a.start()
    wait_for(resolver, link.a, TOLD)
    resolver.revert(index_of(link.a))
    wait_for(resolver, link.a, TOLD)
    assert link.a.log().count("another program changed what systemd-resolved knows") == 1
    resolver.stubborn = True
    resolver.revert(index_of(link.a))
    wait_until(lambda: link.a.log().count("only after a while") == 3, 60, "two more rounds")
    resolver.stubborn = False
    wait_for(resolver, link.a, TOLD, 60)
    assert link.a.log().count("another program changed") <= 6
    assert ping(link.a.host, link.b.side.addr4) == 3


def test_an_interface_that_stays_is_taken_back(bus, resolver, end):
    end.side.interface = {"persist": True}
    bus.start()
    resolver.start()
    end.start()
    wait_for(resolver, end, TOLD)
    assert end.stop() == 0
    assert "RevertLink" in resolver.calls and resolver.links == {}
    assert end.device in end.host.ip("link")


def test_without_a_bus_the_link_works_and_the_resolver_is_told_when_it_is_there(make, bus, resolver):
    link = make(a={"more": {"dns": DNS}})
    link.a.env["DBUS_SYSTEM_BUS_ADDRESS"] = bus.address
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    wait_until(lambda: "there is no D-Bus" in link.a.log(), 10, "the warning")
    bus.start()
    resolver.start()
    wait_for(resolver, link.a, TOLD)
    assert link.a.log().count("there is no D-Bus") == 1
    wait_until(lambda: "has the name servers now" in link.a.log(), 10, "a line that it has")


def test_without_a_resolver_it_says_what_to_install_and_waits_for_one(bus, resolver, end):
    bus.start()
    end.start()
    wait_until(lambda: "install and start systemd-resolved" in end.log(), 10, "the warning")
    resolver.start()
    wait_for(resolver, end, TOLD)


def test_a_refusal_names_the_mend_and_is_tried_again(bus, resolver, end):
    resolver.refusal = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
    bus.start()
    resolver.start()
    end.start()
    wait_until(lambda: "needs polkitd and a rule for it" in end.log(), 10, "the warning")
    assert end.process.alive and end.state() != "failed"
    resolver.refusal = None
    wait_for(resolver, end, TOLD)


def test_a_resolver_that_starts_anew_is_told_again(bus, resolver, end):
    bus.start()
    resolver.start()
    end.start()
    wait_for(resolver, end, TOLD)
    resolver.stop()
    resolver.forget()
    resolver.start()
    wait_for(resolver, end, TOLD)
    assert end.log().count("systemd-resolved was started anew") == 1


def test_a_resolver_that_does_not_answer_or_a_bus_that_ends_stops_no_packet(make, bus, resolver):
    link = make(a={"more": {"dns": DNS}})
    link.a.env["DBUS_SYSTEM_BUS_ADDRESS"] = bus.address
    resolver.silent = True
    bus.start()
    resolver.start()
    link.start()
    wait_until(lambda: resolver.calls, 10, "the call")
    assert set(resolver.calls) == {"SetLinkDNS"}, "it goes no further without an answer"
    traffic_within(link.a.host, link.b.side.addr4, 10)
    bus.stop()
    wait_until(lambda: "the connection to D-Bus is gone" in link.a.log(), 10, "the warning")
    assert ping(link.a.host, link.b.side.addr4) == 3
    resolver.stop()
    bus.socket.unlink(missing_ok=True)
    resolver.silent = False
    bus.start()
    resolver.start()
    wait_for(resolver, link.a, TOLD)
    assert link.a.stop() == 0
