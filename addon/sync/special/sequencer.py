# SPDX-License-Identifier: GPL-3.0-or-later
"""The sequencer: strips, within the editor and within meta strips, and its channels.

A strip that would overlap another one in its channel is moved away by Blender, at every step of setting it; so the places
of all strips are set once more when all of them are there. Effects name their inputs, which must be made before them.
"""

from __future__ import annotations

import hashlib
from typing import Any

import bpy

from .. import constructors, items, paths, values

Tree = dict[str, Any]

# In this order: the ends take effects along that have this strip as their input, the offsets may be fractions of a frame.
_PLACE = (
    "frame_start",
    "frame_final_start",
    "frame_final_end",
    "frame_offset_start",
    "frame_offset_end",
    "channel",
)
_INPUTS = ("input_1", "input_2")


def strips_of(owner: Any) -> Any:
    """Up to 4.3 they are called sequences."""
    return owner.strips if hasattr(owner, "strips") else owner.sequences


class Strips(items.Items):
    """In the order of making: Blender draws them by channel."""

    ordered = True
    movable = False

    def list(self, owner: Any) -> list[Any]:
        return list(strips_of(owner))

    def make_of(self, reader: Any, owner: Any, item: Any) -> Tree:
        return {"type": item.type}

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        p = tree["p"]
        for name in _PLACE:
            value = getattr(item, name)
            p[name] = values.encode_float(value) if isinstance(value, float) else value
        for name in _INPUTS:
            if hasattr(item, name):
                other = getattr(item, name)
                p[name] = other.name if other is not None else ""
        if item.type == "IMAGE":
            p["files"] = [paths.read_input(reader, item, item.directory + e.filename) for e in item.elements]
        if item.type == "META":
            inner = self.read(reader, item, old.get("i", {}).get("strips", {}))
            if inner:
                tree.setdefault("i", {})["strips"] = inner
        return tree

    def write(self, writer: Any, owner: Any, patch: Tree, full: Tree, cur: Tree) -> items.Live:
        live = super().write(writer, owner, patch, full, cur)
        for _ in range(2):
            for key in live.keys:
                if key in full:
                    _place(writer, live.item(key), full[key].get("p", {}))
        return live

    def _create_all(self, writer: Any, owner: Any, patch: Tree, full: Tree, live: items.Live) -> None:
        """In their order, but what an effect needs before it."""
        rest = sorted((k for k in patch if k in full and k not in live.index), key=lambda k: full[k].get("pos", ""))
        while rest:
            here = {live.item(k).name for k in live.keys}
            key = next((k for k in rest if here >= set(_inputs(full[k]))), rest[0])
            super()._create_all(writer, owner, {key: patch[key]}, full, live)
            rest.remove(key)

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        strip = _new(writer, strips_of(owner), tree["make"]["type"], tree["name"], tree.get("p", {}))
        if strip.name != tree["name"]:
            strip.name = tree["name"]
        # Where an effect is follows from where its inputs are when it is made.
        _place(writer, strip, tree.get("p", {}))
        return strip

    def remove(self, writer: Any, owner: Any, item: Any) -> None:
        strips_of(owner).remove(item)

    def write_one(self, writer: Any, owner: Any, item: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        super().write_one(writer, owner, item, patch, full, cur)
        change, p = patch.get("p") or {}, full.get("p", {})
        for name in _INPUTS:
            other = strips_of(owner).get(change.get(name) or "")
            if other is not None and getattr(item, name) != other:
                setattr(item, name, other)
        if "files" in change and item.type == "IMAGE":
            _set_files(item, _stored(writer, p))
        if item.type == "META" and "i" in patch:
            before = cur.get("i", {}).get("strips", {})
            inner = (patch["i"] or {}).get("strips", {})
            inner = dict.fromkeys(before) if inner is None or patch["i"] is None else inner
            if inner:
                self.write(writer, item, inner, full.get("i", {}).get("strips", {}), before)


STRIPS = Strips("strips")


def _inputs(tree: Tree) -> list[str]:
    return [tree["p"][name] for name in _INPUTS if tree.get("p", {}).get(name)]


def _place(writer: Any, strip: Any, p: Tree) -> None:
    for name in _PLACE:
        wanted = values.decode(p.get(name))
        if wanted is not None and getattr(strip, name) != wanted:
            try:
                setattr(strip, name, wanted)
            except (TypeError, ValueError, AttributeError) as e:
                writer.refuse(f"strip {strip.name}: {name}", e)


def _new(writer: Any, strips: Any, kind: str, name: str, p: Tree) -> Any:
    at = {"channel": int(p.get("channel", 1)), "frame_start": int(values.decode(p.get("frame_start", 1)))}
    if kind == "META":
        return strips.new_meta(name, **at)
    if kind == "SCENE":
        return strips.new_scene(name, _needed(writer, p, "scene"), **at)
    if kind == "MOVIECLIP":
        return strips.new_clip(name, _needed(writer, p, "clip"), **at)
    if kind == "MASK":
        return strips.new_mask(name, _needed(writer, p, "mask"), **at)
    if kind == "SOUND":
        return _new_sound(strips, name, _needed(writer, p, "sound"), at)
    if kind == "MOVIE":
        path = paths.local_path(writer, p.get("filepath"))
        return strips.new_movie(name, path or "", **at)
    if kind == "IMAGE":
        files = _stored(writer, p)
        strip = strips.new_image(name, files[0] if files else "", **at)
        _set_files(strip, files)
        return strip
    return _new_effect(strips, kind, name, p, at)


def _needed(writer: Any, p: Tree, name: str) -> Any:
    block = writer.resolve(p.get(name))
    if block is None:
        raise constructors.CannotMake(f"its {name} is not here")
    return block


def _new_sound(strips: Any, name: str, sound: Any, at: dict[str, int]) -> Any:
    """The call loads the file once more, as a sound that the strip is not to have."""
    before = set(bpy.data.sounds)
    strip = strips.new_sound(name, bpy.path.abspath(sound.filepath), **at)
    strip.sound = sound
    for made in set(bpy.data.sounds) - before:
        bpy.data.sounds.remove(made)
    return strip


def _new_effect(strips: Any, kind: str, name: str, p: Tree, at: dict[str, int]) -> Any:
    found = [strips.get(p.get(key) or "") for key in _INPUTS]
    takes = strips.bl_rna.functions["new_effect"].parameters.keys()
    inputs = ("input1", "input2") if "input1" in takes else ("seq1", "seq2")
    given = {key: strip for key, strip in zip(inputs, found, strict=True) if strip is not None}
    length = max(1, int(p.get("frame_final_end", 2)) - at["frame_start"])
    end = {"length": length} if "length" in takes else {"frame_end": at["frame_start"] + length}
    return strips.new_effect(name, kind, **at, **end, **given)


def _stored(writer: Any, p: Tree) -> list[str]:
    """The images of a strip lie in one folder: it has one, and a name for each."""
    wanted = p.get("files") or []
    if not all(values.is_tagged(value, values.BLOB) and len(value) >= 5 for value in wanted):
        return [paths.local_path(writer, value) or "" for value in wanted]
    mark = hashlib.sha256("".join(str(value[1]) for value in wanted).encode()).hexdigest()
    folder = paths.folder() / mark
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for value in wanted:
        place = folder / paths.name_of(str(value[4]))
        if not place.is_file() or place.stat().st_size != value[3][0]:
            place.write_bytes(writer.blobs.get_raw(value))
        found.append(str(place))
    return found


def _set_files(strip: Any, files: list[str]) -> None:
    names = [path.replace("\\", "/").rsplit("/", 1) for path in files]
    if not names:
        return
    strip.directory = names[0][0] + "/" if len(names[0]) > 1 else ""
    while len(strip.elements) > len(names):
        strip.elements.pop(len(strip.elements) - 1)
    while len(strip.elements) < len(names):
        strip.elements.append(names[len(strip.elements)][-1])
    for element, name in zip(strip.elements, names, strict=True):
        if element.filename != name[-1]:
            element.filename = name[-1]


def read(reader: Any, editor: Any, old: Tree, out: Tree) -> None:
    """Channels are a fixed row of 128: only those that somebody has changed are named."""
    changed = []
    for i, channel in enumerate(editor.channels):
        if channel.lock or channel.mute or channel.name != f"Channel {i}":
            changed.append([i, channel.name, channel.lock, channel.mute])
    out["p"]["channels"] = changed
    strips = STRIPS.read(reader, editor, old.get("i", {}).get("strips", {}))
    if strips:
        out.setdefault("i", {})["strips"] = strips


def write(writer: Any, editor: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    if "channels" in (patch.get("p") or {}):
        wanted = {i: rest for i, *rest in full["p"]["channels"]}
        for i, channel in enumerate(editor.channels):
            channel.name, channel.lock, channel.mute = wanted.get(i, (f"Channel {i}", False, False))
    before = cur.get("i", {}).get("strips", {})
    change = (patch.get("i") or {}).get("strips", {}) if "i" in patch else {}
    if change is None or ("i" in patch and patch["i"] is None):
        change = dict.fromkeys(before)
    if change:
        STRIPS.write(writer, editor, change, full.get("i", {}).get("strips", {}), before)


class Modifiers(items.TypedUnique):
    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        if bpy.app.version[:2] == (5, 0):
            raise RuntimeError("Blender 5.0 crashes when a script makes one")
        return super().create(writer, owner, key, tree)


for _kind in ("Strip", "Sequence"):
    items.TABLE[f"{_kind}.modifiers"] = Modifiers("modifiers")
