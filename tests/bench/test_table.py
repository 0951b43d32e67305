# SPDX-License-Identifier: MIT
"""The arithmetic and the table of scripts/bench; needs neither root nor a network."""
import pytest

from link import table, tap
from link.figures import Figure, median, percentile, ratio, spread, verdict
from link.measures import MEASURES, Measure
from link.samples import Samples

SPEED = Measure("tcp", (Figure("tcp", "TCP", "Mbit/s"), Figure("cpu", "cpu", "s/GB", False, 2)), None, ("wire",))
UDP = Measure("udp64", (Figure("udp64", "UDP", "kpps", decimals=1),), None, ("wire",))
PING = Measure("ping", (Figure("ping", "ping", "µs", False),), None, ("wire",))


def filled(ours, theirs, measure="tcp", key="tcp"):
    samples = Samples()
    for peer, values in (("adit", ours), ("wireguard-go", theirs)):
        for number, value in enumerate(values, 1):
            samples.add(number, "wire", peer, measure, {key: value})
    return samples


def line_of(text, title):
    return next(line for line in text.splitlines() if line.strip().startswith(title))


def test_the_median_is_the_middle_one_or_between_the_two():
    assert median([3, 1, 2]) == 2
    assert median([4, 1, 3, 2]) == 2.5
    assert median([7]) == 7
    with pytest.raises(ValueError):
        median([])


def test_a_percentile_is_a_value_that_was_measured():
    hundred = list(range(100, 0, -1))
    assert percentile(hundred, 99) == 99
    assert percentile(hundred, 100) == 100
    assert percentile(hundred, 0) == 1
    assert percentile([5], 99) == 5
    assert percentile([1, 2, 3], 50) == 2


def test_a_ratio_is_one_of_medians_and_needs_both():
    assert ratio([2, 100, 4], [2, 2, 2]) == 2
    assert ratio([], [1]) is None
    assert ratio([1], []) is None
    assert ratio([1], [0]) is None


@pytest.mark.parametrize("ours, theirs, higher_is_better, expected", [
    ([10, 11, 12], [5, 6, 7], True, "better"),
    ([10, 11, 12], [5, 6, 7], False, "worse"),
    ([5, 6, 7], [10, 11, 12], True, "worse"),
    ([5, 6, 7], [10, 11, 12], False, "better"),
    ([5, 6, 10], [9, 11, 12], True, "noise?"),
    ([5, 6, 10], [10, 11, 12], True, "noise?"),
    ([5, 6, 20], [8, 9, 10], False, "noise?"),
    ([10, 11], [5, 6], True, ""),
    ([], [5, 6, 7], True, ""),
])
def test_only_samples_that_lie_apart_are_called_better_or_worse(ours, theirs, higher_is_better, expected):
    assert verdict(ours, theirs, higher_is_better) == expected


def test_a_spread_shows_the_range_of_more_than_one():
    assert spread([], 0) == "-"
    assert spread([1.26], 1) == "1.3"
    assert spread([3, 1, 2], 0) == "2 (1..3)"


def test_a_row_has_medians_ranges_ratio_and_verdict():
    text = table.render(filled([200, 220, 210], [100, 110, 105]), ["wire"], ["adit", "wireguard-go"], [SPEED])
    row = line_of(text, "TCP")
    assert row.split() == ["TCP", "Mbit/s", "210", "(200..220)", "105", "(100..110)", "2.00", "better"]
    assert "lower is better" in text


def test_where_lower_is_better_the_row_says_so():
    text = table.render(filled([1, 1.1, 1], [2, 2.2, 2], key="cpu"), ["wire"], ["adit", "wireguard-go"], [SPEED])
    row = line_of(text, "cpu")
    assert "s/GB ↓" in row and row.endswith("0.50  better")


def test_adit_alone_has_no_ratio():
    text = table.render(filled([200], []), ["wire"], ["adit"], [SPEED])
    assert line_of(text, "TCP").split() == ["TCP", "Mbit/s", "200"]
    assert "ratio" not in text.lower()


def test_what_nobody_measured_has_no_row_and_an_empty_wire_no_heading():
    text = table.render(filled([200], [100]), ["wire", "other"], ["adit", "wireguard-go"], [SPEED, PING])
    shown = text.partition("\n\n")[0]
    assert "ping" not in shown and "other" not in shown and "cpu" not in shown


def test_columns_stand_below_each_other():
    lines = table.render(filled([200, 1000], [7, 9]), ["wire"], ["adit", "wireguard-go"], [SPEED]).splitlines()
    header, row = lines[0], line_of("\n".join(lines), "TCP")
    assert header.index("adit") + len("adit") == row.index(")") + 1


def test_a_sender_that_was_the_limit_is_named():
    samples = Samples()
    samples.add(1, "wire", "adit", "udp64", {"udp64": 60.0, "udp64_carried": 99.5, "udp64_offered": 100.0})
    samples.add(1, "wire", "wireguard-go", "udp64", {"udp64": 25.0, "udp64_carried": 30.0, "udp64_offered": 100.0})
    ours, theirs = table.notes(samples, ["wire"], ["adit", "wireguard-go"], [UDP])
    assert "here iperf3 was the limit" in ours
    assert "carried 30 % of them." in theirs


def test_lost_pings_and_failures_are_told():
    samples = filled([100], [100], "ping", "ping")
    samples.add(1, "wire", "adit", "ping", {"ping_lost": 2.5})
    samples.fail(2, "wire", "wireguard-go", "tcp", "iperf3: no route to host\nits log")
    text = "\n".join(table.notes(samples, ["wire"], ["adit", "wireguard-go"], [PING]))
    assert "2.5 % of the pings were not answered" in text
    assert "FAILED in round 2: wireguard-go, wire, tcp: iperf3: no route to host" in text
    assert "its log" not in text


def test_no_two_figures_share_a_key():
    keys = [figure.key for measure in MEASURES for figure in measure.figures]
    assert len(keys) == len(set(keys))


def test_the_cables_ratios_are_of_the_frames_to_the_others():
    samples = Samples()
    for peer, values in ((tap.PACKETS, [100, 120, 110]), (tap.FRAMES, [99, 95, 110]), (tap.GRETAP, [20, 25, 22])):
        for number, value in enumerate(values, 1):
            samples.add(number, "wire", peer, "tcp", {"tcp": value})
    samples.fail(2, "wire", tap.GRETAP, "start", "no answer\nand more")
    text = "\n".join(tap.render(samples, ("wire",)))
    assert line_of(text, "mode: tap  ").split()[2:] == ["99", "(95..110)"]
    assert "mode: tap / mode: tun: 0.90 (wanted: 0.9 or more)" in text
    assert "mode: tap / GRETAP over mode: tun: 4.50 (wanted: 3 or more)" in text
    assert "FAILED in round 2: adit-gretap, wire, start: no answer" in text and "and more" not in text
    assert "mode: tap / mode: tun: -" in "\n".join(tap.render(Samples(), ("wire",)))
