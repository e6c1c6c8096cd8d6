# SPDX-License-Identifier: GPL-3.0-or-later
"""Items that have gone, so that an undo which brings one back is seen to bring back that one.

Blender knows no keys: what an undo restores looks like something new, which its user would seem to have made. With the key that it had,
the shadow's marks say whose word its removal was: what others removed is removed again, what this user removed is back for all.

Kept is what tells an item from others (its type, name and what it was made of), by document and collection, and of each document the
newest only: Blender's own undo does not reach back for ever either.
"""

from __future__ import annotations

from typing import Any

from . import mergepatch

Tree = dict[str, Any]
# The way to a collection: the keys of parts, the names of collections and the keys of items, as the reader walks them.
Path = tuple[str, ...]
# Of one document, by the way to each collection: what has gone from it, oldest first.
Heads = dict[Path, Tree]

# Of each document: as many nodes and links as a large material loses at once, at some hundred bytes each.
GONE_MAX = 2000


class Gone:
    def __init__(self) -> None:
        self._heads: dict[str, dict[tuple[Path, str], Tree]] = {}

    def note(self, doc: str, patch: Tree, before: Tree) -> None:
        """What a patch takes away from a tree as Blender showed it."""
        if "i" not in patch and "s" not in patch:
            return
        found: list[tuple[Path, str, Tree]] = []
        _collect(mergepatch.one_by_one(patch, before), before, (), found)
        heads = self._heads.setdefault(doc, {}) if found else {}
        for path, key, item in found:
            heads.pop((path, key), None)
            heads[path, key] = {name: item[name] for name in ("type", "name", "make") if name in item}
        while len(heads) > GONE_MAX:
            del heads[next(iter(heads))]

    def of(self, doc: str) -> Heads:
        out: Heads = {}
        for (path, key), head in self._heads.get(doc, {}).items():
            out.setdefault(path, {})[key] = head
        return out

    def forget(self, doc: str) -> None:
        self._heads.pop(doc, None)


def _collect(patch: Tree, before: Tree, path: Path, found: list[tuple[Path, str, Tree]]) -> None:
    for key, change in (patch.get("s") or {}).items():
        _inside(change, before.get("s", {}).get(key), (*path, key), found)
    for name, changes in (patch.get("i") or {}).items():
        have = before.get("i", {}).get(name) or {}
        for key, change in (changes or {}).items():
            if change is not None:
                _inside(change, have.get(key), (*path, name, key), found)
            # What a name or a place identifies has a key that anybody finds again.
            elif isinstance(have.get(key), dict) and not key.startswith("@="):
                found.append(((*path, name), key, have[key]))


def _inside(patch: Any, before: Any, path: Path, found: list[tuple[Path, str, Tree]]) -> None:
    if isinstance(patch, dict) and isinstance(before, dict) and not mergepatch.is_typed(patch):
        _collect(patch, before, path, found)
