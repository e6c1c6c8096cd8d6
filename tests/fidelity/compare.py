# SPDX-License-Identifier: MIT
"""Compares two dumps, exactly.

    python compare.py LEFT RIGHT [--expect-none]

Every value must be equal to the last bit (see `records.py`), with two exceptions. A path of a file is
equal to another path whose file has the same content, since another computer keeps the file elsewhere.
A value of one side that Blender would not take (an enum that no item names, a number out of its
range: old files hold such) cannot be sent by anyone; where it differs, it is counted apart. A struct that only one side has counts as one difference, with the number of values in
and below it. Exit code 1 if there are differences and `--expect-none` was given, else 0.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fidelity.records import Dump, Props, Value, is_array

SHOWN_MAX = 100  # characters of a value in a report


@dataclass
class Difference:
    path: str
    kind: str  # RNA type and property: "Object.location"
    left: str
    right: str
    distance: float | None = None  # largest difference between numbers, where only numbers differ

    def __str__(self) -> str:
        return f"{self.path}\n    left   {self.left}\n    right  {self.right}"


@dataclass
class Report:
    values: int = 0
    differences: list[Difference] = field(default_factory=list)
    unsettable: Counter[str] = field(default_factory=Counter)  # by kind

    def kinds(self) -> Counter[str]:
        return Counter(d.kind for d in self.differences)

    def distances(self) -> dict[str, float | None]:
        """Per kind how far apart its numbers are at most; None where something else differs too."""
        found: dict[str, float | None] = {}
        for d in self.differences:
            before = found.get(d.kind, 0.0)
            found[d.kind] = None if before is None or d.distance is None else max(before, d.distance)
        return found


def compare(left: Path, right: Path) -> Report:
    """Compare two dumps."""
    return Comparison(Dump(left), Dump(right)).run()


class Comparison:
    def __init__(self, left: Dump, right: Dump) -> None:
        self.left = left
        self.right = right
        self.report = Report()

    def run(self) -> Report:
        for path, (left_type, left_props) in self.left.structs.items():
            other = self.right.structs.get(path)
            if other is None:
                continue
            if path in self.left.lines and self.left.lines[path] == self.right.lines.get(path):
                # Nearly all of two dumps of one scene, and twice as quick as a look at each value.
                self.report.values += sum(count_of(value) for value in left_props.values())
                continue
            if left_type != other[0]:
                self._differ(path, f"{left_type}.(type)", left_type, other[0])
                continue
            self._properties(path, left_type, left_props, other[1])
        self._only("left", self.left, self.right)
        self._only("right", self.right, self.left)
        return self.report

    def _only(self, side: str, here: Dump, there: Dump) -> None:
        """Structs that one side lacks: one difference for the uppermost, its parts counted in it."""
        root, kind, count = "", "", 0
        for path, (struct_type, props) in sorted(here.structs.items()):
            if path in there.structs:
                continue
            amount = sum(count_of(v) for v in props.values())
            if root and path.startswith(root) and path[len(root) : len(root) + 1] in (".", "["):
                count += amount
                continue
            self._flush_only(side, root, kind, count)
            root, kind, count = path, f"{struct_type} (whole)", amount
        self._flush_only(side, root, kind, count)

    def _flush_only(self, side: str, root: str, kind: str, count: int) -> None:
        if root:
            text = f"there, {count:,} values"
            self._differ(root, kind, text if side == "left" else "missing", text if side == "right" else "missing")

    def _properties(self, path: str, struct_type: str, left: Props, right: Props) -> None:
        for name in sorted(left.keys() | right.keys()):
            if name in left:
                self.report.values += count_of(left[name])
            if name not in left or name not in right:
                self._differ(
                    f"{path}.{name}",
                    f"{struct_type}.{generic(name)}",
                    *(show(props[name]) if name in props else "missing" for props in (left, right)),
                )
            elif bare(left[name]) != bare(right[name]) and (is_unsettable(left[name]) or is_unsettable(right[name])):
                self.report.unsettable[f"{struct_type}.{name}"] += 1
            elif not self._equal(bare(left[name]), bare(right[name])):
                self._differ(f"{path}.{name}", f"{struct_type}.{generic(name)}", *self._shown(left[name], right[name]))
                self.report.differences[-1].distance = self._distance(left[name], right[name])

    def _equal(self, left: Value, right: Value) -> bool:
        if is_array(left) and is_array(right):
            return bool(
                left["array"] == right["array"]
                and left["n"] == right["n"]
                and self.left.bytes_of(left) == self.right.bytes_of(right)
            )
        if is_path(left) and is_path(right) and left["content"] and left["content"] == right["content"]:
            return True
        return text_of(left) == text_of(right)

    def _distance(self, left: Value, right: Value) -> float | None:
        if is_array(left) and is_array(right):
            if (left["array"], left["n"]) != (right["array"], right["n"]):
                return None
            pairs = zip(self.left.elements(left), self.right.elements(right), strict=True)
            return max((abs(float(a) - float(b)) for a, b in pairs), default=0.0)
        return distance_of(left, right)

    def _shown(self, left: Value, right: Value) -> tuple[str, str]:
        if not (is_array(left) and is_array(right)):
            return difference_of(left, right)
        if (left["array"], left["n"]) != (right["array"], right["n"]):
            return show(left), show(right)
        pairs = zip(self.left.elements(left), self.right.elements(right), strict=True)
        differing = [(i, a, b) for i, (a, b) in enumerate(pairs) if repr(a) != repr(b)]
        head = f"{len(differing):,} of {left['n']:,} differ:"
        some = differing[:4]
        return (
            head + "".join(f" [{i}] {a!r}" for i, a, _ in some),
            head + "".join(f" [{i}] {b!r}" for i, _, b in some),
        )

    def _differ(self, path: str, kind: str, left: str, right: str) -> None:
        self.report.differences.append(Difference(path, kind, left, right))


def is_unsettable(value: Value) -> bool:
    return isinstance(value, dict) and "unsettable" in value


def bare(value: Value) -> Value:
    """Without the note that Blender would not take it: of one and the same value only one side may have it."""
    return value["unsettable"] if is_unsettable(value) else value


def is_path(value: Value) -> bool:
    return isinstance(value, dict) and "content" in value


def text_of(value: Value) -> str:
    return json.dumps(value, sort_keys=True)


def count_of(value: Value) -> int:
    """How many single values this is."""
    if is_array(value):
        return int(value["n"])
    if isinstance(value, list):
        return sum(count_of(v) for v in value) or 1
    return 1


def distance_of(left: Value, right: Value) -> float | None:
    """The largest difference between two numbers or equally shaped lists of them; None for anything else."""
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        parts = [distance_of(a, b) for a, b in zip(left, right, strict=True)]
        return None if None in parts else max((p for p in parts if p is not None), default=0.0)
    if type(left) is float and type(right) is float:
        return abs(left - right)
    return 0.0 if text_of(left) == text_of(right) else None


def generic(name: str) -> str:
    """The kind of a property: all custom properties are one kind."""
    return '["..."]' if name.startswith('["') else name


def show(value: Value) -> str:
    text = f"{value['n']:,} x {value['array']}" if is_array(value) else text_of(value)
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 3] + "..."


def difference_of(left: Value, right: Value) -> tuple[str, str]:
    """Both values; of long ones the part where they begin to differ."""
    a, b = text_of(left), text_of(right)
    if max(len(a), len(b)) <= SHOWN_MAX:
        return a, b
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    start = max(0, start - 20)
    lead = f"({start} characters equal) ..." if start else ""
    return lead + a[start : start + SHOWN_MAX], lead + b[start : start + SHOWN_MAX]


def lines(report: Report) -> Iterator[str]:
    """The report for people: every difference, then how many of each kind."""
    yield from map(str, report.differences)
    if report.differences:
        yield "by kind:"
        yield from kind_lines(report)
    if report.unsettable:
        yield "values that Blender would not take, different: " + ", ".join(
            f"{count} {kind}" for kind, count in report.unsettable.most_common()
        )
    yield f"{report.values:,} values compared, {len(report.differences):,} differences"


def kind_lines(*reports: Report) -> Iterator[str]:
    """How many differences of each kind, and how far apart where it is only numbers."""
    counts: Counter[str] = Counter()
    distances: dict[str, float | None] = {}
    for report in reports:
        counts.update(report.kinds())
        for kind, distance in report.distances().items():
            before = distances.get(kind, 0.0)
            distances[kind] = None if before is None or distance is None else max(before, distance)
    for kind, count in counts.most_common():
        distance = distances[kind]
        apart = "" if distance is None else f"  (numbers, at most {distance:.2g} apart)"
        yield f"  {count:6,}  {kind}{apart}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("left", type=Path)
    parser.add_argument("right", type=Path)
    parser.add_argument("--expect-none", action="store_true", help="fail if there is any difference")
    options = parser.parse_args()
    report = compare(options.left, options.right)
    for line in lines(report):
        print(line)
    return 1 if options.expect_none and report.differences else 0


if __name__ == "__main__":
    sys.exit(main())
