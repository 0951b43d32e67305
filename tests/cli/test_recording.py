# SPDX-License-Identifier: MIT
"""The picture of the demo is what was recorded, and what was recorded is the demo as it is now. scripts/record makes both."""
import importlib.machinery
import importlib.util
import json
import re
import xml.etree.ElementTree as tree

import pytest

from shells import ROOT

PICTURES = ROOT / "docs/pictures"
STALE = "scripts/demo shows something else by now: run scripts/record"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def record():
    loader = importlib.machinery.SourceFileLoader("record", str(ROOT / "scripts/record"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("record", loader))
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def events(record):
    return record.read_cast(PICTURES / "demo.cast")


def plain(text):
    return re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", text)


def test_the_picture_is_that_of_the_recording(record, events):
    assert (PICTURES / "demo.svg").read_text(encoding="utf-8") == record.picture(record.shown_lines(events)), \
        "run scripts/record --from docs/pictures/demo.cast"


def test_it_has_every_word_of_the_recording_and_no_other(record, events):
    moving = tree.parse(PICTURES / "demo.svg").getroot().find(f".//{SVG}g[@id='move']")
    drawn = ["".join(text.itertext()) for text in moving.iter(f"{SVG}text")]
    said = [plain(piece) for _, line in record.shown_lines(events) for piece in record.wrapped(line) if piece]
    assert drawn == said


def test_the_recording_is_an_asciicast_of_a_run_that_worked(events):
    header = json.loads((PICTURES / "demo.cast").read_text(encoding="utf-8").splitlines()[0])
    assert header["version"] == 2 and header["width"] > 0 and header["height"] > 0
    times = [seconds for seconds, _ in events]
    assert times == sorted(times)
    text = plain("".join(text for _, text in events))
    assert "everything worked" in text and re.findall(r"^([ab]): up", text, re.M) == ["a", "b"]
    assert "PrivateKey" not in text and "private_key: (secret)" in text


def test_the_demo_still_has_the_parts_that_were_recorded(events):
    text = plain("".join(text for _, text in events))
    wanted = [heading for heading in re.findall(r'^ *heading "([^"$]*)"$', (ROOT / "scripts/demo").read_text(), re.M)]
    assert wanted and re.findall(r"^== (.*?)\r?$", text, re.M) == wanted, STALE


def test_what_is_written_over_is_not_kept_and_bytes_may_come_in_pieces(record):
    assert record.shown_lines([(0.1, "one"), (0.2, "\rtwo\x1b[K"), (0.3, "\rthr"), (0.4, "ee\r\nfour\n")]) == [
        (0.4, "three"), (0.4, "four")]
    events, status = record.run(["sh", "-c", "printf 'a \\342\\202'; sleep 0.1; printf '\\254 b\\n'; exit 3"])
    assert "".join(text for _, text in events) == "a € b\r\n" and status == 3


def test_pauses_are_cut_and_colours_are_drawn(record):
    assert [seconds for seconds, _ in record.at_a_pace([(5.0, "a"), (5.5, "b"), (30.0, "c")])] == [0.0, 0.5, 1.5]
    assert record.spans("\x1b[1m\x1b[32mup\x1b[0m for 3 s & more") == (
        '<tspan class="b" style="fill: #7ee787">up</tspan> for 3 s &amp; more')
