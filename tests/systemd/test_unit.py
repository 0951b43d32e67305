# SPDX-License-Identifier: MIT
"""The units' text, judged by systemd's own tools. Needs no host and no root."""
import pathlib
import re
import shutil
import subprocess

import pytest

UNITS = pathlib.Path(__file__).parents[2] / "systemd"
HIGHEST_EXPOSURE = {"adit@.service": 1.5, "adit-exporter.service": 1.0}

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None,
                                reason="there is no systemd-analyze: install the package systemd")


@pytest.mark.parametrize("unit", HIGHEST_EXPOSURE)
def test_its_exposure_is_low(unit):
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", UNITS / unit], capture_output=True,
                          text=True, check=True)
    assert float(re.search(r"exposure level for \S+ (\S+)", done.stdout)[1]) <= HIGHEST_EXPOSURE[unit], done.stdout


def test_systemd_has_nothing_to_say_about_them():
    """A key that it does not know would be mentioned in the journal at every start."""
    units = [UNITS / name for name in (*HIGHEST_EXPOSURE, "adit.target")]
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if "adit" in line and "is not executable" not in line]
    assert not said
