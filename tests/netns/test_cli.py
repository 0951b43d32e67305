# SPDX-License-Identifier: MIT
"""`adit` as people use it: what it writes works as it is, and what it prints goes into other tools."""
import os
import stat
import subprocess

import pytest

from lab.ends import ADIT, FileEnd, wg
from lab.traffic import ping, traffic_within

pytestmark = pytest.mark.adit_only


def adit(*arguments, check=True, input=None, cwd=None):
    done = subprocess.run([ADIT, *map(str, arguments)], capture_output=True, text=True, input=input, cwd=cwd)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture
def pair(lab, tmp_path):
    """pair(ARGUMENTS…) runs `adit pair … -o DIR` and gives both ends, each with its file as it was written."""
    def pair(*arguments):
        folder = tmp_path / "files"
        folder.mkdir()
        adit("pair", *arguments, "-o", folder)
        ends = [FileEnd(host, folder / f"{label}.yaml", tmp_path) for host, label in ((lab.a, "a"), (lab.b, "b"))]
        lab.ends += ends
        return ends
    return pair


def start(*ends):
    for end in ends:
        end.start()


@pytest.mark.parametrize("hosts", [("a=10.1.0.2", "b=10.2.0.2"), ("a=[fd01::2]", "b=[fd02::2]"),
                                   ("a=10.1.0.2:7777", "b=[fd02::2]:8888")], ids=["ipv4", "ipv6", "with_ports"])
def test_the_files_of_adit_pair_work_as_they_are(pair, hosts):
    a, b = pair(*hosts)
    for end in (a, b):
        assert stat.S_IMODE(os.stat(end.file).st_mode) == 0o600
        adit("check", end.file)
    start(a, b)
    traffic_within(a.host, b.side.addr4, 10)
    assert ping(b.host, a.side.addr6) == 3


def test_a_pair_with_one_end_behind_nat_works(pair, lab):
    lab.nat()
    a, b = pair("a=-", "b=10.2.0.2")
    start(b, a)
    traffic_within(a.host, b.side.addr4, 10)
    assert ping(b.host, a.side.addr4) == 3
    assert b.peer_endpoint().startswith("10.2.0.1:")


def test_a_pair_with_a_tunnel_and_networks_behind_both_ends_works(pair, lab):
    a, b = pair("a=10.1.0.2", "b=10.2.0.2", "--tunnel", "10.77.0.0/30", "--tunnel", "fd77::/126", "--routes",
                "a=192.168.10.0/24", "--routes", "b=192.168.20.0/24,fd20::/64")
    lab.a.ip("addr", "add", "192.168.10.1", "dev", "lo")
    lab.b.ip("addr", "add", "192.168.20.1", "dev", "lo")
    lab.b.ip("addr", "add", "fd20::1", "dev", "lo")
    start(a, b)
    traffic_within(a.host, "192.168.20.1", 10)
    assert ping(a.host, "fd20::1") == 3
    assert ping(b.host, "192.168.10.1") == 3
    assert a.side.addr4.startswith("10.77.0.") and b.side.addr6.startswith("fd77::")


def test_adit_pair_never_overwrites_keys(pair, tmp_path):
    a, _ = pair("a=10.1.0.2", "b=10.2.0.2")
    before = a.file.read_text()
    done = adit("pair", "a=10.1.0.2", "b=10.2.0.2", "-o", tmp_path / "files", check=False)
    assert done.returncode == 1 and "a.yaml" in done.stderr
    assert a.file.read_text() == before


def test_keys_are_those_of_wg():
    private = adit("genkey").stdout
    assert adit("pubkey", input=private).stdout.strip() == wg("pubkey", input=private)
    assert len(adit("genpsk").stdout.strip()) == 44
    assert private != adit("genkey").stdout


def test_adit_check_finds_every_problem_and_suggests(make):
    end = make().a
    end.write_config()
    assert adit("check", end.file).returncode == 0
    end.file.write_text(end.file.read_text().replace("addresses:", "adresses:").replace("keepalive: 25s", "keepalive: 25"))
    done = adit("check", end.file, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 78
    assert "addresses" in said and "peer.keepalive" in said
    assert all(line.startswith(f"{end.file}:") for line in said.strip().splitlines()), said
    assert end.side.private_key not in said


def test_wrong_usage_has_its_own_exit_status():
    assert adit("nosuch", check=False).returncode == 2
    assert adit("pair", "a=10.1.0.2", check=False).returncode == 2
    assert adit("--help").stdout
