# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks that Blender does not let be in any order: modifiers of objects and of F-curves.

People who act at once can give the room an order that Blender forbids, or two things of which it allows one. What a Blender made of that by itself
would depend on what stood there before; here it follows from the room alone, so that all show the same:

- what needs the original mesh stands before all that makes vertices, as Blender itself puts it when it is added;
- of two modifiers of which an object can have one, that with the lower key is shown, whatever their order (the other comes when it goes);
- several Multires are made anew in the room's order: Blender adds each before those that are there, and moves none past another;
- a cycles modifier is the first of its curve, and only one is shown.

Nothing of this is sent. The room keeps what everybody said, until somebody moves something: then all get the order he sees (items.whole_order).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

from .. import items

Tree = dict[str, Any]

# Blender says of no modifier whether it needs the original mesh or only moves vertices; what follows was tried out in 4.2 to 5.2
# (tests/sync/test_order_at_once.py does it again). What is not named makes vertices.
NEEDS_ORIGINAL = frozenset(("MULTIRES", "SOFT_BODY"))
DEFORMS = frozenset(
    (
        *("MESH_CACHE", "ARMATURE", "CAST", "CURVE", "DISPLACE", "HOOK", "LAPLACIANDEFORM", "LATTICE", "MESH_DEFORM"),
        *("SHRINKWRAP", "SIMPLE_DEFORM", "SMOOTH", "CORRECTIVE_SMOOTH", "LAPLACIANSMOOTH", "SURFACE_DEFORM", "WARP"),
        *("WAVE", "CLOTH", "COLLISION", "PARTICLE_SYSTEM", "SURFACE", "SOFT_BODY"),
    )
)
ONE_ONLY = frozenset(("CLOTH", "COLLISION", "DYNAMIC_PAINT", "FLUID", "SOFT_BODY"))


def _kind(entry: Tree) -> str:
    return str((entry.get("make") or {}).get("type"))


def _one_of_each(full: Tree, kinds: frozenset[str]) -> Tree:
    """Without those of which another one is there."""
    kept: dict[str, str] = {}
    for key in sorted(full):
        kind = _kind(full[key])
        if kind in kinds:
            kept.setdefault(kind, key)
    out = {key: entry for key, entry in full.items() if kept.get(_kind(entry), key) == key}
    return out if len(out) < len(full) else full


class Modifiers(items.TypedUnique):
    """A particle system's modifier brings new settings along, which are not the ones it is to have."""

    def shown(self, full: Tree) -> Tree:
        return _one_of_each(full, ONE_ONLY)

    def wanted(self, full: Tree) -> Sequence[str]:
        out: list[str] = []
        for key in items.in_order(full):
            kind = _kind(full[key])
            at = len(out)
            if kind in NEEDS_ORIGINAL:
                # One Multires need not stand before another.
                at = next((i for i, other in enumerate(out) if self._comes_after(kind, _kind(full[other]))), at)
            out.insert(at, key)
        return out

    @staticmethod
    def _comes_after(kind: str, other: str) -> bool:
        return other not in DEFORMS and not kind == other == "MULTIRES"

    def making(self, fresh: Sequence[str], full: Tree) -> Sequence[str]:
        found = super().making(fresh, full)
        return [k for k in found if _kind(full[k]) != "MULTIRES"] + [
            k for k in reversed(found) if _kind(full[k]) == "MULTIRES"
        ]

    def misplaced(self, writer: Any, owner: Any, full: Tree, live: items.Live) -> list[str]:
        wanted = [key for key in self.wanted(full) if _kind(full[key]) == "MULTIRES"]
        have = [key for key in live.keys if key in wanted]
        while have and wanted and have[-1] == wanted[-1]:
            have.pop()
            wanted.pop()
        return have

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        item = super().create(writer, owner, key, tree)
        system = getattr(item, "particle_system", None)
        if system is not None:
            made = system.settings
            wanted = writer.resolve(tree.get("s", {}).get("@particle_system", {}).get("p", {}).get("settings"))
            if wanted is not None:
                system.settings = wanted
                bpy.data.particles.remove(made)
        return item


class FModifiers(items.TypedThenNamed):
    def shown(self, full: Tree) -> Tree:
        return _one_of_each(full, frozenset(("CYCLES",)))

    def wanted(self, full: Tree) -> Sequence[str]:
        return sorted(items.in_order(full), key=lambda key: _kind(full[key]) != "CYCLES")

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        return getattr(owner, self.name).new(tree["make"]["type"])


items.TABLE["Object.modifiers"] = Modifiers("modifiers")
items.TABLE["FCurve.modifiers"] = FModifiers("modifiers")
items.TABLE["NlaStrip.modifiers"] = FModifiers("modifiers")
