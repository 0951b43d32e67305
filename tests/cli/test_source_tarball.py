# SPDX-License-Identifier: MIT
"""The release's tarball: what is committed, and the same bytes whoever makes it, wherever and whenever."""
import hashlib
import os
import re
import subprocess
import tarfile

import pytest

from shells import ROOT

VERSION = re.search(r"\d+\.\d+\.\d+", (ROOT / "debian/changelog").read_text())[0]

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no clone, and only git knows what is committed")


def git(*words):
    return subprocess.run(["git", "-c", "safe.directory=*", "-C", ROOT, *words], check=True, capture_output=True, text=True).stdout


def make(folder, umask=0o022, **environment):
    config = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    subprocess.run([ROOT / "scripts/package", "--source", folder], check=True, umask=umask, stdout=subprocess.PIPE,
                   env={**os.environ, **config, **environment})
    return folder / f"adit-{VERSION}.tar.xz"


def test_it_is_the_same_whoever_makes_it(tmp_path):
    first = make(tmp_path / "first", TZ="UTC")
    second = make(tmp_path / "second", 0o077, TZ="Asia/Tokyo", LC_ALL="C", HOME="/nonexistent")
    assert hashlib.sha256(first.read_bytes()).digest() == hashlib.sha256(second.read_bytes()).digest()


def test_it_holds_what_is_committed_and_nothing_else(tmp_path):
    with tarfile.open(make(tmp_path)) as archive:
        files = [member for member in archive.getmembers() if not member.isdir()]
        top = f"adit-{VERSION}/"
        assert sorted(member.name.removeprefix(top) for member in files) == sorted(
            git("ls-tree", "-r", "--name-only", "-z", "HEAD").strip("\0").split("\0"))
        assert all(member.uname in ("root", "") for member in files)
        assert archive.extractfile(top + "README.md").read().decode() == git("show", "HEAD:README.md")
