# SPDX-License-Identifier: MIT
"""Everything that was measured, one record a measurement, and what failed instead."""
import json
import os


class Samples:
    def __init__(self):
        self.records = []
        self.failures = []

    def add(self, round_number, wire, peer, measure, values):
        self.records.append({"round": round_number, "wire": wire, "peer": peer, "measure": measure, "values": values})

    def fail(self, round_number, wire, peer, measure, reason):
        self.failures.append({"round": round_number, "wire": wire, "peer": peer, "measure": measure, "reason": reason})

    def of(self, wire, peer, key):
        """All values of a figure, in the order they were measured."""
        return [record["values"][key] for record in self.records
                if record["wire"] == wire and record["peer"] == peer and key in record["values"]]


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if "SUDO_UID" in os.environ:  # a build folder with files of root's is a nuisance
        os.chown(path, int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"]))
