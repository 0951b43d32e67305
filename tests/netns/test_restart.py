# SPDX-License-Identifier: MIT
"""Restarts nobody notices: the daemon becomes its successor (SIGUSR2), and packets, sessions and routes live on."""
import ctypes
import os
import re
import signal
import socket
import time

import pytest
import yaml

from lab.datagrams import Datagram, Tap
from lab.ends import ADITD, Keys
from lab.plan import PORT
from lab.traffic import BackgroundPing, Stream, ping, traffic_within, transfer
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only
TRANSPORT_DATA = 4
KEEPALIVE_SIZE = 32  # a header and a tag
GOES_ON = "going on with the session of the run before"


def renew(end):
    """The successor has the process's number."""
    before = end.log().count(GOES_ON)
    end.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: end.log().count(GOES_ON) > before and end.socket_path.exists(), 10, "the successor")


def edit(end, section, **changes):
    """Changes keys of a section of the end's file; None takes one out."""
    config = yaml.safe_load(end.file.read_text())
    for key, value in changes.items():
        config[section][key] = value
        if value is None:
            del config[section][key]
    end.file.write_text(yaml.safe_dump(config))


def pidfd_getfd(pidfd, number):
    """A descriptor of another process, as one of ours: what Python has no function for."""
    fd = ctypes.CDLL(None, use_errno=True).syscall(438, pidfd, number, 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return fd


def is_udp(fd):
    with socket.socket(fileno=os.dup(fd)) as copy:
        return copy.family == socket.AF_INET and copy.type == socket.SOCK_DGRAM


@pytest.fixture
def link(make):
    link = make(a={"routes": ["192.168.44.0/24"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    return link


def test_not_one_packet_of_a_thousand_a_second_is_lost_or_doubled(make):
    """With room for those that wait for the successor: how long it takes to begin is up to the machine."""
    link = make(a={"interface": {"queue_length": 10_000}}, b={"interface": {"queue_length": 10_000}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    before = link.a.latest_handshake(), link.b.latest_handshake()
    background = BackgroundPing(link.b.host, link.a.side.addr4, 0.001)
    for end in (link.a, link.b, link.a, link.a):
        background.goes_on(20)
        renew(end)
    background.goes_on(20)
    sent, received = background.stop()
    assert received == sent
    assert "DUP" not in background.log()
    assert (link.a.latest_handshake(), link.b.latest_handshake()) == before, "no new session was needed"


def test_network_and_connections_survive(link):
    before = link.a.host.network_state()
    flow = Stream(link.a.host, link.b.host, link.b.side.addr4)
    for _ in range(5):
        flow.goes_on()
        renew(link.a)
        renew(link.b)
    flow.goes_on()
    assert flow.stop()
    link.a.host.expect_network_state(before)
    assert link.a.stop() == 0
    assert link.a.device not in link.a.host.ip("link")
    assert "192.168.44.0/24" not in link.a.host.ip("route")


def test_no_counter_is_used_twice_whatever_ends_a_run(link, lab):
    """Crashes, renewals, reloads and stops; every datagram is overheard."""
    tap = Tap(lab.r, "toa", PORT)
    background = link.b.host.popen("ping", "-n", "-i", "0.005", link.a.side.addr4, name="ping")
    for number in range(4):
        renew(link.a)
        config = yaml.safe_load(link.a.file.read_text())
        config["interface"]["mtu"] = 1300 + number
        link.a.file.write_text(yaml.safe_dump(config))
        link.a.adit("reload", link.a.name)
        renew(link.a)
        link.a.kill()
        link.a.start()
        traffic_within(link.a.host, link.b.side.addr4, 20)
        renew(link.a)
        link.a.restart()
        traffic_within(link.a.host, link.b.side.addr4, 20)
    background.stop(signal.SIGINT)
    seen = {}
    for datagram in filter(None, (Datagram.parse(frame) for _, frame in tap.frames())):
        if PORT not in (datagram.port, datagram.source_port) or datagram.type != TRANSPORT_DATA:
            continue
        number = datagram.payload[4:16]  # receiver index and counter
        assert seen.setdefault(number, datagram.payload) == datagram.payload, "a nonce with two contents"
    tap.close()
    assert len(seen) > 100


def test_an_edited_file_is_applied_by_the_successor(link):
    config = yaml.safe_load(link.a.file.read_text())
    config["interface"]["mtu"] = 1311
    config["routes"] = ["192.168.55.0/24"]
    config["local"]["listen"] = 51999
    link.a.file.write_text(yaml.safe_dump(config))
    renew(link.a)
    assert link.a.status()["mtu"] == 1311
    assert link.a.status()["local"]["listen"] == "51999"
    routes = link.a.host.ip("route")
    assert "192.168.55.0/24" in routes and "192.168.44.0/24" not in routes
    traffic_within(link.a.host, link.b.side.addr4, 10)


def test_a_keepalive_switched_on_in_the_file_is_sent_by_the_successor_on_an_idle_link(make, lab):
    link = make(keepalive=0).start()
    tap = Tap(lab.r, "tob", PORT)
    traffic_within(link.a.host, link.b.side.addr4, 10)
    tap.wait_for_silence()
    silent_since = len(tap.seen())
    edit(link.a, "peer", keepalive="1s")
    renew(link.a)
    wait_until(lambda: [len(d.payload) for d in tap.seen()[silent_since:]].count(KEEPALIVE_SIZE) >= 3, 20, "keepalives")
    tap.close()


def test_an_endpoint_edited_in_the_file_is_called_by_the_successor_though_the_old_one_answers(link):
    link.b.host.ip("addr", "add", "10.2.0.99/24", "dev", "eth0")
    handshake = link.a.latest_handshake()
    edit(link.a, "peer", endpoint="10.2.0.99:51820")
    renew(link.a)
    wait_until(lambda: link.a.peer_endpoint() == "10.2.0.99:51820", 10, "the new endpoint to be called")
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.a.latest_handshake() == handshake, "with the session there is"


def test_a_learned_endpoint_survives_an_edit_of_something_else(link):
    link.a.host.ip("addr", "add", "10.1.0.99/24", "dev", "eth0")
    link.a.host.ip("route", "replace", "default", "via", "10.1.0.1", "src", "10.1.0.99")
    edit(link.a, "peer", endpoint="10.2.0.2:51820")
    link.a.restart()
    wait_until(lambda: link.b.peer_endpoint() == "10.1.0.99:51820", 20, "b to learn where a is now")
    edit(link.b, "peer", keepalive="7s")
    renew(link.b)
    assert link.b.peer_endpoint() == "10.1.0.99:51820"
    assert link.b.status()["peer"]["endpoint_source"] == "learned"


@pytest.mark.parametrize("existed", [False, True], ids=["of_its_own", "there_before"])
def test_what_is_taken_out_of_the_file_is_put_back_by_the_successor(make, existed):
    link = make(a={"interface": {"queue_length": 77, "multicast": True}})
    if existed:
        link.a.host.ip("tuntap", "add", "dev", link.a.device, "mode", "tun")
        link.a.host.ip("link", "set", link.a.device, "mtu", "1300", "txqueuelen", "20", "up")
        link.a.host.ip("link", "set", link.a.device, "down")
    before = link.a.host.network_state()
    link.start()
    edit(link.a, "interface", queue_length=None, multicast=None)
    renew(link.a)
    assert f"qlen {20 if existed else 2000}" in link.a.host.ip("link", "show", "dev", link.a.device)
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert link.a.stop() == 0
    link.a.host.expect_network_state(before)


def test_with_mistakes_in_the_file_the_run_goes_on(link):
    good = link.a.file.read_text()
    link.a.file.write_text("interface: {mtu: 7}\n")
    link.a.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: "this run goes on" in link.a.log(), 10, "the refusal")
    assert ping(link.a.host, link.b.side.addr4) == 3
    link.a.file.write_text(good)
    renew(link.a)


def hooks_of(end):
    return re.findall(r"hooks\.\w+: ((?:up|down) of .*)", end.log())


@pytest.mark.parametrize("persist", [False, True], ids=["", "persistent"])
@pytest.mark.parametrize("how", ["edited", "renamed"])
def test_an_interface_of_another_name_is_another_one_with_the_hooks_that_belong_to_it(make, how, persist):
    link = make(a={"more": {"hooks": {event: f"echo {event} of $ADIT_INTERFACE" for event in ("up", "down")}},
                   "interface": {"persist": persist}, "routes": ["192.168.44.0/24"]}).start()
    end = link.a
    traffic_within(end.host, link.b.side.addr4, 10)
    wanted, before = (("tun9", end.device) if how == "edited" else (end.device, "other"))
    if how == "edited":
        edit(end, "interface", name=wanted)
    else:
        end.host.ip("link", "set", end.device, "name", before)
        wait_until(lambda: end.status()["interface"] == before, 10, "the new name to be seen")
    renew(end)
    wait_until(lambda: hooks_of(end) == [f"up of {end.device}", f"down of {before}", f"up of {wanted}"], 10, "the hooks")
    traffic_within(end.host, link.b.side.addr4, 20)
    assert f"{before}:" not in end.host.ip("link")
    assert "192.168.44.0/24" in end.host.ip("route", "show", "dev", wanted)


def test_somebody_elses_interface_is_given_back_when_the_file_names_another(make):
    link = make(a={"routes": ["192.168.44.0/24"], "interface": {"mtu": 1300}})
    end = link.a
    end.host.ip("tuntap", "add", "dev", end.device, "mode", "tun")
    end.host.ip("addr", "add", "10.55.0.1/24", "dev", end.device)
    end.host.ip("link", "set", end.device, "addrgenmode", "none")
    for state in ("up", "down"):  # only then it gets its queue, for good
        end.host.ip("link", "set", end.device, state)
    before = end.host.network_state()
    link.start()
    traffic_within(end.host, link.b.side.addr4, 10)
    edit(end, "interface", name="tun9")
    renew(end)
    traffic_within(end.host, link.b.side.addr4, 20)
    assert "192.168.44.0/24" in end.host.ip("route", "show", "dev", "tun9")
    assert end.stop() == 0
    end.host.expect_network_state(before)


def test_a_new_key_in_the_file_begins_a_new_session(link):
    config = yaml.safe_load(link.a.file.read_text())
    fresh = Keys()
    config["local"]["private_key"] = fresh.private
    link.a.file.write_text(yaml.safe_dump(config))
    link.a.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: link.a.log().count("aditd serves") == 2 and link.a.socket_path.exists(), 10, "the successor")
    assert link.a.status()["local"]["public_key"] == fresh.public
    other = yaml.safe_load(link.b.file.read_text())
    other["peer"]["public_key"] = fresh.public
    link.b.file.write_text(yaml.safe_dump(other))
    link.b.adit("reload", link.b.name)
    traffic_within(link.a.host, link.b.side.addr4, 20)


def test_a_link_with_a_default_route_keeps_it(make):
    link = make(a={"routes": ["default"], "allowed_ips": None, "addresses": ["10.9.0.1/30"]},
                b={"allowed_ips": ["0.0.0.0/0"]})
    link.a.side.allowed_ips = ["0.0.0.0/0"]
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    rules = link.a.host.ip("rule")
    renew(link.a)
    assert link.a.host.ip("rule") == rules
    assert transfer(link.a.host, link.b.host, link.b.side.addr4, 1 << 20)
    assert link.a.stop() == 0
    assert link.a.host.ip("rule") != rules


def test_only_ends_that_nobody_wanted_count_as_restarts(make):
    end = make().a
    end.start()
    assert end.status()["restarts"] == 0
    for times in (1, 2):
        end.kill()
        end.start()
        assert end.status()["restarts"] == times
    end.restart()
    assert end.status()["restarts"] == 0


@pytest.mark.parametrize("after", [["HUP"], ["USR2"], ["HUP", "USR2", "HUP", "USR2"]], ids="-".join)
def test_a_signal_right_behind_it_is_the_successors(link, after):
    """Whatever moment it comes at: while the run before gives things up, while the program is executed, while it starts."""
    background = BackgroundPing(link.b.host, link.a.side.addr4, 0.05)
    for pause in (0, 0.001, 0.003, 0.01, 0.03):
        before = link.a.log().count(GOES_ON)
        link.a.process.send_signal(signal.SIGUSR2)
        for name in after:
            time.sleep(pause)
            link.a.process.send_signal(getattr(signal, f"SIG{name}"))
        wait_until(lambda before=before: link.a.log().count(GOES_ON) > before and link.a.socket_path.exists(), 20, "the successor")
        assert ping(link.a.host, link.b.side.addr4) == 3
    background.stop()
    assert link.a.process.alive and "giving" not in link.a.log()


def test_told_to_end_right_behind_it_the_successor_ends_and_nothing_is_left(link):
    link.a.process.send_signal(signal.SIGUSR2)
    time.sleep(0.002)
    link.a.process.send_signal(signal.SIGTERM)
    assert link.a.process.wait(20) == 0
    assert link.a.device not in link.a.host.ip("link")
    assert "proto 173" not in link.a.host.ip("rule")


def test_few_descriptors_are_enough(make):
    """64 was the number above which descriptors were copied on their way to the successor."""
    link = make()
    link.b.start()
    link.a.launch("prlimit", "--nofile=48")
    wait_until(link.a.socket_path.exists, 10, "the control socket")
    traffic_within(link.a.host, link.b.side.addr4, 10)
    renew(link.a)
    assert ping(link.a.host, link.b.side.addr4) == 3


# In the place of the program that the successor is: the run before was last at work before a suspend, it says.
SUSPENDED_SINCE = """#!/usr/bin/python3
import os, re, sys
session = 3 + os.environ["LISTEN_FDNAMES"].split(":").index("session")
content = os.pread(session, 1 << 20, 0)
content = re.sub(rb"\\nsuspended=(\\d+)\\n", lambda said: b"\\nsuspended=%d\\n" % (int(said[1]) - 10**9), content, 1)
other = os.memfd_create("session")
os.write(other, content)
os.dup2(other, session)
os.execv("{program}", ["{program}", *sys.argv[1:]])
"""


def test_a_host_that_was_suspended_between_two_runs_begins_a_new_session(make, tmp_path):
    """Whoever has its memory from then has the old one's keys, and may go on with it elsewhere."""
    link = make(calls="a")
    link.b.start()
    program = tmp_path / "aditd"
    os.symlink(ADITD, program)
    link.a.launch("bash", "-c", f'shift; exec {program} "$@"', "bash")
    traffic_within(link.a.host, link.b.side.addr4, 20)
    renew(link.a)
    assert "was suspended" not in link.a.log()
    program.unlink()
    program.write_text(SUSPENDED_SINCE.format(program=ADITD))
    program.chmod(0o755)
    before = link.a.log().count(" completed")
    renew(link.a)
    wait_until(lambda: "this host was suspended: its sessions are given up" in link.a.log(), 10, "the suspend to be noticed")
    wait_until(lambda: link.a.log().count(" completed") > before, 10, "a new session")
    traffic_within(link.a.host, link.b.side.addr4, 10)


def test_what_another_release_left_goes_on_without_its_session(make):
    """The interface and a socket, passed on by somebody who writes no session that we could read."""
    link = make(a={"routes": ["192.168.44.0/24"], "listen": f"0.0.0.0:{PORT}"}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    pid = link.a.process.pid
    names = {number: os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")}
    pidfd = os.pidfd_open(pid)
    tun = pidfd_getfd(pidfd, next(int(number) for number, name in names.items() if name == "/dev/net/tun"))
    udp = next(fd for fd in (pidfd_getfd(pidfd, int(number)) for number, name in names.items() if name.startswith("socket:"))
               if is_udp(fd))
    index = link.a.host.run("cat", f"/sys/class/net/{link.a.device}/ifindex").stdout
    link.a.kill()
    for place, fd in ((203, tun), (204, udp)):
        os.dup2(fd, place, inheritable=True)
    link.a.launch("bash", "-c", 'exec 3<&203 4<&204; LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=tun:udp4 exec "$@"', "bash",
                  pass_fds=(203, 204))
    for fd in (tun, udp, 203, 204):
        os.close(fd)
    wait_until(link.a.socket_path.exists, 10, "the control socket")
    assert link.a.host.run("cat", f"/sys/class/net/{link.a.device}/ifindex").stdout == index, "the same interface"
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert GOES_ON not in link.a.log()
    assert "192.168.44.0/24" in link.a.host.ip("route", "show", "dev", link.a.device)
