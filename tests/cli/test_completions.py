# SPDX-License-Identifier: MIT
"""Completion of `adit` in the shells themselves: all that the program has, and nothing that it has not."""
import os
import subprocess

import pytest
from shells import ADIT, SHELLS, SUBCOMMANDS, options_of

OPTIONS_ANYWHERE = {"-h", "-o"}


@pytest.fixture
def place(tmp_path):
    """A folder with files of all sorts, and another with sockets of links."""
    for name in ("one.yaml", "two.yaml", "wg0.conf", "metrics.prom", "notes.txt", "run/office.sock", "run/cabin.sock",
                 "folder/three.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.fixture(params=SHELLS, ids=lambda shell: shell.__name__)
def offered(request, place):
    def offered(*words):
        return request.param(words, place, {"ADIT_RUN_DIR": str(place / "run")})
    return offered


def test_all_subcommands_and_no_others(offered):
    assert offered("") == set(SUBCOMMANDS)
    assert offered("help", "") == set(SUBCOMMANDS)


def test_a_beginning_narrows_the_choice(offered):
    assert offered("st") == {"status"}
    assert offered("gen") == {"genkey", "genpsk"}
    assert offered("xyz") == set()


def test_options_before_a_subcommand(offered):
    assert offered("--") - OPTIONS_ANYWHERE == options_of()


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_all_options_of_a_subcommand_and_no_others(offered, subcommand):
    assert offered(subcommand, "--") - OPTIONS_ANYWHERE == options_of(subcommand)


def test_names_of_links(offered):
    for subcommand in ("status", "reload", "doctor"):
        assert {"office", "cabin"} <= offered(subcommand, "")
    assert {"office", "cabin"} <= offered("status", "office", "")
    assert offered("reload", "of") == {"office"}
    assert "office" not in offered("reload", "office", "")
    assert "office" not in offered("check", "")


def names(words):
    return {word.rstrip("/").rsplit("/", 1)[-1] for word in words}


def test_files_of_the_right_sort(offered):
    for subcommand in ("check", "export"):
        assert {"one.yaml", "two.yaml", "folder"} <= names(offered(subcommand, ""))
    assert {"wg0.conf", "folder"} <= names(offered("import", ""))
    assert names(offered("check", "folder/t")) == {"three.yaml"}
    assert {"metrics.prom"} <= names(offered("exporter", "--textfile", ""))


def test_folders_for_pair(offered):
    found = names(offered("pair", "--output", ""))
    assert {"folder", "run"} <= found
    assert "one.yaml" not in found


def test_nothing_where_nothing_can_be_known(offered):
    """zsh has options then, as it does with all commands."""
    assert offered("genkey", "") <= {"--help", "-h"}
    assert offered("pair", "--tunnel", "") == set()


def test_a_host_without_links_is_no_trouble(offered, place):
    for path in (place / "run").iterdir():
        path.unlink()
    assert "office" not in offered("status", "")


def test_they_are_installed_where_each_shell_looks(tmp_path):
    """bash is asked by way of the package bash-completion, which loads a completion when it is wanted first."""
    installed = subprocess.run(["cmake", "--install", ADIT.parents[1], "--prefix", "/usr"], capture_output=True, text=True,
                               env={**os.environ, "DESTDIR": str(tmp_path)})
    assert installed.returncode == 0, installed.stderr
    share = tmp_path / "usr/share"
    assert (share / "zsh/vendor-completions/_adit").exists()
    assert (share / "fish/vendor_completions.d/adit.fish").exists()
    script = "source /usr/share/bash-completion/bash_completion; _completion_loader adit; complete -p adit"
    loaded = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                            env={**os.environ, "HOME": str(tmp_path), "XDG_DATA_DIRS": str(share)})
    assert loaded.stdout == "complete -F _adit adit\n", loaded.stderr
    # fish loads what belongs to a program that there is.
    path = f"{tmp_path}/usr/bin:{os.environ['PATH']}"
    asked = subprocess.run(["fish", "-c", "complete -C 'adit stat'"], capture_output=True, text=True,
                           env={**os.environ, "HOME": str(tmp_path), "XDG_DATA_DIRS": str(share), "PATH": path})
    assert asked.stdout.startswith("status\t"), asked.stderr
