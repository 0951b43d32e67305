# SPDX-License-Identifier: MIT
"""Adit at one end, wireguard-go or the kernel's WireGuard set up by `wg` at the other: the same protocol, whoever begins, for
as long as it takes. The kernels of many small virtual machines have no WireGuard; `scripts/other-kernel` boots one that has.
"""
import pytest

from lab.doctor import examine
from lab.traffic import BackgroundPing, ping, traffic_within, transfer, unanswered_sizes
from lab.wait import wait_until

REKEY_AFTER_TIME = 120
KERNEL = pytest.mark.kernel_with("wireguard")
CALLS = pytest.mark.parametrize("kinds", [  # a calls, b is called
    pytest.param(("adit", "go"), id="adit_calls"),
    pytest.param(("go", "adit"), id="wireguard_go_calls"),
    pytest.param(("adit", "kernel"), id="adit_calls_the_kernel", marks=KERNEL),
    pytest.param(("kernel", "adit"), id="the_kernel_calls", marks=KERNEL)])
OUTER = pytest.mark.parametrize("outer", [4, 6], ids=["over_ipv4", "over_ipv6"])


@pytest.mark.parametrize("psk", [False, True], ids=["without_psk", "with_psk"])
@OUTER
@CALLS
def test_a_link_to_another_implementation_works(make, kinds, outer, psk):
    link = make(kinds, outer=outer, calls="a", psk=psk).start()
    assert ping(link.a.host, link.b.side.addr4, 1, wait=10) == 1, "the first packet waits for the handshake"
    assert unanswered_sizes(link.a.host, link.b.side.addr6, range(1, 1401, 7)) == []
    assert unanswered_sizes(link.b.host, link.a.side.addr4, range(1, 1401, 7)) == []
    assert transfer(link.a.host, link.b.host, link.b.side.addr4, 4 << 20)
    assert transfer(link.b.host, link.a.host, link.a.side.addr4, 4 << 20)


@pytest.mark.slow
@CALLS
def test_rekeys_with_another_implementation_lose_no_packet(make, kinds):
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
def test_each_follows_the_other_to_another_address(make, lab, kinds):
    """Roaming of the end that called, whichever software it is."""
    link = make(kinds, calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    lab.address(link.a.host, 1, 77)
    traffic_within(link.a.host, link.b.side.addr4, 40)  # wireguard-go sticks to its old source until a handshake fails
    assert link.b.peer_endpoint() == "10.1.0.77:51820"
    assert ping(link.b.host, link.a.side.addr4) == 3


@CALLS
def test_each_follows_the_other_to_another_port(make, lab, kinds):
    link = make(kinds, calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    if kinds[0] == "adit":
        link.a.side.listen = 51999
        link.a.write_config()
        link.a.adit("reload", link.a.name)
    else:
        link.a.wg("set", link.a.device, "listen-port", "51999")
    traffic_within(link.a.host, link.b.side.addr4, 40)
    wait_until(lambda: link.b.peer_endpoint() == "10.1.0.2:51999", 10, "the new port to be learnt")
    assert ping(link.b.host, link.a.side.addr4) == 3


@KERNEL
@pytest.mark.adit_only
@OUTER
@pytest.mark.parametrize("calls", ["a", "b"], ids=["adit_calls", "the_kernel_calls"])
def test_much_travels_to_the_kernel_and_back_by_super_packets(make, outer, calls):
    """The kernel seals each segment of a super-packet by itself and sends the datagrams one by one; the way back has ours, which
    are sent as one. What arrives is whole at either end."""
    link = make(("adit", "kernel"), outer=outer, calls=calls, psk=True).start()
    traffic_within(link.b.host, link.a.side.addr4, 20)
    assert examine(link.a).alarms() == {}
    for near, far in ((link.a.side.addr4, link.b.side.addr4), (link.a.side.addr6, link.b.side.addr6)):
        assert transfer(link.a.host, link.b.host, far, 4 << 20)
        assert transfer(link.b.host, link.a.host, near, 4 << 20)
    assert link.a.state() == "up"
    assert (link.a.drops("malformed_packet"), link.a.drops("forged"), link.a.drops("deliver_failed")) == (0, 0, 0)
    keys = link.b.wg("show", link.b.device, "dump").split("\n")[1].split("\t")
    assert keys[1] == link.b.side.preshared_key and int(keys[5]) > 8 << 20 and int(keys[6]) > 8 << 20
