# SPDX-License-Identifier: MIT
"""Measures encrypted links between two network namespaces side by side: Adit, and what it wants to be compared with.
Needs root and the Python of the system alone. Run it through scripts/bench, which builds first.
"""
