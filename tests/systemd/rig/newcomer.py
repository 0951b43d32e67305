# SPDX-License-Identifier: MIT
"""A machine on which somebody follows the README: a bare Debian, a user who may sudo, and a clone of the repository in that
user's home. What is typed into it stays, as on a disk; two hosts may boot it afterwards.
"""
import os
import pathlib
import re
import shutil
import subprocess

from lab.namespace import Failed
from lab.patience import patient

from .host import _die_with_parent
from .image import CACHE, ROOT, SUITE

SCRIPT = pathlib.Path(__file__).with_name("newcomer.sh")
USER = "you"
CLONE = f"/home/{USER}/adit"
ROOTS_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a login gives a user of Debian; and how many jobs a build may have, if whoever runs the tests limits them.
ENVIRONMENT = {"HOME": f"/home/{USER}", "USER": USER, "LOGNAME": USER, "LANG": "C.UTF-8", "TERM": "dumb",
               "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games",
               **{name: os.environ[name] for name in ("CMAKE_BUILD_PARALLEL_LEVEL",) if name in os.environ}}
# The section of the README whose lines are typed where packages are at hand (test_first_minute.py).
FIRST_MINUTE = "Two hosts in a minute"
HOSTS = "127.0.0.1 localhost\n127.0.1.1 {name}\n"
# The README's commands begin with a prompt: $ an ordinary user's, # root's; before it, perhaps, on which host.
PROMPT = re.compile(r"(office|home)?([$#]) +(.*)")


def console_blocks(readme):
    """(section's heading, [(host or None, "$" or "#", command), …]) of each block; a line that nobody could type as it
    stands there is a Failed."""
    section, found = None, []
    for heading, block in re.findall(r"^## ([^\n]*)$|^```console\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL):
        if heading:
            section = heading
            continue
        lines = [(line, PROMPT.fullmatch(line)) for line in block.splitlines()]
        for line, typed in lines:
            if not typed:
                raise Failed(f"README.md, {section or 'at its top'}: no prompt, so nothing to type: {line!r}")
        found.append((section, [typed.groups() for _, typed in lines]))
    return found


def environment(user):
    return [f"{name}={value}" for name, value in ENVIRONMENT.items()] if user == USER else [ROOTS_PATH, "HOME=/root"]


class Newcomer:
    def __init__(self, bare, own_archives=False):
        """`own_archives`: packages that are fetched stay on this machine, and not where the next one finds them, too."""
        for left in CACHE.glob("*-readme-[0-9]*"):  # of a run that was killed
            if not os.path.exists(f"/proc/{left.name.rsplit('-', 1)[1]}"):
                shutil.rmtree(left)
        self.root = CACHE / f"{SUITE}-readme-{os.getpid()}"
        self._archives = CACHE / f"{SUITE}-archives" if not own_archives else self.root / "var/cache/apt/archives"
        subprocess.run(["cp", "-a", bare, self.root], check=True)
        self._archives.mkdir(parents=True, exist_ok=True)
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        (self.root / "etc/hosts").write_text(HOSTS.format(name=os.uname().nodename), encoding="utf-8")
        self._as("root", "useradd", "--create-home", "--shell", "/bin/bash", USER)
        (self.root / f"etc/sudoers.d/{USER}").write_text(f"{USER} ALL=(ALL:ALL) NOPASSWD: ALL\n", encoding="utf-8")
        self._clone()

    def _clone(self):
        """What is committed, and over it what somebody who works on it has changed since."""
        clone = self.root / CLONE.lstrip("/")
        subprocess.run(["git", "-c", f"safe.directory={ROOT}/.git", "clone", "--quiet", "--no-hardlinks", ROOT, clone],
                       check=True, env={**os.environ, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
                                        "GIT_CONFIG_VALUE_0": "*"})
        listed = subprocess.run(["git", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "-z", "--modified", "--others",
                                 "--exclude-standard"], check=True, capture_output=True, text=True).stdout
        for name in filter(None, listed.split("\0")):
            (clone / name).unlink(missing_ok=True)
            if (ROOT / name).is_file():
                (clone / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, clone / name)
        self._as("root", "chown", "-R", f"{USER}:", CLONE)

    def _as(self, user, *command, check=True, timeout=60):
        done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "sh",
                               SCRIPT, self.root, self._archives, user, "env", "-i", *environment(user), *command],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=patient(timeout), preexec_fn=_die_with_parent)
        if check and done.returncode != 0:
            raise Failed(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout[-10000:]}")
        return done

    def unreachable(self):
        """Why packages cannot be had, in apt's words; None: they can."""
        done = self._as("root", "apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update", check=False, timeout=300)
        return None if done.returncode == 0 else done.stdout.strip()[-300:]

    def fetch(self, packages):
        """Has apt fetch these, with all that an `apt install` of them installs, and install nothing: at hand, offline."""
        self._as("root", "apt-get", "-q", "-y", "--download-only", "install", *packages, timeout=600)

    def type(self, line):
        """As the user, in the clone; returns what was printed."""
        return self._as(USER, "bash", "-c", f"cd {CLONE}\n{line}", timeout=1800).stdout

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)


def type_on(host, prompt, line):
    """On one of two hosts that have booted what the newcomer's machine has become."""
    if prompt == "#":
        return host.run("bash", "-c", f"cd\n{line}")
    return host.run("runuser", "-u", USER, "--", "env", "-i", *environment(USER), "bash", "-c", f"cd {CLONE}\n{line}",
                    timeout=1800)
