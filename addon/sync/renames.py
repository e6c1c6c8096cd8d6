# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows a rename.

Curves, drivers and constraints lead to bones, modifiers, nodes and shape keys by their names, and when one of these is renamed Blender
follows with all that leads there: at who renames it, and at everybody else when the rename comes. Who animates it before he hears of
that sends its old name, which no longer leads anywhere where the rename was first. So he tells the new one: what Blender has
changed in what somebody wrote last is said again by him, and what others wrote last is as they said it.

Two curves may then animate one thing. All show the same one (special/fcurves.py), and who made the other one removes it from the room.

A suspect is a document in which such a name is another one than the room says, or with two curves of one place.
"""

from __future__ import annotations

from typing import Any

from . import dirty, mergepatch, shadow, values
from .apply import ERRORS
from .mender import Mender, Tree
from .special import armatures, fcurves

# Collections whose items' names Blender changes, and properties that hold such a name, or the way there.
FOLLOWING = ("fcurves", "drivers", "groups")
LEADING = ("group", "data_path", "subtarget", "pole_subtarget", "bone_target")
# What holds curves and drivers, and the parts of a document in which they are.
_ANIMATED = ("Action", "ActionSlot", "AnimData")
_PARTS = ("@animation_data", "@node_tree")


class Renames(Mender):
    def note(self, doc: str, read: Tree, room: Tree) -> None:
        self._suspect(doc, read is not room and bool(_named_otherwise(read, room) or _doubled(room)))

    def mend(self) -> None:
        for doc in sorted(self.suspects):
            self.suspects.discard(doc)
            known, block = self._state.shadows.get(doc), self._identity.block(doc)
            if known is None or block is None or block.library is not None:
                continue
            read, room, theirs = known.load()
            said = own(read, room, theirs)
            lost = shadow.split(_doubled(room), theirs)[0]
            if said or lost:
                # As if Blender had shown until now what the room says: what it shows is the user's word.
                self._state.put(doc, mergepatch.merge(mergepatch.merge(read, said), lost), room, theirs)
                self._capture(doc)


class Poses(Mender):
    """Poses are kept by the names of bones, so who renames a bone says its pose anew, as he knows it. What another has said of it at the same time
    is gone from the room with the old name: he says it again under the new one."""

    def __init__(self, *tools: Any) -> None:
        super().__init__(*tools)
        # By armature: names that bones had before, with the bones' keys.
        self._before: dict[str, dict[str, str]] = {}
        # By object: what its user had said last of bones that the room knows by other names now, by the old ones.
        self._said: dict[str, Tree] = {}

    def note(self, doc: str, read: Tree, room: Tree) -> None:
        return

    def note_change(self, doc: str, patch: Tree) -> None:
        """What others change in a document, before it is written."""
        known = self._state.shadows.get(doc)
        kind = self._identity.type_of(doc) if known is not None else ""
        if known is None or kind not in ("Armature", "Object"):
            return
        read, room, theirs = known.load()
        if kind == "Armature":
            bones = _member(_member(read, "i"), "bones")
            for key, change in _member(_member(patch, "i"), "bones").items():
                if key in bones and isinstance(change, dict) and "name" in change:
                    self._before.setdefault(doc, {})[bones[key]["name"]] = key
            return
        gone = [key for key, change in armatures.pose(patch).items() if change is None]
        here = armatures.pose(room)
        said = {key: {k: v for k, v in _member(here, key).items() if k != "type"} for key in gone}
        said = armatures.pose(shadow.split(armatures.of_pose(said), theirs)[0]) if said else said
        if said:
            self._said[doc] = {**self._said.get(doc, {}), **said}

    def mend(self) -> None:
        while self._said:
            doc, said = self._said.popitem()
            known, block = self._state.shadows.get(doc), self._identity.block(doc)
            if known is None or block is None or block.library is not None:
                continue
            read, room, theirs = known.load()
            names = self._names(self._identity.doc(block.data) or "")
            shown = armatures.pose(read)
            told = {key: entry for key, entry in armatures.pose(room).items() if isinstance(entry, dict)}
            renamed = {names[old]: words for old, words in said.items() if names.get(old) in shown.keys() & told.keys()}
            meant = {key: mergepatch.merge(told[key], words) for key, words in renamed.items()}
            words = {key: mergepatch.diff(told[key], tree) for key, tree in meant.items() if tree != told[key]}
            if words:
                dirty.tracker.foreign = True
                patch = armatures.of_pose(words)
                try:
                    self._writer.write_block(doc, block, patch, mergepatch.merge(read, patch), read)
                except ERRORS as e:
                    self._writer.refuse("pose", e)
                # As if Blender had shown until now what the room was told: what it shows is the user's word.
                back = armatures.of_pose({key: mergepatch.diff(meant[key], told[key]) for key in words})
                self._state.put(doc, mergepatch.merge(read, back), room, theirs)
                self._capture(doc)

    def _names(self, armature: str) -> dict[str, str]:
        """By the keys that bones had in a pose those that they have now."""
        known = self._state.shadows.get(armature)
        bones = _member(_member(known.load()[0], "i"), "bones") if known is not None else {}
        found = {old: bones[key]["name"] for old, key in self._before.get(armature, {}).items() if key in bones}
        return {values.name_key(old): values.name_key(name) for old, name in found.items()}


def own(read: Tree, room: Tree, theirs: Any) -> Tree:
    """The room's word for what Blender names otherwise now, and for what its user has said it last: as a patch of what was read."""
    return shadow.split(_named_otherwise(read, room), theirs)[0]


def renames(patch: Any) -> bool:
    """Whether a patch gives something in a document another name."""
    for member in ("s", "i"):
        for key, change in _member(patch, member).items():
            for item in _member(_member(patch, member), key).values() if member == "i" else (change,):
                if isinstance(item, dict) and not mergepatch.is_typed(item) and ("name" in item or renames(item)):
                    return True
    return False


def _member(tree: Any, name: str) -> Tree:
    """What comes from elsewhere may be anything."""
    found = tree.get(name) if isinstance(tree, dict) else None
    return found if isinstance(found, dict) else {}


def _named_otherwise(read: Tree, room: Tree, collection: str = "") -> Tree:
    """What both have, and the room names otherwise."""
    out: Tree = {}
    if collection in FOLLOWING and _differs(read, room, "name"):
        out["name"] = room["name"]
    p, q = _member(read, "p"), _member(room, "p")
    if p is not q:
        _put(out, "p", {name: q[name] for name in LEADING if _differs(p, q, name)})
    parts, others = _member(read, "s"), _member(room, "s")
    if parts is not others:
        _put(out, "s", _of_items(parts, others, ""))
    here, there = _member(read, "i"), _member(room, "i")
    found: Tree = {}
    for name in here if here is not there else ():
        _put(found, name, _of_items(_member(here, name), _member(there, name), name))
    _put(out, "i", found)
    return out


def _of_items(here: Tree, there: Tree, collection: str) -> Tree:
    out: Tree = {}
    for key, entry in here.items() if here is not there else ():
        other = there.get(key)
        if isinstance(other, dict) and other is not entry:
            _put(out, key, _named_otherwise(entry, other, collection))
    return out


def _put(out: Tree, key: str, inner: Tree) -> None:
    if inner:
        out[key] = inner


def _differs(here: Tree, there: Tree, name: str) -> bool:
    """Only a name has followed another one: where there is none, Blender did not take it."""
    a, b = here.get(name), there.get(name)
    return isinstance(a, str) and isinstance(b, str) and a != b and a != ""


def _doubled(room: Tree) -> Tree:
    """Of several curves of one place those that are not shown."""
    out: Tree = {}
    inner: Tree = {}
    collections = _member(room, "i") if room.get("type") in _ANIMATED else {}
    for name in ("fcurves", "drivers"):
        curves = _member(collections, name)
        _put(inner, name, {key: curves[key] for key in fcurves.doubles(curves)})
    slots = _member(collections, "slots")
    _put(inner, "slots", {key: found for key in slots if (found := _doubled(_member(slots, key)))})
    _put(out, "i", inner)
    parts = _member(room, "s")
    _put(out, "s", {key: found for key in _PARTS if key in parts and (found := _doubled(_member(parts, key)))})
    return out
