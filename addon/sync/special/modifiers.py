# SPDX-License-Identifier: GPL-3.0-or-later
"""Geometry nodes modifiers: their inputs.

Up to 5.1 the inputs are custom properties named after the sockets' identifiers ("Socket_2", "Socket_2_use_attribute"),
which each Blender numbers by itself. In a document they carry the key of the group's socket instead, behind "@:" instead of the "@=" of names.
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


def read(reader: Any, modifier: Any, old: Tree, out: Tree) -> None:
    group = modifier.node_group
    if group is None:
        return
    known = _identifiers(group)
    uid = group.session_uid
    found: Tree = {}
    for key, entry in customprops.read(reader, modifier).items():
        name, suffix = _split(values.key_name(key))
        if name in known:
            key = "@:" + reader.identity.inner_key(uid, "socket", name)[1:] + suffix
        found[key] = entry
    if found:
        out["c"] = found


def write(writer: Any, modifier: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    change = patch.get("c")
    group = modifier.node_group
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
