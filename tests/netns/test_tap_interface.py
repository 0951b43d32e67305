# SPDX-License-Identifier: MIT
"""An interface for Ethernet frames is what the file says, first and after each edit. What libraries for such devices (tun-rs
has the longest list) can do with one, and which tests show that this one does it:

    ability                    as a TUN device                            as a TAP device
    several addresses          test_interface, test_reload                here
    removal of one address     test_reload                                here
    broadcast                  (there is none)                            here; test_tap, test_tap_lan
    MAC address                (there is none)                            here; test_tap
    MTU                        test_interface, test_reload, healing       here; test_tap, test_tap_lan
    queue length               test_interface, test_reload                here
    owner, group               test_interface, test_reload                here
    persist                    test_interface, test_netns                 here
    rename                     test_reload, test_netns                    here
    is running                 test_state_hooks, test_cli                 test_tap: the carrier follows the link
    offload on and off         test_offload, test_reload                  here; test_tap
    multi-queue                one queue is read, and several threads share the work (docs/threads.md):
                               test_workers, test_reload                  here; test_tap
"""
import json
import random
import signal

import pytest

from lab.lans import BRIDGED, MTU, frames, link_of
from lab.namespace import Failed
from lab.processors import SEVERAL
from lab.traffic import BackgroundPing, answers, ping, traffic_within, transfer
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only
ADDRESSES = ["192.168.60.1/24", "192.168.61.1/24", "fd60::1/64"]


def interface(end):
    return json.loads(end.host.ip("-json", "-details", "addr", "show", "dev", end.device))[0]


def becomes(end, shown):
    """Waits until the interface is as `shown` says; while a new one takes the place of the old there is none."""
    def is_so():
        try:
            return shown(interface(end))
        except (Failed, IndexError):  # not there, or gone while `ip` wrote of it
            return False
    wait_until(is_so, 10, "the change")


def addresses(end):
    return [f"{a['local']}/{a['prefixlen']}" for a in interface(end)["addr_info"] if a["scope"] == "global"]


def edit(end, addresses=None, more=None, **keys):
    if addresses is not None:
        end.side.addresses = addresses
    if more is not None:
        end.side.more = more
    end.side.interface = {**end.side.interface, **keys}
    end.write_config()
    end.adit("reload", end.name)


@pytest.fixture
def link(make):
    link = make(a=frames(addresses=ADDRESSES), b=frames(addresses=["192.168.60.2/24", "192.168.61.2/24", "fd60::2/64"])).start()
    traffic_within(link.a.host, "192.168.60.2", 20)
    return link


def test_it_is_what_the_file_says(make):
    end = make(a=frames({"mac": "02:00:00:00:00:77", "mtu": 1300, "queue_length": 321, "owner": "nobody", "group": 12345},
                        addresses=ADDRESSES)).a
    end.start()
    found = interface(end)
    assert sorted(addresses(end)) == sorted(ADDRESSES)
    assert (found["address"], found["mtu"], found["txqlen"]) == ("02:00:00:00:00:77", 1300, 321)
    assert found["linkinfo"]["info_data"]["type"] == "tap" and {"BROADCAST", "MULTICAST", "UP"} <= set(found["flags"])
    line = end.host.ip("tuntap", "list")
    assert "user 65534" in line and "group 12345" in line


def test_one_address_is_removed_and_the_others_stay(link):
    handshake = link.a.latest_handshake()
    edit(link.a, addresses=["192.168.60.1/24", "fd60::1/64"])
    assert addresses(link.a) == ["192.168.60.1/24", "fd60::1/64"]
    edit(link.a, addresses=["192.168.60.1/24", "192.168.60.9/24", "fd60::1/64"])
    assert sorted(addresses(link.a)) == ["192.168.60.1/24", "192.168.60.9/24", "fd60::1/64"]
    for address in ("192.168.60.1", "192.168.60.9", "fd60::1"):
        assert ping(link.b.host, address) == 3
    assert link.a.latest_handshake() == handshake


def test_a_broadcast_to_a_subnet_is_answered_by_the_other_end(link):
    for end in (link.a, link.b):
        end.host.sysctl("net.ipv4.icmp_echo_ignore_broadcasts", 0)
    for end, other, group in ((link.a, "192.168.60.2", "192.168.60.255"), (link.b, "192.168.61.1", "192.168.61.255")):
        call = ["ping", "-b", "-c2", "-W2", group]
        wait_until(lambda: f"from {other}" in end.host.run(*call, check=False).stdout, 20, f"{other} to answer {group}")


@pytest.mark.parametrize("keys, shown", [
    ({"queue_length": 77}, lambda found: found["txqlen"] == 77),
    ({"mtu": 1300}, lambda found: found["mtu"] == 1300),
    ({"mac": "02:00:00:00:00:99"}, lambda found: found["address"] == "02:00:00:00:00:99"),
    ({"group": 4321}, lambda found: found["linkinfo"]["info_data"].get("group") in (4321, "4321")),
], ids=lambda value: next(iter(value)) if isinstance(value, dict) else "")
def test_a_reload_changes_it(link, keys, shown):
    edit(link.a, **keys)
    becomes(link.a, shown)
    traffic_within(link.b.host, "192.168.60.1", 20)


def test_a_mac_address_that_somebody_changed_is_put_back(link):
    mac = link.a.status()["mac"]
    link.a.host.ip("link", "set", link.a.device, "address", "02:00:00:00:00:88")
    wait_until(lambda: interface(link.a)["address"] == mac, 20, "the address of the file")
    assert f"it was put back: its MAC address {mac}" in link.a.log()
    edit(link.a, mac="02:00:00:00:00:99")
    link.a.host.ip("link", "set", link.a.device, "address", "02:00:00:00:00:88")
    wait_until(lambda: interface(link.a)["address"] == "02:00:00:00:00:99", 20, "the address of the edited file")
    traffic_within(link.b.host, "192.168.60.1", 20)


def test_offloads_are_switched_off_and_on_and_workers_come_and_go(link):
    for tuning in ({"tun_offload": "off"}, {"tun_offload": "on"}, {"workers": SEVERAL},
                   {"workers": SEVERAL, "tun_offload": "off"}, {}):
        edit(link.a, more={"tuning": tuning})
        status = link.a.status()
        assert (status["offload"]["tun_tcp"] == "off") == (tuning.get("tun_offload") == "off")
        assert "workers" not in tuning or status["workers"] == SEVERAL
        assert transfer(link.a.host, link.b.host, "192.168.60.2", 2 << 20)
        assert transfer(link.b.host, link.a.host, "fd60::1", 2 << 20)


def test_a_port_of_a_bridge_is_renamed_and_stays_in_it(lans):
    link, near, _ = lans()
    edit(link.a, name="renamed0")
    link.a.device = "renamed0"
    assert "master br0" in link_of(link.a)
    assert link.a.status()["interface"] == "renamed0"
    traffic_within(near, "192.168.50.2", 20)


def test_a_persistent_interface_is_taken_up_again_and_put_into_its_bridge(lans):
    """After an orderly stop it is out of the bridge, as it was made; after a crash it is still in."""
    persistent = {"interface": {**BRIDGED, "persist": True}}
    link, near, far = lans(persistent)
    before = interface(link.a)
    assert link.a.stop() == 0
    assert interface(link.a)["ifindex"] == before["ifindex"]
    assert "master" not in link_of(link.a)
    link.a.start()
    assert "master br0" in link_of(link.a)
    traffic_within(near, "192.168.50.2", 20)
    link.a.kill()
    assert "master br0" in link_of(link.a)
    link.a.start()
    found = interface(link.a)
    assert (found["ifindex"], found["address"]) == (before["ifindex"], before["address"])
    traffic_within(far, "192.168.50.1", 20)
    assert transfer(near, far, "192.168.50.2", 1 << 20)
    assert link.a.stop() == 0
    assert "master" not in link_of(link.a), "put there by a run that was killed, and so by us"


def killed_in_its_bridge(lans):
    link, near, _ = lans({"interface": {**BRIDGED, "persist": True}})
    link.a.kill()
    assert "master br0" in link_of(link.a)
    return link.a, near


@pytest.mark.parametrize("edited", [{}, {"bridge": "br1"}], ids=["none", "another"])
def test_after_a_crash_it_leaves_the_bridge_that_the_file_names_no_more(lans, edited):
    end, _ = killed_in_its_bridge(lans)
    end.host.ip("link", "add", "br1", "type", "bridge")
    end.side.interface = {"mode": "tap", "persist": True, **edited}
    end.start()  # which finds the socket of the run that was killed
    wait_until(lambda: interface(end).get("master") == edited.get("bridge"), 10, "the bridge of the file")
    assert end.stop() == 0
    assert "master" not in link_of(end)


def test_after_a_crash_it_comes_back_to_the_bridge_that_somebody_put_it_into(lans):
    end, near = killed_in_its_bridge(lans)
    end.host.ip("link", "add", "br1", "type", "bridge")
    end.host.ip("link", "set", end.device, "master", "br1")
    end.start()
    traffic_within(near, "192.168.50.2", 40)
    assert "master br0" in link_of(end)
    assert end.stop() == 0
    assert "master br1" in link_of(end), "whoever put it there knows why"


def make_bridge(host):
    host.ip("link", "add", "br0", "type", "bridge")
    for arguments in (("lan", "master", "br0"), ("br0", "up")):
        host.ip("link", "set", *arguments)


def test_after_a_crash_its_bridge_may_be_another_of_the_name(lans):
    end, near = killed_in_its_bridge(lans)
    end.host.ip("link", "del", "br0")
    make_bridge(end.host)
    end.start()
    traffic_within(near, "192.168.50.2", 40)
    assert end.stop() == 0
    assert "master" not in link_of(end)


def test_after_a_crash_it_leaves_a_bridge_that_was_made_anew_before(lans):
    link, near, _ = lans({"interface": {**BRIDGED, "persist": True}})
    end = link.a
    end.host.ip("link", "del", "br0")
    make_bridge(end.host)
    traffic_within(near, "192.168.50.2", 20)
    assert end.status()["bridge"] == "br0"
    end.kill()
    assert "master br0" in link_of(end)
    end.start()
    traffic_within(near, "192.168.50.2", 40)
    assert end.stop() == 0
    assert "master" not in link_of(end)


def test_a_bridge_that_comes_later_is_waited_for(lans):
    """As at boot, where whoever makes it runs beside the link, or while somebody sets up the network anew."""
    link, near, _ = lans()
    end = link.a
    assert end.stop() == 0
    end.host.ip("link", "del", "br0")
    end.start()
    wait_until(lambda: end.state() == "failed", 10, "the bridge to be missed")
    assert "there is no interface br0" in end.status()["reason"]
    make_bridge(end.host)
    traffic_within(near, "192.168.50.2", 40)
    wait_until(lambda: end.state() == "up", 10, "nothing to be amiss")

    end.host.ip("link", "del", "br0")
    before = end.log().count("going on with the session")
    end.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: end.log().count("going on with the session") > before, 20, "the successor")
    make_bridge(end.host)
    traffic_within(near, "192.168.50.2", 40)
    assert "master br0" in link_of(end)
    assert end.stop() == 0


def test_a_bridge_that_was_mistyped_makes_no_successor(lans):
    link, near, _ = lans()
    end = link.a
    end.side.interface = {**BRIDGED, "bridge": "br7"}
    end.write_config()
    end.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: "this run goes on instead of a new one" in end.log(), 20, "the refusal")
    assert "there is no interface br7: correct the file" in end.log()
    assert "master br0" in link_of(end)
    assert ping(near, "192.168.50.2") == 3


def random_edit(chance):
    """What a reload may change while frames pass, any of it at once."""
    pick = chance.choice
    interface = {"mtu": pick(["auto", 1300, 1378, 1500]), "queue_length": pick([100, 900]),
                 "mac": pick(["02:00:00:00:00:98", "02:00:00:00:00:99"])}
    tuning = {"storm_limit": pick(["off", 50, 100_000]), "workers": pick([1, 2]), "mss_clamp": pick(["auto", "off"])}
    some = [{key: value for key, value in keys.items() if chance.random() < 0.7} for keys in (interface, tuning)]
    return {**BRIDGED, **some[0]}, {"tuning": some[1]}


def test_edits_of_its_keys_lose_no_frame_and_lead_where_a_start_would(lans):
    link, near, far = lans()
    end, handshake, chance = link.a, link.a.latest_handshake(), random.Random(5)
    background = BackgroundPing(far, "192.168.50.1", 0.02)
    for _ in range(30):
        end.side.interface, more = random_edit(chance)
        edit(end, more=more)
        background.goes_on(3)
        assert "master br0" in link_of(end)
    sent, received = background.stop()
    assert received == sent
    assert end.latest_handshake() == handshake
    assert transfer(near, far, "192.168.50.2", 1 << 20)

    def facts():
        return {key: interface(end)[key] for key in ("mtu", "address", "txqlen", "master")}
    for more in ({"mtu": 1300, "mac": "02:00:00:00:00:77", "queue_length": 55}, {}):
        end.side.interface = {**BRIDGED, **more}
        edit(end, more={})
        wait_until(lambda: end.status()["mtu"] == more.get("mtu", MTU), 20, "the MTU")
        reloaded = facts()
        end.stop()
        end.start()
        wait_until(lambda: facts() == reloaded, 20, "what the reloads led to")
        traffic_within(near, "192.168.50.2", 40)


def test_it_moves_from_bridge_to_bridge_and_out_of_them(lans):
    """Where it goes others hear it; where it was nobody does any more."""
    link, near, _ = lans()
    end, peer = link.a, link.b.host
    end.host.ip("link", "add", "br1", "type", "bridge")
    end.host.ip("link", "set", "br1", "up")
    end.host.ip("addr", "add", "192.168.50.11/24", "dev", "br1")
    peer.ip("addr", "add", "192.168.50.22/24", "dev", "br0")
    for _ in range(2):
        edit(end, bridge="br1")
        assert "master br1" in link_of(end)
        traffic_within(peer, "192.168.50.11", 20)
        assert not answers(peer, "192.168.50.1")
        end.side.interface = {"mode": "tap"}
        edit(end, addresses=["192.168.60.12/24"])
        peer.ip("addr", "replace", "192.168.60.22/24", "dev", "br0")
        assert "master" not in link_of(end) and addresses(end) == ["192.168.60.12/24"]
        traffic_within(peer, "192.168.60.12", 20)
        edit(end, addresses=[], bridge="br0")
        assert "master br0" in link_of(end) and addresses(end) == []
        traffic_within(near, "192.168.50.22", 20)


def test_a_limit_to_storms_comes_and_goes(lans):
    link, near, _ = lans()
    end = link.a
    flood = near.popen("ping", "-n", "-b", "-i", "0.005", "192.168.50.255", name="ping")
    edit(end, more={"tuning": {"storm_limit": 10}})
    wait_until(lambda: end.drops("storm_limit") > 100, 30, "broadcasts beyond the limit to be dropped")
    edit(end, more={"tuning": {"storm_limit": "off"}})
    dropped, crossed = end.drops("storm_limit"), end.status()["traffic"]["tx"]["packets"]
    wait_until(lambda: end.status()["traffic"]["tx"]["packets"] > crossed + 100, 30, "broadcasts to cross")
    assert end.drops("storm_limit") == dropped
    flood.stop()
