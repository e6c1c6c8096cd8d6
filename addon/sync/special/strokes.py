# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves in bulk: hair, and the drawings of Grease Pencil.

Both are a number of curves, each of so many points, and attributes of curves and points. As with meshes, arrays of one length
must never meet those of another: the whole is an item, of which `p.geometry` names the one that counts, and other sizes
are a new one (mesh.py).
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import identity, mergepatch, values
from . import mesh, objects

Tree = dict[str, Any]

# By the value of the attribute `curve_type`: Blender keeps count of them, which setting the attribute does not tell it.
_CURVE_TYPES = ("CATMULL_ROM", "POLY", "BEZIER", "NURBS")


def read_shape(reader: Any, data: Any, offsets: Any, old: Tree, out: Tree, where: tuple[Any, ...] = ()) -> None:
    """`data` has attributes and curves whose first points `offsets` tells; `where` tells this one of several apart."""
    key, before = mesh.chosen(old)
    sizes = reader.blobs.put(_sizes(offsets), (reader.doc, *where, "sizes"))
    attributes = mesh.read_attributes(reader, data, before.get("a", {}), where)
    if key is None or before.get("p", {}).get("sizes") != sizes:
        key = identity.mint_key()
    out.setdefault("p", {})["geometry"] = key
    out.setdefault("i", {})["geometry"] = {key: {"type": "Geometry", "p": {"sizes": sizes}, "a": attributes}}


def write_shape(writer: Any, data: Any, patch: Tree, full: Tree, cur: Tree) -> bool:
    """Says whether anything was written."""
    _, want = mesh.chosen(full)
    touched = "geometry" in (patch.get("p") or {}) or "geometry" in (patch.get("i") or {})
    change = mergepatch.diff(mesh.chosen(cur)[1], want) if touched and want else {}
    attributes = change.get("a") or {}
    sizes = writer.blobs.get(want["p"]["sizes"], "int32") if change else np.empty(0, np.int32)
    if not change:
        return False
    if _sizes_of(data) != sizes.tolist():
        _resize(writer, data, sizes, want)
        attributes = want.get("a", {})
    if attributes:
        mesh.write_attributes(writer, data, attributes, want.get("a", {}))
        if values.name_key("curve_type") in attributes and hasattr(data, "set_types"):
            _count_types(data)
    return True


def _sizes(offsets: Any) -> np.ndarray:
    starts = np.zeros(max(1, len(offsets)), dtype=np.int32)
    # Where there is no curve Blender counts one offset and has none.
    if len(starts) > 1:
        offsets.foreach_get("value", starts)
    return np.diff(starts)


def _sizes_of(data: Any) -> list[int]:
    found: list[int] = _sizes(data.curve_offsets if hasattr(data, "curve_offsets") else data.curve_offset_data).tolist()
    return found


def _resize(writer: Any, data: Any, sizes: np.ndarray, want: Tree) -> None:
    position = want.get("a", {}).get("@=position")
    points = len(writer.blobs.get(position["v"], "float32")) if position else 0
    if (len(sizes) and sizes.min() < 1) or points != 3 * int(sizes.sum()):
        # Also keeps a number alone from making Blender allocate any amount.
        raise ValueError("positions of another number than points")
    kind = "strokes" if hasattr(data, "add_strokes") else "curves"
    if _sizes_of(data):
        clear = getattr(data, f"remove_{kind}", None)
        if clear is None:
            raise ValueError("before 4.3 Blender can add curves but not remove them")
        clear()
    if len(sizes):
        getattr(data, f"add_{kind}")(sizes.tolist())


def _count_types(data: Any) -> None:
    attribute = data.attributes.get("curve_type")
    if attribute is None:
        return
    kinds = np.empty(len(attribute.data), dtype=np.int8)
    attribute.data.foreach_get("value", kinds)
    for kind in np.unique(kinds).tolist():
        if 0 <= kind < len(_CURVE_TYPES):
            data.set_types(type=_CURVE_TYPES[kind], indices=np.flatnonzero(kinds == kind).tolist())


def _read_hair(reader: Any, curves: Any, old: Tree, out: Tree) -> None:
    objects.slots.read(reader, curves, old, out)
    read_shape(reader, curves, curves.curve_offset_data, old, out)


def _write_hair(writer: Any, curves: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    objects.slots.write(writer, curves, patch, full, cur)
    try:
        write_shape(writer, curves, patch, full, cur)
    except (ValueError, TypeError, RuntimeError) as e:
        writer.refuse("curves", e)


hair = SimpleNamespace(read=_read_hair, write=_write_hair)
