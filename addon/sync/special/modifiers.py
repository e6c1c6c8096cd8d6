# SPDX-License-Identifier: GPL-3.0-or-later
"""Geometry nodes modifiers: their inputs.

Up to 5.1 the inputs are custom properties named after the sockets' identifiers ("Socket_2", "Socket_2_use_attribute"),
which each Blender numbers by itself. In a document they carry the key of the group's socket instead, behind "@:" instead
of the "@=" of names. From 5.2 on they are structs, items of `inputs` and `outputs` under the same keys.
"""

from __future__ import annotations

from typing import Any

from .. import customprops, values

Tree = dict[str, Any]

_SUFFIXES = ("_use_attribute", "_attribute_name")


def _split(name: str) -> tuple[str, str]:
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return name[: -len(suffix)], suffix
    return name, ""


def _identifiers(group: Any) -> set[str]:
    return {i.identifier for i in group.interface.items_tree if i.item_type == "SOCKET"}


def _live_sides(modifier: Any) -> dict[str, dict[str, Any]]:
    """From 5.2 on the inputs and outputs are structs, made anew with each change of the group: by identifier."""
    sides = {}
    for side in ("inputs", "outputs"):
        struct = getattr(modifier.properties, side)
        names = [p.identifier for p in struct.bl_rna.properties if p.type == "POINTER" and p.identifier != "rna_type"]
        sides[side] = {name: getattr(struct, name) for name in names}
    return sides


def _read_sides(reader: Any, modifier: Any, uid: int, old: Tree, out: Tree) -> None:
    for side, structs in _live_sides(modifier).items():
        before = old.get("i", {}).get(side, {})
        found: Tree = {}
        for name, struct in structs.items():
            key = "@:" + reader.identity.inner_key(uid, "socket", name)[1:]
            found[key] = {"type": "NodesModifierSocket", **reader.read_struct(struct, before.get(key, {}))}
        if found:
            out.setdefault("i", {})[side] = found


def _write_sides(writer: Any, modifier: Any, uid: int, patch: Tree, full: Tree) -> None:
    change, room = patch.get("i") or {}, full.get("i", {})
    for side, structs in _live_sides(modifier).items():
        for key, entry in (change.get(side) or {}).items():
            name = writer.identity.inner_name(uid, "socket", "@" + key[2:])
            if name in structs and isinstance(entry, dict):
                writer.write_struct(structs[name], entry, room.get(side, {}).get(key, {}), {})


def read(reader: Any, modifier: Any, old: Tree, out: Tree) -> None:
    group = modifier.node_group
    if group is None:
        return
    if hasattr(modifier, "properties"):
        _read_sides(reader, modifier, group.session_uid, old, out)
        return
    known = _identifiers(group)
    uid = group.session_uid
    found: Tree = {}
    for key, entry in customprops.read(reader, modifier).items():
        name, suffix = _split(values.key_name(key))
        if name in known:
            key = "@:" + reader.identity.inner_key(uid, "socket", name)[1:] + suffix
            if suffix == "_use_attribute":
                # An int with limits of its own in files of older Blenders: it means the same.
                entry = {"type": "bool", "v": bool(entry.get("v"))}
        found[key] = entry
    if found:
        out["c"] = found


def write(writer: Any, modifier: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    change = patch.get("c")
    group = modifier.node_group
    if group is not None and hasattr(modifier, "properties"):
        _write_sides(writer, modifier, group.session_uid, patch, full)
        return
    if not change or group is None:
        return
    uid = group.session_uid

    def named(entries: Tree) -> Tree:
        out: Tree = {}
        for key, entry in entries.items():
            if key.startswith("@:"):
                inner, suffix = _split(key[2:])
                name = writer.identity.inner_name(uid, "socket", "@" + inner)
                if name is None:
                    continue
                key = values.name_key(name + suffix)
            out[key] = entry
        return out

    # Inputs come with the group's interface: they are set, never removed.
    wanted = {k: v for k, v in named(change).items() if v is not None}
    room = {k: _as_here(modifier, k, v) for k, v in named(full.get("c", {})).items()}
    customprops.write(writer, modifier, wanted, room)


def _as_here(modifier: Any, key: str, entry: Tree) -> Tree:
    """Whether an attribute is used is an int to older Blenders and in their files, a bool to newer ones, and neither takes
    the other."""
    if not key.endswith("_use_attribute"):
        return entry
    kind = type(modifier.get(values.key_name(key)))
    return {"type": kind.__name__, "v": kind(entry["v"])} if kind in (bool, int) else entry
