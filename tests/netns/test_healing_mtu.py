# SPDX-License-Identifier: MIT
"""The size of packets finds its way: over paths that narrow while they are used, with and without a word about it, to a
peer of any make. How long it took is shown at the end of the run.
"""
import time

import pytest

from lab.traffic import BackgroundPing, Stream, ping, traffic_within
from lab.wait import wait_until

ONLY_V4 = {"a": {"addresses": ["10.9.0.1/30"]}, "b": {"addresses": ["10.9.0.2/30"]}}


def black_hole(lab, size):
    """The router drops packets above `size` bytes, fragments too, and says nothing. It is to see each by itself, as it
    would on wires, and not as one large packet of many."""
    for host in lab.a, lab.b:
        host.run("ethtool", "-K", "eth0", "tx-udp-segmentation", "off", "gso", "off")
    lab.r.nft(f"""
        table inet hole {{
          chain big {{
            type filter hook forward priority -20;
            meta length > {size} drop;
            ip frag-off & 0x3fff != 0 drop;
          }}
        }}""")


def silent_router(lab):
    """The router cuts what may be cut, and keeps the rest to itself."""
    lab.r.nft("""
        table inet silence {
          chain out {
            type filter hook output priority 0;
            icmp type destination-unreachable drop;
            icmpv6 type packet-too-big drop;
          }
        }""")


def path(end):
    return end.status()["path"]


def mtu_of(end):
    return end.status()["mtu"]


def device_mtu(end):
    return int(end.host.run("cat", f"/sys/class/net/{end.device}/mtu").stdout)


def settled(end, size):
    wait_until(lambda: path(end)["probe"] == "working" and path(end)["size"] == size, 60, f"packets of {size} bytes to be known to pass")


@pytest.fixture
def link(make):
    link = make(**ONLY_V4).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    settled(link.a, 1440)
    return link


def test_a_path_as_wide_as_its_route_is_asked_once(link):
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert path(link.a) == {"probe": "working", "size": 1440, "asked": 1, "answered": 1}
    assert "MTU 1440 (probed)" in link.a.adit("status", link.a.name).stdout


def test_a_stream_over_a_path_that_narrows_without_a_word_goes_on(lab, link, measured):
    stream = Stream(link.a.host, link.b.host, link.b.side.addr4)
    stream.goes_on()
    black_hole(lab, 1280)
    begun = time.monotonic()
    wait_until(lambda: mtu_of(link.a) <= 1220, 60, "a smaller MTU")
    measured("until the MTU fits", time.monotonic() - begun, "s")
    stream.goes_on()
    measured("until a TCP stream moves again", time.monotonic() - begun, "s")
    settled(link.a, 1220)
    assert device_mtu(link.a) == 1220
    assert stream.stop()
    assert "MTU is 1220: larger packets are lost on the way" in link.a.log()
    assert link.a.state() == "up"


def test_a_path_that_is_narrow_from_the_start(make, lab, measured):
    black_hole(lab, 1400)
    link = make(**ONLY_V4).start()
    begun = time.monotonic()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    ping(link.a.host, link.b.side.addr4, 20)
    settled(link.a, 1340)
    measured("until the MTU fits", time.monotonic() - begun, "s")
    assert ping(link.a.host, link.b.side.addr4, 3, 1340 - 28) == 3


def test_over_ipv6_what_is_too_large_for_a_narrow_path_travels_in_fragments(make, lab, measured):
    """Inside there is IPv6, too, whose packets may be 1,280 bytes large, and on the way there is room for 1,200."""
    link = make(outer=6).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    settled(link.a, 1420)
    stream = Stream(link.a.host, link.b.host, link.b.side.addr6)
    stream.goes_on()
    silent_router(lab)
    lab.r.ip("link", "set", "tob", "mtu", "1280")
    begun = time.monotonic()
    wait_until(lambda: mtu_of(link.a) == 1280, 60, "a smaller MTU")
    stream.goes_on()
    measured("until a TCP stream moves again", time.monotonic() - begun, "s")
    assert stream.stop()
    settled(link.a, 1200)
    assert device_mtu(link.a) == 1280
    assert "has room for 1200 bytes inside" in link.a.log()
    assert "MTU 1280 (probed: IPv4 up to 1200, IPv6 above that in fragments)" in link.a.adit("status", link.a.name).stdout


@pytest.mark.parametrize("inner", [4, 6])
def test_with_ipv6_inside_a_stream_over_a_path_too_narrow_for_it_goes_on(make, lab, measured, inner):
    """The interface must take 1,280 bytes, the path has room for 1,220 inside, and fragments are filtered. IPv4's sender
    is told; of IPv6 only streams that begin now find smaller segments."""
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    settled(link.a, 1440)
    running = Stream(link.a.host, link.b.host, link.b.side.addr4)
    running.goes_on()
    black_hole(lab, 1280)
    begun = time.monotonic()
    running.goes_on()
    measured("until a TCP stream moves again", time.monotonic() - begun, "s")
    settled(link.a, 1220)
    assert running.stop()
    assert device_mtu(link.a) == 1280
    late = Stream(link.a.host, link.b.host, link.b.side.addr4 if inner == 4 else link.b.side.addr6)
    late.goes_on()
    assert late.stop()
    status = link.a.adit("status", link.a.name).stdout
    assert "IPv4 up to 1220, IPv6 above that in fragments" in status
    assert "has room for 1220 bytes inside, and the interface must take 1280: IPv6 packets above that travel" in status
    assert link.a.state() == "up"


def test_what_a_router_says_is_heard(lab, link, measured):
    stream = Stream(link.a.host, link.b.host, link.b.side.addr4)
    stream.goes_on()
    lab.path_mtu(1340)
    begun = time.monotonic()
    wait_until(lambda: mtu_of(link.a) == 1280, 60, "a smaller MTU")
    measured("until the MTU fits", time.monotonic() - begun, "s")
    stream.goes_on()
    assert stream.stop()
    settled(link.a, 1280)


@pytest.mark.parametrize("size", [1300, 1280])
def test_a_stock_peer_answers_too(make, lab, size):
    link = make(("adit", "go"), **ONLY_V4).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    settled(link.a, 1440)
    black_hole(lab, size)
    stream = Stream(link.a.host, link.b.host, link.b.side.addr4)
    wait_until(lambda: mtu_of(link.a) <= size - 60, 60, "a smaller MTU")
    stream.goes_on()
    assert stream.stop()


def test_a_peer_that_answers_nothing_is_left_in_peace(make, lab):
    link = make(**ONLY_V4)
    link.b.host.sysctl("net.ipv4.icmp_echo_ignore_all", 1)
    link.start()
    stream = Stream(link.a.host, link.b.host, link.b.side.addr4)
    wait_until(lambda: path(link.a)["probe"] == "unanswered", 60, "that to be known")
    stream.goes_on()
    assert stream.stop()
    asked = path(link.a)["asked"]
    assert mtu_of(link.a) == 1440
    assert path(link.a)["answered"] == 0
    assert "10.9.0.2 answers no echo request" in link.a.log()
    assert "the peer answers no probes" in link.a.adit("status", link.a.name).stdout
    assert path(link.a)["asked"] == asked


def test_a_peer_whose_address_is_not_known_is_not_asked(make):
    link = make(a={"addresses": ["10.9.0.1/24"], "allowed_ips": ["10.9.0.0/24"]}, b=ONLY_V4["b"]).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    wait_until(lambda: path(link.a)["probe"] == "no_address", 10, "that to be known")
    assert path(link.a)["asked"] == 0
    assert "interface.peer_addresses would tell" in link.a.log()


def test_the_file_can_switch_it_off(make):
    link = make(a={"addresses": ["10.9.0.1/30"], "more": {"tuning": {"path_probe": "off"}}},
                b={"addresses": ["10.9.0.2/30"], "interface": {"mtu": 1400}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    for end in link.a, link.b:
        assert path(end)["probe"] == "off" and path(end)["asked"] == 0


def test_a_peer_that_the_file_has_named_wrongly_is_asked_once_it_is_right(make):
    wide = {"addresses": ["10.9.0.1/24"], "allowed_ips": ["10.9.0.0/24"], "interface": {"peer_addresses": ["10.9.0.77"]}}
    link = make(a=wide, b={"addresses": ["10.9.0.2/24"], "allowed_ips": ["10.9.0.0/24"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    pings = BackgroundPing(link.a.host, link.b.side.addr4)
    wait_until(lambda: path(link.a)["probe"] == "unanswered", 30, "the wrong one to be given up")
    link.a.side.interface["peer_addresses"] = ["10.9.0.2"]
    link.a.write_config()
    link.a.adit("reload", link.a.name)
    settled(link.a, 1440)
    pings.stop()
