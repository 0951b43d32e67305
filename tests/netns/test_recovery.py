# SPDX-License-Identifier: MIT
"""A link that nobody tends comes back by itself: after a restart, a crash, an uplink that went away, a new address, a
NAT router that has forgotten it.
"""
import signal

import pytest

from lab.datagrams import Datagram, Tap
from lab.ends import Keys
from lab.plan import PORT
from lab.traffic import BackgroundPing, answers, ping, traffic_within
from lab.wait import wait_until

OUTER = pytest.mark.parametrize("outer", [4, 6], ids=["over_ipv4", "over_ipv6"])
INITIATION = 1
ROUTER = {4: "10.2.0.1", 6: "[fd02::1]"}


@pytest.mark.parametrize("which", ["a", "b"])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["restarted", "killed"])
def test_traffic_is_back_with_the_first_call_of_an_end_that_was_started_again(make, lab, measured, which, how):
    """It calls by itself, before any timer of the session that was, and is answered: a protocol that waits, or refuses the
    first call, needs more of them. That a call at once is one without delay, unit tests show with a clock of their own."""
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    end = getattr(link, which)
    other = link.b if end is link.a else link.a
    legs = [Tap(lab.r, "tob", PORT), Tap(lab.r, "toa", PORT)]

    def calls():
        """Of the end that was restarted, and of the other one."""
        counts = [sum(datagram.type == INITIATION for datagram in leg.seen()) for leg in legs]
        return counts if end is link.a else counts[::-1]
    first_call_was_enough = []
    for _ in range(3):
        end.stop(how)
        assert not answers(other.host, end.side.addr4)
        before = calls()
        end.start()
        measured("traffic back after", traffic_within(other.host, end.side.addr4, 20), "s")
        own, others = (now - then for now, then in zip(calls(), before))
        first_call_was_enough.append(own == 1 and others == 0)
    for leg in legs:
        leg.close()
    assert any(first_call_was_enough), "of three: an answer that a busy machine delays makes it call again"


def test_an_end_that_is_called_recovers_when_it_was_restarted(make, measured):
    """It does not know where the caller is, so it is the caller that notices."""
    link = make(calls="a", keepalive=1).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.b.restart()
    measured("traffic back after", traffic_within(link.a.host, link.b.side.addr4, 40), "s")


@pytest.mark.adit_only
def test_an_end_with_another_peer_does_not_call_where_the_one_before_was(make):
    link = make(calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.stop()
    link.b.restart()
    wait_until(lambda: link.b.state() == "connecting", 10, "the peer to be called where it was")
    link.b.stop()
    link.b.side.peer_public_key = Keys().public
    link.b.start()
    assert link.b.state() == "waiting"


def test_both_ends_restarted_at_once_find_each_other(make):
    """Both initiate at the same moment, and must not collide for ever."""
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    for _ in range(3):
        link.stop()
        link.start()
        traffic_within(link.a.host, link.b.side.addr4, 20)
        assert ping(link.b.host, link.a.side.addr4) == 3


@OUTER
def test_the_link_comes_up_when_the_peer_starts_much_later(make, lab, outer):
    link = make(outer=outer)
    tap = Tap(lab.r, "tob", PORT)
    link.a.start()
    background = BackgroundPing(link.a.host, link.b.side.addr4)
    tap.wait_for(INITIATION, 2, timeout=15)
    tap.close()
    link.b.start()
    traffic_within(link.a.host, link.b.side.addr4, 20)
    background.goes_on()
    background.close()


@OUTER
@pytest.mark.parametrize("which", ["a", "b"])
def test_the_uplink_may_go_down_and_come_up(make, lab, outer, which):
    link = make(outer=outer).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    end, net = (link.a, 1) if which == "a" else (link.b, 2)
    background = BackgroundPing(link.a.host, link.b.side.addr4)
    end.host.ip("link", "set", "eth0", "down")  # the kernel drops its routes too
    wait_until(lambda: not answers(link.a.host, link.b.side.addr4), 10, "the link to break")
    lab.address(end.host, net, 2)
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert ping(link.b.host, link.a.side.addr4) == 3
    background.close()


def test_the_router_may_go_away_and_come_back(make, lab):
    """No error, no route that vanishes: datagrams are just lost, for longer than a session's patience (15 s), after which
    an end calls anew."""
    link = make(keepalive=5).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    background = BackgroundPing(link.a.host, link.b.side.addr4)
    tap = Tap(lab.r, "toa", PORT)

    def calls_that_came():
        datagrams = [Datagram.parse(frame) for left, frame in tap.frames() if not left]
        return sum(bool(d and d.port == PORT and d.payload and d.type == INITIATION) for d in datagrams)
    lab.r.sysctl("net.ipv4.ip_forward", 0)
    wait_until(lambda: calls_that_came() >= 2, 30, "a to call in vain", interval=0.2)
    tap.close()
    lab.r.sysctl("net.ipv4.ip_forward", 1)
    traffic_within(link.a.host, link.b.side.addr4, 20)
    background.close()


def test_the_tunnel_interface_may_be_taken_down_and_up(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.host.ip("link", "set", link.a.device, "down")
    assert not answers(link.b.host, link.a.side.addr4)
    link.a.host.ip("link", "set", link.a.device, "up")
    traffic_within(link.a.host, link.b.side.addr4, 10)
    traffic_within(link.b.host, link.a.side.addr4, 10)


@pytest.mark.adit_only
@OUTER
def test_the_peer_follows_an_end_that_gets_a_new_address(make, lab, outer):
    """Roaming (§6.5): a knows b, b learns a from what it sends. The session goes on: no handshake is needed."""
    link = make(outer=outer, calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    handshake = link.b.latest_handshake()
    background = BackgroundPing(link.a.host, link.b.side.addr4)
    lab.address(link.a.host, 1, 77)
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.b.peer_endpoint() == {4: "10.1.0.77:51820", 6: "[fd01::77]:51820"}[outer]
    assert ping(link.b.host, link.a.side.addr4) == 3
    assert link.b.latest_handshake() == handshake
    background.close()


@pytest.mark.slow
def test_a_new_session_every_two_minutes_costs_no_packet(make):
    """Both ends may be the one that renews it (§6.2), and packets fly both ways all the time."""
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    there = BackgroundPing(link.a.host, link.b.side.addr4, 0.1)
    back = BackgroundPing(link.b.host, link.a.side.addr6, 0.1)
    before = link.a.latest_handshake()
    wait_until(lambda: link.a.latest_handshake() != before, 150, "a new handshake", interval=1)
    for background in (there, back):
        background.goes_on(30)  # packets of the new session too
    for background in (there, back):
        sent, received = background.stop()
        assert received == sent


@OUTER
def test_an_end_behind_nat_is_reached_through_its_mapping(make, lab, outer):
    lab.nat()
    link = make(outer=outer, calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    address, _, port = link.b.peer_endpoint().rpartition(":")
    assert address == ROUTER[outer] and port != "51820"
    assert ping(link.b.host, link.a.side.addr6) == 3


@OUTER
def test_a_nat_mapping_that_changes_costs_at_most_a_keepalive(make, lab, outer):
    """a is silent but for its keepalive; b cannot reach it until that has come from the new port."""
    lab.nat()
    link = make(outer=outer, calls="a", keepalive=1).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    before = link.b.peer_endpoint()
    handshake = link.b.latest_handshake()
    lab.forget_mappings()
    wait_until(lambda: link.b.peer_endpoint() != before, 20, "b to learn the new mapping")
    assert ping(link.b.host, link.a.side.addr4) == 3
    assert link.b.latest_handshake() == handshake
