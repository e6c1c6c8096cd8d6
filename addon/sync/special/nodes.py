# SPDX-License-Identifier: GPL-3.0-or-later
"""Node trees: interface, nodes, links.

Written in that order, since sockets come with the interface and the nodes, and links with the sockets. Nodes have unique
names; interface sockets are numbered by Blender and known by a key of the side table (identity.py); a link is what it
connects, in terms of the keys of nodes and sockets.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any

import bpy

from .. import items
from . import families, nodeitems, sockets

Tree = dict[str, Any]

# A fresh interface hands out ascending numbers, so the sender's can be had by making and removing. Further away than this
# it is not worth it: the keys make up for different numbers.
BUMP_MAX = 256


class Interface(items.Items):
    def list(self, owner: Any) -> list[Any]:
        return list(owner.interface.items_tree)

    def type_of(self, item: Any) -> str:
        """From 5.2 on a socket's class follows its subtype, but not in what a file holds. A change of class would make it anew."""
        if item.item_type == "SOCKET":
            plain = f"NodeTreeInterface{_socket_type(item).removeprefix('Node')}"
            if hasattr(bpy.types, plain):
                return plain
        return super().type_of(item)

    def key_of(self, reader: Any, owner: Any, item: Any) -> str | None:
        if item.item_type == "SOCKET":
            return reader.identity.inner_key(owner.session_uid, "socket", item.identifier)
        return None

    def make_of(self, reader: Any, owner: Any, item: Any) -> Tree:
        if item.item_type == "PANEL":
            return {"item": "PANEL"}
        return {"item": "SOCKET", "in_out": item.in_out, "socket": _socket_type(item)}

    def __init__(self) -> None:
        super().__init__("interface")
        self._keys: list[str] = []

    def known(self, owner: Any, found: list[Any], keys: list[str]) -> None:
        self._keys = keys

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        tree["p"].pop("socket_type", None)
        parent = item.parent
        tree["p"]["panel"] = self._keys[parent.index] if parent is not None and parent.index >= 0 else ""
        identifier = _identifier(item)
        if identifier:
            tree["id"] = identifier
        return tree

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        interface = owner.interface
        item = self._new(interface, tree, tree["make"])
        for _ in range(BUMP_MAX):
            if not _is_before(_identifier(item), tree.get("id", "")):
                break
            interface.remove(item)
            item = self._new(interface, tree, tree["make"])
        if item.item_type == "SOCKET":
            writer.identity.bind_inner(owner.session_uid, "socket", item.identifier, key)
        return item

    @staticmethod
    def _new(interface: Any, tree: Tree, make: Tree) -> Any:
        if make["item"] == "PANEL":
            return interface.new_panel(tree["name"])
        return interface.new_socket(tree["name"], in_out=make["in_out"], socket_type=make["socket"])

    def remove(self, writer: Any, owner: Any, item: Any) -> None:
        owner.interface.remove(item)

    def _create_all(self, writer: Any, owner: Any, patch: Tree, full: Tree, live: items.Live) -> None:
        """In the order of the sender's numbers, so that a fresh tree gets the same ones."""
        ordered = sorted(patch, key=lambda k: _number((full.get(k) or {}).get("id", "")))
        for key in ordered:
            super()._create_all(writer, owner, {key: patch[key]}, full, live)

    def _order(self, writer: Any, owner: Any, full: Tree, live: items.Live) -> None:
        """Moving each to the end of the interface, and from there to that of its panel, in order, puts all in order."""
        interface = owner.interface
        found = {key: live.item(key) for key in live.keys}
        wanted = sorted(found, key=lambda k: (full.get(k, {}).get("pos", "~"), k))
        now = list(live.keys)
        said = {k: (full.get(k, {}).get("p") or {}).get("panel", "") for k in wanted}
        shown = families.without_circles(said, [key for key, item in found.items() if item.item_type == "PANEL"])
        panels = {key: found.get(panel) for key, panel in shown.items()}
        here = {key: item.parent if item.parent.index >= 0 else None for key, item in found.items()}
        if wanted == now and here == panels:
            return
        outermost = next((item.parent for item in found.values() if item.parent.index < 0), None)
        for key in wanted:
            interface.move_to_parent(found[key], outermost, len(found))
        for key in wanted:
            if panels[key] is not None:
                interface.move_to_parent(found[key], panels[key], len(found))
        live.look_again()


def _socket_type(item: Any) -> str:
    return str(getattr(item, "socket_type", "") or item.bl_socket_idname)


def _identifier(item: Any) -> str:
    """What Blender calls a socket or, from 4.3 on, a panel: both are numbered in one row."""
    if item.item_type == "SOCKET":
        return str(item.identifier)
    number = getattr(item, "persistent_uid", None)
    return "" if number is None else f"Panel_{number}"


def _number(identifier: str) -> int:
    found = re.search(r"(\d+)$", identifier)
    return int(found.group(1)) if found else -1


def _is_before(have: str, wanted: str) -> bool:
    return (
        have != wanted and have.rstrip("0123456789") == wanted.rstrip("0123456789") and _number(have) < _number(wanted)
    )


class Nodes(items.Items):
    movable = False
    unique_names = True

    def known(self, owner: Any, found: list[Any], keys: list[str]) -> None:
        LINKS.node_keys = nodeitems.node_keys = {node.name: key for node, key in zip(found, keys, strict=True)}

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        if item.parent is not None:
            tree["p"]["parent"] = LINKS.node_keys.get(item.parent.name, "")
        pair = getattr(item, "paired_output", None)
        if pair is not None:
            tree["p"]["paired_output"] = LINKS.node_keys.get(pair.name, "")
        return tree

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        node = owner.nodes.new(tree["type"])
        node.name = tree["name"]
        return node

    def _rename_all(self, patch: Tree, full: Tree, live: items.Live) -> None:
        """Now all are there, under their names. Those of a zone find each other before its items are written, whose sockets
        stand on both."""
        super()._rename_all(patch, full, live)
        nodeitems.node_keys = {live.item(key).name: key for key in live.keys}
        _write_pairs(patch, full, {key: live.item(key) for key in live.keys})


def end_of(identity: Any, tree: Any, end: list[str], entries: Tree, output: bool) -> Any:
    """The socket that a link's end names, if it is here. `entries` are the nodes as they were read."""
    nodeitems.node_keys = {node.name: key for key, node in zip(entries, tree.nodes, strict=False)}
    at = list(entries).index(end[0]) if end[0] in entries else -1
    return sockets.find(identity, tree, tree.nodes[at], end[1], output) if at >= 0 else None


class Links(items.Items):
    movable = False

    def __init__(self) -> None:
        super().__init__("links")
        self.node_keys: dict[str, str] = {}
        self.nodes: dict[str, Any] = {}

    def title(self, item: Any) -> str:
        return ""

    def make_of(self, reader: Any, owner: Any, item: Any) -> Tree:
        def end(node: Any, socket: Any) -> list[str]:
            return [self.node_keys.get(node.name, ""), sockets.key_of(reader.identity, owner, node, socket)]

        return {"from": end(item.from_node, item.from_socket), "to": end(item.to_node, item.to_socket)}

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        if item.to_socket.is_multi_input:
            # Which of the links into one socket comes first decides what is joined in which order.
            tree["p"]["order"] = item.multi_input_sort_id
        return tree

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        ends = []
        for side, output in (("from", True), ("to", False)):
            node_key, socket_key = tree["make"][side]
            node = self.nodes.get(node_key)
            socket = sockets.find(writer.identity, owner, node, socket_key, output) if node is not None else None
            if socket is None:
                raise RuntimeError(f"the socket that it comes {side} is not here")
            ends.append(socket)
        return owner.links.new(ends[1], ends[0], verify_limits=False)


INTERFACE = Interface()
NODES = Nodes("nodes")
LINKS = Links()


def read(reader: Any, tree: Any, old: Tree, out: Tree) -> None:
    before = old.get("i", {})
    i = out.setdefault("i", {})
    if len(tree.interface.items_tree):
        i["interface"] = INTERFACE.read(reader, tree, before.get("interface", {}))
    i["nodes"] = NODES.read(reader, tree, before.get("nodes", {}))
    i["links"] = LINKS.read(reader, tree, before.get("links", {}))


def write(writer: Any, tree: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    change = patch.get("i") or {}
    if not change:
        return
    full_i, cur_i = full.get("i", {}), cur.get("i", {})
    if "interface" in change:
        have = cur_i.get("interface", {})
        INTERFACE.write(writer, tree, change["interface"] or dict.fromkeys(have), full_i.get("interface", {}), have)
    have = cur_i.get("nodes", {})
    wanted = full_i.get("nodes", {})
    changed = change.get("nodes") or {}
    live = NODES.write(writer, tree, changed, wanted, have)
    found = {key: live.item(key) for key in live.keys}
    _choose_outputs(wanted, found)
    if changed:
        _write_frames(changed, wanted, found)
    # Sockets of zones appear with their items, and pairing adds some: their values are set last.
    for key, entry in changed.items():
        if key in found and isinstance(entry, dict) and key in wanted:
            nodeitems.bind_all(writer.identity, found[key], wanted[key])
    for key, entry in changed.items():
        if key in found and isinstance(entry, dict) and key in wanted:
            sockets.write_values(writer, tree, found[key], entry if key in have else wanted[key], wanted[key])
    if "links" in change:
        LINKS.nodes = found
        have_links = cur_i.get("links", {})
        wanted_links = full_i.get("links", {})
        live_links = LINKS.write(
            writer,
            tree,
            _links_missing(writer, tree, change["links"], wanted_links, have_links),
            wanted_links,
            _links_here(writer, tree, have_links),
        )
        _order_links(live_links, wanted_links)


def _order_links(live: items.Live, wanted: Tree) -> None:
    """Brings the links into each socket that takes many into their order, by swapping."""
    sockets_of: dict[int, list[str]] = {}
    for key in live.keys:
        link = live.item(key)
        if key in wanted and link.to_socket.is_multi_input:
            sockets_of.setdefault(link.to_socket.as_pointer(), []).append(key)
    for keys in sockets_of.values():
        ranks = sorted(live.item(k).multi_input_sort_id for k in keys)
        ordered = sorted(keys, key=lambda k: (wanted[k].get("p", {}).get("order", 0), k))
        for key, rank in zip(ordered, ranks, strict=True):
            link = live.item(key)
            if link.multi_input_sort_id != rank:
                other = next(live.item(k) for k in keys if live.item(k).multi_input_sort_id == rank)
                link.swap_multi_input_sort_id(other)


def _links_here(writer: Any, tree: Any, have: Tree) -> Tree:
    """The links as they are now: those of removed nodes and sockets have gone with them."""
    LINKS.node_keys = {node.name: key for key, node in LINKS.nodes.items()}
    now: Tree = LINKS.read(writer.reader, tree, have)
    return now


def _links_missing(writer: Any, tree: Any, change: Any, full: Tree, have: Tree) -> Tree:
    """All links that should be there and are not, besides what changed: a removed socket may be back."""
    out = dict(change or dict.fromkeys(have))
    here = _links_here(writer, tree, have)
    for key in here:
        if key not in full:
            out[key] = None
    for key, entry in full.items():
        if key not in here:
            out[key] = entry
    # A group node whose group is not here, or would close a circle (circles.py), has no sockets.
    closed = {key for key, node in LINKS.nodes.items() if getattr(node, "node_tree", node) is None}
    waiting = links_at(closed, full)
    return {key: change for key, change in out.items() if change is None or key not in waiting}


def links_at(nodes: Container[str], links: Tree) -> set[str]:
    """The links that begin or end at some nodes."""
    return {key for key, entry in links.items() if any(end in nodes for end in _ends(entry))}


def _ends(link: Any) -> list[str]:
    """The nodes of a link, as far as it is one."""
    make = link.get("make") if isinstance(link, dict) else None
    ends = [make.get(side) for side in ("from", "to")] if isinstance(make, dict) else []
    return [end[0] for end in ends if isinstance(end, list) and end and isinstance(end[0], str)]


def complete(patch: Tree, room: Tree, tree: Tree) -> None:
    """Whoever removes a node, or gives it another group, takes away also those of its links that the room has and no Blender shows."""
    inner = [t.get("s") or {} for t in (patch, room, tree)]
    if all(isinstance(t.get("@node_tree"), dict) for t in inner):
        complete(*(t["@node_tree"] for t in inner))
    i, there, here = (t.get("i") or {} for t in (patch, room, tree))
    nodes, links = i.get("nodes") or {}, i.get("links", {})
    left = {key for key, node in nodes.items() if node is None or "node_tree" in (node.get("p") or {})}
    if not left or links is None:
        return
    gone = {key: None for key in links_at(left, there.get("links") or {}) if key not in (here.get("links") or {})}
    if gone:
        i["links"] = {**links, **gone}


def _choose_outputs(wanted: Tree, found: dict[str, Any]) -> None:
    """Of all outputs of a kind Blender lets one be active: the last that was set in this Blender. Where the room has several, as two
    people chose at once, it is the first by position, for all."""
    active: dict[str, list[str]] = {}
    for key, entry in wanted.items():
        if key in found and (entry.get("p") or {}).get("is_active_output"):
            active.setdefault(entry["type"], []).append(key)
    for keys in active.values():
        node = found[min(keys, key=lambda k: (wanted[k].get("pos", ""), k))]
        if len(keys) > 1 and not node.is_active_output:
            node.is_active_output = True


def _write_frames(changed: Tree, wanted: Tree, found: dict[str, Any]) -> None:
    """Positions are relative to the frame: set after it."""
    here = {key: wanted[key].get("p", {}) for key in found if key in wanted}
    said = {key: p.get("parent") for key, p in here.items()}
    shown = families.without_circles(said, [key for key in here if found[key].type == "FRAME"])
    frames = {key: found.get(frame) for key, frame in shown.items()}
    stray = [key for key, frame in frames.items() if found[key].parent != frame]
    for key in stray:
        found[key].parent = None
    for key in stray:
        found[key].parent = frames[key]
    for key in {*stray, *changed} & here.keys():
        node, place = found[key], here[key].get("location")
        if place is not None and list(node.location) != place:
            node.location = place


def _write_pairs(changed: Tree, wanted: Tree, found: dict[str, Any]) -> None:
    for key in changed:
        node = found.get(key)
        partner = found.get((wanted.get(key, {}).get("p") or {}).get("paired_output", "")) if key in wanted else None
        if node is None or partner is None or not hasattr(node, "pair_with_output"):
            continue
        if node.paired_output != partner:
            node.pair_with_output(partner)


def drop_idle_sockets(block: Any) -> bool:
    """When a group is removed, Blender leaves the sockets of its nodes until each tree is next changed; whether there were any.

    Until then everybody would show the sockets of another moment, with links that lead to nothing.
    """
    tree = block if isinstance(block, bpy.types.NodeTree) else getattr(block, "node_tree", None)
    dropped = False
    for node in tree.nodes if tree is not None else ():
        if getattr(node, "node_tree", block) is None and (len(node.inputs) or len(node.outputs)):
            node.node_tree = None
            dropped = True
    return dropped
