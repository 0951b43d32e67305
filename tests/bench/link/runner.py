# SPDX-License-Identifier: MIT
"""The order of things: in each round, on each wire, every competitor is started, and each measure is taken of one after
the other before the next measure begins. What else the machine does thus hits all alike; and as the order turns round
with every round, none is always the first.
"""
import contextlib
import sys
import time

from . import peers
from .measures import Link
from .figures import spread
from .traffic import FirstAnswer
from .wire import Wire

FIRST_ANSWER = 30  # seconds
SETTLE = 0.2       # seconds between measures: what the last one left in queues is gone


def say(text):
    print(text, file=sys.stderr, flush=True)


class Runner:
    def __init__(self, options, names, measures, samples, directory, make=peers.make):
        self._options = options
        self._measures = measures
        self._samples = samples
        self._wires = {}
        self._cleanup = contextlib.ExitStack()
        self._names = names
        self._make = make
        self._directory = directory
        self._round = 0

    def run(self):
        with self._cleanup:
            contestants = {}
            for number, kind in enumerate(self._options.wires):
                wire = Wire(kind, self._directory / str(number))
                self._cleanup.callback(wire.close)
                contestants[kind] = [self._contestant(wire, name, index + 1) for index, name in enumerate(self._names)]
            for self._round in range(1, self._options.rounds + 1):
                for kind, here in contestants.items():
                    self._on_wire(kind, here if self._round % 2 else here[::-1])

    def _contestant(self, wire, name, number):
        peer = self._make(name)
        ends = wire.ends(name, number)
        peer.prepare(*ends)
        return peer, ends

    def _on_wire(self, kind, contestants):
        links = []
        with contextlib.ExitStack() as running:
            for peer, ends in contestants:
                running.callback(peer.stop)
                link = self._attempt(kind, peer, "start", lambda: self._start(peer, *ends))
                if link:
                    links.append(link)
            for measure in self._measures:
                if kind in measure.wires:
                    self._take(kind, measure, links)

    @staticmethod
    def _start(peer, a, b):
        answer = FirstAnswer(a.host, b.inner4)
        try:
            pids = peer.start(a, b)
            seconds = answer.seconds(FIRST_ANSWER, lambda: all(process.alive for process in peer.processes))
        finally:
            answer.close()
        return Link(peer, a, b, pids, seconds)

    def _take(self, kind, measure, links):
        said = []
        for link in links:
            if measure.only not in (None, link.peer.name):
                continue
            values = self._attempt(kind, link.peer, measure.name, lambda: measure.run(link, self._options.seconds))
            if values:
                self._samples.add(self._round, kind, link.peer.name, measure.name, values)
                shown = measure.figures[0]
                said.append(f"{link.peer.name} {spread([values[shown.key]], shown.decimals)} {shown.unit}")
            time.sleep(SETTLE)
        if said:
            say(f"round {self._round}/{self._options.rounds}, {kind}, {measure.figures[0].title}: {', '.join(said)}")

    def _attempt(self, kind, peer, what, action):
        """What `action` returns; None, and a remark, when it failed: one competitor that stumbles ends no run."""
        try:
            return action()
        except Exception as error:  # whatever it is, it is told
            self._samples.fail(self._round, kind, peer.name, what, str(error))
            say(f"round {self._round}, {kind}, {what}: {peer.name} failed: {error}\n{peer.log()}")
            return None
