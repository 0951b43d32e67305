# SPDX-License-Identifier: MIT
"""A full tunnel leads everything through the link or nowhere. Traffic to addresses beyond the tunnel flows all the time,
in both families, and every frame that leaves by the uplink is looked at: it is the link's own datagram to the peer, the
local network's, or a leak. And no route ever leads the link's own datagrams into itself."""
import ipaddress
import json
import re
import signal
import socket
import time

import pytest

from lab.datagrams import Tap
from lab.doctor import examine
from lab.ends import ADIT
from lab.namespace import Failed
from lab.traffic import answers, ping, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only

PORT = 51820
PORTS = (PORT, PORT + 1)  # of a second link
BEYOND = {4: "203.0.113.1", 6: "2001:db8::1"}
PEER = {4: "10.2.0.2", 6: "fd02::2"}
LOCAL = [ipaddress.ip_network(net) for net in ("10.1.0.0/24", "fd01::/64", "fe80::/10", "ff00::/8", "224.0.0.0/4")]
FULL = {"routes": ["default"], "allowed_ips": ["0.0.0.0/0", "::/0"]}


def described(frame):
    """(destination, protocol, destination port) of a frame, or none for ARP and the like."""
    kind = frame[12:14]
    if kind == b"\x08\x00":
        header = 14 + (frame[14] & 15) * 4
        return ipaddress.ip_address(frame[30:34]), frame[23], int.from_bytes(frame[header + 2:header + 4], "big")
    if kind == b"\x86\xdd":
        return ipaddress.ip_address(frame[38:54]), frame[20], int.from_bytes(frame[56:58], "big")
    return None


class Watched:
    """Everything that leaves host a by its uplink, with traffic to beyond the tunnel in both families all the while."""

    def __init__(self, host):
        self.tap = Tap(host, "eth0", PORT)
        self.pings = [host.popen("sh", "-c", f"while :; do ping -n -q -c 20 -i 0.02 -W 1 {to}; sleep 0.02; done", name="ping")
                      for to in BEYOND.values()]

    def leaks(self):
        found = {}
        for left, frame in self.tap.frames():
            packet = described(frame) if left else None
            if packet is None:
                continue
            to, protocol, port = packet
            own = protocol == socket.IPPROTO_UDP and port in PORTS and str(to) in PEER.values()
            if not own and not any(to in net for net in LOCAL if net.version == to.version):
                found[str(to)] = found.get(str(to), 0) + 1
        return found

    def expect_none(self, when):
        time.sleep(0.3)  # for what is on its way
        if found := self.leaks():
            raise Failed(f"{when}, these left by the uplink in clear: {found}")

    def close(self):
        for process in self.pings:
            process.close()
        self.tap.close()


@pytest.fixture
def watched(lab):
    made = []

    def watch(host):
        made.append(Watched(host))
        return made[-1]
    yield watch
    for each in made:
        each.close()


def full(make, **options):
    side = {**FULL, **options.pop("a", {})}
    link = make(a=side, **options)
    for address in BEYOND.values():
        link.b.host.ip("addr", "add", address, "dev", "lo")
    return link


def reachable_in_clear(lab, host):
    """The router answers for what lies beyond: who reaches it there has left the tunnel."""
    return answers(host, BEYOND[4]) or answers(host, BEYOND[6])


@pytest.fixture
def beyond_the_router(lab):
    for address in BEYOND.values():
        lab.r.ip("addr", "add", address, "dev", "lo")


@pytest.mark.parametrize("outer", [4, 6], ids=["over_ipv4", "over_ipv6"])
def test_nothing_leaves_in_clear_whatever_becomes_of_the_daemon(make, lab, watched, beyond_the_router, outer):
    link = full(make, outer=outer)
    assert reachable_in_clear(lab, link.a.host), "before there is a link"
    before = link.a.host.network_state()
    link.a.start()
    seen = watched(link.a.host)
    seen.expect_none("while connecting")
    link.b.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    for address in BEYOND.values():
        assert ping(link.a.host, address) == 3
    seen.expect_none("while up")
    link.a.kill()
    assert not reachable_in_clear(lab, link.a.host)
    assert ping(link.a.host, "10.1.0.1") == 3, "the local network stays"
    seen.expect_none("after kill -9")
    link.a.start()
    traffic_within(link.a.host, BEYOND[4], 20)
    traffic_within(link.a.host, BEYOND[6], 20)
    seen.expect_none("while starting again")
    link.b.stop()
    seen.expect_none("while the peer is away")
    link.a.stop()
    assert reachable_in_clear(lab, link.a.host), "an orderly stop lets everything pass"
    link.a.host.expect_network_state(before)


def test_nothing_leaves_in_clear_while_the_file_is_edited(make, lab, watched, beyond_the_router):
    link = full(make).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    seen = watched(link.a.host)
    for routes in (["default", "192.168.20.0/24"], ["0.0.0.0/0", "::/0"], ["default"]):
        link.a.side.routes = routes
        link.a.write_config()
        link.a.adit("reload", link.a.name)
    link.a.side.more = {"tuning": {"receive_buffer": "2M"}}
    link.a.write_config()
    link.a.adit("reload", link.a.name)
    seen.expect_none("while edited")
    assert ping(link.a.host, BEYOND[4]) == 3


def test_nothing_leaves_in_clear_while_names_uplinks_and_sessions_change(make, lab, watched, beyond_the_router):
    link = full(make, calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    seen = watched(link.a.host)
    link.a.side.interface = {"name": "other0"}
    link.a.write_config()
    link.a.adit("reload", link.a.name)
    link.a.device = "other0"
    seen.expect_none("while the interface gets another name")
    lab.address(link.a.host, 1, 77)
    traffic_within(link.a.host, BEYOND[4], 20)
    seen.expect_none("while the uplink gets another address")
    before = link.a.log().count(" completed")  # the status knows its second, which may be that of the session before
    link.b.restart()
    wait_until(lambda: link.a.log().count(" completed") > before, 30, "a new session")
    traffic_within(link.a.host, BEYOND[4], 20)
    seen.expect_none("while the session is renewed")


def test_a_rule_that_somebody_removes_is_put_back_and_the_culprit_named(make, lab, watched, beyond_the_router, measured):
    link = full(make).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    rules = link.a.host.ip("rule")
    seen = watched(link.a.host)
    link.a.host.ip("rule", "del", "pref", "32701")
    wait_until(lambda: link.a.host.ip("rule") == rules, 10, "the rule to be put back")
    time.sleep(0.3)
    before = sum(seen.leaks().values())
    measured("packets in clear until the rule was back", before, "of 100 a second")
    time.sleep(1)
    assert sum(seen.leaks().values()) == before, "and none since"
    link.a.host.ip("-6", "route", "flush", "table", "all", "proto", "173")
    wait_until(lambda: answers(link.a.host, BEYOND[6]), 10, "the IPv6 routes to be put back")
    link.a.host.ip("addr", "flush", "dev", link.a.device)
    wait_until(lambda: all(f" {address} " in link.a.host.ip("addr", "show", "dev", link.a.device)
                           for address in link.a.side.addresses), 10, "the addresses to be put back")
    traffic_within(link.a.host, link.b.side.addr4, 10)
    log = link.a.log()
    assert "it was put back: the IPv4 rule 32701" in log
    assert link.a.state() == "up"


def test_whoever_has_our_number_in_a_container_beside_is_somebody_else(make, lab, watched, beyond_the_router):
    """Each is process 1 of its container, and the network is one: a pod and its sidecar."""
    link = full(make)
    link.b.start()
    container = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    link.a.launch(*container)
    traffic_within(link.a.host, link.b.side.addr4, 20)
    rules = link.a.host.ip("rule")
    for family, listed in (("-4", rules), ("-6", link.a.host.ip("-6", "rule"))):
        link.a.host.run(*container, "ip", family, "rule", "del", "pref", "32701")
        wait_until(lambda: link.a.host.ip(family, "rule") == listed, 10, "the rule to be put back")
    seen = watched(link.a.host)
    traffic_within(link.a.host, link.b.side.addr4, 10)
    seen.expect_none("with the rules in place")
    assert "somebody took away what the link needs, and it was put back: the IPv4 rule 32701" in link.a.log()


def test_who_takes_things_away_again_and_again_is_told_of_and_not_fought(make):
    link = full(make).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    fighter = link.a.host.popen("sh", "-c", "while :; do ip rule del pref 32701 2>&-; done", name="fighter")
    try:
        wait_until(lambda: link.a.state() == "failed", 20, "the fight to be given up")
        assert "keeps taking away what the link needs: the IPv4 rule 32701" in link.a.status()["reason"]
    finally:
        fighter.close()


def test_what_cannot_be_put_back_keeps_nothing_else_away(make, watched, beyond_the_router):
    """NetworkManager's `ipv6.method=disabled`, for one, takes IPv6 from the interface."""
    link = full(make).start()
    traffic_within(link.a.host, BEYOND[4], 10)
    link.a.host.sysctl(f"net.ipv6.conf.{link.a.device}.disable_ipv6", 1)
    wait_until(lambda: link.a.state() == "failed", 10, "the state to say so")
    assert f"net.ipv6.conf.{link.a.device}.disable_ipv6" in link.a.status()["reason"]
    for rule in ("32700", "32701"):
        link.a.host.ip("rule", "del", "pref", rule)
    wait_until(lambda: "32700:" in link.a.host.ip("rule") and "32701:" in link.a.host.ip("rule"), 10, "the rules to be put back")
    link.a.host.ip("addr", "flush", "dev", link.a.device)
    seen = watched(link.a.host)
    # Each ping by itself: one that begins before all is put back is refused, and ends.
    wait_until(lambda: answers(link.a.host, BEYOND[4]), 10, "an answer from beyond")
    seen.expect_none("with rules and addresses put back, and IPv6 off")
    log = link.a.log()
    assert "it was put back: the IPv4 rule 32700" in log and "the address 10.9.0.1/30" in log
    link.a.side.routes, link.a.side.addresses = ["0.0.0.0/0"], ["10.9.0.1/30"]
    link.a.write_config()
    link.a.adit("reload", link.a.name)
    wait_until(lambda: link.a.state() == "up", 10, "a file without IPv6 to be the mend")


def test_a_kill_switch_that_is_to_stay_stays_until_it_is_unblocked(make, lab, beyond_the_router):
    link = full(make, a={"interface": {"kill_switch": "always"}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    refused = link.a.adit("unblock", link.a.name, check=False)
    assert refused.returncode == 1 and "the link runs" in refused.stderr
    link.a.stop()
    assert not reachable_in_clear(lab, link.a.host)
    assert ping(link.a.host, "10.1.0.1") == 3
    assert "unblocked" in link.a.adit("unblock", link.a.name).stdout
    assert reachable_in_clear(lab, link.a.host)
    assert "nothing was blocked" in link.a.adit("unblock", link.a.name).stdout
    misspelt = link.a.adit("unblock", "ofice", check=False)
    assert misspelt.returncode == 4 and "there is no link ofice" in misspelt.stderr


def test_a_link_that_hangs_is_not_unblocked_behind_its_back(make, lab, watched, beyond_the_router):
    link = full(make, a={"interface": {"kill_switch": "always"}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    seen = watched(link.a.host)
    rules = link.a.host.run("ip", "rule").stdout
    link.a.process.send_signal(signal.SIGSTOP)
    try:
        refused = link.a.adit("unblock", link.a.name, check=False)
        assert link.a.host.run("ip", "rule").stdout == rules
    finally:
        link.a.process.send_signal(signal.SIGCONT)
    assert refused.returncode == 1 and "does not answer" in refused.stderr and "systemctl stop adit@a" in refused.stderr
    seen.expect_none("while it hung")


def test_without_the_kill_switch_everything_passes_when_the_daemon_is_killed(make, lab, beyond_the_router):
    link = full(make, a={"interface": {"kill_switch": "off"}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.kill()
    assert reachable_in_clear(lab, link.a.host)


def test_a_link_that_never_worked_leaves_nothing_behind(make, lab, beyond_the_router):
    """Its first start fails: a newcomer is not to be cut off by that. After it has worked, it is."""
    link = full(make)
    before = link.a.host.network_state()
    link.a.side.more = {"hooks": {"up": [{"command": ["false"], "required": True}]}}
    link.a.launch()
    link.a.process.wait(20)
    link.a.host.expect_network_state(before)


def test_a_family_that_the_interface_has_no_address_of_is_blocked(make, lab, watched, beyond_the_router):
    """The usual file of a provider: IPv4 addresses, and 0.0.0.0/0, ::/0."""
    link = full(make, a={"addresses": ["10.9.0.1/30"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    seen = watched(link.a.host)
    assert ping(link.a.host, BEYOND[4]) == 3
    assert not answers(link.a.host, BEYOND[6])
    assert link.a.status()["blocked"] == ["IPv6"]
    assert "IPv6 is blocked" in link.a.log()
    assert "blocked    IPv6" in link.a.adit("status", link.a.name, check=False).stdout
    link.a.kill()
    seen.expect_none("after kill -9")
    link.a.start()
    link.a.side.routes = ["0.0.0.0/0"]
    link.a.write_config()
    link.a.adit("reload", link.a.name)
    assert answers(link.a.host, BEYOND[6]), "who writes 0.0.0.0/0 has IPv6 outside"


def test_halves_are_a_full_tunnel_too(make, lab, watched, beyond_the_router):
    link = full(make, a={"routes": ["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    lab.r.ip("route", "add", "10.9.0.1", "via", "10.1.0.2")
    assert not answers(lab.r, "10.9.0.1"), "a neighbour learns nothing"
    lab.r.ip("addr", "add", "45.0.0.1", "dev", "lo")  # of the half that the peer is in
    assert ping(lab.r, "10.1.0.2", 2, 56, 0.2, 20, "-I", "45.0.0.1") == 2, "and who asks from outside has an answer there"
    seen = watched(link.a.host)
    for address in BEYOND.values():
        assert ping(link.a.host, address) == 3
    assert link.a.state() == "up"
    link.a.kill()
    assert not reachable_in_clear(lab, link.a.host)
    seen.expect_none("after kill -9")
    link.a.start()
    traffic_within(link.a.host, BEYOND[4], 20)
    link.a.stop()
    assert reachable_in_clear(lab, link.a.host)


def test_a_dhcp_server_that_hands_out_halves_gets_nothing(make, lab, watched, beyond_the_router):
    link = full(make).start()
    for half, gateway in (("0.0.0.0/1", "10.1.0.1"), ("128.0.0.0/1", "10.1.0.1"), ("::/1", "fd01::1"), ("2000::/3", "fd01::1")):
        link.a.host.ip("route", "add", half, "via", gateway)
    traffic_within(link.a.host, link.b.side.addr4, 10)
    seen = watched(link.a.host)
    for address in BEYOND.values():
        assert ping(link.a.host, address) == 3
    seen.expect_none("with halves by way of the router")
    link.a.kill()
    assert not reachable_in_clear(lab, link.a.host)
    seen.expect_none("after kill -9")


@pytest.mark.parametrize("outer", [4, 6], ids=["over_ipv4", "over_ipv6"])
@pytest.mark.parametrize("calls", ["ab", "b"], ids=["called", "calling"])
def test_a_route_that_the_peer_lies_in_makes_no_loop(make, outer, calls):
    """10.0.0.0/8 is behind the peer, and the peer at 10.2.0.2. An end that is called learns of it from the first packet."""
    routes = ["10.0.0.0/8"] if outer == 4 else ["fd00::/8"]
    link = make(outer=outer, calls=calls, a={"routes": routes, "allowed_ips": ["10.0.0.0/8", "fd00::/8"]}).start()
    link.b.host.ip("addr", "add", "10.77.0.1", "dev", "lo")
    link.b.host.ip("addr", "add", "fd77::1", "dev", "lo")
    before = link.a.host.network_state()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert ping(link.a.host, "10.77.0.1" if outer == 4 else "fd77::1") == 3
    assert link.a.state() == "up"
    sent = link.a.status()["traffic"]["tx"]["packets"]
    assert ping(link.a.host, link.b.side.addr4) == 3
    assert link.a.status()["traffic"]["tx"]["packets"] - sent < 20, "each packet once"
    assert before  # for the report of a failure
    link.a.stop()
    assert "proto 173" not in link.a.host.ip("route", "show", "table", "all") + link.a.host.ip("-6", "route", "show", "table", "all")
    assert "proto 173" not in link.a.host.ip("rule")


def test_a_lan_that_is_also_a_route_is_left_out_and_all_else_works(make):
    link = make(a={"routes": ["192.168.20.0/24", "192.168.21.0/24"], "allowed_ips": ["10.9.0.0/30", "fd09::/126", "192.168.20.0/23"]})
    host = link.a.host
    host.ip("link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
    host.ip("addr", "add", "192.168.20.7/24", "dev", "lan0", "metric", "100")
    host.ip("link", "set", "lan0", "up")
    link.start()
    traffic_within(host, link.b.side.addr4, 10)

    def way(to):
        return json.loads(host.ip("-json", "route", "get", to))[0]["dev"]
    assert way("192.168.20.1") == "lan0" and way("192.168.21.1") == link.a.device
    status = link.a.status()
    assert status["state"] == "up" and "192.168.20.0/24 is also the network that lan0 is in" in status["reason"]
    host.ip("addr", "del", "192.168.20.7/24", "dev", "lan0")
    wait_until(lambda: way("192.168.20.1") == link.a.device, 10, "the route to be added")
    assert link.a.status()["reason"] == ""
    host.ip("addr", "add", "192.168.21.7/24", "dev", "lan0", "metric", "100")
    wait_until(lambda: way("192.168.21.1") == "lan0", 10, "the route to be left to the new LAN")
    assert "192.168.21.0/24" in link.a.status()["reason"]


def test_a_lan_that_comes_up_with_its_address_is_left_out_as_well(make):
    """A static address, and no IPv6: the kernel tells of the interface and of the route, and of no address."""
    link = make(a={"routes": ["192.168.20.0/24"], "allowed_ips": ["10.9.0.0/30", "fd09::/126", "192.168.20.0/24"]})
    host = link.a.host
    host.ip("link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
    for name in ("lan0", "lan1"):
        host.sysctl(f"net.ipv6.conf.{name}.disable_ipv6", 1)
    host.ip("link", "set", "lan1", "up")
    host.ip("addr", "add", "192.168.20.7/24", "dev", "lan0")
    link.start()
    traffic_within(host, link.b.side.addr4, 10)

    def way(to):
        return json.loads(host.ip("-json", "route", "get", to))[0]["dev"]
    for _ in range(2):
        assert way("192.168.20.1") == link.a.device and link.a.status()["reason"] == ""
        host.ip("link", "set", "lan0", "up")
        wait_until(lambda: way("192.168.20.1") == "lan0", 10, "the route to be left to the LAN")
        wait_until(lambda: "192.168.20.0/24 is also the network that lan0 is in" in link.a.status()["reason"], 10, "the reason")
        host.ip("link", "set", "lan0", "down")
        wait_until(lambda: way("192.168.20.1") == link.a.device, 10, "the route to be back")
        wait_until(lambda: link.a.status()["reason"] == "", 10, "the reason to be gone")


def test_a_route_of_others_that_leads_to_the_peer_is_named_and_multiplies_nothing(make):
    link = make(a={"allowed_ips": ["10.0.0.0/8"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    sent = link.a.status()["traffic"]["tx"]["packets"]
    link.a.host.ip("route", "add", "10.2.0.2", "dev", link.a.device)
    assert not answers(link.a.host, link.b.side.addr4)
    wait_until(lambda: link.a.state() == "failed", 20, "the state to say so")
    assert not answers(link.a.host, link.b.side.addr4)
    assert link.a.drops("looped") + link.a.drops("send_failed") > 0
    assert "leads into the tunnel itself" in link.a.status()["reason"]
    assert link.a.status()["traffic"]["tx"]["packets"] - sent < 20
    link.a.host.ip("route", "del", "10.2.0.2")
    traffic_within(link.a.host, link.b.side.addr4, 20)


def test_a_route_of_others_to_one_endpoint_keeps_none_of_the_others_away(make):
    second = "[fd02::2]:51820"
    link = make(calls="a", a={"allowed_ips": ["10.0.0.0/8"], "endpoint": ["10.2.0.2:51820", second]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.a.peer_endpoint() == "10.2.0.2:51820"
    link.a.host.ip("route", "add", "10.2.0.2", "dev", link.a.device)
    wait_until(lambda: link.a.peer_endpoint() == second, 40, "the other endpoint to be taken")
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert link.a.state() == "up"


@pytest.mark.parametrize("outer", [4, 6], ids=["over_ipv4", "over_ipv6"])
def test_a_neighbour_gets_no_answer_from_inside_the_tunnel(make, lab, outer):
    """CVE-2019-14899: a host of the local network that guesses the tunnel's addresses."""
    link = full(make, outer=outer)
    lab.r.ip("route", "add", "10.9.0.1", "via", "10.1.0.2")
    lab.r.ip("route", "add", "fd09::1", "via", "fd01::2")
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert not answers(lab.r, "10.9.0.1") and not answers(lab.r, "fd09::1")
    assert ping(lab.r, "10.1.0.2") == 3 and ping(lab.r, "fd01::2") == 3
    assert ping(link.b.host, "10.9.0.1") == 3 and ping(link.b.host, "fd09::1") == 3
    link.a.host.run("nft", "flush", "ruleset", check=False)
    assert not answers(lab.r, "10.9.0.1"), "no firewall's flush takes it away"
    link.a.kill()
    assert "adit" not in link.a.host.run("nft", "list", "ruleset").stdout
    link.a.start()
    traffic_within(link.a.host, link.b.side.addr4, 20)
    link.a.side.routes = []
    link.a.write_config()
    link.a.adit("reload", link.a.name)
    assert "adit" not in link.a.host.run("nft", "list", "ruleset").stdout
    assert answers(lab.r, "10.9.0.1"), "what it is that is kept away"


SERVE = """
import socket, sys
with socket.create_server((sys.argv[1], 7000), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET) as server:
    print("ready", flush=True)
    while True:
        client, where = server.accept()
        client.sendall(b"hello from inside")
        client.close()
"""


@pytest.mark.parametrize("version, outside", [(4, "10.1.0.2"), (6, "fd01::2")], ids=["ipv4", "ipv6"])
def test_who_connects_from_outside_is_answered_the_way_the_connection_came(make, lab, beyond_the_router, version, outside):
    link = make(a=FULL).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    server = link.a.host.popen("/usr/bin/python3", "-c", SERVE, outside, name="server")
    wait_until(lambda: "ready" in server.log(), 10, "the server")
    ask = ("/usr/bin/python3", "-c", "import socket, sys; print(socket.create_connection((sys.argv[1], 7000), 10, "
           "(sys.argv[2], 0)).makefile().read())", outside, BEYOND[version])
    assert "hello from inside" in lab.r.run(*ask).stdout
    assert ping(lab.r, outside, 2, 56, 0.2, 20, "-I", BEYOND[version]) == 2
    assert not reachable_in_clear(lab, link.a.host), "what the host begins itself goes into the tunnel"


@pytest.mark.parametrize("calls", ["a", "b"], ids=["calling", "called"])
def test_the_reverse_path_filters_of_others_let_the_peer_in(make, calls):
    """firewalld's, for IPv6, which looks for the way back with the packet's mark."""
    link = full(make, outer=6, calls=calls)
    link.a.host.nft("""table inet firewalld_like { chain pre { type filter hook prerouting priority -140;
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
        meta nfproto ipv6 fib saddr . mark . iif oif missing drop
        }
        }""")
    link.start()
    traffic_within(link.a.host if calls == "a" else link.b.host, link.b.side.addr4 if calls == "a" else "10.9.0.1", 20)
    assert ping(link.a.host, BEYOND[6]) == 3


def test_a_strict_filter_for_ipv4_lets_the_peer_in_where_marks_count(make):
    link = full(make)
    link.a.host.sysctl("net.ipv4.conf.all.rp_filter", 1)
    link.a.host.sysctl("net.ipv4.conf.eth0.rp_filter", 1)
    link.a.host.sysctl("net.ipv4.conf.all.src_valid_mark", 1)
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert ping(link.a.host, BEYOND[4]) == 3
    assert "reverse path filter" not in link.a.log() and examine(link.a)["rp_filter"] == "ok", "no false alarm"


def test_what_the_host_forwards_does_not_leave_in_clear_either(make, lab, watched, beyond_the_router):
    """Not even to the link's own port: only what comes in for this host is marked."""
    link = full(make).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    client = lab.namespace("c")
    link.a.host.ip("link", "add", "lan0", "type", "veth", "peer", "name", "eth0", "netns", client.name)
    link.a.host.ip("addr", "add", "192.168.77.1/24", "dev", "lan0")
    link.a.host.ip("link", "set", "lan0", "up")
    client.ip("addr", "add", "192.168.77.2/24", "dev", "eth0")
    client.ip("link", "set", "eth0", "up")
    client.ip("route", "add", "default", "via", "192.168.77.1")
    link.a.host.sysctl("net.ipv4.ip_forward", 1)
    seen = watched(link.a.host)
    with client.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for port in (PORT, 9999):
            for _ in range(5):
                sock.sendto(b"hello", (BEYOND[4], port))
    seen.expect_none("forwarded for a client")


def test_a_start_that_fails_after_a_crash_lets_nothing_out(make, lab, watched, beyond_the_router):
    link = full(make, a={"routes": ["0.0.0.0/0"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.kill()
    assert not answers(link.a.host, BEYOND[4])
    link.a.host.sysctl("net.ipv6.conf.default.disable_ipv6", 1)  # so its IPv6 address cannot be had
    link.a.launch()
    link.a.process.wait(20)
    assert not answers(link.a.host, BEYOND[4])
    link.a.process = None
    link.a.host.sysctl("net.ipv6.conf.default.disable_ipv6", 0)
    link.a.start()
    traffic_within(link.a.host, BEYOND[4], 20)


def test_the_peer_in_the_own_network_does_not_take_that_network_along(make, lab):
    """A route that is the LAN the host is in, and the peer in it: a laptop that has come home."""
    link = make(a={"routes": ["10.1.0.0/24"], "allowed_ips": ["10.9.0.0/30", "fd09::/126", "10.1.0.0/24"],
                   "endpoint": f"10.1.0.1:{PORT}"})
    link.a.start()
    assert json.loads(link.a.host.ip("-json", "route", "get", "10.1.0.99"))[0]["dev"] == "eth0"
    assert ping(link.a.host, "10.1.0.1") == 3
    assert "10.1.0.0/24 is also the network that eth0 is in" in link.a.log()


def number_of(name):
    """As the daemon makes it of a link's name."""
    number = 2166136261
    for letter in name.encode():
        number = (number ^ letter) * 16777619 % 2**32
    return 0x0ad10000 | (number ^ number >> 16) & 0x3fff


def test_two_links_whose_names_give_one_number_have_two(make, lab, beyond_the_router):
    link = full(make)
    numbers = link.a.run_dir / ".numbers"
    numbers.mkdir()
    (numbers / f"{number_of('a'):x}").write_text("somebody else")
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    rules = link.a.host.ip("rule")
    assert f"lookup {number_of('a') + 1}" in rules and f"lookup {number_of('a')} " not in rules

    def sockets():
        return [word for word in link.a.host.run("ss", "-uane").stdout.split() if word.startswith("ino:")]
    before = sockets()
    assert before and "nothing to change" in link.a.adit("reload", link.a.name).stdout
    assert sockets() == before, "the same marks, so the same sockets"
    link.a.kill()
    assert not reachable_in_clear(lab, link.a.host)
    assert "unblocked" in link.a.adit("unblock", link.a.name).stdout
    assert reachable_in_clear(lab, link.a.host)


# Rules of others, further up in the list -------------------------------------------------------------------------------

PAST = re.compile(r"IPv[46].* traffic (goes|is refused)")


def alarms(end):
    return [line for line in end.log().splitlines() if PAST.search(line)]


def reason_of(end):
    """What a link that is up says all the same."""
    status = end.status()
    assert status["state"] == "up", status
    return status["reason"]


@pytest.mark.parametrize("family, lookup", [("-4", "ip rule"), ("-6", "ip -6 rule")], ids=["ipv4", "ipv6"])
def test_a_rule_of_others_that_comes_first_is_told_of_until_it_goes(make, lab, beyond_the_router, family, lookup):
    """As scripts for several uplinks and container networks have it. The link has no right to take it away."""
    version = int(family[1])
    link = full(make).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert reason_of(link.a) == "" and examine(link.a)["routes"] == "ok"
    reader = link.a.host.popen(ADIT, "events", "--json", link.a.name, name="events", env=link.a.env)
    wait_until(lambda: '"now"' in reader.log(), 10, "the first event")
    link.a.host.ip(family, "rule", "add", "priority", "1000", "lookup", "main")
    wait_until(lambda: reason_of(link.a), 20, "the reason")
    said = reason_of(link.a)
    assert f"IPv{version} traffic goes past the tunnel, by eth0: the rule 1000, which looks up table main" in said
    assert f"`{lookup} del priority 1000`" in said and f"IPv{10 - version}" not in said
    assert alarms(link.a) and said in alarms(link.a)[0]
    report = examine(link.a)
    assert report["routes"] == "problem" and said in report.evidence("routes")
    wait_until(lambda: '"bypass"' in reader.log(), 10, "the event")
    reader.close()
    # Told once, whatever else changes; and who looks again is told that it is over.
    link.a.host.ip(family, "rule", "add", "priority", "900", "from", "203.0.113.99" if version == 4 else "2001:db8::99", "lookup", "7")
    link.a.host.ip(family, "rule", "del", "priority", "1000")
    wait_until(lambda: reason_of(link.a) == "", 20, "the reason to go")
    assert len(alarms(link.a)) == 1
    assert "all that is to go into the tunnel does so again" in link.a.log()
    assert ping(link.a.host, BEYOND[version]) == 3


def test_what_others_route_beside_a_full_tunnel_is_no_alarm(make, beyond_the_router):
    """Rules behind the link's and rules for some packets only, narrow routes, networks of containers, what is banned."""
    link = full(make)
    host = link.a.host
    host.ip("link", "add", "docker0", "type", "bridge")
    host.ip("addr", "add", "172.17.0.1/16", "dev", "docker0")
    host.ip("link", "set", "docker0", "up")
    link.start()
    traffic_within(host, link.b.side.addr4, 10)
    for rule in ("priority 32765 lookup 200", "priority 32702 lookup main", "priority 100 from 10.1.0.2 lookup 200",
                 "priority 5210 fwmark 0x80000/0xff0000 lookup main", "priority 5270 lookup 52", "priority 1000 iif docker0 lookup main",
                 "priority 200 to 198.51.100.0/24 lookup main", "priority 300 uidrange 4711-4711 lookup main",
                 "priority 400 lookup main suppress_prefixlength 0", "priority 500 ipproto 6 dport 25 lookup main"):
        host.ip("rule", "add", *rule.split())
    for route in ("default via 10.1.0.1 table 200", "100.64.0.0/10 dev docker0 table 52", "45.0.0.0/8 via 10.1.0.1",
                  "blackhole 154.43.32.0/24", "0.0.0.0/0 dev docker0 metric 4000", "203.0.113.128/25 via 10.1.0.1 table 52"):
        host.ip("route", "add", *route.split())
    # What is one comes last, so that all that is none has been looked at.
    host.ip("rule", "add", "priority", "1100", "lookup", "200")
    wait_until(lambda: reason_of(link.a), 20, "the reason")
    assert "the rule 1100, which looks up table 200" in reason_of(link.a)
    assert len(alarms(link.a)) == 1
    host.ip("rule", "del", "priority", "1100")
    wait_until(lambda: reason_of(link.a) == "", 20, "the reason to go")
    assert examine(link.a)["routes"] == "ok"


def second(make, first, **options):
    """Another link between the same hosts, with a default route as well unless `options` say otherwise."""
    link = make(a={**FULL, **options, "label": "second", "addresses": ["10.8.0.1/30", "fd08::1/126"], "listen": PORT + 1,
                   "endpoint": f"10.2.0.2:{PORT + 1}"},
                b={"label": "far", "addresses": ["10.8.0.2/30", "fd08::2/126"], "allowed_ips": ["10.8.0.0/30", "fd08::/126"],
                   "listen": PORT + 1, "endpoint": f"10.1.0.2:{PORT + 1}"})
    for end in (link.a, link.b):
        end.device = "tun1"
    link.a.run_dir = first.a.run_dir
    link.a.env["ADIT_RUN_DIR"] = str(first.a.run_dir)
    return link


def test_of_two_links_with_a_default_route_the_second_says_who_has_it(make, lab, beyond_the_router):
    first = full(make).start()
    traffic_within(first.a.host, first.b.side.addr4, 10)
    other = second(make, first).start()
    wait_until(lambda: other.a.state() == "up" and reason_of(other.a), 20, "the second to say so")
    assert "IPv4 and IPv6 traffic goes into the link a (tun0), whose rules were there first" in reason_of(other.a)
    assert reason_of(first.a) == "", "it has all traffic, as it is to"
    report = examine(other.a)
    assert report["routes"] == "problem" and "into the link a (tun0)" in report.evidence("routes")
    # Killed, the first holds what it had; the second works, and says whose rules hold it.
    first.a.kill()
    wait_until(lambda: "is refused" in reason_of(other.a), 20, "the second to say who refuses")
    assert "IPv4 and IPv6 traffic is refused by the rules of the link a" in reason_of(other.a)
    assert "`adit unblock a`" in reason_of(other.a)
    assert not reachable_in_clear(lab, first.a.host)
    first.a.start()
    wait_until(lambda: "goes into the link a" in reason_of(other.a), 20, "the first to have it again")
    # Stopped in order, it leaves all to the second.
    first.a.stop()
    wait_until(lambda: reason_of(other.a) == "", 20, "the second to have all")
    report = examine(other.a)
    assert report["routes"] == "ok", report.checks["routes"]
    for address in BEYOND.values():
        assert json.loads(other.a.host.ip("-json", "route", "get", address))[0]["dev"] == "tun1"


def test_what_a_killed_link_holds_the_other_has_after_unblock(make, lab, beyond_the_router):
    first = full(make).start()
    traffic_within(first.a.host, first.b.side.addr4, 10)
    other = second(make, first).start()
    first.a.kill()
    wait_until(lambda: other.a.state() == "up" and "is refused" in reason_of(other.a), 20, "the second to say who refuses")
    assert "unblocked" in first.a.adit("unblock", "a").stdout
    wait_until(lambda: reason_of(other.a) == "", 20, "the second to have all")
    assert ping(other.a.host, other.b.side.addr4) == 3


@pytest.mark.parametrize("routes, outside, answered", [(["10.0.0.0/8"], "10.77.0.1", 3), (["default"], BEYOND[4], 0)],
                         ids=["a_network", "default"])
def test_who_connects_by_another_link_is_not_answered_in_clear(make, watched, beyond_the_router, routes, outside, answered):
    """The second link's peer lies in its network, which therefore stands in a table that no link's mark leads to. Of two
    with a default route the first has the answers."""
    first = full(make).start()
    traffic_within(first.a.host, first.b.side.addr4, 10)
    other = second(make, first, routes=routes).start()
    traffic_within(other.a.host, other.b.side.addr4, 20)
    far = other.b.host
    far.ip("addr", "replace", f"{outside}/32", "dev", "lo")
    seen = watched(first.a.host)
    assert ping(far, other.a.side.addr4, 3, 56, 0.2, 5, "-I", outside) == answered
    seen.expect_none("with a connection that came by the second link")
