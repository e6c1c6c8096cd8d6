# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections in a circle.

One person puts a collection into another while somebody puts that one into the first: the room then holds both, and Blender takes
only what comes first. So the circle is opened at the same place everywhere. From the scenes downwards, in the order of their documents, what
would lead back to where one has come from is not shown: so whatever a scene shows it shows still. A circle that no scene leads to any
more (both were taken out of the scene as they were put into each other) is shown by the scene that had it last, as far as its view layers tell,
from the member with the lowest document on: what is in it must not be out of sight, or even be lost when the file is saved.

The room keeps what everybody has said, and as soon as a link of the circle goes the others count again.

A suspect is a collection or scene of which something else is in it than its document says. Not every one is in a circle.
"""

from __future__ import annotations

from typing import Any

from . import dirty
from .apply import ERRORS
from .mender import Mender, Tree
from .special import layers, objects

# Each collection or scene, with the collections that it is to have inside.
Links = dict[str, list[str]]
KINDS = ("Collection", "Scene")


class Children(Mender):
    decides = ("children",)
    # What the room said when all suspects were looked at last.
    _seen = -1

    def note(self, doc: str, read: Tree, room: Tree) -> None:
        if room.get("type") in KINDS:
            self._suspect(doc, self._here(read) != self._here(room))

    def _here(self, tree: Tree) -> set[str]:
        """The collections inside of a collection or scene, as its tree says: those that are in this Blender."""
        return {doc for doc in _members(tree) if self._identity.type_of(doc) == "Collection"}

    def mend(self) -> None:
        if not self.suspects or self._seen == self._state.tree_changes:
            return
        wrong = self._wrong(self._wanted())
        if wrong:
            # What their users have changed in these is sent first, and may be the end of a circle.
            for doc in self._scenes() + [doc for doc in wrong if self._identity.type_of(doc) != "Scene"]:
                self._capture(doc)
            self._show(self._wanted())
        self._seen = self._state.tree_changes

    def _scenes(self) -> list[str]:
        return [doc for doc in sorted(self._state.shadows) if self._identity.type_of(doc) == "Scene"]

    # What is to be shown

    def _wanted(self) -> Links:
        """What each is to have inside, without circles."""
        room = self._room()
        scenes = [doc for doc in room if self._identity.type_of(doc) == "Scene"]
        inside = {child for children in room.values() for child in children}
        out: Links = {}
        for root in scenes + [doc for doc in room if doc not in inside]:
            _open(root, room, out)
        while rest := [doc for doc in room if doc not in out]:
            circle = _circle(rest, room)
            scene = self._scene_of(circle, scenes)
            _open(circle[0], room, out)
            if scene is not None:
                out[scene].append(circle[0])
        return out

    def _room(self) -> Links:
        """What the room says of all that is here."""
        docs = [doc for doc in sorted(self._state.shadows) if self._identity.type_of(doc) in KINDS]
        docs = [doc for doc in docs if self._identity.block(doc) is not None]
        return {doc: sorted(self._here(self._state.room_tree(doc) or {}).intersection(docs)) for doc in docs}

    def _scene_of(self, circle: list[str], scenes: list[str]) -> str | None:
        """The scene in whose view layers a circle has been."""
        for doc in scenes:
            if layers.collections_of(self._state.room_tree(doc) or {}).intersection(circle):
                return doc
        return scenes[0] if scenes else None

    # Showing it

    def _wrong(self, wanted: Links) -> list[str]:
        return [doc for doc, children in wanted.items() if self._shown(doc, wanted) != set(children)]

    def _shown(self, doc: str, wanted: Links) -> set[str]:
        """What is inside of a collection, but for what the room does not know."""
        return {self._identity.doc(child) or "" for child in self._collection(doc).children}.intersection(wanted)

    def _collection(self, doc: str) -> Any:
        block = self._identity.block(doc)
        return block.collection if self._identity.type_of(doc) == "Scene" else block

    def _show(self, wanted: Links) -> None:
        """All let go first: on the way there must not be a circle either."""
        wrong = self._wrong(wanted)
        dirty.tracker.foreign = True
        for doc in wrong:
            for child in self._shown(doc, wanted).difference(wanted[doc]):
                self._set(doc, child, False)
        for doc in wrong:
            for child in sorted(set(wanted[doc]).difference(self._shown(doc, wanted))):
                self._set(doc, child, True)
        for doc in [doc for doc in wrong if self._identity.type_of(doc) != "Scene"] + self._scenes():
            self._settle(doc)

    def _set(self, doc: str, child: str, inside: bool) -> None:
        block = self._identity.block(child)
        children = self._collection(doc).children
        try:
            if not inside:
                children.unlink(block)
            elif not self._link_what_shows(children, block):
                children.link(block)
        except ERRORS as e:
            self._writer.doc = doc
            self._writer.refuse(f"children: {getattr(block, 'name', 'collection')}", e, firm=True)

    def _link_what_shows(self, children: Any, block: Any) -> bool:
        """A collection of which some object shows collections, perhaps what it is put into: Blender would refuse it, and takes one that
        comes to show it afterwards, where it is not inside itself (instances.py)."""
        shown = [(ob, doc, ob.instance_collection) for ob in _showing(block) if (doc := self._identity.doc(ob))]
        shown = [(ob, doc, what) for ob, doc, what in shown if doc in self._state.shadows]
        for _, doc, _ in shown:
            self._capture(doc)
        for ob, _, _ in shown:
            ob.instance_collection = None
        try:
            if shown:
                children.link(block)
        finally:
            for ob, doc, what in shown:
                if not objects.leads_to(what, ob):
                    ob.instance_collection = what
                self._settle(doc)
        return bool(shown)


def _showing(collection: Any) -> list[Any]:
    """The objects that show a collection, in this one and in what is shown there."""
    found: list[Any] = []
    rest = [collection]
    for at in rest:
        for ob in at.all_objects:
            if ob.instance_collection is not None and ob not in found:
                found.append(ob)
                if ob.instance_collection not in rest:
                    rest.append(ob.instance_collection)
    return found


def _members(tree: Tree) -> Tree:
    if tree.get("type") == "Scene":
        tree = (tree.get("s") or {}).get("@collection") or {}
    found = (tree.get("m") or {}).get("children")
    return found if isinstance(found, dict) else {}


def _open(root: str, room: Links, out: Links) -> None:
    """Notes what is inside of a root and of all below it, but for what leads back to where one has come from."""
    if root in out:
        return
    out[root] = []
    way = [root]
    rest = [iter(room[root])]
    while way:
        child = next(rest[-1], None)
        if child is None:
            way.pop()
            rest.pop()
        elif child not in way:
            out[way[-1]].append(child)
            if child not in out:
                out[child] = []
                way.append(child)
                rest.append(iter(room[child]))


def _circle(docs: list[str], room: Links) -> list[str]:
    """The members of the first circle among these, of which each is in another, that is in nothing but itself."""
    below = {doc: _below(doc, room) for doc in docs}
    for doc in docs:
        above = [other for other in docs if doc in below[other]]
        if doc in below[doc] and all(other in below[doc] for other in above):
            return sorted(above)
    raise AssertionError("each is in another, and none in a circle")


def _below(doc: str, room: Links) -> set[str]:
    """All that is inside of a collection, however deep."""
    found: set[str] = set()
    rest = [doc]
    while rest:
        new = [child for child in room[rest.pop()] if child not in found]
        found.update(new)
        rest += new
    return found
