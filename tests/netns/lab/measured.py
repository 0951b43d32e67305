# SPDX-License-Identifier: MIT
"""What tests measure and nobody judges: shown at the end of the run."""
import pytest


@pytest.fixture
def measured(request):
    """measured(what, value, unit) is shown at the end of the run, and asserts nothing."""
    def measured(what, value, unit):
        request.node.user_properties.append((what, f"{value:.3g} {unit}"))
    return measured


def pytest_terminal_summary(terminalreporter):
    reports = [r for outcome in ("passed", "failed") for r in terminalreporter.stats.get(outcome, ())]
    lines = [f"{r.nodeid.split('::')[-1]}: {what}: {value}" for r in reports for what, value in r.user_properties]
    if lines:
        terminalreporter.section("measured, not judged")
        terminalreporter.write_line("\n".join(sorted(lines)))
