# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions: slots, channel bags, groups and curves.

The schema is that of layered actions (4.4 and later): an action has slots, each with its groups and curves. Older
Blenders have curves only: they are shown as one slot whose key is `LEGACY`. One layer with one strip is all that Blender
itself makes so far.
"""

from __future__ import annotations

from typing import Any

from .. import items
from . import fcurves

Tree = dict[str, Any]

LEGACY = "@legacy"


class Groups(items.Items):
    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        return owner.groups.get(tree["name"]) or owner.groups.new(tree["name"])


FCURVES = fcurves.FCurves("fcurves")
GROUPS = Groups("groups")
MARKERS = items.Markers("pose_markers")


class Slots(items.Items):
    ordered = False
    # The name of the layer that holds the curves, for the action being written.
    layer = ""

    def title(self, item: Any) -> str:
        return str(item.identifier)

    def make_of(self, reader: Any, owner: Any, item: Any) -> Tree:
        return {"id": item.target_id_type}

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        kind = tree["make"]["id"]
        slot = owner.slots.new(id_type="OBJECT" if kind == "UNSPECIFIED" else kind, name=tree["name"][2:])
        self.rename(slot, tree["name"])
        return slot

    def rename(self, item: Any, name: str) -> None:
        if item.identifier != name:
            item.identifier = name

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = reader.read_struct(item, old)
        bag = _bag(owner, item)
        if bag is not None:
            _read_bag(reader, bag, old, tree)
        return tree

    def write_one(self, writer: Any, owner: Any, item: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        writer.write_struct(item, {k: v for k, v in patch.items() if k != "i"}, full, cur)
        if "i" in patch:
            _write_bag(writer, _bag(owner, item, make=self.layer or "Layer"), patch, full, cur)


SLOTS = Slots("slots")


def _bag(action: Any, slot: Any, make: str = "") -> Any:
    """The channel bag of a slot, in the first keyframe strip of the first layer; `make` is the name of a new layer."""
    if not action.layers:
        if not make:
            return None
        action.layers.new(make)
    layer = action.layers[0]
    if not layer.strips:
        if not make:
            return None
        layer.strips.new(type="KEYFRAME")
    return layer.strips[0].channelbag(slot, ensure=bool(make))


def read(reader: Any, action: Any, old: Tree, out: Tree) -> None:
    before = old.get("i", {})
    i = out.setdefault("i", {})
    if hasattr(action, "slots"):
        i["slots"] = SLOTS.read(reader, action, before.get("slots", {}))
        if action.layers:
            out["p"]["layer"] = action.layers[0].name
    else:
        legacy: Tree = {"type": "ActionSlot", "name": "", "make": {"id": action.id_root}}
        with reader.inside("slots", LEGACY):
            _read_bag(reader, action, before.get("slots", {}).get(LEGACY, {}), legacy)
        i["slots"] = {LEGACY: legacy}
    markers = MARKERS.read(reader, action, before.get("pose_markers", {}))
    if markers:
        i["pose_markers"] = markers
    # Where the range is the curves' own, the stored one is whatever was computed last.
    if not action.use_frame_range:
        out["p"].pop("frame_start", None)
        out["p"].pop("frame_end", None)


def write(writer: Any, action: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    change = patch.get("i") or {}
    layer = (patch.get("p") or {}).get("layer")
    if layer and getattr(action, "layers", None) and action.layers[0].name != layer:
        action.layers[0].name = layer
    full_i, cur_i = full.get("i", {}), cur.get("i", {})
    if "slots" in change:
        slots, have = full_i.get("slots", {}), cur_i.get("slots", {})
        if hasattr(action, "slots"):
            SLOTS.layer = full.get("p", {}).get("layer", "")
            SLOTS.write(writer, action, change["slots"] or dict.fromkeys(have), slots, have)
        else:
            _write_legacy(writer, action, change["slots"] or {}, slots, have)
    if "pose_markers" in change:
        have = cur_i.get("pose_markers", {})
        MARKERS.write(
            writer, action, change["pose_markers"] or dict.fromkeys(have), full_i.get("pose_markers", {}), have
        )


def _write_legacy(writer: Any, action: Any, change: Tree, slots: Tree, have: Tree) -> None:
    """Before 4.4 an action can hold the first slot only."""
    key = LEGACY if LEGACY in slots else min(slots, default="")
    if not key or not isinstance(change.get(key), dict):
        return
    full = slots[key]
    kind = (full.get("make") or {}).get("id")
    if kind and kind not in ("UNSPECIFIED", action.id_root):
        action.id_root = kind
    cur = have.get(LEGACY, {})
    _write_bag(writer, action, change[key], full, cur)


def _read_bag(reader: Any, bag: Any, old: Tree, tree: Tree) -> None:
    before = old.get("i", {})
    groups = GROUPS.read(reader, bag, before.get("groups", {}))
    curves = FCURVES.read(reader, bag, before.get("fcurves", {}))
    tree["i"] = {"groups": groups, "fcurves": curves}


def _write_bag(writer: Any, bag: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    change = patch.get("i") or {}
    for handler in (GROUPS, FCURVES):
        if handler.name in change:
            have = cur.get("i", {}).get(handler.name, {})
            handler.write(
                writer, bag, change[handler.name] or dict.fromkeys(have), full.get("i", {}).get(handler.name, {}), have
            )
    _drop_idle_groups(bag, full)


def _drop_idle_groups(bag: Any, full: Tree) -> None:
    """Made for curves that came with the name of before of a group."""
    known = {entry.get("name") for entry in full.get("i", {}).get("groups", {}).values()}
    for group in [group for group in bag.groups if group.name not in known and not len(group.channels)]:
        bag.groups.remove(group)
