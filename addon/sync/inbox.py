# SPDX-License-Identifier: GPL-3.0-or-later
"""What has arrived and is not applied yet: by document, and in which batches it is applied.

Whatever makes Blender rebuild its dependency graph (new datablocks, removals, links, parents, modifiers) makes it do so once after
each tick, and in a large scene that takes longer than applying. So what rebuilds nothing (most of what people drag) is
applied for as long as the budget lasts, and what does rebuild in batches that last as long as a rebuild takes, which
at most doubles the time until all is there. Collections, scenes and removals are the last batch, and one: so an object is complete when it
comes into sight, and what moves from one collection to another is never in neither.

A batch takes documents as a whole, each with all that has happened to it: a document is never half applied. What the
user changes in a document that waits here stands behind what was there before (`note_own`). What the user has in hand waits until it is let go.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Container, Iterable, Iterator
from typing import Any

from . import dirty, idtypes, values
from .constructors import needs_of
from .identity import Identity
from .incoming import OWN, Batch, is_structural_patch, is_tree
from .state import State

# What applying one document takes, until it has been measured.
COST_S = 0.001
COST_MIN_S = 0.00001
# A rebuild that takes longer is not waited for as long again; nor, where nothing is rebuilt, an update, which a large scene needs
# for any change.
REBUILD_MAX_S = 1.0
UPDATE_MAX_S = 0.025
# Types of the last batch.
_LAST = ("Collection", "Scene")
# Parents further away are not looked for: an order that is not perfect costs time only.
_DEPTH_MAX = 64


class Inbox:
    def __init__(self, identity: Identity, state: State) -> None:
        self._identity = identity
        self._state = state
        self._light: Batch = {}
        self._heavy: Batch = {}
        # The documents of `_heavy` in the order in which they are applied; None when it has to be found anew.
        self._order: list[str] | None = None
        self._light_cost_s = self._heavy_cost_s = COST_S

    def __len__(self) -> int:
        return len(self._light) + len(self._heavy)

    def __contains__(self, doc: str) -> bool:
        return doc in self._light or doc in self._heavy

    def extend(self, events: Iterable[dict[str, Any]]) -> None:
        for event in events:
            doc = event["doc"]
            if doc in self._heavy:
                self._heavy[doc].append(event)
                self._order = None
            elif self._is_light(event):
                self._light.setdefault(doc, []).append(event)
            else:
                self._heavy[doc] = [*self._light.pop(doc, []), event]
                self._order = None

    def put_first(self, event: dict[str, Any]) -> None:
        """What stood in the room before all that waits here of its document."""
        doc = event["doc"]
        self._heavy[doc] = [event, *self._light.pop(doc, []), *self._heavy.pop(doc, [])]
        self._order = None

    def _is_light(self, event: dict[str, Any]) -> bool:
        doc: str = event["doc"]
        tree: Any = event.get("tree")
        if event["kind"] != "edit" or event.get("show") or not is_tree(tree) or "name" in tree:
            return False
        if doc not in self._state.shadows or doc in self._state.shown:
            return False
        kind = self._identity.type_of(doc)
        return kind not in _LAST and not values.may_change_refs(tree) and not is_structural_patch(kind, tree)

    def note_own(self, doc: str, patch: dict[str, Any]) -> None:
        """The user changed a document of which something waits here."""
        for waiting in (self._light, self._heavy):
            if doc in waiting:
                waiting[doc].append({"doc": doc, "kind": OWN, "tree": patch})

    def made_of(self, docs: set[str]) -> set[str]:
        """What waits here and is made in or with one of those documents."""
        return {
            doc
            for doc, events in self._heavy.items()
            for event in (events if docs else ())
            if event["kind"] == "create" and is_tree(event["tree"]) and docs.intersection(needs_of(event["tree"]))
        }

    def drop(self, doc: str) -> None:
        self._light.pop(doc, None)
        if self._heavy.pop(doc, None) is not None:
            self._order = None

    # Batches

    def batches(self, deadline: float, held: Container[str] = ()) -> Iterator[tuple[Batch, bool]]:
        """The batches of one tick, each with whether it rebuilds. One is taken out of here when the next is asked for. The documents
        `held` stay."""
        until = max(deadline, time.perf_counter() + min(dirty.tracker.update_s, UPDATE_MAX_S))
        while free := [doc for doc in self._light if doc not in held]:
            begin = time.perf_counter()
            batch = _first(self._light, free, until - begin, self._light_cost_s)
            yield batch, False
            self._take_out(self._light, batch)
            self._light_cost_s = _mean(self._light_cost_s, begin, batch)
            if time.perf_counter() >= until:
                break
        yield from self._heavy_batches(deadline, held)

    def _heavy_batches(self, deadline: float, held: Container[str]) -> Iterator[tuple[Batch, bool]]:
        deadline = max(deadline, time.perf_counter() + min(dirty.tracker.update_s, REBUILD_MAX_S))
        while self._heavy:
            begin = time.perf_counter()
            if self._order is None:
                self._order = self._in_order()
            free = [doc for doc in self._order if doc not in held] if held else self._order
            if free:
                batch = _first(self._heavy, free, deadline - begin, self._heavy_cost_s)
                yield batch, True
                if self._order is free:
                    self._order = free[len(batch) :]
                elif self._order is not None:
                    self._order = [doc for doc in self._order if doc not in batch]
                self._heavy_cost_s = _mean(self._heavy_cost_s, begin, batch)
            else:
                batch = {doc: events for doc, events in self._heavy.items() if doc not in held}
                if not batch:
                    return
                yield batch, True
            self._take_out(self._heavy, batch)
            if time.perf_counter() >= deadline:
                return

    @staticmethod
    def _take_out(waiting: Batch, batch: Batch) -> None:
        for doc in batch:
            waiting.pop(doc, None)

    def _in_order(self) -> list[str]:
        """What comes before the last batch: in the order of making, and parents before their children."""
        ranks = {}
        for doc, events in self._heavy.items():
            kind = next((e["tree"]["type"] for e in events if e["kind"] == "create" and _has_type(e["tree"])), "")
            kind = kind or self._identity.type_of(doc)
            if kind not in _LAST and events[-1]["kind"] != "delete":
                ranks[doc] = (idtypes.ORDER.get(kind, len(idtypes.ORDER)), self._depth(events))
        return sorted(ranks, key=ranks.__getitem__)

    def _depth(self, events: list[dict[str, Any]]) -> int:
        """How many ancestors of a new object wait here as well."""
        depth = 0
        while depth < _DEPTH_MAX:
            parent = values.ref_target(_parent_of(events[0]))
            if parent not in self._heavy:
                break
            events = self._heavy[parent]
            depth += 1
        return depth


def _has_type(tree: Any) -> bool:
    return is_tree(tree) and isinstance(tree.get("type"), str)


def _parent_of(event: dict[str, Any]) -> Any:
    tree: Any = event.get("tree")
    return (tree.get("p") or {}).get("parent") if is_tree(tree) else None


def _first(waiting: Batch, docs: Iterable[str], left_s: float, cost_s: float) -> Batch:
    """As many of them as fit into the time that is left, one at least."""
    count = max(1, int(min(left_s / cost_s, len(waiting))))
    return {doc: waiting[doc] for doc in itertools.islice(docs, count)}


def _mean(cost_s: float, begin: float, batch: Batch) -> float:
    """What one document takes, of late."""
    return max(COST_MIN_S, 0.7 * cost_s + 0.3 * (time.perf_counter() - begin) / len(batch))
