# SPDX-License-Identifier: GPL-3.0-or-later
"""Which handler a collection has: the one that items.py or special/ says, else what RNA tells about its calls.

A collection that a script can add to by a name, by a type of socket and a name, or by nothing, and that gives things away again one
by one, needs no line anywhere: that is what most new nodes of a new Blender bring. One that nobody can add to has a number of places
that some property decides; what is in them is written. For the rest exclude.py says why it is not synchronised.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy

from . import exclude, items, rna

Tree = dict[str, Any]

# What `new` may ask for.
_MAKERS: tuple[tuple[str, ...], ...] = ((), ("name",), ("socket_type", "name"))
# Calls by which something is added.
_ADDING = ("new", "add", "create", "append", "push", "link", "load")


class Made(items.Items):
    """A collection whose `new` asks for nothing but what the things themselves show."""

    volatile = True

    def __init__(self, name: str, asked: Iterable[str]) -> None:
        super().__init__(name)
        self._asked = tuple(asked)

    def make_of(self, reader: Any, owner: Any, item: Any) -> Tree | None:
        kind = getattr(item, "socket_type", None) or getattr(item, "data_type", None)
        return {"socket": kind} if kind and "socket_type" in self._asked else None

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        name = str(tree.get("name", ""))
        given = {"socket_type": (tree.get("make") or {}).get("socket"), "name": name}
        item = getattr(owner, self.name).new(*(given[asked] for asked in self._asked))
        if name and "name" not in self._asked:
            self.rename(item, name)
        return item


class Places(items.Items):
    """As many as another property says, known by their index."""

    ordered = False
    fixed = True

    def title(self, item: Any) -> str:
        return ""

    def read(self, reader: Any, owner: Any, old: Tree) -> Tree:
        return {
            key: {"type": rna.plan_of(place).type_name, **reader.read_struct(place, old.get(key, {}))}
            for key, place in zip(self.fixed_keys(owner), self.list(owner), strict=True)
        }

    def fixed_keys(self, owner: Any) -> list[str]:
        return [f"@={i}" for i in range(len(getattr(owner, self.name)))]

    def rename(self, item: Any, name: str) -> None:
        return

    def write(self, writer: Any, owner: Any, patch: Tree, full: Tree, cur: Tree) -> items.Live:
        live = super().write(writer, owner, patch, full, cur)
        missing = len(full.keys() - live.index.keys())
        if missing:
            writer.refuse(f"{rna.plan_of(owner).type_name}.{self.name}", f"here are {missing} places fewer")
        return live


# By the class of what has such a collection: who knows more about these.
MADE: dict[str, type[Made]] = {}

_found: dict[tuple[str, str], items.Items | None] = {}


def handler(plan: rna.Plan, name: str) -> items.Items | None:
    """The handler of a collection of a class, or None where it is not synchronised."""
    at = (plan.type_name, name)
    if at not in _found:
        listed = next((items.TABLE[f"{t}.{name}"] for t in plan.lineage if f"{t}.{name}" in items.TABLE), None)
        _found[at] = listed or _by_introspection(plan, name)
    return _found[at]


def is_out_of_order(type_name: str, name: str, read: Tree, room: Tree) -> bool:
    """Whether what a struct of that type has in a collection is in another order than Blender can be made to show."""
    cls = getattr(bpy.types, type_name, None)
    if cls is None or not hasattr(cls, "bl_rna"):
        return False
    found = handler(rna.Plan(type_name, rna.lineage_of(cls.bl_rna)), name)
    return found is not None and found.ordered and found.movable and not found.stand_as_wanted(read, room)


def _by_introspection(plan: rna.Plan, name: str) -> items.Items | None:
    cls = getattr(bpy.types, plan.type_name, None)
    prop = cls.bl_rna.properties.get(name) if cls is not None else None
    if prop is None or prop.type != "COLLECTION" or exclude.reason(plan.lineage, name) or rna.is_id(prop.fixed_type):
        return None
    calls = prop.srna.functions if prop.srna is not None else {}
    if "new" in calls and "remove" in calls:
        asked = _asks_for(calls["new"])
        gives_one = [p.type for p in calls["remove"].parameters if p.is_required] == ["POINTER"]
        made = next((MADE[t] for t in plan.lineage if t in MADE), Made)
        return made(name, asked) if asked in _MAKERS and gives_one else None
    adds = any(call in calls for call in _ADDING)
    return None if adds or not _holds_something(prop.fixed_type) else Places(name)


def _asks_for(call: Any) -> tuple[str, ...]:
    return tuple(p.identifier for p in call.parameters if p.is_required and not p.is_output)


def _holds_something(kind: Any) -> bool:
    plan = rna.Plan(kind.identifier, rna.lineage_of(kind))
    return any(not p.is_readonly and not exclude.reason(plan.lineage, p.identifier) for p in kind.properties)
