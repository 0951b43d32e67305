# SPDX-License-Identifier: MIT
"""scripts/bench stands on the laboratory of the namespace tests."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "netns"))
