# SPDX-License-Identifier: MIT
"""hooks.state and `adit events`: what they are told when a link changes."""
import json
import os
import signal
import subprocess

import pytest

from lab.ends import ADIT
from lab.traffic import traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only
TELL = "echo \"$ADIT_STATE/$ADIT_PREVIOUS/$ADIT_ENDPOINT\""


def told(end):
    mark = "hooks.state: "
    return [line.split(mark, 1)[1] for line in end.log().splitlines() if mark in line and "running" not in line]


def linked(make, hook=TELL):
    link = make(a={"more": {"hooks": {"state": hook}}}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    return link


class Reader:
    """`adit events`, as it goes on."""

    def __init__(self, end, *options):
        self._output = end.directory / "events"
        with open(self._output, "w", encoding="utf-8") as output:
            self._process = subprocess.Popen(
                ["ip", "netns", "exec", end.host.name, ADIT, "events", end.name, *options], stdout=output,
                stderr=subprocess.STDOUT, env={**os.environ, "ADIT_RUN_DIR": str(end.run_dir)})

    def lines(self):
        return self._output.read_text().splitlines()

    def events(self, kind):
        return [event for event in map(json.loads, self.lines()) if event["event"] == kind]

    def interrupt(self):
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(60)

    def wait(self):
        return self._process.wait(60)


def test_a_hook_is_told_of_each_state(make, lab):
    link = linked(make)
    wait_until(lambda: any(line.startswith("up/") for line in told(link.a)), 10, "the hook to run")
    assert told(link.a)[-1] == "up/connecting/10.2.0.2:51820" or told(link.a)[-1] == "up//10.2.0.2:51820"
    link.a.host.ip("link", "set", "tun0", "down")
    wait_until(lambda: any(line.startswith("failed/up/") for line in told(link.a)), 10, "the hook to run again")


def test_changes_that_come_while_a_hook_runs_make_it_run_once_more(make):
    link = linked(make, "sleep 2; " + TELL)
    for _ in range(4):
        link.a.host.ip("link", "set", "tun0", "down")
        wait_until(lambda: link.a.state() == "failed", 10, "the link to have failed")
        link.a.host.ip("link", "set", "tun0", "up")
        wait_until(lambda: link.a.state() == "up", 10, "the link to be up")
    wait_until(lambda: told(link.a) and told(link.a)[-1].startswith("up/"), 20, "the last one")
    assert len(told(link.a)) <= 9


def test_events_are_told_as_they_happen(make):
    link = linked(make)
    reader = Reader(link.a, "--json")
    wait_until(lambda: reader.lines() and reader.events("now"), 10, "the first line")
    now = reader.events("now")[0]
    assert (now["link"], now["state"], now["endpoint"]) == ("a", "up", "10.2.0.2:51820")
    link.a.host.ip("link", "set", "tun0", "down")
    wait_until(lambda: reader.events("state"), 10, "the state to be told")
    event = reader.events("state")[0]
    assert (event["state"], event["previous"]) == ("failed", "up") and event["reason"]
    link.a.host.ip("link", "set", "tun0", "up")
    wait_until(lambda: len(reader.events("state")) > 1, 10, "the state to be told again")
    assert reader.interrupt() in (130, -signal.SIGINT)


def test_events_tell_what_was_put_back(make):
    link = make(a={"routes": ["192.168.20.0/24"]}).start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    reader = Reader(link.a, "--json")
    wait_until(lambda: reader.lines() and reader.events("now"), 10, "the first line")
    link.a.host.ip("route", "del", "192.168.20.0/24")
    wait_until(lambda: reader.events("put_back"), 10, "that to be told")
    event = reader.events("put_back")[0]
    assert (event["count"], event["what"]) == (1, ["the route 192.168.20.0/24"])
    assert event["by"] is None or event["by"].startswith(("ip (process ", "process "))
    assert "192.168.20.0/24" in link.a.host.ip("route", "show", "dev", "tun0")
    assert reader.interrupt() in (130, -signal.SIGINT)
    plain = Reader(link.a)
    wait_until(plain.lines, 10, "the first line")
    link.a.host.ip("addr", "del", "10.9.0.1/30", "dev", "tun0")
    wait_until(lambda: any(" a put back what " in line and " took away: " in line for line in plain.lines()), 10,
               "that to be told in words")


def test_events_end_with_the_link(make):
    link = linked(make)
    reader = Reader(link.a)
    wait_until(reader.lines, 10, "the first line")
    assert " a is up (endpoint 10.2.0.2:51820, MTU " in reader.lines()[0]
    link.a.stop()
    assert reader.wait() == 1
    assert "link a has ended" in reader.lines()[-1]


def test_events_go_on_through_a_restart(make):
    link = linked(make)
    reader = Reader(link.a, "--json")
    wait_until(lambda: reader.lines() and reader.events("now"), 10, "the first line")
    link.a.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: len(reader.events("now")) == 2, 20, "the next run to tell how it is")
    before = len(reader.events("state"))
    link.a.host.ip("link", "set", "tun0", "down")
    wait_until(lambda: len(reader.events("state")) > before, 10, "the state to be told")
    assert reader.events("state")[-1]["state"] == "failed"
    assert reader.interrupt() in (130, -signal.SIGINT)


def test_events_of_a_link_that_is_not_there(make, stopped):
    end = stopped()
    assert end.adit("events", "nosuch", check=False).returncode == 4
