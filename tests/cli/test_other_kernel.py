# SPDX-License-Identifier: MIT
"""What scripts/other-kernel and its like do before there is anything to test: the kernel that is fetched, and the run as
root. Functions of theirs, in a shell in which what is foreign to them is stood in for.
"""
import re
import subprocess

import pytest

from shells import ROOT

OLD, NEW = "6.1.0-1-amd64", "6.1.0-2-amd64"


def function(script, name):
    return re.search(rf"^{name}\(\) {{.*?^}}$", (ROOT / "scripts" / script).read_text(), re.M | re.S)[0]


def shell(text, *arguments, **environment):
    return subprocess.run(["bash", "-euo", "pipefail", "-c", text, *arguments], text=True, capture_output=True, cwd="/",
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/home/somebody", **environment})


FETCH = function("other-kernel", "fetch_kernel") + f"""
work=$PWD/work root=$PWD/kernel
apt_of() {{
  case "$*" in
    "apt-get update") mkdir -p "$work/apt" ;;
    apt-cache*) echo "  Depends: linux-image-{NEW}" ;;
    "apt-get download linux-image-{NEW}") touch linux-image.deb ;;
    *) return 1 ;;
  esac
  [[ $1-$2 != "$fails" ]]
}}
dpkg-deb() {{
  mkdir -p "$3/lib/modules/{NEW}" "$3/boot"
  [[ $fails == vmlinuz ]] || touch "$3/boot/vmlinuz-{NEW}"
  [[ $fails != dpkg-deb ]]
}}
depmod() {{ [[ $fails != depmod ]]; }}
fetch_kernel || exit 1
"""


@pytest.mark.parametrize("fails", ["apt-get-update", "apt-cache-depends", "apt-get-download", "dpkg-deb", "vmlinuz", "depmod", ""])
def test_the_kernel_of_the_last_run_goes_when_there_is_another(fails, tmp_path):
    boot = tmp_path / "kernel/boot"
    boot.mkdir(parents=True)
    (boot / f"vmlinuz-{OLD}").touch()
    done = shell(f"cd {tmp_path}; fails={fails}\n{FETCH}")
    assert done.returncode == (1 if fails else 0), done.stderr
    assert [kernel.name for kernel in boot.iterdir()] == [f"vmlinuz-{OLD if fails else NEW}"]


@pytest.mark.parametrize("called", ["./other-kernel", "scripts/other-kernel", "/somewhere/scripts/other-kernel"])
def test_the_run_as_root_is_told_what_this_one_was(called):
    """However it was called; and nobody's, for whom there would be no such run if this one were root's."""
    become_root = function("root-fs.sh", "become_root").replace("$EUID", "1000")
    done = shell(f"""
ADIT_ROOT=/adit
sudo() {{ :; }}
exec() {{ printf '%s\\n' "$@"; }}
{become_root}
become_root "a machine" "$@"
""", called, "--release", "trixie", "echo one two", ADIT_BIN_DIR="/my programs", ADIT_KERNEL_LIMIT="60")
    assert done.returncode == 0, done.stderr
    sudo, env, *variables = done.stdout.splitlines()[:-4]
    assert (sudo, env) == ("sudo", "env")
    assert {"XDG_CACHE_HOME=/home/somebody/.cache", "ADIT_BIN_DIR=/my programs", "ADIT_KERNEL_LIMIT=60"} <= set(variables)
    assert done.stdout.splitlines()[-4:] == ["/adit/scripts/other-kernel", "--release", "trixie", "echo one two"]
