# SPDX-License-Identifier: MIT
import signal


def pytest_configure():
    # A shell that starts us in the background has both ignored, and so would have whom our tests send them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
