# SPDX-License-Identifier: MIT
"""The interface in another network namespace than the daemon: put there by interface.netns, or moved there by somebody.

    namespace "inside"                  host a                          host b
    ┌─────────────────┐        ┌──────────────────────┐
    │ tun0, 10.9.0.1  ├─ aditd ┤ UDP sockets, eth0    ├─── router ─── 10.9.0.2
    └─────────────────┘        └──────────────────────┘
"""
import re
import signal
import subprocess

import pytest
import yaml

from lab.doctor import examine
from lab.plan import PORT
from lab.traffic import BackgroundPing, Stream, answers, ping, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only
GOES_ON = "going on with the session of the run before"


@pytest.fixture
def inside(lab):
    return lab.namespace("inside")


@pytest.fixture
def link(make, inside):
    """a's interface is inside, with a default route; not started."""
    link = make(a={"interface": {"netns": inside.name}, "routes": ["default"],
                   "allowed_ips": ["0.0.0.0/0", "::/0"]})
    link.a.inside = inside
    return link


def edit(end, section, **changes):
    config = yaml.safe_load(end.file.read_text())
    for key, value in changes.items():
        config[section][key] = value
    end.file.write_text(yaml.safe_dump(config))
    return end.adit("reload", end.name, check=False)


def renew(end):
    before = end.log().count(GOES_ON)
    end.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: end.log().count(GOES_ON) > before and end.socket_path.exists(), 10, "the successor")


def test_the_tunnel_is_inside_and_nothing_else_is(link, lab, inside):
    before = lab.a.network_state()
    link.start()
    traffic_within(inside, link.b.side.addr4, 10)
    assert ping(inside, link.b.side.addr6) == 3
    assert ping(link.b.host, link.a.side.addr4) == 3
    assert ping(inside, "10.2.0.2") == 3 and ping(inside, "fd02::2") == 3, "the default route, for both families"
    lab.a.expect_network_state(before)  # no interface, no rule, no table
    assert not answers(lab.a, link.b.side.addr4)
    assert "fwmark" not in lab.a.run("ss", "-uanme").stdout
    for family in "-4", "-6":
        assert inside.ip(family, "rule").count("\n") == (3 if family == "-4" else 2)
        assert "default dev tun0" in inside.ip(family, "route")
    status = link.a.status()
    assert status["state"] == "up" and status["netns"] == inside.name
    assert f"tun0 in network namespace {inside.name}" in link.a.adit("status", link.a.name).stdout


def test_without_the_link_nothing_leaves(link, lab, inside):
    """The cleanest kill switch: whoever is inside has no other way."""
    link.start()
    traffic_within(inside, link.b.side.addr4, 10)
    link.a.kill()
    assert inside.ip("route") == ""
    assert inside.run("ping", "-c", "1", "-W", "1", "10.2.0.2", check=False).returncode == 2


def test_the_uplink_is_the_hosts_and_is_followed(link, lab, inside):
    """Also where both interfaces have the same number, each in its namespace."""
    number = int(lab.a.ip("-oneline", "link", "show", "dev", "eth0").split(":")[0])
    inside.ip("tuntap", "add", "dev", link.a.device, "mode", "tun")
    if int(inside.ip("-oneline", "link", "show", "dev", link.a.device).split(":")[0]) != number:
        inside.ip("tuntap", "del", "dev", link.a.device, "mode", "tun")
        inside.ip("link", "add", "index", number, "name", "taken", "type", "dummy")  # so that the next has another
        inside.ip("link", "del", "taken")
    link.start()
    traffic_within(inside, link.b.side.addr4, 10)
    for change in (("link", "set", "eth0", "down"), ("link", "set", "eth0", "up")):
        lab.a.ip(*change)
    lab.address(lab.a, 1, 77)
    traffic_within(link.b.host, link.a.side.addr4, 20)
    assert link.b.peer_endpoint() == f"10.1.0.77:{PORT}"
    lab.a.ip("route", "add", "10.2.0.2", "via", "10.1.0.1", "mtu", "1400")
    wait_until(lambda: "mtu 1340" in inside.ip("link", "show", "dev", link.a.device), 10, "the MTU to fit the way")
    assert link.a.state() == "up"


def test_what_is_lost_inside_is_set_up_again(link, inside):
    link.start()
    traffic_within(inside, link.b.side.addr4, 10)
    inside.ip("link", "set", link.a.device, "down")
    assert not answers(inside, link.b.side.addr4)
    inside.ip("link", "set", link.a.device, "up")
    traffic_within(inside, "10.2.0.2", 10)


def test_a_restart_is_without_a_gap(link, inside):
    link.a.side.interface["queue_length"] = 10_000
    link.start()
    traffic_within(inside, link.b.side.addr4, 10)
    before = inside.network_state()
    background = BackgroundPing(link.b.host, link.a.side.addr4, 0.02)  # and room for those that wait for the successor
    for _ in range(3):
        background.goes_on(5)
        renew(link.a)
    background.goes_on(5)
    sent, received = background.stop()
    assert received == sent
    inside.expect_network_state(before)
    assert link.a.stop() == 0
    assert link.a.device not in inside.ip("link")


def test_a_successor_with_another_namespace_has_another_interface(link, lab, inside):
    link.start()
    traffic_within(inside, link.b.side.addr4, 10)
    other = lab.namespace("other")
    other.ip("tuntap", "add", "dev", link.a.device, "mode", "tun")  # of the same name
    link.a.side.interface["netns"] = other.name
    link.a.write_config()
    link.a.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: link.a.log().count("serves a on tun0") == 2, 10, "the successor")
    traffic_within(other, link.b.side.addr4, 20)
    assert link.a.device not in inside.ip("link")


def test_addresses_routes_and_the_name_change_by_a_reload(link, lab, inside):
    link.start()
    flow = Stream(inside, link.b.host, link.b.side.addr4)
    flow.goes_on()
    before = lab.a.network_state()
    assert edit(link.a, "interface", addresses=["10.9.0.1/30", "fd09::1/126", "10.77.0.1/24"]).returncode == 0
    assert "10.77.0.1/24" in inside.ip("addr", "show", "dev", link.a.device)
    assert edit(link.a, "interface", name="renamed0", mtu=1300).returncode == 0
    assert "mtu 1300" in inside.ip("link", "show", "dev", "renamed0")
    flow.goes_on()
    assert flow.stop()
    lab.a.expect_network_state(before)
    assert link.a.state() == "up"


@pytest.mark.parametrize("how", ["reload", signal.SIGHUP], ids=lambda how: getattr(how, "name", how))
def test_another_namespace_is_a_new_runs_and_the_session_goes_on(make, lab, inside, how):
    """From the host into one, on to another, and back to the host."""
    hooks = {"up": 'echo "up in ${ADIT_NETNS:-none}"', "down": 'echo "down in ${ADIT_NETNS:-none}"'}
    link = make(a={"routes": ["default"], "allowed_ips": ["0.0.0.0/0", "::/0"], "more": {"hooks": hooks}}).start()
    end, other = link.a, lab.namespace("other")
    traffic_within(end.host, link.b.side.addr4, 10)
    handshake, rules = end.latest_handshake(), end.host.ip("rule")
    left, changes = end.host, [inside, other, end.host]
    for place in changes:
        runs = end.log().count(GOES_ON)
        end.side.interface = {} if place is end.host else {"netns": place.name}
        end.write_config()
        if how == "reload":
            said = end.adit("reload", end.name).stdout.splitlines()
            assert any(line.startswith("interface.netns: ") for line in said) and "a new run" in said[-1], said
        else:
            end.process.send_signal(how)
        wait_until(lambda: end.log().count(GOES_ON) > runs and end.socket_path.exists(), 20, "the successor")
        traffic_within(place, link.b.side.addr4, 20)
        assert end.device not in left.ip("link")
        assert ("fwmark" in end.host.ip("rule")) == (place is end.host), "what led into the link goes with it"
        left = place
    assert end.host.ip("rule") == rules
    assert end.latest_handshake() == handshake
    names = ["none", inside.name, other.name, "none"]
    told = [line for a, b in zip(names, names[1:]) for line in (f"down in {a}", f"up in {b}")]
    wait_until(lambda: re.findall(r"hooks\.\w+: ((?:up|down) in .*)", end.log()) == ["up in none", *told], 10, "the hooks")


def test_a_namespace_that_is_not_there_changes_nothing(link, inside):
    link.start()
    refused = edit(link.a, "interface", netns="elsewhere")
    assert refused.returncode == 1 and "elsewhere" in refused.stderr and "nothing was changed" in refused.stderr
    traffic_within(inside, link.b.side.addr4, 10)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_it_is_cleaned_up(link, inside, how):
    before = inside.network_state()
    link.start()
    traffic_within(inside, link.b.side.addr4, 10)
    link.a.stop(how)
    inside.expect_network_state(before)
    link.a.start()
    traffic_within(inside, link.b.side.addr4, 10)


def test_a_deleted_interface_is_noticed(link, inside):
    link.start()
    inside.ip("link", "del", link.a.device)
    assert link.a.process.wait(10) == 1
    assert "the interface tun0 was removed while in use" in link.a.log()


def test_a_namespace_that_is_made_anew_ends_the_link_which_then_starts_in_it(link, lab, inside):
    """`ip netns del` and `add`, a unit's restart, a container's: what is left is held by aditd alone."""
    link.start()
    traffic_within(inside, link.b.side.addr4, 10)
    subprocess.run(["ip", "netns", "del", inside.name], check=True)
    wait_until(lambda: "is gone" in link.a.status()["reason"], 30, "the loss to be told")
    assert link.a.state() == "up" and f"the network namespace {inside.name}" in link.a.status()["reason"]
    subprocess.run(["ip", "netns", "add", inside.name], check=True)
    assert link.a.process.wait(30) == 1, "the unit starts it again (Restart=on-failure)"
    log = link.a.log()
    assert log.count(f"{inside.name} (interface.netns) is gone") == 1
    assert f"the network namespace {inside.name} (interface.netns) was made anew" in log
    link.a.start()
    traffic_within(inside, link.b.side.addr4, 20)
    assert link.a.status()["reason"] == ""


def test_a_namespace_by_path(make, lab, inside):
    link = make(a={"interface": {"netns": f"/run/netns/{inside.name}"}})
    link.a.inside = inside
    link.start()
    traffic_within(inside, link.b.side.addr4, 10)


def test_a_missing_namespace_is_named_with_the_mend(link):
    link.a.side.interface["netns"] = "nowhere"
    assert link.a.launch().wait(10) == 1
    assert "there is no network namespace nowhere (interface.netns): make it with `ip netns add nowhere`" in link.a.log()
    link.a.side.interface["netns"] = "/etc/hostname"
    assert link.a.launch().wait(10) == 1
    assert "/etc/hostname (interface.netns) is no network namespace" in link.a.log()


def test_without_the_right_to_enter_it_the_mend_is_named(link):
    assert link.a.launch("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin").wait(10) == 1
    assert "needs CAP_SYS_ADMIN" in link.a.log() and "docs/network-namespaces.md" in link.a.log()


def test_hooks_are_told(link, tmp_path, inside):
    link.a.side.more["hooks"] = {"up": f"echo $ADIT_NETNS > {tmp_path}/told; ip netns exec $ADIT_NETNS true"}
    link.start()
    wait_until(lambda: (tmp_path / "told").exists() and (tmp_path / "told").read_text() == f"{inside.name}\n", 10, "the hook")


def test_a_second_daemon_is_told_who_has_the_interface(link, inside):
    link.start()
    holder = link.a.process
    other = link.a.host.popen("env", f"ADIT_RUN_DIR={link.a.directory}", link.a.process._popen.args[-2], link.a.file,
                              name="second")
    assert other.wait(10) == 1
    assert f"the interface tun0 is in use by aditd (process {holder.pid})" in other.log()


def test_the_doctor_looks_into_the_namespace(link, inside):
    link.start()
    traffic_within(inside, link.b.side.addr4, 10)
    report = examine(link.a)
    assert not report.alarms()
    assert report["interface"] == report["mtu"] == "ok" and report["forwarding"] == "skipped"
    # What cannot be put back: all else is, before anybody looks.
    inside.sysctl(f"net.ipv6.conf.{link.a.device}.disable_ipv6", 1)
    report = examine(link.a)
    assert report["interface"] == "problem"
    assert "the address fd09::1/126 is missing" in report.evidence("interface")


def test_the_doctor_misses_the_namespace(link):
    link.a.side.interface["netns"] = "nowhere"
    link.a.write_config()
    report = examine(link.a)
    assert report["interface"] == "problem" and "`ip netns add nowhere`" in report.evidence("interface")


# Moved by somebody ---------------------------------------------------------------------------------------------------

def move(end, inside):
    """As WireGuard's documentation has it for containers."""
    end.host.ip("link", "set", end.device, "netns", inside.name)
    end.inside = inside


def set_up(end, inside):
    for address in end.side.addresses:
        inside.ip("addr", "add", address, "dev", end.device)
    inside.ip("link", "set", end.device, "up")


def test_an_interface_that_is_moved_goes_on(make, lab, inside):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    handshake = link.a.latest_handshake()
    move(link.a, inside)
    wait_until(lambda: link.a.status()["observations"], 10, "the move to be noticed")
    set_up(link.a, inside)
    traffic_within(inside, link.b.side.addr4, 10)
    assert ping(link.b.host, link.a.side.addr6) == 3
    assert link.a.latest_handshake() == handshake
    sentence = f"the interface tun0 is in the network namespace {inside.name} now"
    assert sentence in link.a.log()
    status = link.a.status()
    assert status["state"] == "up"
    assert [o["kind"] for o in status["observations"]] == ["interface_moved"]
    assert sentence in link.a.adit("status", link.a.name).stdout
    report = examine(link.a)
    assert report["interface"] == "ok" and sentence in report.evidence("interface")
    assert link.a.stop() == 0
    assert link.a.device not in inside.ip("link")


def test_a_moved_interface_stays_where_it_is_across_a_restart(make, lab, inside):
    link = make(a={"routes": ["192.168.44.0/24"], "interface": {"queue_length": 10_000}}).start()
    inside.ip("tuntap", "add", "dev", link.a.device, "mode", "tun")  # its name is taken there
    link.a.host.ip("link", "set", link.a.device, "netns", inside.name, "name", "eth7")
    wait_until(lambda: link.a.status()["observations"], 10, "the move to be noticed")
    for address in link.a.side.addresses:
        inside.ip("addr", "add", address, "dev", "eth7")
    inside.ip("link", "set", "eth7", "up")
    traffic_within(inside, link.b.side.addr4, 10)
    before = inside.network_state()
    background = BackgroundPing(link.b.host, link.a.side.addr4, 0.02)
    for _ in range(2):
        background.goes_on(5)
        renew(link.a)
    background.goes_on(5)
    sent, received = background.stop()
    assert received == sent
    assert [o["kind"] for o in link.a.status()["observations"]] == ["interface_moved"]
    inside.expect_network_state(before)
    assert link.a.stop() == 0
    assert "eth7" not in inside.ip("link")


def test_a_moved_interface_is_the_movers_and_all_else_can_be_edited(make, lab, inside):
    link = make(a={"routes": ["192.168.44.0/24"]}).start()
    move(link.a, inside)
    wait_until(lambda: link.a.status()["observations"], 10, "the move to be noticed")
    set_up(link.a, inside)
    before = inside.network_state()
    assert edit(link.a, "peer", keepalive="7s").returncode == 0
    refused = edit(link.a, "interface", addresses=["10.77.0.1/24"])
    assert refused.returncode == 1 and "was moved to another network namespace" in refused.stderr
    lab.a.ip("route", "add", "10.2.0.2", "via", "10.1.0.1", "mtu", "1400")
    traffic_within(inside, link.b.side.addr4, 10)
    inside.expect_network_state(before)
    assert link.a.status()["routes"] == []


def test_what_blocks_is_put_back_while_the_interface_is_elsewhere(make, lab, inside):
    """It held what was to go into the tunnel; without it that would leave in clear."""
    link = make(a={"routes": ["default"], "allowed_ips": ["0.0.0.0/0", "::/0"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    move(link.a, inside)
    wait_until(lambda: link.a.status()["observations"], 10, "the move to be noticed")
    set_up(link.a, inside)
    rules, state = lab.a.ip("rule"), lab.a.network_state()
    assert "32701:" in rules
    lab.a.ip("rule", "del", "priority", "32701")
    wait_until(lambda: lab.a.ip("rule") == rules, 10, "the rule to be put back")
    lab.a.ip("route", "flush", "table", "all", "type", "unreachable")
    wait_until(lambda: lab.a.network_state() == state, 10, "the route to be put back")
    assert link.a.state() == "up"
    inside.ip("link", "set", link.a.device, "netns", lab.a.name)
    traffic_within(link.a.host, "10.2.0.2", 10)
    traffic_within(link.a.host, link.b.side.addr4, 10)


def test_a_moved_interface_may_come_back(make, lab, inside):
    link = make(a={"routes": ["192.168.44.0/24"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    before = lab.a.network_state()
    move(link.a, inside)
    wait_until(lambda: link.a.status()["observations"], 10, "the move to be noticed")
    inside.ip("link", "set", link.a.device, "netns", lab.a.name)
    traffic_within(link.a.host, link.b.side.addr4, 10)
    lab.a.expect_network_state(before)


def test_a_moved_interface_may_come_back_under_another_number(make, lab, inside):
    """Its own was given to another one meanwhile."""
    link = make(a={"routes": ["192.168.44.0/24"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    routes = lab.a.ip("route")
    number = int(lab.a.ip("-oneline", "link", "show", "dev", link.a.device).split(":")[0])
    move(link.a, inside)
    wait_until(lambda: link.a.status()["observations"], 10, "the move to be noticed")
    lab.a.ip("link", "add", "index", number, "name", "taken", "type", "bridge")
    assert link.a.log().count("serves") == 1, "another one is not ours"
    inside.ip("link", "set", link.a.device, "netns", lab.a.name)
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert lab.a.ip("route") == routes
    wait_until(lambda: link.a.state() == "up", 10, "the link to be up")
    assert "under another number" in link.a.log() and link.a.log().count("serves") == 2


def test_an_interface_that_comes_back_has_what_can_be_had_and_the_state_names_the_rest(make, lab, inside):
    link = make(a={"routes": ["192.168.44.0/24"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    before = lab.a.network_state()
    move(link.a, inside)
    wait_until(lambda: link.a.status()["observations"], 10, "the move to be noticed")
    lab.a.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    inside.ip("link", "set", link.a.device, "netns", lab.a.name)
    traffic_within(link.a.host, link.b.side.addr4, 10)
    wait_until(lambda: link.a.status()["state"] == "failed", 10, "the missing address to be told")
    assert "IPv6 is switched off there" in link.a.status()["reason"]
    lab.a.sysctl("net.ipv6.conf.default.disable_ipv6", 0)
    lab.a.sysctl(f"net.ipv6.conf.{link.a.device}.disable_ipv6", 0)
    wait_until(lambda: link.a.status()["state"] == "up", 40, "the address to be had")
    assert ping(link.a.host, link.b.side.addr6) == 3
    lab.a.expect_network_state(before)


def test_an_interface_that_is_moved_and_deleted_is_noticed(make, lab, inside):
    link = make().start()
    move(link.a, inside)
    wait_until(lambda: link.a.status()["observations"], 10, "the move to be noticed")
    inside.ip("link", "del", link.a.device)
    assert link.a.process.wait(10) == 1
    assert "the interface tun0 was removed while in use" in link.a.log()
