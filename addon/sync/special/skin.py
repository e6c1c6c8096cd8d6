# SPDX-License-Identifier: GPL-3.0-or-later
"""Skin vertices of meshes: radii, roots and loose ones, in a layer beside the attributes.

A Skin modifier makes the layer when it is added, and takes it along; so does everybody's Blender when it hears of the modifier. What
stands in a layer that was just made is nobody's word and not in the tree: otherwise it would overwrite what somebody has set meanwhile.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

Tree = dict[str, Any]

# member of the tree -> property, dtype, numbers per vertex
_LAYER = {
    "skin_radius": ("radius", "float32", 2),
    "skin_root": ("use_root", "bool", 1),
    "skin_loose": ("use_loose", "bool", 1),
}
NAMES = _LAYER.keys()
_RADIUS = 0.25


def _as_made(name: str, count: int) -> np.ndarray:
    """What Blender puts into a new layer: the first vertex is a root."""
    if name == "skin_radius":
        return np.full(2 * count, _RADIUS, dtype=np.float32)
    made = np.zeros(count, dtype=bool)
    made[:1] = name == "skin_root"
    return made


def read(reader: Any, mesh: Any, p: Tree) -> None:
    if not len(mesh.skin_vertices):
        return
    layer = mesh.skin_vertices[0].data
    for name, (prop, dtype, width) in _LAYER.items():
        found = np.empty(len(layer) * width, dtype=dtype)
        layer.foreach_get(prop, found)
        if not np.array_equal(found, _as_made(name, len(layer))):
            p[name] = reader.blobs.put(found.reshape(-1, width) if width > 1 else found, (reader.doc, name))


def write(writer: Any, mesh: Any, p: Tree, changed: Any, lost: bool | None) -> bool:
    """Writes what has changed; all of it where the geometry was built anew: `lost` then says whether there was a layer before."""
    names = list(_LAYER) if lost is not None else sorted(changed)
    if not names:
        return False
    count = len(mesh.vertices)
    if not len(mesh.skin_vertices):
        if not count or not (lost or any(name in p for name in _LAYER)):
            return False
        _make(mesh)
    for name in names:
        prop, dtype, width = _LAYER[name]
        try:
            value = writer.blobs.get(p[name], dtype) if name in p else _as_made(name, count)
            if len(value) != count * width:
                raise ValueError(f"{len(value)} values for {count} vertices")
            mesh.skin_vertices[0].data.foreach_set(prop, value)
        except (ValueError, RuntimeError, TypeError) as e:
            writer.refuse(f"skin vertices: {prop}", e)
    return True


def _make(mesh: Any) -> None:
    """Also where no object here has the modifier yet: it comes with the object, and finds the layer."""
    temporary = bpy.data.objects.new("atrium skin", mesh)
    try:
        temporary.modifiers.new("atrium skin", "SKIN")
    finally:
        bpy.data.objects.remove(temporary)
