# SPDX-License-Identifier: MIT
"""tuning.mss_clamp: what the kernels at both ends, and behind them, see of a connection's first packets."""
import socket

import pytest

from lab.traffic import traffic_within, transfer
from lab.wait import wait_until


def advertised(client, server, address):
    """The MSS that each side was told by the other: of a connection from `client` to `server`."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with server.socket(family, socket.SOCK_STREAM) as listener, client.socket(family, socket.SOCK_STREAM) as sender:
        for sock in listener, sender:
            sock.settimeout(60)
        listener.bind((address, 0))
        listener.listen(1)
        sender.connect((address, listener.getsockname()[1]))
        receiver, _ = listener.accept()
        with receiver:
            return tuple(advmss(sock) for sock in (sender, receiver))


def advmss(sock):
    """TCP_MAXSEG: the largest segment it will send, which is what the other one allowed, less what options take."""
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)


def linked(make, clamp, **options):
    """A clamps, and B does not: neither is told anything by its own interface, which is larger."""
    big = {"mtu": 1420}
    link = make(a={"interface": big, "more": {"tuning": {"mss_clamp": clamp}}},
                b={"interface": big, "more": {"tuning": {"mss_clamp": "off"}}}, **options).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    return link


@pytest.mark.parametrize("family", [4, 6], ids=["ipv4", "ipv6"])
def test_a_number_holds_for_both_directions(make, family):
    link = linked(make, 1000)
    a, b = link.a, link.b
    for client, server in ((a, b), (b, a)):
        address = server.side.addr4 if family == 4 else server.side.addr6
        told = advertised(client.host, server.host, address)
        assert max(told) <= 1000, told
        assert min(told) >= 1000 - 20, told  # timestamps take 12
        assert transfer(client.host, server.host, address, 1 << 20)


def test_off_leaves_them_as_they_are(make):
    link = linked(make, "off")
    told = advertised(link.a.host, link.b.host, link.b.side.addr4)
    assert min(told) >= 1420 - 40 - 20, told


def test_by_itself_it_follows_the_mtu(make):
    link = make(a={"interface": {"mtu": 1300}}, b={"interface": {"mtu": 1420}, "more": {"tuning": {"mss_clamp": "off"}}})
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    for client, server in ((link.a, link.b), (link.b, link.a)):
        told = advertised(client.host, server.host, server.side.addr4)
        assert max(told) <= 1260, told


def test_connections_that_are_forwarded_are_clamped_too(make, lab):
    """From a host behind A to B. Its own interface is wide, and so is A's: only what A does with SYNs can be seen."""
    link = make(a={"interface": {"mtu": 1420, "forward": True}, "more": {"tuning": {"mss_clamp": 900}}},
                b={"interface": {"mtu": 1420}, "allowed_ips": ["10.9.0.0/30", "192.168.77.0/24"],
                   "routes": ["192.168.77.0/24"], "more": {"tuning": {"mss_clamp": "off"}}})
    link.start()
    behind = lab.namespace("h")
    lab.a.ip("link", "add", "lan", "type", "veth", "peer", "name", "eth0", "netns", behind.name)
    lab.a.ip("addr", "add", "192.168.77.1/24", "dev", "lan")
    lab.a.ip("link", "set", "lan", "up")
    behind.ip("addr", "add", "192.168.77.2/24", "dev", "eth0")
    behind.ip("link", "set", "eth0", "up")
    behind.ip("route", "add", "default", "via", "192.168.77.1")
    traffic_within(behind, link.b.side.addr4, 20)
    told = advertised(behind, link.b.host, link.b.side.addr4)
    assert max(told) <= 900, told
    assert transfer(behind, link.b.host, link.b.side.addr4, 1 << 20)


@pytest.mark.adit_only
def test_a_reload_takes_it_over(make):
    link = linked(make, "off")
    end = link.a
    end.side.more = {"tuning": {"mss_clamp": 700}}
    end.write_config()
    end.adit("reload", end.name)
    wait_until(lambda: max(advertised(end.host, link.b.host, link.b.side.addr4)) <= 700, 10, "smaller segments")
