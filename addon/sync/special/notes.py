# SPDX-License-Identifier: GPL-3.0-or-later
"""What is drawn on top of editors; and, up to Blender 4.2, Grease Pencil objects, which were the same type.

Of their vertex groups a stroke holds one number for each of its points, and names the groups. A point that is in no group weighs
nothing in it: no call takes a point out of one.

From 4.3 on no call of Blender's makes a stroke of an annotation: there only layers and frames are synchronised.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import exclude, idtypes, items
from . import objects, weights

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
        names = [group.name for group in _groups(reader, item.id_data)]
        if names:
            # One value: the array must never be of another number of groups.
            found = np.array(
                [
                    [max(0.0, item.points.weight_get(vertex_group_index=g, point_index=i)) for i in range(n)]
                    for g in range(len(names))
                ],
                dtype=np.float32,
            )
            tree["p"]["group_weights"] = [names, reader.blobs.put(found, (reader.doc, item.as_pointer(), "weights"))]
        elif reader.user_of(item.id_data) is None and reader.seen and "group_weights" in old.get("p", {}):
            tree["p"]["group_weights"] = old["p"]["group_weights"]
        return tree

    def write_one(self, writer: Any, owner: Any, item: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        super().write_one(writer, owner, item, patch, full, cur)
        if (patch.get("p") or {}).get("group_weights"):
            _set_weights(writer, item, full["p"]["group_weights"])
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


def _groups(reader: Any, pencil: Any) -> list[Any]:
    """An object shows them, as those of a mesh (weights.py); annotations have none."""
    ob = reader.user_of(pencil)
    return list(ob.vertex_groups) if ob is not None else []


def _set_weights(writer: Any, stroke: Any, value: list[Any]) -> None:
    names, found = value[0], writer.blobs.get(value[1], "float32")
    n = len(stroke.points)
    if len(found) != n * len(names):
        raise ValueError("weights of another number of points")
    with weights.showing(writer.reader.user_of(stroke.id_data), stroke.id_data) as ob:
        places = [ob.vertex_groups.find(name) for name in names]
    for place, row in zip(places, found.reshape(-1, n).tolist(), strict=True):
        for i, weight in enumerate(row) if place >= 0 else ():
            if max(0.0, stroke.points.weight_get(vertex_group_index=place, point_index=i)) != weight:
                stroke.points.weight_set(vertex_group_index=place, point_index=i, weight=weight)


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
    if not hasattr(struct, "materials"):
        return
    objects.slots.read(reader, struct, old, out)
    ob = reader.user_of(struct)
    # Where no object shows them they are as they were.
    before = old.get("i", {}).get("vertex_groups", {})
    groups = before if reader.seen else {}
    if ob is not None:
        groups = weights.GROUPS.read(reader, ob, before) if ob.vertex_groups else {}
    if groups:
        out.setdefault("i", {})["vertex_groups"] = groups


def before(writer: Any, struct: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    """Strokes name the groups."""
    change = (patch.get("i") or {}).get("vertex_groups")
    if not change or not hasattr(struct, "materials"):
        return
    have = cur.get("i", {}).get("vertex_groups", {})
    with weights.showing(writer.reader.user_of(struct), struct) as ob:
        weights.GROUPS.write(writer, ob, change, full.get("i", {}).get("vertex_groups", {}), have)


def write(writer: Any, struct: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    if hasattr(struct, "materials"):
        objects.slots.write(writer, struct, patch, full, cur)
