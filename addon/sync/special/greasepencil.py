# SPDX-License-Identifier: GPL-3.0-or-later
"""Grease Pencil as it is from Blender 4.3 on: layers in groups, frames, a drawing to each.

Layers and groups are one tree with one order, and so one collection of items. A frame is known by its number: one that
is moved takes its drawing along as a new frame. Drawings are curves in bulk (strokes.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import items, rna
from . import families, mesh, objects, strokes

Tree = dict[str, Any]


class Frames(items.Items):
    ordered = False

    def title(self, item: Any) -> str:
        return ""

    def key_of(self, reader: Any, owner: Any, item: Any) -> str:
        return f"@={item.frame_number}"

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        return owner.frames.new(int(key[2:]))

    def remove(self, writer: Any, owner: Any, item: Any) -> None:
        owner.frames.remove(item.frame_number)

    def rename(self, item: Any, name: str) -> None:
        return

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        if item.drawing is not None and item.drawing.type == "DRAWING":
            where = (owner.name, item.frame_number)
            strokes.read_shape(reader, item.drawing, item.drawing.curve_offsets, old, tree, where)
        return tree

    def write_one(self, writer: Any, owner: Any, item: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        super().write_one(writer, owner, item, patch, full, cur)
        try:
            if item.drawing is not None and strokes.write_shape(writer, item.drawing, patch, full, cur):
                item.drawing.tag_positions_changed()
        except (ValueError, TypeError, RuntimeError) as e:
            writer.refuse(f"frame {item.frame_number}", e)


class Nodes(items.Related):
    """Layers and groups. Python's references to them stay good while others come and go."""

    def list(self, owner: Any) -> list[Any]:
        return list(_walk(owner, None))

    def make_of(self, reader: Any, owner: Any, item: Any) -> Tree:
        return {"node": "LAYER" if _is_layer(item) else "GROUP"}

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        if tree["make"]["node"] == "LAYER":
            return owner.layers.new(tree["name"], set_active=False)
        return owner.layer_groups.new(tree["name"])

    def remove(self, writer: Any, owner: Any, item: Any) -> None:
        if _is_layer(item):
            owner.layers.remove(item)
        else:
            owner.layer_groups.remove(item, keep_children=True)

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        tree["p"]["group"] = self.keys[item.parent_group.name] if item.parent_group else ""
        if _is_layer(item):
            frames = FRAMES.read(reader, item, old.get("i", {}).get("frames", {}))
            if frames:
                tree.setdefault("i", {})["frames"] = frames
        return tree

    def write_one(self, writer: Any, owner: Any, item: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        super().write_one(writer, owner, item, patch, full, cur)
        change = (patch.get("i") or {}).get("frames", {}) if "i" in patch else {}
        before = cur.get("i", {}).get("frames", {})
        if change is None or ("i" in patch and patch["i"] is None):
            change = dict.fromkeys(before)
        if change and _is_layer(item):
            FRAMES.write(writer, item, change, full.get("i", {}).get("frames", {}), before)

    def write(self, writer: Any, owner: Any, patch: Tree, full: Tree, cur: Tree) -> items.Live:
        live = super().write(writer, owner, patch, full, cur)
        _arrange(owner, full, live)
        return live

    def _order(self, writer: Any, owner: Any, full: Tree, live: items.Live) -> None:
        """Afterwards, when all have their names and groups."""


def _is_layer(node: Any) -> bool:
    return "GreasePencilLayer" in rna.plan_of(node).lineage


def _walk(pencil: Any, group: Any) -> Iterator[Any]:
    """The tree from the lowest to the highest, each group before what is in it."""
    inside = [n for n in (*pencil.layers, *pencil.layer_groups) if n.parent_group == group]
    for node in _neighbours(pencil, inside):
        yield node
        if not _is_layer(node):
            yield from _walk(pencil, node)


def _neighbours(pencil: Any, inside: list[Any]) -> Iterator[Any]:
    """In their order. 4.3 shows that of layers only: there a group is where its lowest layer is."""
    if inside and not hasattr(inside[0], "next_node"):
        order = list(pencil.layers)
        yield from sorted(inside, key=lambda n: next((i for i, lay in enumerate(order) if _within(lay, n)), len(order)))
        return
    node = next((n for n in inside if n.prev_node is None), None)
    while node is not None:
        yield node
        node = node.next_node


def _within(node: Any, group: Any) -> bool:
    at = node
    while at is not None and at != group:
        at = at.parent_group
    return at is not None


def _arrange(pencil: Any, full: Tree, live: items.Live) -> None:
    """Every node to its group, and in its order there: moving each to the top, from the lowest on, puts all in order."""
    wanted = [key for key in items.in_order(full) if key in live.index]
    said = {key: full[key].get("p", {}).get("group") for key in wanted}
    nodes = {key: live.item(key) for key in wanted}
    shown = families.without_circles(said, [key for key, node in nodes.items() if not _is_layer(node)])
    groups = {key: nodes.get(group) for key, group in shown.items()}
    if [(n, n.parent_group) for n in _walk(pencil, None)] == [(nodes[key], groups[key]) for key in wanted]:
        return
    movers = {key: pencil.layers if _is_layer(node) else pencil.layer_groups for key, node in nodes.items()}
    stray = [key for key, node in nodes.items() if node.parent_group != groups[key]]
    for key in stray:
        movers[key].move_to_layer_group(nodes[key], None)
    for key in stray:
        if groups[key] is not None:
            movers[key].move_to_layer_group(nodes[key], groups[key])
    for key in wanted:
        movers[key].move_top(nodes[key])


FRAMES = Frames("frames")
NODES = Nodes("nodes")


def read(reader: Any, pencil: Any, old: Tree, out: Tree) -> None:
    objects.slots.read(reader, pencil, old, out)
    nodes = NODES.read(reader, pencil, old.get("i", {}).get("nodes", {}))
    if nodes:
        out.setdefault("i", {})["nodes"] = nodes
    attributes = mesh.read_attributes(reader, pencil, old.get("a", {}))
    if attributes:
        out["a"] = attributes


def write(writer: Any, pencil: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    objects.slots.write(writer, pencil, patch, full, cur)
    change = (patch.get("i") or {}).get("nodes", {}) if "i" in patch else {}
    before = cur.get("i", {}).get("nodes", {})
    if change is None or ("i" in patch and patch["i"] is None):
        change = dict.fromkeys(before)
    if change:
        NODES.write(writer, pencil, change, full.get("i", {}).get("nodes", {}), before)
    if patch.get("a"):
        mesh.write_attributes(writer, pencil, patch["a"], full.get("a", {}))
