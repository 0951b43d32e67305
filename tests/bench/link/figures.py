# SPDX-License-Identifier: MIT
"""From samples to what is printed: medians, percentiles, ratios, and whether a difference is more than noise. Pure."""
import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Figure:
    """One number a measure yields."""
    key: str
    title: str
    unit: str
    higher_is_better: bool = True
    decimals: int = 0


def median(values):
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values have no median")
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def percentile(values, percent):
    """The smallest value that at least `percent` of all do not exceed."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values have no percentile")
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def ratio(ours, theirs):
    """Of the medians; None where there is none."""
    if not ours or not theirs or median(theirs) == 0:
        return None
    return median(ours) / median(theirs)


def verdict(ours, theirs, higher_is_better):
    """"better" or "worse" only when the samples lie apart: where their ranges meet, the difference may be noise. Of
    fewer than three samples each nothing is said: two and two lie apart by chance every third time."""
    if len(ours) < 3 or len(theirs) < 3:
        return ""
    if min(ours) <= max(theirs) and min(theirs) <= max(ours):
        return "noise?"
    return "better" if (median(ours) > median(theirs)) == higher_is_better else "worse"


def spread(values, decimals):
    """"median (min..max)", or the value alone when there is one."""
    if not values:
        return "-"
    text = f"{median(values):.{decimals}f}"
    if len(values) > 1:
        text += f" ({min(values):.{decimals}f}..{max(values):.{decimals}f})"
    return text
