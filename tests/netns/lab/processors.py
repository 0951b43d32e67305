# SPDX-License-Identifier: MIT
"""How many threads that move packets a daemon of the tests may have: no more than processors (daemon/path/processors.h).
"""
import os
import pathlib


def usable():
    """By the affinity, and by the quotas of the control groups we are in, seen by the daemon or not."""
    count = len(os.sched_getaffinity(0))
    place = pathlib.Path("/sys/fs/cgroup")
    group = next((line[4:] for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines()
                  if line.startswith("0::/")), "")
    for part in ("", *group.split("/")):
        place /= part
        try:
            quota, period = (place / "cpu.max").read_text().split()
        except OSError:
            continue
        if quota != "max":
            count = min(count, max(int(quota) // int(period), 1))
    return count


SEVERAL = min(3, usable())  # three, where there are as many processors
