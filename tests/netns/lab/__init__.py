# SPDX-License-Identifier: MIT
"""A laboratory of network namespaces: hosts, a router between them, ends of an encrypted link, traffic, attackers."""
