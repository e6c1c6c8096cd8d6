# SPDX-License-Identifier: GPL-3.0-or-later
"""Segments of the dash and time modifiers of Grease Pencil, which only operators make, move and remove.

Each modifier comes with one. The operators put a new segment behind the active one, and move the active one by one place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from .. import items

Tree = dict[str, Any]
ADD, REMOVE, MOVE = range(3)


class Segments(items.Items):
    volatile = True

    def __init__(self, operators: Callable[[], tuple[Any, Any, Any]]) -> None:
        """Those that add, remove and move; asked for when they are needed, as not every Blender has all of them."""
        super().__init__("segments")
        self._operators = operators

    def _run(self, operator: int, owner: Any, **more: Any) -> None:
        call = self._operators()[operator]
        with bpy.context.temp_override(object=owner.id_data, active_object=owner.id_data):
            call(modifier=owner.name, **more)

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        owner.segment_active_index = max(0, len(owner.segments) - 1)
        self._run(ADD, owner)
        segment = owner.segments[-1]
        self.rename(segment, str(tree.get("name", "")))
        return segment

    def remove(self, writer: Any, owner: Any, item: Any) -> None:
        at = next(i for i, other in enumerate(owner.segments) if other == item)
        # From 4.3 on it is the active one that goes, whatever index is given.
        owner.segment_active_index = at
        self._run(REMOVE, owner, index=at)

    def move(self, owner: Any, item: Any, at: int, to: int) -> None:
        owner.segment_active_index = at
        for _ in range(abs(at - to)):
            self._run(MOVE, owner, type="UP" if to < at else "DOWN")

    def write(self, writer: Any, owner: Any, patch: Tree, full: Tree, cur: Tree) -> items.Live:
        if len(owner.segments) > len(cur):  # the one that the modifier came with
            cur = self.read(writer.reader, owner, full)
            patch = {**patch, **{key: None for key in cur if key not in full}}
        return super().write(writer, owner, patch, full, cur)


def _dash_before_4_3() -> tuple[Any, Any, Any]:
    ops = bpy.ops.gpencil
    return ops.segment_add, ops.segment_remove, ops.segment_move


def _time_before_4_3() -> tuple[Any, Any, Any]:
    ops = bpy.ops.gpencil
    return ops.time_segment_add, ops.time_segment_remove, ops.time_segment_move


def _dash() -> tuple[Any, Any, Any]:
    ops = bpy.ops.object
    return (
        ops.grease_pencil_dash_modifier_segment_add,
        ops.grease_pencil_dash_modifier_segment_remove,
        ops.grease_pencil_dash_modifier_segment_move,
    )


def _time() -> tuple[Any, Any, Any]:
    ops = bpy.ops.object
    return (
        ops.grease_pencil_time_modifier_segment_add,
        ops.grease_pencil_time_modifier_segment_remove,
        ops.grease_pencil_time_modifier_segment_move,
    )


items.TABLE["DashGpencilModifierData.segments"] = Segments(_dash_before_4_3)
items.TABLE["TimeGpencilModifier.segments"] = Segments(_time_before_4_3)
items.TABLE["GreasePencilDashModifierData.segments"] = Segments(_dash)
items.TABLE["GreasePencilTimeModifier.segments"] = Segments(_time)
