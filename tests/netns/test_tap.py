# SPDX-License-Identifier: MIT
"""The link as an Ethernet cable (interface.mode: tap), mostly with a LAN at either end as lab.lans has them; what runs on
such LANs is in test_tap_lan.py."""
import re
import signal
import socket
import struct

import pytest

from lab.ends import Keys
from lab.lans import BRIDGED, MTU, frames, gre_peer, link_of
from lab.processors import SEVERAL
from lab.traffic import BackgroundPing, answers, iperf, ping, traffic_within, transfer
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only
MEGABYTES = 8 << 20
KERNEL = pytest.mark.kernel_with("wireguard", "gretap")


def sums_are_sound(*hosts):
    for host in hosts:
        counters = host.run("nstat", "-asz", "TcpInCsumErrors", "UdpInCsumErrors", "TcpInErrs").stdout
        assert re.findall(r"^\S+\s+(\d+)", counters, re.MULTILINE) == ["0", "0", "0"], counters


@pytest.mark.parametrize("workers", sorted({1, SEVERAL}))
def test_two_lans_are_one(lans, workers):
    more = {"more": {"tuning": {"workers": workers}}}
    link, near, far = lans(a=more, b=more)
    ping(far, "192.168.50.1")
    traffic_within(near, "fd50::2", 10)
    assert "192.168.50.2" in near.ip("neigh") and "fd50::2" in near.ip("neigh"), "by ARP and neighbour discovery"
    for address_far, address_near in (("192.168.50.2", "192.168.50.1"), ("fd50::2", "fd50::1")):
        assert transfer(near, far, address_far, MEGABYTES)
        assert transfer(far, near, address_near, MEGABYTES)
    for end in (link.a, link.b):
        status = end.status()
        assert status["mode"] == "tap" and status["bridge"] == "br0" and status["mtu"] == MTU
        assert status["mac"] in link_of(end)
        assert status["offload"]["tun_tcp"] in ("on", "unavailable"), "the kernel took what was merged"
        assert "master br0" in link_of(end)
    assert "for Ethernet frames in br0" in link.a.adit("status", link.a.name).stdout


def test_ends_with_ipv6_addresses_in_the_tunnel(lans):
    ends = {"tunnel_address": "fd77::1", "tunnel_peer": "fd77::2"}
    other = {"tunnel_address": "fd77::2", "tunnel_peer": "fd77::1"}
    link, near, far = lans(a={"interface": {**BRIDGED, **ends}}, b={"interface": {**BRIDGED, **other}})
    for address_far, address_near in (("192.168.50.2", "192.168.50.1"), ("fd50::2", "fd50::1")):
        assert transfer(near, far, address_far, MEGABYTES)
        assert transfer(far, near, address_near, MEGABYTES)
    assert link.a.status()["mtu"] == MTU - 20
    wait_until(lambda: all(end.state() == "up" for end in (link.a, link.b)), 10, "both to hear of each other")


def test_hosts_that_check_every_checksum_find_none_wrong(lans):
    _, near, far = lans(offloads=False)
    for address in ("192.168.50.2", "fd50::2"):
        traffic_within(near, address, 10)
        assert transfer(near, far, address, MEGABYTES)
    end = iperf(near, far, "192.168.50.2", "-u", "-b", "20M", "-l", "1300", size="3M")
    assert end["sum"]["packets"] > end["sum"]["lost_packets"]
    sums_are_sound(near, far)


def test_every_segment_that_leaves_has_valid_checksums(lans):
    """The sending host hands over super-frames; the far one merges nothing, and shows each as it came out."""
    link, near, far = lans(b={"more": {"tuning": {"tun_offload": "off"}}})
    dump = far.popen("tcpdump", "-n", "-vv", "-l", "-Q", "in", "-i", "eth0", "-B", "32768", "tcp", name="tcpdump")
    wait_until(lambda: "listening on" in dump.log(), 10, "tcpdump to listen")
    for address in ("192.168.50.2", "fd50::2"):
        assert transfer(near, far, address, MEGABYTES)
    wait_until(lambda: dump.log().count("(correct)") > 1000, 20, "the dump")
    dump.stop()
    assert not re.search(r"incorrect|bad cksum", dump.log())


def test_broadcasts_and_frames_that_are_not_ip_cross(lans):
    """As DHCP asks, as Wake-on-LAN wakes, as bridges talk to each other."""
    _, near, far = lans()
    with far.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, near.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        server.bind(("", 67))
        server.settimeout(20)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        client.sendto(b"who has an address for me", ("255.255.255.255", 67))
        assert server.recv(100) == b"who has an address for me"
    with far.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0842)) as woken, \
            near.socket(socket.AF_PACKET, socket.SOCK_RAW) as waker:
        woken.bind(("eth0", 0x0842))
        woken.settimeout(20)
        waker.bind(("eth0", 0))
        frame = b"\xff" * 6 + bytes.fromhex("020000000001") + struct.pack("!H", 0x0842) + b"\xff" * 6 + b"\2\0\0\0\0\7" * 16
        waker.send(frame)
        assert woken.recv(200) == frame


def test_vlan_tags_and_stp_cross(lans):
    link, near, far = lans()
    dump = far.popen("tcpdump", "-n", "-e", "-l", "-i", "eth0", "-Q", "in", "vlan", name="tcpdump")
    bridges = link.b.host.popen("tcpdump", "-n", "-l", "-i", link.b.device, "-Q", "in", "stp", name="tcpdump")
    wait_until(lambda: "listening on" in dump.log() and "listening on" in bridges.log(), 10, "tcpdump to listen")
    with near.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("eth0", 0))
        head = b"\xff" * 6 + bytes.fromhex("020000000001")
        for size in (46, MTU):  # the largest packet the interface takes, with a tag in front
            sender.send(head + struct.pack("!HHH", 0x8100, 5, 0x88B5) + bytes(size))
    wait_until(lambda: dump.log().count("vlan 5") == 2, 20, "the tagged frames")
    lengths = [int(length) for length in re.findall(r"802\.1Q \(0x8100\), length (\d+)", dump.log())]
    assert sorted(lengths) == [46 + 18, MTU + 18]
    link.a.host.ip("link", "set", "br0", "type", "bridge", "stp_state", "1")
    wait_until(lambda: "STP 802.1" in bridges.log(), 30, "the other bridge's word")


def test_connections_are_told_how_large_segments_may_be_and_what_is_too_large_is_counted(lans):
    off = {"more": {"tuning": {"mss_clamp": "off"}}}
    link, near, far = lans(a=off, b=off)
    assert link.a.drops("frame_too_large") == 0
    with far.socket(socket.AF_INET, socket.SOCK_STREAM) as server, near.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        server.bind(("192.168.50.2", 0))
        server.listen(1)
        client.connect(server.getsockname())
        client.send(bytes(30_000))
        wait_until(lambda: link.a.drops("frame_too_large") > 0, 20, "segments of 1,448 bytes to be refused")
    link.a.side.more = {}
    link.a.write_config()
    link.a.adit("reload", link.a.name)
    assert transfer(near, far, "192.168.50.2", MEGABYTES)


def test_two_hosts_without_a_bridge(make):
    link = make(a=frames({}, addresses=["192.168.60.1/24", "fd60::1/64"]),
                b=frames({}, addresses=["192.168.60.2/24", "fd60::2/64"])).start()
    traffic_within(link.a.host, "192.168.60.2", 20)
    traffic_within(link.b.host, "fd60::1", 20)
    assert "fe80::" in link.a.host.ip("addr", "show", "dev", link.a.device), "IPv6 needs it on an Ethernet"
    assert transfer(link.a.host, link.b.host, "fd60::2", MEGABYTES)
    assert link.a.state() == "up"
    # The peer is asked how large a packet may be, at an address that only the daemon has.
    wait_until(lambda: link.a.status()["path"]["answered"] > 0, 20, "the other daemon to answer")


def test_the_carrier_follows_the_link(make, lab):
    end = make(calls="a", a=frames({}, addresses=["192.168.60.1/24"]), b=frames({}, addresses=["192.168.60.2/24"]))
    end.a.start()
    wait_until(lambda: "NO-CARRIER" in link_of(end.a), 10, "no carrier without a peer")
    end.b.start()
    wait_until(lambda: "LOWER_UP" in link_of(end.a) and "LOWER_UP" in link_of(end.b), 20, "the carrier")
    traffic_within(end.a.host, "192.168.60.2", 20)
    end.b.stop()
    asking = BackgroundPing(end.a.host, "192.168.60.2")
    wait_until(lambda: "NO-CARRIER" in link_of(end.a), 90, "the carrier to go", interval=0.5)
    asking.stop()
    end.b.start()
    wait_until(lambda: "LOWER_UP" in link_of(end.a), 60, "the carrier to come back")
    traffic_within(end.a.host, "192.168.60.2", 20)


def test_the_carrier_stays_while_an_address_of_this_host_cannot_be_put_back(make):
    """Most of the frames are others', and most of the rest goes by IPv4."""
    link = make(a=frames({}, addresses=["192.168.60.1/24", "fd60::1/64"]), b=frames({}, addresses=["192.168.60.2/24"])).start()
    traffic_within(link.a.host, "192.168.60.2", 20)
    link.a.host.sysctl(f"net.ipv6.conf.{link.a.device}.disable_ipv6", 1)
    wait_until(lambda: link.a.state() == "failed", 20, "the link to miss its address")
    assert "IPv6 is switched off" in link.a.status()["reason"]
    assert "LOWER_UP" in link_of(link.a)
    assert ping(link.a.host, "192.168.60.2") == 3


def test_a_successor_without_a_session_loses_the_carrier(make):
    """As that of a run that had one: nobody has the key that the file says the peer has by now."""
    link = make(a=frames({}, addresses=["192.168.60.1/24"]), b=frames({}, addresses=["192.168.60.2/24"])).start()
    traffic_within(link.a.host, "192.168.60.2", 20)
    link.a.side.peer_public_key = Keys().public
    link.a.write_config()
    link.a.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: "NO-CARRIER" in link_of(link.a), 30, "the carrier to go")
    link.a.side.peer_public_key = link.b.side.public_key
    link.a.write_config()
    link.a.adit("reload", link.a.name)
    traffic_within(link.a.host, "192.168.60.2", 20)
    assert "LOWER_UP" in link_of(link.a)


def test_a_restart_and_a_successor_keep_the_port_in_its_bridge(lans):
    link, near, far = lans()
    mac = link.a.status()["mac"]
    background = BackgroundPing(near, "192.168.50.2")
    before = link.a.log().count("going on with the session")
    link.a.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: link.a.log().count("going on with the session") > before, 20, "the successor")
    background.goes_on(10)
    sent, received = background.stop()
    assert received == sent, "not a single frame is lost"
    assert "master br0" in link_of(link.a)

    link.a.stop()
    assert link.a.device not in link.a.host.ip("link"), "the interface went, out of the bridge"
    link.a.start()
    traffic_within(near, "192.168.50.2", 40)
    assert link.a.status()["mac"] == mac
    assert transfer(near, far, "192.168.50.2", 1 << 20)


def test_a_reload_changes_what_can_change(lans):
    link, near, _ = lans()
    end = link.a

    def reload(**interface):
        end.side.interface = {**BRIDGED, **interface}
        end.write_config()
        return end.adit("reload", end.name, check=False)

    assert reload(mac="02:00:00:00:00:99", mtu=1300).returncode == 0
    assert "02:00:00:00:00:99" in link_of(end) and "mtu 1300" in link_of(end)
    assert end.status()["mac"] == "02:00:00:00:00:99"
    end.host.ip("link", "add", "br1", "type", "bridge")
    assert reload(bridge="br1").returncode == 0
    assert "master br1" in link_of(end)
    refused = reload(bridge="br7")
    assert refused.returncode != 0 and "there is no interface br7" in refused.stdout + refused.stderr
    assert "master br1" in link_of(end)
    assert reload(bridge="br0").returncode == 0
    traffic_within(near, "192.168.50.2", 20)


@pytest.mark.parametrize("ours, theirs, length", [("10.9.0.1", "10.9.0.2", 30), ("fd09::1", "fd09::2", 126)], ids=["gretap", "ip6gretap"])
@pytest.mark.parametrize("kind", ["adit", "go", pytest.param("kernel", marks=KERNEL)])
def test_the_other_end_may_be_any_wireguard_with_a_gretap_on_top(make, kind, ours, theirs, length):
    link = make(("adit", kind), a=frames({"tunnel_address": f"{ours}/{length}"}, addresses=["192.168.60.1/24"]))
    link.start()
    peer = gre_peer(link.b, theirs, ours, "192.168.60.2/24")
    traffic_within(link.a.host, "192.168.60.2", 20, needs=peer)
    assert ping(link.b.host, "192.168.60.1") == 3
    assert transfer(link.a.host, link.b.host, "192.168.60.2", 1 << 20)
    assert transfer(link.b.host, link.a.host, "192.168.60.1", 1 << 20)
    assert ping(link.b.host, ours) == 3, "nobody but the daemon has that address, and it answers"


def test_a_peer_without_its_gretap_says_so_in_words_that_are_no_frames(make):
    """Its kernel answers each frame with ICMP, protocol 47 unreachable: that is counted, and hurts nobody."""
    link = make(a=frames({"tunnel_address": "10.9.0.1/30"}, addresses=["192.168.60.1/24"])).start()
    asking = BackgroundPing(link.a.host, "192.168.60.2")  # its ARP requests are the frames
    wait_until(lambda: link.a.drops("not_ethernet") > 0, 20, "ICMP instead of frames")
    peer = gre_peer(link.b, "10.9.0.2", "10.9.0.1", "192.168.60.2/24")  # while frames come, before it is up and after
    traffic_within(link.a.host, "192.168.60.2", 20, needs=peer)
    asking.close()


def test_what_is_no_frame_is_dropped_and_counted(make):
    link = make(a=frames({"tunnel_address": "10.9.0.1/30"}, addresses=["192.168.60.1/24"])).start()
    traffic_within(link.b.host, "10.9.0.1", 20)
    end, ethernet = link.a, struct.pack("!HH", 0, 0x6558)
    with link.b.host.socket(socket.AF_INET, socket.SOCK_RAW, 47) as wire:
        before = end.drops("not_ethernet")
        for header in (struct.pack("!HHI", 0x2000, 0x6558, 7), struct.pack("!HHI", 0x1000, 0x6558, 7),
                       struct.pack("!HH", 1, 0x6558), struct.pack("!HH", 0, 0x0800), b"\0"):
            wire.sendto(header + bytes(60), ("10.9.0.1", 0))
        wire.sendto(ethernet + bytes(13), ("10.9.0.1", 0))
        wait_until(lambda: end.drops("not_ethernet") >= before + 6, 20, "six packets that are no frames to be counted")
    with link.b.host.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as wire:
        def send(number, start, size, more=True):
            head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + size, number, start // 8 | (0x2000 if more else 0), 64, 47, 0,
                               socket.inet_aton("10.9.0.2"), socket.inet_aton("10.9.0.1"))
            wire.sendto(head + (ethernet + bytes(size))[:size], ("10.9.0.1", 0))
        for start in (0, 800, 400):  # the last one overlaps both
            send(7, start, 800)
        send(8, 0, 804)  # no multiple of eight
        wait_until(lambda: end.drops("gre_fragment") == 4, 20, "four fragments to be counted")
        for number in range(100, 300):  # a flood of beginnings
            send(number, 0, 800)
        wait_until(lambda: end.drops("gre_incomplete") == 200, 30, "two hundred that had no end")
    assert answers(link.b.host, "10.9.0.1")
    assert end.state() == "up"
