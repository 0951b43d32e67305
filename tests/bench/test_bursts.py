# SPDX-License-Identifier: MIT
"""The arithmetic and the tables of scripts/bench --bursts; needs neither root nor a network."""
import argparse
import pathlib

import pytest

from link import bursts, bursts_table
from link.samples import Samples

LOAD = next(load for load in bursts.LOADS if load.name == "tcp64")


def filled(**variants):
    """`variants`: by name, lists of (Mbit/s, sent again)."""
    samples = Samples()
    for name, values in variants.items():
        for number, (speed, again) in enumerate(values, 1):
            samples.add(number, "veth", name, "tcp64", {"tcp64": speed, "tcp64_again": again})
    return samples


def rows(samples, *names):
    return {line.split()[0]: line for line in bursts_table.render(samples, "veth", names, [LOAD]) if line.startswith("  ")}


def test_a_rate_is_of_all_counters_together():
    assert bursts_table.rate([10, 5], [30, 10], 5) == 5
    assert bursts_table.rate([7], [7], 3) == 0


def test_what_nobody_read_in_time_was_carried():
    assert bursts_table.share_lost(1000, 800, 150) == pytest.approx(5)
    assert bursts_table.share_lost(1000, 900, 150) == 0, "the counts are not of one moment"
    assert bursts_table.share_lost(0, 0, 0) == 0


def test_each_row_is_compared_with_the_first_one():
    lines = rows(filled(short=[(100, 900), (110, 950), (105, 990)], long=[(120, 10), (109, 20), (115, 0)],
                        worse=[(50, 2000), (51, 2100), (52, 2200)]), "short", "long", "worse")
    assert "105 (100..110)   " in lines["short"] and "+" not in lines["short"] and ") -" not in lines["short"]
    assert "115 (109..120)   " in lines["long"], "the ranges meet"
    assert "10 (0..20) +" in lines["long"]
    assert "51 (50..52) -" in lines["worse"] and "2100 (2000..2200) -" in lines["worse"]


def test_two_rounds_say_nothing():
    lines = rows(filled(short=[(100, 900)] * 2, long=[(200, 0)] * 2), "short", "long")
    assert "+" not in lines["long"]


def test_columns_stand_below_each_other_and_who_failed_is_named():
    samples = filled(short=[(100, 900)], long=[(20_000, 7)])
    samples.fail(2, "veth", "long", "tcp64", "iperf3: no route to host\nits log")
    lines = bursts_table.render(samples, "veth", ["short", "long", "absent"], [LOAD])
    head, short, long = lines[:3]
    assert head.startswith("64 TCP streams") and "Mbit/s" in head and "sent again/s ↓" in head
    assert short.index("100") + 3 == long.index("20000") + 5
    assert not any("absent" in line for line in lines)
    assert "FAILED in round 2: long, tcp64: iperf3: no route to host" in lines


def test_no_two_figures_share_a_key():
    keys = [figure.key for load in bursts.LOADS for figure in load.figures]
    assert len(keys) == len(set(keys))


def test_a_build_has_a_name_and_a_folder():
    assert bursts.build("fast=/a/bin") == ("fast", pathlib.Path("/a/bin"))
    for text in ("fast", "=/a", "fast=", "a/b=/c"):
        with pytest.raises(argparse.ArgumentTypeError):
            bursts.build(text)


def test_a_variant_has_its_queue_and_its_programs():
    short, other = bursts.Variant("queue 7", 7), bursts.Variant("other", 8, pathlib.Path("/elsewhere"))
    end = argparse.Namespace(inner=["10.9.1.1/30"])
    assert short.interface(end)["queue_length"] == 7 and short.interface(end)["addresses"] == end.inner
    assert "/elsewhere" in other.missing()
    assert other.bin != short.bin
