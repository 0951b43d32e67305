# SPDX-License-Identifier: MIT
"""`adit pair --install` is interrupted: no host is left with half a link. The hosts are a folder each, and `ssh` a script
that says what the commands for them would, and notes them.
"""
import os
import pathlib
import signal
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADIT = pathlib.Path(os.environ.get("ADIT_BUILD_DIR", ROOT / "build/dev")) / "bin/adit"
SSH = r"""#!/bin/sh
# ssh -T -- TARGET SCRIPT, which is encoded for whatever shell is there: the link starts, and never comes up.
host="$HOSTS/$3"
mkdir -p "$host"
case "$(printf '%s\n' "$4" | sed 's/.*(echo \([^ ]*\) |.*/\1/' | base64 -d)" in
  *"systemd=yes"*) printf 'systemd=yes\nadit=aditd 1\ntun=yes\nend=yes\n' ;;
  *"set -C"*) cat >"$host/file"; printf 'made=yes\ndone=yes\nend=yes\n' ;;
  *"systemctl enable"*) touch "$host/enabled"; echo done=yes ;;
  *"systemctl disable"*) rm "$host/enabled"; echo done=yes ;;
  *"rm -f"*) rm "$host/file"; echo done=yes ;;
  *"adit status"*) touch "$host/asked"; echo '[{"state": "connecting", "reason": "calling"}]' ;;
esac
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_done_is_taken_back_when_it_is_interrupted(tmp_path, number):
    ssh = tmp_path / "bin/ssh"
    ssh.parent.mkdir()
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    hosts = tmp_path / "hosts"
    pair = subprocess.Popen(
        [ADIT, "pair", "office=10.99.0.1", "home=10.99.0.2", "--install", "office=one", "--install", "home=two"],
        cwd=tmp_path, env={**os.environ, "PATH": f"{ssh.parent}:{os.environ['PATH']}", "HOSTS": str(hosts)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    patience = time.monotonic() + 55
    while not (hosts / "two/asked").exists() and time.monotonic() < patience and pair.poll() is None:
        time.sleep(0.05)
    left = [hosts / host / name for host in ("one", "two") for name in ("file", "enabled")]
    assert all(path.exists() for path in left)
    os.killpg(pair.pid, number) if number == signal.SIGINT else pair.send_signal(number)
    _, said = pair.communicate(timeout=60)
    assert pair.returncode == 1
    assert "interrupted" in said and "Taking back what was done" in said
    assert said.count(" is gone") == len(left)
    assert not any(path.exists() for path in left)
