# SPDX-License-Identifier: MIT
"""Keys end up in no core file, whatever kills `adit`, and however large core files may be."""
import os
import pathlib
import re
import resource
import signal
import subprocess
import time

from shells import ADIT


def with_core_files():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)


def test_adit_that_is_killed_while_it_waits_for_a_key_leaves_no_core_file(tmp_path):
    process = subprocess.Popen([ADIT, "pubkey"], stdin=subprocess.PIPE, cwd=tmp_path, preexec_fn=with_core_files)
    limits = pathlib.Path(f"/proc/{process.pid}/limits")
    began = time.monotonic()
    while not re.search(r"^Max core file size +0 +0 ", limits.read_text(), re.M):
        assert process.poll() is None and time.monotonic() - began < 60, limits.read_text()
        time.sleep(0.01)
    process.send_signal(signal.SIGQUIT)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = status
    assert os.WIFSIGNALED(status) and not os.WCOREDUMP(status)
    assert not list(tmp_path.iterdir())
