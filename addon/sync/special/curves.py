# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves, surfaces and text objects.

A spline has no name; it is an item known by its type and number of points, so adding points makes a new item. Its points
are arrays.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np

from .. import items, mergepatch
from . import objects
from .workshop import workshop

Tree = dict[str, Any]

_BEZIER = (("co", 3), ("handle_left", 3), ("handle_right", 3), ("tilt", 1), ("radius", 1), ("weight_softbody", 1))
_BEZIER_ENUMS = ("handle_left_type", "handle_right_type")
_POINTS = (("co", 4), ("tilt", 1), ("radius", 1), ("weight_softbody", 1))


def _layout(spline: Any) -> tuple[Any, tuple[tuple[str, int], ...]]:
    return (spline.bezier_points, _BEZIER) if spline.type == "BEZIER" else (spline.points, _POINTS)


class Splines(items.Items):
    volatile = True
    movable = False

    def title(self, item: Any) -> str:
        return ""

    def make_of(self, reader: Any, owner: Any, item: Any) -> Tree:
        points, _ = _layout(item)
        # A line is one row, of which Blender's operators say none where it is a Bezier.
        return {"type": item.type, "points": len(points), "rows": max(1, item.point_count_v)}

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        make = tree["make"]
        if make.get("rows", 1) > 1:
            return _surface(owner, int(make["points"]) // int(make["rows"]), int(make["rows"]))
        spline = owner.splines.new(make["type"])
        points, _ = _layout(spline)
        if make["points"] > 1:
            points.add(make["points"] - 1)
        return spline

    def misplaced(self, writer: Any, owner: Any, full: Tree, live: items.Live) -> list[str]:
        """Blender only adds splines at the end: those that stay must be the first."""
        wanted = sorted(full, key=lambda k: (full[k].get("pos", ""), k))
        stay = [key for key in live.keys if key in full]
        right = 0
        while right < len(stay) and stay[right] == wanted[right]:
            if full[stay[right]].get("make") != self.make_of(writer.reader, owner, live.item(stay[right])):
                break
            right += 1
        return stay[right:]

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        points, layout = _layout(item)
        n = len(points)
        floats = np.empty((n, sum(w for _, w in layout)), dtype=np.float32)
        at = 0
        for name, width in layout:
            column = np.empty(n * width, dtype=np.float32)
            points.foreach_get(name, column)
            floats[:, at : at + width] = column.reshape(n, width)
            at += width
        tree["p"]["points"] = reader.blobs.put(floats, (reader.doc, "spline", item.as_pointer()))
        if item.type == "BEZIER":
            enums = np.empty((n, 2), dtype=np.int32)
            for i, name in enumerate(_BEZIER_ENUMS):
                column = np.empty(n, dtype=np.int32)
                points.foreach_get(name, column)
                enums[:, i] = column
            tree["p"]["handles"] = reader.blobs.put(enums, (reader.doc, "handles", item.as_pointer()))
        return tree

    def write_one(self, writer: Any, owner: Any, item: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        super().write_one(writer, owner, item, patch, full, cur)
        p, room = patch.get("p") or {}, full.get("p", {})
        if "points" not in p and "handles" not in p:
            return
        points, layout = _layout(item)
        n = len(points)
        floats = writer.blobs.get(room["points"], "float32")
        if len(floats) != n * sum(w for _, w in layout):
            raise ValueError("spline points of another number")
        if item.type == "BEZIER" and "handles" in room:
            enums = writer.blobs.get(room["handles"], "int32").reshape(n, 2)
            for i, name in enumerate(_BEZIER_ENUMS):
                points.foreach_set(name, np.ascontiguousarray(enums[:, i]))
        floats = floats.reshape(n, -1)
        at = 0
        for name, width in layout:
            points.foreach_set(name, np.ascontiguousarray(floats[:, at : at + width]).reshape(-1))
            at += width


def _surface(curve: Any, columns: int, rows: int) -> Any:
    """Blender has no call that makes a surface of several rows; extruding a row in edit mode adds the next one to it."""
    for spline in curve.splines:
        _select(spline, False)
    spline = curve.splines.new("NURBS")
    spline.points.add(columns - 1)
    _select(spline, True)
    with workshop() as shop:
        ob = shop.use(curve)
        with shop.edit():
            for _ in range(rows - 1):
                shop.run(bpy.ops.curve.extrude, ob)
    made = curve.splines[-1]
    _select(made, False)
    return made


def _select(spline: Any, state: bool) -> None:
    for point in spline.points:
        point.select = state
    for point in spline.bezier_points:
        point.select_control_point = point.select_left_handle = point.select_right_handle = state


SPLINES = Splines("splines")


def read(reader: Any, curve: Any, old: Tree, out: Tree) -> None:
    objects.slots.read(reader, curve, old, out)
    if type(curve).__name__ == "TextCurve":
        return
    seen = reader.seen.get("i", {})
    if curve.is_editmode and "splines" in seen:
        out.setdefault("i", {})["splines"] = seen["splines"]
        return
    entries = SPLINES.read(reader, curve, old.get("i", {}).get("splines", {}))
    if entries:
        out.setdefault("i", {})["splines"] = entries


def write(writer: Any, curve: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    objects.slots.write(writer, curve, patch, full, cur)
    i = patch.get("i") or {}
    if "splines" in i and curve.is_editmode:
        writer.defer("splines", "the curve is in edit mode here")
    elif "splines" in i and type(curve).__name__ != "TextCurve":
        have = cur.get("i", {}).get("splines", {})
        SPLINES.write(writer, curve, i["splines"] or dict.fromkeys(have), full.get("i", {}).get("splines", {}), have)


def leave_out_converted(patch: Tree, room: Tree, tree: Tree) -> None:
    """Others have made a curve of a text that is in edit mode here, or the other way round: what it no longer has is not sent."""
    if room.get("type") != "Curve" or "make" in patch or tree.get("make") == room.get("make"):
        return
    patch.pop("i", None)
    patch["p"] = {name: value for name, value in (patch.get("p") or {}).items() if name in room.get("p", {})}
    if not patch["p"]:
        del patch["p"]


_FORMAT = ("use_bold", "use_italic", "use_underline", "use_small_caps")


# What the editor of a text has a copy of.
_EDITED = ("body", "format", "character_materials")


def _read_text(reader: Any, curve: Any, old: Tree, out: Tree) -> None:
    p = out["p"]
    p["boxes"] = [x for box in curve.text_boxes for x in (box.x, box.y, box.width, box.height)]
    p["format"] = "".join(
        chr(48 + sum(1 << i for i, name in enumerate(_FORMAT) if getattr(c, name))) for c in curve.body_format
    )
    p["character_materials"] = [c.material_index for c in curve.body_format]
    seen = reader.seen.get("p", {})
    if curve.is_editmode and "body" in seen:
        p.update({name: seen[name] for name in _EDITED if name in seen})


def _before_text(writer: Any, curve: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    """The end of edit mode overwrites what is set meanwhile."""
    p = patch.get("p") or {}
    if curve.is_editmode and any(name in p for name in _EDITED):
        writer.defer("body", "the text is in edit mode here")
        patch["p"] = {name: value for name, value in p.items() if name not in _EDITED}


def _write_text(writer: Any, curve: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    p, room = patch.get("p") or {}, full.get("p", {})
    if "format" in p or "character_materials" in p or "body" in p:
        for c, bits, index in zip(
            curve.body_format, room.get("format", ""), room.get("character_materials", []), strict=False
        ):
            for i, name in enumerate(_FORMAT):
                setattr(c, name, bool((ord(bits) - 48) >> i & 1))
            c.material_index = index
    if "boxes" in p:
        flat = room["boxes"]
        for i, box in enumerate(curve.text_boxes):
            if 4 * i + 3 < len(flat):
                box.x, box.y, box.width, box.height = flat[4 * i : 4 * i + 4]


text = SimpleNamespace(read=_read_text, before=_before_text, write=_write_text)

# What Blender leaves out where a text has no font.
_LOST = ("body", "format", "character_materials", "boxes")


def lost_texts() -> list[Any]:
    """Texts that say nothing any more. Before 4.5 Blender leaves what a text says out of undo steps and files where the text has no font, which
    others may have removed, and crashes when what it says is read, or when a text box is added to it."""
    return [
        curve
        for curve in bpy.data.curves
        if isinstance(curve, bpy.types.TextCurve)
        and curve.font is None
        and not len(curve.text_boxes)
        and not curve.is_editmode
        and curve.library is None
    ]


def renew(reader: Any, writer: Any, doc: str, lost: Any, known: Tree | None) -> Any:
    """A text in the place of a lost one: its settings are as they stand, and it says what is known of before. The lost one has no user any more."""
    lost.body = ""
    tree = reader.read_block(doc, lost, known)
    said = (known or {}).get("p", {})
    tree["p"] = {**tree["p"], **{name: said[name] for name in _LOST if name in said}}
    fonts = set(bpy.data.fonts)
    made = bpy.data.curves.new(lost.name, "FONT")
    cur = reader.read_block(doc, made, tree, fresh=True)
    patch = mergepatch.diff(cur, tree)
    patch.pop("name", None)
    # A new text brings Blender's own font along.
    for font in set(bpy.data.fonts) - fonts:
        bpy.data.fonts.remove(font)
    writer.write_block(doc, made, patch, tree, cur)
    lost.user_remap(made)
    return made
