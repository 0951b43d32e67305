# SPDX-License-Identifier: MIT
"""How long tests wait for what must happen. They say what it takes on a machine of its own; all of them wait for a state
and go on as soon as it is there, so patience costs nothing but when something fails, and a busy machine is no failure.
ADIT_PATIENCE: that many times as much, for a machine that is emulated.
"""
import os

SLOWER = int(os.environ.get("ADIT_PATIENCE", "1"))
FACTOR = 4 * SLOWER
LEAST = 30 * SLOWER  # seconds


def patient(seconds):
    return max(LEAST, FACTOR * seconds)
