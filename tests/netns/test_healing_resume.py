# SPDX-License-Identifier: MIT
"""A host that was suspended, or a daemon that was stopped, for longer than a session lasts: traffic is back with the
first round trip, though all that came meanwhile lies in its sockets. (A clock that jumps, unit tests show: namespaces
have none of their own.)
"""
import signal
import time

import pytest

from lab.traffic import BackgroundPing, traffic_within
from lab.uevents import clone, send_uevent
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only
SUSPENDED = 200  # seconds: no session outlives 180


def test_a_cloned_virtual_machine_gives_up_its_sessions(make):
    link = make(calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    for end in link.a, link.b:
        before = end.log().count(" completed")
        send_uevent(end.host, "change@/devices/virtual/x", "ACTION=change", "SUBSYSTEM=acpi")
        clone(end.host)
        wait_until(lambda: end.log().count("was cloned, or put back to a snapshot") == 1, 10, "the event to be heard")
        wait_until(lambda: end.log().count(" completed") > before, 10, "a new session")
        traffic_within(link.a.host, link.b.side.addr4, 5)


@pytest.mark.slow
@pytest.mark.parametrize("which", ["a", "b"])
@pytest.mark.parametrize("busy", ["idle", "with_traffic"])
def test_a_daemon_that_was_stopped_for_minutes(make, measured, which, busy):
    link = make(calls="a").start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    end, other = (link.a, link.b) if which == "a" else (link.b, link.a)
    background = BackgroundPing(other.host, end.side.addr4) if busy == "with_traffic" else None
    end.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    # Nothing happens that could be waited for: it is time itself that wears the session out.
    wait_until(lambda: time.monotonic() - began > SUSPENDED, SUSPENDED, "time to pass", 1)
    end.process.send_signal(signal.SIGCONT)
    measured("traffic after", traffic_within(other.host, end.side.addr4, 5), "s")
    wait_until(lambda: link.a.state() == link.b.state() == "up", 10, "both to be up")
    if background:
        background.goes_on(3)
        background.close()
