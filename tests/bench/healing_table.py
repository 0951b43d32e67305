# SPDX-License-Identifier: MIT
"""healing_table.py JUNIT.xml: the seconds that tests/netns/healing.py measured, side by side, as a Markdown table."""
import os
import re
import sys
import xml.etree.ElementTree as tree

LIMIT = float(os.environ.get("ADIT_HEALING_LIMIT", "60"))
KINDS = {"adit": "Adit", "go": "wireguard-go", "quick": "wg-quick"}


def rows(root):
    """{what happened: {kind: text}}"""
    found = {}
    for case in root.iter("testcase"):
        what, kind = re.fullmatch(r"test_(.*)\[(\w+)\]", case.get("name")).groups()
        value = next((p.get("value") for p in case.iter("property") if p.get("name") == "healed"), None)
        if value is None:
            text = "the scenario failed"
        elif float(value.split()[0]) >= LIMIT:
            text = f"not within {LIMIT:.0f} s"
        else:
            text = value
        found.setdefault(what.replace("_", " "), {})[kind] = text
    return found


def table(found):
    lines = ["| what happens | " + " | ".join(KINDS.values()) + " |", "| --- |" + " --- |" * len(KINDS)]
    lines += [f"| {what} | " + " | ".join(values.get(kind, "") for kind in KINDS) + " |" for what, values in found.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(rows(tree.parse(sys.argv[1]).getroot())))
