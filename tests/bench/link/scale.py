# SPDX-License-Identifier: MIT
"""One real daemon that sends as fast as it can, with 1 and with 2 workers: `scripts/bench --scale`, its second half.

    host a: source → tun0 → aditd → eth0 ───┤ router: drops all but the smallest datagrams as they come in
    host b: aditd, which answers handshakes and gets nothing else

The source hands the kernel datagrams of the tunnel's size 64 KB at a time (UDP_SEGMENT), and no faster than it is told:
what it offers beyond what the daemon takes would only cost processors.
"""
import argparse
import itertools
import os
import pathlib
import signal
import socket
import statistics
import struct
import sys
import tempfile
import time

from lab.namespace import remove_leftovers
from lab.plan import make_link
from lab.topology import Lab
from lab.traffic import traffic_within

UDP_SEGMENT = 103
SIZE, SEGMENTS = 1372, 46
DROPS = """
    table netdev sink {{
        chain sink {{ type filter hook ingress device "{device}" priority 0; udp length > 400 drop; }}
    }}"""


def send(host, address, seconds, mbits, flows):
    """In a process of its own, which is what programs are."""
    pid = os.fork()
    if pid:
        return pid
    try:
        socks = [host.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(flows)]
        for sock in socks:
            sock.connect((address, 9))
        turns = itertools.cycle(socks)
        control = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", SIZE))]
        block = bytes(SIZE * SEGMENTS)
        pause = len(block) * 8 / (mbits * 1e6)
        due = begin = time.monotonic()
        while (now := time.monotonic()) < begin + seconds:
            if now < due:
                time.sleep(min(due - now, 0.0005))
                continue
            due = max(due + pause, now - 0.01)
            try:
                next(turns).sendmsg([block], control)
            except OSError:
                time.sleep(0.0002)
    finally:
        os._exit(0)


def cpu(process):
    """Seconds of processor time of all its threads."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(link, seconds, mbits, flows):
    """Gbit/s that left, and seconds of processor for a gigabyte."""
    source = send(link.a.host, link.b.side.addr4, seconds + 1, mbits, flows)
    time.sleep(0.5)
    before, used, begin = link.a.status()["traffic"]["tx"]["bytes"], cpu(link.a.process), time.monotonic()
    time.sleep(seconds)
    sent = link.a.status()["traffic"]["tx"]["bytes"] - before
    used, took = cpu(link.a.process) - used, time.monotonic() - begin
    os.waitpid(source, 0)
    return sent * 8 / took / 1e9, used / (sent / 1e9) if sent else 0.0


def set_workers(link, number):
    """By a start, which makes the interface with as many queues."""
    link.a.stop()
    # A sink answers no probe, and what is never answered would be taken for too large.
    link.a.side.more = {"tuning": {"workers": number, "path_probe": "off"}}
    link.a.start()
    traffic_within(link.a.host, link.b.side.addr4, 20)
    assert link.a.status()["workers"] == number


def print_table(samples, markdown):
    """`samples`: by workers and flows, lists of what `measure` gives."""
    medians = {case: statistics.median(gbits for gbits, _ in taken) for case, taken in samples.items()}
    if markdown:
        print("| a daemon into a sink | workers | Gbit/s | times | processor, s/GB |\n| --- | --- | --- | --- | --- |")
    else:
        print("a daemon into a sink, UDP in pieces of 64 KB")
    for (workers, flows), taken in samples.items():
        gbits = [each for each, _ in taken]
        used = statistics.median(each for _, each in taken)
        name = f"{flows} flow{'s' if flows > 1 else ''}"
        times = medians[workers, flows] / (medians[1, flows] or 1)
        spread = f"({min(gbits):.2f}..{max(gbits):.2f})"
        if markdown:
            print(f"| {name} | {workers} | {medians[workers, flows]:.2f} {spread} | {times:.2f} | {used:.2f} |")
        else:
            print(f"    {name:8}  {workers} worker{'s' if workers > 1 else ' '}  {medians[workers, flows]:6.2f} Gbit/s"
                  f" {spread}  {times:4.2f} times  {used:.2f} s of processor a gigabyte")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench --scale")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--markdown", action="store_true", help="a table for docs/performance.md")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--mbits", type=int, default=20_000, help="offered by the source")
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.quick else 5)
    seconds = options.seconds or (1 if options.quick else 3)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    remove_leftovers()
    with tempfile.TemporaryDirectory(prefix="adit-scale-") as directory:
        lab = Lab(pathlib.Path(directory))
        try:
            link = make_link(lab)
            link.start()
            traffic_within(link.a.host, link.b.side.addr4, 10)
            lab.r.nft(DROPS.format(device="toa"))
            samples = {(workers, flows): [] for flows in (1, 16) for workers in (1, 2)}
            for _ in range(rounds):
                for workers in (1, 2):
                    set_workers(link, workers)
                    for flows in (1, 16):
                        samples[workers, flows].append(measure(link, seconds, options.mbits, flows))
        finally:
            lab.close()
    print_table(samples, options.markdown)
    processors = len(os.sched_getaffinity(0))
    if processors < 3:
        print(f"    with {processors} processors the source has none of its own: with two workers there are three at work")
    return 0


if __name__ == "__main__":
    sys.exit(main())
