# SPDX-License-Identifier: MIT
"""Adit through the eyes of `wg` and `wg-quick`: links of a file can be looked at and changed, and a link can come
without a file.
"""
import base64
import os
import socket
import stat
import subprocess

import pytest

from lab.ends import ADIT, ADITD, Keys, wg
from lab.traffic import BackgroundPing, answers, ping, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only

WG_DIR = "/run/wireguard"


def ask(end, *arguments, check=True, input=None):
    """`wg` where `end` is. It looks for sockets in one place alone."""
    return end.host.run("wg", *arguments, check=check, input=input, binds={WG_DIR: end.file.parent / "wireguard"})


@pytest.fixture
def link(make, wg_folder):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    return link


@pytest.fixture(scope="session")
def wg_folder():
    os.makedirs(WG_DIR, exist_ok=True)  # to be mounted over


def dump(end):
    """`wg show INTERFACE dump`: the interface's fields, and those of each peer."""
    lines = [line.split("\t") for line in ask(end, "show", end.device, "dump").stdout.splitlines()]
    return lines[0], lines[1:]


def test_wg_shows_what_adit_status_does(link):
    interface, peers = dump(link.a)
    side = link.a.side
    assert interface == [side.private_key, side.public_key, str(side.listen), "off"]
    [(public, preshared, endpoint, allowed, handshake, received, sent, keepalive)] = peers
    status = link.a.status()
    assert public == side.peer_public_key
    assert preshared == "(none)"
    assert endpoint == status["peer"]["endpoint"]
    assert set(allowed.split(",")) == set(side.allowed_ips)
    assert int(handshake) == status["peer"]["latest_handshake"]
    # Whole messages, as the kernel counts them; ours are what is inside.
    assert int(received) > status["traffic"]["rx"]["bytes"] > 0
    assert int(sent) > status["traffic"]["tx"]["bytes"] > 0
    assert keepalive == "25"
    assert side.public_key in ask(link.a, "show").stdout
    assert side.private_key not in ask(link.a, "show").stdout
    assert ask(link.a, "show", "interfaces").stdout.split() == [link.a.device]


def test_wg_shows_private_keys_clamped_as_the_kernel_does(make, wg_folder):
    """RFC 7748, section 5. What the file has is used as it is; X25519 clamps whatever it gets."""
    unclamped = bytes(range(0x87, 0x87 + 32))
    clamped = bytes([unclamped[0] & 0xf8, *unclamped[1:31], (unclamped[31] & 0x7f) | 0x40])
    link = make().start()
    written = base64.b64encode(unclamped).decode()
    ask(link.a, "set", link.a.device, "private-key", "/dev/stdin", input=written)
    interface, _ = dump(link.a)
    assert interface[0] == base64.b64encode(clamped).decode() != written
    assert interface[1] == wg("pubkey", input=written)


def test_the_socket_is_for_its_owner_alone(link):
    path = link.a.file.parent / "wireguard" / f"{link.a.device}.sock"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    link.a.stop()
    assert not path.exists()


def test_what_wg_shows_as_configuration_changes_nothing_when_it_is_set(link):
    written = ask(link.a, "showconf", link.a.device).stdout
    before = dump(link.a)
    for command in ("syncconf", "setconf", "addconf"):
        ask(link.a, command, link.a.device, "/dev/stdin", input=written)
        after = dump(link.a)
        assert after[0] == before[0]
        assert after[1][0][:5] == before[1][0][:5], f"wg {command}: same session, same endpoint"
    assert ping(link.a.host, link.b.side.addr4) == 3
    assert link.a.status()["changed_by_wg"] == []


def test_what_wg_sets_holds_until_the_file_is_read_again(link):
    peer = link.a.side.peer_public_key
    background = BackgroundPing(link.a.host, link.b.side.addr4, 0.02)
    background.goes_on()
    ask(link.a, "set", link.a.device, "peer", peer, "persistent-keepalive", "7", "allowed-ips",
        ",".join([*link.a.side.allowed_ips, "10.77.0.0/16"]))
    status = link.a.status()
    assert status["peer"]["keepalive"] == 7
    assert sorted(status["changed_by_wg"]) == ["peer.allowed_ips", "peer.keepalive"]
    assert "peer.keepalive" in link.a.adit("status", link.a.name).stdout
    assert "10.77.0.0/16" in dump(link.a)[1][0][3]
    done = link.a.adit("reload", link.a.name)
    assert "peer.keepalive" in done.stdout and "peer.allowed_ips" in done.stdout
    status = link.a.status()
    assert status["peer"]["keepalive"] == 25
    assert status["changed_by_wg"] == []
    assert "10.77.0.0/16" not in dump(link.a)[1][0][3]
    background.goes_on()
    sent, received = background.stop()
    assert received == sent


def test_allowed_ips_that_wg_takes_away_are_not_let_through(link):
    ask(link.a, "set", link.a.device, "peer", link.a.side.peer_public_key, "allowed-ips", "10.77.0.0/16")
    before = link.a.drops("disallowed_destination")
    assert not answers(link.a.host, link.b.side.addr4)
    assert link.a.drops("disallowed_destination") > before


@pytest.mark.parametrize("count", [501, 16384])
def test_wg_may_allow_as_many_networks_as_a_file(link, count):
    networks = [*link.a.side.allowed_ips, *(f"10.{128 + n // 256}.{n % 256}.0/24" for n in range(count))][:count]
    networks = networks if count < 16384 else [*networks[:2], *(f"fd77:{n:x}::/112" for n in range(count - 2))]
    text = f"[Peer]\nPublicKey = {link.a.side.peer_public_key}\nAllowedIPs = {', '.join(networks)}\n"
    ask(link.a, "addconf", link.a.device, "/dev/stdin", input=text)
    assert len(dump(link.a)[1][0][3].split(",")) >= count
    assert ping(link.a.host, link.b.side.addr4) == 3


def test_more_networks_than_that_are_refused_and_wg_lives(link):
    text = f"[Peer]\nPublicKey = {link.a.side.peer_public_key}\n"
    text += "".join(f"AllowedIPs = fd77:{n >> 8:x}:{n & 255:x}::/112\n" for n in range(100_000))
    done = ask(link.a, "addconf", link.a.device, "/dev/stdin", input=text, check=False)
    assert done.returncode == 1, "an answer, and no signal"
    assert "too long" in done.stderr
    assert dump(link.a)[1][0][3].count(",") < 10
    assert ping(link.a.host, link.b.side.addr4) == 3


def test_wg_moves_the_link_to_an_endpoint_that_the_file_has_already(link):
    endpoint = link.a.peer_endpoint()
    ask(link.b, "set", link.b.device, "listen-port", "45678")  # found elsewhere
    wait_until(lambda: link.a.peer_endpoint().endswith(":45678"), 10, "the peer to be found there")
    ask(link.b, "set", link.b.device, "listen-port", endpoint.rsplit(":", 1)[1])
    link.b.host.run("true")
    ask(link.a, "set", link.a.device, "peer", link.a.side.peer_public_key, "endpoint", endpoint)
    wait_until(lambda: link.a.peer_endpoint() == endpoint, 10, "the endpoint of the file to be called")
    assert ping(link.a.host, link.b.side.addr4) == 3


def test_endpoints_have_zones(link):
    device = next(line.split("@")[0] for line in
                  (each.split(": ")[1] for each in link.a.host.ip("-o", "link").splitlines())
                  if line.split("@")[0] not in ("lo", link.a.device))
    ask(link.a, "set", link.a.device, "peer", link.a.side.peer_public_key, "endpoint", f"[fe80::2%{device}]:51820")
    wait_until(lambda: dump(link.a)[1][0][2] == f"[fe80::2%{device}]:51820", 10, "the endpoint to be called")


def test_wg_moves_the_port_and_the_peer_follows(link):
    ask(link.a, "set", link.a.device, "listen-port", "45678")
    assert ping(link.a.host, link.b.side.addr4) == 3
    assert link.a.status()["local"]["listen"] == "45678"
    assert link.b.peer_endpoint().endswith(":45678")


def test_wg_may_name_an_endpoint(make, wg_folder):
    link = make(calls="b").start()  # a waits to be called
    link.b.stop()
    assert link.a.status()["peer"]["endpoint_source"] in (None, "learned", "configured")
    ask(link.a, "set", link.a.device, "peer", link.a.side.peer_public_key, "endpoint", "10.2.0.2:4444")
    wait_until(lambda: link.a.peer_endpoint() == "10.2.0.2:4444", 10, "the endpoint to be called")


def test_a_port_that_is_taken_changes_nothing(link):
    with link.a.host.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", 45679))
        done = ask(link.a, "set", link.a.device, "listen-port", "45679", check=False)
    assert done.returncode != 0
    assert "in use" in done.stderr
    assert dump(link.a)[0][2] == str(link.a.side.listen)
    assert ping(link.a.host, link.b.side.addr4) == 3


def test_a_second_peer_is_refused_and_the_log_says_why(link):
    done = ask(link.a, "set", link.a.device, "peer", Keys().public, "allowed-ips", "10.88.0.0/16", check=False)
    assert done.returncode != 0
    assert "not supported" in done.stderr
    assert "a link has one peer" in link.a.log()
    assert len(dump(link.a)[1]) == 1
    assert ping(link.a.host, link.b.side.addr4) == 3


def test_a_preshared_key_that_both_are_given_by_wg_works_from_the_next_handshake_on(link):
    key = wg("genpsk")
    for end in (link.a, link.b):
        ask(end, "set", end.device, "peer", end.side.peer_public_key, "preshared-key", "/dev/stdin", input=key)
        assert dump(end)[1][0][1] == key
    assert link.a.status()["changed_by_wg"] == ["peer.preshared_key"]
    assert key not in link.a.log()
    link.b.kill()
    link.b.start()  # it has the file's again: none
    traffic_within(link.a.host, link.a.side.addr4, 5)
    link.a.adit("reload", link.a.name)
    assert dump(link.a)[1][0][1] == key, "the file says what it said"
    assert link.a.status()["changed_by_wg"] == ["peer.preshared_key"]
    link.a.kill()
    link.a.start()
    assert dump(link.a)[1][0][1] == "(none)"
    traffic_within(link.a.host, link.b.side.addr4, 20)


def test_a_link_that_wg_gives_another_key_begins_anew(link):
    keys = Keys()
    ask(link.a, "set", link.a.device, "private-key", "/dev/stdin", input=keys.private)
    assert link.a.status()["local"]["public_key"] == keys.public
    assert link.a.status()["state"] != "up"
    ask(link.b, "set", link.b.device, "peer", link.b.side.peer_public_key, "remove", "peer", keys.public, "allowed-ips",
        ",".join(link.b.side.allowed_ips), "endpoint", f"10.1.0.2:{link.a.side.listen}")
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert keys.private not in link.a.log()


def test_garbage_and_floods_on_the_socket_cost_no_packet(link):
    """Garbage, megabytes, nothing, half a request, a client that is gone before its answer, a thousand of them."""
    path = str(link.a.file.parent / "wireguard" / f"{link.a.device}.sock")
    background = BackgroundPing(link.a.host, link.b.side.addr4, 0.01)
    kept = []
    for number in range(1000):
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        try:
            sock.connect(path)
            sock.send([b"", b"get=1", b"\xff\x00" * 500, b"set=1\nprivate_key=" + b"z" * 60000, b"get=1\n\n" * 1000,
                       b"set=1\n" + b"allowed_ip=" * 5000 + b"\n\n"][number % 6])
        except OSError:
            pass
        kept.append(sock)
        if number % 2:
            sock.close()
    megabytes = subprocess.run(["socat", "-u", "-", f"UNIX-CONNECT:{path}"], input=b"a" * 5_000_000, check=False,
                               capture_output=True, timeout=300)
    assert megabytes.returncode is not None
    for sock in kept:
        sock.close()
    assert dump(link.a)[1][0][0] == link.a.side.peer_public_key
    sent, received = background.stop()
    assert received == sent


# Without a file


class Unconfigured:
    """`wg-quick` with Adit in place of wireguard-go. `binds` gives each host a /run/wireguard of its own."""

    def __init__(self, host, directory, name="wg0"):
        self.host, self.name = host, name
        self.directory = directory / host.label
        self.wg_dir = self.directory / "wireguard"
        self.wg_dir.mkdir(parents=True, exist_ok=True)
        self.env = {"ADIT_RUN_DIR": str(self.directory / "run"), "ADIT_STATE_DIR": str(self.directory / "state"),
                    "WG_QUICK_USERSPACE_IMPLEMENTATION": str(ADITD)}
        self.file = self.directory / f"{name}.conf"

    def run(self, *command, check=True, input=None):
        return self.host.run(*command, check=check, input=input, env=self.env, binds={WG_DIR: self.wg_dir})

    def quick(self, verb, check=True):
        return self.run("wg-quick", verb, self.file, check=check)

    def write(self, text):
        self.file.touch(mode=0o600)
        self.file.write_text(text)

    def is_there(self):
        return self.host.run("ip", "link", "show", "dev", self.name, check=False).returncode == 0

    def pids(self):
        """The daemons of this end, wherever they went."""
        found = []
        for entry in os.listdir("/proc"):
            try:
                with open(f"/proc/{entry}/environ", "rb") as environment, open(f"/proc/{entry}/comm") as name:
                    if name.read() == "aditd\n" and str(self.directory).encode() in environment.read():
                        found.append(int(entry))
            except (OSError, ValueError):
                pass
        return found


@pytest.fixture
def pair(lab, tmp_path, wg_folder):
    keys = Keys(), Keys()
    preshared = wg("genpsk")
    ends = [Unconfigured(host, tmp_path) for host in (lab.a, lab.b)]
    for n, end in enumerate(ends):
        end.addr4 = f"10.9.0.{n + 1}"
        end.write(f"[Interface]\nPrivateKey = {keys[n].private}\nAddress = 10.9.0.{n + 1}/24, fd09::{n + 1}/64\n"
                  f"ListenPort = 51820\nMTU = 1380\n"
                  f"[Peer]\nPublicKey = {keys[1 - n].public}\nPresharedKey = {preshared}\n"
                  f"AllowedIPs = 10.9.0.0/24, fd09::/64, 10.50.{1 - n}.0/24\nEndpoint = 10.{2 - n}.0.2:51820\n")
    yield ends
    for end in ends:
        if end.is_there():
            end.quick("down", check=False)
        wait_until(lambda: not end.pids(), 10, "the daemon to end with its interface")


def test_wg_quick_brings_links_up_and_down(pair):
    a, b = pair
    for end in pair:
        done = end.quick("up")
        assert str(ADITD) in done.stderr
    assert ping(a.host, b.addr4, 3, wait=10) == 3
    assert ping(b.host, "fd09::1") == 3
    shown = a.host.run("ip", "-d", "link", "show", "dev", "wg0").stdout
    assert "mtu 1380" in shown
    assert "10.50.1.0/24" in a.host.ip("route", "show", "dev", "wg0")
    status = a.run(ADIT, "status", "wg0")
    assert "wg0: up" in status.stdout
    for end in pair:
        end.quick("down")
        assert not end.is_there()
        wait_until(lambda: not end.pids(), 10, "the daemon to end with its interface")
        assert os.listdir(end.wg_dir) == []


def test_wg_quick_with_everything_through_the_link(pair):
    """A default route: wg-quick makes its own policy routing, with a mark that our datagrams must bear."""
    a, b = pair
    a.write(a.file.read_text().replace("AllowedIPs = ", "AllowedIPs = 0.0.0.0/0, ").replace("PrivateKey", "Table = auto\nPrivateKey", 1))
    b.quick("up")
    a.quick("up")
    assert ping(a.host, b.addr4, 3, wait=10) == 3
    assert a.run("wg", "show", "wg0", "fwmark").stdout.strip() != "off"
    assert "dev wg0" in a.host.ip("route", "get", "198.51.100.7")


def test_a_link_of_wg_keeps_the_mtu_that_others_give_it(pair):
    a, _ = pair
    a.quick("up")
    a.run("wg", "set", "wg0", "listen-port", "51999")
    assert "mtu 1380" in a.host.run("ip", "link", "show", "dev", "wg0").stdout
    wait_until(lambda: "MTU 1380" in a.run(ADIT, "status", "wg0", check=False).stdout, 10, "the status to show it")


def test_a_link_of_wg_may_be_moved_into_a_container(pair, lab):
    """As WireGuard's documentation gives a container its only interface."""
    a, b = pair
    inside = lab.namespace("inside")
    for end in pair:
        end.quick("up")
    assert ping(a.host, b.addr4, 3, wait=10) == 3
    a.host.ip("link", "set", "wg0", "netns", inside.name)
    inside.ip("addr", "add", f"{a.addr4}/24", "dev", "wg0")
    inside.ip("link", "set", "wg0", "mtu", "1380", "up")
    assert ping(inside, b.addr4) == 3
    assert ping(b.host, a.addr4) == 3
    assert inside.name in a.run(ADIT, "status", "wg0").stdout
    a.run("wg", "set", "wg0", "listen-port", "51999")
    assert ping(inside, b.addr4, 3, wait=10) == 3
    inside.ip("link", "delete", "dev", "wg0")
    wait_until(lambda: not a.pids(), 10, "the daemon to end with its interface")


def test_an_unconfigured_link_says_what_it_lacks(lab, tmp_path, wg_folder):
    end = Unconfigured(lab.a, tmp_path)
    process = end.host.popen(ADITD, "--interface", "wg0", env=end.env, binds={WG_DIR: end.wg_dir}, name="aditd")
    wait_until(lambda: (end.wg_dir / "wg0.sock").exists(), 10, "the socket")
    assert process.alive, "in the foreground unless it is told otherwise"
    done = end.run(ADIT, "status", "wg0", check=False)
    assert done.returncode == 3
    assert "waiting" in done.stdout and "wg set" in done.stdout
    assert end.run("wg", "show", "wg0", "private-key").stdout.strip() == "(none)"
    assert end.run("wg", "show", "wg0", "peers").stdout.strip() == ""
    reload = end.run(ADIT, "reload", "wg0", check=False)
    assert reload.returncode == 1 and "no file" in reload.stderr
    end.run("wg", "set", "wg0", "private-key", "/dev/stdin", input=Keys().private)
    assert "no peer yet" in end.run(ADIT, "status", "wg0", check=False).stdout
    end.host.ip("link", "delete", "dev", "wg0")
    assert process.wait(10) == 0, "deleting the interface is how such a link is ended"


def test_a_link_of_wg_that_cannot_begin_says_so_and_wg_quick_fails(pair):
    a, _ = pair
    a.run("sh", "-c", f"chmod 000 {a.wg_dir} && mount -t tmpfs -o ro none {WG_DIR} && ! {ADITD} wg0 2>{a.directory}/said")
    assert "control socket" in (a.directory / "said").read_text()
    os.chmod(a.wg_dir, 0o755)
    assert not a.is_there()
    assert not a.pids()


def test_the_same_interface_cannot_be_had_twice(pair):
    a, _ = pair
    a.quick("up")
    done = a.run(ADITD, "--interface", "wg0", "--background", check=False)
    assert done.returncode == 1
    assert "wg0" in done.stderr
    assert len(a.pids()) == 1
