# SPDX-License-Identifier: MIT
"""What runs on two LANs that a link makes one (lab.lans draws them): how hosts find each other, bridges, frames of all sizes,
a bad path between, and neighbours that misbehave. All of it as on one cable.
"""
import ipaddress
import json
import re
import socket
import struct
import sys

import pytest

from lab.lans import BRIDGED, MTU, frames, gre_peer, lan
from lab.patience import patient
from lab.traffic import BackgroundPing, Stream, checksum, ping, traffic_within, transfer
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only
MEGABYTE = 1 << 20
KERNEL = pytest.mark.kernel_with("wireguard", "gretap")
ALL = b"\xff" * 6
ETH_P_ALL, ETH_P_IP = 3, 0x0800
QUICK_STP = ("stp_state", "1", "forward_delay", "200", "hello_time", "100", "max_age", "600")  # hundredths of a second


def raw(host, protocol=0):
    """A socket for frames on the host's eth0."""
    sock = host.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    sock.bind(("eth0", protocol))
    return sock


def mac_of(host, device="eth0"):
    return bytes.fromhex(json.loads(host.ip("-json", "link", "show", "dev", device))[0]["address"].replace(":", ""))


# How hosts find each other --------------------------------------------------------------------------------------------

DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5
COOKIE = bytes.fromhex("63825363")


def dhcp(operation, kind, client, address="0.0.0.0", number=0x1234):
    """A message of DHCP (RFC 2131); whoever answers is to do so by broadcast."""
    return struct.pack("!BBBBIHH4s4s4s4s16s192x", operation, 1, 6, 0, number, 0, 0x8000, bytes(4),
                       ipaddress.ip_address(address).packed, bytes(4), bytes(4), client) + COOKIE + bytes([53, 1, kind, 255])


def broadcast_udp(source_mac, source_port, port, payload):
    """As a host sends it that has no address yet."""
    udp = struct.pack("!HHHH", source_port, port, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return ALL + source_mac + struct.pack("!H", ETH_P_IP) + head + udp


def heard(sock, wanted, say):
    """The first message that `wanted` makes something of; `say` is repeated until then."""
    found = None

    def hears():
        nonlocal found
        say()
        sock.settimeout(1)
        try:
            while found is None:
                found = wanted(sock.recv(2000))
        except TimeoutError:
            pass
        return found is not None
    wait_until(hears, 20, "an answer across the link")
    return found


def test_a_host_gets_its_address_from_a_server_in_the_other_lan(lans):
    """DHCP, all four messages of it as broadcasts, between a client without an address and a server beyond the link."""
    link, near, far = lans()
    near.ip("addr", "flush", "dev", "eth0")
    mac = mac_of(near)

    def message(frame):
        """(kind, address) of what a server says to port 68."""
        if frame[12:14] != b"\x08\x00" or frame[23] != 17 or frame[36:38] != struct.pack("!H", 68):
            return None
        body = frame[42:]
        return (body[body.index(COOKIE) + 6], str(ipaddress.ip_address(body[16:20]))) if body[0] == 2 else None

    with far.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, raw(near, ETH_P_ALL) as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        server.bind(("", 67))

        def ask(kind):
            return lambda: client.send(broadcast_udp(mac, 68, 67, dhcp(1, kind, mac)))

        def asked(kind):
            return lambda body: body if body[28:34] == mac and body[-2] == kind else None

        for question, answer in ((DISCOVER, OFFER), (REQUEST, ACK)):
            heard(server, asked(question), ask(question))
            reply = dhcp(2, answer, mac, "192.168.50.77")
            said = heard(client, lambda frame: (message(frame) or (0,))[0] == answer and message(frame) or None,
                         lambda: server.sendto(reply, ("255.255.255.255", 68)))
            assert said == (answer, "192.168.50.77")
    near.ip("addr", "add", f"{said[1]}/24", "dev", "eth0")
    traffic_within(near, "192.168.50.2", 20)
    assert "192.168.50.77" in far.ip("neigh"), "by ARP"


def advertisement(prefix):
    """A router's, with a prefix of 64 bits that hosts make addresses of (RFC 4861 §4.2, §4.6.2); the kernel sums it up."""
    return struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + \
        struct.pack("!BBBBIII16s", 3, 4, 64, 0xC0, 3600, 3600, 0, ipaddress.ip_address(prefix).packed)


def test_ipv6_hosts_find_routers_and_doubles_of_their_addresses_in_the_other_lan(lans):
    link, near, far = lans()
    near.sysctl("net.ipv6.conf.eth0.accept_ra", 2)
    index = json.loads(far.ip("-json", "link", "show", "dev", "eth0"))[0]["ifindex"]
    with far.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as router:
        router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)

        def advertised():
            router.sendto(advertisement("fd77::"), ("ff02::1", 0, 0, index))
            return "fd77::" in near.ip("-6", "addr", "show", "dev", "eth0")
        wait_until(advertised, 20, "an address of the prefix that a router beyond the link advertises", interval=0.5)
    assert "default via fe80::" in near.ip("-6", "route"), "the router itself was found, too"
    far.ip("addr", "add", "fd77::2/64", "dev", "eth0", "nodad")
    traffic_within(near, "fd77::2", 20)
    assert "fd77::2" in near.ip("-6", "neigh"), "by neighbour solicitation, which is multicast"

    near.sysctl("net.ipv6.conf.eth0.accept_dad", 1)
    near.ip("addr", "add", "fd50::2/64", "dev", "eth0")
    wait_until(lambda: "dadfailed" in near.ip("-6", "addr", "show", "dev", "eth0"), 20, "far to defend its address")


# Frames of all kinds --------------------------------------------------------------------------------------------------

def test_frames_with_two_vlan_tags_cross_and_so_does_what_is_in_them(lans):
    """As providers stack them (802.1ad): not one byte of it changes, in either direction."""
    _, near, far = lans()
    inside = bytes(range(256)) * 4
    for sender, receiver, priority in ((near, far, 0), (far, near, 7)):
        frame = mac_of(receiver) + mac_of(sender) + struct.pack("!HHHHH", 0x88A8, 100, 0x8100, priority << 13 | 5, 0x88B5) + inside
        dump = receiver.popen("tcpdump", "-n", "-e", "-x", "-l", "-i", "eth0", "-Q", "in", "vlan", name="tcpdump")
        wait_until(lambda: "listening on" in dump.log(), 10, "tcpdump to listen")
        with raw(sender) as sock:
            sock.send(frame)
        wait_until(lambda: "vlan 100" in dump.log() and "0x03f0" in dump.log(), 20, "the frame")
        dump.stop()
        assert re.search(rf"802\.1Q-QinQ.*vlan 100, p 0.*vlan 5, p {priority}", dump.log()), dump.log()
        shown = bytes.fromhex("".join("".join(words.split()) for words in re.findall(r"0x[0-9a-f]{4}:  (.*)", dump.log())))
        assert inside in shown


def root_of(host):
    return host.run("cat", "/sys/class/net/br0/bridge/root_id").stdout  # `ip` of some releases shows the bridge's own


def port_states(host):
    return {port["ifname"]: port["state"] for port in json.loads(host.run("bridge", "-json", "link").stdout)}


def test_bridges_agree_by_stp_and_a_second_cable_is_no_loop(lans, lab):
    """STP opens the loop that the two cables are, and when one of them is pulled, the other one goes on."""
    link, near, far = lans()
    for end in (link.a, link.b):
        end.host.ip("link", "set", "br0", "type", "bridge", *QUICK_STP)
    wait_until(lambda: root_of(lab.a) == root_of(lab.b), 30, "both bridges to have one root")
    lab.a.ip("link", "add", "second", "type", "veth", "peer", "name", "second", "netns", lab.b.name)
    for end in (link.a, link.b):
        end.host.ip("link", "set", end.device, "type", "bridge_slave", "cost", "200")
        end.host.ip("link", "set", "second", "master", "br0", "up")
        end.host.ip("link", "set", "second", "type", "bridge_slave", "cost", "2")

    def carries(device):
        return all(port_states(host).get(device) == "forwarding" for host in (lab.a, lab.b))

    def blocked(device):
        return any(port_states(host).get(device) == "blocking" for host in (lab.a, lab.b))
    wait_until(lambda: carries("second") and blocked(link.a.device), 40, "the loop to be open at the link, which costs more")
    traffic_within(near, "192.168.50.2", 20)
    lab.a.ip("link", "set", "second", "down")
    wait_until(lambda: carries(link.a.device), 60, "the link to take over")
    traffic_within(near, "192.168.50.2", 20)
    assert transfer(near, far, "192.168.50.2", MEGABYTE)


def test_bridges_without_stp_pass_it_on(lans):
    """Switches behind them talk to each other through the link, and others of the reserved addresses where bridges let them."""
    link, near, far = lans()
    for end in (link.a, link.b):
        end.host.ip("link", "set", "br0", "type", "bridge", "group_fwd_mask", "0x4000")
    with raw(near) as sock, raw(far, ETH_P_ALL) as other:
        for last, payload in ((0x00, bytes.fromhex("424203") + bytes(43)), (0x0E, bytes(range(46)))):
            frame = bytes.fromhex("0180c20000") + bytes([last]) + mac_of(near) + struct.pack("!H", 46) + payload
            assert heard(other, lambda got: got if got == frame else None, lambda: sock.send(frame)) == frame


def test_jumbo_frames_cross_a_path_that_is_wide_enough(lab, lans):
    for host, device in ((lab.a, "eth0"), (lab.r, "toa"), (lab.r, "tob"), (lab.b, "eth0")):
        host.ip("link", "set", device, "mtu", "9000")
    link, near, far = lans(mtu=9000)
    jumbo = MTU + 7500
    wait_until(lambda: link.a.status()["mtu"] == link.b.status()["mtu"] == jumbo, 30, "the MTU that the path has room for")
    for host in (near, far):
        host.ip("link", "set", "eth0", "mtu", jumbo)
    assert ping(near, "192.168.50.2", 3, jumbo - 28, 0.2, 20, "-M", "do") == 3
    assert ping(far, "fd50::1", 3, jumbo - 48, 0.2, 20, "-M", "do") == 3
    for address in ("192.168.50.2", "fd50::2"):
        assert transfer(near, far, address, 8 * MEGABYTE)
    assert link.a.drops("frame_too_large") == 0


def refuse(lab, what):
    """The router drops that and says nothing. It is to see each datagram by itself, as it would on wires."""
    for host in lab.a, lab.b:
        host.run("ethtool", "-K", "eth0", "tx-udp-segmentation", "off", "gso", "off")
    lab.r.nft(f"table inet narrow {{ chain hole {{ type filter hook forward priority -20; {what}\n }}\n }}")


FRAGMENTS = "ip frag-off & 0x3fff != 0 drop;"


@pytest.mark.parametrize("mtu, tuning", [(1500, {}), (1500, {"mss_clamp": "off"}), (9000, {"mss_clamp": "off", "workers": 3})])
def test_large_frames_cross_a_path_that_is_narrower_and_drops_fragments_where_the_file_says_so(lab, lans, mtu, tuning):
    wide = {"interface": {**BRIDGED, "mtu": mtu}, "more": {"tuning": tuning}}
    refuse(lab, FRAGMENTS)
    link, near, far = lans(wide, wide, mtu=mtu)
    assert ping(near, "192.168.50.2", 3, mtu - 28, 0.2, 20, "-M", "do") == 3
    assert ping(far, "fd50::1", 3, mtu - 48, 0.2, 20, "-M", "do") == 3
    for client, server, address in ((near, far, "192.168.50.2"), (far, near, "fd50::1")):
        assert transfer(client, server, address, 4 * MEGABYTE)
    for end in (link.a, link.b):
        assert end.drops("frame_too_large") == end.drops("gre_fragment") == 0
        assert end.state() == "up" and end.status()["mtu"] == mtu and end.status()["path"]["size"] == 1440


def test_full_frames_follow_a_path_that_narrows_without_a_word(lab, lans):
    wide = {"interface": {**BRIDGED, "mtu": 1500}, "more": {"tuning": {"mss_clamp": "off"}}}
    link, near, far = lans(wide, wide)
    refuse(lab, "meta length > 1300 drop; " + FRAGMENTS)
    stream = Stream(near, far, "192.168.50.2")
    wait_until(lambda: link.a.status()["path"]["size"] <= 1240, 60, "the end that sends to know the way")
    stream.goes_on()
    assert stream.stop()
    assert ping(far, "192.168.50.1", 3, 1472, 0.2, 20, "-M", "do") == 3
    assert link.a.status()["mtu"] == 1500


def test_a_bridge_keeps_its_ipv6_on_a_path_that_is_too_narrow_for_it(lab, lans):
    """With the MTU that the path has by default: the kernel takes IPv6 off a bridge whose smallest port is below 1,280."""
    link, near, far = lans()
    for end, number in ((link.a, 10), (link.b, 20)):
        end.host.ip("addr", "add", f"fd50::{number}/64", "dev", "br0", "nodad")
    traffic_within(far, "fd50::10", 20)
    stream = Stream(near, far, "192.168.50.2")
    lab.path_mtu(1340)
    wait_until(lambda: link.a.status()["mtu"] == link.b.status()["mtu"] == 1280, 60, "the MTU that IPv6 needs")
    stream.goes_on()
    assert stream.stop()
    for end, number in ((link.a, 10), (link.b, 20)):
        assert "mtu 1280" in end.host.ip("link", "show", "dev", "br0")
        assert f"fd50::{number}/64" in end.host.ip("addr", "show", "dev", "br0")
    assert ping(far, "fd50::10", 3, 1232, 0.2, 20, "-M", "do") == 3
    assert ping(link.a.host, "fd50::20", 3, 1232, 0.2, 20, "-M", "do") == 3
    assert transfer(near, far, "fd50::2", MEGABYTE)


@pytest.mark.parametrize("kind, outer", [("go", 4), ("go", 6), pytest.param("kernel", 4, marks=KERNEL)])
def test_a_gretap_of_the_lans_own_mtu_sends_its_frames_in_fragments(make, lab, kind, outer):
    """As bridges have it: 1,500 bytes on a WireGuard of 1,420, and its own host cuts and joins the GRE packets. The kernel's
    ip6gretap joins them likewise, but cuts none."""
    near, far = lan(lab, lab.a, 1), lan(lab, lab.b, 2)
    ours, theirs = ("fd09::1", "fd09::2") if outer == 6 else ("10.9.0.1", "10.9.0.2")
    tap = {**BRIDGED, "tunnel_address": f"{ours}/{126 if outer == 6 else 30}", "mtu": 1500}
    link = make(("adit", kind), a=frames(tap, more={"tuning": {"mss_clamp": "off"}})).start()
    peer = gre_peer(link.b, theirs, ours, mtu=1500)
    traffic_within(near, "192.168.50.2", 20, needs=peer)
    traffic_within(far, "fd50::1", 20, needs=peer)
    assert ping(near, "192.168.50.2", 3, 1472, 0.2, 20, "-M", "do") == 3
    assert ping(far, "fd50::1", 3, 1452, 0.2, 20, "-M", "do") == 3
    for client, server, address in ((near, far, "fd50::2"), (far, near, "192.168.50.1")):
        assert transfer(client, server, address, MEGABYTE)
    lab.lose(3)
    assert transfer(far, near, "192.168.50.1", MEGABYTE)
    wait_until(lambda: link.a.drops("gre_incomplete") > 0, 40, "halves whose other one was lost to be counted")
    assert link.a.drops("gre_fragment") == 0
    assert peer.alive, peer.log()


def test_hosts_whose_packets_are_too_large_for_the_way_are_told_and_obey(lans):
    """They have a larger MTU than the interface, and nobody clamps their segments: ICMP from the link is all they get."""
    off = {"more": {"tuning": {"mss_clamp": "off", "path_probe": "off"}}}  # the MTU is the route's, and stays so
    link, near, far = lans(off, off)
    for client, server, address in ((near, far, "192.168.50.2"), (far, near, "fd50::1")):
        assert transfer(client, server, address, 4 * MEGABYTE)
        assert f"mtu {MTU}" in client.ip("route", "get", address)
    for end in (link.a, link.b):
        assert end.drops("frame_too_large") > 0
    quiet = link.a.drops("frame_too_large")
    assert transfer(near, far, "192.168.50.2", 4 * MEGABYTE)
    assert link.a.drops("frame_too_large") == quiet, "once told, none is too large"


# A bad path -----------------------------------------------------------------------------------------------------------

def test_connections_survive_loss(lans, lab):
    link, near, far = lans()
    lab.lose(5)
    for client, server, address in ((near, far, "192.168.50.2"), (far, near, "fd50::1")):
        assert transfer(client, server, address, MEGABYTE)
    assert link.a.state() == "up"


def test_a_path_that_doubles_everything_doubles_no_frame(lans, lab):
    link, near, far = lans()
    lab.duplicate()
    background = BackgroundPing(near, "192.168.50.2")
    assert transfer(near, far, "192.168.50.2", 4 * MEGABYTE)
    background.goes_on(5)
    sent, received = background.stop()
    assert received == sent and "DUP!" not in background.log()
    assert link.b.drops("replayed") > 0


@pytest.mark.parametrize("kind", ["go", pytest.param("kernel", marks=KERNEL)])
def test_a_lan_behind_a_gretap_over_another_implementation_is_one_with_ours(make, lab, kind):
    """Whatever crosses between two ends of Adit's does so here: also on a path that loses and doubles."""
    near, far = lan(lab, lab.a, 1), lan(lab, lab.b, 2)
    link = make(("adit", kind), a=frames({**BRIDGED, "tunnel_address": "10.9.0.1/30"})).start()
    peer = gre_peer(link.b, "10.9.0.2", "10.9.0.1")
    for host in (near, far):  # the tunnel of the other end is smaller than the way is wide
        host.ip("link", "set", "eth0", "mtu", MTU - 20)
    traffic_within(near, "192.168.50.2", 20, needs=peer)
    traffic_within(far, "fd50::1", 20, needs=peer)
    with raw(near) as sock, raw(far, ETH_P_ALL) as other:
        for target in (ALL, bytes.fromhex("0180c2000000"), mac_of(far)):
            frame = target + mac_of(near) + struct.pack("!H", 0x88B5) + bytes(range(60))
            assert heard(other, lambda got: got if got == frame else None, lambda: sock.send(frame)) == frame
    lab.lose(2)
    lab.duplicate()
    for client, server, address in ((near, far, "192.168.50.2"), (far, near, "fd50::1")):
        assert transfer(client, server, address, MEGABYTE)
    assert peer.alive, peer.log()


# Neighbours that misbehave --------------------------------------------------------------------------------------------

SENDER = """
import os, socket, struct, sys
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sock.bind(("eth0", 0))
to, count = bytes.fromhex(sys.argv[1]), int(sys.argv[2])  # "": random stations, from random stations; 0: for ever
payload, sent = bytes(46), 0
print("begins", flush=True)
while not count or sent < count:
    source = bytes([2]) + os.urandom(5)
    target = to or bytes([2]) + os.urandom(5)
    try:
        sock.send(target + (source if not to else bytes.fromhex("020000000001")) + struct.pack("!H", 0x88B5) + payload)
        sent += 1
    except OSError:  # no buffers: it came too fast for its own host
        pass
print("sent all", flush=True)
"""


def sender(host, to, count=0):
    process = host.popen(sys.executable, "-c", SENDER, to, count, name="sender")
    wait_until(lambda: "begins" in process.log() or not process.alive, 10, "the sender")
    assert process.alive or "sent all" in process.log(), process.log()
    return process


def test_a_flood_of_strange_stations_harms_neither_the_link_nor_its_neighbours(lans, lab):
    """Each frame is from another station to another one, none of which anybody knows: a bridge floods them all into the
    link, and learns them all."""
    link, near, far = lans()
    background = BackgroundPing(near, "192.168.50.2")
    flood = sender(near, "", 20_000)
    wait_until(lambda: "sent all" in flood.log(), 60, "the flood to be over")
    background.goes_on(3)
    background.close()

    def learned():
        return lab.b.run("bridge", "fdb", "show", "br", "br0").stdout.count(f"dev {link.b.device} master br0")
    wait_until(lambda: learned() > 1000, 20, "the far bridge to have learned of them")
    assert link.a.state() == link.b.state() == "up"
    assert transfer(far, near, "192.168.50.1", MEGABYTE)


def hears_storm(host, count=1000):
    """Frames of a `sender` to all stations, so many of them: whatever else arrives there is none."""
    with raw(host, 0x88B5) as sock:
        sock.settimeout(patient(20))
        return all(sock.recv(100)[:6] == ALL for _ in range(count))


@pytest.mark.parametrize("limit", [None, 200])
def test_a_connection_goes_on_beside_a_storm_of_broadcasts(lans, limit):
    """As fast as a host can send them. With tuning.storm_limit few of them are on the link, and all else passes."""
    more = {"more": {"tuning": {"storm_limit": limit}}} if limit else {}
    link, near, far = lans(more, more)
    stream = Stream(near, far, "192.168.50.2")
    stream.goes_on()
    storm = sender(near, ALL.hex())
    stream.goes_on()
    if limit:
        wait_until(lambda: link.a.drops("storm_limit") > 1000, 20, "frames beyond the limit to be dropped")
        background = BackgroundPing(far, "192.168.50.1")
        background.goes_on(3)
        background.close()
    else:
        assert hears_storm(far)
        assert link.a.drops("storm_limit") == 0
    storm.stop()
    assert stream.stop(), "all of it arrived as it was sent"
    assert link.a.state() == link.b.state() == "up"
