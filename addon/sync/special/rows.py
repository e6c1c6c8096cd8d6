# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of numbers that calls alone can set: the vertices of a hook, the control points of an envelope.

They have no identity of their own, so each row is one value.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import values
from ..blobs import MissingBlob

Tree = dict[str, Any]

_POINT = ("frame", "min", "max")


def _read_hook(reader: Any, hook: Any, old: Tree, out: Tree) -> None:
    found = np.array(hook.vertex_indices, dtype=np.int32)
    out["p"]["vertex_indices"] = reader.blobs.put(found, (reader.doc, hook.as_pointer(), "vertex_indices"))


def _write_hook(writer: Any, hook: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    if "vertex_indices" not in (patch.get("p") or {}):
        return
    try:
        hook.vertex_indices_set(writer.blobs.get(full["p"].get("vertex_indices", []), "int32").tolist())
    except (RuntimeError, TypeError, ValueError, OverflowError, MissingBlob) as e:
        writer.refuse(f"{hook.name}: the vertices it holds", e)


def _read_envelope(reader: Any, modifier: Any, old: Tree, out: Tree) -> None:
    flat = [getattr(point, name) for point in modifier.control_points for name in _POINT]
    out["p"]["control_points"] = values.encode_floats(flat)


def _write_envelope(writer: Any, modifier: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    """Blender puts a new point where its frame belongs, and gives no two to one frame: they get frames of their own first."""
    if "control_points" not in (patch.get("p") or {}):
        return
    flat = values.decode(full["p"].get("control_points") or [])
    points = modifier.control_points
    while len(points):
        points.remove(points[0])
    for i in range(0, len(flat), len(_POINT)):
        points.add(float(i))
    # One by one Blender 5.0 sometimes crashes: it takes the point for its modifier when it is told of the change.
    for at, name in enumerate(_POINT):
        points.foreach_set(name, flat[at :: len(_POINT)])


hook = SimpleNamespace(read=_read_hook, write=_write_hook)
envelope = SimpleNamespace(read=_read_envelope, write=_write_envelope)
