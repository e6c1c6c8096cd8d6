# SPDX-License-Identifier: GPL-3.0-or-later
"""Parents among the items of one document: frames of nodes, panels of an interface, groups of layers, bones, collections of bones.

Two people who put two items into each other at once leave a circle in the room. Some of Blender's calls refuse what would close one, others never
return, and what comes first in a Blender must not matter. So the circle is open at the same place everywhere: its item with the lowest key shows
no parent. The room keeps what both have said; as soon as one of them changes it the other's word counts again (items.lets_in).

Who sets these parents has all let go first that are to have another: on the way there must not be a circle either.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


def without_circles(parents: dict[str, Any], holders: Collection[str]) -> dict[str, str]:
    """The parent that each item shows, by keys, or "". What the room says may be anything: only holders can be parents."""
    shown = {key: parent if isinstance(parent, str) and parent in holders else "" for key, parent in parents.items()}
    for key in sorted(shown):
        if _leads_back(key, shown):
            shown[key] = ""
    return shown


def _leads_back(key: str, parents: dict[str, str]) -> bool:
    at, seen = parents[key], set()
    while at and at != key and at not in seen:
        seen.add(at)
        at = parents[at]
    return at == key
