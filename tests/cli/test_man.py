# SPDX-License-Identifier: MIT
"""The manual pages say what the programs, the schema and the documents say. scripts/man writes them anew."""
import json
import re
import subprocess

import pytest

from shells import ADIT, ROOT

PAGES = ROOT / "docs" / "man"
STALE = "run scripts/man, which writes the manual pages anew"


def page(name):
    """As text, more or less: without fonts, hyphens as they are typed."""
    roff = (PAGES / name).read_text()
    text = re.sub(r"\\f(?:\[\w*\]|[A-Z])", "", roff)
    return re.sub(r"\\\[?(?:ti|ha|cq|aq|dq|lq|rq)\]?", "'", text.replace(r"\-", "-").replace(r"\&", "").replace(r"\[at]", "@"))


def output(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout


def subcommands():
    table = output(ADIT, "--help").split("Subcommands:\n")[1]
    return re.findall(r"^  (\w+) ", table, flags=re.M)


def options(help_text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", help_text))


def test_each_subcommand_has_a_page_and_each_page_a_program():
    wanted = {f"adit-{name}.1" for name in subcommands()} | {"adit.1", "aditd.8", "adit.yaml.5", "adit-exporter.8"}
    assert {file.name for file in PAGES.iterdir()} == wanted, STALE
    assert all(f"adit-{name}" in page("adit.1") for name in subcommands()), STALE


@pytest.mark.parametrize("name", subcommands())
def test_a_page_has_the_options_of_its_program_and_no_others(name):
    assert options(page(f"adit-{name}.1")) >= options(output(ADIT, "help", name)), STALE
    section = page(f"adit-{name}.1").split(".SH OPTIONS")[1].split("\n.SH ")[0]
    assert options(section) <= options(output(ADIT, "help", name)) | {"--help"}, STALE


@pytest.mark.parametrize("name", sorted(file.name for file in PAGES.iterdir()))
def test_a_page_ends_with_those_to_see_as_well(name):
    assert "\n.SH SEE ALSO\n" in (PAGES / name).read_text(), STALE


def test_each_option_of_a_page_has_a_meaning():
    bare = [(name, entry) for name in subcommands()
            for entry in re.findall(r"\.TP\n(.*)\n\.(?:TP|SH|PP)", (PAGES / f"adit-{name}.1").read_text())]
    assert not bare


def test_the_daemons_page_has_its_options():
    assert options(page("aditd.8")) == options(output(ADIT.parent / "aditd", "--help")), STALE


def keys(schema, root, path=""):
    """Of all levels: "interface", "interface.mtu" …"""
    if "$ref" in schema:
        schema = root[schema["$ref"].split("/")[1]][schema["$ref"].split("/")[2]]
    for part in schema.get("oneOf", []) + schema.get("anyOf", []) + schema.get("allOf", []):
        yield from keys(part, root, path)
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}{name}"
        yield from keys(inner, root, f"{path}{name}.")


def test_the_files_page_has_every_key_of_the_schema():
    schema = json.loads((ROOT / "config" / "adit.schema.json").read_text())
    text = page("adit.yaml.5")
    missing = {key for key in keys(schema, schema) if not re.search(rf"\b{re.escape(key.rsplit('.', 1)[-1])}\b", text, re.I)}
    assert not missing, STALE


def test_the_page_of_the_file_is_that_of_the_document():
    """Word by word, but for what a page has no use for."""
    def words(text):
        return set(re.findall(r"[a-z_]{4,}", text.lower()))
    document = re.sub(r"\]\([^)]*\)", "]", (ROOT / "docs" / "configuration.md").read_text())
    assert words(document) - words(page("adit.yaml.5")) <= {"example", "meaning", "variable"}, STALE


def test_the_version_stands_in_one_place():
    version = re.match(r"adit \((\d+\.\d+\.\d+)-", (ROOT / "debian" / "changelog").read_text())[1]
    assert output(ADIT, "--version").split()[1].startswith(version)
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.M)[1] == version
    assert all(f'"Adit {version}"' in (PAGES / name).read_text() for name in ("adit.1", "aditd.8", "adit.yaml.5")), STALE
