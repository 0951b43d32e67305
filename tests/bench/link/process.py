# SPDX-License-Identifier: MIT
"""What the kernel knows about a daemon: processor time and memory, of all its threads together."""
import os
import re

_TICK = 1 / os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time since it began. Work the kernel does for a packet in an interrupt counts for whoever happens
    to run then, as everywhere."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()  # the name before it may contain anything
    return (int(fields[11]) + int(fields[12])) * _TICK


def memory_mib(pid):
    """(the most that was resident at any time, what is now)"""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        status = file.read()
    return tuple(int(re.search(rf"^{key}:\s*(\d+) kB", status, re.MULTILINE)[1]) / 1024 for key in ("VmHWM", "VmRSS"))
