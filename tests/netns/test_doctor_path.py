# SPDX-License-Identifier: MIT
"""`adit doctor`: interfaces, routes, port, firewall and the way to the peer, with exactly that broken."""
import json
import pathlib
import re

import pytest
import yaml

from lab.doctor import examine
from lab.traffic import traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only

DNS_SERVER = pathlib.Path(__file__).parent / "lab/dns_server.py"
SUBNET = {"routes": ["192.168.20.0/24"], "allowed_ips": ["10.9.0.0/30", "fd09::/126", "192.168.20.0/24"]}


@pytest.fixture
def link(make):
    link = make(a=SUBNET).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    return link


def nothing_else(report, *expected):
    """Only these are alarms: one broken thing must not make the doctor cry wolf elsewhere."""
    assert set(report.alarms()) == set(expected), report.alarms()


def another(host, name, *addresses):
    """An Ethernet interface with these addresses, that leads nowhere."""
    host.ip("link", "add", name, "type", "veth", "peer", "name", f"{name}-end")
    host.ip("link", "set", f"{name}-end", "up")
    for address in addresses:
        host.ip("addr", "add", address, "dev", name)
    host.ip("link", "set", name, "up")


def test_interface_that_lost_an_address_for_good(link):
    """The daemon puts back what it can: it cannot where IPv6 was switched off."""
    link.a.host.sysctl("net.ipv6.conf.tun0.disable_ipv6", 1)
    report = examine(link.a)
    assert report["interface"] == "problem"
    assert "fd09::1/126 is missing" in report.evidence("interface")


def test_interface_that_is_down(link):
    link.a.host.ip("link", "set", "tun0", "down")
    report = examine(link.a)
    assert report["interface"] == "problem" and report.mend("interface") == "ip link set tun0 up"


def test_interface_name_that_somebody_else_has(stopped):
    end = stopped()
    another(end.host, "tun0")
    report = examine(end)
    assert report["interface"] == "problem" and report.most_likely == "interface"
    nothing_else(report, "interface", "daemon")


def test_overlap_of_an_address(link):
    another(link.a.host, "other0", "10.9.0.1/32")
    report = examine(link.a)
    assert report["overlap"] == "problem" and "other0 has 10.9.0.1 too" in report.evidence("overlap")


@pytest.mark.parametrize("address, verdict", [("192.168.20.1/24", "problem"), ("192.168.20.129/25", "warning"),
                                              ("192.168.21.1/24", "ok"), ("192.168.0.1/16", "ok")])
def test_overlap_of_a_route(stopped, address, verdict):
    end = stopped(**SUBNET)
    another(end.host, "other0", address)
    end.host.sysctl("net.ipv4.ip_forward", 1)
    report = examine(end)
    assert report["overlap"] == verdict, report.checks["overlap"]
    nothing_else(report, "daemon", *([] if verdict == "ok" else ["overlap"]))


def test_routes_that_allowed_ips_does_not_cover(link):
    link.a.host.ip("route", "add", "10.50.0.0/16", "dev", "tun0")
    report = examine(link.a)
    assert "10.50.0.0/16" in report.evidence("routes")
    nothing_else(report, "routes")


def test_port_that_another_program_has(stopped):
    end = stopped()
    taken = end.host.popen("socat", "-u", "UDP4-RECV:51820", "STDOUT", name="socat")
    wait_until(lambda: ":51820" in end.host.run("ss", "-uan").stdout, 5, "the port to be taken")
    report = examine(end)
    taken.close()
    assert f"socat (process {taken.pid})" in report.evidence("port")
    assert report.most_likely == "port"
    nothing_else(report, "port", "daemon")


def test_port_at_an_address_that_this_host_does_not_have(stopped):
    report = examine(stopped(listen="10.1.0.77:51820"))
    assert "10.1.0.77" in report.evidence("port") and report.most_likely == "port"


def names(end, tmp_path, table):
    """The end's host asks a name server of its own, which knows these names."""
    file = tmp_path / "names.json"
    file.write_text(json.dumps(table))
    conf = tmp_path / "resolv.conf"
    conf.write_text("nameserver 127.0.0.1\n")
    end.binds["/etc/resolv.conf"] = str(conf)
    server = end.host.popen("/usr/bin/python3", DNS_SERVER, "127.0.0.1", file, name="dns")
    wait_until(lambda: "127.0.0.1:53" in end.host.run("ss", "-uan").stdout, 10, "the name server")
    return server


def test_endpoint_whose_name_does_not_exist(stopped, tmp_path):
    end = stopped(endpoint="peer.example:51820")
    names(end, tmp_path, {})
    report = examine(end)
    assert "peer.example" in report.evidence("endpoint") and report.most_likely == "endpoint"
    nothing_else(report, "endpoint", "daemon")


def test_endpoint_whose_name_only_others_know(stopped, tmp_path):
    """Of Avahi, say: a source of names that glibc has and DNS has not."""
    end = stopped(endpoint="peer.local:51820")
    names(end, tmp_path, {})
    (tmp_path / "getent").write_text("#!/bin/sh\n[ \"$*\" = 'ahosts peer.local' ] && echo '10.2.0.2     STREAM peer.local'\n")
    (tmp_path / "getent").chmod(0o755)
    end.binds["/usr/bin/getent"] = str(tmp_path / "getent")
    report = examine(end)
    assert "know it as 10.2.0.2" in report.evidence("endpoint") and "/etc/hosts" in report.mend("endpoint")
    assert report.most_likely == "endpoint"


def test_endpoint_of_which_one_name_does_not_exist(stopped, tmp_path):
    end = stopped(endpoint=["gone.example:51820", "peer.example:51820"])
    names(end, tmp_path, {"peer.example": ["10.2.0.2"]})
    report = examine(end)
    assert report["endpoint"] == "warning" and "peer.example:51820 is 10.2.0.2:51820" in report.evidence("endpoint")
    assert report["way"] == "ok"


def test_endpoint_with_a_name_server_that_is_silent(stopped, tmp_path):
    end = stopped(endpoint="peer.example:51820")
    (tmp_path / "resolv.conf").write_text("nameserver 10.1.0.99\nnameserver 10.1.0.98\nnameserver 10.1.0.97\n")
    end.binds["/etc/resolv.conf"] = str(tmp_path / "resolv.conf")
    assert examine(end)["endpoint"] == "problem"


def test_way_that_is_not_there(stopped):
    end = stopped()
    end.host.ip("route", "del", "default")
    report = examine(end)
    assert report["way"] == "problem" and report.most_likely == "way"
    nothing_else(report, "way", "daemon")


def test_way_that_leads_into_the_tunnel_itself(link):
    link.a.host.ip("route", "add", "10.2.0.2", "dev", "tun0")
    report = examine(link.a)
    assert "into the tunnel itself" in report.title("way") and report.most_likely == "way"


def test_way_through_a_device_that_is_not_there(stopped):
    end = stopped()
    config = yaml.safe_load(end.file.read_text())
    config["local"] = {"private_key": end.side.private_key, "listen": 51820, "device": "wan7"}
    end.file.write_text(yaml.safe_dump(config))
    report = examine(end)
    assert "wan7 (local.device) is missing" in report.title("way") and report.most_likely == "way"


def test_way_to_this_very_host(stopped):
    report = examine(stopped(endpoint="10.1.0.2:51820"))
    assert "this very host" in report.title("way") and report.most_likely == "way"


def filter_chain(host, hook, rules, policy="accept"):
    host.nft(f"table inet f {{\nchain {hook} {{\ntype filter hook {hook} priority 0; policy {policy};\n{rules}\n}}\n}}\n")


def test_firewall_that_drops_all_that_comes(link):
    filter_chain(link.a.host, "input", "iifname lo accept", "drop")
    report = examine(link.a)
    assert report["firewall"] == "problem" and "chain inet f input" in report.evidence("firewall")
    assert "nft insert rule inet f input udp dport 51820 accept" in report.mend("firewall")


def test_firewall_that_drops_what_goes_out(stopped):
    end = stopped()
    filter_chain(end.host, "output", "udp dport 51820 counter drop")
    report = examine(end)
    assert "drops what we send" in report.title("firewall")
    nothing_else(report, "firewall", "daemon")


STATEFUL = """ct state vmap { established : accept, related : accept, invalid : drop }
    iifname { "lo", "tun0" } accept
    meta l4proto { icmp, ipv6-icmp } accept"""


def test_firewall_that_lets_answers_in_does_no_harm_to_who_calls(make):
    link = make()
    filter_chain(link.a.host, "input", STATEFUL, "drop")
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    report = examine(link.a)
    assert "answers are not" in report.evidence("firewall")
    nothing_else(report)


def test_firewall_that_lets_answers_in_harms_who_waits_to_be_called(make):
    end = make(calls="b").a
    end.write_config()
    filter_chain(end.host, "input", STATEFUL, "drop")
    report = examine(end)
    assert "drops the peer's calls" in report.title("firewall")
    command = re.fullmatch(r"let it in: `nft (.*)`", report.mend("firewall"))
    end.host.nft(command[1])  # the one command that it prints is the mend
    assert examine(end)["firewall"] == "ok"


def test_mtu_that_does_not_fit(make):
    link = make(a={"interface": {"mtu": 1480}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    report = examine(link.a)
    assert "or 1440" in report.mend("mtu")
    nothing_else(report, "mtu")


@pytest.mark.parametrize("outer", [4, 6], ids=["over_ipv4", "over_ipv6"])
def test_path_mtu_smaller_than_anybody_says(make, lab, outer):
    unasked = {"more": {"tuning": {"path_probe": "off"}}}
    link = make(outer=outer, a=unasked, b=unasked).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    filter_chain(lab.r, "forward", "meta length > 1380 drop")
    report = examine(link.a)
    # 1380 less the headers, and in whole blocks of 16 as the protocol pads.
    largest = 1312 if outer == 4 else 1296
    assert report["path_mtu"] == "problem" and report.most_likely == "path_mtu"
    assert f"interface.mtu: {largest}" in report.mend("path_mtu")
    nothing_else(report, "path_mtu")


def test_path_mtu_is_not_tried_where_nobody_answers(link):
    link.b.host.sysctl("net.ipv4.icmp_echo_ignore_all", 1)
    report = examine(link.a)
    assert report["path_mtu"] == "skipped" and "does not answer" in report.title("path_mtu")
    nothing_else(report)


def test_sending_that_the_kernel_refuses(make):
    link = make()
    filter_chain(link.a.host, "output", "udp dport 51820 drop")
    link.start()
    wait_until(lambda: link.a.drops("send_failed") > 0, 10, "a datagram to be refused")
    report = examine(link.a)
    assert report["sending"] == "problem" and report["firewall"] == "problem"
    assert report.most_likely == "firewall"
