# SPDX-License-Identifier: GPL-3.0-or-later
"""Animation data: which action (and since 4.4 which slot of it), drivers, NLA tracks."""

from __future__ import annotations

from typing import Any

from .. import exclude, items, values
from . import fcurves

Tree = dict[str, Any]

_PLAIN = ("action_extrapolation", "action_blend_type", "action_influence", "use_nla")


class NlaTracks(items.Nameless):
    """A track is evaluated on top of those before it. Blender makes one behind another or at the end, and moves none: what has to stand
    elsewhere is made anew, and so is everything where another one is to be the first."""

    movable = False

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._wanted: list[str] = []
        self._live: items.Live | None = None

    def misplaced(self, writer: Any, owner: Any, full: Tree, live: items.Live) -> list[str]:
        wanted = items.in_order(full)
        places = {key: i for i, key in enumerate(wanted)}
        have = [key for key in live.keys if key in places]
        stays = have[have.index(wanted[0]) :] if wanted and wanted[0] in have else []
        last = -1
        for key in stays:
            if places[key] > last:
                last = places[key]
                have.remove(key)
        return have

    def _create_all(self, writer: Any, owner: Any, patch: Tree, full: Tree, live: items.Live) -> None:
        self._wanted, self._live = items.in_order(full), live
        super()._create_all(writer, owner, patch, full, live)
        self._live = None

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        assert self._live is not None
        before = [k for k in self._wanted[: self._wanted.index(key)] if k in self._live.index]
        track = owner.nla_tracks.new(prev=self._live.item(before[-1])) if before else owner.nla_tracks.new()
        track.name = tree.get("name", "")
        return track


class NlaStrips(items.Items):
    """Strips need their action to be made. Those that have none stay where they are."""

    ordered = False
    unique_names = True

    def list(self, owner: Any) -> list[Any]:
        return [strip for strip in owner.strips if f"NlaStrip.{strip.type}" not in exclude.KINDS]

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        p = tree.get("p", {})
        action = writer.resolve(p.get("action"))
        if action is None:
            raise RuntimeError("the strip's action is not here")
        return owner.strips.new(tree["name"], int(p.get("frame_start_raw", 1)), action)


items.TABLE["NlaTrack.strips"] = NlaStrips("strips")
NLA_TRACKS = NlaTracks("nla_tracks")
DRIVERS = fcurves.Drivers("drivers")


def says_something(data: Any) -> bool:
    """Blender leaves empty animation data behind when an action is unlinked; it means nothing."""
    return data.action is not None or len(data.drivers) > 0 or len(data.nla_tracks) > 0


def read(reader: Any, data: Any, old: Tree, out: Tree) -> None:
    p = out["p"]
    p["action"] = reader.identity.reference(data.action) or values.NONE_VALUE
    if hasattr(data, "action_slot"):
        p["slot"] = data.action_slot.identifier if data.action_slot else ""
        # By this name Blender finds the slot when another action is assigned.
        p["last_slot"] = data.last_slot_identifier
    for name in _PLAIN:
        v = getattr(data, name)
        p[name] = values.encode_float(v) if isinstance(v, float) else v
    before = old.get("i", {})
    i = out.setdefault("i", {})
    for handler in (DRIVERS, NLA_TRACKS):
        entries = handler.read(reader, data, before.get(handler.name, {}))
        if entries:
            i[handler.name] = entries
    if not i:
        del out["i"]


def write(writer: Any, data: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    p, room = patch.get("p") or {}, full.get("p", {})
    if "action" in p or "slot" in p or "last_slot" in p:
        _assign(writer, data, room)
    for name in _PLAIN:
        if name in p and p[name] is not None:
            try:
                setattr(data, name, values.decode(p[name]))
            except (TypeError, ValueError, AttributeError, RuntimeError) as e:
                writer.refuse(f"AnimData.{name}", e)
    for handler in (DRIVERS, NLA_TRACKS):
        change = (patch.get("i") or {}).get(handler.name, {}) if "i" in patch else {}
        before = (cur.get("i") or {}).get(handler.name, {})
        if change is None or ("i" in patch and patch["i"] is None):
            change = dict.fromkeys(before)
        if change:
            handler.write(writer, data, change, (full.get("i") or {}).get(handler.name, {}), before)


def _assign(writer: Any, data: Any, p: Tree) -> None:
    action = writer.resolve(p.get("action"))
    try:
        if data.action != action:
            data.action = action
        if not hasattr(data, "action_slot"):
            return
        if action is not None:
            slot = next((s for s in action.slots if s.identifier == p.get("slot")), None)
            if data.action_slot != slot:
                data.action_slot = slot
            if slot is None and p.get("slot"):
                writer.waiting.setdefault(p["action"][1], set()).add(writer.doc)
        if p.get("last_slot") is not None and data.last_slot_identifier != p["last_slot"]:
            data.last_slot_identifier = p["last_slot"]
    except (TypeError, ValueError, AttributeError, RuntimeError) as e:
        writer.refuse("AnimData.action", e)
