# SPDX-License-Identifier: MIT
"""Several threads move the packets of one link: all that holds with one holds with them, above all the order. As many as
there are processors for, up to three: no daemon has more than those.
"""
import json
import signal
import socket
import struct
import time

import pytest
import yaml

from lab.datagrams import Datagram, Tap
from lab.patience import patient
from lab.plan import PORT
from lab.processors import SEVERAL, usable
from lab.traffic import BackgroundPing, Stream, iperf, ping, received_bytes, traffic_within, transfer
from lab.wait import wait_until

pytestmark = [pytest.mark.adit_only,
              pytest.mark.skipif(SEVERAL < 2, reason="there is one processor, so each daemon has one worker")]
WORKERS = pytest.mark.parametrize("workers", range(2, SEVERAL + 1))
TRANSPORT_DATA = 4
SO_RCVBUFFORCE = 33


def with_workers(make, number, **more):
    tuning = {"tuning": {"workers": number}}
    link = make(a={"more": tuning, **more}, b={"more": tuning, **more}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    return link


def set_workers(end, number):
    config = yaml.safe_load(end.file.read_text())
    config["tuning"] = {"workers": number}
    end.file.write_text(yaml.safe_dump(config))
    end.adit("reload", end.name)
    assert end.status()["workers"] == number


def threads(end):
    """Threads of a daemon that move packets, beside the one that does all the rest."""
    names = end.host.run("sh", "-c", f"cat /proc/{end.process.pid}/task/*/comm").stdout.split()
    return names.count("adit-worker")


def queues(end):
    """Of its interface, that are read; and those at rest. None: it is no interface of several."""
    data = json.loads(end.host.ip("-d", "-j", "link", "show", end.device))[0]["linkinfo"]["info_data"]
    return (data["numqueues"], data["numdisabled"]) if data.get("multi_queue") else None


@WORKERS
def test_packets_of_every_size_and_streams_cross_both_ways(make, measured, workers):
    link = with_workers(make, workers)
    assert [threads(link.a), threads(link.b)] == [workers - 1] * 2
    assert queues(link.a) == (workers, 1)
    assert link.a.status()["workers"] == workers
    for size in (0, 56, 1392, 9000):
        assert ping(link.a.host, link.b.side.addr4, 5, size) == 5
    for direction in ([], ["-R"], ["-P", "8"]):
        end = iperf(link.a.host, link.b.host, link.b.side.addr4, *direction, size="8M")
        measured("TCP", received_bytes(end) * 8 / end["sum_received"]["seconds"] / 1e6, "Mbit/s")
        assert received_bytes(end) > 1_000_000
    assert transfer(link.b.host, link.a.host, link.a.side.addr6, 8 << 20)
    for end in (link.a, link.b):
        drops = end.status()["drops"]
        assert not any(drops[reason] for reason in ("forged", "replayed", "malformed", "malformed_packet",
                                                    "deliver_failed", "unknown_index")), drops


def numbered(sender, receiver, address, count):
    """Sends datagrams of changing sizes with numbers in them, a few hundred ahead at most; the numbers that arrive, in
    the order in which they do."""
    arrived = []
    with receiver.socket(socket.AF_INET, socket.SOCK_DGRAM) as into, sender.socket(socket.AF_INET,
                                                                                   socket.SOCK_DGRAM) as out:
        into.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        into.bind((address, 0))
        into.settimeout(patient(2))
        out.connect((address, into.getsockname()[1]))

        def take(until):
            try:
                while len(arrived) < until:
                    arrived.append(struct.unpack("!I", into.recv(2048)[:4])[0])
            except TimeoutError:  # lost, which only those that arrive have to answer for
                return
        ahead = 0
        for number in range(count):
            out.send(struct.pack("!I", number) + bytes(number * 37 % 1300))
            ahead += 1
            if ahead == 400:
                take(len(arrived) + 200)
                ahead -= 200
        take(len(arrived) + ahead)
    return arrived


@WORKERS
def test_datagrams_of_a_flow_arrive_in_the_order_they_were_sent_in(make, workers):
    link = with_workers(make, workers, interface={"queue_length": 5000})
    # So that batches are full, and shared out; of flows that are answered, in several queues.
    floods = [Stream(link.a.host, link.b.host, link.b.side.addr4) for _ in range(3)]
    floods.append(Stream(link.b.host, link.a.host, link.a.side.addr4))
    arrived = numbered(link.a.host, link.b.host, link.b.side.addr4, 20_000)
    assert all([flood.stop() for flood in floods])
    assert len(arrived) > 1000
    assert arrived == sorted(arrived), "in order"
    assert len(set(arrived)) == len(arrived), "and each once"


@pytest.mark.skipif(usable() >= 16, reason="no number in a file is more than the processors here")
def test_there_are_no_more_than_processors_and_it_is_said(make):
    link = make(a={"more": {"tuning": {"workers": 16}}}).start()
    status = link.a.status()
    assert status["workers"] < 16
    assert threads(link.a) == status["workers"] - 1
    assert status["workers_limited_by"] in ("processors", "quota")
    assert link.a.log().count("tuning.workers asks for 16 threads") == 1
    assert "fewer than were asked for" in link.a.adit("status", link.a.name).stdout
    assert ping(link.a.host, link.b.side.addr4, 3) == 3
    set_workers(link.a, 1)
    assert link.a.status()["workers_limited_by"] is None
    assert link.b.status()["workers_limited_by"] is None


def test_workers_come_and_go_under_traffic_without_loss(make):
    link = with_workers(make, SEVERAL)
    handshake = link.a.latest_handshake()
    background = BackgroundPing(link.b.host, link.a.side.addr4, 0.005)
    flows = [Stream(link.a.host, link.b.host, link.b.side.addr4), Stream(link.b.host, link.a.host, link.a.side.addr4)]
    for number in (1, SEVERAL, 2, 1, SEVERAL):
        set_workers(link.a, number)
        assert threads(link.a) == number - 1
        for flow in flows:
            flow.goes_on()
        background.goes_on(5)
    assert all(flow.stop() for flow in flows)
    sent, received = background.stop()
    assert received == sent
    assert "DUP" not in background.log()
    assert link.a.latest_handshake() == handshake


def test_one_queue_is_enough_where_there_is_no_more(make):
    """The interface of a link that had one worker at its start, one that somebody made, and the same with several."""
    link = make(a={"more": {"tuning": {"workers": 1}}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert queues(link.a) is None
    set_workers(link.a, SEVERAL)
    assert transfer(link.a.host, link.b.host, link.b.side.addr4, 8 << 20)
    assert queues(link.a) is None
    assert link.a.log().count(f"{link.a.device} has one queue") == 1

    for kind, workers, expected in (([], SEVERAL, None), (["multi_queue"], SEVERAL, (SEVERAL, 1)),
                                    (["multi_queue"], 1, (1, 0))):
        link.a.stop()
        link.a.host.ip("tuntap", "add", "dev", link.a.device, "mode", "tun", *kind)
        link.a.side.more = {"tuning": {"workers": workers}}
        link.a.start()
        assert queues(link.a) == expected
        assert transfer(link.a.host, link.b.host, link.b.side.addr4, 8 << 20)
        assert transfer(link.b.host, link.a.host, link.a.side.addr4, 8 << 20)
        link.a.stop()
        link.a.host.ip("tuntap", "del", "dev", link.a.device, "mode", "tun", *kind)
        link.a.start()


def test_a_successor_with_one_worker_reads_all_queues_of_the_run_before(make):
    link = with_workers(make, SEVERAL)
    background = BackgroundPing(link.b.host, link.a.side.addr4, 0.005)
    flows = [Stream(link.a.host, link.b.host, link.b.side.addr4) for _ in range(3)]
    for number, workers in enumerate((1, 2), 1):
        config = yaml.safe_load(link.a.file.read_text())
        config["tuning"] = {"workers": workers}
        link.a.file.write_text(yaml.safe_dump(config))
        link.a.process.send_signal(signal.SIGUSR2)
        wait_until(lambda n=number: link.a.log().count("going on with the session of the run before") == n
                   and link.a.socket_path.exists(), 10, "the successor")
        assert queues(link.a) == (SEVERAL, 1)
        assert threads(link.a) == workers - 1
        for flow in flows:
            flow.goes_on()
        background.goes_on(5)
    assert all([flow.stop() for flow in flows])
    sent, received = background.stop()
    assert received == sent


def test_a_restart_without_a_gap_loses_nothing_and_uses_no_counter_twice(make, lab):
    # Without segmentation, so that each datagram is to be seen.
    tuning = {"more": {"tuning": {"workers": SEVERAL, "udp_offload": "off"}}, "interface": {"queue_length": 10_000}}
    link = make(a=tuning, b=tuning).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    tap = Tap(lab.r, "toa", PORT)
    handshake = link.a.latest_handshake()
    background = BackgroundPing(link.b.host, link.a.side.addr4, 0.005)
    flow = Stream(link.a.host, link.b.host, link.b.side.addr4)
    for number in range(1, 4):
        link.a.process.send_signal(signal.SIGUSR2)
        wait_until(lambda n=number: link.a.log().count("going on with the session of the run before") == n
                   and link.a.socket_path.exists(), 10, "the successor")
        flow.goes_on()
        background.goes_on(5)
    assert flow.stop()
    sent, received = background.stop()
    assert received == sent
    assert link.a.latest_handshake() == handshake
    assert threads(link.a) == SEVERAL - 1
    seen = set()
    for datagram in filter(None, (Datagram.parse(frame) for _, frame in tap.frames())):
        if datagram.type == TRANSPORT_DATA and PORT in (datagram.port, datagram.source_port):
            number = datagram.payload[4:16]  # receiver index and counter
            assert number not in seen, "a counter was used twice"
            seen.add(number)
    tap.close()
    assert len(seen) > 100


def test_a_new_session_an_edit_and_another_network_in_the_middle_of_a_stream(make, lab):
    link = with_workers(make, SEVERAL)
    flow = Stream(link.a.host, link.b.host, link.b.side.addr4)
    back = Stream(link.b.host, link.a.host, link.a.side.addr4)
    for changes in ({"crypto": "libsodium"}, {"udp_offload": "off"}, {"tun_offload": "off"}, {}):
        config = yaml.safe_load(link.a.file.read_text())
        config["tuning"] = {"workers": SEVERAL, **changes}
        link.a.file.write_text(yaml.safe_dump(config))
        link.a.adit("reload", link.a.name)
        flow.goes_on()
        back.goes_on()
    # From another port: the peer follows.
    config = yaml.safe_load(link.a.file.read_text())
    config["local"]["listen"] = PORT + 7
    link.a.file.write_text(yaml.safe_dump(config))
    link.a.adit("reload", link.a.name)
    flow.goes_on()
    back.goes_on()
    assert link.b.status()["peer"]["endpoint"].endswith(f":{PORT + 7}")
    assert flow.stop() and back.stop()


def test_it_ends_at_once_and_clean_in_the_middle_of_a_stream(make):
    link = with_workers(make, SEVERAL)
    flow = Stream(link.a.host, link.b.host, link.b.side.addr4)
    flow.goes_on()
    assert link.a.stop() == 0
    assert link.a.device not in link.a.host.ip("link")
    link.b.kill()
    flow.abandon()


def test_an_idle_link_wakes_nobody(make):
    link = with_workers(make, SEVERAL, keepalive=0)
    helpers = link.a.host.run("sh", "-c", f"grep -l adit-worker /proc/{link.a.process.pid}/task/*/comm").stdout.split()
    assert len(helpers) == SEVERAL - 1

    def wakes():
        return [link.a.host.run("grep", "voluntary", f"{path[:-4]}status").stdout for path in helpers]
    before = wakes()
    time.sleep(3)
    # A lone packet is no work for two either.
    assert ping(link.a.host, link.b.side.addr4, 5, interval=0.3) == 5
    assert wakes() == before


def test_an_interface_in_another_namespace_and_one_that_is_taken_away(make, lab):
    inside = lab.namespace("inside")
    link = make(a={"more": {"tuning": {"workers": SEVERAL}}, "interface": {"netns": inside.name}})
    link.a.inside = inside
    link.start()
    traffic_within(inside, link.b.side.addr4, 10)
    data = json.loads(inside.ip("-d", "-j", "link", "show", link.a.device))[0]["linkinfo"]["info_data"]
    assert (data["numqueues"], data["numdisabled"]) == (SEVERAL, 1)
    assert transfer(inside, link.b.host, link.b.side.addr4, 8 << 20)
    inside.ip("link", "del", link.a.device)
    assert link.a.process.wait(20) == 1
    assert "was removed while in use" in link.a.log()
