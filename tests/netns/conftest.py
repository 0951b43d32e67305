# SPDX-License-Identifier: MIT
"""Fixtures of the namespace tests. Run them as root with `scripts/test --netns`, or:

    sudo /usr/bin/python3 -m pytest tests/netns -n 4 --dist loadgroup     all of them, four at a time
    sudo /usr/bin/python3 -m pytest tests/netns --reference those that any WireGuard implementation must pass, with
                                                            wireguard-go at both ends: a check of the tests themselves
"""
import os
import signal
import tempfile

import pytest

from lab import ends
from lab.lans import bridged
from lab.measured import measured, pytest_terminal_summary
from lab.namespace import remove_leftovers
from lab.plan import make_link
from lab.topology import Lab

__all__ = ["measured", "pytest_terminal_summary"]  # for pytest to find


def pytest_addoption(parser):
    parser.addoption("--reference", action="store_true", help="wireguard-go at both ends, tests of Adit's own left out")


def pytest_configure(config):
    if os.geteuid() != 0:
        raise pytest.UsageError("network namespaces need root: run scripts/test --netns, or this with sudo")
    if not config.getoption("--reference") and not os.access(ends.ADITD, os.X_OK):
        raise pytest.UsageError(f"{ends.ADITD} is missing: build preset dev first, or set ADIT_BIN_DIR")
    # A worker that is told to end still removes its namespaces.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A shell that starts us in the background has it ignored, and so would be whom our tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    remove_leftovers()


def pytest_unconfigure():
    remove_leftovers()


def pytest_collection_modifyitems(config, items):
    # The longest first, so that they do not run alone at the end.
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    if config.getoption("--reference"):
        items[:] = [item for item in items if not item.get_closest_marker("adit_only")]
    # What a kernel does is tried on those that do it: scripts/other-kernel.
    lacking = [item for item in items for mark in item.iter_markers("kernel_with") if not all(map(ends.kernel_has, mark.args))]
    items[:] = [item for item in items if item not in lacking]
    config.hook.pytest_deselected(items=lacking)


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path)
    yield lab
    lab.close()


@pytest.fixture
def make(lab, request):
    """make(...) lays out a link in the lab; see lab.plan.make_link."""
    def make(kinds=("adit", "adit"), **options):
        if request.config.getoption("--reference"):
            kinds = ("go", "go")
        return make_link(lab, kinds, **options)
    return make


@pytest.fixture
def lans(make, lab):
    """lans(…): two LANs that a link makes one, as lab.lans.bridged has them."""
    def lans(a=None, b=None, **options):
        return bridged(make, lab, a, b, **options)
    return lans


@pytest.fixture
def stopped(make):
    """stopped(FIELDS…): an end with a file and without a daemon."""
    def stopped(**side):
        end = make(a=side).a
        end.write_config()
        return end
    return stopped


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what both ends had to say and how their interfaces looked."""
    outcome = yield
    report = outcome.get_result()
    lab = getattr(item, "funcargs", {}).get("lab")
    if report.when != "call" or not report.failed or lab is None:
        return
    for end in lab.ends:
        report.sections.append((f"{end.program} on {end.side.label}", end.log()[-20000:]))
        report.sections.append((f"interfaces of {end.side.label}", end.host.ip("-brief", "addr", check=False)))


@pytest.fixture
def public_directory():
    """A directory that other users can enter, unlike the tests' own."""
    with tempfile.TemporaryDirectory(prefix="adit-test-", dir="/var/tmp") as directory:
        os.chmod(directory, 0o755)
        yield directory
