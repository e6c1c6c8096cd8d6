# SPDX-License-Identifier: GPL-3.0-or-later
"""Armatures: bones and bone collections; and the poses of objects.

Bones can only be made, removed and moved in edit mode, so all of that happens at once in short visits to it, in a
scene made for it; what needs no edit mode is set afterwards. Pose bones exist because bones do and carry the bone's name.
"""

from __future__ import annotations

import math
from typing import Any

import bpy

from .. import items, mergepatch, rna, values
from . import restpose
from .workshop import workshop

Tree = dict[str, Any]

# Where a bone lies: only edit mode can change these.
_PLACE = ("head", "tail", "roll", "parent", "use_connect", "rest")


class PoseBones(items.Items):
    ordered = False
    fixed = True

    def read(self, reader: Any, owner: Any, old: Tree) -> Tree:
        names = [bone.name for bone in owner.bones]
        draft = reader.draft(self.name, names if reader.sliced else None)
        for name, bone in zip(names, owner.bones, strict=True):
            key = values.name_key(name)
            if key not in draft.entries:
                draft.entries[key] = self._pose_bone(reader, bone, key, old.get(key, {}))
                reader.pause()
        return items.share(draft.entries, old)

    def _pose_bone(self, reader: Any, bone: Any, key: str, old: Tree) -> Tree:
        with reader.inside(self.name, key):
            entry = {"type": "PoseBone", **reader.read_struct(bone, old)}
        shape = bone.custom_shape_transform
        entry["p"]["shape_transform"] = shape.name if shape else ""
        return old if mergepatch.alike(old, entry) else entry

    def fixed_keys(self, owner: Any) -> list[str]:
        return [values.name_key(bone.name) for bone in owner.bones]

    def write_one(self, writer: Any, owner: Any, item: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        super().write_one(writer, owner, item, patch, full, cur)
        if "shape_transform" in (patch.get("p") or {}):
            item.custom_shape_transform = owner.bones.get(full["p"].get("shape_transform") or "")

    def rename(self, item: Any, name: str) -> None:
        return


items.TABLE["Pose.bones"] = PoseBones("bones")


class Bones(items.Items):
    """Read only: writing goes through edit mode."""

    movable = False

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        p = tree["p"]
        p["head"] = values.encode_floats(list(item.head_local))
        p["tail"] = values.encode_floats(list(item.tail_local))
        p["roll"] = values.encode_float(_roll(item))
        p["rest"] = restpose.read(item)
        p["parent"] = item.parent.name if item.parent else ""
        p["use_connect"] = item.use_connect
        for name in ("bbone_custom_handle_start", "bbone_custom_handle_end"):
            handle = getattr(item, name)
            p[name] = handle.name if handle else ""
        return tree


def _roll(bone: Any) -> float:
    """The roll that edit mode shows. `AxisRollFromMatrix` starts from the matrix's own axis, rounded; near -Y that turns the
    result by a visible angle. Edit mode starts from head and tail."""
    axis = (bone.tail_local - bone.head_local).normalized()
    level = bone.MatrixFromAxisRoll(axis, 0.0).col[0]
    across = bone.matrix_local.to_3x3().col[0]
    return math.atan2(level.cross(across).dot(axis), level.dot(across))


BONES = Bones("bones")


class BoneCollections(items.Items):
    movable = False

    def list(self, owner: Any) -> list[Any]:
        return list(owner.collections_all)

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        parent = owner.collections_all.get(tree.get("p", {}).get("parent") or "")
        return owner.collections.new(tree["name"], parent=parent)

    def remove(self, writer: Any, owner: Any, item: Any) -> None:
        owner.collections.remove(item)

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        tree["p"]["parent"] = item.parent.name if item.parent else ""
        # In edit mode they are not to be had, and Blender complains to its user of whoever asks.
        tree["p"]["bones"] = values.encode_array([] if owner.is_editmode else sorted(b.name for b in item.bones))
        return tree

    def write_one(self, writer: Any, owner: Any, item: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        super().write_one(writer, owner, item, patch, full, cur)
        p, room = patch.get("p") or {}, full["p"]
        if "parent" in p:
            parent = owner.collections_all.get(room.get("parent") or "")
            if item.parent != parent:
                item.parent = parent
        if "bones" in p and owner.is_editmode:
            writer.defer("bones", "the armature is in edit mode here")
        elif "bones" in p:
            wanted = set(values.decode(room["bones"]))
            here = {b.name for b in item.bones}
            for name in here - wanted:
                item.unassign(owner.bones[name])
            for name in wanted - here:
                if name in owner.bones:
                    item.assign(owner.bones[name])


COLLECTIONS = BoneCollections("bone_collections")


def read(reader: Any, struct: Any, old: Tree, out: Tree) -> None:
    if not isinstance(struct, bpy.types.Armature):
        return
    before = old.get("i", {})
    i = out.setdefault("i", {})
    seen = reader.seen.get("i", {})
    if struct.is_editmode and "bones" in seen:
        i["bones"] = seen["bones"]
    else:
        i["bones"] = BONES.read(reader, struct, before.get("bones", {}))
    if hasattr(struct, "collections_all"):
        i["bone_collections"] = COLLECTIONS.read(reader, struct, before.get("bone_collections", {}))
        if struct.is_editmode:
            i["bone_collections"] = _as_seen(i["bone_collections"], seen.get("bone_collections", {}))


def _as_seen(collections: Tree, seen: Tree) -> Tree:
    """Which bones are in them, which edit mode keeps to itself until it is left."""
    bones = {key: seen.get(key, {}).get("p", {}).get("bones", values.encode_array([])) for key in collections}
    return {key: {**entry, "p": {**entry["p"], "bones": bones[key]}} for key, entry in collections.items()}


def write(writer: Any, struct: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    change = patch.get("i") or {}
    if not isinstance(struct, bpy.types.Armature) or not change:
        return
    full_i, cur_i = full.get("i", {}), cur.get("i", {})
    if change.get("bones"):
        if struct.is_editmode:
            writer.defer("bones", "the armature is in edit mode here")
        else:
            _write_bones(writer, struct, change["bones"], full_i.get("bones", {}), cur_i.get("bones", {}))
    if change.get("bone_collections"):
        COLLECTIONS.write(
            writer,
            struct,
            change["bone_collections"],
            full_i.get("bone_collections", {}),
            cur_i.get("bone_collections", {}),
        )


def _write_bones(writer: Any, armature: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    if any(_needs_edit_mode(k, v, full, cur) for k, v in patch.items()):
        with workshop() as shop:
            shop.use(armature)
            with shop.edit():
                _edit_bones(armature.edit_bones, patch, full, cur)
            restpose.restore(armature, {bone["name"]: bone["p"] for bone in full.values()}, shop.edit)
    handler_plan = None
    for key, change in patch.items():
        bone = armature.bones.get(full[key]["name"]) if key in full else None
        if bone is None or not isinstance(change, dict):
            continue
        handler_plan = handler_plan or rna.plan_of(bone)
        p = full[key] if key not in cur else change
        writer.write_struct(bone, p, full[key], cur.get(key, {}))
        for name in ("bbone_custom_handle_start", "bbone_custom_handle_end"):
            if name in (p.get("p") or {}):
                setattr(bone, name, armature.bones.get(full[key]["p"].get(name) or ""))


def _needs_edit_mode(key: str, change: Any, full: Tree, cur: Tree) -> bool:
    if change is None or key not in cur or key not in full:
        return True
    return "name" in change or any(name in (change.get("p") or {}) for name in _PLACE)


def _edit_bones(bones: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    for key, change in patch.items():
        if change is None and key in cur:
            doomed = bones.get(cur[key]["name"])
            if doomed is not None:
                bones.remove(doomed)
    wanted: dict[str, Any] = {}
    for key in patch:
        if key in full:
            before = cur.get(key, {}).get("name")
            bone = bones.get(before) if before else None
            wanted[key] = bone if bone is not None else bones.new(full[key]["name"])
    for key, bone in wanted.items():
        if bone.name != full[key]["name"]:
            bone.name = full[key]["name"]
    for key, bone in wanted.items():
        p = full[key]["p"]
        bone.use_connect = False
        bone.parent = bones.get(p.get("parent") or "")
    for key, bone in wanted.items():
        p = full[key]["p"]
        bone.head, bone.tail, bone.roll = (values.decode(p[n]) for n in ("head", "tail", "roll"))
    for key, bone in wanted.items():
        bone.use_connect = bool(full[key]["p"].get("use_connect"))
