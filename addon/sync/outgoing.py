# SPDX-License-Identifier: GPL-3.0-or-later
"""Captured changes -> the link.

A change is what differs from what was last *read*, never from what the room holds (shadow.py). If the link's queue is
full nothing is remembered as sent: the next attempt finds the same difference again.
"""

from __future__ import annotations

from typing import Any, Protocol

from . import constructors, mergepatch, shadow, special, versions
from .capture import Reader
from .identity import Identity
from .state import State

Tree = dict[str, Any]


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
    def put_blob(self, data: Any) -> str: ...
    def blob(self, sha: str) -> memoryview | None: ...
    def fingerprint(self, data: Any) -> int: ...
    def poll(self, max_events: int) -> list[dict[str, Any]]: ...


class QueueFull(Exception):
    """The link takes no more at the moment."""


class Outgoing:
    def __init__(self, link: Link, identity: Identity, reader: Reader, state: State) -> None:
        self._link = link
        self._identity = identity
        self._reader = reader
        self._state = state
        self.action = 0

    def capture(self, doc: str) -> Tree:
        """Reads a document's datablock and sends what its user changed: the patch, {} if nothing.

        Raises QueueFull if it could not be sent. A datablock without a document yet is created in the room.
        """
        block = self._identity.block(doc)
        if block is None:
            return {}
        known = self._state.shadows.get(doc)
        if known is None:
            return self._create(doc, block)
        read, room, theirs = known.load()
        tree = self._reader.read_block(doc, block, read)
        if known.reads_as(tree):
            return {}
        patch = mergepatch.diff(read, tree)
        special.tidy(patch, room)
        if patch:
            self.send_edit(doc, patch)
            room = mergepatch.merge(room, patch)
            theirs = shadow.mark(theirs, patch, by_others=False)
            if "name" in patch:
                self._state.shown.pop(doc, None)
        self._state.put(doc, tree, room, theirs)
        return patch

    def send_edit(self, doc: str, patch: Tree) -> None:
        self._submit(doc, "edit", versions.to_schema(patch))

    def send_delete(self, doc: str) -> None:
        self._submit(doc, "delete", None)

    def _create(self, doc: str, block: Any) -> Tree:
        tree = self._reader.read_block(doc, block, None)
        self._submit(doc, "create", versions.to_schema(tree), needs=constructors.needs_of(tree))
        self._state.put(doc, tree, tree, None)
        self._state.own.add(doc)
        self._state.buried.discard(doc)
        return tree

    def _submit(self, doc: str, kind: str, what: Tree | None, needs: Any = ()) -> None:
        if not self._link.submit(doc, kind, what, needs=needs, action=self.action):
            raise QueueFull
