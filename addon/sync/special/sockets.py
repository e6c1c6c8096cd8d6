# SPDX-License-Identifier: GPL-3.0-or-later
"""The sockets of nodes: their default values and flags.

Sockets come and go with their node; they are written, never made. A socket is known by its identifier, except where that
is a number that Blender gave to a group's interface or to an item of a node: then by the key of the interface socket or of
the item, which is the same everywhere.
"""

from __future__ import annotations

from typing import Any

from .. import values
from . import nodeitems

Tree = dict[str, Any]


def _group_uid(tree: Any, node: Any) -> int | None:
    """The session_uid of the tree whose interface gave this node its sockets."""
    kind = node.bl_idname
    if kind in ("NodeGroupInput", "NodeGroupOutput"):
        return int(tree.session_uid)
    group = getattr(node, "node_tree", None)
    return int(group.session_uid) if group is not None else None


def key_of(identity: Any, tree: Any, node: Any, socket: Any) -> str:
    uid = _group_uid(tree, node)
    identifier = socket.identifier
    if uid is not None and not identifier.startswith("__"):
        return str(identity.inner_key(uid, "socket", identifier))
    return nodeitems.key_of(identity, node, socket) or values.name_key(identifier)


def find(identity: Any, tree: Any, node: Any, key: str, output: bool) -> Any:
    uid = _group_uid(tree, node)
    identifier = identity.inner_name(uid, "socket", key) if uid is not None else None
    identifier = identifier or values.key_name(key)
    for socket in node.outputs if output else node.inputs:
        if socket.identifier == identifier or nodeitems.key_of(identity, node, socket) == key:
            return socket
    return None


def read(reader: Any, node: Any, old: Tree, out: Tree) -> None:
    tree = node.id_data
    before = old.get("i", {})
    for name in ("inputs", "outputs"):
        found: Tree = {}
        have = before.get(name, {})
        for socket in getattr(node, name):
            if socket.identifier.startswith("__"):
                # The place to drop a link on; all it has is that it may be hidden.
                found[values.name_key(socket.identifier)] = {"type": socket.bl_idname, "p": {"hide": socket.hide}}
                continue
            key = key_of(reader.identity, tree, node, socket)
            entry = reader.read_struct(socket, have.get(key, {}))
            found[key] = {"type": socket.bl_idname, **entry}
        if found:
            out.setdefault("i", {})[name] = found


def write(writer: Any, node: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    """Nothing here: the node tree writes socket values once all nodes are paired (nodes.py)."""


def write_values(writer: Any, tree: Any, node: Any, patch: Tree, full: Tree) -> None:
    changed = patch.get("i") or {}
    for name in ("inputs", "outputs"):
        for key, entry in (changed.get(name) or {}).items():
            if not isinstance(entry, dict):
                continue
            socket = find(writer.identity, tree, node, key, name == "outputs")
            if socket is not None:
                writer.write_struct(socket, entry, full.get("i", {}).get(name, {}).get(key, {}), {})
