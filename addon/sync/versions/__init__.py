# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and shapes of older Blenders.

Documents are written in Atrium's own schema, which uses the names of the newest Blender we know. One table per older
version maps names both ways; capture and apply pass every tree through here, so that the rest of the add-on sees only
the names of the Blender it runs in. A table maps "Struct.property" to the newest name of that property, and enum items
likewise; a name that no table mentions passes unchanged, and so do names that this Blender does not know.
"""

from __future__ import annotations

from typing import Any

import bpy

from . import before_5_0

Tree = dict[str, Any]

# (first version that no longer needs the table, table)
_TABLES = [((5, 0, 0), before_5_0)]


def _active() -> list[Any]:
    return [table for until, table in _TABLES if bpy.app.version < until]


_out: dict[tuple[str, str], dict[Any, Any]] | None = None
_in: dict[tuple[str, str], dict[Any, Any]] = {}


def _load() -> None:
    global _out
    if _out is None:
        _out = {}
        for table in _active():
            for at, names in table.ENUMS.items():
                _out.setdefault(at, {}).update(names)
                _in.setdefault(at, {}).update({v: k for k, v in names.items()})


def to_schema(tree: Tree) -> Tree:
    """A tree as this Blender reads it -> as documents hold it."""
    _load()
    assert _out is not None
    return _mapped(tree, _out, "") if _out else tree


def from_schema(tree: Tree) -> Tree:
    """A tree or a patch as documents hold it -> with the names of this Blender."""
    _load()
    return _mapped(tree, _in, "") if _in else tree


def _mapped(tree: Tree, names: dict[tuple[str, str], dict[Any, Any]], part: str) -> Tree:
    """Only the parts that a table mentions are copied; the walk follows `s`, where all of them lie so far."""
    p, s = tree.get("p"), tree.get("s")
    out = tree
    if isinstance(p, dict):
        for (where, prop), table in names.items():
            if where == part and isinstance(p.get(prop), str) and p[prop] in table:
                out = {**out, "p": {**out["p"], prop: table[p[prop]]}}
    if isinstance(s, dict):
        for key, value in s.items():
            if isinstance(value, dict) and any(where == key[1:] for where, _ in names):
                changed = _mapped(value, names, key[1:])
                if changed is not value:
                    out = {**out, "s": {**out["s"], key: changed}}
    return out
