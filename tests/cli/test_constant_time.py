# SPDX-License-Identifier: MIT
"""Comparisons of MACs, tags and keys take the same time whatever they compare: valgrind sees no branch and no look-up
that depends on one (tests/constant_time)."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = pathlib.Path(os.environ.get("ADIT_BUILD_DIR", ROOT / "build/dev"))
PROGRAM = BUILT / "tests/constant_time/constant_time"
FOUND = 99


def valgrind(*arguments):
    assert PROGRAM.exists(), "not built: scripts/install-packages test installs valgrind; configure anew after that"
    return subprocess.run(["valgrind", "--quiet", f"--error-exitcode={FOUND}", "--track-origins=no",
                           f"--suppressions={ROOT}/tests/constant_time/libsodium.supp", PROGRAM, *arguments],
                          capture_output=True, text=True)


def test_comparisons_do_not_depend_on_what_they_compare():
    done = valgrind()
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_that_does_is_found():
    done = valgrind("leaky")
    assert done.returncode == FOUND, done.stdout + done.stderr
    assert "depends on uninitialised value" in done.stderr and "leaky_equal" in done.stderr
