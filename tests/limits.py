#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that every limit has a test that passes it.

docs/limits.md is the map. Each name of csrc/base/limits.h stands there once, with a test or as something that is no bound; the test exists, and its
file names the limit, so that whoever changes a limit finds its test by searching for it. A maximum that has its name elsewhere is not
chosen but follows from something, and the map says from what.
"""

from __future__ import annotations

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOT_LIMITS = {"ATR_BASE_LIMITS_H", "ATR_KIB", "ATR_MIB"}

DEFINED = re.compile(r"^#define (ATR_\w+)", re.M)
ROW = re.compile(r"^\| `(ATR_\w+)` \|(.*)\|$", re.M)
ELSEWHERE = re.compile(r"^#define (\w+_MAX)\b|\b([A-Z]\w*_MAX) =", re.M)
ROW_ELSEWHERE = re.compile(r"^\| `(\w+_MAX)` \| \S.*\|$", re.M)
LEFT_OVER = re.compile(r"<{7} |={7}$|>{7} ")  # of a merge
TEST = re.compile(r"`([\w/]+\.(?:c|py))` `(\w+)`")


def fault_of(name: str, rest: str) -> str | None:
    """What is wrong with one row of the first table."""
    found = TEST.search(rest)
    if not found:
        return f"{name} has no test"
    path = ROOT / "tests" / found[1]
    if not path.exists():
        return f"{name}: there is no tests/{found[1]}"
    text = path.read_text(encoding="utf-8")
    if not re.search(rf"^(?:static void|def) {found[2]}\(", text, re.M):
        return f"{name}: tests/{found[1]} has no {found[2]}"
    if not re.search(rf"\b{name}\b", text):
        return f"{name}: tests/{found[1]} does not name it"
    return None


def elsewhere() -> set[str]:
    """Names of maxima in all other files of the engine."""
    files = [path for path in (ROOT / "csrc").rglob("*.[ch]") if path.name != "limits.h"]
    return {one or other for path in files for one, other in ELSEWHERE.findall(path.read_text(encoding="utf-8"))}


def main() -> int:
    defined = set(DEFINED.findall((ROOT / "csrc/base/limits.h").read_text(encoding="utf-8"))) - NOT_LIMITS
    page = (ROOT / "docs/limits.md").read_text(encoding="utf-8")
    page, _, set_elsewhere = page.partition("\n## Named elsewhere")
    bounds, _, others = page.partition("\n## Not bounds")
    told, there = set(ROW_ELSEWHERE.findall(set_elsewhere)), elsewhere()
    rows = ROW.findall(bounds)
    names = [name for name, _ in rows] + [name for name, _ in ROW.findall(others)]
    faults = [
        f"docs/limits.md, line {n}: {line}" for n, line in enumerate(page.splitlines(), 1) if LEFT_OVER.match(line)
    ]
    faults += [f"{name} is not in docs/limits.md" for name in sorted(defined - set(names))]
    faults += [
        f"{name} belongs into csrc/base/limits.h, or what sets it into docs/limits.md" for name in sorted(there - told)
    ]
    faults += [f"{name} is no maximum any more" for name in sorted(told - there)]
    faults += [f"{name} is no limit any more" for name in sorted(set(names) - defined)]
    faults += [f"{name} stands twice in docs/limits.md" for name in sorted(set(names)) if names.count(name) > 1]
    faults += [fault for name, rest in rows if (fault := fault_of(name, rest))]
    print("\n".join(f"limits: {fault}" for fault in faults) or f"limits: {len(rows)}, each with a test")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
