# SPDX-License-Identifier: GPL-3.0-or-later
"""Parents in a circle.

Two people who parent two objects to each other at once leave a circle in the room, which Blender does not take: it would
keep whichever came first in that Blender. So the circle is opened at the same place everywhere: the member with the lowest
document shows no parent. The room keeps what both have said, and as soon as one of them changes it the other's word counts
again.

An object that does not show its document's parent is a suspect. Not every suspect is in a circle: of several objects that change
their parents in one batch one may have been refused because another had not changed yet.
"""

from __future__ import annotations

from . import values
from .apply import ERRORS
from .mender import Mender, Tree
from .special import objects


class Parents(Mender):
    decides = ("parent", "parent_type", "parent_bone")

    def note(self, doc: str, read: Tree, room: Tree) -> None:
        if room.get("type") == "Object":
            self._suspect(doc, self._differs(read, room))

    def _differs(self, read: Tree, room: Tree) -> bool:
        target = self._target(room)
        return target is not None and target != self._target(read) and self._identity.block(target) is not None

    def _target(self, tree: Tree | None) -> str | None:
        return values.ref_target((tree or {}).get("p", {}).get("parent"))

    def mend(self) -> None:
        """Gives the suspects the parents that they are to show."""
        for doc in sorted(self.suspects):
            known = self._state.shadows.get(doc)
            if known is None or not self._differs(*known.load()[:2]):
                self.suspects.discard(doc)
                continue
            circle = self._circle(doc)
            opened = min(circle) if circle else ""
            self.suspects.update(circle)
            self._show({member: member != opened for member in circle or [doc]})

    def _circle(self, doc: str) -> list[str]:
        """The documents of the circle that this one is in."""
        path: list[str] = []
        at: str | None = doc
        while at is not None and at not in path:
            path.append(at)
            at = self._target(self._state.room_tree(at))
        return path if at == doc else []

    def _show(self, members: dict[str, bool]) -> None:
        """Shows each one's parent, or none. All let go first: on the way there must not be a circle either."""
        wrong = [doc for doc, parented in members.items() if self._is_wrong(doc, parented)]
        for doc in wrong:
            self._capture(doc)
            self._set(doc, False)
        for doc in wrong:
            self._set(doc, members[doc])
            self._settle(doc)

    def _is_wrong(self, doc: str, parented: bool) -> bool:
        block = self._identity.block(doc)
        if block is None or doc not in self._state.shadows:
            return False
        target = self._target(self._state.room_tree(doc)) if parented else None
        return bool(block.parent != (self._identity.block(target) if target else None))

    def _set(self, doc: str, parented: bool) -> None:
        p = (self._state.room_tree(doc) or {}).get("p", {})
        try:
            self._writer.doc = doc
            objects.set_parent(
                self._writer, self._identity.block(doc), p if parented else {**p, "parent": values.NONE_VALUE}
            )
        except ERRORS as e:
            self._writer.refuse("parent", e, firm=True)
