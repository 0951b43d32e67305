# SPDX-License-Identifier: MIT
"""What somebody on the path, or somebody with the wrong keys, can do: nothing but be counted."""
import base64
import dataclasses
import os
import signal
import struct

import pytest

from lab.datagrams import Flood, Tap, garbage, valid_mac1
from lab.ends import Keys, wg
from lab.plan import PORT
from lab.traffic import BackgroundPing, answers, ping, traffic_within
from lab.wait import wait_until

OUTER = pytest.mark.parametrize("outer", [4, 6], ids=["over_ipv4", "over_ipv6"])
INITIATION, COOKIE, TRANSPORT = 1, 3, 4


@pytest.fixture
def tap(lab):
    """On the router's leg towards b."""
    tap = Tap(lab.r, "tob", PORT)
    yield tap
    tap.close()


def requests_seen(host, device):
    """Echo requests that have come out of the tunnel so far: the kernel's own count of what it was given."""
    return int(host.run("cat", f"/sys/class/net/{device}/statistics/rx_packets").stdout)


@pytest.mark.parametrize("stranger", ["caller", "called"])
def test_a_wrong_key_never_gets_through(make, stranger):
    """The caller has a key that b does not know; or b is not the one whose key a has."""
    link = make(calls="a", **{{"caller": "b", "called": "a"}[stranger]: {"peer_public_key": Keys().public}}).start()
    for _ in range(3):
        assert not answers(link.a.host, link.b.side.addr4)
    assert link.a.latest_handshake() is None and link.b.latest_handshake() is None


@pytest.mark.adit_only
def test_an_initiation_with_a_strangers_key_is_counted_and_named(make):
    link = make(calls="a", b={"peer_public_key": Keys().public}).start()
    wait_until(lambda: link.b.drops("wrong_key") > 0, 10, "the initiation to be counted")
    status = link.b.status()
    assert status["state"] != "up"
    assert link.a.side.public_key in status["reason"], "the reason names the key that called"
    wait_until(lambda: link.a.state() == "connecting", 10, "the caller to be connecting")
    assert "10.2.0.2:51820" in link.a.status()["reason"]


@pytest.mark.adit_only
def test_an_initiation_to_somebody_else_is_counted_as_bad_mac1(make):
    link = make(calls="a", a={"peer_public_key": Keys().public}).start()
    wait_until(lambda: link.b.drops("bad_mac1") > 0, 10, "the initiation to be counted")


@pytest.mark.parametrize("how", ["another", "none"])
def test_a_wrong_preshared_key_never_gets_through(make, how):
    link = make(psk=True, b={"preshared_key": wg("genpsk") if how == "another" else None}).start()
    for _ in range(3):
        assert not answers(link.a.host, link.b.side.addr4)
        assert not answers(link.b.host, link.a.side.addr6)


@pytest.mark.adit_only
def test_a_wrong_preshared_key_is_counted_by_the_caller(make):
    """Only the response's last message is under it (§5.4.3): b cannot know, a sees a response that is no good."""
    link = make(psk=True, calls="a", b={"preshared_key": wg("genpsk")}).start()
    wait_until(lambda: link.a.drops("unverified_response") > 0, 10, "the response to be refused")
    assert link.a.state() == "connecting"


@pytest.mark.parametrize("family", [4, 6], ids=["ipv4", "ipv6"])
def test_a_source_outside_the_allowed_ips_is_not_delivered(make, family):
    """b is a peer with the right keys that claims somebody else's address."""
    claimed = {4: "10.66.0.1", 6: "fd66::1"}[family]
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.b.host.ip("addr", "add", claimed, "dev", "lo")
    before = requests_seen(link.a.host, link.a.device)
    to = link.a.side.addr4 if family == 4 else link.a.side.addr6
    assert ping(link.b.host, to, 5, 56, 0.2, 1, "-I", claimed) == 0
    assert requests_seen(link.a.host, link.a.device) == before
    if hasattr(link.a, "drops"):
        wait_until(lambda: link.a.drops("disallowed_source") == 5, 10, "all five to be counted")
    assert ping(link.b.host, to) == 3


@pytest.mark.adit_only
def test_a_destination_outside_the_allowed_ips_is_not_sent(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.host.ip("route", "add", "10.66.0.0/24", "dev", link.a.device)
    before = link.a.drops("disallowed_destination")
    assert ping(link.a.host, "10.66.0.1", 5, wait=1) == 0
    # Perhaps some more, of the kernel's own; were each counted twice, there would be ten.
    wait_until(lambda: 5 <= link.a.drops("disallowed_destination") - before < 10, 10, "all five to be counted")


@OUTER
def test_captured_datagrams_that_are_sent_again_are_not_delivered(make, tap, outer):
    link = make(outer=outer, calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert ping(link.a.host, link.b.side.addr4, 20) == 20
    captured = tap.wait_for(TRANSPORT, 20)[-20:]
    before = requests_seen(link.b.host, link.b.device)
    endpoint = link.b.peer_endpoint()
    for datagram in captured * 3:
        tap.send(datagram)
    assert ping(link.a.host, link.b.side.addr4, 2) == 2  # what was sent before these has been dealt with
    assert requests_seen(link.b.host, link.b.device) == before + 2
    assert link.b.peer_endpoint() == endpoint
    if hasattr(link.b, "drops"):
        assert link.b.drops("replayed") == 60


@OUTER
def test_a_captured_initiation_that_is_sent_again_changes_nothing(make, tap, outer):
    """§5.1: its timestamp is not newer. From another address too: it must not take the endpoint along."""
    link = make(outer=outer, calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    initiation = tap.wait_for(INITIATION)[0]
    handshake, endpoint = link.b.latest_handshake(), link.b.peer_endpoint()
    for port in (PORT, 4444, 5555):
        tap.send(dataclasses.replace(initiation, source_port=port))
    assert ping(link.a.host, link.b.side.addr4) == 3
    assert link.b.latest_handshake() == handshake
    assert link.b.peer_endpoint() == endpoint


@pytest.mark.adit_only
def test_captured_initiations_are_no_news_after_a_crash_either(make, tap):
    """b is killed and knows nothing of its sessions; what a has sent so far must not be its peer's voice, nor move its
    endpoint to whoever sends it."""
    link = make(calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.kill()
    link.a.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    captured = tap.wait_for(INITIATION, 2)
    link.a.stop()
    link.b.kill()
    (link.b.state_dir / link.b.name / "peer_endpoint").unlink(missing_ok=True)
    (link.b.state_dir / link.b.name / "peer_endpoint.2").unlink(missing_ok=True)
    link.b.start()
    for initiation in captured:
        tap.send(dataclasses.replace(initiation, source_port=4444))
    wait_until(lambda: link.b.drops("old_timestamp") == len(captured), 10, "the recorded initiations to be refused")
    assert link.b.peer_endpoint() is None and link.b.latest_handshake() is None


@OUTER
def test_corrupted_datagrams_are_not_delivered_and_do_not_move_the_endpoint(make, tap, outer):
    """Each with one bit flipped, and sent from another port than the peer's."""
    link = make(outer=outer, calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert ping(link.a.host, link.b.side.addr4, 10) == 10
    original = tap.wait_for(TRANSPORT, 10)[-1]
    before = requests_seen(link.b.host, link.b.device)
    endpoint = link.b.peer_endpoint()
    forged = 0
    for bit in range(16 * 8, len(original.payload) * 8, 7):
        payload = bytearray(original.payload)
        payload[8:16] = struct.pack("<Q", 1_000_000 + bit)  # a counter that has not been seen
        payload[bit // 8] ^= 1 << bit % 8
        tap.send(dataclasses.replace(original, source_port=4444, payload=bytes(payload)))
        forged += 1
    assert ping(link.a.host, link.b.side.addr4, 2) == 2, "the forged counters have not moved the replay window"
    assert requests_seen(link.b.host, link.b.device) == before + 2
    assert link.b.peer_endpoint() == endpoint
    if hasattr(link.b, "drops"):
        assert link.b.drops("forged") == forged


def test_truncated_and_lengthened_datagrams_are_not_delivered(make, tap):
    link = make(calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert ping(link.a.host, link.b.side.addr4, 3) == 3
    original = tap.wait_for(TRANSPORT, 3)[-1]
    before = requests_seen(link.b.host, link.b.device)
    for size in range(len(original.payload)):
        tap.send(original.with_payload(original.payload[:size]))
    for more in (1, 15, 16, 1000):
        tap.send(original.with_payload(original.payload + os.urandom(more)))
    assert ping(link.a.host, link.b.side.addr4, 2) == 2
    assert requests_seen(link.b.host, link.b.device) == before + 2


@OUTER
def test_garbage_at_10_000_datagrams_a_second_leaves_a_live_flow_alone(make, lab, measured, outer):
    """A flow may lose what the kernel had no room for, which it counts, and not a packet more."""
    link = make(outer=outer).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    background = BackgroundPing(link.a.host, link.b.side.addr4, 0.05)
    flood = Flood(lab.r, {4: "10.2.0.2", 6: "fd02::2"}[outer], PORT, garbage(), 10_000)
    wait_until(lambda: flood.sent >= 50_000, 60, "50,000 datagrams", interval=0.2)
    background.goes_on()
    measured("garbage a second", flood.stop(), "datagrams")
    assert flood.replies == [], "nobody answers garbage"
    sent, received = background.stop()
    measured("pings lost meanwhile", 100 * (sent - received) / sent, "%")
    if hasattr(link.b, "drops"):
        assert sent - received <= link.b.drops("receive_buffer_full")
    assert ping(link.b.host, link.a.side.addr4) == 3
    if hasattr(link.b, "drops"):
        counted = link.b.status()["drops"]
        for reason in ("malformed", "bad_mac1", "unknown_index"):
            assert counted[reason] > 100, counted


@pytest.mark.adit_only
@OUTER
def test_what_finds_no_room_while_the_process_does_not_come_round_is_counted(make, lab, outer):
    link = make(outer=outer, b={"more": {"tuning": {"receive_buffer": "64K"}}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.b.drops("receive_buffer_full") == 0
    link.b.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: link.b.process.state() == "T", 10, "b to stop")
    flood = Flood(lab.r, {4: "10.2.0.2", 6: "fd02::2"}[outer], PORT, garbage(), 10_000)
    wait_until(lambda: flood.sent >= 2_000, 30, "2,000 datagrams")
    flood.stop()
    link.b.process.send_signal(signal.SIGCONT)
    traffic_within(link.a.host, link.b.side.addr4, 10)
    drops = link.b.status()["drops"]
    assert drops["receive_buffer_full"] > 1_000
    assert sum(drops.values()) >= 2_000, "each has been counted, here or there"


@OUTER
def test_a_handshake_completes_while_b_is_flooded_with_initiations(make, lab, measured, outer):
    """Each with a valid mac1, since b's public key is no secret, so that b has to compute: it goes under load, asks for
    cookies (§5.3), and the true peer, who answers with mac2, still gets in."""
    link = make(outer=outer, calls="a")
    link.b.start()
    public_key = base64.b64decode(link.b.side.public_key)
    payloads = [valid_mac1(bytes([INITIATION, 0, 0, 0]) + os.urandom(112), public_key) for _ in range(1000)]
    flood = Flood(lab.r, {4: "10.2.0.2", 6: "fd02::2"}[outer], PORT, payloads, 5_000)
    wait_until(lambda: flood.sent >= 10_000, 60, "the flood to be on")
    link.a.start()
    measured("handshake under load after", traffic_within(link.a.host, link.b.side.addr4, 60), "s")
    assert ping(link.a.host, link.b.side.addr4) == 3
    flood.stop()
    assert any(reply[0] == COOKIE for reply in flood.replies), "b was under load"
    assert all(len(reply) <= len(payloads[0]) for reply in flood.replies), "b amplifies nothing"
