# SPDX-License-Identifier: MIT
"""The comparer is exact where it should be, and says where two dumps differ."""

from __future__ import annotations

import ast
import struct
import sys
from pathlib import Path

from tests.fidelity import compare
from tests.fidelity.records import Props, Writer


def write(path: Path, props: Props, extra: dict[str, Props] | None = None) -> Path:
    out = Writer(path)
    out.record("objects/A", "Object", props)
    for where, more in (extra or {}).items():
        out.record(where, "Thing", more)
    out.close()
    return path


def kinds(tmp_path: Path, left: Props, right: Props) -> dict[str, int]:
    report = compare.compare(write(tmp_path / "l", left), write(tmp_path / "r", right))
    return dict(report.kinds())


def test_types_and_signs_count(tmp_path: Path) -> None:
    different = [(1, 1.0), (1, True), (0.0, -0.0), (0.1, 0.10000000149011612), ("a", "b"), (None, 0), ([1], [1, 2])]
    for left, right in different:
        assert kinds(tmp_path, {"p": left}, {"p": right}) == {"Object.p": 1}, (left, right)
    nan = float("nan")
    assert kinds(tmp_path, {"p": [nan, 1.5]}, {"p": [nan, 1.5]}) == {}


def test_a_path_is_its_content(tmp_path: Path) -> None:
    def path(raw: str, content: str | None) -> Props:
        return {"p": {"path": raw, "content": content}}

    assert kinds(tmp_path, path("//a.png", "12"), path("/cache/12.png", "12")) == {}
    assert kinds(tmp_path, path("//a.png", "12"), path("//a.png", "13")) == {"Object.p": 1}
    assert kinds(tmp_path, path("//a.png", None), path("/b.png", None)) == {"Object.p": 1}


def test_arrays_by_their_bits(tmp_path: Path) -> None:
    def dump(name: str, *values: float) -> Path:
        out = Writer(tmp_path / name)
        out.record("a", "Mesh", {"co": out.array("<f4", len(values), struct.pack(f"<{len(values)}f", *values))})
        out.close()
        return tmp_path / name

    report = compare.compare(dump("l", 1.0, 2.0, 0.0), dump("r", 1.0, 2.5, -0.0))
    assert report.values == 3
    (difference,) = report.differences
    assert difference.left == "2 of 3 differ: [1] 2.0 [2] 0.0"
    assert difference.right == "2 of 3 differ: [1] 2.5 [2] -0.0"


def test_a_missing_struct_is_one_difference(tmp_path: Path) -> None:
    parts: dict[str, Props] = {"objects/A.b": {"x": 1, "y": [1, 2]}, "objects/A.b.c": {"z": 1}, "objects/Ab": {"z": 1}}
    left, right = write(tmp_path / "l", {}, parts), write(tmp_path / "r", {})
    report = compare.compare(left, right)
    assert [(d.path, d.left, d.right) for d in report.differences] == [
        ("objects/A.b", "there, 4 values", "missing"),
        ("objects/Ab", "there, 1 values", "missing"),
    ]


def test_every_difference_is_told(tmp_path: Path) -> None:
    left: Props = {f"p{i}": i for i in range(1000)}
    report = compare.compare(write(tmp_path / "l", left), write(tmp_path / "r", dict.fromkeys(left, -1)))
    told = "\n".join(compare.lines(report)).splitlines()
    assert {f"objects/A.p{i}" for i in range(1000)} <= set(told)
    assert told[-1].endswith("1,000 differences")


def test_the_judge_shares_no_code_with_the_capture() -> None:
    """What the add-on forgets must not be forgotten here too."""
    folder = Path(__file__).parent
    for name in ("dump", "walk", "records", "extras", "exclusions", "compare"):
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = [node.module or ""] if not node.level else ["tests.fidelity"]
            for module in modules:
                assert module.split(".")[0] in {*sys.stdlib_module_names, "bpy", "numpy"} or module.startswith(
                    "tests.fidelity"
                ), f"{name}.py imports {module}"
