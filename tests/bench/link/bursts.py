# SPDX-License-Identifier: MIT
"""What bursts do to a link: `scripts/bench --bursts`. Loads that hand the interface more packets at once than its queue
may hold, with a ping beside each, over variants in turns: lengths of the queue (interface.queue_length), other builds of
Adit, and wireguard-go.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shlex
import signal
import sys
import tempfile
import time

from lab.namespace import Failed, remove_leftovers

from . import bursts_table, machine, peers, process, traffic
from .figures import Figure, median, percentile
from .measures import Measure
from .peers.adit import Adit
from .runner import Runner, say
from .samples import Samples, write_json
from .wire import KINDS, MTU, NO_SEGMENTATION, VETH

QUEUES = (500, 1000, 2000, 4000)
VXLAN_IN_FRONT = 50  # IPv4, UDP, VXLAN, Ethernet
UDP_SIZE, UDP_BURST, UDP_RATE = 1300, 1000, "300M"


class Variant(Adit):
    """Adit with a queue of that length, from that folder of programs."""

    def __init__(self, name, queue, folder=None):
        super().__init__()
        self.name = name
        self._queue = queue
        if folder is not None:
            self.bin = folder

    def interface(self, end):
        return {**super().interface(end), "queue_length": self._queue}


def _dropped(link):
    """Packets that found no room in the interface's queue, so far, at either end."""
    return [json.loads(end.host.ip("-s", "-j", "link", "show", "dev", end.device))[0]["stats64"]["tx"]["dropped"]
            for end in (link.a, link.b)]


def _beside_pings(name, link, address, seconds, *options):
    """iperf3's report of a load to `address`, and what the link did meanwhile."""
    before, began = _dropped(link), time.monotonic()
    with traffic.iperf(link.a.host, link.b.host, address, seconds, *options) as load:
        time.sleep(min(0.5, seconds / 4))  # until the streams have their speed
        times, lost = traffic.ping_times(link.a.host, link.b.inner4, int(seconds / 2 / traffic.PING_INTERVAL))
        end = load.result()
    return end, {f"{name}_dropped": bursts_table.rate(before, _dropped(link), time.monotonic() - began),
                 f"{name}_ping": median(times) * 1e3, f"{name}_p99": percentile(times, 99) * 1e3,
                 f"{name}_unanswered": lost * 100}


def _again(action):
    """Under full load the connection iperf3 steers itself by may break: that is tried again."""
    for attempt in range(1, traffic.ATTEMPTS + 1):
        try:
            return action()
        except Failed:
            if attempt == traffic.ATTEMPTS:
                raise


def _tcp(name, streams):
    def run(link, seconds):
        return _again(lambda: _tcp_once(name, link, link.b.inner4, seconds, streams))
    return run


def _tcp_once(name, link, address, seconds, streams):
    end, values = _beside_pings(name, link, address, seconds, "-P", streams)
    sent = end["sum_sent"]
    return {name: traffic.mbit_per_second(end["sum_received"]), f"{name}_again": sent["retransmits"] / sent["seconds"],
            **values}


@contextlib.contextmanager
def _vxlan(link):
    """One through the link; yields b's address in it."""
    inside = [end.inner4.replace("10.9.", "10.20.", 1) for end in (link.a, link.b)]
    with contextlib.ExitStack() as made:
        for end, address in zip((link.a, link.b), inside):
            device = f"vx{end.device}"
            end.host.ip("link", "add", device, "type", "vxlan", "id", str(end.port), "local", end.inner4, "remote",
                        end.peer_inner4, "dstport", "4789", "dev", end.device)
            made.callback(end.host.ip, "link", "del", device, check=False)
            end.host.ip("addr", "add", f"{address}/{end.INNER4_PREFIX}", "dev", device)
            end.host.ip("link", "set", device, "mtu", str(MTU - VXLAN_IN_FRONT), "up")
        yield inside[1]


def _vxlan_tcp(name, streams):
    def run(link, seconds):
        with _vxlan(link) as address:
            return _again(lambda: _tcp_once(name, link, address, seconds, streams))
    return run


def _udp(name):
    def once(link, seconds):
        unread = process.unread_datagrams(link.pids[1])
        end, values = _beside_pings(name, link, link.b.inner4, seconds, "-u", "-l", UDP_SIZE, "-b",
                                    f"{UDP_RATE}/{UDP_BURST}")
        unread = process.unread_datagrams(link.pids[1]) - unread
        got, sent = end["sum_received"], end["sum_sent"]["packets"]
        carried = got["bytes"] + unread * UDP_SIZE
        return {name: carried * 8 / got["seconds"] / 1e6,
                f"{name}_lost": bursts_table.share_lost(sent, got["bytes"] / UDP_SIZE, unread), **values}
    return lambda link, seconds: _again(lambda: once(link, seconds))


def _lower(key, title, unit="", decimals=0):
    return Figure(key, title, unit, higher_is_better=False, decimals=decimals)


def _load(name, title, run, loss):
    return Measure(name, (Figure(name, title, "Mbit/s"), loss, _lower(f"{name}_dropped", "dropped/s"),
                          _lower(f"{name}_ping", "ping", "µs"), _lower(f"{name}_p99", "99 %", "µs"),
                          _lower(f"{name}_unanswered", "unanswered", "%", 1)), run, KINDS)


def _tcp_load(name, title, run):
    return _load(name, title, run, _lower(f"{name}_again", "sent again/s"))


LOADS = (
    _tcp_load("tcp64", "64 TCP streams", _tcp("tcp64", 64)),
    _tcp_load("vxlan1", "a TCP stream in VXLAN", _vxlan_tcp("vxlan1", 1)),
    _tcp_load("vxlan16", "16 TCP streams in VXLAN", _vxlan_tcp("vxlan16", 16)),
    _load("udp", f"UDP, {UDP_RATE}bit/s, {UDP_BURST} at once", _udp("udp"), _lower("udp_lost", "lost", "%", 2)),
    _tcp_load("tcp1", "a TCP stream", _tcp("tcp1", 1)),
)
NAMES = tuple(load.name for load in LOADS)


def numbers(text):
    return [int(each) for each in text.split(",")]


def build(text):
    name, _, folder = text.partition("=")
    if not name or "/" in name or not folder:
        raise argparse.ArgumentTypeError(f"`{text}` is not NAME=FOLDER: name=/path/to/build/bin")
    return name, pathlib.Path(folder).resolve()


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench --bursts", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of one second each: does it work at all?")
    parser.add_argument("--rounds", type=int, metavar="N", help="default 3")
    parser.add_argument("--seconds", type=int, metavar="N", help="a measurement; default 4")
    parser.add_argument("--queues", type=numbers, metavar="N,…", default=list(QUEUES),
                        help="lengths of the interface's queue; the first one is what all else is compared with")
    parser.add_argument("--build", type=build, action="append", default=[], metavar="NAME=FOLDER",
                        help="another build of Adit, measured with the first of --queues; more than once")
    parser.add_argument("--only", nargs="+", metavar="LOAD", choices=NAMES, default=NAMES, help=", ".join(NAMES))
    parser.add_argument("--no-segmentation", action="store_true", help="every datagram crosses the cable alone")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", default="build/bench/bursts.json")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.seconds = options.seconds or (1 if options.quick else 4)
    options.wires = (NO_SEGMENTATION if options.no_segmentation else VETH,)
    return options


def makers(options):
    """{name: how to make it}, of those that can be measured; says what is missing."""
    found = {f"queue {queue}": lambda name, queue=queue: Variant(name, queue) for queue in options.queues}
    found |= {name: lambda name, folder=folder: Variant(name, options.queues[0], folder) for name, folder in options.build}
    found["wireguard-go"] = peers.make
    versions = {}
    for name in list(found):
        peer = found[name](name)
        if lacking := peer.missing():
            say(lacking)
            if name != "wireguard-go":
                sys.exit(1)
            del found[name]
        else:
            versions.setdefault(peer.version(), []).append(name)
    for version, those in versions.items():
        say(f"{', '.join(those)}: {version}")
    return found


def main():
    options = arguments()
    if os.geteuid() != 0:
        sys.exit("making network namespaces needs root: run scripts/bench, which asks sudo, or this as root")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    remove_leftovers()
    here = machine.describe()
    say("\n".join(machine.sentences(here)))
    variants = makers(options)
    loads = [load for load in LOADS if load.name in options.only]
    samples = Samples()
    with tempfile.TemporaryDirectory(prefix="adit-bench-") as directory:
        with contextlib.suppress(KeyboardInterrupt):  # what there is so far
            Runner(options, list(variants), loads, samples, pathlib.Path(directory),
                   make=lambda name: variants[name](name)).run()
    write_json(options.json, {"machine": here, "command": shlex.join(["scripts/bench", "--bursts", *sys.argv[1:]]),
                              "rounds": options.rounds, "seconds_each": options.seconds, "samples": samples.records,
                              "failures": samples.failures})
    print("\n".join(["", *machine.sentences(here), f"cable: {options.wires[0]}", "",
                     *bursts_table.render(samples, options.wires[0], list(variants), loads)]))
    print(f"Every sample is in {options.json}.")
    return 1 if samples.failures else 0


if __name__ == "__main__":
    sys.exit(main())
