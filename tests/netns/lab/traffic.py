# SPDX-License-Identifier: MIT
"""Traffic between namespaces: ping, echoes of every size, iperf3. What is measured is returned, not judged."""
import json
import os
import re
import signal
import socket
import struct
import threading

from .namespace import Failed
from .wait import wait_until


def ping(host, to, count=3, size=56, interval=0.2, wait=2, *options):
    """How many of `count` echo requests were answered."""
    done = host.run("ping", "-n", "-q", "-c", count, "-i", interval, "-W", wait, "-s", size, *options, to, check=False,
                    timeout=count * max(interval, 1) + wait + 30)
    found = re.search(r"(\d+) received", done.stdout)
    if not found:
        raise Failed(f"ping {to}: {done.stdout}{done.stderr}")
    return int(found[1])


def answers(host, to, *options):
    """One echo request, answered within a second?"""
    return host.run("ping", "-n", "-q", "-c", 1, "-W", 1, *options, to, check=False).returncode == 0


def traffic_within(host, to, timeout):
    """Waits until a ping is answered; returns after how many seconds. Sends one every 0.1 s, since the first ones may
    be lost while a session is made."""
    process = host.popen("ping", "-n", "-D", "-i", "0.1", to, name="ping")
    try:
        return wait_until(lambda: "bytes from" in process.log(), timeout, f"an answer from {to}", interval=0.02)
    finally:
        process.close()


class BackgroundPing:
    """Pings until stopped; then says how many went out and how many came back."""

    def log(self):
        return self._process.log()

    def __init__(self, host, to, interval=0.2):
        self._process = host.popen("ping", "-n", "-i", interval, to, name="ping")

    def stop(self):
        # Before it catches the signal it would end without a word; its output is no sign, being kept back until an answer.
        wait_until(lambda: self._process.catches(signal.SIGINT), 10, "ping to begin")
        self._process.stop(signal.SIGINT)
        log = self._process.log()
        found = re.search(r"(\d+) packets transmitted, (\d+) received", log)
        if not found:
            raise Failed(f"ping said nothing:\n{log}")
        sent, received = int(found[1]), int(found[2])
        # The answer to the very last one may still have been on its way.
        last_is_open = not re.search(rf"icmp_seq={sent} (ttl|hop)", log)
        return sent - last_is_open, received


def unanswered_sizes(host, to, sizes):
    """One echo request of each size of ICMP payload; the sizes whose answer did not come back the same."""
    v6 = ":" in to
    family, protocol, request, reply = ((socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, 129) if v6 else
                                        (socket.AF_INET, socket.IPPROTO_ICMP, 8, 0))
    missing = []
    with host.socket(family, socket.SOCK_RAW, protocol) as sock:
        sock.settimeout(3)
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


def iperf(client, server, address, *options, seconds=2):
    """One run of iperf3 from client to server; the "end" of its JSON. `-R` turns the direction round, `-u` takes UDP."""
    listener = server.popen("iperf3", "-s", "-1", "-B", address, "--forceflush", name="iperf3")
    wait_until(lambda: "Server listening" in listener.log(), 10, "iperf3 to listen")
    done = client.run("iperf3", "-c", address, "-J", "-t", seconds, *options, check=False,
                      timeout=seconds + 60)
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
