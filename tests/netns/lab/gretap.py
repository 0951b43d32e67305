# SPDX-License-Identifier: MIT
"""A `gretap` in Python, for kernels without one: a TAP whose frames go into GRE packets between two addresses of this host's
tunnel, and come out of them (RFC 2784, protocol 0x6558), a frame at a time.

    python3 gretap.py DEVICE LOCAL REMOTE

What cannot be passed on is lost, as on a cable, and said: frames that come before the TAP is up (EIO), packets too large for
the tunnel, answers of ICMP to earlier ones. It ends with its TAP only.
"""
import contextlib
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
GRE = 47
IPV6_FREEBIND = 78
ETHERNET = b"\0\0\x65\x58"


@contextlib.contextmanager
def said(what):
    try:
        yield
    except OSError as error:
        print(f"{what}: {error}", flush=True)


def main(device, local, remote):
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TAP | IFF_NO_PI))
    v6 = ":" in local
    with socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_RAW, GRE) as wire:
        if v6:  # its address may still be tentative
            wire.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        wire.bind((local, 0))
        print("ready", flush=True)
        while True:
            for ready in select.select([tap, wire], [], [])[0]:
                if ready == tap:
                    frame = os.read(tap, 65536)
                    with said(f"{len(frame)} bytes for the wire"):
                        wire.sendto(ETHERNET + frame, (remote, 0))
                    continue
                with said("a packet for the TAP"):
                    packet = wire.recv(65536)
                    gre = packet if v6 else packet[(packet[0] & 15) * 4:]  # IPv6 gives no header
                    if gre[:4] == ETHERNET:
                        os.write(tap, gre[4:])


if __name__ == "__main__":
    main(*sys.argv[1:])
