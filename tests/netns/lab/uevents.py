# SPDX-License-Identifier: MIT
"""What a kernel says of its devices, said by somebody with enough rights: it hands that on to all who listen for uevents in
that namespace."""
import sys

SEND = """
import socket, struct, sys
uevent = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)  # NETLINK_KOBJECT_UEVENT
uevent.bind((0, 0))
lines = b"".join(line.encode() + bytes(1) for line in sys.argv[1:])
uevent.sendto(struct.pack("=IHHII", 16 + len(lines), 16, 1, 1, 0) + lines, (0, 0))
"""


def send_uevent(host, *lines):
    host.run(sys.executable, "-c", SEND, *lines)


def clone(host):
    """A virtual machine that was cloned, or put back to a snapshot."""
    send_uevent(host, "change@/devices/platform/vmgenid", "ACTION=change", "NEW_VMGENID=1")
