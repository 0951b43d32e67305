# SPDX-License-Identifier: MIT
"""The command line: reads it, runs, prints the table, writes the file. See scripts/bench --help."""
import argparse
import os
import pathlib
import shlex
import signal
import sys
import tempfile
import time

from lab.namespace import remove_leftovers

from . import machine, peers, table
from .measures import MEASURES, NAMES
from .runner import Runner, say
from .samples import Samples, write_json
from .wire import KINDS

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ALWAYS = ("adit", "wireguard-go")


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of one second each: does it work at all?")
    parser.add_argument("--rounds", type=int, metavar="N", help="default 3")
    parser.add_argument("--seconds", type=int, metavar="N", help="a measurement; default 4")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", default="build/bench/results.json")
    parser.add_argument("--only", nargs="+", metavar="MEASURE", choices=NAMES, default=NAMES, help=", ".join(NAMES))
    parser.add_argument("--with", dest="extra", metavar="PEER,…", default="", help="also: openvpn, fastd")
    options = parser.parse_args()
    if options.rounds is None:
        options.rounds = 1 if options.quick else 3
    if options.seconds is None:
        options.seconds = 1 if options.quick else 4
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds take numbers from 1")
    options.names = [*ALWAYS, *(name for name in options.extra.split(",") if name and name not in ALWAYS)]
    for name in options.names:
        if name not in peers.BY_NAME:
            parser.error(f"--with {name}: nobody knows it; there are {', '.join(peers.BY_NAME)}")
    options.wires = KINDS
    return options


def present(names):
    """Those that can be measured, with their versions; says what is missing."""
    versions = {}
    for name in names:
        peer = peers.make(name)
        if lacking := peer.missing():
            say(lacking)
        else:
            versions[name] = peer.version()
            say(f"{name}: {versions[name]}")
    return versions


def interrupt(number, frame):
    """Once; a second one must not keep us from cleaning up."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    signal.default_int_handler(number, frame)


def main():
    options = arguments()
    if os.geteuid() != 0:
        sys.exit("making network namespaces needs root: run scripts/bench, which asks sudo, or this as root")
    for number in SIGNALS:
        signal.signal(number, interrupt)
    remove_leftovers()
    here = machine.describe()
    say("\n".join(machine.sentences(here)))
    versions = present(options.names)
    if "adit" not in versions:
        sys.exit(1)

    measures = [measure for measure in MEASURES if measure.name in options.only]
    samples = Samples()
    began = time.monotonic()
    interrupted = False
    with tempfile.TemporaryDirectory(prefix="adit-bench-") as directory:
        try:
            Runner(options, list(versions), measures, samples, pathlib.Path(directory)).run()
        except KeyboardInterrupt:
            interrupted = True
            say("interrupted: what there is so far")
    write_json(options.json, {
        "machine": here, "versions": versions, "command": shlex.join(["scripts/bench", *sys.argv[1:]]),
        "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - (time.monotonic() - began))),
        "seconds": round(time.monotonic() - began, 1), "rounds": options.rounds,
        "seconds_each": options.seconds, "samples": samples.records, "failures": samples.failures})
    print("\n".join(["", *machine.sentences(here), *(f"{name}: {text}" for name, text in versions.items()), "",
                     table.render(samples, options.wires, list(versions), measures)]))
    print(f"Every sample is in {options.json}.")
    sys.exit(130 if interrupted else 1 if samples.failures else 0)


main()
