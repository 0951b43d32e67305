# SPDX-License-Identifier: MIT
"""Traffic through a link, and what came of it: iperf3, ping, and the first packet that gets through. Every wait has an
end. Numbers are as the receiver counts them.
"""
import contextlib
import json
import math
import os
import re
import socket
import struct
import threading
import time

from lab.namespace import Failed
from lab.traffic import checksum
from lab.wait import wait_until

PING_INTERVAL = 0.002  # seconds
ATTEMPTS = 3


class Iperf:
    """One run of iperf3 from a to b, begun on construction; `result` waits for its end."""

    def __init__(self, a, b, address, seconds, *options):
        self._seconds = seconds
        self._server = b.popen("iperf3", "-s", "-1", "-B", address, "--forceflush", name="iperf3-server")
        self._client = None
        try:
            wait_until(lambda: "Server listening" in self._server.log() or not self._server.alive, 10,
                       "iperf3 to listen", interval=0.01)
            self._client = a.popen("iperf3", "-c", address, "-J", "-t", seconds, "--connect-timeout", 5000, *options,
                                   name="iperf3-client")
        except BaseException:
            self.close()
            raise

    def result(self):
        """The "end" of iperf3's report."""
        self._client.wait(self._seconds + 20)
        try:
            report = json.loads(self._client.log())
        except json.JSONDecodeError:
            report = {"error": self._client.log()}
        if "error" in report:
            raise Failed(f"iperf3: {report['error'].strip()} {self._server.log().strip()[-500:]}")
        return report["end"]

    def close(self):
        for process in (self._client, self._server):
            if process is not None:
                process.close()


@contextlib.contextmanager
def iperf(a, b, address, seconds, *options):
    run = Iperf(a, b, address, seconds, *options)
    try:
        yield run
    finally:
        run.close()


def iperf_end(a, b, address, seconds, *options):
    """A whole run. Under full load the connection iperf3 steers itself by may break: that is tried again."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with iperf(a, b, address, seconds, *options) as run:
                return run.result()
        except Failed:
            if attempt == ATTEMPTS:
                raise


def mbit_per_second(received):
    """Of one of iperf3's sums."""
    return received["bytes"] * 8 / received["seconds"] / 1e6


def ping_times(host, to, count):
    """Milliseconds of each answer to `count` echo requests, and the share that was not answered."""
    limit = math.ceil(count * PING_INTERVAL * 2 + 3)  # under load it does not keep its pace
    done = host.run("ping", "-n", "-i", PING_INTERVAL, "-c", count, "-w", limit, "-W", 1, to, check=False,
                    timeout=limit + 20)
    times = [float(time) for time in re.findall(r"time=([\d.]+) ms", done.stdout)]
    sent = re.search(r"(\d+) packets transmitted", done.stdout)
    if not times or not sent:
        raise Failed(f"ping {to}: no answer\n{done.stdout[-300:]}{done.stderr[-300:]}")
    return times, max(0.0, 1 - len(times) / int(sent[1]))


class FirstAnswer:
    """Sends echo requests from `host` every few milliseconds, from construction until one is answered. The daemons may
    not have been started by then, and the address may not exist."""
    INTERVAL = 0.005

    def __init__(self, host, to):
        self._to = to
        self._began = time.monotonic()
        self._seconds = None
        self._given_up = threading.Event()
        self._socket = host.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._socket.settimeout(self.INTERVAL)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        mark = struct.pack("!HH", os.getpid() & 0xFFFF, id(self) >> 4 & 0xFFFF)
        body = struct.pack("!BBH", 8, 0, 0) + mark
        request = struct.pack("!BBH", 8, 0, checksum(body)) + mark
        next_request = 0.0
        while not self._given_up.is_set():
            if time.monotonic() >= next_request:
                next_request = time.monotonic() + self.INTERVAL
                with contextlib.suppress(OSError):  # no route yet
                    self._socket.sendto(request, (self._to, 0))
            with contextlib.suppress(TimeoutError):
                packet = self._socket.recv(2048)
                if packet[12:16] == socket.inet_aton(self._to) and packet[20] == 0 and packet[24:28] == mark:
                    self._seconds = time.monotonic() - self._began
                    return

    def seconds(self, timeout, hope):
        """Waits for it as long as `hope()`: a daemon that has ended will not answer."""
        deadline = time.monotonic() + timeout
        while self._thread.is_alive() and time.monotonic() < deadline and hope():
            self._thread.join(0.1)
        self.close()
        if self._seconds is None:
            raise Failed(f"no answer from {self._to} in {time.monotonic() - self._began:.0f} s")
        return self._seconds

    def close(self):
        self._given_up.set()
        self._thread.join()
        self._socket.close()
