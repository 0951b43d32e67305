# SPDX-License-Identifier: MIT
"""Traffic between namespaces: ping, echoes of every size, iperf3. What is measured is returned, not judged."""
import json
import os
import re
import signal
import socket
import struct
import threading
import time

from .namespace import Failed
from .patience import patient
from .wait import wait_until


def ping(host, to, count=3, size=56, interval=0.2, wait=20, *options):
    """How many of `count` echo requests were answered. It ends with the last answer: only those that are missing are waited
    for, for `wait` seconds."""
    done = host.run("ping", "-n", "-q", "-c", count, "-i", interval, "-W", wait, "-s", size, *options, to, check=False,
                    timeout=count * max(interval, 1) + wait + 30)
    found = re.search(r"(\d+) received", done.stdout)
    if not found:
        raise Failed(f"ping {to}: {done.stdout}{done.stderr}")
    return int(found[1])


def answers(host, to, *options):
    """One echo request, answered within a second?"""
    return host.run("ping", "-n", "-q", "-c", 1, "-W", 1, *options, to, check=False).returncode == 0


def traffic_within(host, to, timeout, needs=None):
    """Waits until a ping is answered; returns after how many seconds. Sends one every 0.1 s, since the first ones may
    be lost while a session is made. `needs`: a process without which there will be no answer."""
    process = host.popen("ping", "-n", "-D", "-i", "0.1", to, name="ping")

    def answered():
        if needs and not needs.alive:
            raise Failed(f"no answer from {to}: what it needs has ended\n{needs.log()}")
        return "bytes from" in process.log()
    try:
        return wait_until(answered, timeout, f"an answer from {to}", interval=0.02)
    finally:
        process.close()


class BackgroundPing:
    """Pings until stopped. Judged by the numbers that its requests bear: how many go out in a second is up to the machine,
    and so is how long an answer takes; but each has to come."""

    DRAIN = 10  # seconds: an answer that takes longer is lost

    def __init__(self, host, to, interval=0.2):
        self._process = host.popen("ping", "-n", "-i", interval, to, name="ping")
        self._to = to
        self._position, self._last, self._answered = 0, 0, set()

    def log(self):
        return self._process.log()

    def answered(self):
        """The numbers of the requests answered so far, from 1. In the packets they have 16 bits."""
        with open(self._process.log_file, "rb") as log:
            log.seek(self._position)
            text = log.read()
        text = text[:text.rfind(b"\n") + 1]
        self._position += len(text)
        for number in re.findall(rb"bytes from .* icmp_seq=(\d+)", text):
            self._last += (int(number) - self._last + 0x8000) % 0x10000 - 0x8000
            self._answered.add(self._last)
        return self._answered

    def sent(self):
        """How many have gone out so far: ping says so when it gets SIGQUIT."""
        # Before it catches the signal it would end without a word; its output is no sign, being kept back until an answer.
        wait_until(lambda: self._process.catches(signal.SIGQUIT), 10, "ping to begin")

        def counts():
            return re.findall(r"\d+/(\d+) packets, ", self.log())
        before = len(counts())
        self._process.send_signal(signal.SIGQUIT)
        wait_until(lambda: len(counts()) > before or not self._process.alive, 10, "ping to say how many it has sent")
        if not self._process.alive:
            raise Failed(f"ping has ended:\n{self.log()}")
        return int(counts()[-1])

    def goes_on(self, requests=1):
        """Waits until one that goes out from now on has been answered, or that many later."""
        wanted = self.sent() + requests
        wait_until(lambda: max(self.answered(), default=0) >= wanted, 10 + requests, f"answers from {self._to}", 0.02)

    def stop(self):
        """How many went out and how many were answered, with time for those on their way."""
        sent = self.sent()
        deadline = time.monotonic() + self.DRAIN
        while (received := sum(number <= sent for number in self.answered())) < sent and time.monotonic() < deadline:
            time.sleep(0.02)
        self.close()
        return sent, received

    def close(self):
        """Ends it, and asks nothing."""
        self._process.close()


class Stream:
    """A TCP connection that is kept busy until stopped. What it carries is judged, and not how fast."""

    def __init__(self, client, server, address):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._block = os.urandom(1 << 16)
        self._ending = threading.Event()
        self.sent = self.arrived = 0
        self._sound = True
        with server.socket(family, socket.SOCK_STREAM) as listener:
            self._sender = client.socket(family, socket.SOCK_STREAM)
            listener.bind((address, 0))
            listener.listen(1)
            for sock in (listener, self._sender):
                sock.settimeout(patient(30))
            self._sender.connect((address, listener.getsockname()[1]))
            self._receiver, _ = listener.accept()
        self._receiver.settimeout(patient(30))
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._send, self._receive)]
        for thread in self._threads:
            thread.start()

    def _send(self):
        with self._sender:
            try:
                while not self._ending.wait(0.001):  # which leaves the processor to others, too
                    self._sender.sendall(self._block)
                    self.sent += len(self._block)
                self._sender.shutdown(socket.SHUT_WR)
            except OSError:
                self._sound = False

    def _receive(self):
        twice = self._block * 2
        with self._receiver:
            try:
                while part := self._receiver.recv(len(self._block)):
                    at = self.arrived % len(self._block)
                    self._sound = self._sound and part == twice[at:at + len(part)]
                    self.arrived += len(part)
            except OSError:
                self._sound = False

    def goes_on(self, size=1 << 20):
        """Waits until that many more bytes have arrived."""
        wanted = self.arrived + size
        wait_until(lambda: self.arrived >= wanted or not self._sound, 20, "the connection to go on", 0.02)
        assert self._sound, "the connection is broken, or not what was sent arrived"

    def abandon(self):
        """Ends it, and does not wait for what is still to arrive: the link is gone."""
        self._ending.set()

    def stop(self):
        """Did everything arrive as it was sent?"""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        return self._sound and self.sent == self.arrived


def unanswered_sizes(host, to, sizes):
    """One echo request of each size of ICMP payload; the sizes whose answer did not come back the same."""
    v6 = ":" in to
    family, protocol, request, reply = ((socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, 129) if v6 else
                                        (socket.AF_INET, socket.IPPROTO_ICMP, 8, 0))
    missing = []
    with host.socket(family, socket.SOCK_RAW, protocol) as sock:
        sock.settimeout(patient(3))
        for size in sizes:
            payload = os.urandom(size)
            header = struct.pack("!BBHHH", request, 0, 0, os.getpid() & 0xFFFF, size)
            sum16 = 0 if v6 else checksum(header + payload)  # the kernel fills in ICMPv6's
            header = struct.pack("!BBHHH", request, 0, sum16, os.getpid() & 0xFFFF, size)
            wanted = header[4:] + payload
            sock.sendto(header + payload, (to, 0))
            try:
                while True:
                    packet = sock.recv(65536)
                    message = packet if v6 else packet[(packet[0] & 15) * 4:]
                    if message[0] == reply and message[4:] == wanted:
                        break
            except TimeoutError:
                missing.append(size)
    return missing


def checksum(data):
    """The Internet checksum (RFC 1071) of `data`."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def iperf(client, server, address, *options, size):
    """One run of iperf3 from client to server, of `size` bytes ("8M"), however long they take; the "end" of its JSON. `-R`
    turns the direction round, `-u` takes UDP."""
    listener = server.popen("iperf3", "-s", "-1", "-B", address, "--forceflush", name="iperf3")
    wait_until(lambda: "Server listening" in listener.log(), 10, "iperf3 to listen")
    done = client.run("iperf3", "-c", address, "-J", "-n", size, *options, check=False, timeout=60)
    try:
        result = json.loads(done.stdout)
    except json.JSONDecodeError:
        result = {"error": f"{done.stdout}{done.stderr}"}
    if "error" in result:
        raise Failed(f"iperf3: {result['error']}")
    listener.wait(20)
    return result["end"]


def received_bytes(end):
    """Of an iperf3 TCP run."""
    return end["sum_received"]["bytes"]


def transfer(client, server, address, size, timeout=60):
    """Sends `size` random bytes over TCP; says whether they arrived, all of them and as they were sent."""
    timeout = patient(timeout)
    data = os.urandom(size)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with server.socket(family, socket.SOCK_STREAM) as listener, client.socket(family, socket.SOCK_STREAM) as sender:
        listener.bind((address, 0))
        listener.listen(1)
        for sock in (listener, sender):
            sock.settimeout(timeout)
        sender.connect((address, listener.getsockname()[1]))
        receiver, _ = listener.accept()
        writer = threading.Thread(target=lambda: (sender.sendall(data), sender.shutdown(socket.SHUT_WR)))
        writer.start()
        with receiver:
            receiver.settimeout(timeout)
            arrived = b"".join(iter(lambda: receiver.recv(65536), b""))
        writer.join()
    return arrived == data
