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
        _collect(before, patch, (), found)
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


def _collect(before: Tree, patch: Any, path: Path, found: list[tuple[Path, str, Tree]]) -> None:
    """Only `before` was read by a replicator: the patch may hold anything."""
    parts, collections = _change(patch, "s"), _change(patch, "i")
    for key, part in before.get("s", {}).items() if parts else ():
        if change := _change(parts, key):
            _collect(part, change, (*path, key), found)
    for name, entries in before.get("i", {}).items():
        changes = _change(collections, name)
        for key, entry in entries.items() if changes != {} else ():
            change = _change(changes, key)
            # What a name or a place identifies has a key that anybody finds again.
            if change is None and not key.startswith("@="):
                found.append(((*path, name), key, entry))
            elif change and not mergepatch.is_typed(change):
                _collect(entry, change, (*path, name, key), found)


def _change(patch: Any, key: str) -> Any:
    """What a patch does to a member: None where it or all around it is taken away, {} where nothing."""
    if patch is None:
        return None
    change = patch.get(key, {}) if isinstance(patch, dict) else {}
    return change if isinstance(change, (dict, type(None))) else {}
