# SPDX-License-Identifier: GPL-3.0-or-later
"""Colour ramps, curve mappings and bevel profiles: short sequences without identity, one value each.

Their elements alias each other once Blender has sorted them, so the number is made right first and then all values are
set in ascending order.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from .. import values

Tree = dict[str, Any]


def read(reader: Any, ramp: Any, old: Tree, out: Tree) -> None:
    out["p"]["elements"] = values.encode_floats([x for e in ramp.elements for x in (e.position, *e.color)])


def write(writer: Any, ramp: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    if "elements" not in (patch.get("p") or {}):
        return
    flat = values.decode(full["p"]["elements"])
    wanted = [flat[i : i + 5] for i in range(0, len(flat), 5)]
    elements = ramp.elements
    while len(elements) > max(1, len(wanted)):
        elements.remove(elements[len(elements) - 1])
    while len(elements) < len(wanted):
        elements.new(1.0)
    # Downwards to the far end first: setting an element's position re-sorts, and the values must not pass each other.
    for i, (position, *_rest) in enumerate(wanted):
        elements[i].position = position
    for i, (position, *color) in enumerate(wanted):
        elements[i].position = position
        elements[i].color = color


def _read_mapping(reader: Any, mapping: Any, old: Tree, out: Tree) -> None:
    out["p"]["curves"] = [
        [[values.encode_float(p.location[0]), values.encode_float(p.location[1]), p.handle_type] for p in curve.points]
        for curve in mapping.curves
    ]


def _write_mapping(writer: Any, mapping: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    p = patch.get("p") or {}
    if "curves" in p:
        for curve, wanted in zip(mapping.curves, full["p"]["curves"], strict=False):
            _write_points(curve.points, wanted)
    if p:
        mapping.update()


def _write_points(points: Any, wanted: list[Any]) -> None:
    while len(points) > max(2, len(wanted)):
        points.remove(points[len(points) - 1])
    while len(points) < len(wanted):
        points.new(1.0, 1.0)
    for point, (x, y, handle) in zip(points, wanted, strict=False):
        point.location = (values.decode(x), values.decode(y))
        point.handle_type = handle
        point.select = False


def _read_profile(reader: Any, profile: Any, old: Tree, out: Tree) -> None:
    out["p"]["points"] = [
        [*(values.encode_float(x) for x in p.location), p.handle_type_1, p.handle_type_2] for p in profile.points
    ]


def _write_profile(writer: Any, profile: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    if "points" not in (patch.get("p") or {}):
        return
    wanted = full["p"]["points"]
    points = profile.points
    while len(points) > max(2, len(wanted)):
        points.remove(points[len(points) - 2])
    while len(points) < len(wanted):
        points.add(0.5, 0.5)
    for point, (x, y, h1, h2) in zip(points, wanted, strict=False):
        point.location = (values.decode(x), values.decode(y))
        point.handle_type_1, point.handle_type_2 = h1, h2
    profile.update()


mapping = SimpleNamespace(read=_read_mapping, write=_write_mapping)
profile = SimpleNamespace(read=_read_profile, write=_write_profile)
