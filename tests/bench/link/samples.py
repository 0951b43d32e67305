# SPDX-License-Identifier: MIT
"""Everything that was measured, one record a measurement, and what failed instead."""


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
