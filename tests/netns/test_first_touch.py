# SPDX-License-Identifier: MIT
"""What somebody meets who tries Adit for the first time, on a host that lacks something: nothing fails without the next
step, and nothing stays silent.
"""
import os
import shutil
import subprocess

import pytest

from lab.ends import ADIT
from lab.traffic import traffic_within
from lab.wait import wait_until

pytestmark = pytest.mark.adit_only

AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def adit(*command, env=None):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, env={**os.environ, **(env or {})},
                          stdin=subprocess.DEVNULL)


@pytest.fixture
def program(public_directory):
    """`adit` where everybody may run it."""
    return shutil.copy(ADIT, f"{public_directory}/adit")


def test_a_user_without_rights_is_told_how_to_get_them(make, program):
    link = make().start()
    traffic_within(link.a.host, link.b.side.addr4, 10)
    folder = public(link.a.run_dir, program)
    done = link.a.host.run(*AS_NOBODY, program, "status", check=False, env={"ADIT_RUN_DIR": folder})
    assert done.returncode == 1
    assert f"`sudo adit status {link.a.name}`" in done.stderr


def public(run_dir, program):
    """The folder of sockets as everybody sees it, as /run/adit is; pytest's own are closed."""
    folder = f"{os.path.dirname(program)}/run"
    os.mkdir(folder)
    for socket in run_dir.glob("*.sock"):
        os.link(socket, f"{folder}/{socket.name}")
    return folder


def test_sockets_that_cannot_be_seen_are_not_taken_for_none(program, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    done = adit(*AS_NOBODY, program, "status", env={"ADIT_RUN_DIR": str(closed)})
    assert str(closed) in done.stdout and "try with sudo" in done.stdout


@pytest.mark.skipif(os.path.exists("/etc/adit"), reason="there are links on this machine")
def test_without_a_link_it_says_how_to_begin(program, tmp_path):
    env = {"ADIT_RUN_DIR": str(tmp_path / "none")}
    done = adit(program, "status", env=env)
    assert done.stdout.startswith("no links here; begin with `adit pair ") and done.returncode == 0
    done = adit(program, env=env)
    assert "`adit --help`" in done.stderr and "no links here; begin with `adit pair " in done.stderr
    assert done.returncode == 2


def test_a_file_that_cannot_be_seen_is_not_taken_for_none(program, tmp_path):
    """/etc/adit is closed to others than root and the links' own group."""
    etc = "mount -t tmpfs etc /etc && mkdir -m 0750 /etc/adit && touch /etc/adit/office.yaml && exec \"$@\""
    unblock = ("unshare", "--net", "--mount", "sh", "-c", etc, "sh")
    env = {"ADIT_RUN_DIR": str(tmp_path / "none")}
    done = adit(*unblock, *AS_NOBODY, program, "unblock", "office", env=env)
    assert done.returncode == 1 and "`sudo adit unblock office`" in done.stderr
    done = adit(*unblock, program, "unblock", "office", env=env)
    assert done.returncode == 0 and "nothing was blocked" in done.stdout
    assert adit(*unblock, program, "unblock", "ofice", env=env).returncode == 4


def test_without_sudo_who_needs_it_is_told_so(program, public_directory):
    tools = f"{public_directory}/tools"
    os.mkdir(tools)
    for tool in ("sh", "id"):
        os.symlink(shutil.which(tool), f"{tools}/{tool}")
    done = adit(shutil.which("setpriv"), *AS_NOBODY[1:], program, "pair", "office=10.1.0.2", "home=-", "--install", "office=local",
                "--install", "home=local", env={"PATH": tools})
    assert done.returncode == 1
    assert "no sudo on this host" in done.stderr and "run this as root" in done.stderr


def test_a_kernel_older_than_any_that_was_tried_is_named(make):
    """Such as this one seems to be to a process with the personality of Linux 2.6."""
    end = make().a
    daemon = end.launch("setarch", "--uname-2.6")
    wait_until(lambda: end.socket_path.exists() or not daemon.alive, 10, "the control socket")
    assert "this kernel is Linux 2.6." in daemon.log()
    assert "tested on 6.1 and later" in daemon.log()
