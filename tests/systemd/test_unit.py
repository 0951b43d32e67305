# SPDX-License-Identifier: MIT
"""The unit's text, judged by systemd's own tools. Needs no host and no root."""
import pathlib
import re
import shutil
import subprocess

import pytest

UNIT = pathlib.Path(__file__).parents[2] / "systemd/adit@.service"
HIGHEST_EXPOSURE = 1.5

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None,
                                reason="there is no systemd-analyze: install the package systemd")


def test_its_exposure_is_low():
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", UNIT], capture_output=True,
                          text=True, check=True)
    assert float(re.search(r"exposure level for \S+ (\S+)", done.stdout)[1]) <= HIGHEST_EXPOSURE, done.stdout


def test_systemd_has_nothing_to_say_about_it():
    """A key that it does not know would be mentioned in the journal at every start."""
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", UNIT.with_name("adit@.service"),
                           UNIT.with_name("adit.target")], capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if "adit" in line and "is not executable" not in line]
    assert not said
