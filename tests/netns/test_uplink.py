# SPDX-License-Identifier: MIT
"""Interfaces under the link come and go, as those of PPP, LTE sticks and VLANs do: deleted and made again, they have the
same name and another number. And addresses go while they are in use.
"""
import pytest

from lab.ends import AditEnd, Keys, Side
from lab.plan import PORT
from lab.traffic import BackgroundPing, ping, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only
OUTER = pytest.mark.parametrize("outer", [4, 6], ids=["over_ipv4", "over_ipv6"])


def bind_to(end, device, listen=PORT):
    """The encrypted packets of this end are to use `device`."""
    end.side.more["local"] = {"private_key": end.side.private_key, "device": device,
                              **({"listen": listen} if listen else {})}


def index_of(host, device):
    return int(host.ip("-oneline", "link", "show", "dev", device).split(":")[0])


def without_uplink(lab):
    lab.r.ip("link", "del", "toa")  # and the other end of the cable, eth0 of a


def anew(lab):
    lab.cable(lab.a, "toa", 1)


@OUTER
@pytest.mark.parametrize("listen", [PORT, None], ids=["a_port_of_the_file", "any_port"])
def test_the_uplink_is_deleted_and_made_again_under_the_link(make, lab, outer, listen):
    link = make(outer=outer, calls="a")
    bind_to(link.a, "eth0", listen)
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    before, port = index_of(lab.a, "eth0"), link.a.status()["local"]["listen"]
    for _ in range(2):
        without_uplink(lab)
        wait_until(lambda: link.a.state() == "failed", 10, "the end to say that its uplink is gone")
        assert link.a.status()["reason"] == "there is no interface eth0 (local.device): the link waits until there is one"
        anew(lab)
        traffic_within(link.b.host, link.a.side.addr4, 20)
        traffic_within(link.a.host, link.b.side.addr6, 10)
        wait_until(lambda: link.a.state() == "up", 10, "the end to be up")
    assert index_of(lab.a, "eth0") != before
    assert link.a.status()["local"]["listen"] == port
    assert link.a.process.alive and link.a.log().count("serves") == 1, "without a restart"


@OUTER
def test_the_uplink_appears_after_the_start(make, lab, outer):
    link = make(outer=outer)
    bind_to(link.a, "eth0")
    without_uplink(lab)
    link.start()
    status = link.a.status()
    assert status["state"] == "failed" and "no interface eth0 (local.device)" in status["reason"]
    assert status["local"]["listen"] == str(PORT)
    assert "no interface eth0 (local.device)" in link.a.log()
    assert str(PORT) not in lab.a.run("ss", "-uan").stdout, "no socket that could use another way"
    anew(lab)
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert ping(link.b.host, link.a.side.addr6) == 3


@OUTER
@pytest.mark.parametrize("device", [None, "eth0", ["eth0", "eth7"]], ids=["any_uplink", "one_uplink", "several_uplinks"])
def test_the_address_to_listen_at_appears_after_the_start(make, lab, outer, device):
    """DHCP is slow, or IPv6 still looks for duplicates."""
    address, prefix, place = {4: ("10.1.0.77", 24, f"10.1.0.77:{PORT}"), 6: ("fd01::77", 64, f"[fd01::77]:{PORT}")}[outer]
    link = make(outer=outer, b={"endpoint": place})
    link.a.side.more["local"] = {"private_key": link.a.side.private_key, "listen": place, **({"device": device} if device else {})}
    link.start()
    reason = f"this host has no address {address} (local.listen): the link waits until it has"
    assert link.a.status()["reason"] == reason and link.a.state() == "failed"
    assert reason in link.a.log()
    assert str(PORT) not in lab.a.run("ss", "-uan").stdout, "no socket that could use another address"
    lab.a.ip("addr", "add", "10.1.0.66/24", "dev", "eth0")
    assert link.a.status()["reason"] == reason, "another one is no help"
    lab.a.ip("addr", "add", f"{address}/{prefix}", "dev", "eth0")
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert ping(link.b.host, link.a.side.addr6) == 3
    wait_until(lambda: link.a.state() == "up", 10, "the end to be up")
    assert link.b.peer_endpoint() == place and link.a.log().count("serves") == 1


def test_a_reload_takes_no_address_that_is_not_there_but_waits_for_one_that_it_had(make, lab):
    link = make()
    local = link.a.side.more["local"] = {"private_key": link.a.side.private_key, "listen": f"10.1.0.77:{PORT}"}
    link.start()
    for port, works in ((PORT + 1, False), (PORT, True)):
        local["listen"] = f"10.1.0.{77 if works else 78}:{port}"
        local["fwmark"] = port
        link.a.write_config()
        done = link.a.adit("reload", link.a.name, check=False)
        assert (done.returncode == 0) == works, done.stderr
        if not works:
            assert "this host has no address 10.1.0.78: correct local.listen" in done.stderr
        assert "no address 10.1.0.77" in link.a.status()["reason"]
    lab.a.ip("addr", "add", "10.1.0.77/24", "dev", "eth0")
    traffic_within(link.a.host, link.b.side.addr4, 20)
    local["listen"] = f"10.1.0.78:{PORT}"
    link.a.write_config()
    assert link.a.adit("reload", link.a.name, check=False).returncode == 1
    traffic_within(link.a.host, link.b.side.addr4, 20)


def test_a_reload_while_the_uplink_is_gone_is_no_end(make, lab):
    link = make()
    bind_to(link.a, "eth0")
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    without_uplink(lab)
    wait_until(lambda: link.a.state() == "failed", 10, "the end to say that its uplink is gone")
    link.a.side.more["local"]["fwmark"] = 0x77
    link.a.write_config()
    assert "local.fwmark: 0x77" in link.a.adit("reload", link.a.name).stdout
    link.a.side.more["local"]["device"] = "wan9"
    link.a.write_config()
    refused = link.a.adit("reload", link.a.name, check=False)
    assert refused.returncode == 1 and "no interface wan9" in refused.stderr
    anew(lab)
    traffic_within(link.a.host, link.b.side.addr4, 20)


def test_a_successor_does_not_go_on_with_sockets_that_are_bound_to_nothing(make, lab):
    link = make()
    bind_to(link.a, "eth0")
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.process.send_signal(19)  # SIGSTOP: it sees nothing of what follows
    without_uplink(lab)
    anew(lab)
    link.a.process.send_signal(12)  # SIGUSR2, when it goes on
    link.a.process.send_signal(18)
    traffic_within(link.a.host, link.b.side.addr4, 20)


def link_local(lab):
    for host, device, address in ((lab.r, "toa", "fe80::b"), (lab.a, "eth0", "fe80::a")):
        host.ip("addr", "add", f"{address}/64", "dev", device, "nodad")


def next_to_each_other(make, lab):
    """b's end on the router, on one wire with a, which calls it by its link-local address; b learns that of a."""
    link = make(calls="a", a={"endpoint": f"[fe80::b%eth0]:{PORT}"}, b={"host": lab.r})
    link_local(lab)
    return link


def test_a_link_local_peer_is_followed_to_the_interface_that_bears_the_name(make, lab):
    """At both ends: one has the name from its file, the other has learned the peer's address."""
    link = next_to_each_other(make, lab).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.b.peer_endpoint() == f"[fe80::a]:{PORT}"
    before = index_of(lab.a, "eth0"), index_of(lab.r, "toa")
    without_uplink(lab)
    anew(lab)
    link_local(lab)
    after = index_of(lab.a, "eth0"), index_of(lab.r, "toa")
    assert all(old != new for old, new in zip(before, after))
    traffic_within(link.b.host, link.a.side.addr4, 20)
    assert ping(link.a.host, link.b.side.addr6) == 3


def test_the_interface_of_a_link_local_peer_appears_after_the_start(make, lab):
    link = next_to_each_other(make, lab)
    without_uplink(lab)
    link.start()
    wait_until(lambda: "no interface eth0" in link.a.status()["reason"], 10, "the reason")
    assert link.a.state() == "resolving"
    anew(lab)
    link_local(lab)
    traffic_within(link.a.host, link.b.side.addr4, 20)


@OUTER
def test_a_packet_leaves_at_once_from_another_address_when_the_one_in_use_goes(make, lab, outer):
    """An address that ages out, as those of IPv6 privacy do. b was the one that called, at that address."""
    old, new = {4: ("10.1.0.99", "10.1.0.2"), 6: ("fd01::99", "fd01::2")}[outer]
    bracketed = {4: "{}", 6: "[{}]"}[outer].format
    link = make(outer=outer, calls="b", b={"endpoint": f"{bracketed(old)}:{PORT}"})
    prefix = {4: 24, 6: 64}[outer]
    lab.a.ip("addr", "add", f"{old}/{prefix}", "dev", "eth0")
    link.start()
    traffic_within(link.b.host, link.a.side.addr4, 10)
    handshake = link.b.latest_handshake()
    background = BackgroundPing(link.a.host, link.b.side.addr4, 0.05)
    background.goes_on()
    lab.a.ip("addr", "del", f"{old}/{prefix}", "dev", "eth0")
    background.goes_on(5)
    assert link.b.peer_endpoint() == f"{bracketed(new)}:{PORT}"
    background.close()  # an answer may have been on its way to the old address
    assert link.a.drops("send_failed") == 0, "what the kernel refused to send from there was sent all the same"
    assert link.b.latest_handshake() == handshake


@OUTER
def test_an_end_that_is_renumbered_and_has_nothing_to_send_tells_the_peer_where_it_is(make, lab, outer):
    link = make(outer=outer, calls="a", keepalive=0).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    lab.address(lab.a, 1, 77)
    wait_until(lambda: link.b.peer_endpoint() == {4: "10.1.0.77:51820", 6: "[fd01::77]:51820"}[outer], 10,
               "b to hear from the new address")
    assert ping(link.b.host, link.a.side.addr4) == 3


@OUTER
def test_an_end_answers_from_where_it_was_called_whatever_else_happens_to_its_network(make, lab, outer):
    """As containers come and go beside it. A firewall may be open for that address alone, which is not the one that the
    kernel would choose."""
    caller, addresses, prefix, place = {4: ("10.1.0.2", ["10.2.0.2", "10.2.0.3"], 24, f"{{}}:{PORT}"),
                                        6: ("fd01::2", ["fd02::2", "fd02::3"], 64, f"[{{}}]:{PORT}")}[outer]
    lab.b.ip("addr", "add", f"{addresses[1]}/{prefix}", "dev", "eth0")
    chosen = lab.b.ip("route", "get", caller).split(" src ")[1].split()[0]
    called = place.format(next(address for address in addresses if address != chosen))
    link = make(outer=outer, calls="a", a={"endpoint": called}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    for _ in range(2):
        calls = link.b.log().count("calling again")
        lab.b.ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth1")
        lab.b.ip("addr", "add", "10.77.0.1/24", "dev", "veth0")
        lab.b.ip("link", "set", "veth0", "up")
        lab.b.ip("link", "del", "veth0")
        wait_until(lambda: link.b.log().count("calling again") > calls, 20, "b to call again")
        assert ping(link.a.host, link.b.side.addr4) == 3
    assert link.a.peer_endpoint() == called
    assert "the peer moved" not in link.a.log()


def test_a_link_whose_peer_is_reached_through_another_link_outlives_that_one(make, lab, measured):
    """Its datagrams bear an address that is gone with the other link, and take another way."""
    below = make(a={"routes": ["203.0.113.7/32"], "allowed_ips": None}).start()
    lab.b.ip("addr", "add", "203.0.113.7", "dev", "lo")
    lab.r.ip("route", "add", "203.0.113.7", "via", "10.2.0.2")
    traffic_within(lab.a, "203.0.113.7", 10)
    keys = Keys(), Keys()
    above = []
    for n, (host, label) in enumerate(((lab.a, "c"), (lab.b, "d"))):
        end = AditEnd(Side(host, label, keys[n].private, keys[n].public, keys[1 - n].public, [f"10.10.0.{n + 1}/30"], None,
                           listen=51830, endpoint=None if n else "203.0.113.7:51830"), lab.directory)
        end.device = "tun1"
        lab.ends.append(end)
        above.append(end)
    above[1].start()
    above[0].start()
    traffic_within(lab.a, "10.10.0.2", 10)
    assert above[1].peer_endpoint() == "10.9.0.1:51830"
    background = BackgroundPing(lab.a, "10.10.0.2")
    background.goes_on()
    below.a.stop()
    measured("traffic after", traffic_within(lab.a, "10.10.0.2", 20), "s")
    assert above[1].peer_endpoint() == "10.1.0.2:51830"
    below.a.start()
    traffic_within(lab.a, "203.0.113.7", 20)
    background.goes_on()
    background.close()
