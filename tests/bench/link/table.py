# SPDX-License-Identifier: MIT
"""The table a run ends with, and the sentences below it. Pure: samples in, text out."""
from .figures import median, ratio, spread, verdict

OURS = "adit"
REFERENCE = "wireguard-go"
SENDER_IS_THE_LIMIT = 0.98


def render(samples, wires, peers, measures):
    """`peers` in the order of the columns. The ratio is of Adit's median to wireguard-go's."""
    compared = OURS in peers and REFERENCE in peers
    rows = []
    for wire in wires:
        figures = [figure for measure in measures if wire in measure.wires for figure in measure.figures]
        body = [_row(samples, wire, peers, figure, compared) for figure in figures
                if any(samples.of(wire, peer, figure.key) for peer in peers)]
        if body:
            rows += [[wire]] + body
    header = ["", "unit", *peers, *(["ratio", ""] if compared else [])]
    left = {0, 1, len(header) - 1} if compared else {0, 1}
    below = _legend(compared) + notes(samples, wires, peers, measures)
    return _align([header, *rows], left) + "\n\n" + "\n".join(below)


def _row(samples, wire, peers, figure, compared):
    cells = ["  " + figure.title, figure.unit + ("" if figure.higher_is_better else " ↓")]
    cells += [spread(samples.of(wire, peer, figure.key), figure.decimals) for peer in peers]
    if compared:
        ours, theirs = (samples.of(wire, peer, figure.key) for peer in (OURS, REFERENCE))
        quotient = ratio(ours, theirs)
        cells += ["" if quotient is None else f"{quotient:.2f}", verdict(ours, theirs, figure.higher_is_better)]
    return cells


def _align(rows, left):
    """Columns in `left` to the left, the others, numbers, to the right; a row of one cell is a heading."""
    widths = [max(len(row[column]) for row in rows if len(row) > 1) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) if column in left else cell.rjust(width)
                               for column, (cell, width) in enumerate(zip(row, widths))).rstrip()
                     if len(row) > 1 else row[0] for row in rows)


def _legend(compared):
    lines = ["Medians, and (least..most) of all rounds. ↓: lower is better."]
    if compared:
        lines.append(f"Ratio: {OURS} / {REFERENCE}. noise?: the ranges meet, and more rounds might say otherwise.")
    return lines


def notes(samples, wires, peers, measures):
    """What must be known to read the table right: how much UDP was offered, and what was lost or failed."""
    lines = []
    for wire in wires:
        for measure in measures:
            for peer in peers:
                lines += _udp_note(samples, wire, peer, measure.name) + _loss_note(samples, wire, peer, measure)
    for failure in samples.failures:
        lines.append("FAILED in round {round}: {peer}, {wire}, {measure}: ".format(**failure)
                     + failure["reason"].partition("\n")[0])
    return lines


def _udp_note(samples, wire, peer, name):
    offered, carried = (samples.of(wire, peer, f"{name}_{what}") for what in ("offered", "carried"))
    if not offered or not carried:
        return []
    share = median([got / sent if sent else 0 for got, sent in zip(carried, offered)])
    text = (f"{wire}, {name}, {peer}: iperf3 sent {median(offered):.0f} kpps, "
            f"the link carried {share * 100:.0f} % of them")
    if share >= SENDER_IS_THE_LIMIT:
        text += ": here iperf3 was the limit, not the link"
    return [text + "."]


def _loss_note(samples, wire, peer, measure):
    losses = {figure.title: samples.of(wire, peer, f"{figure.key}_lost") for figure in measure.figures}
    return [f"{wire}, {title}, {peer}: {median(lost):.1f} % of the pings were not answered."
            for title, lost in losses.items() if lost and median(lost) >= 0.1]
