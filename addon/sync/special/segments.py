# SPDX-License-Identifier: GPL-3.0-or-later
"""Segments of the dash and time modifiers of Grease Pencil, which only operators make, move and remove.

Each modifier comes with one. The operators put a new segment behind the active one, and move the active one by one place.
"""

from __future__ import annotations

from typing import Any

import bpy

from .. import items

Tree = dict[str, Any]


class Segments(items.Items):
    volatile = True

    def __init__(self, module: str, add: str, remove: str, move: str) -> None:
        """The operators, all of one module of bpy.ops."""
        super().__init__("segments")
        self._module = module
        self._add, self._remove, self._move = add, remove, move

    def _run(self, operator: str, owner: Any, **more: Any) -> None:
        call = getattr(getattr(bpy.ops, self._module), operator)
        with bpy.context.temp_override(object=owner.id_data, active_object=owner.id_data):
            call(modifier=owner.name, **more)

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        owner.segment_active_index = max(0, len(owner.segments) - 1)
        self._run(self._add, owner)
        segment = owner.segments[-1]
        self.rename(segment, str(tree.get("name", "")))
        return segment

    def remove(self, writer: Any, owner: Any, item: Any) -> None:
        at = next(i for i, other in enumerate(owner.segments) if other == item)
        # From 4.3 on it is the active one that goes, whatever index is given.
        owner.segment_active_index = at
        self._run(self._remove, owner, index=at)

    def move(self, owner: Any, item: Any, at: int, to: int) -> None:
        owner.segment_active_index = at
        for _ in range(abs(at - to)):
            self._run(self._move, owner, type="UP" if to < at else "DOWN")

    def write(self, writer: Any, owner: Any, patch: Tree, full: Tree, cur: Tree) -> items.Live:
        if len(owner.segments) > len(cur):  # the one that the modifier came with
            cur = self.read(writer.reader, owner, full)
            patch = {**patch, **{key: None for key in cur if key not in full}}
        return super().write(writer, owner, patch, full, cur)


# Before 4.3, and from then on.
items.TABLE["DashGpencilModifierData.segments"] = Segments("gpencil", "segment_add", "segment_remove", "segment_move")
items.TABLE["TimeGpencilModifier.segments"] = Segments(
    "gpencil", "time_segment_add", "time_segment_remove", "time_segment_move"
)
items.TABLE["GreasePencilDashModifierData.segments"] = Segments(
    "object",
    "grease_pencil_dash_modifier_segment_add",
    "grease_pencil_dash_modifier_segment_remove",
    "grease_pencil_dash_modifier_segment_move",
)
items.TABLE["GreasePencilTimeModifier.segments"] = Segments(
    "object",
    "grease_pencil_time_modifier_segment_add",
    "grease_pencil_time_modifier_segment_remove",
    "grease_pencil_time_modifier_segment_move",
)
