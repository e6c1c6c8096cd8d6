# SPDX-License-Identifier: GPL-3.0-or-later
"""What animation says is nobody's edit.

Blender writes the values of curves and drivers into the properties that they animate, in each Blender those of the frame that its
user looks at. If they were read as edits, everybody would show the frame of whoever plays, and a scene with two people at two
frames would never come to rest. So what is animated reads as it was known before; what the user sets there and does
not key is his alone, as Blender too forgets it with the next frame.

An animated property is found in a tree by its data path, where need be by what it leads to in Blender: the inputs of geometry nodes
are numbered by each Blender, strips lie in one another, colour ramps are one value. Single points of meshes, curves and lattices
are not found: they are read as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from . import mergepatch, values

Tree = dict[str, Any]
# A property, and which thing of a collection: by name, by place, or the whole of it.
Step = tuple[str, str | int | None]


class Key(str):
    """Of a step: the key itself, and no name."""


# What a strip of the sequencer is found by, in older and newer Blenders.
_ALL_STRIPS = ("strips_all", "sequences_all")
# Of a colour ramp's element, which of its five numbers.
_ELEMENT = {"position": 0, "color": 1, "alpha": 4}

_STEP = re.compile(r'\.?(\w*)(?:\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\])?')
PATHS_MAX = 16384
# Properties that are one and the same value under another name.
_ALIASES = {"width": "width_pct", "width_pct": "width"}


def hold(identity: Any, block: Any, tree: Tree, old: Tree) -> None:
    """Gives what is animated in a tree that was just read the values that it has in `old`."""
    if mergepatch.alike(tree, old):
        return
    _hold_in(identity, block, tree, old)
    parts = old.get("s", {})
    for key in list(tree.get("s", {})):
        part = getattr(block, key[1:], None)
        if key in parts and getattr(part, "is_embedded_data", False):
            _hold_in(identity, part, tree["s"][key], parts[key])


def _hold_in(identity: Any, block: Any, tree: Tree, old: Tree) -> None:
    names: dict[int, dict[str, str]] = {}
    data = getattr(block, "animation_data", None)
    for path, index in _animated(data):
        steps = _steps(path)
        if steps:
            _hold_one(tree, old, _led_on(identity, block, steps), index, names)
    for steps in _animated_strips(data):
        _hold_one(tree, old, steps, 0, names)


def _hold_one(tree: Any, old: Any, steps: tuple[Step, ...], index: int, names: dict[int, dict[str, str]]) -> None:
    in_ramp = len(steps) > 1 and steps[-2][0] == "elements" and steps[-1][0] in _ELEMENT
    for step in steps[: -2 if in_ramp else -1]:
        at = _way(tree, step, names)
        for key in at:
            tree, old = _member(tree, key), _member(old, key)
        if not at or tree is None or old is None:
            return
    name, which = steps[-1]
    if in_ramp:
        _take_over_element(tree.get("p"), old.get("p"), steps[-2][1], _ELEMENT[name] + index)
    elif name:
        for title in (name, _ALIASES.get(name)):
            _take_over(tree.get("p"), old.get("p"), title, index if which is None else which)
    else:
        key = which if isinstance(which, Key) else values.name_key(str(which))
        _take_over(_member(tree.get("c"), key), _member(old.get("c"), key), "v", index)


def _led_on(identity: Any, block: Any, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The way of a path in a tree, where that is another than in Blender."""
    (first, name), *rest = steps
    if first == "modifiers" and rest:
        modifier = block.modifiers.get(name) if isinstance(name, str) and hasattr(block, "modifiers") else None
        group = getattr(modifier, "node_group", None)
        if group is not None and rest[0][0] == "":
            return (steps[0], ("", _input_key(identity, group, rest[0][1])))
        if group is not None and [step[0] for step in rest[:2]] == ["properties", "inputs"] and len(rest) == 4:
            return (steps[0], ("inputs", _input_key(identity, group, rest[2][0])), rest[3])
    if first == "sequence_editor" and rest and rest[0][0] in _ALL_STRIPS:
        strip = getattr(block.sequence_editor, rest[0][0]).get(rest[0][1])
        way: list[Step] = []
        while strip is not None:
            way.insert(0, ("strips", strip.name))
            strip = strip.parent_meta()
        return (steps[0], *way, *rest[1:])
    return steps


def _input_key(identity: Any, group: Any, name: Any) -> Key:
    return Key("@:" + identity.inner_key(group.session_uid, "socket", str(name))[1:])


def _take_over_element(here: Any, known: Any, which: Any, at: int) -> None:
    """One number of a colour ramp's element; with another number of elements each is another one."""
    flat, before = _member(here, "elements"), _member(known, "elements")
    at += 5 * which if isinstance(which, int) else len(flat or ())
    if isinstance(flat, list) and isinstance(before, list) and at < len(flat) == len(before):
        here["elements"] = [*flat[:at], before[at], *flat[at + 1 :]]


def _take_over(here: Any, known: Any, name: str | None, index: Any) -> None:
    """The trees of a reading are its own; the values in them may be shared."""
    if not isinstance(here, dict) or not isinstance(known, dict) or name not in here or name not in known:
        return
    value, before = here[name], known[name]
    if mergepatch.same(value, before):
        return
    if not isinstance(value, list) or not isinstance(before, list) or len(value) != len(before):
        here[name] = before
    elif isinstance(index, int) and index < len(value) and not mergepatch.same(value[index], before[index]):
        here[name] = [*value[:index], before[index], *value[index + 1 :]]


def _member(tree: Any, key: str) -> Any:
    return tree.get(key) if isinstance(tree, dict) else None


def _way(tree: Tree, step: Step, names: dict[int, dict[str, str]]) -> tuple[str, ...]:
    """The keys that lead to a part or an item."""
    name, which = step
    if which is None:
        return "s", f"@{name}"
    entries = _member(tree.get("i"), name)
    if not isinstance(entries, dict):
        return ()
    key: str | None
    if isinstance(which, Key):
        key = which if which in entries else None
    elif isinstance(which, int):
        key = next((k for i, k in enumerate(entries) if i == which), None)
    else:
        if id(entries) not in names:
            names[id(entries)] = {str(e.get("name", "")) or values.key_name(k): k for k, e in reversed(entries.items())}
        key = names[id(entries)].get(which)
    return ("i", name, key) if key is not None else ()


@lru_cache(maxsize=PATHS_MAX)
def _steps(path: str) -> tuple[Step, ...]:
    """A data path in its steps: pose.bones["Arm"].location."""
    steps: list[Step] = []
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None or found.end() == at:
            return ()
        name, text, number = found.groups()
        which = int(number) if number is not None else None if text is None else re.sub(r"\\(.)", r"\1", text)
        steps.append((name, which))
        at = found.end()
    return tuple(steps)


# What animates


def _animated(data: Any) -> Iterator[tuple[str, int]]:
    """Path and index of each property that has a curve or driver in force."""
    if data is None:
        return
    for curve in data.drivers:
        if not curve.mute:
            yield curve.data_path, curve.array_index
    yield from _curves(data.action, getattr(data, "action_slot", None))
    for track in data.nla_tracks if data.use_nla else ():
        for strip in track.strips if not track.mute else ():
            if not strip.mute:
                yield from _curves(strip.action, getattr(strip, "action_slot", None))


def _animated_strips(data: Any) -> Iterator[tuple[Step, ...]]:
    """What strips of the NLA editor animate of themselves."""
    for i, track in enumerate(data.nla_tracks if data is not None else ()):
        for j, strip in enumerate(track.strips):
            for curve in strip.fcurves:
                if not curve.mute and len(curve.keyframe_points):
                    yield (("animation_data", None), ("nla_tracks", i), ("strips", j), (curve.data_path, None))


def _curves(action: Any, slot: Any) -> Iterator[tuple[str, int]]:
    if action is None:
        return
    for curve in _all_curves(action, slot):
        if not curve.mute and (len(curve.keyframe_points) or len(curve.modifiers)):
            yield curve.data_path, curve.array_index


def _all_curves(action: Any, slot: Any) -> Iterator[Any]:
    """Before 4.4 an action has curves of its own."""
    if not hasattr(action, "slots"):
        yield from action.fcurves
        return
    for layer in action.layers if slot is not None else ():
        for strip in layer.strips:
            bag = strip.channelbag(slot)
            if bag is not None:
                yield from bag.fcurves
