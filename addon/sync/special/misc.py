# SPDX-License-Identifier: GPL-3.0-or-later
"""Small types with one peculiarity each: texts, lattices."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import paths
from . import weights

Tree = dict[str, Any]

_SIZE = ("points_u", "points_v", "points_w")
# Of a lattice, what edit mode has a copy of.
_EDITED = (*_SIZE, "points", "weights")


def _read_text(reader: Any, text: Any, old: Tree, out: Tree) -> None:
    out["p"]["body"] = text.as_string()


def _write_text(writer: Any, text: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    if "body" in (patch.get("p") or {}):
        body = full["p"]["body"]
        if text.use_module and paths.CODE not in paths.consent:
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


def _before_lattice(writer: Any, lattice: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    """A number of points that is set resizes the edited lattice, too, and the points would be its user's."""
    if not lattice.is_editmode:
        return
    p, i = patch.get("p") or {}, patch.get("i") or {}
    if "vertex_groups" in i or any(name in p for name in _EDITED):
        writer.defer("points", "the lattice is in edit mode here")
        patch["p"] = {name: value for name, value in p.items() if name not in _EDITED}
        patch["i"] = {name: value for name, value in i.items() if name != "vertex_groups"}


def _write_lattice(writer: Any, lattice: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    p = patch.get("p") or {}
    if any(name in p for name in ("points", *_SIZE)):
        points = writer.blobs.get(full["p"]["points"], "float32")
        if len(points) == len(lattice.points) * 3:
            lattice.points.foreach_set("co_deform", points)
    if "weights" in p or "vertex_groups" in (patch.get("i") or {}):
        weights.write(writer, lattice, patch, full, cur, full["p"] if "weights" in p else None, False)


text = SimpleNamespace(read=_read_text, write=_write_text)
lattice = SimpleNamespace(read=_read_lattice, before=_before_lattice, write=_write_lattice)
