# SPDX-License-Identifier: MIT
"""What surrounds a link for Ethernet frames: `adit pair --tap`, `adit export`, the count of MAC addresses, `adit doctor` and
the bridge, which is left by who put the interface there.

    near ── lan ┐                                        ┌ lan ── far
                br0 (host a) ── tun0 ═══ link ═══ tun0 ── br0 (host b)
"""
import json
import pathlib
import re
import signal
import sys

import pytest

from lab import gretap
from lab.doctor import examine
from lab.ends import ADIT, FileEnd
from lab.traffic import ping, traffic_within, transfer
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only
MOST_MACS = 16384


def lan(lab, host, number, bridge="br0"):
    """A bridge on `host`, and behind it another host with 192.168.50.NUMBER."""
    behind = lab.namespace(f"behind-{host.label}")
    # Kernels with VLANs in bridges would put what is added by hand into the port's VLAN as well, and so count it twice.
    host.ip("link", "add", bridge, "type", "bridge", "vlan_default_pvid", "0")
    host.ip("link", "add", "lan", "type", "veth", "peer", "name", "eth0", "netns", behind.name)
    host.ip("link", "set", "lan", "master", bridge, "up")
    host.ip("link", "set", bridge, "up")
    behind.ip("addr", "add", f"192.168.50.{number}/24", "dev", "eth0")
    behind.ip("link", "set", "eth0", "up")
    return behind


def bridged(**interface):
    """A Side whose interface is in br0."""
    return {"addresses": [], "allowed_ips": None, "interface": {"mode": "tap", "bridge": "br0", **interface}}


@pytest.fixture
def lans(make, lab):
    """The picture above, started: the link and both hosts behind it."""
    near, far = lan(lab, lab.a, 1), lan(lab, lab.b, 2)
    link = make(a=bridged(), b=bridged()).start()
    traffic_within(near, "192.168.50.2", 20)
    return link, near, far


def master_of(end):
    """The bridge that the end's interface is in; None: in none."""
    found = re.search(r" master (\S+)", end.host.ip("link", "show", "dev", end.device))
    return found and found[1]


def pair(lab, folder, *options):
    """Files of both ends, by `adit pair`, and what it said."""
    done = lab.a.run(ADIT, "pair", "a=10.1.0.2", "b=10.2.0.2", "--tap", *options, "-o", folder)
    ends = []
    for host, name in ((lab.a, "a"), (lab.b, "b")):
        file = folder / f"{name}.yaml"
        ends.append(FileEnd(host, file, folder))
        lab.ends.append(ends[-1])
    return ends, done.stdout


def test_what_pair_makes_is_a_cable_that_works_at_once(lab, tmp_path):
    (a, b), said = pair(lab, tmp_path, "--tunnel", "192.168.60.0/24")
    b.start()
    a.start()
    traffic_within(lab.a, "192.168.60.2", 30)
    assert "192.168.60.2" in lab.a.ip("neigh"), "by ARP"
    assert a.status()["mode"] == "tap" and "192.168.60.2" in said
    wait_until(lambda: a.state() == "up" and b.state() == "up", 20, "both ends to be up")


def test_pair_puts_an_end_into_its_bridge(lab, tmp_path):
    far = lan(lab, lab.b, 2, "br-lan")
    (a, b), said = pair(lab, tmp_path, "--bridge", "b=br-lan")
    assert "put into br-lan" in said and "one of the network behind br-lan" in said
    b.start()
    a.start()
    assert master_of(b) == "br-lan" and master_of(a) is None
    lab.a.ip("addr", "add", "192.168.50.1/24", "dev", a.device)
    traffic_within(lab.a, "192.168.50.2", 30)
    assert ping(far, "192.168.50.1") == 3


def test_the_other_end_may_be_what_export_made_of_it(make, lab, tmp_path):
    """By its own hooks, as wg-quick would have bash run them; where the kernel has no gretap, another one stands in."""
    ours, theirs = "10.9.0.1", "10.9.0.2"
    link = make(("adit", "go"), a={**bridged(tunnel_address=f"{ours}/30"), "addresses": ["192.168.60.1/30"]})
    del link.a.side.interface["bridge"]
    link.a.write_config()
    done = lab.a.run(ADIT, "export", link.a.file, "--peer")
    assert f"\nAddress = {theirs}/32\n" in done.stdout and f"\nAllowedIPs = {ours}/32\n" in done.stdout
    assert "a gretap that its hooks make" in done.stderr
    link.b.start()
    commands = [line.partition(" = ")[2].replace("%i", link.b.device)
                for line in done.stdout.splitlines() if line.startswith("PostUp")]
    tidy, add, *others = commands
    name = re.search(r"ip link add (\S+) type gretap", add)[1]
    link.b.host.ip("tuntap", "add", name, "mode", "tap")  # as an `up` that failed leaves it
    link.b.host.run("bash", "-ec", tidy)
    assert name not in link.b.host.ip("link")
    link.b.host.run("bash", "-ec", tidy)
    if link.b.host.run("sh", "-c", add, check=False).returncode != 0:
        process = link.b.host.popen(sys.executable, pathlib.Path(gretap.__file__), name, theirs, ours, name="gretap")
        wait_until(lambda: "ready" in process.log() or not process.alive, 10, "the TAP")
        assert process.alive, process.log()
    for command in others:
        link.b.host.run("bash", "-ec", command)
    details = link.b.host.ip("addr", "show", "dev", name)
    assert "mtu 1378" in details and "192.168.60.2/30" in details
    link.a.start()
    traffic_within(link.a.host, "192.168.60.2", 20)
    assert ping(link.b.host, "192.168.60.1") == 3


@pytest.mark.kernel_with("wireguard", "gretap")
@pytest.mark.parametrize("mtu", [None, 1500], ids=["mtu_that_fits", "mtu_1500"])
@pytest.mark.parametrize("ours", ["10.9.0.1/30", "fd09::1/126"], ids=["gretap", "ip6gretap"])
def test_wg_quick_has_the_kernel_do_what_export_wrote(make, lab, tmp_path, ours, mtu):
    """The file as it is, on a host that has it all: not a command is typed besides."""
    link = make(("adit", "kernel"), a={"addresses": ["192.168.60.1/30"], "allowed_ips": None,
                                       "interface": {"mode": "tap", "tunnel_address": ours, **({"mtu": mtu} if mtu else {})}})
    link.a.write_config()
    key, file = tmp_path / "b.key", tmp_path / "wg9.conf"
    key.touch(mode=0o600)
    key.write_text(link.b.side.private_key)
    lab.a.run(ADIT, "export", link.a.file, "--peer", "--private-key-file", key, "-o", file)
    lab.b.run("wg-quick", "up", file)
    link.a.start()
    traffic_within(lab.a, "192.168.60.2", 20)
    name = re.search(r"^\d+: (\S+) +inet 192.168.60.2/", lab.b.ip("-oneline", "addr"), re.MULTILINE)[1]
    # wg-quick leaves room for IPv6 outside, whatever is there.
    size, largest = (json.loads(host.ip("-json", "link", "show", "dev", device))[0]["mtu"]
                     for host, device in ((lab.b, name), (lab.a, link.a.device)))
    assert size == largest == mtu or not mtu and size <= largest
    assert ping(lab.a, "192.168.60.2", 3, size - 28, 0.2, 20, "-M", "do") == 3
    assert ping(lab.b, "192.168.60.1", 3, size - 28, 0.2, 20, "-M", "do") == 3
    for host, device, number in ((lab.a, link.a.device, 1), (lab.b, name, 2)):
        host.ip("link", "add", "link", device, "name", "tagged", "type", "vlan", "id", "7")
        host.ip("addr", "add", f"192.168.61.{number}/30", "dev", "tagged")
        host.ip("link", "set", "tagged", "up")
    for net in ("192.168.60", "192.168.61"):
        assert transfer(lab.a, lab.b, f"{net}.2", 4 << 20)
        assert transfer(lab.b, lab.a, f"{net}.1", 4 << 20)
    assert "192.168.60.1" in lab.b.ip("neigh", "show", "dev", name), "by ARP"
    lab.b.run("wg-quick", "down", file)
    assert name not in lab.b.ip("link") and "wg9" not in lab.b.ip("link")


def test_status_counts_the_mac_addresses_behind_the_link_and_no_more_than_it_may(lans):
    link, near, far = lans
    end = link.a
    wait_until(lambda: (end.status()["learnt_macs"] or 0) >= 1, 20, "the far host to be learnt")
    text = end.adit("status", end.name).stdout
    assert re.search(r"for Ethernet frames in br0 \(\d+ MAC address(es)? behind it\)", text), text

    def add(count):
        end.host.run("bridge", "-batch", "-", input="".join(
            f"fdb add 02:77:00:00:{number >> 8:02x}:{number & 255:02x} dev {end.device} master dynamic\n"
            for number in range(count)))
    add(1000)
    assert 1000 < end.status()["learnt_macs"] < 1100
    assert ping(near, "192.168.50.2") == 3

    end.host.run("bridge", "-batch", "-", input="".join(
        f"fdb add 02:88:00:00:{number >> 8:02x}:{number & 255:02x} dev {end.device} master dynamic\n"
        for number in range(2 * MOST_MACS + 100)))
    for _ in range(3):
        assert end.status()["learnt_macs"] == MOST_MACS, "of more it looks at so many at a time"
    assert ping(near, "192.168.50.2") == 3
    end.host.ip("link", "set", end.device, "type", "bridge_slave", "fdb_flush")
    wait_until(lambda: end.status()["learnt_macs"] < 100, 20, "the flushed table to be counted anew")

    end.side.interface = {"mode": "tap"}
    end.write_config()
    end.adit("reload", end.name)
    assert end.status()["learnt_macs"] is None and end.status()["bridge"] is None


def test_doctor_looks_at_the_bridge(lans):
    link, _, _ = lans
    end, host = link.a, link.a.host

    def alarm(verdict, title, mend):
        report = examine(end)
        assert report["bridge"] == verdict, report.checks["bridge"]
        assert title in report.title("bridge") and mend in report.mend("bridge"), report.checks["bridge"]
        return report

    report = examine(end)
    assert report["bridge"] == "ok" and f"MTU {end.status()['mtu']}" in report.evidence("bridge")
    assert "STP is off" in report.evidence("bridge")
    assert not report.alarms(), report.alarms()

    host.ip("link", "set", "br0", "mtu", "1500")
    report = alarm("warning", "br0 has an MTU of 1500, and its port tun0", f"ip link set br0 mtu {end.status()['mtu']}")
    assert set(report.alarms()) == {"bridge"}
    host.ip("link", "set", "br0", "mtu", end.status()["mtu"])

    host.sysctl("net.ipv4.conf.br0.proxy_arp", 1)
    alarm("warning", "proxy ARP is on for br0", "sysctl -w net.ipv4.conf.br0.proxy_arp=0")
    host.sysctl("net.ipv4.conf.br0.proxy_arp", 0)

    host.ip("addr", "add", "192.168.50.10/24", "dev", "br0")
    host.ip("link", "add", "other", "type", "veth", "peer", "name", "rehto")
    for device in ("other", "rehto"):
        host.ip("link", "set", device, "up")
    host.ip("route", "add", "192.168.50.0/24", "dev", "other", "metric", "10")
    alarm("warning", "192.168.50.0/24 is behind br0, and other leads there", "ip route del 192.168.50.0/24 dev other")
    host.ip("link", "del", "other")

    host.ip("link", "set", "br0", "type", "bridge", "stp_state", "1")
    report = examine(end)
    assert report["bridge"] == "ok" and "STP is on" in report.evidence("bridge"), report.checks["bridge"]
    host.ip("link", "set", "br0", "down")
    assert alarm("problem", "the bridge br0 is down", "ip link set br0 up").most_likely == "bridge"
    host.ip("link", "del", "br0")
    alarm("problem", "there is no bridge br0", "ip link add br0 type bridge")


def test_a_bridge_that_the_file_names_no_more_is_left(lans):
    link, near, _ = lans
    end = link.a
    end.side.interface = {"mode": "tap"}
    end.write_config()
    assert end.adit("reload", end.name, check=False).returncode == 0
    assert master_of(end) is None
    end.side.interface = {"mode": "tap", "bridge": "br0"}
    end.write_config()
    assert end.adit("reload", end.name, check=False).returncode == 0
    assert master_of(end) == "br0"
    traffic_within(near, "192.168.50.2", 20)

    def succeed():
        before = end.log().count("going on with the session")
        end.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: end.log().count("going on with the session") > before, 20, "the successor")
    succeed()
    assert master_of(end) == "br0"
    end.side.interface = {"mode": "tap"}
    end.write_config()
    succeed()
    wait_until(lambda: master_of(end) is None, 20, "the successor to leave what the run before had put it into")

    end.host.ip("link", "set", end.device, "master", "br0")
    succeed()
    end.write_config()
    end.adit("reload", end.name)
    assert master_of(end) == "br0", "whoever put it there knows why"


def test_an_interface_that_stays_leaves_the_bridge_at_the_end(lans):
    link, _, _ = lans
    end = link.a
    end.side.interface = {"mode": "tap", "bridge": "br0", "persist": True}
    end.write_config()
    assert end.adit("reload", end.name, check=False).returncode == 0
    before = end.log().count("going on with the session")
    end.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: end.log().count("going on with the session") > before, 20, "the successor")
    assert master_of(end) == "br0"
    end.stop()
    assert end.device in end.host.ip("link") and master_of(end) is None
    end.host.ip("link", "del", end.device)
