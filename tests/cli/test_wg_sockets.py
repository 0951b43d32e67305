# SPDX-License-Identifier: MIT
"""systemd/wg-sockets, which each unit runs at its start and its end: with hundreds of links it looks at hundreds of sockets
hundreds of times. Its folders are others here, and each program it starts is noted.
"""
import os
import shutil
import socket
import subprocess

import pytest

from shells import ROOT

PROGRAMS = ("readlink", "rm", "stat", "ln", "mkdir", "chown", "chmod")
LINKS = 500


@pytest.fixture
def folders(tmp_path):
    """Where the links have their sockets, and where `wg` looks; paths of sockets are short."""
    (tmp_path / "s").mkdir()
    (tmp_path / "w").mkdir()
    return tmp_path / "s", tmp_path / "w"


@pytest.fixture
def run(tmp_path, folders):
    """run(): how often it started each program."""
    noted = tmp_path / "noted"
    places = tmp_path / "bin"
    places.mkdir()
    for name in PROGRAMS:
        write_program(places / name, f'echo {name} >>"{noted}"\nexec {shutil.which(name)} "$@"')
    script = tmp_path / "wg-sockets"
    sockets, shown = folders
    script.write_text((ROOT / "systemd/wg-sockets").read_text()
                      .replace("sockets=/run/adit-wg shown=/run/wireguard", f"sockets={sockets} shown={shown}"))

    def run():
        noted.write_text("")
        # Nothing else is in its PATH: what it starts besides would be missing.
        done = subprocess.run(["/bin/sh", script], env={"PATH": str(places)}, capture_output=True, text=True)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        started = noted.read_text().split()
        return {name: started.count(name) for name in set(started)}
    return run


def listen(folder, name):
    """The file stays when nobody listens any more."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / name))


def write_program(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_hundreds_of_links_that_are_as_they_should_be_cost_no_process(folders, run):
    sockets, shown = folders
    for number in range(LINKS):
        listen(sockets, f"adit-test{number}.sock")
    assert run().pop("ln") == LINKS
    assert {os.readlink(link) for link in shown.iterdir()} == {str(each) for each in sockets.iterdir()}
    assert run() == {"stat": 1}, "whose the folder is, and nothing for each of them"
    listen(sockets, "adit-test-more.sock")
    assert run() == {"stat": 1, "ln": 1}


def test_links_to_what_is_gone_go_and_those_of_others_stay(folders, run, tmp_path):
    sockets, shown = folders
    for name in ("adit-a.sock", "adit-b.sock"):
        listen(sockets, name)
    run()
    (sockets / "adit-a.sock").unlink()
    (shown / "foreign.sock").symlink_to(tmp_path / "gone")
    listen(shown, "wireguard-go.sock")
    listen(sockets, "wireguard-go.sock")
    assert run()["rm"] == 1
    assert {path.name for path in shown.iterdir()} == {"adit-b.sock", "foreign.sock", "wireguard-go.sock"}
    assert not (shown / "wireguard-go.sock").is_symlink(), "another's socket is not replaced"


def test_an_interface_of_the_kernels_lends_its_name_to_nobody(folders, run):
    sockets, shown = folders
    listen(sockets, "lo.sock")
    run()
    assert list(shown.iterdir()) == []


def test_another_link_that_is_quicker_leaves_none_out(folders, run, tmp_path):
    """Each program does what the other link's run does at the same moment, and then what it is asked to."""
    sockets, shown = folders
    shown.rmdir()
    for name in ("mkdir", "rm", "ln"):
        program = shutil.which(name)
        write_program(tmp_path / "bin" / name, f'{program} "$@"\nexec {program} "$@"')
    write_program(tmp_path / "bin/stat", "echo adit")  # all of it is an earlier version's
    write_program(tmp_path / "bin/chown", "")
    for name in ("adit-m.sock", "adit-z.sock"):
        listen(sockets, name)
    run()
    assert {path.name for path in shown.iterdir()} == {"adit-m.sock", "adit-z.sock"}
    (shown / "adit-m.sock").unlink()
    listen(shown, "adit-m.sock")
    (sockets / "adit-z.sock").unlink()
    run()
    assert {path.name: path.is_symlink() for path in shown.iterdir()} == {"adit-m.sock": True}


def test_a_link_that_cannot_be_made_is_told(folders, run, tmp_path):
    sockets, _ = folders
    listen(sockets, "adit-a.sock")
    write_program(tmp_path / "bin/ln", "echo 'ln: no room' >&2; exit 1")
    with pytest.raises(AssertionError, match="ln: no room"):
        run()
