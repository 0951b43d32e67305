# SPDX-License-Identifier: MIT
"""Edits to a running link: what changed is applied, what did not is not touched, and a mistake changes nothing."""
import base64
import copy
import json
import pathlib
import random
import re
import signal
import sys
import time

import pytest
import yaml

from lab.datagrams import Tap
from lab.ends import ADIT, Keys, wg
from lab.plan import PORT
from lab.processors import SEVERAL
from lab.traffic import BackgroundPing, ping, traffic_within, transfer
from lab.uevents import clone
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only
EDITS = 1000
PSK = base64.b64encode(bytes(range(101, 133))).decode()


def edit(end, changes, check=True):
    """Changes keys of the end's file ({"peer.keepalive": "10s"}; None takes the key out) and reloads it."""
    config = yaml.safe_load(end.file.read_text())
    for path, value in changes.items():
        section, _, key = path.partition(".")
        place, name = (config.setdefault(section, {}), key) if key else (config, section)
        if value is None:
            place.pop(name, None)
        else:
            place[name] = value
    end.file.write_text(yaml.safe_dump({name: value for name, value in config.items() if value not in ({}, None)}))
    return end.adit("reload", end.name, check=check)


@pytest.fixture
def link(make):
    link = make(calls="ab").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    return link


def link_of(end):
    return end.host.ip("-details", "link", "show", "dev", end.device)


# Each key that can be seen in the host's network or in the status: the edit, and what must hold afterwards.
VISIBLE = {
    "interface.addresses": (["10.9.0.1/30", "10.77.0.1/24"], lambda end: "10.77.0.1/24" in end.host.ip("addr")),
    "interface.mtu": (1300, lambda end: "mtu 1300" in link_of(end) and end.status()["mtu"] == 1300),
    "interface.queue_length": (77, lambda end: "qlen 77" in link_of(end)),
    "interface.multicast": (True, lambda end: "MULTICAST" in link_of(end)),
    "interface.forward": (True, lambda end: end.host.run("sysctl", "-n", "net.ipv4.ip_forward").stdout.strip() == "1"),
    "interface.persist": (True, lambda end: "persist on" in link_of(end)),
    "interface.owner": (1234, lambda end: "user 1234" in link_of(end)),
    "interface.name": ("renamed0", lambda end: "renamed0" in end.host.ip("addr") and end.status()["interface"] == "renamed0"),
    "local.listen": (51999, lambda end: end.status()["local"]["listen"] == "51999"),
    "local.fwmark": (0x77, lambda end: "fwmark:0x77" in end.host.run("ss", "-uanme").stdout),
    "local.device": ("eth0", lambda end: "%eth0:51820" in end.host.run("ss", "-uan").stdout),
    "peer.keepalive": ("7s", lambda end: end.status()["peer"]["keepalive"] == 7),
    "peer.allowed_ips": (["10.9.0.0/30", "fd09::/126", "10.88.0.0/16"], lambda end: end.state() == "up"),
    "routes": ([{"to": "192.168.44.0/24", "metric": 7}], lambda end: "192.168.44.0/24" in end.host.ip("route")),
    "log.level": ("warn", lambda end: end.state() == "up"),
    "tuning.crypto": ("libsodium", lambda end: end.status()["crypto"] == "libsodium"),
    "tuning.tun_offload": ("off", lambda end: end.status()["offload"]["tun_tcp"] == "off"),
    "tuning.udp_offload": ("off", lambda end: end.status()["offload"]["udp_send"] == "off"),
    "tuning.receive_buffer": ("1M", lambda end: "rb2097152" in end.host.run("ss", "-uanm").stdout),
    "tuning.workers": (2, lambda end: end.status()["workers"] == min(2, SEVERAL)),
    "tuning.copy_dscp": (True, lambda end: end.state() == "up"),
    "tuning.mss_clamp": (1000, lambda end: end.state() == "up"),
    "tuning.path_probe": ("off", lambda end: end.status()["path"]["probe"] == "off"),
}


@pytest.mark.parametrize("key", VISIBLE)
def test_each_key_changes_on_a_running_link_and_back_without_a_new_session(link, key):
    value, holds = VISIBLE[key]
    end = link.a
    before, handshake = end.host.network_state(), end.latest_handshake()
    old = yaml.safe_load(end.file.read_text())
    section, _, name = key.partition(".")
    old_value = old.get(section, {}).get(name) if name else old.get(section)
    said = edit(end, {key: value}).stdout
    assert said.startswith(f"{key}: "), said
    assert holds(end)
    assert transfer(link.a.host, link.b.host, link.b.side.addr4, 1 << 20)

    edit(end, {key: old_value})
    assert not holds(end) or key in ("peer.allowed_ips", "log.level", "tuning.copy_dscp", "tuning.mss_clamp")
    assert transfer(link.a.host, link.b.host, link.b.side.addr4, 1 << 20)
    assert end.latest_handshake() == handshake, "the session survived both"
    if key != "interface.owner":  # which the kernel can give to root, and not take back
        end.host.expect_network_state(before)


@pytest.mark.parametrize("key", ["peer.keepalive", "routes", "interface.mtu", "interface.addresses", "tuning.crypto"])
def test_no_packet_is_lost_while_keys_change_that_do_not_concern_the_sockets(link, key):
    background = BackgroundPing(link.b.host, link.a.side.addr4, 0.01)
    value = VISIBLE[key][0]
    background.goes_on()
    for _ in range(10):
        edit(link.a, {key: value})
        edit(link.a, {key: None} if key != "interface.addresses" else {key: ["10.9.0.1/30", "fd09::1/126"]})
        background.goes_on()
    sent, received = background.stop()
    assert received == sent


def test_a_file_with_mistakes_changes_nothing_and_says_them_all(link):
    before = link.a.host.network_state()
    done = edit(link.a, {"interface.mtu": 99, "peer.keepalife": "10s", "routes": ["192.168.44.0/24"]}, check=False)
    assert done.returncode == 78
    assert "interface.mtu" in done.stderr and "did you mean" in done.stderr and "nothing was changed" in done.stderr
    link.a.host.expect_network_state(before)
    assert ping(link.a.host, link.b.side.addr4) == 3
    assert "peer.keepalife" in link.a.log()


def test_what_cannot_be_applied_is_taken_back_whole(link):
    """One address, the route and the MTU would be fine; the other address somebody has given the interface otherwise."""
    link.a.host.ip("addr", "add", "10.77.0.1", "peer", "10.77.0.2/24", "dev", link.a.device)
    before, status = link.a.host.network_state(), link.a.status()
    done = edit(link.a, {"interface.addresses": ["10.9.0.1/30", "10.78.0.1/24", "10.77.0.1/24"], "interface.mtu": 1300,
                         "routes": ["192.168.45.0/24"]}, check=False)
    assert done.returncode == 1
    assert "has the address 10.77.0.1 already" in done.stderr and "nothing was changed" in done.stderr
    link.a.host.expect_network_state(before)
    assert link.a.status()["routes"] == status["routes"]
    assert ping(link.a.host, link.b.side.addr4) == 3


def test_a_port_that_is_taken_leaves_the_old_one_in_use(link):
    taken = link.a.host.popen("socat", "-u", "UDP4-RECV:51999", "STDOUT", name="socat")
    wait_until(lambda: ":51999" in link.a.host.run("ss", "-uan").stdout, 5, "the port to be taken")
    done = edit(link.a, {"local.listen": 51999}, check=False)
    assert done.returncode == 1 and "51999 is in use" in done.stderr
    assert ping(link.a.host, link.b.side.addr4) == 3
    assert link.a.status()["local"]["listen"] == "51820"
    taken.stop()
    assert edit(link.a, {"local.listen": 51999}).returncode == 0
    traffic_within(link.b.host, link.a.side.addr4, 10)


def test_the_peer_learns_a_new_port_of_an_end_that_has_nothing_to_send(make, lab):
    link = make(keepalive=0).start()
    tap = Tap(lab.r, "tob", PORT)
    traffic_within(link.a.host, link.b.side.addr4, 10)
    tap.wait_for_silence()
    tap.close()
    edit(link.a, {"local.listen": 51999})
    wait_until(lambda: link.b.peer_endpoint() == "10.1.0.2:51999", 10, "b to know the new port")


def test_other_peoples_routes_and_addresses_stay(link):
    link.a.host.ip("route", "add", "192.168.99.0/24", "dev", link.a.device, "metric", "3")
    link.a.host.ip("addr", "add", "10.66.0.1/24", "dev", link.a.device)
    edit(link.a, {"routes": ["192.168.44.0/24"], "interface.addresses": ["10.9.0.1/30"]})
    edit(link.a, {"routes": None, "interface.mtu": 1300})
    assert "192.168.99.0/24" in link.a.host.ip("route")
    assert "10.66.0.1/24" in link.a.host.ip("addr")


def test_new_keys_begin_a_new_session(link):
    fresh = Keys()
    edit(link.a, {"local.private_key": fresh.private})
    said = edit(link.b, {"peer.public_key": fresh.public}).stdout
    assert "new session" in said
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert link.a.status()["local"]["public_key"] == fresh.public
    assert fresh.private not in link.a.log()


def test_a_new_preshared_key_is_used_from_the_next_handshake_on_without_a_gap(link):
    background = BackgroundPing(link.a.host, link.b.side.addr4, 0.05)
    psk = wg("genpsk")
    for end in (link.a, link.b):
        background.goes_on()
        assert "peer.preshared_key" in edit(end, {"peer.preshared_key": psk}).stdout
        end.side.preshared_key = psk
    background.goes_on()
    sent, received = background.stop()
    assert received == sent
    link.a.restart()  # brings a handshake
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert "nothing to change" in edit(link.b, {"peer.preshared_key": psk}).stdout


def copies_in_memory(end, secret):
    """How often the bytes are in the memory of the end's process."""
    found = 0
    with open(f"/proc/{end.process.pid}/mem", "rb", buffering=0) as memory:
        for line in pathlib.Path(f"/proc/{end.process.pid}/maps").read_text().splitlines():
            start, stop = (int(address, 16) for address in line.split()[0].split("-"))
            if " rw" not in line:
                continue
            memory.seek(start)
            found += memory.read(stop - start).count(secret)
    return found


def in_file_of_its_own(config, section, name, file):
    """Of a function that makes a configuration, one whose configuration names `file` in place of the key."""
    def changed():
        made = config()
        made[section].pop(name, None)
        made[section][f"{name}_file"] = str(file)
        return made
    return changed


def test_a_reload_leaves_no_copy_of_the_keys_behind(make, tmp_path):
    """Of those that are read from files of their own, since the YAML reader does not wipe (docs/service.md)."""
    link = make()
    for end in (link.a, link.b):
        for section, name, key in (("local", "private_key", end.side.private_key), ("peer", "preshared_key", PSK)):
            file = tmp_path / f"{end.name}.{name}"
            file.touch(mode=0o600)
            file.write_text(key)
            end.config = in_file_of_its_own(end.config, section, name, file)
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    keys = [base64.b64decode(key) for key in (link.a.side.private_key, PSK)]
    before = [copies_in_memory(link.a, key) for key in keys]
    for keepalive in ("7s", "8s", "9s"):
        edit(link.a, {"peer.keepalive": keepalive})
    assert all(before), "they are found where they must be"
    assert all(now <= then for now, then in zip([copies_in_memory(link.a, key) for key in keys], before))


def test_an_edited_endpoint_is_called_though_the_old_one_answers(link):
    link.b.host.ip("addr", "add", "10.2.0.99/24", "dev", "eth0")
    edit(link.a, {"peer.endpoint": "10.2.0.99:51820"})
    wait_until(lambda: link.a.peer_endpoint() == "10.2.0.99:51820", 10, "the new endpoint to be called")
    traffic_within(link.a.host, link.b.side.addr4, 10)


def test_a_learned_endpoint_survives_edits_of_other_keys(make, lab):
    lab.nat()
    link = make(calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    learned = link.b.peer_endpoint()
    assert link.b.status()["peer"]["endpoint_source"] == "learned"
    edit(link.b, {"peer.keepalive": "10s", "local.fwmark": 0x99, "routes": ["192.168.44.0/24"]})
    assert link.b.peer_endpoint() == learned
    assert link.b.status()["peer"]["endpoint_source"] == "learned"
    assert ping(link.b.host, link.a.side.addr4) == 3


def test_sighup_reloads_too(link):
    config = yaml.safe_load(link.a.file.read_text())
    config["interface"]["mtu"] = 1311
    link.a.file.write_text(yaml.safe_dump(config))
    link.a.process.send_signal(signal.SIGHUP)
    wait_until(lambda: link.a.status()["mtu"] == 1311, 5, "the file to be in force")
    link.a.file.write_text("interface: {mtu: 5}\n")
    link.a.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "nothing was changed" in link.a.log(), 5, "the mistakes to be told")
    assert link.a.status()["mtu"] == 1311


def test_who_reloads_what_is_not_there_is_told(link):
    done = link.a.adit("reload", "nosuch", check=False)
    assert done.returncode == 1 and "there is no link nosuch" in done.stderr


def random_config(chance, usual):
    """Any valid file that keeps the link's identity and a way to the peer."""
    config = copy.deepcopy(usual)
    pick, some = chance.choice, lambda: chance.random() < 0.5
    interface, local, peer = config["interface"], config["local"], config["peer"]
    if some():
        interface["addresses"] = ["10.9.0.1/30", "fd09::1/126"][:pick([1, 2])] + [f"10.{n}.0.1/24" for n in (70, 71, 72) if some()]
    if some():
        interface["mtu"] = chance.randint(1280, 1500)
    if some():
        interface["queue_length"] = chance.randint(10, 999)
    if some():
        interface["multicast"] = some()
    if some():
        local["listen"] = pick([51820, 51821, "10.1.0.2:51822"])
    if some():
        local["fwmark"] = pick([0x51, 0x52])
    if some():
        peer["keepalive"] = pick(["off", "5s", "25s"])
    tuning = {"tun_offload": pick(["auto", "on", "off"]), "udp_offload": pick(["auto", "on", "off"]),
              "crypto": pick(["auto", "libsodium"]), "workers": pick([1, 2, 3]), "copy_dscp": some(),
              "mss_clamp": pick(["auto", "off", 1200]), "path_probe": pick(["auto", "off"]),
              "storm_limit": "off"}
    config["tuning"] = {key: value for key, value in tuning.items() if some()}
    routes = [f"192.168.{n}.0/24" for n in range(40, 46) if some()]
    if some():
        routes.append({"to": "10.200.0.0/16", "metric": pick([5, 6]), **({"table": 100} if some() else {})})
    if chance.random() < 0.2:
        routes.append("default")
    config["routes"] = routes
    command = pick(["true", {"command": ["true"]}, {"command": "true", "timeout": "5s", "required": True}])
    hooks = {"up": pick([command, [command, "echo up"]]), "down": [f"echo {chance.randint(1, 999)}", {"command": ["true"]}]}
    config["hooks"] = {event: hook for event, hook in hooks.items() if some()}
    return config


def comparable(state):
    """Without what a new interface does not share with an old one, its number and its queues, and the order in which
    things came."""
    lines = (re.sub(r"^\d+: |multi_queue( num\w+ \d+)*|num[tr]xqueues \d+|qdisc \w+", "", line.strip()) for line in state.splitlines())
    return sorted(" ".join(line.split()) for line in lines if not line.startswith("0:"))


@pytest.mark.slow
def test_a_thousand_random_edits_leave_what_a_fresh_start_would(link, measured):
    chance = random.Random(7)
    usual = {key: value for key, value in yaml.safe_load(link.a.file.read_text()).items() if key != "routes"}
    usual["peer"].pop("allowed_ips", None)
    flow = link.b.host.popen("ping", "-n", "-i", "0.01", link.a.side.addr4, name="ping")
    for number in range(EDITS):
        config = random_config(chance, usual)
        if number == EDITS - 1:
            config["hooks"]["down"] = ["echo the last one"]
        link.a.file.write_text(yaml.safe_dump(config))
        done = link.a.adit("reload", link.a.name, check=False)
        assert done.returncode == 0, f"edit {number}: {done.stderr}\n{link.a.file.read_text()}"
    flow.stop(signal.SIGINT)
    traffic_within(link.b.host, link.a.side.addr4, 20)
    # An automatic MTU follows the way to the peer, which is looked up once a second; nothing tells that it has been.
    time.sleep(2)
    reloaded = comparable(link.a.host.network_state())
    link.a.stop()
    assert "hooks.up: running" not in link.a.log(), "what is up does not come up again"
    assert re.findall("hooks.down: (.*)", link.a.log())[-1] == "the last one"
    link.a.write_config = lambda: None  # the file as it is
    link.a.launch()
    traffic_within(link.b.host, link.a.side.addr4, 20)
    wait_until(lambda: reloaded == comparable(link.a.host.network_state()), 5, "the network that the reloads led to")


def test_a_preshared_key_file_that_changes_is_picked_up_by_itself(make, tmp_path):
    """As a program that agrees on keys with the peer's does it: written beside, then moved into place."""
    link = make()
    for end in (link.a, link.b):
        end.psk = tmp_path / f"{end.name}.psk"
        end.psk.touch(mode=0o600)
        end.psk.write_text(f"{wg('genpsk')}\n" if end is link.a else link.a.psk.read_text())
        usual = end.config
        end.config = lambda usual=usual, psk=end.psk: (
            lambda config: {**config, "peer": {**config["peer"], "preshared_key_file": str(psk)}})(usual())
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    background = BackgroundPing(link.a.host, link.b.side.addr4, 0.05)
    background.goes_on()
    fresh = wg("genpsk")
    for end in (link.a, link.b):
        beside = end.psk.with_suffix(".new")
        beside.touch(mode=0o600)
        beside.write_text(fresh)
        beside.rename(end.psk)
        wait_until(lambda: "another key, from the next handshake on" in end.log(), 5, "the change to be noticed")
        background.goes_on()
    sent, received = background.stop()
    assert received == sent
    link.a.restart()  # brings a handshake, and reads the file
    traffic_within(link.a.host, link.b.side.addr4, 20)
    link.b.psk.write_text("garbage")
    wait_until(lambda: "the key in use stays" in link.b.log(), 5, "the mistake to be told")
    assert fresh not in link.a.log() + link.b.log() and "garbage" not in link.b.log()
    assert ping(link.a.host, link.b.side.addr4) == 3


def test_addresses_of_one_subnet_stay_when_the_first_of_them_goes(make):
    """The kernel takes the others away along with it, unless told otherwise."""
    end = make(a={"addresses": ["10.9.0.1/24", "10.9.0.7/24", "10.9.0.9/32"]}).a
    end.host.sysctl("net.ipv4.conf.all.promote_secondaries", 0)
    end.host.sysctl("net.ipv4.conf.default.promote_secondaries", 0)
    end.start()

    def there():
        found = json.loads(end.host.ip("-json", "-4", "addr", "show", "dev", end.device))[0]
        return sorted(f"{a['local']}/{a['prefixlen']}" for a in found["addr_info"])

    assert there() == ["10.9.0.1/24", "10.9.0.7/24", "10.9.0.9/32"]
    edit(end, {"interface.addresses": ["10.9.0.7/24", "10.9.0.9/32"]})
    wait_until(lambda: there() == ["10.9.0.7/24", "10.9.0.9/32"], 10, "the other addresses to be there")


# A file system whose server never answers, as a network file system does that is gone.
DEAD = """
import ctypes, os, sys, time
fuse = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
if ctypes.CDLL(None, use_errno=True).mount(b"dead", sys.argv[1].encode(), b"fuse", 0, options) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
print("mounted", flush=True)
time.sleep(600)
"""


@pytest.fixture
def dead_disk(make):
    """A link whose file can be read no more, and whom that hangs on."""
    link = make()
    folder = link.a.file.parent / "etc"
    folder.mkdir()
    link.a.file = folder / "a.yaml"
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    # Where the daemon sees it: it has mounts of its own.
    dead = link.a.host.popen("nsenter", "--target", link.a.process.pid, "--mount", sys.executable, "-c", DEAD, folder,
                             name="dead")
    wait_until(lambda: "mounted" in dead.log(), 10, "the mount")
    return link, dead


def test_a_session_that_another_copy_of_the_host_has_is_given_up_also_while_the_file_does_not_come(dead_disk):
    link, dead = dead_disk
    tasks = pathlib.Path(f"/proc/{link.a.process.pid}/task")
    before = len(list(tasks.iterdir()))
    link.a.host.popen(ADIT, "reload", link.a.name, env=link.a.env, name="reload")
    wait_until(lambda: len(list(tasks.iterdir())) > before, 10, "somebody to wait for the file")
    clone(link.a.host)
    wait_until(lambda: "could not be read within" in link.a.log(), 10, "the reload to be given up")
    assert "was cloned" in link.a.log().split("could not be read within")[0]
    dead.close()


def test_a_file_that_does_not_come_holds_nothing_up(dead_disk):
    link, dead = dead_disk
    pings = BackgroundPing(link.a.host, link.b.side.addr4)
    for _ in range(2):
        refused = link.a.adit("reload", link.a.name, check=False)
        assert refused.returncode == 1 and "could not be read within 5 seconds: nothing was changed" in refused.stderr
    sent, received = pings.stop()
    assert received == sent > 0
    assert link.a.state() == "up"
    # Nor is there to be a successor, who would wait for it with nobody at the packets.
    link.a.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: "this run goes on instead of a new one" in link.a.log(), 10, "the new run to be given up")
    assert link.a.state() == "up"
    dead.close()  # whoever waits hears that it is gone
    wait_until(lambda: "could not be read" not in link.a.adit("reload", link.a.name, check=False).stderr, 10, "another try")
    assert link.a.stop() == 0
