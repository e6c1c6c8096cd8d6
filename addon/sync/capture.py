# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender -> document: reads one datablock into a tree.

The walker follows the plans of rna.py and knows no class by name; what is special about a class is registered with
`special`. It is given the tree read before, to recognise items again and so give them the keys they had. It changes
nothing in Blender and raises nothing: a property that cannot be read is left out and reported once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np

from . import animated, constructors, customprops, handlers, paths, rna, special, values
from .blobs import Blobs
from .gone import Heads
from .identity import Identity

Tree = dict[str, Any]

# A slice reads on for at least this long after it has come to where the last one had stopped: to get there costs something.
SLICE_MIN_S = 0.002


class Paused(Exception):
    """The time is over; what was read so far is in the drafts."""


class Draft:
    """What slices of a reading have found in one collection. It holds nothing of Blender's: all of that may be freed between
    two slices."""

    __slots__ = ("entries", "heads", "keys", "marks")

    def __init__(self, marks: list[Any] | None) -> None:
        self.marks = marks
        self.heads: list[tuple[str | None, list[Any]]] = []
        self.keys: list[str] | None = None
        self.entries: Tree = {}


Drafts = dict[tuple[str, ...], Draft]


class Reader:
    """Reads datablocks; one lives as long as the replicator."""

    def __init__(self, identity: Identity, blobs: Blobs) -> None:
        self.identity = identity
        self.blobs = blobs
        # (document, what) -> why it could not be read the last time.
        self.unread: dict[tuple[str, str], str] = {}
        # The document being read, and the datablock: for what is keyed by place.
        self.doc = ""
        self.block: Any = None
        self.keep = True
        self.seen: Tree = {}
        # What has gone from the document, where an undo may have brought it back.
        self.gone: Heads = {}
        # Documents whose vertex groups some object has shown when they were last read.
        self.through_objects: set[str] = set()
        # Meshes whose marks may have changed since they were last read, and are too many to look at each time.
        self.remarked: set[str] = set()
        self._users: dict[int, Any] = {}
        self._users_of = -1
        # Of a reading in slices: what they have found, until when this one may last, and where the walk is.
        self._drafts: Drafts | None = None
        self._deadline = math.inf
        self._resuming = False
        self._path: tuple[str, ...] = ()

    # Slices

    @property
    def sliced(self) -> bool:
        return self._drafts is not None

    @contextmanager
    def slice(self, drafts: Drafts, deadline: float) -> Iterator[None]:
        """Readings inside raise `Paused` at the deadline and go on where they were when they begin again with the same drafts.

        What is changed in Blender between two slices must be known to have changed: then the drafts are dropped.
        """
        self._drafts, self._deadline, self._resuming = drafts, deadline, True
        try:
            yield
        finally:
            self._drafts, self._deadline, self._path = None, math.inf, ()
            self.block = None

    def draft(self, name: str, marks: list[Any] | None) -> Draft:
        """The draft of a collection of the struct that is being read; a new one if its elements are not those of `marks`."""
        if self._drafts is None:
            return Draft(None)
        at = (*self._path, name)
        draft = self._drafts.get(at)
        if draft is None or draft.marks != marks:
            draft = self._drafts[at] = Draft(marks)
        return draft

    @contextmanager
    def inside(self, *steps: str) -> Iterator[None]:
        """Of the walk: what is read inside lies there."""
        before = self._path
        self._path = (*before, *steps)
        try:
            yield
        finally:
            self._path = before

    def gone_from(self, name: str) -> Tree:
        """What has gone from a collection of the struct that is being read."""
        return self.gone.get((*self._path, name), {}) if self.gone else {}

    def pause(self) -> None:
        """Called wherever a reading may stop and go on later: after each item that was not in a draft."""
        if self._drafts is None:
            return
        now = time.perf_counter()
        if self._resuming:
            self._resuming = False
            self._deadline = max(self._deadline, now + SLICE_MIN_S)
        if now > self._deadline:
            raise Paused

    def user_of(self, data: Any) -> Any:
        """An object that uses a datablock, or None. The table of users is remade when it turns out stale."""
        uid = data.session_uid
        for fresh in (False, True):
            if fresh or not self._users:
                self._users = {}
                for ob in bpy.data.objects:
                    if ob.data is not None:
                        self._users.setdefault(ob.data.session_uid, ob)
            ob = self._users.get(uid)
            try:
                if ob is not None and ob.data == data:
                    return ob
            except ReferenceError:
                pass
            if ob is None and self._users_of == len(bpy.data.objects) and not fresh:
                return None
            self._users_of = len(bpy.data.objects)
        return None

    def read_block(
        self,
        doc: str,
        block: Any,
        old: Tree | None,
        *,
        fresh: bool = False,
        seen: Tree | None = None,
        gone: Heads | None = None,
    ) -> Tree:
        """The whole tree of a datablock.

        `old` gives things their keys. What cannot be seen at the moment (a mesh in edit mode) is as it was seen last: as
        `seen` says where `old` is what the datablock is to become, else as `old` says; in a fresh one there is nothing. After an
        undo also what has `gone` may be there again.
        """
        self.doc, self.block = doc, block
        self.gone = gone or {}
        if not self._drafts:  # what is in drafts is not looked at again
            self._forget_unread(doc)
        self.keep = not fresh
        self.seen = {} if fresh else seen or old or {}
        tree: Tree = {"type": self.identity.type_of(doc) or type(block).__name__, "name": block.name}
        make = constructors.make_of(self, block)
        if make:
            tree["make"] = make
        tree.update(self.read_struct(block, old or {}))
        if old and not fresh:
            animated.hold(self.identity, block, tree, old)
        self.block, self.gone = None, {}
        return tree

    def report(self, what: str, why: object) -> None:
        """Something of the datablock that cannot be read: it stays here, and the user can be told."""
        self.unread[self.doc, what] = str(why)

    def _forget_unread(self, doc: str) -> None:
        for at in [at for at in self.unread if at[0] == doc]:
            del self.unread[at]

    def read_struct(self, struct: Any, old: Tree) -> Tree:
        """The members p, s, i, m, c of a struct. Empty ones are left out."""
        plan = rna.plan_of(struct)
        p: Tree = {}
        for prop in plan.props.values():
            value = self.read_prop(struct, prop, plan)
            if value is not None:
                p[prop.name] = value
        out: Tree = {"p": p}
        self._read_parts(struct, plan, old, out)
        self._read_collections(struct, plan, old, out)
        if plan.has_custom:
            c = customprops.read(self, struct)
            if c:
                out["c"] = c
        special.read(self, struct, plan, old, out)
        return out

    def read_item(self, struct: Any, old: Tree, name: str | None = None) -> Tree:
        """A struct that is an item or a part: with its type, and its name where it has one."""
        tree: Tree = {"type": rna.plan_of(struct).type_name}
        if name is None:
            name = getattr(struct, "name", None)
        if name and isinstance(name, str):
            tree["name"] = name
        tree.update(self.read_struct(struct, old))
        return tree

    def read_prop(self, struct: Any, prop: rna.Prop, plan: rna.Plan) -> Any:
        """The encoded value of one property; None where there is none to be had."""
        try:
            value = getattr(struct, prop.name)
        except (AttributeError, TypeError, ValueError, UnicodeDecodeError) as e:
            self.report(f"{plan.type_name}.{prop.name}", e)
            return None
        kind = prop.kind
        if kind == rna.FLOAT:
            return values.encode_float(value)
        if kind == rna.REFERENCE:
            return self.identity.reference(value)
        if kind >= rna.ARRAY_BOOL:
            return _array(value, prop)
        if kind == rna.INT:
            return values.encode_int(value)
        if kind == rna.ENUM:
            return value or None
        if kind == rna.ENUM_SET:
            return sorted(value)
        if kind == rna.STRING and paths.kind_of(plan, prop) == paths.INPUT:
            value = paths.read_input(self, struct, value)
        if isinstance(value, str) and not values.is_text(value):
            self.report(f"{plan.type_name}.{prop.name}", "it is no UTF-8 text")
            return None
        return value

    def _members(self, blocks: Any) -> Tree:
        """The documents of a set of datablocks: by their numbers in one call, one by one only what is new."""
        uids = np.empty(len(blocks), dtype=np.int32)
        blocks.foreach_get("session_uid", uids)
        docs: Tree = {}
        for i, uid in enumerate(uids.tolist()):
            doc = self.identity.living_doc(uid)
            if doc is None:
                target = self.identity.reference(blocks[i])
                if target is None or len(target) != 2:
                    continue
                doc = target[1]
            docs[doc] = 1
        return docs

    def _read_parts(self, struct: Any, plan: rna.Plan, old: Tree, out: Tree) -> None:
        parts: Tree = {}
        before = old.get("s", {})
        for name in plan.parts:
            part = getattr(struct, name, None)
            if part is not None and special.follows(plan, name, struct, part):
                key = "@" + name
                if getattr(part, "is_embedded_data", False):
                    self.identity.bind_part(self.doc, name, part)
                # The name of an embedded datablock is Blender's own and cannot be set.
                title = "" if getattr(part, "is_embedded_data", False) else None
                with self.inside(key):
                    parts[key] = self.read_item(part, before.get(key, {}), title)
        if parts:
            out["s"] = parts

    def _read_collections(self, struct: Any, plan: rna.Plan, old: Tree, out: Tree) -> None:
        found: Tree = {}
        before = old.get("i", {})
        for name in plan.collections:
            handler = handlers.handler(plan, name)
            if handler is not None:
                entries = handler.read(self, struct, before.get(name, {}))
                if entries:
                    found[name] = entries
        if found:
            out["i"] = found
        members: Tree = {}
        for name in plan.members:
            members[name] = self._members(getattr(struct, name))
        if members:
            out["m"] = members


def _array(value: Any, prop: rna.Prop) -> list[Any]:
    flat = list(value) if prop.flat else [x for row in value for x in row]
    if prop.kind == rna.ARRAY_FLOAT:
        return values.encode_floats(flat)
    return [bool(x) for x in flat] if prop.kind == rna.ARRAY_BOOL else flat
