# SPDX-License-Identifier: GPL-3.0-or-later
"""The datablock types that are synchronised: where they live in bpy.data and in which order they are made.

The order is that of dependency: what a constructor needs (an object's data, a shape key's owner) comes first, and what
others merely point to comes early so that most pointers can be set at once. It is a matter of speed, not of
correctness: a pointer whose target is missing is set when the target arrives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

# Classes that the newest Blender calls otherwise: {class here: type}. Up to 4.2 the strokes of Grease Pencil objects and those
# drawn on top of an editor were one type; from 4.3 on they are two.
if hasattr(bpy.types, "Annotation"):
    RENAMED: dict[str, str] = {}
elif hasattr(bpy.types, "GreasePencilv3"):
    RENAMED = {"GreasePencil": "Annotation", "GreasePencilv3": "GreasePencil"}
else:
    RENAMED = {"GreasePencil": "Annotation"}

# type -> collection in bpy.data, in the order of making.
COLLECTIONS: dict[str, str] = {
    "Text": "texts",
    "VectorFont": "fonts",
    "Sound": "sounds",
    "MovieClip": "movieclips",
    "CacheFile": "cache_files",
    "Mask": "masks",
    "Annotation": "grease_pencils" if RENAMED else "annotations",
    "Image": "images",
    "Palette": "palettes",
    "NodeTree": "node_groups",
    "Texture": "textures",
    "Material": "materials",
    "FreestyleLineStyle": "linestyles",
    "World": "worlds",
    "Light": "lights",
    "LightProbe": "lightprobes",
    "Camera": "cameras",
    "Speaker": "speakers",
    "Lattice": "lattices",
    "MetaBall": "metaballs",
    "Mesh": "meshes",
    "Curve": "curves",
    "PointCloud": "pointclouds",
    "Volume": "volumes",
    "Curves": "hair_curves",
    "GreasePencil": "grease_pencils_v3" if RENAMED else "grease_pencils",
    "Armature": "armatures",
    "Key": "shape_keys",
    "Action": "actions",
    "ParticleSettings": "particles",
    "Object": "objects",
    "Collection": "collections",
    "Scene": "scenes",
}

# Types that exist and are not synchronised, each with its reason.
LEFT_OUT: dict[str, str] = {
    "Brush": "a tool of the user, not part of the scene",
    "PaintCurve": "belongs to brushes",
    "Library": "a file on one user's disk; linked data arrives as data of its own, which its owner's Blender does not let others change",
    "Screen": "the user's own windows",
    "WindowManager": "the user's own windows",
    "WorkSpace": "the user's own windows",
}

ORDER: dict[str, int] = {name: i for i, name in enumerate(COLLECTIONS)}


def base_type(block: Any) -> str:
    """The type under which a datablock is synchronised: "Light" for a PointLight; "" where it is not."""
    return _base_of_class(type(block))


_by_class: dict[type, str] = {}


def _base_of_class(cls: type) -> str:
    found = _by_class.get(cls)
    if found is None:
        found = ""
        for base in cls.__mro__:
            name = RENAMED.get(base.__name__, base.__name__)
            if name in COLLECTIONS:
                found = name
                break
        _by_class[cls] = found
    return found


def collection(type_name: str) -> Any:
    """The bpy.data collection of a type, or None where this Blender has none."""
    return getattr(bpy.data, COLLECTIONS.get(type_name, "-"), None)


def all_blocks() -> Iterator[tuple[str, Any]]:
    """(type, datablock) of everything that is synchronised, in the order of making."""
    for name, attr in COLLECTIONS.items():
        blocks = getattr(bpy.data, attr, None)
        if blocks is not None:
            for block in blocks:
                yield name, block


def skip_reason(block: Any) -> str:
    """Why a datablock of a synchronised type is left alone all the same; "" where it is not."""
    kind = base_type(block)
    if kind == "Image" and block.source == "VIEWER":
        return "a render result or viewer image belongs to one's own machine"
    if kind == "Object" and block.type != "EMPTY" and (block.data is None or not base_type(block.data)):
        return "its data is of a type that is not synchronised"
    if kind == "Key" and block.user is None:
        return "shape keys without an owner"
    return ""
