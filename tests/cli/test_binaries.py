# SPDX-License-Identifier: MIT
"""What the compiler and the linker put into the programs against whoever finds a way to make them stumble."""
import os
import pathlib
import platform
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = pathlib.Path(os.environ.get("ADIT_BUILD_DIR", ROOT / "build/dev"))
#: There where somebody has made one.
RELEASE = ROOT / "build/release"

programs = pytest.mark.parametrize("program", [
    pytest.param(path, id=f"{path.parent.parent.name}-{path.name}")
    for folder in dict.fromkeys([BUILT, RELEASE]) for path in (folder / "bin/aditd", folder / "bin/adit") if path.exists()])


def readelf(*arguments):
    return subprocess.run(["readelf", "--wide", *arguments], capture_output=True, text=True, check=True).stdout


@programs
def test_it_is_loaded_at_an_address_nobody_knows(program):
    assert re.search(r"Type:\s+DYN", readelf("--file-header", program))
    assert "PIE" in readelf("--dynamic", program)


@programs
def test_its_tables_of_functions_cannot_be_written_to(program):
    assert "GNU_RELRO" in readelf("--program-headers", program)
    assert re.search(r"FLAGS.*\bNOW\b", readelf("--dynamic", program))


@programs
def test_its_stack_holds_no_code_and_its_frames_are_watched(program):
    stack = re.search(r"GNU_STACK.*", readelf("--program-headers", program))[0]
    assert "E" not in stack.split()[-2]
    assert "__stack_chk_fail" in readelf("--dyn-syms", program)


@programs
def test_it_looks_at_its_bounds(program):
    symbols = readelf("--dyn-syms", program)
    assert "__glibcxx_assert_fail" in symbols
    assert re.search(r"__\w+_chk@", symbols.replace("__stack_chk_fail", ""))


@programs
def test_it_marks_where_it_may_be_entered(program):
    mark = "endbr64" if platform.machine() == "x86_64" else r"paciasp|\bbti\b"
    code = subprocess.run(["objdump", "--disassemble", "--section=.text", program], capture_output=True, text=True, check=True)
    assert len(re.findall(mark, code.stdout)) > 100
