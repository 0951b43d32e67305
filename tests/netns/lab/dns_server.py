#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A name server for tests: dns_server.py ADDRESS TABLE, on UDP port 53. The table (JSON, {name: [address, …]}) is read
anew for each question, so that a test changes it while the server runs. Names not in it do not exist.
"""
import ipaddress
import json
import socket
import struct
import sys

A, AAAA = 1, 28


def answer(query, table):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    question = query[12:at + 5]
    kind, = struct.unpack_from("!H", query, at + 1)
    known = table.get(".".join(labels).lower())
    addresses = [ipaddress.ip_address(text) for text in known or []]
    records = [address.packed for address in addresses if (address.version == 4) == (kind == A) and kind in (A, AAAA)]
    code = 0 if known is not None else 3
    # Response, authoritative, recursion as asked for and available.
    flags = 0x8480 | query[2] << 8 & 0x0100 | code
    header = query[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
    body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 1, len(record)) + record for record in records)
    return header + question + body


def main():
    address, table = sys.argv[1:]
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(socket.getaddrinfo(address, 53, type=socket.SOCK_DGRAM)[0][4])  # with its interface
        print("ready", flush=True)
        while True:
            query, client = sock.recvfrom(4096)
            with open(table, encoding="utf-8") as file:
                sock.sendto(answer(query, json.load(file)), client)


main()
