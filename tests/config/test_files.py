# SPDX-License-Identifier: MIT
"""Files that people bring, each with what they may expect: tests/config/cases, and below it files of providers and panels.

Run with: /usr/bin/python3 -m pytest tests/config/test_files.py      (ADIT_BUILD_DIR: where the build is, default build/dev)
The keys are throw-away.
"""
import base64
import os
import pathlib
import shutil
import subprocess
from dataclasses import dataclass, field

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADIT = pathlib.Path(os.environ.get("ADIT_BUILD_DIR", ROOT / "build" / "dev")) / "bin" / "adit"
CASES = ROOT / "tests" / "config" / "cases"


@dataclass
class Outcome:
    status: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path):
    """A copy of the cases, with the modes that files with keys must have."""
    for file in CASES.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path / file.name)
            (tmp_path / file.name).chmod(0o600)
    return tmp_path


def adit(folder, *arguments, text=None):
    done = subprocess.run([ADIT, *arguments], cwd=folder, input=text, capture_output=True, text=True, timeout=60)
    return Outcome(done.returncode, done.stdout, done.stderr)


@dataclass
class Import:
    """What `adit import FILE -o -` says on standard error, and what the file then has."""
    file: str
    says: list = field(default_factory=list)
    has: dict = field(default_factory=dict)
    has_not: list = field(default_factory=list)
    never: list = field(default_factory=list)
    status: int = 0


def value_of(tree, path):
    for key in path.split("."):
        if not isinstance(tree, dict) or key not in tree:
            return None
        tree = tree[key]
    return tree


SANDBOX = "runs as the user adit in"
IMPORTS = [
    Import("01sysctl.conf", ["01sysctl.conf:4:10: PostUp: warning: becomes interface.forward: true", "/etc/sysctl.d"],
           {"interface.forward": True}, ["hooks"]),
    Import("01script.conf", [SANDBOX, '/etc/wireguard/up.sh cannot be read there', "/usr/local/sbin"],
           {"hooks.up.required": True}),
    Import("02v6leak.conf", ["::/0 blocks IPv6"], {"routes": ["0.0.0.0/0", "::/0"]}),
    Import("03halves.conf", ["0.0.0.0/1 and 128.0.0.0/1 together are 0.0.0.0/0"], {"routes": ["0.0.0.0/0"]}),
    Import("05key.conf", ["/etc/adit"], {"local.private_key_file": "/etc/wireguard/05key.key"}, ["hooks", "local.private_key"]),
    Import("05keyfile.conf", [], {"local.private_key_file": "/etc/wireguard/wg0.key",
                                  "peer.preshared_key_file": "/etc/wireguard/psk"}),
    Import("05psk.conf", ["/etc/adit"], {"peer.preshared_key_file": "/etc/wireguard/psk"}, ["hooks", "peer.preshared_key"]),
    Import("06hash.conf", ["keeps its '#'", "1.0.20250521"]),
    Import("07addr.conf", [], {"interface.addresses": ["10.9.0.2/24", "10.9.0.9/32"]}, never=["overlaps"]),
    Import("08dn42.conf", [], {"interface.addresses": ["10.9.0.1/32", "fe80::1/64"],
                               "interface.peer_addresses": ["10.9.0.2"]}, ["hooks", "routes"]),
    Import("09empty.conf", ["09empty.conf:4:1: DNS: warning: is empty", "PresharedKey: warning: is empty",
                            "PersistentKeepalive: warning: is empty", "Table: warning: is empty"], {}, ["dns", "routes"]),
    Import("09allowed.conf", ["09allowed.conf:7:1: AllowedIPs: is empty"], never=["is missing"], status=78),
    Import("14amnezia.conf", ["AmneziaWG"], never=["known in [Interface]"], status=78),
    Import("15utf16.conf", ["is UTF-16"], never=["not UTF-8"], status=78),
    Import("15nbsp.conf", ["15nbsp.conf:3:8", "a no-break space (U+00A0)"], {"interface.addresses": ["10.9.0.1/30"]},
           never=["did you mean Address"]),
    Import("18hub.conf", ["18hub.conf: has 3 peers", "--peer N",
                          '18hub.conf:6:1: peer 1 ("alice"): +Ya0NoXCRq6ZJ9pI/Jbx7Lxz96z91FmFfMyglj8eqS0=, 10.9.0.2/32, '
                          'at "198.51.100.1:51820"',
                          "18hub.conf:17:1: peer 3: Hc2s+7kjy567Ycb8ny8AzN4KDd8MMjrcL65tb7PMm1o=, 10.9.0.4/32, it calls"],
           status=78),
    Import("21dns.conf", ["21dns.conf:4:7: DNS: warning: 1.1.1.1 is not reached through the tunnel"],
           {"dns.servers": ["1.1.1.1"]}),
    Import("head-office-backup.conf", [], {"interface.addresses": ["10.9.0.1/30"]}),
]


@pytest.mark.parametrize("case", IMPORTS, ids=lambda case: case.file)
def test_import(case, folder):
    done = adit(folder, "import", case.file, "-o", "-")
    assert done.status == case.status, done.err
    for words in case.says:
        assert words in done.err
    for words in case.never:
        assert words not in done.err
    if case.status != 0:
        assert done.out == ""
        return
    tree = yaml.safe_load(done.out)
    for path, value in case.has.items():
        assert value_of(tree, path) == value, done.out
    for path in case.has_not:
        assert value_of(tree, path) is None, done.out


@dataclass
class Check:
    file: str
    says: list = field(default_factory=list)
    never: list = field(default_factory=list)
    status: int = 0


PARSERS_WORDS = ["illegal", "not found", "is not valid YAML", "anchor is not defined"]
CHECKS = [
    Check("03inside.yaml", ["03inside.yaml:7:13: peer.endpoint: warning: 198.51.100.1 lies in routes[0] (198.51.100.0/24)"]),
    Check("04device.yaml"),
    Check("10endpoints.yaml",
          ["10endpoints.yaml:8:7: peer.endpoint[0]", "write HOST:PORT, without http://: vpn.example.net:51820",
           "10endpoints.yaml:9:7: peer.endpoint[1]", "make it a list", "10endpoints.yaml:13:7: peer.endpoint[5]",
           '"[2001:db8::1]:51820"'],
          ["endpoint[2]", "endpoint[3]", "endpoint[4]", "\\x"], 78),
    Check("11hook.yaml", ["11hook.yaml:9:7", "single quotes"], PARSERS_WORDS + ["unknown key"], 78),
    Check("11indent.yaml", ["11indent.yaml:3:4", "is indented otherwise than line 2"], PARSERS_WORDS, 78),
    Check("11listen.yaml", ["11listen.yaml:5:11", 'in quotes: "[::]:51820"'], PARSERS_WORDS, 78),
    Check("11map.yaml", ["11map.yaml:7:3: peer.endpoint", "HOST:PORT"], PARSERS_WORDS + ["a single value"], 78),
    Check("11nospace.yaml", ["11nospace.yaml:2:3: interface", "a space is missing behind the colon; write addresses: "],
          PARSERS_WORDS + ["is a single value"], 78),
    Check("11space.yaml", ["11space.yaml:7:28", "remove the space"], PARSERS_WORDS, 78),
    Check("11v6.yaml", ["11v6.yaml:7:13", 'in quotes: "[2001:db8::7]:51820"'], PARSERS_WORDS, 78),
    Check("12blank.yaml"),
    Check("12space.yaml"),
    Check("20mcast.yaml"),
    Check(".source.yaml", ["must be renamed", "--name NAME"], status=78),
    Check("01sysctl.conf", ["is a wg-quick file", "adit import 01sysctl.conf"], ["must"], status=78),
]


@pytest.mark.parametrize("case", CHECKS, ids=lambda case: case.file)
def test_check(case, folder):
    done = adit(folder, "check", case.file)
    assert done.status == case.status, done.out
    for words in case.says:
        assert words in done.out
    for words in case.never:
        assert words not in done.out
    if case.status == 0 and not case.says:
        assert done.out == f"{case.file}: ok\n"


# Of these every shared secret is zero (https://cr.yp.to/ecdh.html#validate), with the unused top bit set, too.
LOW_ORDER = ["00" * 32, "01" + "00" * 31, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
             "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157", "ec" + "ff" * 30 + "7f",
             "ed" + "ff" * 30 + "7f", "ee" + "ff" * 30 + "7f"]
LOW_ORDER += [key[:-2] + f"{int(key[-2:], 16) | 0x80:02x}" for key in LOW_ORDER]


@pytest.mark.parametrize("key", LOW_ORDER)
def test_a_public_key_that_no_handshake_can_be_had_with_is_refused_in_its_place(key, folder):
    text = base64.b64encode(bytes.fromhex(key)).decode()
    (folder / "order.conf").write_text("[Interface]\nPrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n"
                                       f"Address = 10.9.0.2/32\n[Peer]\nPublicKey = {text}\nAllowedIPs = 10.9.0.0/24\n")
    (folder / "order.yaml").write_text("interface: {addresses: [10.9.0.2/32]}\n"
                                       "local: {private_key: yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=}\n"
                                       f"peer:\n  public_key: {text}\n  endpoint: 192.0.2.1:51820\n")
    (folder / "order.yaml").chmod(0o600)
    imported = adit(folder, "import", "order.conf", "-o", "-")
    assert imported.status == 78 and "order.conf:5:" in imported.err and "no usable public key" in imported.err
    checked = adit(folder, "check", "order.yaml")
    assert checked.status == 78 and "order.yaml:4:15: peer.public_key: is no usable" in checked.out


def test_every_case_is_in_a_table():
    named = {case.file for case in IMPORTS + CHECKS} | {"12blank.key", "12space.key", "04mkdev.sh"}
    assert {file.name for file in CASES.iterdir() if file.is_file()} == named


def test_a_file_is_checked_under_another_name(folder):
    assert adit(folder, "check", "--name", "office", ".source.yaml").out == ".source.yaml: ok\n"
    done = adit(folder, "check", "-", text=(folder / ".source.yaml").read_text())
    assert (done.status, done.out) == (0, "-: ok\n")
    done = adit(folder, "check", "--name", "office", "-", text="interface: 1\n")
    assert done.status == 78 and "-:1:12: interface:" in done.out
    assert adit(folder, "check", "--name", "office", ".source.yaml", "12blank.yaml").status == 2
    assert "is a wg-quick file" in adit(folder, "check", "-", text="[Interface]\n").out


def test_what_is_imported_is_checked_likewise(folder):
    """What is wrong with a hook or a route is said again by whoever looks at the new file."""
    for file, words in [("01script.conf", "cannot be read there"), 
                        ("21dns.conf", "1.1.1.1 is not reached")]:
        link = folder / f"{file.split('.')[0]}.yaml"
        assert adit(folder, "import", file, "-o", link).status == 0
        done = adit(folder, "check", link)
        assert done.status == 0 and words in done.out, done.out


def test_one_peer_of_several_is_taken(folder):
    done = adit(folder, "import", "18hub.conf", "--peer", "2", "-o", "-")
    assert done.status == 0, done.err
    tree = yaml.safe_load(done.out)
    assert tree["peer"]["public_key"] == "Pjsfi5w3tB7oWnBG1l3dmEzksZCRdg9GZQc7M46ZBQA="
    assert tree["interface"]["addresses"] == ["10.9.0.1/24"]
    assert "there are 3" in adit(folder, "import", "18hub.conf", "--peer", "4", "-o", "-").err
    for wrong in ["0", "x", "-1"]:
        assert adit(folder, "import", "18hub.conf", f"--peer={wrong}", "-o", "-").status == 2


def test_all_peers_become_links_that_live_side_by_side(folder):
    done = adit(folder, "import", "18hub.conf", "--all")
    assert done.status == 0, done.err
    trees = {name: yaml.safe_load((folder / f"{name}.yaml").read_text()) for name in ["18hub-alice", "18hub-2", "18hub-3"]}
    assert [tree["local"]["listen"] for tree in trees.values()] == [51820, 51821, 51822]
    assert [tree["routes"] for tree in trees.values()] == [["10.9.0.2/32"], ["10.9.0.3/32"], ["10.9.0.4/32"]]
    for name, tree in trees.items():
        assert tree["interface"]["addresses"] == ["10.9.0.1/32"]
        assert adit(folder, "check", f"{name}.yaml").status == 0
    assert "tell peer 2" in done.err and "tell peer 3" in done.err
    assert adit(folder, "import", "18hub.conf", "--all").status == 1  # they are there already
    assert adit(folder, "import", "18hub.conf", "--all", "--peer", "1").status == 2


def test_a_pair_whose_routes_hold_an_endpoint_is_refused(folder):
    done = adit(folder, "pair", "a=198.51.100.1", "b=-", "--routes", "a=198.51.100.0/24")
    assert done.status == 2 and "198.51.100.0/24 behind a holds 198.51.100.1" in done.err


@pytest.mark.parametrize("words, guess", [
    (["help", "improt"], "did you mean import?"), (["chekc", "x.yaml"], "did you mean check?"), (["stat"], "`adit help` lists them"), (["improt"], "did you mean import?"),
    (["check", "--nmae", "x"], "did you mean --name?"), (["pair", "--tunel=1"], "did you mean --tunnel?"),
    (["status", "--frobnicate"], "`adit status --help` lists them"), (["--vresion"], "did you mean --version?"),
])
def test_a_misspelt_word_gets_a_guess(words, guess, folder):
    done = adit(folder, *words)
    assert done.status == 2 and guess in done.err, done.err


# What providers, routers and panels write. They import clean: each warning is named, and there is no other.
HOOKS = "PostUp: warning: runs as the user adit"
BLOCKED = "::/0 blocks IPv6"
SOURCES = {
    "mullvad": ([], {"routes": ["0.0.0.0/0", "::/0"], "dns.servers": ["10.64.0.1"]}),
    "proton": ([], {"peer.keepalive": None, "dns.servers": ["10.2.0.1", "2a07:b944::2:1"]}),
    "azirevpn": ([], {"peer.endpoint": "se1.wg.azirevpn.net:51820"}),
    "wg-easy-client": ([BLOCKED], {"interface.addresses": ["10.8.0.2/24"]}),
    "wg-easy-server": ([HOOKS, "PostDown: warning: runs earlier"], {"local.listen": 51820}),
    "wgdashboard-server": ([HOOKS, "PostDown: warning: runs earlier", "SaveConfig: warning: is not carried over",
                            "Table: warning: is empty"], {}),
    "wgdashboard-client": ([], {"interface.mtu": 1420, "peer.keepalive": "21s"}),
    "pfsense": ([], {"routes": ["10.15.0.0/24"]}),
    "opnsense": ([BLOCKED], {"routes": ["0.0.0.0/0", "::/0"]}),
    "mikrotik": ([BLOCKED], {"local.listen": 13231}),
    "unifi": ([], {"routes": ["192.168.3.1/32", "0.0.0.0/0"]}),
    "fritzbox-device": ([], {"dns.domains": ["fritz.box", "~."]}),
    "fritzbox-site": ([], {"dns.servers": ["192.168.10.1", "192.168.178.1"]}),
    "openwrt": ([BLOCKED], {}),
    "amnezia-plain": (["Jc: warning: is not carried over, nor are the other keys of AmneziaWG"], {}),
    "dn42": ([HOOKS],
             {"interface.addresses": ["172.20.1.1/32", "fe80::1234/64"], "interface.peer_addresses": ["172.20.2.2"],
              "routes": None}),
    "router": ([HOOKS, "PostDown: warning: runs earlier", "PostDown: warning: runs earlier",
                "PostUp: warning: becomes interface.forward"], {"interface.forward": True}),
}


@pytest.mark.parametrize("name", SOURCES)
def test_what_others_write_imports_clean(name, folder):
    warnings, has = SOURCES[name]
    shutil.copy(CASES / "sources" / f"{name}.conf", folder / f"{name}.conf")
    (folder / f"{name}.conf").chmod(0o600)
    done = adit(folder, "import", f"{name}.conf", "-o", f"{folder}/link.yaml")
    assert done.status == 0, done.err
    said = done.err.splitlines()
    for words in warnings:
        matching = [line for line in said if words in line]
        assert matching, done.err
        said.remove(matching[0])
    assert said == []
    tree = yaml.safe_load((folder / "link.yaml").read_text())
    for path, value in has.items():
        assert value_of(tree, path) == value, tree
    checked = adit(folder, "check", "link.yaml")
    assert checked.status == 0, checked.out


def test_each_source_is_in_the_table():
    assert {file.stem for file in (CASES / "sources").iterdir()} == set(SOURCES)


def test_an_interface_that_is_written_out_is_named_when_it_gets_another_name(folder):
    shutil.copy(CASES / "sources" / "wg-easy-server.conf", folder / "wg0.conf")
    (folder / "wg0.conf").chmod(0o600)
    done = adit(folder, "import", "wg0.conf", "-o", "office.yaml")
    assert done.status == 0 and "names the interface wg0, which is office here" in done.err
    assert "names the interface" not in adit(folder, "import", "wg0.conf", "-o", "wg0.yaml").err


def test_forwarding_is_taken_out_of_longer_lines(folder):
    shutil.copy(CASES / "sources" / "router.conf", folder / "router.conf")
    (folder / "router.conf").chmod(0o600)
    out = adit(folder, "import", "router.conf", "-o", "-").out
    assert "sysctl" not in out and "/proc/sys" not in out
    tree = yaml.safe_load(out)
    assert len(tree["hooks"]["up"]) == 3 and len(tree["hooks"]["down"]) == 2


@pytest.mark.parametrize("name", SOURCES)
def test_what_was_imported_is_exported_and_imported_to_the_same(name, folder):
    shutil.copy(CASES / "sources" / f"{name}.conf", folder / "wg0.conf")
    (folder / "wg0.conf").chmod(0o600)

    def imported(file):
        done = adit(folder, "import", file, "-o", "-")
        assert done.status == 0, done.err
        return yaml.safe_load(done.out)

    assert adit(folder, "import", "wg0.conf").status == 0
    assert adit(folder, "export", "wg0.yaml", "-o", "again.conf").status == 0
    first, again = imported("wg0.conf"), imported("again.conf")
    for tree in (first, again):
        tree["interface"].pop("name", None)
    assert again == first
