# SPDX-License-Identifier: GPL-3.0-or-later
"""What is drawn on top of editors; and, up to Blender 4.2, Grease Pencil objects, which were the same type.

From 4.3 on no call of Blender's makes a stroke of an annotation: there only layers and frames are synchronised.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import exclude, idtypes, items
from . import objects

Tree = dict[str, Any]

_POINT = (
    ("co", 3),
    ("pressure", 1),
    ("strength", 1),
    ("uv_factor", 1),
    ("uv_rotation", 1),
    ("uv_fill", 2),
    ("vertex_color", 4),
)
_WIDTH = sum(width for _, width in _POINT)


class Layers(items.Items):
    movable = False

    def title(self, item: Any) -> str:
        return str(item.info)

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        return owner.layers.new(tree["name"], set_active=False)

    def rename(self, item: Any, name: str) -> None:
        if item.info != name:
            item.info = name


class Frames(items.Items):
    """Known by their numbers."""

    ordered = False

    def title(self, item: Any) -> str:
        return ""

    def key_of(self, reader: Any, owner: Any, item: Any) -> str:
        return f"@={item.frame_number}"

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        return owner.frames.new(int(key[2:]))

    def rename(self, item: Any, name: str) -> None:
        return


class Strokes(items.Items):
    """Known by their number of points, which are one array."""

    movable = False

    def title(self, item: Any) -> str:
        return ""

    def make_of(self, reader: Any, owner: Any, item: Any) -> Tree:
        return {"points": len(item.points)}

    def list(self, owner: Any) -> list[Any]:
        return list(owner.strokes) if hasattr(owner.strokes, "new") else []

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        stroke = owner.strokes.new()
        stroke.points.add(int(tree["make"]["points"]))
        return stroke

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        n = len(item.points)
        columns = []
        for name, width in _POINT:
            column = np.empty(n * width, dtype=np.float32)
            item.points.foreach_get(name, column)
            columns.append(column.reshape(n, width))
        tree["p"]["points"] = reader.blobs.put(np.concatenate(columns, axis=1), (reader.doc, item.as_pointer()))
        return tree

    def write_one(self, writer: Any, owner: Any, item: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        super().write_one(writer, owner, item, patch, full, cur)
        if "points" not in (patch.get("p") or {}):
            return
        n = len(item.points)
        floats = writer.blobs.get(full["p"]["points"], "float32")
        if len(floats) != n * _WIDTH:
            raise ValueError("stroke points of another number")
        rows = floats.reshape(n, _WIDTH)
        _set(item.points, rows)
        # Fills its inside anew, and computes some of what was just set.
        item.points.update()
        _set(item.points, rows)


def _set(points: Any, rows: np.ndarray) -> None:
    at = 0
    for name, width in _POINT:
        points.foreach_set(name, np.ascontiguousarray(rows[:, at : at + width]).reshape(-1))
        at += width


for _kind in ("GPencilLayer", "AnnotationLayer"):
    items.TABLE[f"{_kind}.frames"] = Frames("frames")
# Its name before 5.0, where another type has it today.
items.TABLE[f"{'GreasePencil' if idtypes.RENAMED else 'Annotation'}.layers"] = Layers("layers")
if idtypes.RENAMED:
    # What has that name from 5.0 on reads its layers by itself; these are items like others.
    exclude.EXCLUDED.pop("GreasePencil.layers", None)
items.TABLE["GPencilFrame.strokes"] = Strokes("strokes")


def read(reader: Any, struct: Any, old: Tree, out: Tree) -> None:
    if hasattr(struct, "materials"):
        objects.slots.read(reader, struct, old, out)


def write(writer: Any, struct: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    if hasattr(struct, "materials"):
        objects.slots.write(writer, struct, patch, full, cur)
