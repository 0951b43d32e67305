# SPDX-License-Identifier: MIT
"""What is measured. Each measure is a function of a running link and of how long it may take, and yields figures by
their keys. docs/benchmarking.md says what they mean; a new one stands in MEASURES and in its FIGURES.
"""
import dataclasses
import time

from . import process, traffic
from .figures import Figure, median, percentile
from .wire import NO_SEGMENTATION, VETH

UDP_SIZES = (64, 512, 1300)
STATUS_INTERVAL = 0.01  # seconds


@dataclasses.dataclass
class Link:
    """A competitor's link that is up."""
    peer: object
    a: object  # End
    b: object
    pids: tuple
    start_seconds: float


@dataclasses.dataclass(frozen=True)
class Measure:
    name: str
    figures: tuple
    run: object             # (link, seconds) -> {figure's key: value}
    wires: tuple = (VETH,)
    only: str = None        # the one competitor that has it


def _tcp(link, seconds):
    before = [process.cpu_seconds(pid) for pid in link.pids]
    end = traffic.iperf_end(link.a.host, link.b.host, link.b.inner4, seconds)
    used = [process.cpu_seconds(pid) - earlier for pid, earlier in zip(link.pids, before)]
    gigabytes = end["sum_received"]["bytes"] / 1e9
    return {"tcp": traffic.mbit_per_second(end["sum_received"]), "cpu_sender": used[0] / gigabytes,
            "cpu_receiver": used[1] / gigabytes}


def _tcp8(link, seconds):
    end = traffic.iperf_end(link.a.host, link.b.host, link.b.inner4, seconds, "-P", 8)
    return {"tcp8": traffic.mbit_per_second(end["sum_received"])}


def _bidir(link, seconds):
    end = traffic.iperf_end(link.a.host, link.b.host, link.b.inner4, seconds, "--bidir")
    return {"bidir": sum(traffic.mbit_per_second(end[key]) for key in ("sum_received", "sum_received_bidir_reverse"))}


def _ipv6(link, seconds):
    end = traffic.iperf_end(link.a.host, link.b.host, link.b.inner6, seconds)
    return {"ipv6": traffic.mbit_per_second(end["sum_received"])}


def _udp(size):
    def run(link, seconds):
        unread = process.unread_datagrams(link.pids[1])
        end = traffic.iperf_end(link.a.host, link.b.host, link.b.inner4, seconds, "-u", "-b", 0, "-l", size)
        unread = process.unread_datagrams(link.pids[1]) - unread
        received = end["sum_received"]["bytes"] / size
        thousands = end["sum_received"]["seconds"] * 1e3
        return {f"udp{size}": received / thousands, f"udp{size}_carried": (received + unread) / thousands,
                f"udp{size}_offered": end["sum_sent"]["packets"] / thousands}
    return run


def _ping_figures(prefix, times, lost):
    return {prefix: median(times) * 1e3, f"{prefix}_p99": percentile(times, 99) * 1e3, f"{prefix}_lost": lost * 100}


def _ping(link, seconds):
    count = min(1000, int(seconds / 2 / traffic.PING_INTERVAL))
    return _ping_figures("ping", *traffic.ping_times(link.a.host, link.b.inner4, count))


def _ping_load(link, seconds):
    with traffic.iperf(link.a.host, link.b.host, link.b.inner4, seconds) as load:
        time.sleep(min(0.5, seconds / 4))  # until the stream has its speed
        count = int(seconds / 2 / traffic.PING_INTERVAL)
        times, lost = traffic.ping_times(link.a.host, link.b.inner4, count)
        load.result()
    return _ping_figures("ping_load", times, lost)


def _status(link, seconds):
    """Of both ends in turn."""
    times = []
    with traffic.iperf(link.a.host, link.b.host, link.b.inner4, seconds) as load:
        time.sleep(min(0.5, seconds / 4))
        until = time.monotonic() + seconds / 2
        while time.monotonic() < until:
            for end in (link.a, link.b):
                began = time.monotonic()
                link.peer.ask_status(end)
                times.append(time.monotonic() - began)
                time.sleep(STATUS_INTERVAL)
        load.result()
    return {"status": median(times) * 1e6, "status_p99": percentile(times, 99) * 1e6}


def _memory(link, _seconds):
    """Of the end that needs more."""
    peak, now = zip(*(process.memory_mib(pid) for pid in link.pids))
    return {"memory_peak": max(peak), "memory": max(now)}


def _start(link, _seconds):
    return {"start": link.start_seconds}


def _lower(key, title, unit, decimals=0):
    return Figure(key, title, unit, higher_is_better=False, decimals=decimals)


MEASURES = (
    Measure("tcp", (Figure("tcp", "TCP, one stream", "Mbit/s"),
                    _lower("cpu_sender", "  processor time, sender", "s/GB", 2),
                    _lower("cpu_receiver", "  processor time, receiver", "s/GB", 2)), _tcp, (VETH, NO_SEGMENTATION)),
    Measure("tcp8", (Figure("tcp8", "TCP, eight streams", "Mbit/s"),), _tcp8),
    Measure("bidir", (Figure("bidir", "TCP, both ways at once", "Mbit/s"),), _bidir),
    Measure("ipv6", (Figure("ipv6", "TCP over IPv6", "Mbit/s"),), _ipv6),
    *(Measure(f"udp{size}", (Figure(f"udp{size}", f"UDP, {size} bytes, received", "kpps", decimals=1),
                               Figure(f"udp{size}_carried", "  carried by the link", "kpps", decimals=1)), _udp(size),
              (VETH, NO_SEGMENTATION) if size == UDP_SIZES[0] else (VETH,)) for size in UDP_SIZES),
    Measure("ping", (_lower("ping", "ping, idle", "µs"), _lower("ping_p99", "  99th percentile", "µs")), _ping),
    Measure("ping-load", (_lower("ping_load", "ping beside a TCP stream", "µs"),
                          _lower("ping_load_p99", "  99th percentile", "µs")), _ping_load),
    Measure("status", (_lower("status", "status request under load", "µs"),
                       _lower("status_p99", "  99th percentile", "µs")), _status, only="adit"),
    Measure("start", (_lower("start", "start to first answer", "s", 3),), _start),
    # The last one: what all of the above made it need.
    Measure("memory", (_lower("memory_peak", "memory, the most", "MiB", 1),
                       _lower("memory", "memory, at the end", "MiB", 1)), _memory),
)
NAMES = tuple(measure.name for measure in MEASURES)
