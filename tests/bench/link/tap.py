# SPDX-License-Identifier: MIT
"""What an Ethernet cable costs: `scripts/bench --tap`. One TCP stream through a link for IP packets, one for Ethernet
frames, and a GRETAP on top of one for IP packets, in turns; all their datagrams are of one size.
"""
import argparse
import os
import pathlib
import signal
import sys
import tempfile

from lab.namespace import remove_leftovers

from . import machine, peers
from .figures import ratio, spread
from .measures import MEASURES
from .runner import Runner, say
from .samples import Samples
from .wire import KINDS

PACKETS, FRAMES, GRETAP = "adit", "adit-tap", "adit-gretap"
TITLES = {PACKETS: "mode: tun", FRAMES: "mode: tap", GRETAP: "GRETAP over mode: tun"}
WANTED = {PACKETS: 0.9, GRETAP: 3.0}  # of the frames' median to theirs


def render(samples, wires, wanted=None):
    """The lines of the table, and of the ratios."""
    wanted = WANTED if wanted is None else wanted
    lines = []
    width = max(len(title) for title in TITLES.values())
    for wire in wires:
        lines.append(f"{wire}: one TCP stream, median (least..most), Mbit/s")
        taken = {name: samples.of(wire, name, "tcp") for name in TITLES}
        for name, title in TITLES.items():
            lines.append(f"  {title:<{width}}  {spread(taken[name], 0)}")
        for name, least in wanted.items():
            quotient = ratio(taken[FRAMES], taken[name])
            shown = "-" if quotient is None else f"{quotient:.2f}"
            lines.append(f"  {TITLES[FRAMES]} / {TITLES[name]}: {shown} (wanted: {least:g} or more)")
    for failure in samples.failures:
        lines.append("FAILED in round {round}: {peer}, {wire}, {measure}: ".format(**failure)
                     + failure["reason"].partition("\n")[0])
    return lines


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench --tap", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of one second each: does it work at all?")
    parser.add_argument("--rounds", type=int, metavar="N", help="default 5")
    parser.add_argument("--seconds", type=int, metavar="N", help="a measurement; default 4")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (1 if options.quick else 4)
    options.wires = KINDS
    if os.geteuid() != 0:
        sys.exit("making network namespaces needs root: run scripts/bench, which asks sudo, or this as root")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    remove_leftovers()
    here = machine.sentences(machine.describe())
    contestants = [peers.make(name) for name in TITLES]
    for peer in contestants:
        if lacking := peer.missing():
            sys.exit(lacking)
    here += [contestants[0].version(), contestants[-1].on_top()]
    say("\n".join(here))
    samples = Samples()
    measures = [measure for measure in MEASURES if measure.name == "tcp"]
    with tempfile.TemporaryDirectory(prefix="adit-bench-") as directory:
        Runner(options, list(TITLES), measures, samples, pathlib.Path(directory)).run()
    print("\n".join(["", *here, "", *render(samples, KINDS)]))
    return 1 if samples.failures else 0


if __name__ == "__main__":
    sys.exit(main())
