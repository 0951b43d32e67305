# SPDX-License-Identifier: MIT
"""Super-packets: whatever travels as one, hosts see the packets that were sent; switched on or off, or refused."""
import itertools
import os
import pathlib
import re
import socket
import subprocess

import pytest
import yaml

from lab.ends import WireguardGoEnd
from lab.patience import patient
from lab.plan import KINDS
from lab.traffic import Stream, iperf, ping, received_bytes, traffic_within, transfer, unanswered_sizes
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only
SWITCHES = list(itertools.product(["on", "off"], repeat=2))
MEGABYTES = 4 << 20
IP_RECVTOS = 13
NOT_CAPABLE, CAPABLE, CONGESTION = 0, 2, 3


def tuned(tun="auto", udp="auto", **more):
    return {"more": {"tuning": {"tun_offload": tun, "udp_offload": udp, **more}}}


def carries_all(link):
    """TCP both ways and echoes of many sizes, in both families."""
    for address_a, address_b in ((link.a.side.addr4, link.b.side.addr4), (link.a.side.addr6, link.b.side.addr6)):
        assert transfer(link.a.host, link.b.host, address_b, MEGABYTES)
        assert transfer(link.b.host, link.a.host, address_a, MEGABYTES)
        assert unanswered_sizes(link.a.host, address_b, range(1, 1401, 97)) == []


@pytest.mark.parametrize("a", SWITCHES, ids=lambda pair: "tun_{}-udp_{}".format(*pair))
@pytest.mark.parametrize("b", [("on", "on"), ("off", "off")], ids=["to_all_on", "to_all_off"])
def test_each_combination_of_offloads_carries_everything(make, a, b):
    link = make(a=tuned(*a), b=tuned(*b)).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    carries_all(link)
    offload = link.a.status()["offload"]
    assert (offload["tun_tcp"], offload["udp_send"], offload["udp_receive"]) == (a[0], a[1], a[1])
    assert link.a.drops("malformed_packet") == 0


@pytest.mark.parametrize("crypto", ["libsodium", "libipsec-mb", "libcrypto"])
def test_each_crypto_backend_speaks_to_the_one_that_was_chosen(make, crypto):
    link = make(a=tuned(crypto=crypto))
    link.a.launch()
    wait_until(lambda: link.a.socket_path.exists() or not link.a.process.alive, 10, "aditd to start or to refuse")
    if f"{crypto} is not to be had" in link.a.log():
        pytest.skip(f"this machine has no {crypto}")
    link.a.stop()
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.a.status()["crypto"] == crypto
    assert transfer(link.a.host, link.b.host, link.b.side.addr4, MEGABYTES)


def test_segmentation_that_a_path_refuses_is_done_without_and_tried_again_when_the_network_changed(make, lab):
    link = make(a={"interface": {"mtu": 1420}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    lab.a.ip("link", "set", "eth0", "mtu", "1300")
    assert transfer(link.a.host, link.b.host, link.b.side.addr4, MEGABYTES)
    assert transfer(link.a.host, link.b.host, link.b.side.addr4, MEGABYTES)
    assert link.a.status()["offload"]["udp_send"] == "refused"
    assert link.a.drops("send_failed") == 0, "what was refused went out one by one"
    assert link.a.log().count("refused to segment UDP") == 1
    lab.a.ip("link", "set", "eth0", "mtu", "1500")
    wait_until(lambda: link.a.status()["offload"]["udp_send"] == "on", 10, "segmentation to be tried again")
    assert transfer(link.a.host, link.b.host, link.b.side.addr4, MEGABYTES)
    assert link.a.status()["offload"]["udp_send"] == "on"

    lab.a.ip("link", "set", "eth0", "mtu", "1300")
    for _ in range(2):  # the change itself makes it try once more
        assert transfer(link.a.host, link.b.host, link.b.side.addr4, MEGABYTES)
    assert link.a.status()["offload"]["udp_send"] == "refused"
    assert link.a.log().count("refused to segment UDP") == 1, "which is no news"


def behind(lab, end, net):
    """A host behind an end of the link; its cable merges what comes in, so that what is forwarded is super-packets."""
    host = lab.namespace(f"behind-{end.side.label}")
    end.host.ip("link", "add", "lan", "type", "veth", "peer", "name", "eth0", "netns", host.name)
    end.host.ip("addr", "add", f"192.168.{net}.1/24", "dev", "lan")
    end.host.run("ethtool", "-K", "lan", "gro", "on")
    end.host.ip("link", "set", "lan", "up")
    end.host.sysctl("net.ipv4.ip_forward", 1)
    host.ip("addr", "add", f"192.168.{net}.2/24", "dev", "eth0")
    host.ip("link", "set", "eth0", "up")
    host.ip("route", "add", "default", "via", f"192.168.{net}.1")
    # The far host computes and checks every checksum itself: a wrong one would be lost, and counted.
    host.run("ethtool", "-K", "eth0", "tx", "off", "rx", "off", "tso", "off", "gso", "off")
    return host


def test_traffic_that_is_forwarded_arrives_with_sound_checksums(make, lab):
    link = make(a={"routes": ["192.168.20.0/24"], "allowed_ips": ["10.9.0.0/30", "192.168.20.0/24"]},
                b={"routes": ["192.168.10.0/24"], "allowed_ips": ["10.9.0.0/30", "192.168.10.0/24"]})
    near, far = behind(lab, link.a, 10), behind(lab, link.b, 20)
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    traffic_within(near, "192.168.20.2", 10)
    assert transfer(near, far, "192.168.20.2", MEGABYTES)
    assert transfer(far, near, "192.168.10.2", MEGABYTES)
    end = iperf(near, far, "192.168.20.2", "-u", "-b", "50M", "-l", "1300", size="6M")
    assert end["sum"]["packets"] > end["sum"]["lost_packets"]
    for host in (near, far):
        counters = host.run("nstat", "-asz", "TcpInCsumErrors", "UdpInCsumErrors", "TcpInErrs").stdout
        assert re.findall(r"^\S+\s+(\d+)", counters, re.MULTILINE) == ["0", "0", "0"], counters


@pytest.mark.parametrize("version", ["4", "6"])
def test_every_packet_on_the_far_interface_has_valid_checksums(make, version):
    """The sender cuts super-packets; the receiver, told to merge nothing, shows each of them as it came out."""
    link = make(b=tuned(tun="off")).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    address = link.b.side.addr4 if version == "4" else link.b.side.addr6
    dump = link.b.host.popen("tcpdump", "-n", "-vv", "-l", "-Q", "in", "-i", link.b.device, "-B", "32768",
                             "tcp or udp or ip6", name="tcpdump")
    wait_until(lambda: "listening on" in dump.log(), 10, "tcpdump to listen")
    assert transfer(link.a.host, link.b.host, address, MEGABYTES)
    iperf(link.a.host, link.b.host, address, "-u", "-b", "20M", "-l", "1200", size="2M")
    wait_until(lambda: dump.log().count("(correct)") > 1000 and dump.log().count("udp sum ok") > 500, 20, "the dump")
    dump.stop()
    seen = dump.log()
    assert not re.search(r"incorrect|bad udp cksum|bad cksum", seen)


def test_a_link_between_jumbo_frames_carries_jumbo_packets(make, lab):
    for namespace, device in ((lab.a, "eth0"), (lab.r, "toa"), (lab.r, "tob"), (lab.b, "eth0")):
        namespace.ip("link", "set", device, "mtu", "9000")
    interface = {"interface": {"mtu": 8920}}
    link = make(a=interface, b=interface).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert ping(link.a.host, link.b.side.addr4, 5, 8892) == 5
    carries_all(link)
    assert link.a.status()["offload"]["udp_send"] == "on"


def test_the_mtu_may_change_while_traffic_flows(make):
    sides = [{"addresses": [f"10.9.0.{n}/30"], "allowed_ips": None} for n in (1, 2)]
    link = make(a=sides[0], b=sides[1]).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    flow = Stream(link.a.host, link.b.host, link.b.side.addr4)
    for mtu in (1280, 1420, 1000, 1400, 600, 1420):
        for end in (link.a, link.b):
            config = yaml.safe_load(end.file.read_text())
            config["interface"]["mtu"] = mtu
            end.file.write_text(yaml.safe_dump(config))
            end.adit("reload", end.name)
        assert ping(link.a.host, link.b.side.addr4, 2, 500) == 2
        flow.goes_on()
    assert flow.stop()
    assert transfer(link.a.host, link.b.host, link.b.side.addr4, MEGABYTES)
    assert link.a.state() == "up"


def test_congestion_marks_cross_the_tunnel(make, lab):
    """RFC 6040: the sender's capability goes out, the path's mark comes in; without the capability it is a loss."""
    link = make(keepalive=0).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert [tos & 3 for tos in send_marked(link, [NOT_CAPABLE, CAPABLE, 1])] == [NOT_CAPABLE, CAPABLE, 1]
    lab.r.nft("table ip t { chain c { type filter hook forward priority 0; ip protocol udp ip ecn set ce; }; }")
    assert [tos & 3 for tos in send_marked(link, [CAPABLE, 1])] == [CONGESTION, CONGESTION]
    before = link.b.drops("congestion")
    assert send_marked(link, [NOT_CAPABLE] * 20) == []
    # Some more: the kernel says something of its own on a new interface. Twice as many: each would be counted twice.
    assert 20 <= link.b.drops("congestion") - before < 40


@pytest.mark.parametrize("copies", [False, True], ids=["stays_inside", "is_copied"])
def test_the_dscp(make, lab, copies):
    link = make(a=tuned(copy_dscp=copies)).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    lab.r.nft("table ip t { chain c { type filter hook forward priority 0; ip dscp ef counter; }; }")
    assert send_marked(link, [0xb8] * 5) == [0xb8] * 5
    counted = re.search(r"packets (\d+)", lab.r.run("nft", "list", "table", "ip", "t").stdout)
    assert (int(counted[1]) > 0) == copies, "datagrams of one class may pass the router as one"


def send_marked(link, classes):
    """Sends a datagram with each traffic class from a to b, and one that arrives for sure; the classes that came before it.
    """
    arrived = []
    with link.b.host.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, \
            link.a.host.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        receiver.bind((link.b.side.addr4, 0))
        receiver.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)
        receiver.settimeout(patient(5))
        for traffic_class, text in (*((traffic_class, b"x") for traffic_class in classes), (CAPABLE, b"the last")):
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, traffic_class)
            sender.sendto(text, receiver.getsockname())
        while True:
            text, ancillary, _, _ = receiver.recvmsg(100, 100)
            if text == b"the last":
                return arrived
            arrived += [data[0] for level, kind, data in ancillary if kind == socket.IP_TOS]


class NewestWireguardGoEnd(WireguardGoEnd):
    """Debian 12's own is older than its offloads."""
    binary = None


KINDS["newest_go"] = NewestWireguardGoEnd


@pytest.fixture(scope="session")
def newest_wireguard_go():
    given = os.environ.get("WIREGUARD_GO")
    if not given:
        source = pathlib.Path(__file__).parents[2]
        done = subprocess.run([source / "tests/bench/newest-wireguard-go", source / "build/bench"], capture_output=True,
                              text=True, timeout=300)
        if done.returncode != 0:
            pytest.skip(f"the newest wireguard-go cannot be had: {done.stderr.strip()[-300:]}")
        given = done.stdout.strip()
    NewestWireguardGoEnd.binary = given


@pytest.mark.xdist_group("newest_wireguard_go")
@pytest.mark.parametrize("kinds", [("adit", "newest_go"), ("newest_go", "adit")], ids="-".join)
def test_the_newest_wireguard_go_with_its_offloads_is_a_peer(make, newest_wireguard_go, kinds):
    link = make(kinds).start()
    traffic_within(link.a.host, link.b.side.addr4, 20)
    carries_all(link)
    assert received_bytes(iperf(link.a.host, link.b.host, link.b.side.addr4, "-P", 4, size="16M")) > 1_000_000
