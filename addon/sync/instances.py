# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that are to show a collection which holds them, or leads to them through others.

One person puts an object into a collection while another has it show that collection: the room then holds both, and
Blender takes only one of them, whichever comes first. So the collection has its way everywhere: what it holds is there for all to see
and work on, and the object shows nothing.

Two people who have an object in each of two collections show the other one leave a circle too, and that Blender takes, and crashes as soon as it
evaluates the scene. So nothing of the room is set that would close one (`leads_to`), and of a circle those objects show
something that can, in the order of their documents. The room keeps what both have said, and as soon as the circle is open all
show what they are to.

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
    decides = ("instance_collection", "objects")
    # What the room said of collections when it was looked last whether there is a circle.
    _seen = -1

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
        self.suspects = {doc for doc in self.suspects if self._is_suspect(doc)}
        if not self.suspects and self._seen == self._state.tree_changes:
            return
        if wrong := self._wrong():
            for doc in wrong:
                self._capture(doc)
            self._show(self._wrong())
        self._seen = self._state.tree_changes

    def _is_suspect(self, doc: str) -> bool:
        known = self._state.shadows.get(doc)
        return known is not None and _shown(known.load()[1]) not in (None, _shown(known.load()[0]))

    # What collections hold

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
            self._writer.refuse(f"objects: {ob.name}", e, firm=True)
            ob.instance_collection = shown

    # What objects show

    def _wrong(self) -> dict[str, Any]:
        """The objects that show something else than they are to, each with what that is: a collection or nothing."""
        showing = {self._identity.doc(ob) or "" for ob in bpy.data.objects if ob.instance_collection is not None}
        targets = {doc: target for doc in sorted(showing | self.suspects) if (target := self._target(doc)) is not None}
        inside: dict[int, list[str]] = {}
        wanted: dict[str, Any] = {}
        for doc, target in targets.items():
            wanted[doc] = None if self._leads_to(target, doc, targets, wanted, inside) else target
        return {doc: it for doc, it in wanted.items() if self._identity.block(doc).instance_collection != it}

    def _target(self, doc: str) -> Any:
        """The collection that an object is to show: which it does where it is no suspect."""
        ob = self._identity.block(doc)
        if ob is None or doc not in self.suspects:
            return getattr(ob, "instance_collection", None)
        target = self._identity.block(_shown(self._state.room_tree(doc) or {}) or "")
        return target if isinstance(target, bpy.types.Collection) else None

    def _leads_to(
        self, target: Any, doc: str, targets: Tree, wanted: dict[str, Any], inside: dict[int, list[str]]
    ) -> bool:
        """Whether an object is inside of a collection, or of what is shown there. `inside` is what was found of collections already."""
        rest = [target]
        for at in rest:
            uid = at.session_uid
            if uid not in inside:
                inside[uid] = [d for ob in at.all_objects if (d := self._identity.doc(ob)) in targets]
            if doc in inside[uid]:
                return True
            rest += {wanted[d] for d in inside[uid] if wanted.get(d) is not None}.difference(rest)
        return False

    def _show(self, wrong: dict[str, Any]) -> None:
        """All let go first: on the way there must not be a circle either."""
        for doc in wrong:
            self._identity.block(doc).instance_collection = None
        for doc, collection in wrong.items():
            try:
                self._identity.block(doc).instance_collection = collection
            except ERRORS as e:
                self._writer.doc = doc
                self._writer.refuse("instance_collection", e, firm=True)
            self._settle(doc)


def _shown(tree: Tree) -> str | None:
    return values.ref_target((tree.get("p") or {}).get("instance_collection"))


def _lacks(read: Tree, room: Tree) -> set[str]:
    """The objects that a collection is to hold and does not."""
    here, wanted = (((tree.get("m") or {}).get("objects") or {}) for tree in (read, room))
    return set(wanted) - set(here) if isinstance(wanted, dict) else set()
