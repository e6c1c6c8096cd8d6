# SPDX-License-Identifier: GPL-3.0-or-later
"""Which datablock is which document.

A side table session_uid -> UUID: `session_uid` survives undo and redo, names and pointers do not. Nothing of it stands in
the file: a join makes everything anew from the room, so whatever a file brings along is new to any room.

Beside the datablocks the table holds keys for things inside them that Blender numbers by itself (socket identifiers of
node groups): whoever meets such a number first mints its key.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from . import idtypes, values

# Types whose Python class follows a property, or an operator: of a text Object > Convert makes a curve. Python's object for a datablock
# keeps the class it was made with while anybody holds it, panels included, so no reference to these is kept.
CHANGING_CLASS = ("Light", "Texture", "Curve")


def mint() -> str:
    """A new document's UUID: 32 hexadecimal digits."""
    return os.urandom(16).hex()


def mint_key() -> str:
    """The key of a new item. 48 random bits: they need to differ only within one collection of one document."""
    return "@" + os.urandom(6).hex()


class Identity:
    def __init__(self) -> None:
        self._doc_of: dict[int, str] = {}
        self._block_of: dict[str, tuple[str, int, Any]] = {}
        self._part_of: dict[int, tuple[str, str]] = {}
        self._inner: dict[tuple[Any, ...], str] = {}
        self._inner_name: dict[tuple[Any, ...], str] = {}

    # Documents

    def doc(self, block: Any) -> str | None:
        return self._doc_of.get(block.session_uid)

    def living_doc(self, uid: int) -> str | None:
        """The document of a datablock that is here, by its number."""
        found = self._doc_of.get(uid)
        return found if found in self._block_of else None

    def doc_or_mint(self, block: Any) -> str:
        found = self._doc_of.get(block.session_uid)
        if found is None or found not in self._block_of:
            found = found or mint()
            self.bind(found, block)
        return found

    def bind(self, doc: str, block: Any) -> None:
        self._doc_of[block.session_uid] = doc
        kind = idtypes.base_type(block)
        self._block_of[doc] = (kind, block.session_uid, None if kind in CHANGING_CLASS else block)

    def forget(self, doc: str) -> None:
        """The datablock is gone. Its session_uid stays known: an undo brings both back together."""
        self._block_of.pop(doc, None)

    def docs(self) -> list[str]:
        return list(self._block_of)

    def doc_of_uid(self, uid: int) -> str | None:
        return self._doc_of.get(uid)

    def uid(self, doc: str) -> int | None:
        entry = self._block_of.get(doc)
        return entry[1] if entry else None

    def type_of(self, doc: str) -> str:
        entry = self._block_of.get(doc)
        return entry[0] if entry else ""

    def block(self, doc: str) -> Any:
        """The living datablock of a document, or None. A stale reference (undo, removal) is looked up anew."""
        entry = self._block_of.get(doc)
        if entry is None:
            return None
        type_name, uid, block = entry
        try:
            if block is not None and block.session_uid == uid:
                return block
        except ReferenceError:
            pass
        return self._look_up(doc, type_name, uid)

    def _look_up(self, doc: str, type_name: str, uid: int) -> Any:
        """One pass over the type finds this one and all others whose references went stale at the same time."""
        found = None
        blocks = idtypes.collection(type_name)
        if blocks is None:
            return None
        if type_name in CHANGING_CLASS:
            # Looked up every time: of the others not even Python's objects are made.
            uids = np.empty(len(blocks), dtype=np.int32)
            blocks.foreach_get("session_uid", uids)
            at = np.flatnonzero(uids == uid)
            return blocks[int(at[0])] if len(at) else None
        for block in blocks:
            here = block.session_uid
            if here == uid:
                found = block
            other = self._doc_of.get(here)
            if other in self._block_of:
                self._block_of[other] = (type_name, here, block)
        return found

    def drop_references(self) -> None:
        """After undo, redo or load no Python reference to a datablock can be trusted."""
        for doc, (type_name, uid, _) in list(self._block_of.items()):
            self._block_of[doc] = (type_name, uid, None)

    # References

    def reference(self, block: Any) -> Any:
        """The value of a pointer to a datablock; None where the room knows nothing of its kind."""
        if block is None:
            return values.NONE_VALUE
        if getattr(block, "is_embedded_data", False):
            return self._part_reference(block)
        if not idtypes.base_type(block):
            return None
        return values.ref(self.doc_or_mint(block))

    def resolve(self, value: Any) -> Any:
        """The datablock that a reference names here and now, or None."""
        doc = values.ref_target(value)
        if doc is None:
            return None
        block = self.block(doc)
        if block is not None and len(value) > 2:
            return getattr(block, value[2], None)
        return block

    def _part_reference(self, block: Any) -> Any:
        """Embedded datablocks do not know their owners: the owners are asked, once per tree."""
        uid = block.session_uid
        found = self._part_of.get(uid)
        if found is None:
            for type_name in ("Material", "World", "Light", "FreestyleLineStyle", "Texture", "Scene"):
                for owner in idtypes.collection(type_name):
                    for part in ("node_tree", "collection"):
                        if getattr(owner, part, None) == block:
                            found = self._part_of[uid] = (self.doc_or_mint(owner), part)
        return values.ref(*found) if found else None

    def bind_part(self, doc: str, name: str, part: Any) -> None:
        self._part_of[part.session_uid] = (doc, name)

    def owner_of_part(self, uid: int) -> str | None:
        found = self._part_of.get(uid)
        return found[0] if found else None

    # Things that Blender numbers by itself

    def inner_key(self, owner_uid: int, kind: str, name: str) -> str:
        """The key of something inside a datablock that Blender identifies by `name`; minted on first sight."""
        at = (owner_uid, kind, name)
        key = self._inner.get(at)
        if key is None:
            key = mint_key()
            self.bind_inner(owner_uid, kind, name, key)
        return key

    def bind_inner(self, owner_uid: int, kind: str, name: str, key: str) -> None:
        self._inner[owner_uid, kind, name] = key
        self._inner_name[owner_uid, kind, key] = name

    def inner_name(self, owner_uid: int, kind: str, key: str) -> str | None:
        return self._inner_name.get((owner_uid, kind, key))
