# SPDX-License-Identifier: MIT
"""The tunnel's interface is what the file says: addresses, MTU, flags, owner."""
import contextlib
import json
import pathlib
import signal

import pytest

from lab.ends import ADITD
from lab.traffic import answers, ping, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only


def interface(end):
    return json.loads(end.host.ip("-json", "-details", "addr", "show", "dev", end.device))[0]


def test_it_has_every_address_of_the_file_and_is_up(make):
    addresses = ["10.9.0.1/30", "10.8.0.1/24", "fd09::1/126", "fd08::1/64"]
    end = make(a={"addresses": addresses}).a
    end.start()
    found = interface(end)
    there = [f"{a['local']}/{a['prefixlen']}" for a in found["addr_info"] if a["scope"] == "global"]
    assert sorted(there) == sorted(addresses)
    assert "UP" in found["flags"] and "POINTOPOINT" in found["flags"]
    assert "MULTICAST" not in found["flags"]
    assert found["linkinfo"]["info_data"]["type"] == "tun"
    assert found["linkinfo"]["info_data"]["pi"] is False


def test_peer_addresses_belong_to_the_addresses_of_their_family_in_order(make):
    end = make(a={"addresses": ["10.9.0.1/32", "fd09::1/128", "10.8.0.1/32"],
                  "interface": {"peer_addresses": ["10.9.0.2", "10.8.0.2", "fd09::2"]}}).a
    end.start()
    pairs = {a["local"]: a.get("address") for a in interface(end)["addr_info"] if a["scope"] == "global"}
    assert pairs == {"10.9.0.1": "10.9.0.2", "10.8.0.1": "10.8.0.2", "fd09::1": "fd09::2"}


def test_traffic_crosses_between_peer_addresses(make):
    link = make(a={"addresses": ["10.9.0.1/32"], "interface": {"peer_addresses": ["10.9.0.2"]}},
                b={"addresses": ["10.9.0.2/32"], "interface": {"peer_addresses": ["10.9.0.1"]}}).start()
    traffic_within(link.a.host, "10.9.0.2", 10)


@pytest.mark.parametrize("outer, mtu", [(4, 1440), (6, 1420)], ids=["over_ipv4", "over_ipv6"])
def test_the_automatic_mtu_is_the_paths_less_the_overhead(make, outer, mtu):
    end = make(outer=outer).a
    end.start()
    wait_until(lambda: interface(end)["mtu"] == mtu, 10, f"an MTU of {mtu}")
    assert end.status()["mtu"] == mtu


@pytest.mark.parametrize("outer, mtu", [(4, 1340), (6, 1320)], ids=["over_ipv4", "over_ipv6"])
def test_the_automatic_mtu_follows_the_route_to_the_peer(make, outer, mtu):
    link = make(outer=outer)
    gateway, target = {4: ("10.1.0.1", "10.2.0.2"), 6: ("fd01::1", "fd02::2")}[outer]
    link.a.host.ip("route", "add", target, "via", gateway, "mtu", "1400")
    link.a.start()
    wait_until(lambda: interface(link.a)["mtu"] == mtu, 10, f"an MTU of {mtu}")


def test_the_mtu_is_1420_while_the_peer_is_not_known(make):
    end = make(calls="b").a
    end.start()
    assert interface(end)["mtu"] == 1420
    assert end.state() == "waiting"


def test_mtu_queue_length_and_multicast_are_as_the_file_says(make):
    end = make(a={"interface": {"mtu": 1300, "queue_length": 321, "multicast": True}}).a
    end.start()
    found = interface(end)
    assert (found["mtu"], found["txqlen"]) == (1300, 321)
    assert "MULTICAST" in found["flags"]


def test_what_others_change_of_the_interface_is_put_back(make):
    link = make(a={"interface": {"mtu": 1400, "queue_length": 321}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.host.ip("link", "set", link.a.device, "mtu", "1200", "txqueuelen", "20", "multicast", "on")
    wait_until(lambda: "put back: its MTU 1400, its queue length 321, that it is without multicast" in link.a.log(), 10,
               "all of it put back")
    found = interface(link.a)
    assert (found["mtu"], found["txqlen"]) == (1400, 321) and "MULTICAST" not in found["flags"]
    traffic_within(link.a.host, link.b.side.addr6, 10)  # an MTU below 1280 had taken IPv6 along


@pytest.mark.parametrize("addresses", [["10.9.0.{}/30", "fd09::{}/126"], ["fe80::{}/64"]], ids=["usual", "link_local"])
def test_multicast_passes_both_ways_by_default(make, addresses):
    """Each end's answer to what is sent to all comes, besides its own."""
    sides = [{"addresses": [address.format(n) for address in addresses], "allowed_ips": None,
              "interface": {"multicast": True}} for n in (1, 2)]
    link = make(a=sides[0], b=sides[1]).start()
    for end in (link.a, link.b):
        end.host.sysctl("net.ipv4.icmp_echo_ignore_broadcasts", 0)
    for end, number in ((link.a, 2), (link.b, 1)):
        for address in addresses:
            group, other = "ff02::1" if ":" in address else "224.0.0.1", address.format(number).split("/")[0]
            call = ["ping", "-c2", "-W2", "-I", end.device, group]
            wait_until(lambda: f"from {other}" in end.host.run(*call, check=False).stdout, 20,
                       f"{other} to answer what is sent to {group}")


def test_the_host_forwards_while_the_link_is_there(make):
    link = make(a={"interface": {"forward": True}})
    host = link.a.host
    keys = ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"]
    values = lambda: [host.run("sysctl", "-n", key).stdout.strip() for key in keys]
    for key in keys:
        host.sysctl(key, 0)
    link.a.start()
    wait_until(lambda: values() == ["1", "1"], 10, "forwarding to be on")
    link.a.stop()
    assert values() == ["0", "0"]
    # With containers that may rely on it by now.
    link.a.start()
    wait_until(lambda: values() == ["1", "1"], 10, "forwarding to be on")
    host.ip("link", "add", "docker0", "type", "bridge")
    host.ip("addr", "add", "172.17.0.1/16", "dev", "docker0")
    link.a.stop()
    assert values() == ["1", "1"] and "guests behind docker0 may rely on it" in link.a.log()


def test_forwarding_is_put_back_by_the_run_that_follows_too(make):
    """Which may write what the run before might, though the kernel has forgotten the folders below /proc/sys meanwhile."""
    link = make(a={"interface": {"forward": True}})
    value = lambda: link.a.host.run("sysctl", "-n", "net.ipv4.ip_forward").stdout.strip()
    link.a.host.sysctl("net.ipv4.ip_forward", 0)
    link.b.start()
    # A /proc of its own: nobody else who has it open is to keep what the kernel would forget.
    link.a.launch("unshare", "--mount", "sh", "-c", 'mount -t proc proc /proc && exec "$@"', "sh")
    for count in (1, 2):
        traffic_within(link.a.host, link.b.side.addr4, 10)
        link.a.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: link.a.log().count("going on with the session") == count and link.a.socket_path.exists(), 10,
                   "the successor")
    with contextlib.suppress(OSError):  # in a container the kernel forgets when it likes
        for _ in range(3):  # what was in use of late is spared once
            pathlib.Path("/proc/sys/vm/drop_caches").write_text("2")
    assert value() == "1"
    assert link.a.stop() == 0
    assert value() == "0", link.a.log()


def test_owner_and_group_may_attach_to_it(make):
    end = make(a={"interface": {"owner": "nobody", "group": 12345}}).a
    end.start()
    line = end.host.ip("tuntap", "list")
    assert "user 65534" in line and "group 12345" in line


def test_a_persistent_interface_outlives_the_daemon_and_is_taken_up_again(make):
    link = make(a={"interface": {"persist": True}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    index = interface(link.a)["ifindex"]
    assert link.a.stop() == 0
    assert interface(link.a)["ifindex"] == index
    link.a.start()
    assert interface(link.a)["ifindex"] == index
    traffic_within(link.a.host, link.b.side.addr4, 10)
    link.a.kill()
    link.a.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)


HOLDER = """
import fcntl, struct, sys, time
tun = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH22x", sys.argv[1].encode(), 0x1001))  # TUNSETIFF, IFF_TUN | IFF_NO_PI
print("has it", flush=True)
time.sleep(1000)
"""


def test_who_has_the_interface_already_is_named(make, lab):
    """Another program, and a second daemon. Those who may not look are told who may."""
    end = make().a
    other = end.host.popen("/usr/bin/python3", "-c", HOLDER, end.device, name="holder")
    wait_until(lambda: "has it" in other.log(), 10, "the other program to have it")
    assert end.launch().wait(10) == 1
    assert f"the interface tun0 is in use by python3 (process {other.pid}): stop that, or choose another" in end.log()
    as_stranger = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+net_admin,+dac_override",
                   "--ambient-caps=+net_admin,+dac_override")
    assert end.launch(*as_stranger).wait(10) == 1
    assert "perhaps a second aditd, has the interface tun0" in end.log() and "sudo grep -ls" in end.log()
    found = end.host.run("sh", "-c", "grep -ls 'iff:.tun0$' /proc/[0-9]*/fdinfo/*", check=False).stdout
    assert f"/proc/{other.pid}/fdinfo/" in found, "what it says to do does it"
    other.stop()
    end.start()
    second = lab.a.popen("env", f"ADIT_RUN_DIR={end.directory}", ADITD, end.file, name="second")
    assert second.wait(10) == 1
    assert f"in use by aditd (process {end.process.pid})" in second.log()


@pytest.mark.parametrize("state", ["up", "down"])
def test_somebody_elses_persistent_interface_is_given_back_as_it_was(make, state):
    link = make(a={"interface": {"mtu": 1300, "queue_length": 99, "multicast": True}})
    host = link.a.host
    host.ip("tuntap", "add", "dev", link.a.device, "mode", "tun")
    host.ip("addr", "add", "10.55.0.1/24", "dev", link.a.device)
    host.ip("link", "set", link.a.device, "addrgenmode", "none")  # else the kernel adds an address with the carrier
    host.ip("link", "set", link.a.device, "up")  # only then it gets its queue, for good
    host.ip("link", "set", link.a.device, state)
    before = host.network_state()
    link.start()
    traffic_within(host, link.b.side.addr4, 10)
    assert link.a.stop() == 0
    host.expect_network_state(before)


@pytest.mark.parametrize("where", ["all", "default"])
def test_a_host_without_ipv6_has_a_link_over_ipv4(make, where):
    link = make(a={"addresses": ["10.9.0.1/30"]}, b={"addresses": ["10.9.0.2/30"]})
    for end in (link.a, link.b):
        end.host.sysctl(f"net.ipv6.conf.{where}.disable_ipv6", 1)
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    assert ping(link.b.host, link.a.side.addr4) == 3


def test_an_ipv6_only_host_has_a_link_over_ipv6(make):
    link = make(outer=6, a={"addresses": ["fd09::1/126"]}, b={"addresses": ["fd09::2/126"]})
    for end in (link.a, link.b):
        end.host.ip("-4", "addr", "flush", "dev", "eth0")
    link.start()
    traffic_within(link.a.host, "fd09::2", 10)
    assert not answers(link.a.host, "10.2.0.2")


def test_an_interface_that_somebody_renames_is_known_by_its_new_name(make):
    link = make(a={"routes": ["192.168.20.0/24"]}).start()
    host = link.a.host
    traffic_within(host, link.b.side.addr4, 10)

    def rename(before, after):
        if host.run("ip", "link", "set", before, "name", after, check=False).returncode != 0:  # before Linux 6.2
            host.ip("link", "set", before, "down")
            host.ip("link", "set", before, "name", after)
            host.ip("link", "set", after, "up")
        wait_until(lambda: link.a.status()["interface"] == after, 10, "the name to be noticed")
        traffic_within(host, link.b.side.addr4, 10)

    rename("tun0", "other0")
    sockets = link.a.directory / "wireguard"
    assert (sockets / "other0.sock").exists() and not (sockets / "tun0.sock").exists()
    status = link.a.status()
    assert status["state"] == "up" and [each["kind"] for each in status["observations"]] == ["interface_renamed"]
    assert "renamed the interface tun0 to other0" in link.a.log()
    assert "nothing to change" in link.a.adit("reload", link.a.name).stdout
    rename("other0", "tun0")
    assert (sockets / "tun0.sock").exists() and not (sockets / "other0.sock").exists()
    assert link.a.log().count("somebody renamed") == 1
    assert link.a.stop() == 0
