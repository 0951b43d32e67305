# SPDX-License-Identifier: MIT
"""Adit at one end, wireguard-go set up by `wg` at the other: the same protocol, whoever begins, for as long as it takes.
"""
import pytest

from lab.traffic import BackgroundPing, ping, traffic_within, transfer, unanswered_sizes
from lab.wait import wait_until

REKEY_AFTER_TIME = 120
ADIT_CALLS = ("adit", "go")  # a calls, b is called
GO_CALLS = ("go", "adit")
CALLS = pytest.mark.parametrize("kinds", [ADIT_CALLS, GO_CALLS], ids=["adit_calls", "wireguard_go_calls"])
OUTER = pytest.mark.parametrize("outer", [4, 6], ids=["over_ipv4", "over_ipv6"])


@pytest.mark.parametrize("psk", [False, True], ids=["without_psk", "with_psk"])
@OUTER
@CALLS
def test_a_link_to_wireguard_go_works(make, kinds, outer, psk):
    link = make(kinds, outer=outer, calls="a", psk=psk).start()
    assert ping(link.a.host, link.b.side.addr4, 1, wait=10) == 1, "the first packet waits for the handshake"
    assert unanswered_sizes(link.a.host, link.b.side.addr6, range(1, 1401, 7)) == []
    assert unanswered_sizes(link.b.host, link.a.side.addr4, range(1, 1401, 7)) == []
    assert transfer(link.a.host, link.b.host, link.b.side.addr4, 4 << 20)
    assert transfer(link.b.host, link.a.host, link.a.side.addr4, 4 << 20)


@pytest.mark.slow
@CALLS
def test_rekeys_with_wireguard_go_lose_no_packet(make, kinds):
    """Whoever called first renews the session after REKEY_AFTER_TIME (§6.2)."""
    link = make(kinds, calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    background = BackgroundPing(link.a.host, link.b.side.addr4)
    before = link.a.latest_handshake(), link.b.latest_handshake()
    wait_until(lambda: link.a.latest_handshake() != before[0] and link.b.latest_handshake() != before[1],
               REKEY_AFTER_TIME + 30, "both ends to see a new handshake", interval=1)
    background.goes_on(15)  # packets of the new session too
    sent, received = background.stop()
    assert received == sent


@CALLS
def test_both_ends_may_call_at_once(make, kinds):
    link = make(kinds, calls="ab").start()
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert ping(link.b.host, link.a.side.addr4, 10) == 10


@CALLS
@pytest.mark.parametrize("restarted", ["a", "b"])
def test_the_link_survives_a_restart_of_either_end(make, kinds, restarted):
    link = make(kinds).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    getattr(link, restarted).restart()
    traffic_within(link.a.host, link.b.side.addr4, 40)
    traffic_within(link.b.host, link.a.side.addr4, 40)


@CALLS
def test_wireguard_go_follows_adit_and_adit_follows_wireguard_go(make, lab, kinds):
    """Roaming of the end that called, whichever software it is."""
    link = make(kinds, calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    lab.address(link.a.host, 1, 77)
    traffic_within(link.a.host, link.b.side.addr4, 40)  # wireguard-go sticks to its old source until a handshake fails
    assert link.b.peer_endpoint() == "10.1.0.77:51820"
    assert ping(link.b.host, link.a.side.addr4) == 3
