# SPDX-License-Identifier: GPL-3.0-or-later
"""How a datablock of each type is made, and what its constructor needs.

`make` is the part of a tree that cannot be changed after construction (of a curve's, see `remake`); `needs` are the documents that must be there
before. Everything else about a datablock is set by the writer afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from . import dirty, editmode, history, idtypes, values

Tree = dict[str, Any]


class CannotMake(Exception):
    """This Blender has no way to make the datablock; it stays in the room and is listed."""


def make_of(reader: Any, block: Any) -> Tree | None:
    kind = idtypes.base_type(block)
    reads = _MAKE.get(kind)
    return reads(reader, block) if reads else None


def needs_of(tree: Tree) -> list[str]:
    """The documents that must exist before this one can be made."""
    if tree.get("type") == "Object":
        target = values.ref_target((tree.get("p") or {}).get("data"))
    else:
        target = values.ref_target((tree.get("make") or {}).get("user"))
    return [target] if target else []


def create(writer: Any, doc: str, tree: Tree, name: str) -> Any:
    """A new datablock for a document, bound to it."""
    kind = tree.get("type", "")
    blocks = idtypes.collection(kind)
    if blocks is None:
        raise CannotMake(f"Blender {bpy.app.version_string} has no datablocks of type {kind!r}")
    builder = _BUILD.get(kind)
    block = builder(writer, blocks, name, tree) if builder else blocks.new(name)
    if block is None:
        raise CannotMake(f"Blender made no {kind}")
    writer.identity.bind(doc, block)
    return block


def remake(writer: Any, doc: str, room: Tree) -> bool:
    """Of a text or mesh, Object > Convert makes a curve and the other way round, in the same object; no call can. So a new datablock takes the
    place of the one here, wherever that is used, if the document has become what that cannot be; says whether one did."""
    old = writer.identity.block(doc)
    if old is None or old.library is not None or not _is_of_another_type(writer, old, room):
        return False
    if old.mode == "EDIT" if isinstance(old, bpy.types.Object) else old.is_editmode:
        writer.deferred.add(doc)
        return False
    name = old.name
    history.rigs.note_datablocks()
    history.note_gone([old])
    dirty.tracker.foreign = True
    old.name = f"atrium {doc[:24]}"
    try:
        new = create(writer, doc, room, name)
    except BaseException:
        old.name = name
        raise
    old.user_remap(new)
    # While an operator runs, the scan of the datablocks removes it later.
    if not dirty.running():
        remove_many([old])
    return True


def _is_of_another_type(writer: Any, block: Any, room: Tree) -> bool:
    if isinstance(block, bpy.types.Object):
        data = writer.identity.resolve((room.get("p") or {}).get("data"))
        return data is not None and block.type not in _SHOWN_BY.get(idtypes.base_type(data), (block.type,))
    wanted = (room.get("make") or {}).get("type")
    return wanted in _SHOWN_BY["Curve"] and _curve_type(None, block)["type"] != wanted


# The types of the objects that show data of a type; of each Blender assigns only these.
_SHOWN_BY: dict[str, tuple[str, ...]] = {
    "Annotation": ("GPENCIL",),
    "Armature": ("ARMATURE",),
    "Camera": ("CAMERA",),
    "Curve": ("CURVE", "SURFACE", "FONT"),
    "Curves": ("CURVES",),
    "GreasePencil": ("GREASEPENCIL", "GPENCIL"),
    "Image": ("EMPTY",),
    "Lattice": ("LATTICE",),
    "Light": ("LIGHT",),
    "LightProbe": ("LIGHT_PROBE",),
    "Mesh": ("MESH",),
    "MetaBall": ("META",),
    "PointCloud": ("POINTCLOUD",),
    "Speaker": ("SPEAKER",),
    "Volume": ("VOLUME",),
}


def remove_many(blocks: list[Any]) -> None:
    """Removes datablocks. The generic call unlinks them everywhere, where `meshes.remove` would take the objects with it; and it takes
    all at once: each removal rebuilds the whole dependency graph, one second for 10,000 objects."""
    editmode.leave(editmode.going(blocks))
    plain: list[Any] = []
    scenes: list[Any] = []
    for block in blocks:
        kind = idtypes.base_type(block)
        if kind == "Key":
            _remove_key(block)
        else:
            (scenes if kind == "Scene" else plain).append(block)
    if plain:
        bpy.data.batch_remove(plain)
    if scenes:
        _remove_scenes(scenes)


def _remove_key(key: Any) -> None:
    from .special import shapekeys

    shapekeys.remove(key)


def _remove_scenes(scenes: list[Any]) -> None:
    """The generic call leaves windows, and Blender itself in background, with a scene that is freed: a crash. Those who look at one that
    goes look at one that stays."""
    stays = next((s for s in bpy.data.scenes if s.library is None and s not in scenes), None)
    if stays is None:
        raise CannotMake("the last scene cannot be removed")
    for window in bpy.context.window_manager.windows:
        if window.scene in scenes:
            window.scene = stays
    for scene in scenes:
        bpy.data.scenes.remove(scene)


def _typed(reader: Any, block: Any) -> Tree:
    return {"type": block.type}


def _curve_type(reader: Any, block: Any) -> Tree:
    name = type(block).__name__
    return {"type": {"TextCurve": "FONT", "SurfaceCurve": "SURFACE"}.get(name, "CURVE")}


def _tree_type(reader: Any, block: Any) -> Tree:
    return {"type": block.bl_idname}


def _key_user(reader: Any, block: Any) -> Tree:
    return {"user": reader.identity.reference(block.user)}


def _file(reader: Any, block: Any) -> Tree:
    from . import paths

    return {"file": paths.read_input(reader, block, block.filepath)}


_MAKE: dict[str, Callable[[Any, Any], Tree | None]] = {
    "Curve": _curve_type,
    "NodeTree": _tree_type,
    "LightProbe": _typed,
    "Key": _key_user,
    "VectorFont": _file,
    "Sound": _file,
    "MovieClip": _file,
    "CacheFile": _file,
}


def _new_object(writer: Any, blocks: Any, name: str, tree: Tree) -> Any:
    value = tree.get("p", {}).get("data")
    data = writer.identity.resolve(value)
    if data is None and values.ref_target(value):
        raise CannotMake("its data is missing")
    # No call makes an empty with its image; it is assigned.
    return blocks.new(name, None if isinstance(data, bpy.types.Image) else data)


def _new_typed(writer: Any, blocks: Any, name: str, tree: Tree) -> Any:
    return blocks.new(name, (tree.get("make") or {})["type"])


def _new_by_property(writer: Any, blocks: Any, name: str, tree: Tree) -> Any:
    return blocks.new(name, tree.get("p", {})["type"])


def _new_key(writer: Any, blocks: Any, name: str, tree: Tree) -> Any:
    from .special import shapekeys

    return shapekeys.create(writer, tree)


def _new_image(writer: Any, blocks: Any, name: str, tree: Tree) -> Any:
    from .special import images

    return images.create(writer, name, tree)


def _load(writer: Any, blocks: Any, name: str, tree: Tree) -> Any:
    from . import paths

    make = tree.get("make") or {}
    if make.get("file") == "<builtin>":
        found = next((f for f in blocks if f.filepath == "<builtin>"), None)
        return found or _builtin_font(blocks)
    path = paths.local_path(writer, make.get("file"))
    if not path:
        raise CannotMake("its file is not here")
    block = blocks.load(path)
    block.name = name
    return block


def _builtin_font(blocks: Any) -> Any:
    """Blender loads its own font when the first text object is made."""
    curve = bpy.data.curves.new("atrium-font", "FONT")
    font = curve.font
    bpy.data.curves.remove(curve)
    return font


_BUILD: dict[str, Callable[[Any, Any, str, Tree], Any]] = {
    "Object": _new_object,
    "Curve": _new_typed,
    "NodeTree": _new_typed,
    "LightProbe": _new_typed,
    "Light": _new_by_property,
    "Texture": _new_by_property,
    "Key": _new_key,
    "Image": _new_image,
    "VectorFont": _load,
    "Sound": _load,
    "MovieClip": _load,
    "CacheFile": _load,
}
