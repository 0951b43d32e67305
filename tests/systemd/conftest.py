# SPDX-License-Identifier: MIT
"""Fixtures of the tests with two hosts that systemd runs. Run them as root with `scripts/test --systemd`, or:

    sudo /usr/bin/python3 -m pytest tests/systemd
    sudo ADIT_SYSTEMD_SUITE=trixie /usr/bin/python3 -m pytest tests/systemd     with a newer Debian's systemd than ours

On a machine that cannot have such hosts all of them are skipped, and the last lines say what it lacks.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "netns")]  # the namespaces and the waiting are those of tests/netns

from lab.measured import measured, pytest_terminal_summary as show_measured  # noqa: E402 (needs the path)
from lab.namespace import PREFIX, remove_leftovers  # noqa: E402 (needs the path)
from rig import host, image  # noqa: E402
from rig.pair import Pair  # noqa: E402

__all__ = ["measured"]  # for pytest to find

TOOLS = {"systemd-nspawn": "systemd-container", "mmdebstrap": "mmdebstrap", "ip": "iproute2", "nsenter": "util-linux"}
TRY_CGROUP = ("mount -t cgroup2 none /sys/fs/cgroup && mkdir /sys/fs/cgroup/adit-try-$$ && rmdir /sys/fs/cgroup/adit-try-$$ &&"
              " mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w /mnt/r &&"
              " mount -t overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w none /mnt/r && mknod /mnt/tun c 10 200")


def lacking():
    """A sentence on what this machine lacks to run the hosts; None: nothing."""
    if os.geteuid() != 0:
        return "containers need root: run scripts/test --systemd, or this with sudo"
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            return f"there is no {tool}: install the package {package} (scripts/install-packages test)"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun: load the tun module (modprobe tun), or pass the device in"
    if host.cgroup_root() is None:
        return "no cgroups of version 2 are mounted: mount -t cgroup2 none /sys/fs/cgroup/unified, or boot with them"
    tried = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", TRY_CGROUP],
                           capture_output=True, text=True)
    if tried.returncode != 0:
        return f"cgroups, overlays or devices cannot be made here, perhaps in a container: {tried.stderr.strip()}"
    return None


def remove_left_cgroups():
    for folder in host.cgroup_root().glob(f"{PREFIX}-[0-9]*"):
        if not os.path.exists(f"/proc/{folder.name.split('-')[1]}"):
            host.remove_cgroup(folder.name)


def pytest_configure(config):
    if not os.access(image.BUILD / "bin/aditd", os.X_OK):
        raise pytest.UsageError(f"{image.BUILD}/bin/aditd is missing: build preset dev first, or set ADIT_BIN_DIR")
    config.lacking = lacking()
    if config.lacking:
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # who is told to end still cleans up
    remove_leftovers()
    remove_left_cgroups()


def pytest_collection_modifyitems(config, items):
    if config.lacking:
        for item in items:
            if {"layers", "machine", "files"} & set(item.fixturenames):
                item.add_marker(pytest.mark.skip(reason=config.lacking))


@pytest.fixture(scope="session")
def layers(tmp_path_factory):
    """The folders that a host is made of."""
    try:
        debian = image.debian()
    except RuntimeError as error:
        pytest.skip(f"the hosts' Debian cannot be fetched; is there a network? {error}")
    return image.installed(tmp_path_factory.mktemp("installed"), debian), debian


@pytest.fixture
def unbooted(tmp_path, layers):
    pair = Pair(tmp_path, layers)
    yield pair
    pair.close()


@pytest.fixture
def pair(unbooted):
    return unbooted.boot()


def pytest_terminal_summary(terminalreporter):
    show_measured(terminalreporter)
    if terminalreporter.config.lacking:
        terminalreporter.section("NOT TESTED: Adit under systemd")
        terminalreporter.write_line(terminalreporter.config.lacking)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the journals of both hosts."""
    outcome = yield
    report = outcome.get_result()
    fixtures = getattr(item, "funcargs", {})
    pair = fixtures.get("unbooted") or fixtures.get("two_hosts")
    if report.when not in ("setup", "call") or not report.failed or pair is None:
        return
    for one in pair.hosts:
        if one.leader():
            journal = one.run("journalctl", "--no-pager", "-o", "short-precise", "-n", "150", check=False).stdout
            report.sections.append((f"journal of {one.label}", journal))
