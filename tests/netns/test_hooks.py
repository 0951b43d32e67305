# SPDX-License-Identifier: MIT
"""Commands that go with the link: when they run, what they find, and that nothing they do keeps packets waiting."""
import contextlib
import os
import signal
import socket

import pytest
import yaml

from lab.patience import patient
from lab.traffic import BackgroundPing, ping, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only
LOOK = "ip addr show dev $ADIT_INTERFACE; ip route; ss -uan"
ROUTES = ["192.168.20.0/24", {"to": "10.20.0.0/16", "metric": 50}]


def with_hooks(make, **hooks):
    """A link not yet started, whose end a has hooks and routes."""
    return make(a={"more": {"hooks": hooks}, "routes": ROUTES})


def hook_lines(end, event):
    """What hooks have printed, and what is said of them."""
    mark = f"hooks.{event}: "
    return [line.split(mark, 1)[1] for line in end.log().splitlines() if mark in line]


def wait_for_line(end, event, part):
    wait_until(lambda: any(part in line and "running" not in line for line in hook_lines(end, event)), 10,
               f"{part!r} of the {event} hook")


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_hook_finds_the_links_facts_in_its_environment_and_nothing_else(make):
    link = with_hooks(make, up={"command": ["env"]}, down={"command": ["env"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    mtu = link.a.status()["mtu"]
    assert link.a.stop() == 0
    for event in ("up", "down"):
        printed = [line for line in hook_lines(link.a, event) if "=" in line]
        found = dict(line.split("=", 1) for line in printed)
        wanted = {"ADIT_EVENT": event, "ADIT_LINK": "a", "ADIT_INTERFACE": "tun0", "ADIT_NETNS": "",
                  "ADIT_ADDRESSES": "10.9.0.1/30 fd09::1/126", "ADIT_ROUTES": "192.168.20.0/24 10.20.0.0/16",
                  "ADIT_LISTEN": "51820", "ADIT_PEER": link.b.side.public_key, "PATH": os.environ["PATH"]}
        assert wanted.items() <= found.items()
        assert set(found) - set(wanted) - {"HOME", "LANG"} == {"ADIT_MTU", "ADIT_ENDPOINT"}
    assert found["ADIT_ENDPOINT"] == "10.2.0.2:51820"
    assert found["ADIT_MTU"] == str(mtu)
    assert link.a.side.private_key not in link.a.log()


def test_interface_addresses_routes_and_sockets_are_there_at_up_and_still_at_down(make):
    link = with_hooks(make, up=LOOK, down=LOOK)
    before = link.a.host.network_state()
    link.start()
    wait_for_line(link.a, "up", ":51820")
    assert link.a.stop() == 0
    for event in ("up", "down"):
        printed = "\n".join(hook_lines(link.a, event))
        for part in ("10.9.0.1/30", "fd09::1/126", "192.168.20.0/24", "10.20.0.0/16", ":51820"):
            assert part in printed, f"{event}: {part}"
    link.a.host.expect_network_state(before)


def test_an_address_that_a_hook_takes_away_is_not_fought_over(make):
    """As dn42's files do it: the address of the file goes, and comes again with a peer."""
    link = with_hooks(make, up="ip addr del 10.9.0.1/30 dev $ADIT_INTERFACE && "
                               "ip addr add 10.9.0.1 peer 10.9.0.2 dev $ADIT_INTERFACE && echo exchanged").start()
    wait_for_line(link.a, "up", "exchanged")
    traffic_within(link.a.host, link.b.side.addr4, 10)
    # What somebody else takes away afterwards is put back, and nothing but that; nor is it with an edit.
    link.a.host.ip("addr", "del", "fd09::1/126", "dev", "tun0")
    wait_until(lambda: "put back: the address fd09::1/126" in link.a.log(), 10, "the address put back")
    config = yaml.safe_load(link.a.file.read_text())
    config["interface"]["mtu"] = 1300
    link.a.file.write_text(yaml.safe_dump(config))
    link.a.adit("reload", link.a.name)
    there = link.a.host.ip("addr", "show", "dev", "tun0")
    assert "mtu 1300" in there and "fd09::1/126" in there and "10.9.0.1 peer 10.9.0.2/32" in there
    assert "10.9.0.1/30" not in there
    assert link.a.stop() == 0


def test_an_address_that_a_hook_has_exchanged_stays_so_when_another_run_goes_on(make):
    """Of IPv6 the kernel has no address twice, whatever its peer."""
    link = with_hooks(make, up="ip addr del 10.9.0.1/30 dev $ADIT_INTERFACE && ip addr del fd09::1/126 dev $ADIT_INTERFACE && "
                               "ip addr add 10.9.0.1 peer 10.9.0.2 dev $ADIT_INTERFACE && "
                               "ip addr add fd09::1 peer fd09::2 dev $ADIT_INTERFACE && echo exchanged").start()
    wait_for_line(link.a, "up", "exchanged")
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: link.a.log().count("aditd serves") == 2 and link.a.socket_path.exists(), 10, "the successor")
    traffic_within(link.a.host, link.b.side.addr4, 10)
    there = link.a.host.ip("addr", "show", "dev", "tun0")
    assert "10.9.0.1 peer 10.9.0.2/32" in there and "10.9.0.1/30" not in there
    assert "fd09::1 peer fd09::2/128" in there


def test_hooks_run_one_after_the_other_and_up_once_whatever_the_link_does(make):
    words = {"command": ["echo", "two  words"]}
    link = with_hooks(make, up=["sleep 0.3; echo one", words, "false", "echo three"]).start()
    wait_for_line(link.a, "up", "three")
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.b.restart()
    traffic_within(link.b.host, link.a.side.addr4, 20)
    told = [line for line in hook_lines(link.a, "up") if not line.startswith("running")]
    assert told == ["one", "two  words",
                    '"false" failed with exit status 1; it printed nothing, so run it by hand to see why', "three"]


def test_packets_flow_while_a_hook_hangs_and_it_ends_with_the_link(make):
    hanging = {"command": "echo pid $$; yes > /dev/null & sleep 1000", "timeout": "5m"}
    link = with_hooks(make, up=hanging, down="echo last").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    wait_for_line(link.a, "up", "pid ")
    pid = int(next(line for line in hook_lines(link.a, "up") if line.startswith("pid "))[4:])
    assert is_alive(pid)
    background = BackgroundPing(link.b.host, link.a.side.addr4, 0.01)
    assert ping(link.a.host, link.b.side.addr4, 10) == 10
    background.goes_on(10)
    sent, received = background.stop()
    assert received == sent
    assert link.a.stop() == 0
    assert "was ended, since the link ends" in hook_lines(link.a, "up")[-1]
    assert hook_lines(link.a, "down")[-1] == "last"
    wait_until(lambda: not is_alive(pid), 5, "the hook to be gone")


def test_a_hook_that_takes_too_long_is_ended_and_told(make):
    link = with_hooks(make, up={"command": "trap '' TERM; sleep 1000", "timeout": "1s"}).start()
    wait_for_line(link.a, "up", "took longer than 1s and was ended")
    traffic_within(link.a.host, link.b.side.addr4, 10)


def test_a_hook_that_prints_without_end_neither_fills_the_log_nor_stops_packets(make):
    link = with_hooks(make, up={"command": ["yes"], "timeout": "4s"}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    background = BackgroundPing(link.b.host, link.a.side.addr4, 0.05)
    wait_for_line(link.a, "up", "more lines are left out")
    sent, received = background.stop()
    assert received == sent
    assert hook_lines(link.a, "up").count("y") == 100


@pytest.mark.parametrize("command", ["echo so; exit 4", ["/nowhere/to/be/found"]], ids=["fails", "missing"])
def test_a_required_hook_that_fails_ends_the_daemon_which_takes_everything_back(make, command):
    link = with_hooks(make, up=[{"command": command, "required": True}, "echo next"], down="echo cleared")
    before = link.a.host.network_state()
    process = link.a.launch()
    assert process.wait(10) == 1
    link.a.process = None
    assert "the link does not go on without" in process.log()
    assert "next" not in hook_lines(link.a, "up")
    assert hook_lines(link.a, "down")[-1] == "cleared"
    link.a.host.expect_network_state(before)


def test_a_required_hook_that_succeeds_is_no_obstacle(make):
    link = with_hooks(make, up={"command": "true", "required": True}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["sigterm", "sigint"])
def test_the_link_still_carries_packets_while_down_runs(make, number):
    link = with_hooks(make, down="ping -n -q -c 3 -i 0.2 -W 8 10.9.0.2").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.a.stop(number) == 0
    assert any("3 received" in line for line in hook_lines(link.a, "down"))


def test_a_down_hook_that_fails_or_hangs_holds_up_the_end_for_its_timeout_at_most(make):
    link = with_hooks(make, down=[{"command": "sleep 1000", "timeout": "1s"}, "exit 9"])
    before = link.a.host.network_state()
    link.start()
    assert link.a.stop() == 0
    told = "\n".join(hook_lines(link.a, "down"))
    assert "took longer than 1s" in told and "exit status 9" in told
    link.a.host.expect_network_state(before)


def test_a_second_signal_does_not_wait_for_down(make):
    link = with_hooks(make, down={"command": "echo begun; sleep 1000", "timeout": "5m"})
    before = link.a.host.network_state()
    link.start()
    link.a.process.send_signal(signal.SIGTERM)
    wait_for_line(link.a, "down", "begun")
    assert link.a.stop() == 0
    link.a.host.expect_network_state(before)


def test_down_does_not_run_if_the_link_never_was(make):
    link = with_hooks(make, up="echo up", down="echo down")
    link.a.host.popen("socat", "-u", "UDP4-RECV:51820", "STDOUT", name="socat")
    wait_until(lambda: ":51820" in link.a.host.run("ss", "-uan").stdout, 5, "the port to be taken")
    assert link.a.launch().wait(10) == 1
    link.a.process = None
    assert hook_lines(link.a, "up") == hook_lines(link.a, "down") == []


def test_a_reload_takes_hooks_over_for_the_next_time(make):
    link = with_hooks(make, up="echo old up", down="echo old down").start()
    wait_for_line(link.a, "up", "old up")
    config = yaml.safe_load(link.a.file.read_text())
    config["hooks"] = {"up": "echo new up", "down": {"command": ["echo", "new down"], "timeout": "3s"}}
    link.a.file.write_text(yaml.safe_dump(config))
    said = link.a.adit("reload", link.a.name).stdout
    assert 'hooks.up: "echo new up", was "echo old up"' in said
    assert 'hooks.down: {command: [echo, "new down"], timeout: 3s}, was "echo old down"' in said
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.a.stop() == 0
    assert "new up" not in hook_lines(link.a, "up")
    assert hook_lines(link.a, "down")[-1] == "new down"


def test_a_run_that_goes_on_with_the_link_runs_neither_down_nor_up(make):
    link = with_hooks(make, up="echo up", down="echo down").start()
    wait_for_line(link.a, "up", "up")
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: link.a.log().count("serves a on") == 2, 10, "the new run")
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert not hook_lines(link.a, "down")
    assert link.a.stop() == 0
    assert hook_lines(link.a, "up").count("up") == 1
    assert hook_lines(link.a, "down").count("down") == 1


def test_a_run_does_not_give_way_while_a_hook_runs(make):
    link = with_hooks(make, up={"command": "echo begun; sleep 1000", "timeout": "5m"}).start()
    wait_for_line(link.a, "up", "begun")
    link.a.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: "a hook still runs" in link.a.log(), 10, "the refusal")
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.a.stop() == 0
    assert link.a.log().count("serves a on") == 1


def test_the_service_is_ready_once_required_hooks_have_run_and_may_take_their_time(make, tmp_path):
    hook = {"command": f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done", "timeout": "1m", "required": True}
    link = with_hooks(make, up=hook, down={"command": ["true"], "timeout": "2m"})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(patient(10))
        link.a.env["NOTIFY_SOCKET"] = str(tmp_path / "notify")
        link.a.start()
        told = []

        def wait_for(message):
            told.append(manager.recv(4096).decode())
            while told[-1] != message:
                told.append(manager.recv(4096).decode())

        wait_for("EXTEND_TIMEOUT_USEC=72000000")
        link.a.adit("reload", link.a.name)
        link.a.process.send_signal(signal.SIGHUP)
        wait_until(lambda: link.a.log().count("reload: ") == 2, 10, "the second reload")
        manager.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            wait_for("READY=1")
        assert not any("READY=1" in message or "RELOADING=1" in message for message in told)
        manager.settimeout(patient(10))
        (tmp_path / "go").touch()
        wait_for("READY=1")
        link.a.adit("reload", link.a.name)
        wait_for("READY=1")
        link.a.process.send_signal(signal.SIGTERM)
        wait_for("EXTEND_TIMEOUT_USEC=132000000")
        assert "STOPPING=1" in told
        assert link.a.stop() == 0


def test_a_hook_has_the_daemons_rights_and_no_more(make):
    link = with_hooks(make, up="grep -E 'NoNewPrivs|CapEff|CapBnd' /proc/self/status; "
                               "ip rule add from 10.9.0.1 table 77; ip rule; mount -t tmpfs none /mnt")
    link.a.launch("setpriv", "--no-new-privs", "--bounding-set=-all,+net_admin")
    wait_for_line(link.a, "up", "failed with exit status")
    told = "\n".join(hook_lines(link.a, "up")).replace("\t", " ")
    assert "NoNewPrivs: 1" in told and "CapEff: 0000000000001000" in told and "CapBnd: 0000000000001000" in told
    assert "lookup 77" in told
