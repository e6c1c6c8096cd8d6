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

from collections.abc import Callable
from typing import Any

import bpy

from . import values
from .apply import ERRORS, Writer
from .identity import Identity
from .state import State

Tree = dict[str, Any]


class Instances:
    def __init__(
        self,
        identity: Identity,
        writer: Writer,
        state: State,
        capture: Callable[[str], Tree],
        settle: Callable[[str], None],
    ) -> None:
        self._identity = identity
        self._writer = writer
        self._state = state
        # Sends what the user has changed in a document; reads it back after it was written.
        self._capture = capture
        self._settle = settle
        # Objects that may have to show a collection, and collections that may have to get an object.
        self._objects: set[str] = set()
        self._collections: set[str] = set()

    def note(self, doc: str, read: Tree, room: Tree) -> None:
        """After a document was read back."""
        if room.get("type") == "Object":
            _keep(self._objects, doc, _shown(room) not in (None, _shown(read)))
        elif room.get("type") == "Collection":
            _keep(self._collections, doc, bool(_lacks(read, room)))

    def mend(self) -> None:
        for doc in sorted(self._collections):
            self._fill(doc)
        self._collections.clear()
        for doc in sorted(self._objects):
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
            self._objects.add(member)

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
            self._objects.discard(doc)
            return
        ob, collection = self._identity.block(doc), self._identity.block(target or "")
        if ob is None or not isinstance(collection, bpy.types.Collection) or _holds(collection, ob):
            return
        self._objects.discard(doc)
        self._capture(doc)
        if _shown(self._state.room_tree(doc) or {}) != target:
            return
        try:
            ob.instance_collection = collection
        except ERRORS as e:
            self._writer.doc = doc
            self._writer.refuse("instance_collection", e)
        self._settle(doc)


def _keep(suspects: set[str], doc: str, suspect: bool) -> None:
    if suspect:
        suspects.add(doc)
    else:
        suspects.discard(doc)


def _holds(collection: Any, ob: Any) -> bool:
    return bool(collection.all_objects.get(ob.name) == ob)


def _shown(tree: Tree) -> str | None:
    return values.ref_target((tree.get("p") or {}).get("instance_collection"))


def _lacks(read: Tree, room: Tree) -> set[str]:
    """The objects that a collection is to hold and does not."""
    here, wanted = (((tree.get("m") or {}).get("objects") or {}) for tree in (read, room))
    return set(wanted) - set(here) if isinstance(wanted, dict) else set()
