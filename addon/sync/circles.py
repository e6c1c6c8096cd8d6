# SPDX-License-Identifier: GPL-3.0-or-later
"""Parents, background sets and node groups in a circle.

Two people who parent two objects to each other at once leave a circle in the room, which Blender does not take: it would
keep whichever came first in that Blender. So the circle is opened at the same place everywhere: from the highest document down each
shows what it is to, unless that leads back to it. Of parents that leaves the member with the lowest document without one. The room
keeps what all have said, and as soon as one of them changes it the others' word counts again.

A suspect is a document that does not show something here which it is to. Not every suspect is in a circle: of several objects that
change their parents in one batch one may have been refused because another had not changed yet. What Blender still refuses once all
others have let go, it refuses for another reason, and it is no suspect any more.
"""

from __future__ import annotations

from . import dirty, mergepatch, values
from .apply import ERRORS
from .mender import Mender, Tree
from .special import objects

# What would never come to rest must not hold Blender up.
LOOKS_MAX = 32

# What a document names, by where: the document there, None for nothing.
Names = dict[str, str | None]


class Circles(Mender):
    """One kind of reference from documents of a type to others of that type."""

    kind = ""
    # How much had changed when all suspects were looked at last.
    _seen = -1

    def _names(self, tree: Tree) -> Names:
        raise NotImplementedError

    def _give(self, doc: str, names: Names) -> None:
        """Makes a datablock show what these say and, where that allows it, what else the room says."""
        raise NotImplementedError

    def note(self, doc: str, read: Tree, room: Tree) -> None:
        if room.get("type") == self.kind:
            self._suspect(doc, self._lacks(read, room))

    def _lacks(self, read: Tree, room: Tree) -> bool:
        """Whether something is here, is to be shown and is not."""
        here = self._names(read)
        return any(
            target is not None and at in here and here[at] != target and self._identity.block(target) is not None
            for at, target in self._names(room).items()
        )

    def mend(self) -> None:
        if not self.suspects or self._seen == self._state.changes:
            return
        done: set[str] = set()
        for doc in sorted(self.suspects):
            if doc in done:
                continue
            known = self._state.shadows.get(doc)
            if known is None or not self._lacks(*known.load()[:2]):
                self.suspects.discard(doc)
                continue
            circle = self._circle(doc)
            # What their users have changed in these is sent first, and may be the end of the circle, or lead to another.
            for _ in range(LOOKS_MAX):
                if not self._wrong(circle) or not any(self._capture(at) for at in circle):
                    break
                circle = self._circle(doc)
            done.update(circle)
            self._show(circle)
        self._seen = self._state.changes

    # What is to be shown

    def _circle(self, doc: str) -> list[str]:
        """The documents that this one leads to and that lead back to it, and itself."""
        leads = self._leading(doc)
        back: dict[str, set[str]] = {at: set() for at in leads}
        for at, targets in leads.items():
            for target in targets:
                back[target].add(at)
        return sorted(_reached(doc, back))

    def _leading(self, doc: str) -> dict[str, set[str]]:
        """What each document that this one leads to names. Those that name no other of the type are not looked into."""
        leads: dict[str, set[str]] = {}
        rest = [doc]
        while rest:
            at = rest.pop()
            if at in leads:
                continue
            shadow = self._state.shadows.get(at)
            # What is not here has no type.
            named = shadow is None or any(self._identity.type_of(ref) in (self.kind, "") for ref in shadow.refs)
            room = (self._state.room_tree(at) or {}) if named else {}
            leads[at] = {target for target in self._names(room).values() if target is not None}
            rest += leads[at]
        return leads

    def _wanted(self, circle: list[str]) -> dict[str, Names]:
        """What each of these is to show."""
        names = {doc: self._names(self._state.room_tree(doc) or {}) for doc in circle}
        kept: dict[str, set[str]] = {doc: set() for doc in circle}
        for doc in reversed(circle):
            for target in sorted({target for target in names[doc].values() if target in kept}):
                if doc not in _reached(target, kept):
                    kept[doc].add(target)
        return {
            doc: {
                at: to if to in kept[doc] or (to not in kept and self._is_here(to)) else None for at, to in own.items()
            }
            for doc, own in names.items()
        }

    def _is_here(self, doc: str | None) -> bool:
        return doc is not None and self._identity.block(doc) is not None

    # Showing it

    def _here(self, doc: str) -> Names:
        known = self._state.shadows.get(doc)
        return self._names(known.load()[0]) if known is not None and self._is_here(doc) else {}

    def _wrong(self, circle: list[str]) -> dict[str, Names]:
        """What those of these are to show that show something else."""
        found: dict[str, Names] = {}
        for doc, wanted in self._wanted(circle).items():
            here = self._here(doc)
            if any(at in here and here[at] != to for at, to in wanted.items()):
                found[doc] = wanted
        return found

    def _show(self, circle: list[str]) -> None:
        """All let go first: on the way there must not be a circle either."""
        wrong = self._wrong(circle)
        if not wrong:
            return
        dirty.tracker.foreign = True
        for doc, wanted in wrong.items():
            here = self._here(doc)
            self._try(doc, {at: to if here.get(at) == to else None for at, to in wanted.items()})
        for doc, wanted in wrong.items():
            self._try(doc, wanted)
            self._settle(doc)
        self.suspects.difference_update(self._wrong(circle))

    def _try(self, doc: str, names: Names) -> None:
        self._writer.doc = doc
        try:
            self._give(doc, names)
        except ERRORS as e:
            self._writer.refuse("what leads to others", e, firm=True)


def _reached(doc: str, leads: dict[str, set[str]]) -> set[str]:
    found: set[str] = {doc}
    rest = [doc]
    while rest:
        new = leads.get(rest.pop(), set()) - found
        found |= new
        rest += new
    return found


class Parents(Circles):
    kind = "Object"
    decides = ("parent", "parent_type", "parent_bone")

    def _names(self, tree: Tree) -> Names:
        return {"": values.ref_target((tree.get("p") or {}).get("parent"))}

    def _give(self, doc: str, names: Names) -> None:
        p = (self._state.room_tree(doc) or {}).get("p", {})
        if names[""] is None:
            p = {**p, "parent": values.NONE_VALUE}
        objects.set_parent(self._writer, self._identity.block(doc), p)


class Sets(Circles):
    """Scenes that show each other as their background."""

    kind = "Scene"
    decides = ("background_set",)

    def _names(self, tree: Tree) -> Names:
        return {"": values.ref_target((tree.get("p") or {}).get("background_set"))}

    def _give(self, doc: str, names: Names) -> None:
        self._identity.block(doc).background_set = self._identity.block(names[""] or "")


class Groups(Circles):
    """Node groups inside of each other. With the group its node loses its sockets, their values and their links, which the room keeps."""

    kind = "NodeTree"
    decides = ("node_tree", "inputs", "outputs", "links")

    def _names(self, tree: Tree) -> Names:
        nodes = (tree.get("i") or {}).get("nodes")
        found = nodes.items() if isinstance(nodes, dict) else ()
        props = [(key, node.get("p")) for key, node in found if isinstance(node, dict)]
        return {key: values.ref_target(p["node_tree"]) for key, p in props if isinstance(p, dict) and "node_tree" in p}

    def _give(self, doc: str, names: Names) -> None:
        block = self._identity.block(doc)
        read, room, _ = self._state.shadows[doc].load()
        i = room["i"]
        closed = [key for key, target in names.items() if target is None]
        nodes = {key: {**i["nodes"][key]["p"], "node_tree": values.NONE_VALUE} for key in closed}
        nodes = {**i["nodes"], **{key: {**i["nodes"][key], "p": p} for key, p in nodes.items()}}
        full = {**room, "i": {**i, "nodes": nodes}}
        cur = self._writer.reader.read_block(doc, block, room, seen=read)
        patch = mergepatch.diff(cur, full)
        patch.pop("name", None)
        if patch:
            self._writer.write_block(doc, block, patch, full, cur)
            block.update_tag()
