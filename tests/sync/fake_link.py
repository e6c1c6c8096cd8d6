# SPDX-License-Identifier: GPL-3.0-or-later
"""A room and its link in plain Python, with the rules that matter to the replicator.

One order; merge patches with the rule for items; creates replace; an operation on a tombstone is refused; equal names show
with suffixes that are computed from room state; what is shown is what is confirmed with one's own later operations on top.
It is a second implementation on purpose: the replicator's tests need neither the engine nor a network. Blobs really are
named by their SHA-256.

`FakeRoom` can live in another process behind a multiprocessing manager (peers.py), so its methods take and give plain data.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import sys
import zlib
from typing import Any

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "addon"))

from sync import mergepatch

Tree = dict[str, Any]


class FakeRoom:
    def __init__(self) -> None:
        self.trees: dict[str, Tree | None] = {}
        # (sequence number, member, document, kind, JSON). A refusal stands in the order, too, and concerns its member only.
        self.log: list[tuple[int, int, str, str, str]] = []
        self.blobs: dict[str, bytes] = {}
        # Names of datablocks that are too much for this room.
        self.too_much: set[str] = set()
        # Whether a create is refused that names a blob which is not here.
        self.strict = False

    def submit(self, member: int, doc: str, kind: str, text: str) -> int:
        """Commits or refuses; the sequence number, 0 if refused."""
        what = json.loads(text)
        have = self.trees.get(doc)
        seq = len(self.log) + 1
        if kind != "create" and have is None:
            code = "GONE" if doc in self.trees else "NOENT"
            self.log.append((seq, member, doc, "refused", json.dumps({"code": code, "text": kind})))
            return 0
        if kind == "create" and what.get("name") in self.too_much:
            self.log.append((seq, member, doc, "refused", json.dumps({"code": "LIMIT", "text": kind})))
            return 0
        if kind == "create" and self.strict and not self.blobs.keys() >= set(re.findall(r'"\$blob", "(\w+)"', text)):
            self.log.append((seq, member, doc, "refused", json.dumps({"code": "NOBLOB", "text": kind})))
            return 0
        assert kind != "create" or not _nulls(what), what
        self.trees[doc] = _after(have, kind, what)
        self.log.append((seq, member, doc, kind, text))
        return seq

    def refuse_creates_of(self, name: str) -> None:
        self.too_much.add(name)

    def since(self, cursor: int, limit: int | None = None) -> list[tuple[int, int, str, str, str]]:
        return self.log[cursor:] if limit is None else self.log[cursor : cursor + limit]

    def head(self) -> int:
        return len(self.log)

    def put_blob(self, data: bytes) -> str:
        sha = hashlib.sha256(data).hexdigest()
        self.blobs[sha] = data
        return sha

    def drop_blob(self, sha: str) -> None:
        self.blobs.pop(sha, None)

    def get_blob(self, sha: str) -> bytes | None:
        return self.blobs.get(sha)

    def tree_of(self, doc: str) -> Tree | None:
        return copy.deepcopy(self.trees.get(doc))

    def all_trees(self) -> dict[str, Tree]:
        return {d: t for d, t in self.trees.items() if t is not None}


def names_of(trees: dict[str, Tree | None], created: dict[str, int]) -> dict[str, str]:
    """The first created of a name shows it; each other one the first free suffix. Only what differs from its own name."""
    by_type: dict[str, list[str]] = {}
    for doc, tree in trees.items():
        # Anything may come from elsewhere; the engine names only what has a type and a name.
        if tree is not None and isinstance(tree.get("type"), str) and isinstance(tree.get("name"), str):
            by_type.setdefault(tree["type"], []).append(doc)
    shows = {}
    for docs in by_type.values():
        docs.sort(key=lambda d: (created[d], d))
        own = {(trees[d] or {})["name"] for d in docs}
        used: set[str] = set()
        for doc in docs:
            name = show = (trees[doc] or {})["name"]
            n = 0
            while show in used or (n and show in own):
                n += 1
                show = f"{name}.{n:03d}"
            used.add(show)
            if show != name:
                shows[doc] = show
    return shows


def _nulls(tree: Any) -> list[Any]:
    """Members that are null, of which a whole tree has none."""
    if isinstance(tree, dict):
        return [k for k, v in tree.items() if v is None] + [x for v in tree.values() for x in _nulls(v)]
    return []


def _after(tree: Tree | None, kind: str, what: Any) -> Tree | None:
    """A document after one operation."""
    if kind == "create":
        return dict(what)
    if kind == "delete" or tree is None:
        return None
    merged: Tree = mergepatch.merge(tree, what)
    return merged


class FakeLink:
    """One member's link. `hold` keeps own operations back, as a slow connection does; `limit` those of the room.

    As in the engine's replica, what is shown is what the room has confirmed with own operations on top, and an own operation
    is confirmed when it comes back in the room's order: so there may be any delay in each direction.
    """

    def __init__(self, room: Any, member: int) -> None:
        self.room = room
        self.member = member
        self.cursor = 0
        self.hold = False
        self.full = False
        # How many entries of the room's log may still come; None: all.
        self.limit: int | None = None
        # Own operations that have not come back, oldest first; the last `unsent` of them have not gone out.
        self.pending: list[tuple[str, str, str]] = []
        self.unsent = 0
        self.sent: list[tuple[str, str, Any]] = []
        # The replica: what the room has confirmed, what the application was told last, and under which name.
        self.confirmed: dict[str, Tree | None] = {}
        self.created: dict[str, int] = {}
        self.told: dict[str, Tree | None] = {}
        self.told_name: dict[str, str] = {}
        self.cache: dict[str, bytes] = {}

    def submit(
        self,
        doc: str,
        kind: str,
        tree_or_patch: Tree | None,
        *,
        needs: Any = (),
        action: int = 0,
        preview: bool = False,
    ) -> bool:
        if self.full:
            return False
        text = json.dumps(tree_or_patch, allow_nan=False, ensure_ascii=False)
        text.encode()  # raises where the engine's own encoding does
        self.sent.append((doc, kind, json.loads(text)))
        self.pending.append((doc, kind, text))
        self.unsent += 1
        self.told[doc] = _after(self.told.get(doc), kind, json.loads(text))
        if not self.hold:
            self.release()
        return True

    def release(self, count: int | None = None) -> None:
        """Sends what was kept back, or the oldest few of it."""
        self.hold = self.hold and count is not None
        first = len(self.pending) - self.unsent
        for doc, kind, text in self.pending[first : None if count is None else first + count]:
            self.room.submit(self.member, doc, kind, text)
            self.unsent -= 1

    def poll(self, max_events: int) -> list[dict[str, Any]]:
        """Everything since the last time as one event per document: from what was told to what is to be shown."""
        log = self.room.since(self.cursor, self.limit)
        self.cursor += len(log)
        if self.limit is not None:
            self.limit -= len(log)
        touched: dict[str, tuple[int, int]] = {}
        refused = []
        for seq, member, doc, kind, text in log:
            if member == self.member:
                assert self.pending.pop(0)[0] == doc
            elif kind == "refused":
                continue
            touched[doc] = (seq, member)
            if kind == "refused":
                refused.append({"t": "refused", "doc": doc, **json.loads(text)})
                continue
            if kind == "create":
                self.created[doc] = seq
            self.confirmed[doc] = _after(self.confirmed.get(doc), kind, json.loads(text))
        shown, shows = self._shown(touched)
        for doc in set(shows) ^ set(self.told_name) | {d for d in shows if shows[d] != self.told_name.get(d)}:
            touched.setdefault(doc, (0, 0))
        return [*refused, *self._events(touched, shown, shows)]

    def _shown(self, touched: dict[str, Any]) -> tuple[dict[str, Tree | None], dict[str, str]]:
        """What is to be shown, and the names that differ from documents' own. Own creates come after all others."""
        shown, created = dict(self.confirmed), dict(self.created)
        for i, (doc, kind, text) in enumerate(self.pending):
            shown[doc] = _after(shown.get(doc), kind, json.loads(text))
            if kind == "create":
                created[doc] = (1 << 60) + i
        return shown, names_of(shown, created)

    def _events(
        self, touched: dict[str, tuple[int, int]], shown: dict[str, Tree | None], shows: dict[str, str]
    ) -> list[dict[str, Any]]:
        events = []
        for doc, (seq, member) in touched.items():
            event = self._event(doc, shown.get(doc))
            if event is None and shown.get(doc) is not None and shows.get(doc) != self.told_name.get(doc):
                event = {"kind": "edit", "tree": {}}
            if event is not None:
                show = shows.get(doc)
                events.append({"t": "doc", "doc": doc, **event, "seq": seq, "by": str(member), "show": show})
        self.told_name = shows
        return events

    def _event(self, doc: str, new: Tree | None) -> dict[str, Any] | None:
        old, self.told[doc] = self.told.get(doc), new
        if new is None:
            # Without a tree, as the engine says it.
            return {"kind": "delete"} if old is not None else None
        if old is None:
            return {"kind": "create", "tree": new}
        patch = mergepatch.diff(old, new)
        return {"kind": "edit", "tree": patch} if patch else None

    def put_blob(self, data: Any) -> str | None:
        if self.full:
            return None
        raw = bytes(data)
        sha = hashlib.sha256(raw).hexdigest()
        if sha not in self.cache:
            self.cache[sha] = raw
            self.room.put_blob(raw)
        return sha

    def blob(self, sha: str) -> memoryview | None:
        if sha not in self.cache:
            data = self.room.get_blob(sha)
            if data is None:
                return None
            self.cache[sha] = data
        return memoryview(self.cache[sha])

    def fingerprint(self, data: Any) -> int:
        return zlib.crc32(data) << 32 | zlib.adler32(data)
