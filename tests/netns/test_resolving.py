# SPDX-License-Identifier: MIT
"""peer.endpoint by name, or several of them: asked for without waiting, for ever, and the next one tried."""
import json
import os
import pathlib
import resource
import time

import pytest

from lab.datagrams import Datagram, Tap
from lab.traffic import BackgroundPing, ping, traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only

NAME = "b.adit.test"
SERVER = pathlib.Path(__file__).parent / "lab/dns_server.py"


class Dns:
    """A name server on the router, and a host that asks it. `table`: {name: [address, …]}."""

    def __init__(self, lab, end, address="10.1.0.1"):
        self._lab = lab
        self._address = address
        self._table = lab.directory / "names.json"
        self._resolv_conf = lab.directory / "resolv.conf"
        self.resolv_conf("nameserver 10.1.0.1\noptions timeout:1 attempts:1\n")
        end.binds["/etc/resolv.conf"] = str(self._resolv_conf)
        self.names()
        self._tap = Tap(lab.r, "toa", 53)
        lab.closers.append(self._tap.close)

    def resolv_conf(self, text):
        self._resolv_conf.write_text(text)

    def questions(self):
        """How many have come to the router so far."""
        datagrams = [Datagram.parse(frame) for left, frame in self._tap.frames() if not left]
        return sum(d is not None and d.port == 53 for d in datagrams)

    def names(self, **table):
        self._table.write_text(json.dumps({name.replace("_", "."): addresses for name, addresses in table.items()}))

    def start(self):
        server = self._lab.r.popen("/usr/bin/python3", SERVER, self._address, self._table, name="dns")
        wait_until(lambda: "ready" in server.log(), 10, "the name server")
        return self


@pytest.fixture
def named(make, lab):
    """A link whose end a knows b by name alone, and a name server that is not running yet."""
    link = make(calls="a", a={"endpoint": f"{NAME}:51820"})
    return link, Dns(lab, link.a)


@pytest.mark.parametrize("address, endpoint", [("10.2.0.2", "10.2.0.2:51820"), ("fd02::2", "[fd02::2]:51820")],
                         ids=["ipv4", "ipv6"])
def test_the_peer_may_be_given_by_name(named, address, endpoint):
    link, dns = named
    dns.start().names(b_adit_test=[address])
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 15)
    assert link.a.peer_endpoint() == endpoint


def test_a_name_is_asked_for_again_when_the_way_to_the_peer_is_another_one(named, lab):
    """From there it may mean another place; who answers is kept all the same."""
    link, dns = named
    dns.start().names(b_adit_test=["10.2.0.2"])
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 15)
    dns.names(b_adit_test=["10.2.0.99"])
    time.sleep(6)  # no sooner after the last time than that
    asked = dns.questions()
    lab.address(lab.a, 1, 77)
    wait_until(lambda: dns.questions() > asked, 20, "the name to be asked for")
    assert ping(link.a.host, link.b.side.addr4) == 3
    assert link.a.peer_endpoint() == "10.2.0.2:51820"


def test_names_may_be_resolvable_later_than_the_daemon_starts(named, measured):
    """Boot: the interface is there at once, the link as soon as there is a name server."""
    link, dns = named
    dns.names(b_adit_test=["10.2.0.2"])
    link.start()
    wait_until(lambda: link.a.state() == "resolving" and NAME in link.a.status()["reason"], 15, "a reason with the name")
    wait_until(lambda: dns.questions() >= 4, 20, "more than one question in vain")
    dns.start()
    measured("traffic after the name server came", traffic_within(link.a.host, link.b.side.addr4, 90), "s")


def test_a_name_may_come_into_being_later(named):
    link, dns = named
    dns.start()
    link.start()
    wait_until(lambda: NAME in link.a.status()["reason"], 15, "a reason with the name")
    dns.names(b_adit_test=["10.2.0.2"])
    traffic_within(link.a.host, link.b.side.addr4, 90)


def test_a_name_server_that_never_answers_holds_nothing_up(named, lab):
    """Packets, the control socket and the end all go their way while names are waited for."""
    link, dns = named
    lab.r.nft("table inet silent { chain in { type filter hook input priority 0; udp dport 53 drop; }; }")
    link.start()
    # A lookup asks about both families, three times. Who waits for it to end answers no sooner than after the sixth
    # question, and then after the twelfth …; who does not, answers between any two.
    answered_after = set()

    def answered_after_three_numbers():
        asked = dns.questions()
        assert link.a.state() == "resolving"
        if dns.questions() == asked > 0:
            answered_after.add(asked)
        return len(answered_after) >= 3
    wait_until(answered_after_three_numbers, 30, "answers of the control socket")
    assert max(answered_after) < 12, answered_after
    link.b.side.endpoint = "10.1.0.2:51820"  # now b calls: a need not know the name for that
    link.b.restart()
    background = BackgroundPing(link.b.host, link.a.side.addr4)
    traffic_within(link.b.host, link.a.side.addr4, 10)
    assert link.a.state() == "up"
    background.close()
    assert link.a.stop() == 0


def test_the_second_endpoint_is_called_when_the_first_is_silent(make, measured):
    link = make(calls="a", a={"endpoint": ["10.2.0.99:51820", "10.2.0.2:51820"]}).start()
    measured("traffic after", traffic_within(link.a.host, link.b.side.addr4, 120), "s")
    assert link.a.peer_endpoint() == "10.2.0.2:51820"


def test_the_second_endpoint_is_called_when_the_first_has_no_address(make, lab):
    link = make(calls="a", a={"endpoint": [f"{NAME}:51820", "10.2.0.2:51820"]})
    Dns(lab, link.a).start()
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 60)


def test_of_a_name_with_addresses_of_both_families_one_that_works_is_found(named, measured):
    """The first address that a resolver prefers (IPv6) leads nowhere."""
    link, dns = named
    dns.start().names(b_adit_test=["fd02::99", "10.2.0.2"])
    link.start()
    measured("traffic after", traffic_within(link.a.host, link.b.side.addr4, 120), "s")
    assert ping(link.b.host, link.a.side.addr4) == 3


def first_free_descriptor(pid):
    taken = {int(number) for number in os.listdir(f"/proc/{pid}/fd")}
    return min(set(range(len(taken) + 1)) - taken)


def test_a_name_is_asked_for_again_when_there_are_descriptors_again(named, lab):
    """The peer goes silent while the daemon can open nothing more, and comes back at another address."""
    link, dns = named
    dns.start().names(b_adit_test=["10.2.0.2"])
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 15)
    pid = link.a.process.pid
    usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (first_free_descriptor(pid), usual[1]))
    background = BackgroundPing(link.a.host, link.b.side.addr4)  # what goes unanswered is what makes it ask
    link.b.kill()
    wait_until(lambda: "cannot make a timer: Too many open files" in link.a.log() or not link.a.process.alive, 40,
               "a to ask for the name in vain")
    assert link.a.process.alive
    lab.address(lab.b, 2, 77)
    dns.names(b_adit_test=["10.2.0.77"])
    resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
    link.b.start()
    traffic_within(link.a.host, link.b.side.addr4, 60)
    background.close()
    assert link.a.process.alive and link.a.process.pid == pid
    assert link.a.peer_endpoint() == "10.2.0.77:51820"


def test_a_reload_with_more_names_than_descriptors_changes_nothing(make):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    pid = link.a.process.pid
    usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (first_free_descriptor(pid) + 8, usual[1]))
    link.a.side.endpoint = [f"10.2.0.{number}:51820" for number in range(2, 42)]
    link.a.write_config()
    refused = link.a.adit("reload", link.a.name, check=False)
    assert refused.returncode == 1 and "39 more names in peer.endpoint" in refused.stderr
    assert ping(link.a.host, link.b.side.addr4) == 3
    resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
    assert link.a.adit("reload", link.a.name).returncode == 0
    assert ping(link.a.host, link.b.side.addr4) == 3


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["-n 400", "-S -n 400"], ids=["of_few_descriptors", "that_may_be_raised"])
def test_as_many_names_as_there_may_be_are_asked_for_at_once(named, limit):
    """Each takes a timer and a socket for each name server, none of which answers at first."""
    link, dns = named
    link.a.side.endpoint = [f"b{number}.adit.test:51820" for number in range(255)] + [f"{NAME}:51820"]
    dns.resolv_conf("".join(f"nameserver 10.1.0.{number}\n" for number in (97, 98, 99)))
    link.b.start()
    link.a.launch("sh", "-c", f'ulimit {limit} && exec "$@"', "sh")
    vain = ("Too many open files" if limit.startswith("-n") else "no name server answered")
    wait_until(lambda: vain in link.a.log() or not link.a.process.alive, 60, "names to be asked for in vain")
    assert link.a.process.alive
    dns.start().names(b_adit_test=["10.2.0.2"])
    dns.resolv_conf("nameserver 10.1.0.1\noptions timeout:1 attempts:1\n")
    wait_until(lambda: "there is no such name" in link.a.log() or not link.a.process.alive, 60, "names to be asked for")
    assert link.a.process.alive
    if limit.startswith("-S"):  # else its turn comes when others have given theirs back
        traffic_within(link.a.host, link.b.side.addr4, 60)


def test_a_name_server_at_a_link_local_address_is_asked_on_its_interface(named, lab):
    """As router advertisements have it."""
    link, dns = named
    lab.r.ip("addr", "add", "fe80::53/64", "dev", "toa", "nodad")
    dns = Dns(lab, link.a, "fe80::53%toa")
    dns.start().names(b_adit_test=["10.2.0.2"])
    dns.resolv_conf("nameserver fe80::53%eth0\noptions timeout:1 attempts:1\n")
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 15)


@pytest.mark.parametrize("at_first", ["", "nameserver 10.1.0.99\n"], ids=["empty", "of_the_network_before"])
def test_the_list_of_name_servers_may_be_written_later(named, at_first):
    """By a DHCP client or NetworkManager, once there is a network."""
    link, dns = named
    dns.start().names(b_adit_test=["10.2.0.2"])
    dns.resolv_conf(at_first)
    link.start()
    wait_until(lambda: link.a.state() == "resolving" and NAME in link.a.status()["reason"], 30, "a reason with the name")
    dns.resolv_conf("nameserver 10.1.0.1\n")
    traffic_within(link.a.host, link.b.side.addr4, 90)


@pytest.mark.parametrize("written", ["10.2.0.2", NAME], ids=["an_address", "a_name"])
def test_a_peer_with_ipv4_is_reached_through_the_networks_nat64(make, lab, written):
    """a has IPv6 alone. The translator's part is played by an address of b: what comes there has been translated."""
    link = make(calls="a", a={"endpoint": f"{written}:51820"})
    dns = Dns(lab, link.a, "fd01::1").start()
    dns.resolv_conf("nameserver fd01::1\noptions timeout:1 attempts:1\n")
    dns.names(ipv4only_arpa=["192.0.0.170", "192.0.0.171", "64:ff9b::192.0.0.170"], b_adit_test=["10.2.0.2"])
    link.a.host.ip("-4", "addr", "flush", "dev", "eth0")
    link.b.host.ip("addr", "add", "64:ff9b::10.2.0.2", "dev", "lo")
    lab.r.ip("route", "add", "64:ff9b::/96", "via", "fd02::2")
    link.start()
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert link.a.peer_endpoint() == "[64:ff9b::a02:2]:51820"
