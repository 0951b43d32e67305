# SPDX-License-Identifier: MIT
"""interface.mode edited on a running link: that is another interface, which the daemon's successor makes. What went with the
old one goes, what goes with the new one comes, and the session goes on."""
import os
import re
import signal

import pytest

from lab.lans import BRIDGED, lan
from lab.traffic import ping, traffic_within, transfer
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only
GOES_ON = "going on with the session of the run before"
HOOKS = {"up": 'echo "up of $(ip -d -o link show dev $ADIT_INTERFACE | grep -ow \'tun type ...\')"',
         "down": 'echo "down of $(ip -d -o link show dev $ADIT_INTERFACE | grep -ow \'tun type ...\')"'}


@pytest.fixture
def link(make):
    link = make(a={"routes": ["192.168.44.0/24", "default"], "more": {"hooks": HOOKS, "tuning": {"workers": 2}}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 20)
    return link


def write(end, **fields):
    for name, value in fields.items():
        setattr(end.side, name, value)
    end.write_config()


def change(end, how="reload", **fields):
    before = end.log().count(GOES_ON)
    write(end, **fields)
    if how == "reload":
        said = end.adit("reload", end.name).stdout
        assert "interface.mode: " in said, said
    else:
        end.process.send_signal(how)
    wait_until(lambda: end.log().count(GOES_ON) > before and end.socket_path.exists(), 20, "the successor")


def hooks_of(end):
    return re.findall(r"hooks\.\w+: ((?:up|down) of .*)", end.log())


@pytest.mark.parametrize("how", ["reload", signal.SIGHUP, signal.SIGUSR2], ids=lambda how: getattr(how, "name", how))
def test_a_link_of_packets_becomes_one_of_frames_and_back(lab, link, how):
    near, far = lan(lab, lab.a, 1), lan(lab, lab.b, 2)
    packets = [{"addresses": e.side.addresses, "allowed_ips": e.side.allowed_ips, "interface": {}, "routes": e.side.routes}
               for e in (link.a, link.b)]
    frames = {"addresses": [], "allowed_ips": None, "interface": BRIDGED, "routes": []}
    host = link.a.host
    rules, handshake = host.ip("rule"), link.a.latest_handshake()
    assert "192.168.44.0/24" in host.ip("route")

    for end in (link.a, link.b):
        change(end, how, **frames)
    traffic_within(near, "192.168.50.2", 40)
    assert transfer(near, far, "192.168.50.2", 1 << 20)
    assert link.a.status()["mode"] == "tap" and link.a.status()["bridge"] == "br0"
    assert "192.168.44.0/24" not in host.ip("route", "show", "table", "all")
    assert "fwmark" not in host.ip("rule") and host.ip("rule") != rules, "nothing leads into the link any more"
    assert "10.9.0.1" not in host.ip("addr")
    wait_until(lambda: hooks_of(link.a) == ["up of tun type tun", "down of tun type tun", "up of tun type tap"], 10, "hooks")

    for end, fields in zip((link.a, link.b), packets):
        change(end, how, **fields)
    traffic_within(host, link.b.side.addr4, 40)
    assert transfer(host, link.b.host, link.b.side.addr6, 1 << 20)
    assert link.a.status()["mode"] == "tun"
    assert host.ip("rule") == rules and "192.168.44.0/24" in host.ip("route")
    assert "tun0" not in host.run("bridge", "link").stdout
    assert link.a.latest_handshake() == handshake, "the session went on"
    wait_until(lambda: hooks_of(link.a)[3:] == ["down of tun type tap", "up of tun type tun"], 10, "hooks")
    assert link.a.stop() == 0
    assert "fwmark" not in host.ip("rule") and link.a.device not in host.ip("link")


def test_what_cannot_be_made_changes_nothing(link):
    end, handshake = link.a, link.a.latest_handshake()
    before = end.host.network_state()
    frames = {"addresses": [], "allowed_ips": None, "routes": []}
    for interface, why in (({**BRIDGED, "bridge": "br7"}, "there is no interface br7"),
                           ({"mode": "tap", "kill_switch": "always"}, "interface.kill_switch")):
        write(end, interface=interface, **frames)
        done = end.adit("reload", end.name, check=False)
        assert done.returncode != 0 and why in done.stdout + done.stderr and "nothing was changed" in done.stdout + done.stderr
        assert ping(end.host, link.b.side.addr4) == 3
    assert end.latest_handshake() == handshake
    end.host.expect_network_state(before)


def test_a_persistent_interface_gives_way(lab, link):
    """Unless it was there before the link: whose it is nobody knows."""
    end = link.a
    lan(lab, lab.a, 1)
    usual = {"addresses": end.side.addresses, "allowed_ips": end.side.allowed_ips, "routes": end.side.routes}
    write(end, interface={"persist": True})
    end.adit("reload", end.name)
    change(end, addresses=[], allowed_ips=None, routes=[], interface={**BRIDGED, "persist": True})
    assert "tun type tap" in end.host.ip("-details", "link", "show", "dev", end.device)
    end.stop()
    end.start()
    write(end, interface={"persist": True}, **usual)
    done = end.adit("reload", end.name, check=False)
    assert done.returncode != 0 and f"ip link delete {end.device}" in done.stdout + done.stderr
    assert "master br0" in end.host.ip("link", "show", "dev", end.device)


LEAVE = "echo down; while [ ! -e {} ]; do sleep 0.02; done"


def begin_leave(end, gate, before_reload=lambda: None):
    """What another mode does first: the hooks for `down` run, and do not end before there is the gate."""
    end.side.more = {"hooks": {"up": "echo up", "down": LEAVE.format(gate)}}
    end.write_config()
    end.restart()
    traffic_within(end.host, "10.9.0.2", 20)
    before_reload()
    write(end, addresses=[], allowed_ips=None, routes=[], interface={"mode": "tap"})
    said = end.adit("reload", end.name).stdout
    assert "a new run of the daemon makes it" in said.splitlines()[-1], "it is not in force yet"
    wait_until(lambda: told_by_hooks(end) == ["up", "down"], 20, "the hook")


def told_by_hooks(end):
    return re.findall(r"hooks\.\w+: (up|down)$", end.log(), re.MULTILINE)


def test_a_mode_put_back_while_the_old_interface_takes_its_leave_has_its_hooks_run_anew(link, tmp_path):
    """The new run finds the interface it wants, and none of what the hooks for `up` had done."""
    end, gate = link.a, tmp_path / "gate"
    usual = {"addresses": end.side.addresses, "allowed_ips": end.side.allowed_ips, "routes": end.side.routes, "interface": {}}
    begin_leave(end, gate)
    write(end, **usual)
    gate.touch()
    wait_until(lambda: told_by_hooks(end) == ["up", "down", "up"], 20, "the hooks of the new run")
    assert GOES_ON in end.log()
    traffic_within(end.host, link.b.side.addr4, 20)


def test_mistakes_saved_while_the_old_interface_takes_its_leave_leave_the_link_as_it_is(link, tmp_path):
    end, gate = link.a, tmp_path / "gate"
    os.makedirs("/run/wireguard", exist_ok=True)  # to be mounted over
    begin_leave(end, gate, lambda: end.host.run("wg", "set", end.device, "peer", link.b.side.public_key, "persistent-keepalive",
                                                7, binds={"/run/wireguard": end.env["ADIT_WG_DIR"]}))
    assert end.status()["changed_by_wg"] == ["peer.keepalive"]
    wanted = end.file.read_text()
    end.file.write_text("interface: {mode: ta")
    gate.touch()
    wait_until(lambda: told_by_hooks(end) == ["up", "down", "up"], 20, "the hooks of the link that stays")
    assert "this run goes on instead of a new one" in end.log() and GOES_ON not in end.log()
    traffic_within(end.host, link.b.side.addr4, 20)
    status = end.status()
    assert (status["changed_by_wg"], status["peer"]["keepalive"]) == (["peer.keepalive"], 7), "the file never was in force"
    end.file.write_text(wanted)
    end.adit("reload", end.name)
    wait_until(lambda: GOES_ON in end.log() and end.socket_path.exists(), 20, "the successor")
    assert told_by_hooks(end)[3:4] == ["down"] and end.status()["mode"] == "tap"


def test_a_stop_while_the_old_interface_takes_its_leave_is_a_stop(link):
    end = link.a
    write(end, more={"hooks": {"down": "echo begun; sleep 60"}})
    end.adit("reload", end.name)
    write(end, addresses=[], allowed_ips=None, routes=[], interface={"mode": "tap"})
    end.adit("reload", end.name)
    wait_until(lambda: "hooks.down: begun" in end.log(), 20, "the hook")
    assert "a hook still runs" in end.adit("reload", end.name, check=False).stderr
    assert end.stop() == 0
    assert end.device not in end.host.ip("link") and "fwmark" not in end.host.ip("rule")
