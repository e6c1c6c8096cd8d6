# SPDX-License-Identifier: GPL-3.0-or-later
"""Shape keys: a datablock of their own that only an object of its owner can make.

The key blocks are items, the first being the basis. Their points are one array each, and belong to one shape of the owner:
an array of one length must never meet an owner of another. So, as the geometry of a mesh, the points are an item, of
which `p.points` names the one that counts: whoever adds a vertex makes a new one, and what somebody else still does to
the old one comes to nothing.

Then there may be none that fit: the owner of the new shape need not have had this key block. Nobody could say what its
points are, so the mesh does: **a key block without points of the mesh's size in the room lies where the mesh lies**, for
all and always. What lies there is nobody's edit and is not sent; what does not (its user has moved it, or the
mesh under it) is new points. So whoever writes a mesh looks at its keys before and writes them after.

The same holds for curves, surfaces and lattices, with two differences. Blender does not resize the key blocks of a curve outside of edit mode: one of
another length reads as having no points, and all of them are made anew when they are written. And it does not
resize a lattice that has shape keys: they are taken away for that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import bmesh
import bpy
import numpy as np

from .. import identity, items, values

Tree = dict[str, Any]

# What a point holds, by its class: (property, numbers). Curves hold points of both kinds in one sequence.
_LAYOUTS: dict[str, tuple[tuple[str, int], ...]] = {
    "ShapeKeyPoint": (("co", 3),),
    "ShapeKeyCurvePoint": (("co", 3), ("tilt", 1), ("radius", 1)),
    "ShapeKeyBezierPoint": (("co", 3), ("handle_left", 3), ("handle_right", 3), ("tilt", 1), ("radius", 1)),
}
# The points of curves themselves hold the same.
_LAYOUTS |= {"SplinePoint": _LAYOUTS["ShapeKeyCurvePoint"], "BezierSplinePoint": _LAYOUTS["ShapeKeyBezierPoint"]}


# Where the points of an owner are in its tree: of meshes, curves and lattices.
_SHAPES = ("geometry", "splines", "points", "points_u", "points_v", "points_w")

# A block that is there for a moment, and the last frame that Blender has.
STAND_IN = "atrium stand-in"
FRAME_MAX = 1048574
# Blender gives a block that comes last so many frames more than the one before, and takes frames nearer than that for one.
FRAME_STEP = 10
FRAME_NEAR = 0.1


class Blocks(items.Items):
    movable = False
    unique_names = True

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        return _add(writer, owner, tree["name"], tree["p"]["frame"])

    def remove(self, writer: Any, owner: Any, item: Any) -> None:
        data = owner.user
        with _object_of(writer, data) as ob:
            ob.shape_key_remove(item)
        renew_bounds(data)

    def write(self, writer: Any, owner: Any, patch: Tree, full: Tree, cur: Tree) -> items.Live:
        ob = writer.reader.user_of(owner.user)
        active = ob.active_shape_key.name if ob is not None and ob.active_shape_key is not None else ""
        live = super().write(writer, owner, patch, _with_shown_frames(full), cur)
        if live.keys and active in owner.key_blocks:
            ob.active_shape_key_index = owner.key_blocks.find(active)
        return live

    def misplaced(self, writer: Any, owner: Any, full: Tree, live: items.Live) -> list[str]:
        """Blender keeps the blocks in the order of their frames, and neither can be set."""
        frames = {key: full[key]["p"]["frame"] for key in live.keys if key in full}
        wrong = [key for key, frame in frames.items() if abs(live.item(key).frame - frame) > FRAME_NEAR / 2]
        if any(not _fits(owner.user, live.item(key)) for key in frames):
            wrong = list(frames)
        if wrong and is_edited(owner):
            writer.defer("shape keys", "their owner is in edit mode here")
            return []
        return wrong

    def _remove_all(self, writer: Any, owner: Any, patch: Tree, full: Tree, live: items.Live) -> None:
        """The last block takes the whole datablock with it: where all of them go and others come, one stands in meanwhile."""
        going = [key for key in live.keys if key in patch and (key not in full or patch[key] is items.REMAKE)]
        if len(going) < len(live.keys) or not any(key in full for key in patch):
            super()._remove_all(writer, owner, patch, full, live)
            return
        stand_in = _add(writer, owner, STAND_IN, float(FRAME_MAX))
        # The basis last: Blender gives the owner the shape of what is the basis next, and only the one that stands in is sure to have its shape.
        for key in reversed(going):
            self.remove(writer, owner, live.item(key))
            live.drop(key)
        self._create_all(writer, owner, patch, full, live)
        self.remove(writer, owner, stand_in)

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        p = tree["p"]
        p["frame"] = values.encode_float(item.frame)
        if is_edited(owner) and chosen(seen := _seen(reader, item), None)[0] is not None:
            # The edit mesh is elsewhere: what stands here is stale until the mode is left.
            _keep_points(tree, seen)
        elif _fits(owner.user, item):
            self._read_points(reader, owner, item, tree, old)
        if item.relative_key is not None:
            p["relative_to"] = item.relative_key.name
        return tree

    @staticmethod
    def _read_points(reader: Any, owner: Any, item: Any, tree: Tree, old: Tree) -> None:
        array = _read_points(item)
        key, _ = chosen(old, array.size)
        if key is None and chosen(old, None)[0] is not None and _lies_on(owner.user, array):
            _keep_points(tree, old)
            return
        key = key or identity.mint_key()
        value = reader.blobs.put(array, (reader.doc, "co", item.name))
        tree["p"]["points"] = key
        tree["i"] = {"points": {key: {"type": "ShapePoints", "p": {"size": int(array.size), "v": value}}}}

    def write_one(self, writer: Any, owner: Any, item: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        super().write_one(writer, owner, item, patch, full, cur)
        if "points" not in (patch.get("p") or {}) and "points" not in (patch.get("i") or {}):
            return
        if is_edited(owner):
            writer.defer("shape keys", "their owner is in edit mode here")
            return
        key, points = chosen(full, _read_points(item).size)
        if key is not None:
            _write_points(item, writer.blobs.get(points["p"]["v"], "float32"))
        else:
            _fill(item, _positions(owner.user))


BLOCKS = Blocks("key_blocks")


def _add(writer: Any, key: Any, name: str, frame: float) -> Any:
    """A block that lies where the owner lies. Where that is no mesh Blender copies the first block, which may be the new one itself or of
    another length; what is made from a mix has the owner's."""
    owner = key.user
    with _object_of(writer, owner) as ob, _at_frame(key, frame):
        block = ob.shape_key_add(name=name, from_mix=not isinstance(owner, bpy.types.Mesh))
    if not isinstance(owner, bpy.types.Mesh):
        _fill(block, _positions(owner))
    return block


def _with_shown_frames(blocks: Tree) -> Tree:
    """The blocks of the room with the frames that they show. Two people who add one at once give both the same frame; the one further
    back shows a later one, or each Blender would find another."""
    out, last = dict(blocks), -float(FRAME_STEP)
    for key in sorted(blocks, key=lambda k: (blocks[k].get("pos", ""), k)):
        p = blocks[key].get("p", {})
        frame = values.decode(p.get("frame"))
        last = frame if isinstance(frame, float | int) and frame >= last + FRAME_NEAR else last + FRAME_STEP
        out[key] = {**blocks[key], "p": {**p, "frame": last}}
    return out


def _seen(reader: Any, item: Any) -> Tree:
    blocks = reader.seen.get("i", {}).get("key_blocks", {}).values()
    return next((block for block in blocks if block.get("name") == item.name), {})


def chosen(block: Tree, size: int | None) -> tuple[str | None, Tree]:
    """The points of a key block's tree that count: those it names, else the last by key; only such of the given size."""
    found = {k: v for k, v in (block.get("i", {}).get("points") or {}).items() if size in (None, _size(v))}
    named = block.get("p", {}).get("points")
    key = named if named in found else max(found, default=None)
    return (key, found[key]) if key is not None else (None, {})


def _keep_points(tree: Tree, before: Tree) -> None:
    """What the room has stays as it is: this Blender has nothing to say about the points."""
    if "points" in before.get("p", {}):
        tree["p"]["points"] = before["p"]["points"]
    tree["i"] = {"points": before["i"]["points"]}


def _positions(owner: Any) -> np.ndarray:
    """Where the points of the owner lie, as its key blocks hold them."""
    if isinstance(owner, bpy.types.Lattice):
        own = np.empty(len(owner.points) * 3, dtype=np.float32)
        owner.points.foreach_get("co_deform", own)
        return own
    if not isinstance(owner, bpy.types.Mesh):
        return _numbers(point for spline in owner.splines for point in _points_of(spline))
    own = np.empty(len(owner.vertices) * 3, dtype=np.float32)
    if owner.is_editmode:
        # As stale as the key blocks; attributes show the edit mesh.
        owner.vertices.foreach_get("co", own)
    elif own.size:
        owner.attributes["position"].data.foreach_get("vector", own)
    return own


def _points_of(spline: Any) -> Any:
    return spline.bezier_points if spline.type == "BEZIER" else spline.points


def _fits(owner: Any, block: Any) -> bool:
    """Whether a key block is as long as its owner. In edit mode of a curve its own points are not to be had."""
    if isinstance(owner, bpy.types.Mesh) or owner.is_editmode:
        return True
    if isinstance(owner, bpy.types.Lattice):
        return len(block.data) == len(owner.points)
    kinds = [
        "ShapeKeyBezierPoint" if spline.type == "BEZIER" else "ShapeKeyCurvePoint"
        for spline in owner.splines
        for _ in _points_of(spline)
    ]
    return [type(point).__name__ for point in block.data] == kinds


def _lies_on(owner: Any, array: np.ndarray) -> bool:
    return _positions(owner).tobytes() == array.tobytes()


def is_reshaped(shape: Tree) -> bool:
    """Whether a change of an owner moves its points."""
    return any(name in (shape.get(member) or {}) for member in ("p", "i") for name in _SHAPES)


def lies_on_owner(key: Tree, size: int) -> bool:
    """Whether, by the room's tree, some key block has no points of that size."""
    return any(chosen(block, size)[0] is None for block in (key.get("i", {}).get("key_blocks") or {}).values())


def _size(points: Any) -> int:
    return int(points["p"].get("size", 0)) if isinstance(points, dict) and isinstance(points.get("p"), dict) else 0


def is_edited(key: Any) -> bool:
    return bool(getattr(key.user, "is_editmode", False))


def _read_points(item: Any) -> np.ndarray:
    data = item.data
    if not len(data):
        return np.empty(0, dtype=np.float32)
    if type(data[0]).__name__ == "ShapeKeyPoint":
        points = np.empty(len(data) * 3, dtype=np.float32)
        data.foreach_get("co", points)
        return points
    return _numbers(data)


def _numbers(points: Iterable[Any]) -> np.ndarray:
    flat: list[float] = []
    for point in points:
        for name, width in _LAYOUTS[type(point).__name__]:
            value = getattr(point, name)
            # Of a point of a spline the fourth is its weight, which no shape key has.
            flat.extend(value[:width] if width > 1 else (value,))
    return np.array(flat, dtype=np.float32)


def _write_points(item: Any, array: np.ndarray) -> None:
    data = item.data
    if not len(data):
        return
    if type(data[0]).__name__ == "ShapeKeyPoint":
        data.foreach_set("co", array)
        return
    at = 0
    for point in data:
        for name, width in _LAYOUTS[type(point).__name__]:
            setattr(point, name, array[at : at + width].tolist() if width > 1 else float(array[at]))
            at += width


def fit(mesh: Any, count: int) -> None:
    """Makes the key blocks of a mesh that is to have `count` vertices as long. Only a conversion from edit meshes does that
    without making them anew, which would lose their settings and what animates them."""
    key = mesh.shape_keys
    if key is None or all(len(block.data) == count for block in key.key_blocks):
        return
    blank = bpy.data.meshes.new("atrium blank")
    try:
        blank.vertices.add(count)
        edit = bmesh.new()
        edit.from_mesh(blank)
        edit.to_mesh(mesh)
        edit.free()
    finally:
        bpy.data.meshes.remove(blank)


def fill(mesh: Any) -> None:
    """A new shape's key blocks lie where it lies until their points are written."""
    own = _positions(mesh)
    for block in mesh.shape_keys.key_blocks:
        _fill(block, own)


def _fill(block: Any, positions: np.ndarray) -> None:
    if _read_points(block).size == positions.size:
        _write_points(block, positions)


def renew_bounds(owner: Any) -> None:
    """Where a basis goes Blender gives the mesh the shape of the next one, and leaves it the bounds and texture space of the old one until a
    vertex is set. The same where positions are set as an attribute."""
    if isinstance(owner, bpy.types.Mesh) and not owner.is_editmode and len(owner.vertices):
        owner.vertices[0].co = owner.vertices[0].co
        owner.update()


def clear_up(key: Any, patch: Tree) -> None:
    """After its user has removed a block."""
    if None in ((patch.get("i") or {}).get("key_blocks") or {}).values():
        renew_bounds(key.user)


@contextmanager
def away(writer: Any, lattice: Any) -> Iterator[None]:
    """Takes the shape keys of a lattice away for a moment. What they were is written to those that are made afterwards, as whoever changes
    their owner writes them after it."""
    key = lattice.shape_keys
    doc, name = (writer.identity.doc(key), key.name) if key is not None else (None, "")
    if key is not None:
        remove(key)
    yield
    if doc is not None:
        made = create(writer, {"make": {"user": values.ref(writer.doc)}})
        made.name = name
        writer.identity.bind(doc, made)


@contextmanager
def _at_frame(key: Any, frame: float) -> Iterator[None]:
    """A block's frame is given when it is made, and only where keys are absolute: then it is the time of evaluation."""
    before = key.use_relative, key.eval_time
    key.use_relative, key.eval_time = False, frame
    try:
        yield
    finally:
        key.use_relative, key.eval_time = before


@contextmanager
def _object_of(writer: Any, owner: Any) -> Iterator[Any]:
    ob = writer.reader.user_of(owner)
    if ob is not None:
        yield ob
        return
    ob = bpy.data.objects.new("atrium shape keys", owner)
    try:
        yield ob
    finally:
        bpy.data.objects.remove(ob)


def create(writer: Any, tree: Tree) -> Any:
    """The key datablock, with one block; what is wrong with that is seen when the blocks are written."""
    owner = writer.resolve((tree.get("make") or {}).get("user"))
    if owner.shape_keys is None:
        with _object_of(writer, owner) as ob:
            ob.shape_key_add(name="Basis", from_mix=False)
    return owner.shape_keys


def remove(key: Any) -> None:
    owner = key.user
    if owner is None:
        return
    ob = next((o for o in bpy.data.objects if o.data == owner), None)
    temporary = ob is None
    if ob is None:
        ob = bpy.data.objects.new("atrium shape keys", owner)
    ob.shape_key_clear()
    if temporary:
        bpy.data.objects.remove(ob)


def read(reader: Any, key: Any, old: Tree, out: Tree) -> None:
    out.setdefault("i", {})["key_blocks"] = BLOCKS.read(reader, key, old.get("i", {}).get("key_blocks", {}))


def write(writer: Any, key: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    change = (patch.get("i") or {}).get("key_blocks")
    if not change:
        return
    wanted = full.get("i", {}).get("key_blocks", {})
    BLOCKS.write(writer, key, change, wanted, cur.get("i", {}).get("key_blocks", {}))
    for item in wanted.values():
        name = item.get("p", {}).get("relative_to")
        block, target = key.key_blocks.get(item["name"]), key.key_blocks.get(name or "")
        if block is not None and target is not None and block.relative_key != target:
            block.relative_key = target
