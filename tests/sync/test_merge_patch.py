# SPDX-License-Identifier: MIT
"""The add-on merges patches in Python, the engine in C: both must do the same in every case, or two members would see
different documents. Both read the cases of tests/merge_patch.json (tests/c/test_patch.c)."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CASES: list[dict[str, Any]] = json.loads((ROOT / "tests" / "merge_patch.json").read_text(encoding="utf-8"))

# By its file: the package around it wants Blender.
spec = importlib.util.spec_from_file_location("mergepatch", ROOT / "addon" / "sync" / "mergepatch.py")
assert spec and spec.loader
mergepatch = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mergepatch)


@pytest.mark.parametrize("case", CASES, ids=lambda case: json.dumps(case["patch"])[:40])
def test_python_merges_as_the_engine_does(case: dict[str, Any]) -> None:
    before = json.dumps(case.get("target"))
    assert mergepatch.merge(case.get("target"), case["patch"]) == case["result"]
    assert json.dumps(case.get("target")) == before, "the arguments are left alone"
