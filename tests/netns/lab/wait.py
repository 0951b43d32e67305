# SPDX-License-Identifier: MIT
"""Waiting for something to become true, with a bound, and without hurry: the machine may be busy."""
import time

from .namespace import Failed


def wait_until(predicate, timeout, what, interval=0.05):
    """Returns the seconds it took."""
    begin = time.monotonic()
    while not predicate():
        if time.monotonic() - begin > timeout:
            raise Failed(f"waited {timeout} s in vain for {what}")
        time.sleep(interval)
    return time.monotonic() - begin
