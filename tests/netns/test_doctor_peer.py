# SPDX-License-Identifier: MIT
"""`adit doctor`: what the daemon hears of the peer, or does not, with exactly that broken."""
import pytest

from lab.doctor import examine
from lab.ends import Keys, wg
from lab.traffic import BackgroundPing, answers, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only


def nothing_else(report, *expected):
    """Only these are alarms: one broken thing must not make the doctor cry wolf elsewhere."""
    assert set(report.alarms()) == set(expected), report.alarms()


def test_state_of_an_end_whose_peer_is_silent(make):
    end = make().a
    end.start()
    wait_until(lambda: end.state() == "connecting", 10, "the end to be calling")
    report = examine(end)
    assert "connecting" in report.title("state") and "10.2.0.2:51820" in report.evidence("state")
    assert end.side.public_key in report.mend("handshake") and end.side.peer_public_key in report.mend("handshake")
    assert report.most_likely == "state"
    nothing_else(report, "state", "handshake")


def test_state_of_an_end_that_waits_for_a_call(make):
    end = make(calls="b").a
    end.start()
    report = examine(end)
    assert "waiting" in report.title("state") and "51820" in report.mend("state")
    nothing_else(report, "state", "handshake")


@pytest.mark.slow
def test_state_of_an_end_whose_peer_has_gone(make):
    link = make(keepalive=1).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.b.kill()
    background = BackgroundPing(link.a.host, link.b.side.addr4)
    wait_until(lambda: link.a.state() == "stale", 60, "the link to be stale", interval=0.5)
    background.close()
    report = examine(link.a)
    assert "stale" in report.title("state")
    assert report["handshake"] == "ok"
    nothing_else(report, "state")


def test_peer_key_that_is_another(make):
    link = make(calls="a", b={"peer_public_key": Keys().public}).start()
    wait_until(lambda: link.b.drops("wrong_key") > 0, 10, "the initiation to be counted")
    report = examine(link.b)
    assert link.a.side.public_key in report.evidence("peer_key"), "it names the key that called"
    assert report.most_likely == "peer_key"
    nothing_else(report, "peer_key", "state", "handshake")


def test_preshared_key_that_is_another(make):
    link = make(calls="a", psk=True, b={"preshared_key": wg("genpsk")}).start()
    wait_until(lambda: link.a.drops("unverified_response") > 0, 10, "the answer to be counted")
    report = examine(link.a)
    assert report.most_likely == "preshared_key"
    nothing_else(report, "preshared_key", "state", "handshake")
    assert link.a.side.preshared_key not in report.raw


def test_mac1_of_a_peer_that_takes_us_for_another(make):
    link = make(calls="a", a={"peer_public_key": Keys().public}).start()
    wait_until(lambda: link.b.drops("bad_mac1") > 0, 10, "the initiation to be counted")
    report = examine(link.b)
    assert link.b.side.public_key in report.mend("mac1")
    assert report.most_likely == "mac1"
    nothing_else(report, "mac1", "state", "handshake")


@pytest.mark.slow
def test_peer_clock_that_went_back(make, lab):
    """a forgets the timestamps it sent, all of tomorrow; b takes nothing older, and cannot call by itself."""
    lab.nat()
    link = make(calls="a", keepalive=1).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.stop()
    link.a.move_timestamp(86400)
    link.a.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.kill()
    link.a.forget_timestamps()
    lab.forget_mappings()
    link.a.start()
    background = BackgroundPing(link.b.host, link.a.side.addr4)
    wait_until(lambda: link.b.drops("old_timestamp") > 0 and link.b.state() == "stale", 60, "b to be stale", interval=0.5)
    background.close()
    report = examine(link.b)
    assert report.most_likely == "peer_clock"
    nothing_else(report, "peer_clock", "state")


def test_allowed_ips_that_do_not_name_where_the_peer_sends_from(make):
    link = make(a={"addresses": ["10.9.0.1/30", "fd09::1/126", "10.77.0.1/32"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert not answers(link.a.host, link.b.side.addr4, "-I", "10.77.0.1")
    wait_until(lambda: link.b.drops("disallowed_source") > 0, 5, "the packet to be counted")
    report = examine(link.b)
    assert report["allowed_ips"] == "warning"
    nothing_else(report, "allowed_ips")


@pytest.mark.parametrize("keepalive, expected", [(0, {"nat"}), (25, set())])
def test_nat_that_moved_the_peer(make, lab, keepalive, expected):
    link = make(a={"keepalive": keepalive}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    lab.address(lab.b, 2, 3)
    traffic_within(link.b.host, link.a.side.addr4, 20)
    wait_until(lambda: link.a.peer_endpoint() == "10.2.0.3:51820", 10, "the peer to be found again")
    report = examine(link.a)
    assert "10.2.0.3:51820" in report.evidence("nat")
    nothing_else(report, *expected)
