# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that are to show a collection which holds them.

One person puts an object into a collection while another has it show that collection: the room then holds both, and
Blender takes only one of them, whichever comes first. So the collection has its way everywhere: what it holds is there for all to see
and work on, and the object shows nothing. The room keeps what both have said, and as soon as the object is no longer inside it shows
the collection.

A suspect is an object that does not show its document's collection, or a collection that lacks an object of its document's. Not every
one is in a circle: what it names may not be here yet.
"""

from __future__ import annotations

from typing import Any

import bpy

from . import values
from .apply import ERRORS
from .mender import Mender, Tree


class Instances(Mender):
    def note(self, doc: str, read: Tree, room: Tree) -> None:
        if room.get("type") == "Object":
            self._suspect(doc, _shown(room) not in (None, _shown(read)))
        elif room.get("type") == "Collection":
            self._suspect(doc, bool(_lacks(read, room)))

    def mend(self) -> None:
        collections = {doc for doc in self.suspects if self._identity.type_of(doc) == "Collection"}
        self.suspects -= collections
        for doc in sorted(collections):
            self._fill(doc)
        for doc in sorted(self.suspects):
            self._show(doc)

    def _fill(self, doc: str) -> None:
        """Puts into a collection what Blender has refused for what it showed."""
        known = self._state.shadows.get(doc)
        collection = self._identity.block(doc)
        if known is None or collection is None:
            return
        for member in sorted(_lacks(*known.load()[:2])):
            ob = self._identity.block(member)
            # What its user has taken out is captured first: then it is no longer lacked.
            if member not in self._state.shadows or getattr(ob, "instance_collection", None) is None:
                continue
            self._capture(doc)
            self._capture(member)
            if member not in _lacks(*self._state.shadows[doc].load()[:2]):
                continue
            self._link(doc, collection, ob)
            self._settle(member)
            self._settle(doc)
            self.suspects.add(member)

    def _link(self, doc: str, collection: Any, ob: Any) -> None:
        shown = ob.instance_collection
        try:
            ob.instance_collection = None
            collection.objects.link(ob)
        except ERRORS as e:
            self._writer.doc = doc
            self._writer.refuse(f"objects: {ob.name}", e)
            ob.instance_collection = shown

    def _show(self, doc: str) -> None:
        """Has an object show its collection again once it is no longer inside."""
        known = self._state.shadows.get(doc)
        target = _shown(known.load()[1]) if known is not None else None
        if known is None or target in (None, _shown(known.load()[0])):
            self.suspects.discard(doc)
            return
        ob, collection = self._identity.block(doc), self._identity.block(target or "")
        if ob is None or not isinstance(collection, bpy.types.Collection):
            return
        inside = _holds(collection, ob)
        if inside and ob.instance_collection is None:
            return
        if not inside:
            self.suspects.discard(doc)
        self._capture(doc)
        if _shown(self._state.room_tree(doc) or {}) != target:
            return
        try:
            # Not what it has shown before either: only some would still show that.
            ob.instance_collection = None if inside else collection
        except ERRORS as e:
            self._writer.doc = doc
            self._writer.refuse("instance_collection", e)
        self._settle(doc)


def _holds(collection: Any, ob: Any) -> bool:
    return bool(collection.all_objects.get(ob.name) == ob)


def _shown(tree: Tree) -> str | None:
    return values.ref_target((tree.get("p") or {}).get("instance_collection"))


def _lacks(read: Tree, room: Tree) -> set[str]:
    """The objects that a collection is to hold and does not."""
    here, wanted = (((tree.get("m") or {}).get("objects") or {}) for tree in (read, room))
    return set(wanted) - set(here) if isinstance(wanted, dict) else set()
