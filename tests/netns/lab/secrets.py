# SPDX-License-Identifier: MIT
"""Keys in a process's memory: where they may be, and where else they are.

They may be in the locked pages of daemon/base/locked_memory.cpp, each of which has 63 places of 64 bytes behind one for
itself. Everywhere else not 16 bytes of a key may stand, be it the key itself, in base64, or in hexadecimal digits.
"""
import base64
import pathlib
import re
import signal

from .wait import wait_until

SHEET = 4096
PLACE = 64
KEY = 32


def forms(key):
    """(name, text, how many bytes of it 16 bytes of the key take) of each form it may have."""
    return [("as it is", key, 16), ("in base64", base64.b64encode(key), 22), ("in hex", key.hex().encode(), 32),
            ("in HEX", key.hex().upper().encode(), 32)]


def stands_in(content, text, least):
    """Where in `content` at least so many bytes of `text` stand in a row; None: nowhere."""
    size = least // 2  # so many of them, from a multiple of it on, are in every such row
    for begin in range(0, len(text) - size + 1, size):
        at = content.find(text[begin:begin + size])
        while at >= 0:
            first, last = begin, begin + size
            while first > 0 and at - (begin - first) > 0 and content[at - (begin - first) - 1] == text[first - 1]:
                first -= 1
            while last < len(text) and at + last - begin < len(content) and content[at + last - begin] == text[last]:
                last += 1
            if last - first >= least:
                return at - (begin - first)
            at = content.find(text[begin:begin + size], at + 1)
    return None


def areas(pid):
    """(start, end, flags, name) of all that can be read and written."""
    found = []
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)", line)
        if head:
            area = (int(head[1], 16), int(head[2], 16), head[3], head[4])
        elif line.startswith("VmFlags:") and area[2].startswith("rw"):
            found.append((area[0], area[1], set(line.split()[1:]), area[3]))
    return found


def is_locked(flags):
    """In no swap, in no core file, in no child."""
    return {"lo", "dd", "wf"} <= flags


def read(pid):
    """(what it is, whether it is locked, its bytes) of each area."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end, flags, name in areas(pid):
            memory.seek(start)
            try:
                yield name or f"{start:x}", is_locked(flags), memory.read(end - start)
            except OSError:
                continue  # [vvar] and its like: the kernel's


def places(content):
    """The secrets in a locked area."""
    for sheet in range(0, len(content), SHEET):
        for at in range(sheet + PLACE, min(sheet + SHEET, len(content)), PLACE):
            secret = content[at:at + KEY]
            if any(secret):
                yield secret


def stopped(process):
    """Holds the process still as long as the block runs."""
    class Stopped:
        def __enter__(self):
            process.send_signal(signal.SIGSTOP)
            wait_until(lambda: process.state() in "Tt", 10, "the process to stop")

        def __exit__(self, *_):
            process.send_signal(signal.SIGCONT)
    return Stopped()


def traces(pid, known):
    """Where keys stand that should not. `known`, a set, learns all that are in locked memory now."""
    content = list(read(pid))
    for _, locked, bytes_ in content:
        if locked:
            known.update(places(bytes_))
    found = []
    for name, locked, bytes_ in content:
        if locked or not any(bytes_):
            continue
        for form, text, least in (form for key in known for form in forms(key)):
            at = stands_in(bytes_, text, least)
            if at is not None:
                found.append(f"{text!r} ({form}) in {name} at +{at:x} of {len(bytes_):x}")
    return found
