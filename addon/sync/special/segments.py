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

    def __init__(self, module: str, prefix: str) -> None:
        super().__init__("segments")
        self._module = module
        self._prefix = prefix

    def _run(self, owner: Any, what: str, **more: Any) -> None:
        call = getattr(getattr(bpy.ops, self._module), f"{self._prefix}segment_{what}")
        with bpy.context.temp_override(object=owner.id_data, active_object=owner.id_data):
            call(modifier=owner.name, **more)

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        owner.segment_active_index = max(0, len(owner.segments) - 1)
        self._run(owner, "add")
        segment = owner.segments[-1]
        self.rename(segment, str(tree.get("name", "")))
        return segment

    def remove(self, writer: Any, owner: Any, item: Any) -> None:
        at = next(i for i, other in enumerate(owner.segments) if other == item)
        # From 4.3 on it is the active one that goes, whatever index is given.
        owner.segment_active_index = at
        self._run(owner, "remove", index=at)

    def move(self, owner: Any, item: Any, at: int, to: int) -> None:
        owner.segment_active_index = at
        for _ in range(abs(at - to)):
            self._run(owner, "move", type="UP" if to < at else "DOWN")

    def write(self, writer: Any, owner: Any, patch: Tree, full: Tree, cur: Tree) -> items.Live:
        if len(owner.segments) > len(cur):  # the one that the modifier came with
            cur = self.read(writer.reader, owner, full)
            patch = {**patch, **{key: None for key in cur if key not in full}}
        return super().write(writer, owner, patch, full, cur)


items.TABLE["DashGpencilModifierData.segments"] = Segments("gpencil", "")
items.TABLE["TimeGpencilModifier.segments"] = Segments("gpencil", "time_")
items.TABLE["GreasePencilDashModifierData.segments"] = Segments("object", "grease_pencil_dash_modifier_")
items.TABLE["GreasePencilTimeModifier.segments"] = Segments("object", "grease_pencil_time_modifier_")
