# SPDX-License-Identifier: MIT
"""What a link is for: packets of every size and kind cross it, whatever carries it."""
import contextlib
import re
import signal
import socket
import struct
import time

import pytest

from lab.datagrams import Tap
from lab.patience import patient
from lab.plan import PORT
from lab.processors import SEVERAL
from lab.traffic import answers, checksum, iperf, ping, received_bytes, traffic_within, transfer, unanswered_sizes
from lab.wait import wait_until

OUTER = pytest.mark.parametrize("outer", [4, 6], ids=["over_ipv4", "over_ipv6"])
INNER = pytest.mark.parametrize("inner", [4, 6], ids=["ipv4", "ipv6"])


def inner_address(end, inner):
    return end.side.addr4 if inner == 4 else end.side.addr6


@OUTER
@INNER
def test_an_echo_of_every_size_comes_back_both_ways(make, outer, inner):
    link = make(outer=outer).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert unanswered_sizes(link.a.host, inner_address(link.b, inner), range(1, 1401)) == []
    assert unanswered_sizes(link.b.host, inner_address(link.a, inner), range(1, 1401, 31)) == []


@OUTER
def test_the_first_packet_of_all_is_delivered(make, outer):
    """It waits for the handshake that it causes."""
    link = make(outer=outer, calls="a", keepalive=0).start()
    assert ping(link.a.host, link.b.side.addr4, 1, wait=10) == 1


@OUTER
@INNER
@pytest.mark.parametrize("direction", [[], ["-R"]], ids=["a_to_b", "b_to_a"])
def test_tcp_flows(make, measured, outer, inner, direction):
    link = make(outer=outer).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    end = iperf(link.a.host, link.b.host, inner_address(link.b, inner), *direction, size="64M")
    measured("TCP", received_bytes(end) * 8 / end["sum_received"]["seconds"] / 1e6, "Mbit/s")
    assert received_bytes(end) > 1_000_000


def found_no_room(link):
    """Packets so far that a queue of either host had no room for."""
    count = 0
    for end in (link.a, link.b):
        sockets = end.host.run("nstat", "-asz", "UdpRcvbufErrors", "Udp6RcvbufErrors").stdout
        interface = end.host.run("cat", f"/sys/class/net/{end.device}/statistics/tx_dropped").stdout
        count += sum(map(int, re.findall(r"RcvbufErrors +(\d+)", sockets))) + int(interface)
    return count


@OUTER
@INNER
@pytest.mark.parametrize("direction", [[], ["-R"]], ids=["a_to_b", "b_to_a"])
def test_udp_flows_without_loss_at_a_modest_rate(make, measured, outer, inner, direction):
    """But for what found no room in a queue of the kernel's since whoever reads from it came round too late, which the
    kernel counts: iperf3 from its socket, an end from its interface or its socket."""
    link = make(outer=outer).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    before = found_no_room(link)
    end = iperf(link.a.host, link.b.host, inner_address(link.b, inner), "-u", "-b", "10M", "-l", "1200", *direction,
                size="2M")
    measured("UDP at 10 Mbit/s, lost", end["sum"]["lost_percent"], "%")
    assert end["sum"]["packets"] > 1000
    assert end["sum"]["lost_packets"] <= found_no_room(link) - before


@OUTER
@INNER
def test_fragments_of_a_packet_larger_than_the_link_cross_it(make, outer, inner):
    link = make(outer=outer).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    for size in (1500, 3000, 9000):
        assert ping(link.a.host, inner_address(link.b, inner), 3, size) == 3
        assert ping(link.b.host, inner_address(link.a, inner), 3, size) == 3


@OUTER
def test_full_packets_cross_a_path_that_has_to_fragment_them(make, lab, outer):
    """Packets as large as the tunnel takes, on a path that carries less: the outside is fragmented, or the sender
    learns of it; either way the link does not become a black hole."""
    lab.path_mtu(1300)
    link = make(outer=outer, a={"interface": {"mtu": 1420}}, b={"interface": {"mtu": 1420}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    ping(link.a.host, link.b.side.addr4, 2, 1392, wait=2)  # may be lost to the discovery of the path's MTU
    assert ping(link.a.host, link.b.side.addr4, 5, 1392) == 5
    assert ping(link.b.host, link.a.side.addr4, 5, 1392) == 5


@OUTER
def test_tcp_gets_through_a_path_that_loses_and_doubles_packets(make, lab, outer):
    link = make(outer=outer).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    lab.lose(2)
    lab.duplicate()
    assert transfer(link.a.host, link.b.host, link.b.side.addr4, 2 << 20)


def test_no_packet_that_the_network_doubles_arrives_twice(make, lab):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    lab.duplicate()
    done = link.a.host.run("ping", "-n", "-c", 20, "-i", 0.1, link.b.side.addr4)
    assert " 20 received" in done.stdout
    assert "DUP!" not in done.stdout and "duplicates" not in done.stdout


def test_the_link_carries_other_networks_that_are_routed_into_it(make):
    """A subnet behind b, reached from a and from a subnet behind a."""
    link = make(a={"allowed_ips": ["10.9.0.0/30", "192.168.20.0/24"], "routes": ["192.168.20.0/24"]},
                b={"allowed_ips": ["10.9.0.0/30", "192.168.10.0/24"], "routes": ["192.168.10.0/24"]})
    link.a.host.ip("addr", "add", "192.168.10.1/24", "dev", "lo")
    link.b.host.ip("addr", "add", "192.168.20.1/24", "dev", "lo")
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert ping(link.a.host, "192.168.20.1") == 3
    assert ping(link.a.host, "192.168.20.1", 3, 56, 0.2, 2, "-I", "192.168.10.1") == 3
    assert ping(link.b.host, "192.168.10.1", 3, 56, 0.2, 2, "-I", "192.168.20.1") == 3


def test_nothing_crosses_in_the_clear(make, lab):
    """Whoever listens on the way sees datagrams, and not what is in them."""
    secret = "ff00c0ffee00ff"
    tap = Tap(lab.r, "tob", PORT)
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert ping(link.a.host, link.b.side.addr4, 5, 300, 0.2, 2, "-p", secret) == 5
    heard = b"".join(frame for _, frame in tap.frames())
    tap.close()
    assert len(heard) > 10 * 300, "it has heard the requests and the answers"
    assert bytes.fromhex(secret) not in heard
    assert not answers(lab.r, link.b.side.addr4), "the router is not in the tunnel"


@pytest.mark.adit_only
def test_packets_that_the_interface_has_no_room_for_are_counted(make):
    """By the kernel, and read when somebody asks: nobody else sees them."""
    link = make(a={"interface": {"queue_length": 1}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    before = found_no_room(link)
    link.a.process.send_signal(signal.SIGSTOP)  # nobody reads
    try:
        assert ping(link.a.host, link.b.side.addr4, 20, interval=0.01, wait=1) == 0
    finally:
        link.a.process.send_signal(signal.SIGCONT)
    wait_until(lambda: link.a.drops("interface_queue_full") >= 10, 10, "what had no room to be counted")
    assert link.a.drops("interface_queue_full") <= found_no_room(link) - before + 1


SO_RCVBUFFORCE = 33


@pytest.mark.adit_only
@pytest.mark.parametrize("workers", sorted({1, SEVERAL}))
def test_what_came_while_nobody_read_is_answered_without_loss(make, workers):
    """Three times as many echo requests as the interface's queue has places for answers, which the kernel gives within the
    calls that deliver the requests. They wait at b first, which makes few large messages of them."""
    link = make(a={"more": {"tuning": {"workers": workers}}},
                b={"more": {"tuning": {"workers": 1}}, "interface": {"queue_length": 5000}}).start()
    traffic_within(link.b.host, link.a.side.addr4, 10)
    count = 1500
    with link.b.host.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as echo:
        echo.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        before = link.b.status()["traffic"]["tx"]["packets"]
        for end in (link.a, link.b):
            end.process.send_signal(signal.SIGSTOP)
        try:
            for number in range(count):
                request = struct.pack("!BBHHH", 8, 0, 0, 7, number)
                echo.sendto(request[:2] + struct.pack("!H", checksum(request)) + request[4:], (link.a.side.addr4, 0))
            link.b.process.send_signal(signal.SIGCONT)
            wait_until(lambda: link.b.status()["traffic"]["tx"]["packets"] >= before + count, 10, "all of them to leave")
        finally:
            for end in (link.b, link.a):
                end.process.send_signal(signal.SIGCONT)
        answered = set()
        echo.settimeout(1)
        deadline = time.monotonic() + patient(2)  # for as long as something else comes, some may be lost
        while len(answered) < count and time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                packet = echo.recv(2048)
                if packet[20] == 0:
                    answered.add(struct.unpack("!H", packet[26:28])[0])
    assert link.a.drops("interface_queue_full") == 0
    assert len(answered) == count
