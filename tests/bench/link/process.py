# SPDX-License-Identifier: MIT
"""What the kernel knows about a daemon: processor time and memory, of all its threads together; and about the network
namespace it is in.
"""
import os
import re

_TICK = 1 / os.sysconf("SC_CLK_TCK")


def _read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def cpu_seconds(pid):
    """User and system time since it began. Work the kernel does for a packet in an interrupt counts for whoever happens
    to run then, as everywhere."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()  # the name before it may contain anything
    return (int(fields[11]) + int(fields[12])) * _TICK


def memory_mib(pid):
    """(the most that was resident at any time, what is now)"""
    status = _read(f"/proc/{pid}/status")
    return tuple(int(re.search(rf"^{key}:\s*(\d+) kB", status, re.MULTILINE)[1]) / 1024 for key in ("VmHWM", "VmRSS"))


def unread_datagrams(pid):
    """How many UDP datagrams have reached the namespace of `pid` and were dropped there since whoever was to read them
    came too late; without those of sockets that are open now, as the daemon's own is."""
    snmp = _read(f"/proc/{pid}/net/snmp")
    names, values = (line.split() for line in snmp.splitlines() if line.startswith("Udp:"))
    still_open = sum(int(line.split()[-1]) for family in ("udp", "udp6")
                     for line in _read(f"/proc/{pid}/net/{family}").splitlines()[1:])
    return int(values[names.index("RcvbufErrors")]) - still_open
