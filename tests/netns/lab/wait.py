# SPDX-License-Identifier: MIT
"""Waiting for something to become true, with a bound, and without hurry: the machine may be busy."""
import time

from .namespace import Failed
from .patience import patient


def wait_until(predicate, timeout, what, interval=0.05):
    """Returns the seconds it took. `timeout`: what it may take on an idle machine; see patience.py."""
    begin = time.monotonic()
    timeout = patient(timeout)
    while not predicate():
        if time.monotonic() - begin > timeout:
            raise Failed(f"waited {timeout} s in vain for {what}")
        time.sleep(interval)
    return time.monotonic() - begin
