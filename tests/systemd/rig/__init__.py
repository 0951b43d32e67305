# SPDX-License-Identifier: MIT
"""Hosts that a real systemd runs, in containers: their image, what is installed on them, and the hosts themselves."""
