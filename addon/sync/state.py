# SPDX-License-Identifier: GPL-3.0-or-later
"""All documents of the room as this Blender knows them: shadows, references between them, and what could not be made."""

from __future__ import annotations

from typing import Any

from . import mergepatch, values
from .gone import Gone
from .shadow import Shadow

Tree = dict[str, Any]


class State:
    def __init__(self) -> None:
        self.shadows: dict[str, Shadow] = {}
        # Documents of the room that have no datablock here: a need is missing, or this Blender cannot make them.
        self.parked: dict[str, Tree] = {}
        # Which documents name a document.
        self.referrers: dict[str, set[str]] = {}
        # Names under which documents are shown where they differ from their own.
        self.shown: dict[str, str] = {}
        # Such names that documents have had here since their user named them last: an undo may bring one back.
        self.given: dict[str, set[str]] = {}
        # Deleted by others: an undo here must not bring them back.
        self.buried: set[str] = set()
        # Made here: an undo that removes them is a deletion.
        self.own: set[str] = set()
        # What has gone from documents, which an undo may bring back.
        self.gone = Gone()
        # How often anything about collections and scenes has changed: who looks at all of them together need not look again without.
        self.tree_changes = 0
        # And about anything at all.
        self.changes = 0

    def __contains__(self, doc: str) -> bool:
        return doc in self.shadows or doc in self.parked

    def room_tree(self, doc: str) -> Tree | None:
        if doc in self.parked:
            return self.parked[doc]
        shadow = self.shadows.get(doc)
        return shadow.load()[1] if shadow else None

    def put(self, doc: str, read: Tree, room: Tree, theirs: Any) -> None:
        """Remembers a document that has a datablock."""
        self.parked.pop(doc, None)
        self.changes += 1
        self.tree_changes += room.get("type") in ("Collection", "Scene")
        shadow = self.shadows.get(doc)
        if shadow is None:
            shadow = self.shadows[doc] = Shadow(read, room, theirs)
            self._index(doc, shadow, room)
            return
        change = mergepatch.diff(shadow.load()[1], room)
        shadow.store(read, room, theirs)
        if values.may_change_refs(change):
            self._index(doc, shadow, room)

    def _index(self, doc: str, shadow: Shadow, room: Tree) -> None:
        refs = frozenset(values.refs_in(room))
        for target in shadow.refs - refs:
            self.referrers.get(target, set()).discard(doc)
        for target in refs - shadow.refs:
            self.referrers.setdefault(target, set()).add(doc)
        for target in refs:
            self.referrers.setdefault(target, set()).add(doc)
        shadow.refs = refs

    def park(self, doc: str, room: Tree) -> None:
        self.drop(doc)
        self.parked[doc] = room

    def drop(self, doc: str) -> None:
        """Forgets a document, but not who points to it: they show None and may see it return."""
        self.changes += 1
        self.tree_changes += 1
        self.parked.pop(doc, None)
        self.given.pop(doc, None)
        self.gone.forget(doc)
        shadow = self.shadows.pop(doc, None)
        for target in shadow.refs if shadow else ():
            self.referrers.get(target, set()).discard(doc)

    def name_of(self, doc: str, room: Tree) -> str:
        return self.shown.get(doc) or str(room.get("name", ""))

    def note_named(self, doc: str) -> None:
        """The user has named it: what it was shown as before is over."""
        self.shown.pop(doc, None)
        self.given.pop(doc, None)

    def is_given(self, doc: str, name: Any, room: Tree) -> bool:
        """Whether a datablock has that name by the room's word, its own or with a suffix, and not by its user's."""
        return name is not None and (name == room.get("name") or name in self.given.get(doc, ()))

    @staticmethod
    def merged(room: Tree, patch: Tree) -> Tree:
        result: Tree = mergepatch.merge(room, patch)
        return result
