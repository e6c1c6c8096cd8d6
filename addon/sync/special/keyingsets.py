# SPDX-License-Identifier: GPL-3.0-or-later
"""Keying sets of a scene: named lists of what is keyed together. Their paths have no identity: one value."""

from __future__ import annotations

from typing import Any

import bpy

from .. import items, values

Tree = dict[str, Any]

_PLAIN = ("data_path", "array_index", "use_entire_array", "group_method", "group")


class KeyingSets(items.Items):
    """Blender has a call to make one and none to remove it but an operator on the active one."""

    movable = False

    def title(self, item: Any) -> str:
        return str(item.bl_label)

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        return owner.keying_sets.new(idname=tree.get("p", {}).get("idname", ""), name=tree["name"])

    def remove(self, writer: Any, owner: Any, item: Any) -> None:
        sets = owner.keying_sets
        before = sets.active
        sets.active = item
        with bpy.context.temp_override(scene=owner):
            bpy.ops.anim.keying_set_remove()
        if before is not None and before != item:
            sets.active = before

    def rename(self, item: Any, name: str) -> None:
        if item.bl_label != name:
            item.bl_label = name

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        tree["p"]["idname"] = item.bl_idname
        tree["p"]["paths"] = [
            [reader.identity.reference(path.id) or values.NONE_VALUE, *(getattr(path, name) for name in _PLAIN)]
            for path in item.paths
        ]
        return tree

    def write_one(self, writer: Any, owner: Any, item: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        super().write_one(writer, owner, item, patch, full, cur)
        if "paths" not in (patch.get("p") or {}):
            return
        item.paths.clear()
        for target, data_path, index, entire, method, group in full["p"]["paths"]:
            block = writer.resolve(target)
            if block is None:
                continue
            # An index of -1 stands for the whole array.
            path = item.paths.add(
                block, data_path, index=-1 if entire else index, group_method=method, group_name=group
            )
            if path is not None and path.array_index != index:
                path.array_index = index


items.TABLE["Scene.keying_sets"] = KeyingSets("keying_sets")
