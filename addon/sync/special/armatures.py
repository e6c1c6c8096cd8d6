# SPDX-License-Identifier: GPL-3.0-or-later
"""Armatures: bones and bone collections; and the poses of objects.

Bones can only be made, removed and moved in edit mode, so all of that happens at once in short visits to it, in a
scene made for it; what needs no edit mode is set afterwards. Pose bones exist because bones do and carry the bone's name.

Names, parents and order are computed from the room alike everywhere (`_shown`): of two who edit one armature at once each would
else see the other's bones below and behind the own ones, and under other names.
"""

from __future__ import annotations

import math
from collections.abc import Container
from typing import Any, NamedTuple

import bpy

from .. import items, mergepatch, values
from . import families, restpose
from .workshop import workshop

Tree = dict[str, Any]

# Where a bone lies: only edit mode can change these.
_PLACE = ("head", "tail", "roll", "parent", "use_connect", "rest")
_HANDLES = ("bbone_custom_handle_start", "bbone_custom_handle_end")


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


class Shown(NamedTuple):
    """What all Blenders show of a bone or of a collection of bones; the parent is a key, or nothing."""

    name: str
    parent: str


def _shown(entries: Tree, handler: items.Items) -> dict[str, Shown]:
    """In the order in which Blender lists bones: each parent before its children, which stand in the room's order. Who has no parent any
    more has none."""
    names = handler.shown_names(entries)
    order = sorted(names, key=lambda k: (entries[k].get("pos", ""), k))
    parents = families.without_circles({key: entries[key].get("p", {}).get("parent") for key in order}, names)
    children: dict[str, list[str]] = {"": []}
    for key in order:
        children.setdefault(parents[key], []).append(key)
    found: dict[str, Shown] = {}
    waiting = children[""][::-1]
    while waiting:
        key = waiting.pop()
        found[key] = Shown(names[key], parents[key])
        waiting.extend(children.get(key, ())[::-1])
    return found


def complete(patch: Tree, room: Tree, tree: Tree) -> None:
    """A pose bone whose bone came to its name through the room is nobody's: who changes it first tells all of it."""
    change = pose(patch)
    for key in [k for k, v in change.items() if isinstance(v, dict) and "type" not in v and k not in pose(room)]:
        change[key] = pose(tree)[key]


def pose(tree: Tree) -> Tree:
    """What a tree of an object, or a patch, says of its bones. What comes from elsewhere may be anything."""
    at: Any = tree
    for member in ("s", "@pose", "i", "bones"):
        at = at.get(member) if isinstance(at, dict) else None
    return at if isinstance(at, dict) else {}


def of_pose(bones: Tree) -> Tree:
    """The tree of an object, or the patch, that says this of its bones."""
    return {"s": {"@pose": {"i": {"bones": bones}}}}


def suffixed(before: Tree, room: Tree) -> dict[str, str]:
    """The bones that get another name here although nobody has named them: key and new name of those of which another was named alike at once."""
    was = (before.get("i") or {}).get("bones") or {}
    now = (room.get("i") or {}).get("bones") or {}
    return {
        key: shown.name
        for key, shown in _shown(now, BONES).items()
        if key in was and was[key].get("name") == now[key].get("name") != shown.name
    }


def keep_poses(read: Tree, room: Tree, names: Container[str]) -> Tree:
    """What was read of an object without the poses of bones of those names that the room does not know: they are said under these names as
    soon as it is looked at again."""
    bones = pose(read)
    lost = [key for key in bones if values.key_name(key) in names and key not in pose(room)]
    if not lost:
        return read
    rest = {key: bone for key, bone in bones.items() if key not in lost}
    before = read["s"]["@pose"]
    return {**read, "s": {**read["s"], "@pose": {**before, "i": {**before["i"], "bones": rest}}}}


class Bones(items.Related):
    """Read only: writing goes through edit mode."""

    movable = False

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        p = tree["p"]
        p["head"] = values.encode_floats(list(item.head_local))
        p["tail"] = values.encode_floats(list(item.tail_local))
        p["roll"] = values.encode_float(_roll(item))
        p["rest"] = restpose.read(item)
        p["parent"] = self.keys[item.parent.name] if item.parent else ""
        p["use_connect"] = item.use_connect
        for name in _HANDLES:
            handle = getattr(item, name)
            p[name] = self.keys[handle.name] if handle else ""
        return tree


def _roll(bone: Any) -> float:
    """The roll that edit mode shows. `AxisRollFromMatrix` starts from the matrix's own axis, rounded; near -Y that turns the
    result by a visible angle. Edit mode starts from head and tail."""
    axis = (bone.tail_local - bone.head_local).normalized()
    level = bone.MatrixFromAxisRoll(axis, 0.0).col[0]
    across = bone.matrix_local.to_3x3().col[0]
    return math.atan2(level.cross(across).dot(axis), level.dot(across))


BONES = Bones("bones")


class BoneCollections(items.Related):
    """Which bones are in one is a set: two people who make bones at once have Blender put both into the active collection."""

    movable = False

    def list(self, owner: Any) -> list[Any]:
        return list(owner.collections_all)

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        return owner.collections.new(tree["name"])

    def remove(self, writer: Any, owner: Any, item: Any) -> None:
        owner.collections.remove(item)

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        tree["p"]["parent"] = self.keys[item.parent.name] if item.parent else ""
        # Its place among its siblings follows from the order of all.
        tree["p"].pop("child_number", None)
        # In edit mode they are not to be had, and Blender complains to its user of whoever asks.
        bones = [] if owner.is_editmode else [BONES.keys[bone.name] for bone in item.bones]
        tree["p"]["bones"] = {_plain(key): 1 for key in sorted(bones)}
        return tree

    def write(self, writer: Any, owner: Any, patch: Tree, full: Tree, cur: Tree) -> items.Live:
        live = super().write(writer, owner, patch, full, cur)
        self._arrange(owner, {key: shown for key, shown in _shown(full, self).items() if key in live.index}, live)
        return live

    def _arrange(self, owner: Any, shown: dict[str, Shown], live: items.Live) -> None:
        """Blender lists the uppermost first, then the children of each that has some, in the order in which they got their first ones."""
        families: dict[str, list[str]] = {"": []}
        for key, (_, parent) in shown.items():
            families.setdefault(parent, []).append(key)
        wanted = [(shown[key].name, parent) for parent, keys in families.items() for key in keys]
        names = {name: key for key, (name, _) in shown.items()}
        if wanted == [(c.name, names.get(c.parent.name, "") if c.parent else "") for c in self.list(owner)]:
            return
        for key in shown:
            live.item(key).parent = None
        for parent, keys in families.items():
            for number, key in enumerate(keys):
                if parent:
                    live.item(key).parent = live.item(parent)
                live.item(key).child_number = number

    def assign(self, owner: Any, full: Tree, bones: dict[str, Shown]) -> None:
        """Puts into each collection the bones that belong there, and no others."""
        for key, name in self.shown_names(full).items():
            item = owner.collections_all.get(name)
            held = full[key].get("p", {}).get("bones") or {}
            wanted = {bone.name for k, bone in bones.items() if _plain(k) in held and bone.name in owner.bones}
            here = {bone.name for bone in item.bones} if item is not None else wanted
            for name in here - wanted:
                item.unassign(owner.bones[name])
            for name in wanted - here:
                item.assign(owner.bones[name])


def _plain(key: str) -> str:
    """A bone's key as a member of a set: it is no item there."""
    return key[1:]


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
    bones = {key: seen.get(key, {}).get("p", {}).get("bones", {}) for key in collections}
    return {key: {**entry, "p": {**entry["p"], "bones": bones[key]}} for key, entry in collections.items()}


def write(writer: Any, struct: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    change = patch.get("i") or {}
    if not isinstance(struct, bpy.types.Armature) or not change:
        return
    full_i, cur_i = full.get("i", {}), cur.get("i", {})
    shown = _shown(full_i.get("bones", {}), BONES)
    if change.get("bones") and not struct.is_editmode:
        _write_bones(writer, struct, change["bones"], full_i.get("bones", {}), cur_i.get("bones", {}), shown)
    collections = full_i.get("bone_collections", {})
    if change.get("bone_collections"):
        COLLECTIONS.write(writer, struct, change["bone_collections"], collections, cur_i.get("bone_collections", {}))
    if struct.is_editmode:
        writer.defer("bones", "the armature is in edit mode here")
    else:
        COLLECTIONS.assign(struct, collections, shown)


def _write_bones(writer: Any, armature: Any, patch: Tree, full: Tree, cur: Tree, shown: dict[str, Shown]) -> None:
    made: set[str] = set()
    structure = [(bone.name, bone.parent.name if bone.parent else "") for bone in armature.bones]
    wanted = [(name, shown[parent].name if parent else "") for name, parent in shown.values()]
    if structure != wanted or any(_is_moved(change) for change in patch.values()):
        with workshop() as shop:
            shop.use(armature)
            with shop.edit():
                made = _edit_bones(armature.edit_bones, patch, full, cur, shown)
            restpose.restore(armature, {shown[key].name: _rest(key, full, shown) for key in shown}, shop.edit)
    for key in [*patch, *(made - set(patch))]:
        bone = armature.bones.get(shown[key].name) if key in shown else None
        if bone is None:
            continue
        if key in made:
            writer.write_struct(bone, full[key], full[key], {})
        elif isinstance(patch[key], dict):
            writer.write_struct(bone, patch[key], full[key], cur.get(key, {}))
    _set_handles(armature, full, shown)


def _is_moved(change: Any) -> bool:
    return change is None or "type" in change or any(name in (change.get("p") or {}) for name in _PLACE)


def _rest(key: str, full: Tree, shown: dict[str, Shown]) -> Tree:
    """Where a bone lies, as it is shown: what is known relative to a parent that it does not have here says nothing."""
    p, parent = full[key]["p"], shown[key].parent
    if p.get("parent") == parent:
        return {**p, "parent": shown[parent].name if parent else ""}
    return {**p, "parent": shown[parent].name if parent else "", "rest": []}


def _edit_bones(bones: Any, patch: Tree, full: Tree, cur: Tree, shown: dict[str, Shown]) -> set[str]:
    """The bones as the room has them; which of them were made, or made anew, and so have nothing but their place.

    Edit mode can neither move a bone in its list nor insert one: those that are to stand behind another are made anew.
    """
    here = {key: bone for key in cur if (bone := bones.get(cur[key]["name"])) is not None}
    for key in [key for key in here if key not in shown]:
        bones.remove(here.pop(key))
    _rename(here, shown)
    again = {key: _look(bones, here[key]) for key in _misplaced(bones, here, shown)}
    for key in again:
        bones.remove(here.pop(key))
    made = [key for key in shown if key not in here]
    for key in made:
        here[key] = bones.new(shown[key].name)
        _give_look(bones, here[key], again.get(key))
    placed = {key for key in shown if key in made or _is_moved(patch.get(key, {}))}
    placed |= {key for key in shown if full[key]["p"].get("parent") != shown[key].parent}
    _place(here, placed, full, shown)
    return set(made)


def _rename(here: dict[str, Any], shown: dict[str, Shown]) -> None:
    """In two steps: two may be swapping their names."""
    other = {key: bone for key, bone in here.items() if bone.name != shown[key].name}
    if len(other) > 1:
        for key, bone in other.items():
            bone.name = key
    for key, bone in other.items():
        bone.name = shown[key].name


def _misplaced(bones: Any, here: dict[str, Any], shown: dict[str, Shown]) -> list[str]:
    """Of the children of each bone those that stand behind another than they are to, or behind one that is yet to be made."""
    places = {bone.name: i for i, bone in enumerate(bones)}
    last: dict[str, float] = {}
    found = []
    for key, (name, parent) in shown.items():
        place = places[name] if key in here else math.inf
        if place < last.get(parent, -1):
            found.append(key)
            place = math.inf
        last[parent] = place
    return found


_LOOK = ("select", "select_head", "select_tail")


def _look(bones: Any, bone: Any) -> tuple[bool, ...]:
    """What its user sees of a bone and nobody else, and whether it is the active one."""
    return (*(getattr(bone, name) for name in _LOOK), bones.active == bone)


def _give_look(bones: Any, bone: Any, look: tuple[bool, ...] | None) -> None:
    for name, value in zip(_LOOK, look or (False,) * len(_LOOK), strict=False):
        setattr(bone, name, value)
    if look is not None and look[-1]:
        bones.active = bone


def _place(here: dict[str, Any], placed: set[str], full: Tree, shown: dict[str, Shown]) -> None:
    """Parents, and where those bones lie that are not yet where they shall be."""
    parents = {key: here.get(shown[key].parent) for key in shown}
    placed |= {key for key in shown if here[key].parent != parents[key]}
    for key in placed:
        here[key].use_connect = False
        here[key].parent = None
    for key in placed:
        here[key].parent = parents[key]
    for key in placed:
        p, bone = full[key]["p"], here[key]
        bone.head, bone.tail, bone.roll = (values.decode(p[n]) for n in ("head", "tail", "roll"))
    for key in placed:
        here[key].use_connect = bool(full[key]["p"].get("use_connect")) and parents[key] is not None


def _set_handles(armature: Any, full: Tree, shown: dict[str, Shown]) -> None:
    for key, (name, _) in shown.items():
        bone = armature.bones.get(name)
        for handle in _HANDLES:
            other = shown.get(full[key]["p"].get(handle) or "")
            target = armature.bones.get(other.name) if other is not None else None
            if bone is not None and getattr(bone, handle) != target:
                setattr(bone, handle, target)
