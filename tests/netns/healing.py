# SPDX-License-Identifier: MIT
"""What networks do to an unattended link, done to Adit's, to wireguard-go's and to one that wg-quick has set up (on
wireguard-go: kernels may lack their own), and the seconds until packets pass again.
Run by `scripts/bench --healing`, which makes a table of it, and by no test run: nothing here is judged.
"""
import os
import signal
import time

import pytest

from lab.ends import WireguardGoEnd
from lab.namespace import Failed
from lab.plan import PORT
from lab.traffic import BackgroundPing, Stream, traffic_within
from lab.two_paths import FIRST, SECOND, both_ways, kill, second_wire
from test_healing_mtu import black_hole
from test_healing_uplinks import second_uplink, without_carrier

LIMIT = float(os.environ.get("ADIT_HEALING_LIMIT", "60"))  # seconds; what takes longer did not recover
WireguardGoEnd.binary = os.environ.get("WIREGUARD_GO") or WireguardGoEnd.binary


@pytest.fixture(params=["adit", "go", "quick"])
def kind(request):
    return request.param


@pytest.fixture
def link(make, kind):
    def link(**options):
        return make(kinds=(kind, kind), **options)
    return link


def until(predicate, interval=0.02):
    begin = time.monotonic()
    while not predicate():
        if time.monotonic() - begin > LIMIT:
            return LIMIT
        time.sleep(interval)
    return time.monotonic() - begin


def until_answered(background):
    """By a ping that goes out from now on."""
    sent = background.sent()
    return until(lambda: max(background.answered(), default=0) > sent)


def up(made):
    made.start()
    traffic_within(made.a.host, made.b.side.addr4, 20)
    background = BackgroundPing(made.a.host, made.b.side.addr4, 0.1)
    background.goes_on()
    return background


def endpoints(kind):
    """wireguard-go has one endpoint, the first."""
    return [FIRST, SECOND] if kind == "adit" else FIRST


def test_the_first_endpoint_is_dead_at_the_start(link, lab, kind, measured):
    second_wire(lab)
    kill(lab, *both_ways())
    made = link(calls="a", a={"endpoint": endpoints(kind)})
    made.b.start()
    made.a.start()
    background = BackgroundPing(made.a.host, made.b.side.addr4, 0.1)
    measured("healed", until(lambda: background.answered()), "s")


def test_the_endpoint_dies_in_use(link, lab, kind, measured):
    second_wire(lab)
    background = up(link(calls="a", a={"endpoint": endpoints(kind)}))
    kill(lab, *both_ways())
    measured("healed", until_answered(background), "s")


def test_the_peer_is_killed_and_started_again(link, measured):
    made = link()
    background = up(made)
    made.b.kill()
    if isinstance(made.b, WireguardGoEnd):
        time.sleep(0.5)  # its interface is the kernel's for a moment
    made.b.start()
    measured("healed", until_answered(background), "s")


def test_an_end_gets_another_address(link, lab, measured):
    background = up(link())
    lab.address(lab.a, 1, 77)
    measured("healed", until_answered(background), "s")


def test_a_nat_forgets_its_mappings_while_all_traffic_is_from_outside(link, lab, measured):
    lab.nat()
    made = link(calls="a")
    made.start()
    traffic_within(made.a.host, made.b.side.addr4, 20)
    background = BackgroundPing(made.b.host, made.a.side.addr4)
    background.goes_on(20)
    lab.forget_mappings()
    lab.r.nft("table inet shut { chain in { type filter hook forward priority -30; "
              "iifname \"toa\" udp length > 40 ct state new drop; }; }")
    measured("healed", until_answered(background), "s")


def test_an_uplink_loses_its_carrier_and_there_is_another(link, lab, kind, measured):
    second_uplink(lab)
    made = link(calls="a")
    if kind == "adit":
        made.a.side.more["local"] = {"private_key": made.a.side.private_key, "device": ["eth0", "eth1"], "listen": PORT}
    background = up(made)
    without_carrier(lab)
    measured("healed", until_answered(background), "s")


def test_somebody_takes_the_interfaces_addresses_away(link, measured):
    made = link()
    background = up(made)
    made.a.host.ip("addr", "flush", "dev", "tun0")
    measured("healed", until_answered(background), "s")


def test_the_path_narrows_to_1280_and_says_nothing(link, lab, measured):
    """A TCP stream with packets of the MTU that the path had; ICMP and fragments are filtered, as so often.
    The router sees packets as on wires, and not many as one."""
    made = link()
    made.start()
    traffic_within(made.a.host, made.b.side.addr4, 20)
    stream = Stream(made.a.host, made.b.host, made.b.side.addr4)
    assert until(lambda: stream.arrived > 1 << 20) < LIMIT
    black_hole(lab, 1280)
    time.sleep(1)  # for what had passed before
    before = stream.arrived
    measured("healed", until(lambda: stream.arrived > before + (1 << 16)), "s")
    try:
        stream.stop()
    except Failed:
        pass  # it may have died of it


def test_an_end_is_suspended_for_half_a_minute(link, measured):
    made = link()
    background = up(made)
    made.b.process.send_signal(signal.SIGSTOP)
    time.sleep(30)
    made.b.process.send_signal(signal.SIGCONT)
    measured("healed", until_answered(background), "s")
