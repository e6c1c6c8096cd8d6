# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes whose sockets come from items of their own: zones, switches, bakes, bundles, file outputs ...

Which collections those are is found by introspection (handlers.py), and so is what makes an item. Many such nodes begin
with some.

Blender numbers the items of a node; their sockets are called by that number, on both nodes of a zone. What two people add
at once gets one number in both Blenders. So, as with the sockets of a group's interface (nodes.py), an item is known by a
key that whoever meets its number first mints, and its sockets are known by that key. A new item gets the sender's number
where it can be had.
"""

from __future__ import annotations

import re
from typing import Any

from .. import handlers, items, rna

Tree = dict[str, Any]

# Numbers ascend, so a later one can be had by making and removing. Further away it is not worth it.
BUMP_MAX = 256

_OWN = re.compile(r"(Item|Input|Main|Generation|Field|Grid)_\d+$|(Value|Attribute)(_\d+)?$")
# The same item's other socket.
_SAME = {"Attribute": "Value", "Grid": "Field"}
# What Blender calls the sockets of these; of others "Item_" and the number.
_PREFIXES = {"capture_items": "Value", "grid_items": "Field", "main_items": "Main", "generation_items": "Generation"}
# Capture Attribute and its like show what they hold, and are made by the kind of socket.
_SOCKET_OF_DATA = {
    "FLOAT_VECTOR": "VECTOR",
    "FLOAT2": "VECTOR",
    "FLOAT_COLOR": "RGBA",
    "BYTE_COLOR": "RGBA",
    "QUATERNION": "ROTATION",
    "FLOAT4X4": "MATRIX",
    "INT8": "INT",
}

# The keys of the nodes of the tree at hand, by name.
node_keys: dict[str, str] = {}
_with_items: dict[str, bool] = {}


def has_items(node: Any) -> bool:
    kind = node.bl_rna.identifier
    if kind not in _with_items:
        plan = rna.plan_of(node)
        _with_items[kind] = any(isinstance(handlers.handler(plan, name), NodeItems) for name in plan.collections)
    return _with_items[kind]


def key_of(identity: Any, node: Any, socket: Any) -> str | None:
    """The key of the item that a socket comes from; minted on first sight. None if it comes from none."""
    owner = node.paired_output if hasattr(node, "paired_output") else node
    if owner is None or owner.name not in node_keys or not has_items(owner):
        return None
    name = socket.identifier
    if owner.bl_rna.identifier not in ("CompositorNodeOutputFile", "GeometryNodeViewer") and not _OWN.match(name):
        return None
    return str(identity.inner_key(*_place(owner, node, socket.is_output), _canonical(name)))


def _place(owner: Any, node: Any, output: bool) -> tuple[Any, str]:
    """Where a number counts. The inputs and the results of a closure are numbered apart."""
    kind = "item"
    if "Closure" in owner.bl_rna.identifier:
        inner = output if owner == node else not output
        kind = "result" if inner == ("Evaluate" in owner.bl_rna.identifier) else "item"
    return (owner.id_data.session_uid, node_keys[owner.name]), kind


def _canonical(identifier: str) -> str:
    prefix, line, number = identifier.partition("_")
    return _SAME.get(prefix, prefix) + line + number


def _number(identifier: str) -> int:
    found = re.search(r"_(\d+)$", identifier)
    return int(found.group(1)) if found else 0


class NodeItems(handlers.Made):
    unique_names = True

    # The sockets

    def _sockets(self, node: Any) -> list[Any]:
        """A socket of each item, in their order; none while it cannot be told."""
        kind, side, at = node.bl_rna.identifier, "inputs", node
        prefix = _PREFIXES.get(self.name, "Item")
        if "Separate" in kind or ("Evaluate" in kind and self.name == "output_items"):
            side = "outputs"
        elif self.name == "input_items" and "Evaluate" not in kind:
            at = next((n for n in node.id_data.nodes if getattr(n, "paired_output", None) == node), None)
            side, prefix = ("outputs", "Item") if "Closure" in kind else ("inputs", "Input")
        found = [s for s in getattr(at, side, ()) if not s.identifier.startswith("__")]
        if kind not in ("CompositorNodeOutputFile", "GeometryNodeViewer"):
            found = [s for s in found if s.identifier.partition("_")[0] == prefix and _OWN.match(s.identifier)]
        return found if len(found) == len(self.list(node)) else []

    def _names(self, node: Any) -> list[str]:
        return [_canonical(s.identifier) for s in self._sockets(node)]

    def _place(self, node: Any) -> tuple[Any, str]:
        """Closures alone have two such collections with one row of numbers each."""
        results = self.name == "output_items"
        return (node.id_data.session_uid, node_keys[node.name]), "result" if results else "item"

    def bind(self, identity: Any, node: Any, keys: list[str]) -> None:
        names = self._names(node)
        if node.name in node_keys and len(names) == len(keys):
            for name, key in zip(names, keys, strict=True):
                identity.bind_inner(*self._place(node), name, key)

    # Reading

    def key_of(self, reader: Any, owner: Any, item: Any) -> str | None:
        names = self._names(owner)
        if not names or owner.name not in node_keys:
            return None
        return str(reader.identity.inner_key(*self._place(owner), names[self.list(owner).index(item)]))

    def read(self, reader: Any, owner: Any, old: Tree) -> Tree:
        out = super().read(reader, owner, old)
        self.bind(reader.identity, owner, list(out))
        return out

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        names = self._names(owner)
        if names:
            tree["id"] = names[self.list(owner).index(item)]
        return tree

    def make_of(self, reader: Any, owner: Any, item: Any) -> Tree | None:
        return {"socket": item.socket_type} if hasattr(item, "socket_type") else None

    def shown_names(self, entries: Tree) -> dict[str, str]:
        """Those of an index switch have none."""
        named = any(entry.get("name") for entry in entries.values() if isinstance(entry, dict))
        return super().shown_names(entries) if named else dict.fromkeys(entries, "")

    # Writing

    def adopt(self, writer: Any, owner: Any, full: Tree) -> Tree:
        """What has the number of one that is to be there becomes that one."""
        names = self._names(owner)
        known = {entry.get("id"): key for key, entry in full.items()}
        for name in names:
            if name in known and owner.name in node_keys:
                writer.identity.bind_inner(*self._place(owner), name, known[name])
        return super().adopt(writer, owner, full)

    def _create_all(self, writer: Any, owner: Any, patch: Tree, full: Tree, live: items.Live) -> None:
        """In the order of the sender's numbers."""
        for key in sorted(patch, key=lambda k: (_number((full.get(k) or {}).get("id", "")), k)):
            super()._create_all(writer, owner, {key: patch[key]}, full, live)

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        item = self._new(owner, tree)
        for _ in range(BUMP_MAX):
            names, wanted = self._names(owner), tree.get("id")
            if not names or not wanted or _number(names[-1]) >= _number(wanted):
                break
            self.remove(writer, owner, item)
            item = self._new(owner, tree)
        names = self._names(owner)
        if names and owner.name in node_keys:
            writer.identity.bind_inner(*self._place(owner), names[-1], key)
        return item

    def _new(self, owner: Any, tree: Tree) -> Any:
        kind = (tree.get("make") or {}).get("socket")
        if kind is None:
            data = (tree.get("p") or {}).get("data_type", "FLOAT")
            kind = _SOCKET_OF_DATA.get(data, data)
        given = {"socket_type": kind, "name": tree.get("name", "")}
        return getattr(owner, self.name).new(*(given[name] for name in self._asked))


class FileSlots(NodeItems):
    """Of a file output, up to 4.5. Paths and layers are two views of its sockets."""

    def title(self, item: Any) -> str:
        return ""

    def rename(self, item: Any, name: str) -> None:
        return

    def _at(self, owner: Any, item: Any) -> int:
        return int(self.list(owner).index(item))

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        tree["p"]["layer"] = owner.layer_slots[self._at(owner, item)].name
        return tree

    def write_one(self, writer: Any, owner: Any, item: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        super().write_one(writer, owner, item, patch, full, cur)
        layer = (patch.get("p") or {}).get("layer")
        if layer:
            owner.layer_slots[self._at(owner, item)].name = layer

    def _new(self, owner: Any, tree: Tree) -> Any:
        """Its first name is what the socket is called for good."""
        owner.file_slots.new(tree.get("id") or "Image")
        return owner.file_slots[-1]

    def remove(self, writer: Any, owner: Any, item: Any) -> None:
        owner.file_slots.remove(owner.inputs[self._at(owner, item)])


items.TABLE["CompositorNodeOutputFile.file_slots"] = FileSlots("file_slots", ["name"])
handlers.MADE["Node"] = NodeItems


def bind_all(identity: Any, node: Any, wanted: Tree) -> None:
    """The items of a node that was just written and stands beside the other of its zone."""
    plan = rna.plan_of(node)
    for name in plan.collections if has_items(node) else ():
        handler = handlers.handler(plan, name)
        entries = wanted.get("i", {}).get(name, {})
        if isinstance(handler, NodeItems):
            handler.bind(identity, node, sorted(entries, key=lambda k: (entries[k].get("pos", ""), k)))
