# SPDX-License-Identifier: MIT
"""A way that is dead in one direction is no link, whatever comes in by the other: the state says so, and the reason
says which direction. So do ends that cannot send at all, and a peer that has another preshared key now.
"""
import pytest

from lab.doctor import examine
from lab.ends import wg
from lab.plan import PORT
from lab.traffic import BackgroundPing, ping, traffic_within
from lab.two_paths import FIRST, SECOND, from_b, kill, second_wire, to_b
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only


def no_longer_up(end, timeout):
    return wait_until(lambda: end.state() != "up", timeout, "the state to tell the truth", 0.2)


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [("adit", "adit"), ("adit", "go")], ids=["adit", "stock_peer"])
@pytest.mark.parametrize("busy", ["idle", "with_traffic"])
def test_what_a_sends_is_lost_and_what_b_sends_arrives(make, lab, measured, kinds, busy):
    """b goes on with keepalives, and, when there is traffic, with data of its own: none of it has heard a."""
    link = make(kinds).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    pings = []
    if busy == "with_traffic":
        pings = [BackgroundPing(link.a.host, link.b.side.addr4), BackgroundPing(link.b.host, link.a.side.addr4)]
        for each in pings:
            each.goes_on()
    kill(lab, to_b())
    measured("a is no longer up after", no_longer_up(link.a, 45), "s")
    assert link.a.state() == "stale"
    reason = link.a.status()["reason"]
    assert reason.startswith("what we send does not arrive: packets come from the peer") or "nothing received" in reason
    if busy == "with_traffic":
        assert "what we send does not arrive" in reason
    report = examine(link.a)
    assert report["state"] == "problem" and reason[:20] in report.evidence("state")
    if kinds[1] == "adit":
        measured("and b after", no_longer_up(link.b, 20), "s")
        assert "nothing received" in link.b.status()["reason"]
    kill(lab)
    measured("traffic back after", traffic_within(link.a.host, link.b.side.addr4, 20), "s")
    wait_until(lambda: link.a.state() == "up", 10, "a to be up again")
    for each in pings:
        each.close()


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["from_a", "from_b"])
def test_the_second_endpoint_takes_over_when_the_first_is_dead_in_one_direction(make, lab, measured, direction):
    second_wire(lab)
    link = make(calls="a", a={"endpoint": [FIRST, SECOND]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.a.peer_endpoint() == FIRST
    there = BackgroundPing(link.a.host, link.b.side.addr4)
    back = BackgroundPing(link.b.host, link.a.side.addr4)
    kill(lab, to_b() if direction == "from_a" else from_b())
    measured("at the second after", wait_until(lambda: link.a.peer_endpoint() == SECOND, 45, "the second", 0.02), "s")
    there.goes_on(3)
    back.goes_on(3)
    there.close()
    back.close()


@pytest.mark.slow
def test_a_preferred_way_that_leads_there_and_not_back_keeps_no_stock_peer(make, lab):
    """A stock peer follows an initiation to where it came from, and what it sends from there is lost."""
    second_wire(lab)
    kill(lab, from_b())
    link = make(("adit", "go"), calls="a", keepalive=0, a={"endpoint": [FIRST, SECOND]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert link.a.peer_endpoint() == SECOND
    tries = link.a.log().count(f"trying {FIRST} beside {SECOND}")
    wait_until(lambda: link.a.log().count(f"trying {FIRST} beside {SECOND}") > tries, 60, "a try at the first", 0.2)
    traffic_within(link.b.host, link.a.side.addr4, 10)
    assert link.a.peer_endpoint() == SECOND


@pytest.mark.slow
def test_without_any_route_it_is_not_up_though_the_peer_is_heard(make, lab, measured):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    # b's packets still come in: they need no route of a's.
    link.a.host.ip("route", "del", "default")
    measured("no longer up after", no_longer_up(link.a, 45), "s")
    assert "nothing can be sent to 10.2.0.2" in link.a.status()["reason"]
    assert "unreachable" in link.a.status()["reason"]
    link.a.host.ip("route", "add", "default", "via", "10.1.0.1")
    measured("up again after", wait_until(lambda: link.a.state() == "up", 10, "a to be up", 0.05), "s")
    assert ping(link.a.host, link.b.side.addr4) == 3


@pytest.mark.slow
def test_a_peer_that_came_back_with_another_preshared_key(make, measured):
    link = make(psk=True).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.b.stop()
    right, link.b.side.preshared_key = link.b.side.preshared_key, wg("genpsk")
    link.b.start()
    measured("no longer up after", no_longer_up(link.a, 45), "s")
    assert "the preshared keys differ" in link.a.status()["reason"]
    assert examine(link.a)["preshared_key"] == "problem"
    assert link.b.state() == "connecting" and "the preshared keys differ" in link.b.status()["reason"]
    link.b.stop()
    link.b.side.preshared_key = right
    link.b.start()
    traffic_within(link.a.host, link.b.side.addr4, 20)
    wait_until(lambda: link.a.state() == "up", 10, "a to be up again")


def test_an_interface_that_is_down_and_addresses_and_rules_that_are_gone(make, measured):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.host.ip("link", "set", "tun0", "down")
    measured("down and no longer up after", no_longer_up(link.a, 5), "s")
    assert "the interface tun0 is down" in link.a.status()["reason"]
    link.a.host.ip("link", "set", "tun0", "up")
    wait_until(lambda: link.a.state() == "up", 10, "a to be up again")
    link.a.host.ip("address", "flush", "dev", "tun0")
    measured("addresses put back and traffic after", traffic_within(link.a.host, link.b.side.addr4, 10), "s")


def twin_of_a(make, lab):
    """Another host with a's key, on the router's other leg."""
    link = make(calls="a")
    lab.c = lab.namespace("c")
    lab.cable(lab.c, "toc", 4)
    twin = make(calls="a", a={"label": "c", "host": lab.c, "private_key": link.a.side.private_key,
                              "public_key": link.a.side.public_key,
                              "peer_public_key": link.b.side.public_key}).a
    return link, twin


@pytest.mark.slow
def test_two_hosts_with_one_key_are_told_of(make, lab, measured):
    link, twin = twin_of_a(make, lab)
    link.start()
    twin.start()
    pings = [BackgroundPing(end.host, link.b.side.addr4) for end in (link.a, twin)]

    def jumps():
        return next((o for o in link.b.status()["observations"] if o["kind"] == "endpoint_jumps"), None)
    measured("told after", wait_until(jumps, 120, "b to tell of two hosts", 0.2), "s")
    for each in pings:
        each.close()
    places = f"10.1.0.2:{PORT} and 10.4.0.2:{PORT}"
    sentence = f"the peer's endpoint jumps between {places}: two hosts use its key"
    assert jumps()["sentence"] == sentence
    wait_until(lambda: jumps()["count"] > 1, 120, "the next jump to be counted", 0.2)
    assert link.b.log().count(sentence) == 1
