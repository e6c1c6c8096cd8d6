# SPDX-License-Identifier: GPL-3.0-or-later
"""The echo guard: what the room holds, what Blender read back, and who wrote each value last.

Blender clamps, rounds and renames what it is given. If a change were "what differs from the room", two Blenders of which
one clamps would send each other the same value for ever. So the shadow keeps two trees per document: `room`, and `read`,
which is what capture found right after the room's tree had been applied. Only a difference from `read` is the user's
change. What Blender would not take stays in `room`, untouched.

`theirs` is a tree of the shape of what others wrote and nobody here has overwritten since: after an undo those values
are put back, the others are sent.

A shadow is packed: compressed JSON, `room` as its difference from `read`, which is mostly nothing. The few that were used
last are kept as trees and packed when their turn is over: what somebody is editing would be packed at every change.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Set as AbstractSet
from typing import Any

from . import mergepatch, values

Tree = dict[str, Any]

# Shadows that are kept as trees: what is edited and what is polled is read again and again.
OPEN_MAX = 64
_open: dict[Shadow, None] = {}

# The lowest level: trees are small and packed often; higher levels gain a few percent at three times the time.
_LEVEL = 1


def dump(tree: Any) -> bytes:
    """Compact JSON in insertion order."""
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass")


class Shadow:
    """One document's shadow."""

    __slots__ = ("_packed", "_trees", "refs")

    def __init__(self, read: Tree, room: Tree, theirs: Any, refs: frozenset[str] = frozenset()) -> None:
        self.refs = refs
        self.store(read, room, theirs)

    def store(self, read: Tree, room: Tree, theirs: Any) -> None:
        """The trees are kept as they are: nobody changes a tree in place that was given to a shadow."""
        self._packed = b""
        self._trees: tuple[Tree, Tree, Any] | None = (read, room, theirs)
        self._use()

    def load(self) -> tuple[Tree, Tree, Any]:
        """(read, room, theirs)."""
        trees = self._trees
        if trees is None:
            trees = self._trees = self._unpack()
        self._use()
        return trees

    def _use(self) -> None:
        _open.pop(self, None)
        _open[self] = None
        if len(_open) > OPEN_MAX:
            next(iter(_open)).pack()

    def pack(self) -> None:
        """Keeps the packed form only."""
        _open.pop(self, None)
        if self._trees is None:
            return
        if not self._packed:
            read, room, theirs = self._trees
            raw = dump(read)
            rest = dump([_delta(read, room), theirs])
            self._packed = zlib.compress(len(raw).to_bytes(4, "little") + raw + rest, _LEVEL)
        self._trees = None

    def _unpack(self) -> tuple[Tree, Tree, Any]:
        data = zlib.decompress(self._packed)
        cut = 4 + int.from_bytes(data[:4], "little")
        read = json.loads(data[4:cut])
        delta, theirs = json.loads(data[cut:])
        return read, _undelta(read, delta), theirs

    def note_alike(self) -> None:
        """Blender shows what the room says, but for the order: one tree will do for both, and is compared at no cost."""
        read, room, theirs = self.load()
        if not mergepatch.diff(read, room):
            self._trees = (read, read, theirs)

    def reads_as(self, tree: Tree) -> bool:
        """Whether `tree`, just captured, is what was read last, in the same order."""
        return mergepatch.alike(self.load()[0], tree)

    def bytes_used(self) -> int:
        """What it takes when it is packed."""
        self.pack()
        return len(self._packed)


def _delta(read: Any, room: Any) -> Any:
    """`room` relative to `read`: [] where equal, {"d": {...}, "x": [...]} between objects, {"v": value} otherwise."""
    if read is room:
        return []
    if isinstance(read, dict) and isinstance(room, dict):
        inner = {}
        for key, value in room.items():
            have = read.get(key)
            if have is value or (type(value) is str and have == value):
                continue
            d = _delta(have, value)
            if d:
                inner[key] = d
        gone = [key for key in read if key not in room]
        return {"d": inner, "x": gone} if inner or gone else []
    return [] if read is not None and mergepatch.same(read, room) else {"v": room}


def _undelta(read: Any, delta: Any) -> Any:
    if not delta:
        return read
    if "v" in delta:
        return delta["v"]
    out = {k: v for k, v in read.items() if k not in delta["x"]}
    for key, d in delta["d"].items():
        out[key] = _undelta(read.get(key), d)
    return out


def mark(theirs: Any, patch: Tree, *, by_others: bool) -> Any:
    """Who wrote what, after `patch`.

    True stands for "all of it", None and False for none of it, a dict for some of it; in a dict, what it does not name is as
    its member "" says (no member of a tree has that name).
    """
    if by_others:
        return True if theirs is True else _add(theirs or {}, patch)
    return _remove({"": True} if theirs is True else theirs, patch)


def _add(theirs: Tree, patch: Tree) -> Tree:
    out = dict(theirs)
    for key, value in patch.items():
        if isinstance(value, dict) and value:
            # What is not named may be theirs already, all of it.
            inner = out.get(key, out.get(""))
            out[key] = True if inner is True else _add(inner if isinstance(inner, dict) else {}, value)
        else:
            out[key] = True
    return out


def _remove(theirs: Any, patch: Tree) -> Any:
    if not theirs:
        return None
    out = dict(theirs)
    for key, value in patch.items():
        inner = out.get(key, out.get(""))
        if inner and key.startswith("@") and mergepatch.is_typed(value):
            # An item as a whole, whatever stands for what is not named.
            out[key] = False
        elif inner and isinstance(value, dict) and value:
            out[key] = _remove({"": True} if inner is True else inner, value)
        elif inner:
            out[key] = False
    return out


def split(
    patch: Tree, theirs: Any, gone: frozenset[str] = frozenset(), made: AbstractSet[str] = frozenset()
) -> tuple[Tree, Tree]:
    """(what is one's own, what others wrote) of a patch, by the marks. `gone` are the keys of items that were there once: an item that
    was not, and that no mark names, nobody else has ever seen. Nor has anybody a document of `made`, as a member or where it is shown."""
    if not theirs:
        return patch, {}
    mine: Tree = {}
    other: Tree = {}
    for key, value in patch.items():
        inner = theirs is True or theirs.get(key, theirs.get("", None))
        is_new = mergepatch.is_typed(value) and values.is_minted(key) and key not in gone
        if is_new or key.removeprefix("@=") in made:
            inner = isinstance(theirs, dict) and theirs.get(key)
        if isinstance(value, dict) and (isinstance(inner, dict) or (inner is True and not mergepatch.is_typed(value))):
            a, b = split(value, inner, gone, made)
            if a:
                mine[key] = a
            if b or not a:
                other[key] = b
        elif inner is True or (isinstance(inner, dict) and value is None):
            other[key] = value
        else:
            mine[key] = value
    return mine, other
