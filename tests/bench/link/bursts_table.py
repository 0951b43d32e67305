# SPDX-License-Identifier: MIT
"""The tables of `scripts/bench --bursts`: one for each load, a row for each variant. Pure: samples in, text out."""
from .figures import spread, verdict

MARKS = {"better": " +", "worse": " -"}


def render(samples, wire, names, measures):
    """`names`: of the variants; the others are compared with the first one. A table is called as its first figure."""
    lines = []
    for measure in measures:
        first, *others = measure.figures
        rows = [[first.title, first.unit, *(head(figure) for figure in others)]]
        rows += [[f"  {name}", *(cell(samples, wire, names[0], name, figure) for figure in measure.figures)]
                 for name in names if any(samples.of(wire, name, figure.key) for figure in measure.figures)]
        lines += [*align(rows), ""]
    lines += legend(names[0])
    for failure in samples.failures:
        lines.append("FAILED in round {round}: {peer}, {measure}: ".format(**failure)
                     + failure["reason"].partition("\n")[0])
    return lines


def head(figure):
    return f"{figure.title}{', ' + figure.unit if figure.unit else ''}{'' if figure.higher_is_better else ' ↓'}"


def cell(samples, wire, base, name, figure):
    """Median and range, and a mark where the samples lie apart from those of `base`."""
    ours = samples.of(wire, name, figure.key)
    said = "" if name == base else verdict(ours, samples.of(wire, base, figure.key), figure.higher_is_better)
    return spread(ours, figure.decimals) + MARKS.get(said, "  ")


def align(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) if column == 0 else text.rjust(width)
                      for column, (text, width) in enumerate(zip(row, widths))).rstrip() for row in rows]


def legend(base):
    return ["Medians, and (least..most) of all rounds. ↓: lower is better. +, -: better, worse than "
            f"{base}, and the ranges do not meet (of three rounds or more); no mark: it may be noise."]


def rate(before, after, seconds):
    """Of counters of several interfaces: how many more a second, of all together."""
    return sum(later - earlier for earlier, later in zip(before, after)) / seconds


def share_lost(sent, received, unread):
    """Percent of datagrams that the link has lost: one that nobody read in time was carried."""
    return max(0.0, 100 * (1 - (received + unread) / sent)) if sent else 0.0
