# SPDX-License-Identifier: MIT
"""Several uplinks in order of preference (local.device as a list): the next one when one loses its carrier or falls
silent, and back. How long each takes is measured and shown (docs/self-healing.md).

    host a: eth0 10.1.0.2, fd01::2 ── router ── host b: eth0 10.2.0.2, fd02::2
            eth1 10.4.0.2, fd04::2 ── router
"""
import signal

import pytest

from lab.doctor import examine
from lab.plan import PORT
from lab.traffic import BackgroundPing, ping, traffic_within
from lab.two_paths import kill
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only
BY = {4: (f"10.1.0.2:{PORT}", f"10.4.0.2:{PORT}"), 6: (f"[fd01::2]:{PORT}", f"[fd04::2]:{PORT}")}
OUTER = pytest.mark.parametrize("outer", [4, 6], ids=["over_ipv4", "over_ipv6"])


def second_uplink(lab):
    lab.another_cable(lab.a, "toa2", "eth1", 4)
    for gateway in ("10.4.0.1", "fd04::1"):
        lab.a.ip("route", "add", "default", "via", gateway, "dev", "eth1", "metric", "2000")
    lab.r.sysctl("net.ipv4.conf.all.rp_filter", 0)


@pytest.fixture
def uplinks(make, lab):
    """uplinks(DEVICES, …): a link whose end a has these, and calls b."""
    second_uplink(lab)

    def uplinks(devices=("eth0", "eth1"), **options):
        link = make(calls=options.pop("calls", "a"), **options)
        link.a.side.more["local"] = {"private_key": link.a.side.private_key, "device": list(devices), "listen": PORT}
        return link
    return uplinks


def comes_by(link, place, timeout):
    return wait_until(lambda: link.b.peer_endpoint() == place, timeout, f"b to hear from {place}", 0.02)


def without_carrier(lab, down=True):
    """As when the cable is pulled: the interface stays, with its addresses and routes."""
    lab.r.ip("link", "set", "toa", "down" if down else "up")


@OUTER
def test_the_preferred_uplink_is_used_and_the_next_one_when_it_loses_its_carrier(uplinks, lab, measured, outer):
    link = uplinks(outer=outer).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.b.peer_endpoint() == BY[outer][0]
    assert link.a.status()["local"]["device"] == "eth0"
    background = BackgroundPing(link.a.host, link.b.side.addr4)
    background.goes_on()
    without_carrier(lab)
    measured("by the second uplink after", comes_by(link, BY[outer][1], 10), "s")
    background.goes_on(3)
    background.close()
    assert link.a.status()["local"]["device"] == "eth1"
    assert "over eth1" in link.a.adit("status", link.a.name).stdout
    assert link.a.state() == "up" and link.a.log().count("serves") == 1
    assert ping(link.b.host, link.a.side.addr6) == 3


@pytest.mark.slow
def test_back_to_the_preferred_uplink_without_losing_a_packet(uplinks, lab, measured):
    without_carrier(lab)
    link = uplinks().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.b.peer_endpoint() == BY[4][1]
    there = BackgroundPing(link.a.host, link.b.side.addr4, 0.05)
    back = BackgroundPing(link.b.host, link.a.side.addr6, 0.05)
    there.goes_on()
    back.goes_on()
    without_carrier(lab, False)
    lab.default_routes(lab.a, 1)
    measured("by the preferred uplink after", comes_by(link, BY[4][0], 60), "s")
    there.goes_on(60)
    back.goes_on(60)
    for background in (there, back):
        sent, received = background.stop()
        assert received == sent


def test_an_uplink_that_falls_silent_in_use(uplinks, lab, measured):
    link = uplinks().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    background = BackgroundPing(link.a.host, link.b.side.addr4)
    background.goes_on()
    kill(lab, "ip saddr 10.1.0.2", "ip daddr 10.1.0.2")
    measured("by the second uplink after", comes_by(link, BY[4][1], 20), "s")
    background.goes_on(3)
    background.close()
    assert "through eth1" in examine(link.a).evidence("way"), "the doctor looks the way that is taken"


def test_uplinks_that_are_not_there_yet(uplinks, lab, measured):
    link = uplinks(("wwan0", "eth1"))
    lab.a.ip("link", "set", "eth1", "down")
    link.start()
    wait_until(lambda: link.a.state() == "failed", 10, "the end to say what is missing")
    assert link.a.status()["reason"] == "none of the interfaces wwan0, eth1 (local.device) is up: the link waits until one is"
    lab.a.ip("link", "set", "eth1", "up")
    lab.a.ip("route", "replace", "default", "via", "10.4.0.1", "dev", "eth1", "metric", "2000")
    measured("up after", traffic_within(link.a.host, link.b.side.addr4, 20), "s")
    assert link.b.peer_endpoint() == BY[4][1]


def test_what_comes_by_another_interface_is_dropped_and_counted(uplinks):
    link = uplinks(("wwan0", "eth1"), calls="b").start()
    wait_until(lambda: link.a.drops("other_interface") > 0, 20, "a datagram by eth0")
    assert link.a.state() == "waiting"


def test_a_restart_without_a_gap_and_a_reload_keep_to_the_uplink(uplinks, lab):
    link = uplinks().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    without_carrier(lab)
    comes_by(link, BY[4][1], 10)
    link.a.restart()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.b.peer_endpoint() == BY[4][1]
    link.a.side.more["local"]["device"] = ["eth1", "eth0"]
    link.a.write_config()
    assert "local.device: [eth1, eth0], was [eth0, eth1]" in link.a.adit("reload", link.a.name).stdout
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.b.peer_endpoint() == BY[4][1]


@pytest.mark.parametrize("how", ["reload", "successor"])
def test_an_uplink_that_is_listed_no_more_is_left_at_once(uplinks, how):
    link = uplinks().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.a.status()["local"]["device"] == "eth0"
    link.a.side.more["local"]["device"] = ["wwan0", "eth1"]
    link.a.write_config()
    if how == "reload":
        link.a.adit("reload", link.a.name)
    else:
        link.a.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: "going on with the session" in link.a.log() and link.a.socket_path.exists(), 10, "the successor")
    assert link.a.status()["local"]["device"] == "eth1"
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.b.peer_endpoint() == BY[4][1]
