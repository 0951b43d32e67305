# SPDX-License-Identifier: MIT
"""What bash, zsh and fish offer behind `adit …`, each asked by itself, with the completions as they are installed; and
what the program says that there is to offer."""
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).parents[2]
ADIT = pathlib.Path(os.environ.get("ADIT_BIN_DIR", ROOT / "build/dev/bin")) / "adit"
FILES = ROOT / "daemon/cli/completions"


def adit(*arguments):
    return subprocess.run([ADIT, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)


def _listed(text, heading, pattern):
    section = re.search(rf"^{heading}:\n((?:  .*\n)+)", text, re.M)
    return re.findall(pattern, section[1], re.M) if section else []


SUBCOMMANDS = _listed(adit("--help").stdout, "Subcommands", r"^  (\w\S*)")


def options_of(*subcommand):
    """The long ones."""
    return set(_listed(adit(*subcommand, "--help").stdout, "Options", r"^  (?:-\w,)?(--[\w-]+)"))


def _run(command, cwd, environment):
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=60, stdin=subprocess.DEVNULL,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "dumb", "HOME": str(cwd), **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


BASH = """
source "$1"; shift
[[ $(complete -p adit) == "complete -F _adit adit" ]] || exit 1
COMP_WORDS=(adit "$@") COMP_CWORD=$#
_adit
printf '%s\\n' "${COMPREPLY[@]}"
"""


def bash(words, cwd, environment):
    return set(_run(["bash", "--norc", "-c", BASH, "bash", FILES / "adit.bash", *words], cwd, environment).split())


def fish(words, cwd, environment):
    script = "source $argv[1]; complete -C $argv[2]"
    lines = _run(["fish", "--no-config", "-c", script, FILES / "adit.fish", " ".join(["adit", *words])], cwd,
                 environment).splitlines()
    return {line.split("\t")[0] for line in lines}


def zsh(words, cwd, environment):
    script = pathlib.Path(__file__).with_name("offered.zsh")
    return set(_run(["zsh", "-f", script, FILES, " ".join(["adit", *words])], cwd, environment).split())


SHELLS = [bash, zsh, fish]
