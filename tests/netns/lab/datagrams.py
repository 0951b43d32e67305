# SPDX-License-Identifier: MIT
"""The attacker on the path: sees the UDP datagrams that cross one leg of the router, and puts datagrams of his own there,
old ones, altered ones, or garbage at a given rate.
"""
import dataclasses
import hashlib
import os
import socket
import struct
import threading
import time

from .traffic import checksum
from .wait import wait_until

ETH_P_ALL = 0x0003
ETHERNET = 14


@dataclasses.dataclass(frozen=True)
class Datagram:
    """`headers` are those below UDP, from Ethernet up."""
    headers: bytes
    source_port: int
    port: int
    payload: bytes

    @staticmethod
    def parse(frame):
        """None for what is no whole UDP datagram."""
        kind = frame[12:14]
        if kind == b"\x08\x00" and frame[ETHERNET + 9] == socket.IPPROTO_UDP:
            at = ETHERNET + (frame[ETHERNET] & 15) * 4
        elif kind == b"\x86\xdd" and frame[ETHERNET + 6] == socket.IPPROTO_UDP:
            at = ETHERNET + 40
        else:
            return None
        source_port, port, length = struct.unpack_from("!HHH", frame, at)
        if at + length > len(frame):
            return None
        return Datagram(frame[:at], source_port, port, frame[at + 8:at + length])

    def frame(self):
        """With lengths and checksums computed afresh: a veth leaves them to hardware that does not exist."""
        length = 8 + len(self.payload)
        headers = bytearray(self.headers)
        ip = memoryview(headers)[ETHERNET:]
        if ip[0] >> 4 == 4:
            struct.pack_into("!H", ip, 2, len(ip) + length)
            struct.pack_into("!H", ip, 10, 0)
            struct.pack_into("!H", ip, 10, checksum(bytes(ip)))
            pseudo = bytes(ip[12:20])
        else:
            struct.pack_into("!H", ip, 4, length)
            pseudo = bytes(ip[8:40])
        udp = struct.pack("!HHHH", self.source_port, self.port, length, 0) + self.payload
        total = checksum(pseudo + struct.pack("!IHH", length, 0, socket.IPPROTO_UDP) + udp) or 0xFFFF
        return bytes(headers) + udp[:6] + struct.pack("!H", total) + udp[8:]

    def with_payload(self, payload):
        return dataclasses.replace(self, payload=bytes(payload))

    @property
    def type(self):
        """Of a WireGuard message: 1 initiation, 2 response, 3 cookie reply, 4 transport data."""
        return self.payload[0]


class Tap:
    """On one interface of a namespace. Keeps every frame that crosses it, and finds the datagrams to `port` in them."""

    def __init__(self, namespace, interface, port):
        self._socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.bind((interface, 0))
        self._socket.setblocking(False)
        self._port = port
        self._frames = []

    def close(self):
        self._socket.close()

    def frames(self):
        """(left the namespace here, the bytes from Ethernet up) of all so far, in order."""
        while True:
            try:
                frame, (_, _, kind, *_) = self._socket.recvfrom(65536)
            except BlockingIOError:
                return self._frames
            self._frames.append((kind == socket.PACKET_OUTGOING, frame))

    def seen(self):
        """The messages to the port so far that left the namespace here."""
        datagrams = [Datagram.parse(frame) for left, frame in self.frames() if left]
        return [d for d in datagrams if d is not None and d.port == self._port and d.payload]

    def wait_for(self, type, count=1, timeout=10):
        """The datagrams of a message type that left here, at least `count` of them."""
        wait_until(lambda: sum(d.type == type for d in self.seen()) >= count, timeout, f"{count} messages of type {type}")
        return [d for d in self.seen() if d.type == type]

    def wait_for_silence(self):
        """Until no timer of an idle end without keepalives makes it send: whoever received last owes a sign of life after
        10 s, and the ends may have asked each other something, too."""
        last = (len(self.seen()), time.monotonic())

        def silent():
            nonlocal last
            if len(self.seen()) != last[0]:
                last = (len(self.seen()), time.monotonic())
            return time.monotonic() - last[1] > 15
        wait_until(silent, 60, "the link to fall silent")

    def send(self, datagram):
        self._socket.send(datagram.frame())


def valid_mac1(message, public_key):
    """`message` less its two MACs, with a mac1 that the owner of `public_key` (bytes) takes, and no mac2 (§5.4.4)."""
    key = hashlib.blake2s(b"mac1----" + public_key).digest()
    return message + hashlib.blake2s(message, key=key, digest_size=16).digest() + bytes(16)


class Flood:
    """Datagrams from a host to (address, port), so many a second, until stopped. `payloads` are sent in turn; what comes
    back is kept in `replies`."""

    def __init__(self, host, address, port, payloads, rate):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = host.socket(family, socket.SOCK_DGRAM)
        self._socket.connect((address, port))
        self._payloads, self._rate = payloads, rate
        self._stopped = threading.Event()
        self._socket.setblocking(False)
        self.sent = 0
        self.replies = []
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stopped.wait(0.005):
            due = int((time.monotonic() - self._began) * self._rate)
            while self.sent < due:
                try:
                    self._socket.send(self._payloads[self.sent % len(self._payloads)])
                except OSError:
                    pass  # an ICMP error that came back, or a full queue: the flood goes on
                self.sent += 1
            try:
                while True:
                    self.replies.append(self._socket.recv(65536))
            except OSError:
                pass  # nothing more to read

    def stop(self):
        """Datagrams a second, on average."""
        self._stopped.set()
        self._thread.join()
        self._socket.close()
        return self.sent / (time.monotonic() - self._began)


def garbage(count=500):
    """Random bytes of many sizes; half of them look like a message of one of the four types, of the right size."""
    sizes = {1: 148, 2: 92, 3: 64, 4: 112}
    payloads = []
    for number in range(count):
        if number % 2:
            payloads.append(os.urandom(number % 1400 + 1))
        else:
            type = number // 2 % 4 + 1
            payloads.append(bytes([type, 0, 0, 0]) + os.urandom(sizes[type] - 4))
    return payloads
