# SPDX-License-Identifier: MIT
"""That a link says what it noticed: in its reason, among its observations, and in the log."""
import base64
import os
import socket
import struct

import pytest

from lab.datagrams import valid_mac1
from lab.ends import Keys
from lab.traffic import answers, ping, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only
INITIATION = struct.pack("<I", 1)


def observed(end, kind):
    return next((each for each in end.status()["observations"] if each["kind"] == kind), None)


def test_a_healthy_link_has_nothing_to_tell(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    ping(link.a.host, link.b.side.addr6)
    assert link.a.status()["observations"] == link.b.status()["observations"] == []


def test_a_strangers_garbage_does_not_hide_that_the_peer_has_another_key(make, lab):
    link = make(calls="ab", b={"peer_public_key": Keys().public}).start()
    wait_until(lambda: observed(link.b, "wrong_key"), 10, "the peer's initiation to be told of")
    with lab.r.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for _ in range(20):
            forged = INITIATION + os.urandom(112)
            stranger.sendto(valid_mac1(forged, base64.b64decode(link.b.side.public_key)), ("10.2.0.2", 51820))
    wait_until(lambda: observed(link.b, "invalid_handshake"), 10, "the garbage to be told of")
    status = link.b.status()
    assert link.a.side.public_key in status["reason"], "what the peer does goes before what strangers do"
    wrong = observed(link.b, "wrong_key")
    assert wrong["from"] == "10.1.0.2:51820"
    assert link.a.side.public_key in wrong["sentence"]
    assert observed(link.b, "invalid_handshake")["from"].startswith("10.2.0.1:")
    assert "names public key" in link.b.log()


def test_a_source_that_is_not_allowed_is_named(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.host.ip("address", "add", "10.66.0.1/32", "dev", "lo")
    assert not answers(link.a.host, link.b.side.addr4, "-I", "10.66.0.1")
    wait_until(lambda: observed(link.b, "disallowed_source"), 10, "the packet to be told of")
    seen = observed(link.b, "disallowed_source")
    assert "10.66.0.1" in seen["sentence"] and seen["count"] >= 1
    assert "warning: a packet of the peer's comes from 10.66.0.1" in link.b.log()
    assert link.b.state() == "up"


def test_a_destination_that_is_not_allowed_is_named(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.host.ip("route", "add", "10.77.0.0/16", "dev", link.a.device)
    assert not answers(link.a.host, "10.77.0.1")
    wait_until(lambda: observed(link.a, "disallowed_destination"), 10, "the packet to be told of")
    assert "10.77.0.1" in observed(link.a, "disallowed_destination")["sentence"]
    assert "10.77.0.1, which is not in peer.allowed_ips" in link.a.log()


def test_a_flood_of_what_is_not_allowed_does_not_fill_the_log(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.host.ip("route", "add", "10.77.0.0/16", "dev", link.a.device)
    ping(link.a.host, "10.77.0.1", 300, 56, 0.01, 1)
    wait_until(lambda: observed(link.a, "disallowed_destination")["count"] >= 300, 10, "all to be counted")
    assert 1 <= link.a.log().count("10.77.0.1, which is not in peer.allowed_ips") <= 5


def test_what_the_kernel_refuses_to_send_is_told(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.host.nft("table inet t { chain c { type filter hook output priority 0; udp dport 51820 drop; }; }")
    assert not answers(link.a.host, link.b.side.addr4)
    wait_until(lambda: observed(link.a, "send_failed"), 10, "the refusal to be told of")
    seen = observed(link.a, "send_failed")
    assert seen["from"] == "10.2.0.2:51820" and "not permitted" in seen["sentence"]


def test_a_name_without_an_address_is_told(make):
    link = make(a={"endpoint": "nowhere.invalid:51820"}, calls="b")
    link.a.start()
    wait_until(lambda: observed(link.a, "unresolved"), 20, "the resolver's error to be told of")
    assert "nowhere.invalid" in observed(link.a, "unresolved")["sentence"]
