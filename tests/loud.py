# SPDX-License-Identifier: MIT
"""What could not be shown on this machine is said in capitals at the end of a test run, and what must not be tried again is noted.

A skipped test is one "s" among hundreds of dots: whoever has no root would believe that everything was shown. A reason that begins with
"NO ..." or "NOT ..." names what the machine lacks and is told; others (a test that means nothing in this version) are not.

`make` gives what has failed a second run, for real processes on two cores miss time limits. Where nothing but what was done decides, a test that
fails once has found something: with ATRIUM_NO_SECOND_RUN, a file, its name is written there, and there is no second run.

Each folder's conftest.py takes the function over.
"""

from __future__ import annotations

import os

import pytest

# An attack that succeeds once has succeeded.
FINAL = ("tests/net/test_attacks", "tests/python/test_in_the_middle", "tests/python/test_secrets")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Once, although several conftest.py have it."""
    if getattr(terminalreporter, "skips_told", False):
        return
    terminalreporter.skips_told = True  # type: ignore[attr-defined]
    _note_final(terminalreporter)
    reasons = set()
    for report in terminalreporter.stats.get("skipped", []):
        if isinstance(report.longrepr, tuple):
            reasons.add(report.longrepr[2].removeprefix("Skipped: "))
    for reason in sorted(reasons):
        if reason.lower().startswith(("no ", "not ")):
            terminalreporter.write_line(f"************ SKIPPED: {reason}", red=True, bold=True)


def _note_final(terminalreporter: pytest.TerminalReporter) -> None:
    place = os.environ.get("ATRIUM_NO_SECOND_RUN")
    failed = [report for report in terminalreporter.stats.get("failed", []) if report.nodeid.startswith(FINAL)]
    wrong = [report.nodeid for report in failed if "AssertionError" in str(report.longrepr)]
    if place and wrong:
        with open(place, "a", encoding="utf-8") as file:
            file.write("\n".join(wrong) + "\n")
