# SPDX-License-Identifier: GPL-3.0-or-later
"""Small types with one peculiarity each: texts, lattices."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np

from .. import paths, values
from . import shapekeys, weights

Tree = dict[str, Any]

_SIZE = ("points_u", "points_v", "points_w")
# Of a lattice, what edit mode has a copy of.
_EDITED = (*_SIZE, "points", "corner", "weights")


def _read_text(reader: Any, text: Any, old: Tree, out: Tree) -> None:
    out["p"]["body"] = text.as_string()


def _write_text(writer: Any, text: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    if "body" in (patch.get("p") or {}):
        body = full["p"]["body"]
        if text.use_module:
            # This user trusts what it was, not what others have made of it.
            text.use_module = False
            writer.refuse("Text.use_module", paths.REASONS[paths.CODE])
        text.clear()
        text.write(body)
        # `write` into an empty text ends with a line more than `as_string` gave.
        if text.as_string() != body and body.endswith("\n"):
            text.clear()
            text.write(body[:-1])


def _read_lattice(reader: Any, lattice: Any, old: Tree, out: Tree) -> None:
    seen = reader.seen.get("p", {})
    if lattice.is_editmode and "points" in seen:
        # The edited lattice is elsewhere: what stands here is stale until the mode is left.
        out["p"].update({name: seen[name] for name in _EDITED if name in seen})
        groups = reader.seen.get("i", {}).get("vertex_groups")
        if groups:
            out.setdefault("i", {})["vertex_groups"] = groups
        return
    i: Tree = {}
    weights.read(reader, lattice, old, old, i, out["p"])
    if i:
        out.setdefault("i", {}).update(i)
    points = np.empty(len(lattice.points) * 3, dtype=np.float32)
    lattice.points.foreach_get("co_deform", points)
    out["p"]["points"] = reader.blobs.put(points.reshape(-1, 3), (reader.doc, "points"))
    out["p"]["corner"] = values.encode_floats(list(lattice.points[0].co))


def _before_lattice(writer: Any, lattice: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    """A number of points that is set resizes the edited lattice, too, and the points would be its user's; and where there are
    shape keys it cannot be set."""
    if not lattice.is_editmode:
        sizes = {name: full["p"][name] for name in _SIZE if getattr(lattice, name) != full["p"].get(name)}
        corner = values.decode(full["p"].get("corner"))
        touched = any(name in (patch.get("p") or {}) for name in ("corner", *_SIZE))
        if lattice.shape_keys is not None and touched and (sizes or corner != list(lattice.points[0].co)):
            with shapekeys.away(writer, lattice):
                for name, size in sizes.items():
                    setattr(lattice, name, size)
                _lay_out(lattice, corner)
        return
    p, i = patch.get("p") or {}, patch.get("i") or {}
    if "vertex_groups" in i or any(name in p for name in _EDITED):
        writer.defer("points", "the lattice is in edit mode here")
        patch["p"] = {name: value for name, value in p.items() if name not in _EDITED}
        patch["i"] = {name: value for name, value in i.items() if name != "vertex_groups"}


def _write_lattice(writer: Any, lattice: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    p = patch.get("p") or {}
    sized = any(name in p for name in ("corner", *_SIZE))
    if sized or "points" in p:
        _lay_out(lattice, values.decode(full["p"].get("corner")))
        points = writer.blobs.get(full["p"]["points"], "float32")
        if len(points) != len(lattice.points) * 3:
            # Moved by one while another gave it another size: where they lie undeformed they lie for all.
            points = np.empty(len(lattice.points) * 3, dtype=np.float32)
            lattice.points.foreach_get("co", points)
        lattice.points.foreach_set("co_deform", points)
    if sized or "weights" in p or "vertex_groups" in (patch.get("i") or {}):
        # Whoever sets a size loses the weights.
        weights.write(writer, lattice, patch, full, cur, full["p"] if sized or "weights" in p else None, False)


def _lay_out(lattice: Any, corner: Any) -> None:
    """Where the points lie undeformed. Blender decides that whenever a size is set: one apart where no object shows the lattice, else
    all between -0.5 and 0.5. Nobody can set it otherwise, so it is done in the way that leads to the room's first point."""
    if corner == list(lattice.points[0].co):
        return
    users = [ob for ob in bpy.data.objects if ob.data == lattice]
    stand_in = None
    if corner == [(1 - getattr(lattice, name)) / 2 for name in _SIZE]:
        stand_in = bpy.data.lattices.new("atrium stand-in") if users else None
        for ob in users:
            ob.data = stand_in
    elif not users:
        stand_in = bpy.data.objects.new("atrium stand-in", lattice)
    lattice.points_u = lattice.points_u
    if isinstance(stand_in, bpy.types.Lattice):
        for ob in users:
            ob.data = lattice
        bpy.data.lattices.remove(stand_in)
    elif stand_in is not None:
        bpy.data.objects.remove(stand_in)


text = SimpleNamespace(read=_read_text, write=_write_text)
lattice = SimpleNamespace(read=_read_lattice, before=_before_lattice, write=_write_lattice)
