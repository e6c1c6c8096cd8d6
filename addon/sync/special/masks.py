# SPDX-License-Identifier: GPL-3.0-or-later
"""Masks: layers of splines.

A spline has no name; as those of curves it is known by its number of points, which are arrays. Its feather points cannot be
made by any call of Blender's, so they are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import items, values

Tree = dict[str, Any]

_FLOATS = (("co", 2), ("handle_left", 2), ("handle_right", 2), ("weight", 1))
_ENUMS = ("handle_type", "handle_left_type", "handle_right_type")
_TRACK = ("id_type", "type", "parent", "sub_parent")


class Layers(items.Items):
    """Blender has no call to move a layer: their order is that of making."""

    movable = False

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        return owner.layers.new(name=tree["name"])


class Splines(items.Items):
    movable = False

    def title(self, item: Any) -> str:
        return ""

    def make_of(self, reader: Any, owner: Any, item: Any) -> Tree:
        return {"points": len(item.points)}

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        spline = owner.splines.new()
        missing = int(tree["make"]["points"]) - len(spline.points)
        if missing > 0:
            spline.points.add(missing)
        return spline

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        points, p = item.points, tree["p"]
        n = len(points)
        columns = []
        for name, width in _FLOATS:
            column = np.empty(n * width, dtype=np.float32)
            points.foreach_get(name, column)
            columns.append(column.reshape(n, width))
        p["points"] = reader.blobs.put(np.concatenate(columns, axis=1), (reader.doc, owner.name, item.as_pointer()))
        # By name: an enum's number means something else in the next version.
        p["handles"] = [[getattr(point, name) for name in _ENUMS] for point in points]
        p["tracks"] = [
            [i, reader.identity.reference(point.parent.id), *(getattr(point.parent, name) for name in _TRACK)]
            for i, point in enumerate(points)
            if point.parent.id is not None
        ]
        return tree

    def write_one(self, writer: Any, owner: Any, item: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        super().write_one(writer, owner, item, patch, full, cur)
        p, room = patch.get("p") or {}, full.get("p", {})
        if "handles" in p or "points" in p:
            self._write_points(writer, item, room)
        if "tracks" in p:
            self._write_tracks(writer, item, room["tracks"])

    @staticmethod
    def _write_points(writer: Any, item: Any, room: Tree) -> None:
        points = item.points
        floats = writer.blobs.get(room["points"], "float32")
        if len(floats) != len(points) * sum(width for _, width in _FLOATS):
            raise ValueError("mask points of another number")
        for point, kinds in zip(points, room.get("handles") or [], strict=False):
            for name, kind in zip(_ENUMS, kinds, strict=True):
                if getattr(point, name) != kind:
                    setattr(point, name, kind)
        rows = floats.reshape(len(points), -1)
        at = 0
        for name, width in _FLOATS:
            points.foreach_set(name, np.ascontiguousarray(rows[:, at : at + width]).reshape(-1))
            at += width

    @staticmethod
    def _write_tracks(writer: Any, item: Any, tracks: list[Any]) -> None:
        wanted = {track[0]: track[1:] for track in tracks}
        for i, point in enumerate(item.points):
            target, *rest = wanted.get(i, (values.NONE_VALUE, *(getattr(point.parent, name) for name in _TRACK)))
            block = writer.resolve(target)
            if point.parent.id != block:
                point.parent.id = block
            for name, value in zip(_TRACK, rest, strict=True):
                if getattr(point.parent, name) != value:
                    setattr(point.parent, name, value)


items.TABLE["Mask.layers"] = Layers("layers")
items.TABLE["MaskLayer.splines"] = Splines("splines")
