# SPDX-License-Identifier: MIT
"""What the journal holds: entries to be found by their fields, and an explanation for each kind."""
import pathlib
import re
import socket

from lab.wait import wait_until
from rig.pair import ADDRESS

ROOT = pathlib.Path(__file__).parents[2]


def kinds():
    """{message ID: constant's name} of all kinds of entries in the daemon."""
    text = (ROOT / "daemon/service/journal.h").read_text(encoding="utf-8")
    return {number: name for name, number in re.findall(r'EntryKind (k\w+)\{"\w+", "(\w+)"\}', text)}


def test_entries_are_found_by_link_event_and_state(pair):
    office, home = pair.start(*pair.links())
    public_key = re.search(r"public_key: (\S+)", pair.a.run("cat", office.file).stdout)[1]
    states = pair.a.journal("ADIT_LINK=office", "ADIT_EVENT=state")
    assert [entry["ADIT_STATE"] for entry in states][-1] == "up"
    up = states[-1]
    assert up["MESSAGE"] == "the link is up"
    assert up["PRIORITY"] == "6"
    assert up["ADIT_PEER"] == public_key
    assert up["SYSLOG_IDENTIFIER"] == "aditd"
    assert up["_SYSTEMD_UNIT"] == office.unit, "so that `journalctl -u` shows it, too"
    assert kinds()[up["MESSAGE_ID"]] == "kUp"
    assert not pair.a.journal("ADIT_LINK=home"), "that one is on the other host"


def test_lines_without_an_event_name_their_link_too_and_come_once(pair):
    office, _ = pair.links()
    pair.a.systemctl("start", office.unit)
    begins = [entry for entry in pair.a.journal("--unit", office.unit) if "aditd serves office" in entry["MESSAGE"]]
    assert len(begins) == 1
    assert begins[0]["ADIT_LINK"] == "office"
    assert "ADIT_EVENT" not in begins[0]


def test_warnings_and_errors_have_their_priority(pair):
    office, home = pair.links()
    pair.b.put(home.file, pair.b.run("cat", home.file).stdout.replace("preshared_key:", "#"))
    for link in (office, home):
        link.host.systemctl("start", link.unit)

    def entries():
        return pair.a.journal("ADIT_EVENT=handshake_refused") + pair.b.journal("ADIT_EVENT=handshake_refused")

    wait_until(entries, 30, "a handshake that does not fit")
    refused = entries()
    assert refused[0]["PRIORITY"] == "4"
    assert refused[0]["ADIT_ENDPOINT"].split(":")[0] in ADDRESS.values()
    assert refused[0]["ADIT_REASON"] == "unverified_response"


def test_a_wrong_file_is_an_error_with_its_link_and_event(pair):
    office, _ = pair.links(edit=lambda text: text + "rooutes: []\nloog: {}\n")
    pair.a.systemctl("start", office.unit, check=False)
    problems = pair.a.journal("ADIT_LINK=office", "ADIT_EVENT=config_invalid")
    assert len(problems) == 2
    assert {entry["PRIORITY"] for entry in problems} == {"3"}


def test_a_reload_that_is_refused_is_an_error_of_a_link_that_goes_on(pair):
    office, home = pair.start(*pair.links())
    good = pair.a.run("cat", office.file).stdout
    pair.a.put(office.file, good + "rooutes: []\n")
    pair.a.systemctl("reload", office.unit, check=False)
    refused = pair.a.journal("ADIT_LINK=office", "ADIT_EVENT=reload_refused")
    assert refused and {entry["PRIORITY"] for entry in refused} == {"3"}
    assert "rooutes" in refused[0]["MESSAGE"]
    explained = pair.a.run("journalctl", "--no-pager", "-x", "ADIT_EVENT=reload_refused").stdout
    assert "Subject: A reload of the link office was refused" in explained
    assert "goes on with what it had" in explained and "was not\nstarted" not in explained
    assert not pair.a.journal("ADIT_LINK=office", "ADIT_EVENT=config_invalid")


def test_a_start_that_fails_is_an_error_with_its_link_and_event(pair):
    office, _ = pair.links()
    with pair.a.net.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", 51820))
        pair.a.systemctl("start", office.unit, check=False)
    reasons = pair.a.journal("ADIT_LINK=office", "ADIT_EVENT=given_up")
    assert reasons and "port 51820" in reasons[0]["MESSAGE"]
    assert reasons[0]["PRIORITY"] == "3"


def test_no_secret_is_in_the_journal(pair):
    office, home = pair.links(edit=lambda text: text + "log: {level: trace}\n")
    pair.start(office, home)
    text = pair.a.run("cat", office.file).stdout
    journal = pair.a.run("journalctl", "--no-pager", "-o", "export").stdout
    for name in ("private_key", "preshared_key"):
        secret = re.search(rf"{name}: (\S+)", text)[1]
        assert secret not in journal, name


def test_the_catalog_explains_what_happened(pair):
    office, _ = pair.links(edit=lambda text: text + "rooutes: []\n")
    pair.a.systemctl("start", office.unit, check=False)
    explained = pair.a.run("journalctl", "--no-pager", "-x", "ADIT_EVENT=config_invalid").stdout
    assert "Subject: The file of the link office is wrong" in explained
    assert "systemctl start adit@office" in explained


def test_the_catalog_explains_every_kind_that_has_an_id_and_no_other():
    catalog = (ROOT / "systemd/adit.catalog").read_text(encoding="utf-8")
    explained = re.findall(r"^-- (\w{32})$", catalog, re.MULTILINE)
    assert sorted(explained) == sorted(kinds())
