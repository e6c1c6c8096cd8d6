# SPDX-License-Identifier: GPL-3.0-or-later
"""Shape keys: a datablock of their own that only an object of its owner can make.

The key blocks are items, the first being the basis; their coordinates are one array each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np

from .. import items

Tree = dict[str, Any]


class Blocks(items.Items):
    movable = False

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        with _object_of(writer, owner.user) as ob:
            return ob.shape_key_add(name=tree["name"], from_mix=False)

    def remove(self, writer: Any, owner: Any, item: Any) -> None:
        with _object_of(writer, owner.user) as ob:
            ob.shape_key_remove(item)

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        data = getattr(owner.user, "is_editmode", False)
        if data and "co" in old.get("p", {}):
            tree["p"]["co"] = old["p"]["co"]
        elif _has_plain_points(item):
            points = np.empty(len(item.data) * 3, dtype=np.float32)
            item.data.foreach_get("co", points)
            tree["p"]["co"] = reader.blobs.put(points.reshape(-1, 3), (reader.doc, "co", item.name))
        if item.relative_key is not None:
            tree["p"]["relative_to"] = item.relative_key.name
        return tree

    def write_one(self, writer: Any, owner: Any, item: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        super().write_one(writer, owner, item, patch, full, cur)
        p = patch.get("p") or {}
        if "co" in p and _has_plain_points(item):
            points = writer.blobs.get(full["p"]["co"], "float32")
            if len(points) == 3 * len(item.data):
                item.data.foreach_set("co", points)
            else:
                writer.refuse(f"shape key {item.name}", "its points are not those of the mesh")


BLOCKS = Blocks("key_blocks")


def _has_plain_points(item: Any) -> bool:
    """Curves' shape keys hold handles and tilts in mixed types."""
    return len(item.data) > 0 and type(item.data[0]).__name__ == "ShapeKeyPoint"


@contextmanager
def _object_of(writer: Any, owner: Any) -> Iterator[Any]:
    ob = writer.reader.user_of(owner)
    if ob is not None:
        yield ob
        return
    ob = bpy.data.objects.new("atrium shape keys", owner)
    try:
        yield ob
    finally:
        bpy.data.objects.remove(ob)


def create(writer: Any, tree: Tree) -> Any:
    """The key datablock, with the basis as its first block."""
    owner = writer.resolve((tree.get("make") or {}).get("user"))
    blocks = sorted(tree.get("i", {}).get("key_blocks", {}).values(), key=lambda b: b.get("pos", ""))
    if owner.shape_keys is None:
        with _object_of(writer, owner) as ob:
            ob.shape_key_add(name=blocks[0]["name"] if blocks else "Basis", from_mix=False)
    return owner.shape_keys


def remove(key: Any) -> None:
    owner = key.user
    if owner is None:
        return
    ob = next((o for o in bpy.data.objects if o.data == owner), None)
    temporary = ob is None
    if ob is None:
        ob = bpy.data.objects.new("atrium shape keys", owner)
    ob.shape_key_clear()
    if temporary:
        bpy.data.objects.remove(ob)


def read(reader: Any, key: Any, old: Tree, out: Tree) -> None:
    out.setdefault("i", {})["key_blocks"] = BLOCKS.read(reader, key, old.get("i", {}).get("key_blocks", {}))


def write(writer: Any, key: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    change = (patch.get("i") or {}).get("key_blocks")
    if not change:
        return
    wanted = full.get("i", {}).get("key_blocks", {})
    BLOCKS.write(writer, key, change, wanted, cur.get("i", {}).get("key_blocks", {}))
    for item in wanted.values():
        name = item.get("p", {}).get("relative_to")
        block, target = key.key_blocks.get(item["name"]), key.key_blocks.get(name or "")
        if block is not None and target is not None and block.relative_key != target:
            block.relative_key = target
