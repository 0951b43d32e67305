# SPDX-License-Identifier: MIT
import signal


def pytest_configure():
    # A shell that starts us in the background has it ignored, and so would be whom our tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
