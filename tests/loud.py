# SPDX-License-Identifier: MIT
"""What could not be shown on this machine is said in capitals at the end of a test run.

A skipped test is one "s" among hundreds of dots: whoever has no root would believe that everything was shown. A reason that begins with
"NO ..." or "NOT ..." names what the machine lacks and is told; others (a test that means nothing in this version) are not.
Each folder's conftest.py takes the function over.
"""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Once, although several conftest.py have it."""
    if getattr(terminalreporter, "skips_told", False):
        return
    terminalreporter.skips_told = True  # type: ignore[attr-defined]
    reasons = set()
    for report in terminalreporter.stats.get("skipped", []):
        if isinstance(report.longrepr, tuple):
            reasons.add(report.longrepr[2].removeprefix("Skipped: "))
    for reason in sorted(reasons):
        if reason.lower().startswith(("no ", "not ")):
            terminalreporter.write_line(f"************ SKIPPED: {reason}", red=True, bold=True)
