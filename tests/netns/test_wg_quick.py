# SPDX-License-Identifier: MIT
"""`adit import` and `adit export` against the tools they are made for: wg-quick itself, and a reader of QR codes.

    host a: Adit, with the file that was imported or exported from ─── host b: wg-quick up, over wireguard-go
"""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from lab.ends import ADIT, WG_DIR, FileEnd, Keys, wg
from lab.traffic import ping, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only


def adit(*arguments, cwd=None, status=0):
    done = subprocess.run([ADIT, *map(str, arguments)], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == status, done.stdout + done.stderr
    return done


class WgQuick:
    """A wg-quick file and the link it makes on a host."""

    def __init__(self, host, file, directory):
        self.host, self.file, self.device = host, file, file.stem
        sockets = directory / f"{self.device}-sockets"
        sockets.mkdir()
        os.makedirs(WG_DIR, mode=0o700, exist_ok=True)
        self.binds = {WG_DIR: str(sockets)}
        file.chmod(0o600)

    def run(self, command):
        return self.host.run("wg-quick", command, self.file, binds=self.binds,
                             env={"WG_QUICK_USERSPACE_IMPLEMENTATION": "wireguard-go"}).stdout

    def up(self):
        self.run("up")
        wait_until(lambda: "UP" in self.host.ip("link", "show", "dev", self.device), 10, "wg-quick's interface")

    def route(self, to):
        return self.host.ip("route", "get", to)


@pytest.fixture
def files(tmp_path):
    """The wg-quick files of two hosts, as somebody who has used wg-quick so far has them."""
    keys = {"a": Keys(), "b": Keys()}
    psk = wg("genpsk")
    a, b = tmp_path / "wga.conf", tmp_path / "wgb.conf"
    a.write_text(f"""\
# The link to b.
[Interface]
PrivateKey = {keys["a"].private}
Address = 10.9.0.1/30
Address = fd09::1/126
ListenPort = 51820
MTU = 1380
PostUp = touch {tmp_path}/up-%i; touch {tmp_path}/up-too
PreDown = touch {tmp_path}/down-%i

[Peer]
PublicKey = {keys["b"].public}
PresharedKey = {psk}
Endpoint = 10.2.0.2:51820
AllowedIPs = 10.9.0.0/30, fd09::/126, 192.168.20.0/24
PersistentKeepalive = 25
""")
    b.write_text(f"""\
[interface]
privatekey={keys["b"].private}
address=10.9.0.2/30,fd09::2/126
listenport=51820
[peer]
publickey={keys["a"].public}
presharedkey={psk}
allowedips=10.9.0.1,fd09::1
""")
    a.chmod(0o600)
    return a, b


def test_an_imported_file_makes_the_link_it_made_with_wg_quick(lab, files, tmp_path):
    a, b = files
    quick = WgQuick(lab.b, b, tmp_path)
    quick.up()
    lab.b.ip("addr", "add", "192.168.20.1", "dev", "lo")
    done = adit("import", a, "-o", tmp_path / "office.yaml")
    assert "PostUp" in done.stderr and "is ended if it takes longer" in done.stderr
    end = FileEnd(lab.a, tmp_path / "office.yaml", tmp_path)
    lab.ends.append(end)
    adit("check", end.file)
    end.start()
    traffic_within(lab.a, "10.9.0.2", 10)
    assert ping(lab.a, "192.168.20.1") == 3
    assert ping(lab.b, "fd09::1") == 3
    assert "mtu 1380" in lab.a.ip("link", "show", "dev", "office")
    wait_until(lambda: (tmp_path / "up-office").exists() and (tmp_path / "up-too").exists(), 10, "the hook's files")
    assert end.stop() == 0
    assert (tmp_path / "down-office").exists()


def test_the_imported_file_of_the_end_that_waits_works_too(lab, files, tmp_path):
    a, b = files
    adit("import", b, cwd=tmp_path)
    end = FileEnd(lab.b, tmp_path / "wgb.yaml", tmp_path)
    lab.ends.append(end)
    end.start()
    WgQuick(lab.a, a, tmp_path).up()
    traffic_within(lab.a, "10.9.0.2", 10)
    assert end.status()["peer"]["keepalive"] in (None, 0)


@pytest.fixture
def pair(tmp_path):
    adit("pair", "a=10.1.0.2", "b=-", "--tunnel", "10.9.0.0/30", "--tunnel", "fd09::/126", "-o", tmp_path)
    return tmp_path / "a.yaml"


def test_the_other_ends_file_is_one_that_wg_quick_takes(lab, pair, tmp_path):
    done = adit("export", pair, "--peer", "--new-key", "--endpoint", "10.1.0.2", "--routes", "192.168.10.0/24", "-o",
                tmp_path / "wgb.conf")
    subprocess.run(re.search(r"sed -i .* && ", done.stderr).group().removesuffix(" && "), shell=True, check=True)
    quick = WgQuick(lab.b, tmp_path / "wgb.conf", tmp_path)
    assert "PublicKey" in quick.run("strip") and "Address" not in quick.run("strip")
    lab.a.ip("addr", "add", "192.168.10.1", "dev", "lo")
    end = FileEnd(lab.a, pair, tmp_path)
    lab.ends.append(end)
    end.start()
    quick.up()
    traffic_within(lab.b, "10.9.0.1", 10)
    assert ping(lab.b, "192.168.10.1") == 3
    assert ping(lab.a, "fd09::2") == 3


def test_routes_and_hooks_that_only_adit_has_words_for_work_with_wg_quick(lab, tmp_path):
    """Table = off and the routes as commands; text for sh, a list of words, and a hook that may fail."""
    keys = Keys()
    file = tmp_path / "b.yaml"
    file.touch(mode=0o600)
    file.write_text(f"""\
interface: {{addresses: [10.9.0.2/30]}}
local: {{private_key: {keys.private}}}
peer: {{public_key: {Keys().public}, allowed_ips: [0.0.0.0/0]}}
routes:
  - 192.168.10.0/24
  - {{to: 10.20.0.0/16, metric: 50, table: 100, source: 10.9.0.2}}
hooks:
  up:
    - "false; echo \\"sh # $ADIT_INTERFACE\\" > {tmp_path}/sh; false"
    - command: [sh, -c, "printf '%s|' \\"$@\\" > {tmp_path}/words", "%i", "it's", "$HOME", "#"]
""")
    adit("export", file, "-o", tmp_path / "wgb.conf")
    quick = WgQuick(lab.b, tmp_path / "wgb.conf", tmp_path)
    quick.up()
    assert "wgb" in quick.route("192.168.10.1") and "eth0" in quick.route("8.8.8.8")
    assert lab.b.ip("route", "show", "table", "100").split() == \
        "10.20.0.0/16 dev wgb scope link src 10.9.0.2 metric 50".split()
    assert (tmp_path / "sh").read_text() == "sh # wgb\n"
    assert (tmp_path / "words").read_text() == "it's|$HOME|#|"


def in_terminal(*command, env):
    """What it draws in a terminal of 300 columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 100, 300, 0, 0))
    process = subprocess.Popen([str(word) for word in command], stdout=slave, stderr=subprocess.PIPE, text=True,
                               env={**{k: v for k, v in os.environ.items() if not k.startswith("LC_")}, **env})
    os.close(slave)
    drawn = b""
    try:
        while part := os.read(master, 65536):
            drawn += part
    except OSError:  # the other side has been closed
        pass
    os.close(master)
    errors = process.communicate()[1]
    assert process.returncode == 0, errors
    return drawn.decode(), errors


def pixels(drawn):
    """Rows of modules, True is dark, from either way to draw."""
    rows = []
    for line in drawn.split("\r\n"):
        upper, lower, dark = [], [], False
        for background, character in re.findall(r"\x1b\[(?:48;5;(\d+)|[\d;]*)m|(.)", line):
            if background:
                dark = background == "16"
            elif character == " ":
                upper.append(dark)
                lower.append(dark)
            elif character:
                upper.append(character in "▀█")
                lower.append(character in "▄█")
        if "38;5" in line:
            rows += [upper, lower]
        elif upper:
            rows.append(upper[::2])
    return rows


def decoded(rows, directory):
    size = 4
    image = "\n".join("\n".join([" ".join("0" if dark else "255" for dark in row for _ in range(size))] * size)
                      for row in rows)
    file = directory / "qr.pgm"
    file.write_text(f"P2 {len(rows[0]) * size} {len(rows) * size} 255\n{image}\n")
    done = subprocess.run(["zbarimg", "--quiet", "--raw", "-Sbinary", file], capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


@pytest.mark.parametrize("lang", ["C.UTF-8", "C"])
def test_a_camera_reads_from_the_picture_what_the_file_says(pair, tmp_path, lang):
    drawn, errors = in_terminal(ADIT, "export", tmp_path / "b.yaml", "--qr", env={"LANG": lang})
    assert ("█" in drawn) == (lang == "C.UTF-8")
    text = adit("export", tmp_path / "b.yaml").stdout
    expected = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    assert decoded(pixels(drawn), tmp_path) == expected
    assert "PrivateKey" in expected and "Whoever sees this picture" in errors


def test_hub_peers_side_by_side(lab, tmp_path):
    """One host has the hub's links, the other is two of its peers; each is told the port that the import names."""
    keys = {name: Keys() for name in ("hub", "alice", "bob")}
    hub = tmp_path / "hub.conf"
    hub.write_text(f"[Interface]\nPrivateKey = {keys['hub'].private}\nAddress = 10.9.0.1/24, fd09::1/64\nListenPort = 51820\n"
                   + "".join(f"[Peer]\n# {name}\nPublicKey = {keys[name].public}\n"
                             f"AllowedIPs = 10.9.0.{n}/32, fd09::{n}/128\n" for n, name in ((2, "alice"), (3, "bob"))))
    hub.chmod(0o600)
    done = adit("import", hub, "--all", cwd=tmp_path)
    assert "hub-bob listens at port 51821" in done.stderr
    for n, name in ((2, "alice"), (3, "bob")):
        end = FileEnd(lab.a, tmp_path / f"hub-{name}.yaml", tmp_path)
        lab.ends.append(end)
        end.start()
        peer = tmp_path / f"{name}.conf"
        peer.write_text(f"[Interface]\nPrivateKey = {keys[name].private}\nAddress = 10.9.0.{n}/32, fd09::{n}/128\nTable = off\n"
                        f"[Peer]\nPublicKey = {keys['hub'].public}\nEndpoint = 10.1.0.2:{51818 + n}\n"
                        f"AllowedIPs = 10.9.0.1/32, fd09::1/128\nPersistentKeepalive = 25\n")
        peer.chmod(0o600)
        adit("import", peer, cwd=tmp_path)
        other = FileEnd(lab.b, tmp_path / f"{name}.yaml", tmp_path)
        lab.ends.append(other)
        other.start()
    for n, name in ((2, "alice"), (3, "bob")):
        assert f"dev hub-{name} " in lab.a.ip("route", "get", f"10.9.0.{n}") + " "
    for end in lab.ends:
        wait_until(lambda: end.state() == "up", 30, f"{end.name} to be up")
