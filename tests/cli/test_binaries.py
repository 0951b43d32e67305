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
#: There where somebody has made one, and what the packages were made in.
OTHERS = [ROOT / "build/release", *sorted(ROOT.glob("build/packages/*/first/*/obj-*"))]
FOLDERS = [folder for folder in dict.fromkeys([BUILT, *OTHERS]) if (folder / "build.ninja").exists()]


def name_of(folder):
    return folder.relative_to(ROOT / "build").parts[1] if "packages" in folder.parts else folder.name


programs = pytest.mark.parametrize("program", [
    pytest.param(path, id=f"{name_of(folder)}-{path.name}")
    for folder in FOLDERS for path in (folder / "bin/aditd", folder / "bin/adit") if path.exists()])


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


@pytest.mark.parametrize("folder", [pytest.param(folder, id=name_of(folder)) for folder in FOLDERS])
def test_functions_of_the_c_library_look_at_the_bounds_of_what_only_the_optimiser_knows(folder):
    """The program does not tell the level, but for whoever reads its code."""
    said = re.findall(r"^  FLAGS = (.* -std=.*)$", (folder / "build.ninja").read_text(), re.M)
    # The last word counts: Debian's own flags say 2.
    levels = {(re.findall(r"-[DU]_FORTIFY_SOURCE(?:=(\d))?", flags) or [None])[-1] for flags in said}
    assert levels == {"3"}


@programs
def test_it_marks_where_it_may_be_entered(program):
    mark = "endbr64" if platform.machine() == "x86_64" else r"paciasp|\bbti\b"
    code = subprocess.run(["objdump", "--disassemble", "--section=.text", program], capture_output=True, text=True, check=True)
    assert len(re.findall(mark, code.stdout)) > 100
