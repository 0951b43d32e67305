# SPDX-License-Identifier: MIT
"""On what it was measured: without that, numbers mean nothing."""
import os
import platform
import re
import subprocess

BUSY = 0.3  # runnable processes beside us


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


def describe():
    return {"kernel": platform.release(), "cpu": cpu_model(), "cpus": len(os.sched_getaffinity(0)),
            "load": os.getloadavg()[0], "iperf3": _first_line("iperf3", "--version"),
            "commit": os.environ.get("ADIT_COMMIT", "unknown")}


def sentences(machine):
    lines = [f"{machine['cpus']} × {machine['cpu']}, Linux {machine['kernel']}, {machine['iperf3']}, "
             f"commit {machine['commit']}"]
    if machine["load"] > BUSY:
        lines.append(f"This machine is busy with something else (load {machine['load']:.1f}): trust ratios only, "
                     "and those with care.")
    return lines
