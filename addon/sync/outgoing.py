# SPDX-License-Identifier: GPL-3.0-or-later
"""Captured changes -> the link.

A change is what differs from what was last *read*, never from what the room holds (shadow.py). If the link's queue is
full nothing is remembered as sent: the next attempt finds the same difference again.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

from . import constructors, idtypes, mergepatch, shadow, special, versions
from .blobs import QueueFull
from .capture import Drafts, Paused, Reader
from .identity import Identity
from .state import State

Tree = dict[str, Any]

# A document that changed while it was half read gets this much more time in its next slice, doubled each time, up to some
# quarter of a second.
AGAIN_S = 0.001
AGAIN_MAX = 8


class Link(Protocol):
    """What the engine gives the replicator."""

    def submit(
        self,
        doc: str,
        kind: str,
        tree_or_patch: Tree | None,
        *,
        needs: Any = (),
        action: int = 0,
        preview: bool = False,
    ) -> bool: ...
    def put_blob(self, data: Any) -> str | None: ...
    def blob(self, sha: str) -> memoryview | None: ...
    def fingerprint(self, data: Any) -> int: ...
    def poll(self, max_events: int) -> list[dict[str, Any]]: ...


class Outgoing:
    def __init__(self, link: Link, identity: Identity, reader: Reader, state: State) -> None:
        self._link = link
        self._identity = identity
        self._reader = reader
        self._state = state
        self.action = 0
        # What has been read of documents whose reading takes more than one slice, with the tree that gives things their keys; and how
        # often each had to begin again.
        self._drafts: dict[str, tuple[Tree | None, Drafts]] = {}
        self._again: dict[str, int] = {}

    # Readings in slices

    def is_half_read(self, doc: str) -> bool:
        return doc in self._drafts

    def begin_again(self, doc: str) -> None:
        """The datablock has changed, or is about to: what was read of it may not fit to what is read next."""
        if self._drafts.pop(doc, None) is not None:
            self._again[doc] = self._again.get(doc, 0) + 1

    def begin_all_again(self) -> None:
        self._drafts.clear()

    def _read(self, doc: str, block: Any, old: Tree | None, deadline: float) -> Tree:
        """The tree, or `Paused`: then what is there so far is kept for the next call."""
        if deadline == math.inf:
            self._drafts.pop(doc, None)
            return self._reader.read_block(doc, block, old)
        # What changes faster than it can be read in slices of this length gets longer ones.
        deadline += AGAIN_S * (2 ** min(self._again.get(doc, 0), AGAIN_MAX) - 1)
        before, drafts = self._drafts.pop(doc, (old, {}))
        if before is not old:
            # It was written meanwhile.
            drafts = {}
        try:
            with self._reader.slice(drafts, deadline):
                tree = self._reader.read_block(doc, block, old)
        except Paused:
            self._drafts[doc] = old, drafts
            raise
        self._again.pop(doc, None)
        return tree

    def capture(self, doc: str, deadline: float = math.inf) -> Tree:
        """Reads a document's datablock and sends what its user changed: the patch, {} if nothing.

        Raises QueueFull if it could not be sent, and Paused if the deadline came first: nothing has been sent then, and the next call
        goes on. A datablock without a document yet is created in the room.
        """
        block = self._identity.block(doc)
        if block is None:
            self._drafts.pop(doc, None)
            return {}
        known = self._state.shadows.get(doc)
        if known is None:
            # What a node or an object points to may be what nobody else is to have.
            return {} if idtypes.skip_reason(block) else self._create(doc, block, deadline)
        read, room, theirs = known.load()
        tree = self._read(doc, block, read, deadline)
        if known.reads_as(tree):
            return {}
        patch = mergepatch.one_by_one(mergepatch.diff(read, tree), read)
        special.tidy(patch, room, tree)
        if patch:
            self.send_edit(doc, patch)
            self._state.gone.note(doc, patch, read)
            room = mergepatch.merge(room, patch)
            theirs = shadow.mark(theirs, patch, by_others=False)
            if "name" in patch:
                self._state.note_named(doc)
        self._state.put(doc, tree, room, theirs)
        return patch

    def send_edit(self, doc: str, patch: Tree) -> None:
        self._submit(doc, "edit", versions.to_schema(patch))

    def send_again(self, doc: str, room: Tree) -> None:
        """Revives a document that others have deleted, as it stood in the room."""
        self._submit(doc, "create", versions.to_schema(room), needs=constructors.needs_of(room))
        self._state.own.add(doc)

    def send_delete(self, doc: str) -> None:
        self._submit(doc, "delete", None)

    def _create(self, doc: str, block: Any, deadline: float) -> Tree:
        tree = self._read(doc, block, None, deadline)
        self._submit(doc, "create", versions.to_schema(tree), needs=constructors.needs_of(tree))
        self._state.put(doc, tree, tree, None)
        self._state.own.add(doc)
        self._state.buried.discard(doc)
        return tree

    def _submit(self, doc: str, kind: str, what: Tree | None, needs: Any = ()) -> None:
        if not self._link.submit(doc, kind, what, needs=needs, action=self.action):
            raise QueueFull
