# SPDX-License-Identifier: MIT
"""Several endpoints in order of preference: whoever answers first at the start, the next one when one dies in use, and
back to the preferred one, without losing a packet. How long each takes is measured and shown (docs/self-healing.md).
"""
import signal

import pytest

from lab.datagrams import Tap
from lab.plan import PORT
from lab.traffic import BackgroundPing, ping, traffic_within
from lab.two_paths import FIRST, SECOND, both_ways, kill, second_wire
from lab.wait import wait_until
from test_resolving import NAME, Dns

pytestmark = pytest.mark.adit_only


@pytest.fixture
def two(make, lab):
    """two(ENDPOINTS, …): a link whose end a knows b by these endpoints, and b waits to be called."""
    second_wire(lab)

    def two(endpoints=(FIRST, SECOND), **options):
        return make(calls="a", a={"endpoint": list(endpoints)}, **options)
    return two


def endpoint_becomes(end, endpoint, timeout):
    return wait_until(lambda: end.peer_endpoint() == endpoint, timeout, f"the peer to be at {endpoint}", 0.02)


def test_a_dead_first_endpoint_at_the_start(two, lab, measured):
    kill(lab, *both_ways())
    link = two()
    link.b.start()
    link.a.start()
    measured("up by the second after", traffic_within(link.a.host, link.b.side.addr4, 10), "s")
    assert link.a.peer_endpoint() == SECOND


def test_a_black_hole_for_ipv6_and_ipv4_that_works(two, lab, measured):
    """Addresses of the kind that goes first (RFC 6724 §2.1), unlike the lab's own."""
    lab.a.ip("addr", "add", "2001:db8:1::2/64", "dev", "eth0", "nodad")
    lab.r.ip("addr", "add", "2001:db8:1::1/64", "dev", "toa", "nodad")
    lab.r.ip("route", "add", "2001:db8:2::/64", "dev", "tob")
    link = two([f"{NAME}:{PORT}"])
    dns = Dns(lab, link.a)
    dns.names(b_adit_test=["2001:db8:2::2", "10.2.0.2"])
    dns.start()
    kill(lab, *both_ways("2001:db8:2::2"))
    link.b.start()
    link.a.start()
    measured("up over IPv4 after", traffic_within(link.a.host, link.b.side.addr4, 10), "s")
    assert link.a.peer_endpoint() == FIRST and "handshake 1 sent to [2001:db8:2::2]" in link.a.log()


def test_twenty_dead_addresses_before_the_one_that_lives(two, measured):
    link = two([f"10.2.0.{100 + i}:{PORT}" for i in range(20)] + [FIRST])
    link.b.start()
    link.a.start()
    measured("up by the twenty-first after", traffic_within(link.a.host, link.b.side.addr4, 30), "s")
    assert link.a.peer_endpoint() == FIRST


def test_an_endpoint_that_dies_in_use_with_traffic(two, lab, measured):
    link = two().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.a.peer_endpoint() == FIRST
    background = BackgroundPing(link.a.host, link.b.side.addr4)
    background.goes_on()
    kill(lab, *both_ways())
    measured("traffic by the second after", endpoint_becomes(link.a, SECOND, 15), "s")
    background.goes_on(3)
    background.close()


@pytest.mark.slow
def test_an_endpoint_that_dies_on_an_idle_link(two, lab, measured):
    link = two().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    kill(lab, *both_ways())
    measured("idle, at the second after", endpoint_becomes(link.a, SECOND, 45), "s")
    assert ping(link.a.host, link.b.side.addr4) == 3


@pytest.mark.slow
def test_back_to_the_preferred_one_without_losing_a_packet(two, lab, measured):
    kill(lab, *both_ways())
    link = two().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.a.peer_endpoint() == SECOND
    there = BackgroundPing(link.a.host, link.b.side.addr4, 0.05)
    back = BackgroundPing(link.b.host, link.a.side.addr6, 0.05)
    there.goes_on()
    back.goes_on()
    kill(lab)
    measured("at the preferred one after", endpoint_becomes(link.a, FIRST, 40), "s")
    there.goes_on(60)
    back.goes_on(60)
    assert link.a.peer_endpoint() == FIRST
    for background in (there, back):
        sent, received = background.stop()
        assert received == sent


@pytest.mark.slow
def test_a_learned_endpoint_of_no_list_is_not_left_for_the_list(two, lab):
    """b is called at its first address, and goes on from another that no file names."""
    link = two([FIRST])
    link.b.side.endpoint = f"10.1.0.2:{PORT}"
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.b.stop()
    lab.address(link.b.host, 2, 55)
    link.b.start()
    endpoint_becomes(link.a, f"10.2.0.55:{PORT}", 20)
    link.b.host.ip("addr", "add", "10.2.0.2/24", "dev", "eth0")
    tap = Tap(lab.r, "tob", PORT)
    background = BackgroundPing(link.a.host, link.b.side.addr4)
    background.goes_on(5 * 35)
    to_first = [d for d in tap.seen() if d.headers[-4:] == bytes([10, 2, 0, 2])]
    tap.close()
    background.close()
    assert link.a.peer_endpoint() == f"10.2.0.55:{PORT}" and not to_first


@pytest.mark.parametrize("busy", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["with_traffic", "idle"])
def test_a_name_that_moved_while_the_old_address_is_silent(two, lab, measured, busy):
    link = two([f"{NAME}:{PORT}"])
    dns = Dns(lab, link.a)
    dns.names(b_adit_test=["10.2.0.2"])
    dns.start()
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    background = BackgroundPing(link.a.host, link.b.side.addr4) if busy else None
    if busy:
        background.goes_on()
    dns.names(b_adit_test=["10.3.0.2"])
    kill(lab, *both_ways())
    measured("at the new address after", endpoint_becomes(link.a, SECOND, 10 if busy else 45), "s")
    if busy:
        background.goes_on(3)
        background.close()


@pytest.mark.slow
def test_an_answer_in_changing_order_moves_no_endpoint_that_lives(two, lab):
    link = two([f"{NAME}:{PORT}"])
    dns = Dns(lab, link.a)
    dns.names(b_adit_test=["10.2.0.2", "10.3.0.2"])
    dns.start()
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    before = link.a.peer_endpoint()
    background = BackgroundPing(link.a.host, link.b.side.addr4, 0.1)
    for turn in range(12):
        dns.names(b_adit_test=["10.3.0.2", "10.2.0.2"] if turn % 2 else [f"10.3.0.{turn + 9}", "10.3.0.2", "10.2.0.2"])
        asked = dns.questions()
        link.a.process.send_signal(signal.SIGHUP)
        wait_until(lambda: dns.questions() > asked, 10, "the name to be asked for")
        background.goes_on(30)
        assert link.a.peer_endpoint() == before
    sent, received = background.stop()
    assert received == sent


@pytest.mark.slow
def test_a_port_that_a_router_lets_nothing_through_for_is_left_unless_it_is_the_files(make, lab, measured):
    """b calls a where nobody is, from a port that its file names."""
    link = make(a={"listen": None}, b={"endpoint": f"10.1.0.99:{PORT}"})
    link.a.start()
    port = link.a.status()["local"]["listen"]
    lab.r.nft(f"""
        table inet shut {{
          chain in {{ type filter hook forward priority -30; iifname "toa" udp sport {port} drop; }}
        }}""")
    link.b.start()
    measured("traffic after", traffic_within(link.a.host, link.b.side.addr4, 180), "s")
    now = link.a.status()["local"]["listen"]
    assert now != port and link.b.peer_endpoint() == f"10.1.0.2:{now}"
    assert ping(link.b.host, link.a.side.addr4) == 3
    assert link.b.status()["local"]["listen"] == str(PORT)


def test_a_nat_mapping_that_changes_while_all_traffic_is_from_outside(make, lab, measured):
    lab.nat()
    link = make(calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    background = BackgroundPing(link.b.host, link.a.side.addr4)
    background.goes_on(20)
    before = link.b.peer_endpoint()
    lab.forget_mappings()
    # What a had on its way, answers to b's pings, must not be what makes the new mapping.
    lab.r.nft("""
        table inet shut {
          chain in { type filter hook forward priority -30; iifname "toa" udp length > 40 ct state new drop; }
        }""")
    measured("found again after", wait_until(lambda: link.b.peer_endpoint() != before, 6, "the new mapping", 0.02), "s")
    lab.r.run("nft", "delete", "table", "inet", "shut")
    background.goes_on(3)
    background.close()
