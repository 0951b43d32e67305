# SPDX-License-Identifier: MIT
"""On what it was measured: without that, numbers mean nothing."""
import os
import platform
import re
import subprocess
import time

BUSY = 0.05  # of all processor time


def _first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except OSError:
        return ""
    return (done.stdout or done.stderr).partition("\n")[0]


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^(?:model name|Model|Processor)\s*:\s*(.+)$", file.read(), re.MULTILINE)
    return found[1] if found else platform.machine()


def busy_share(seconds=1.0):
    """Of processor time, now, while we do nothing: what others take, on this machine or, if it is a virtual one, on the
    one below it. Not the load average, which remembers the build before this run."""
    idle, total = _processor_time()
    time.sleep(seconds)
    idle_later, total_later = _processor_time()
    return 1 - (idle_later - idle) / max(1, total_later - total)


def _processor_time():
    """(idle, all) in ticks"""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]  # what follows is contained in these
    return ticks[3] + ticks[4], sum(ticks)


def describe():
    return {"kernel": platform.release(), "cpu": cpu_model(), "cpus": len(os.sched_getaffinity(0)),
            "busy": round(busy_share(), 3), "iperf3": _first_line("iperf3", "--version"),
            "commit": os.environ.get("ADIT_COMMIT", "unknown")}


def sentences(machine):
    lines = [f"{machine['cpus']} × {machine['cpu']}, Linux {machine['kernel']}, {machine['iperf3']}, "
             f"commit {machine['commit']}"]
    if machine["busy"] > BUSY:
        lines.append(f"Something else took {machine['busy'] * 100:.0f} % of this machine when the run began: trust "
                     "ratios only, and those with care.")
    return lines
