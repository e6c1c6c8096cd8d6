# SPDX-License-Identifier: GPL-3.0-or-later
"""A room and its link in plain Python, with the rules that matter to the replicator.

One order; merge patches with the rule for items; creates replace; an operation on a tombstone is refused; equal names show
with suffixes that are computed from room state; an event is delivered without what one's own later operations override.
It is a second implementation on purpose: the replicator's tests need neither the engine nor a network. Blobs really are
named by their SHA-256.

`FakeRoom` can live in another process behind a multiprocessing manager (peers.py), so its methods take and give plain data.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import sys
import zlib
from typing import Any

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "addon"))

from sync import mergepatch

Tree = dict[str, Any]


class FakeRoom:
    def __init__(self) -> None:
        self.trees: dict[str, Tree | None] = {}
        self.created: dict[str, int] = {}
        self.log: list[tuple[int, int, str, str, str]] = []
        self.blobs: dict[str, bytes] = {}
        self.shows: dict[str, str] = {}
        self.refused: dict[int, list[dict[str, Any]]] = {}

    def submit(self, member: int, doc: str, kind: str, text: str) -> int:
        """Commits or refuses; the sequence number, 0 if refused."""
        what = json.loads(text)
        have = self.trees.get(doc)
        if kind != "create" and have is None:
            code = "GONE" if doc in self.trees else "NOENT"
            self.refused.setdefault(member, []).append({"t": "refused", "doc": doc, "code": code, "text": kind})
            return 0
        seq = len(self.log) + 1
        if kind == "create":
            assert isinstance(what, dict) and "null" not in json.dumps(_nulls(what)), what
            self.trees[doc] = what
            self.created[doc] = seq
        elif kind == "edit":
            self.trees[doc] = mergepatch.merge(have, what)
            if "name" not in what:
                self.log.append((seq, member, doc, kind, text))
                return seq
        else:
            self.trees[doc] = None
        self.log.append((seq, member, doc, kind, text))
        self._name_all()
        return seq

    def since(self, cursor: int) -> list[tuple[int, int, str, str, str]]:
        return self.log[cursor:]

    def head(self) -> int:
        return len(self.log)

    def take_refused(self, member: int) -> list[dict[str, Any]]:
        return self.refused.pop(member, [])

    def names(self) -> dict[str, str]:
        return self.shows

    def put_blob(self, data: bytes) -> str:
        sha = hashlib.sha256(data).hexdigest()
        self.blobs[sha] = data
        return sha

    def get_blob(self, sha: str) -> bytes | None:
        return self.blobs.get(sha)

    def tree_of(self, doc: str) -> Tree | None:
        return copy.deepcopy(self.trees.get(doc))

    def all_trees(self) -> dict[str, Tree]:
        return {d: t for d, t in self.trees.items() if t is not None}

    def _name_all(self) -> None:
        """The first created of a name shows it; each other one the first free suffix."""
        by_type: dict[str, list[str]] = {}
        for doc, tree in self.trees.items():
            if tree is not None:
                by_type.setdefault(tree["type"], []).append(doc)
        self.shows = {}
        for docs in by_type.values():
            docs.sort(key=lambda d: (self.created[d], d))
            own = {(self.trees[d] or {})["name"] for d in docs}
            used: set[str] = set()
            for doc in docs:
                name = show = (self.trees[doc] or {})["name"]
                n = 0
                while show in used or (n and show in own):
                    n += 1
                    show = f"{name}.{n:03d}"
                used.add(show)
                if show != name:
                    self.shows[doc] = show


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
    """One member's link. `hold` keeps own operations back, as a slow connection does."""

    def __init__(self, room: Any, member: int) -> None:
        self.room = room
        self.member = member
        self.cursor = 0
        self.hold = False
        self.full = False
        self.queue: list[tuple[str, str, str]] = []
        self.sent: list[tuple[str, str, Any]] = []
        self.known: dict[str, str] = {}
        # The replica: what the room has confirmed, and what was shown last (with own operations on top).
        self.confirmed: dict[str, Tree | None] = {}
        self.shown: dict[str, Tree | None] = {}
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
        text = json.dumps(tree_or_patch, allow_nan=False)
        self.sent.append((doc, kind, json.loads(text)))
        self.queue.append((doc, kind, text))
        self.shown[doc] = _after(self.shown.get(doc), kind, json.loads(text))
        if not self.hold:
            self.release()
        return True

    def release(self) -> None:
        self.hold = False
        queue, self.queue = self.queue, []
        for doc, kind, text in queue:
            self.room.submit(self.member, doc, kind, text)

    def poll(self, max_events: int) -> list[dict[str, Any]]:
        """Everything since the last time as one event per document: from what was shown to what is to be shown."""
        log = self.room.since(self.cursor)
        self.cursor += len(log)
        touched = {}
        for seq, member, doc, kind, text in log:
            self.confirmed[doc] = _after(self.confirmed.get(doc), kind, json.loads(text))
            touched[doc] = (seq, member)
        events: list[dict[str, Any]] = []
        for doc, (seq, member) in touched.items():
            event = self._event(doc)
            if event is not None:
                events.append({"t": "doc", "doc": doc, **event, "seq": seq, "by": str(member), "mine": False})
        events += self._names()
        return [*self.room.take_refused(self.member), *events]

    def _event(self, doc: str) -> dict[str, Any] | None:
        new = self.confirmed.get(doc)
        for own_doc, kind, text in self.queue:
            if own_doc == doc:
                new = _after(new, kind, json.loads(text))
        old, self.shown[doc] = self.shown.get(doc), new
        if new is None:
            return {"kind": "delete", "tree": None} if old is not None else None
        if old is None:
            return {"kind": "create", "tree": new}
        patch = mergepatch.diff(old, new)
        return {"kind": "edit", "tree": patch} if patch else None

    def _names(self) -> list[dict[str, Any]]:
        names = self.room.names()
        more = []
        for doc in set(names) | set(self.known):
            if names.get(doc) != self.known.get(doc) and self.confirmed.get(doc) is not None:
                more.append(
                    {
                        "t": "doc",
                        "doc": doc,
                        "kind": "edit",
                        "tree": {},
                        "show": names.get(doc),
                        "by": "",
                        "seq": 0,
                        "mine": True,
                    }
                )
        self.known = dict(names)
        return more

    def put_blob(self, data: Any) -> str:
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
