# SPDX-License-Identifier: GPL-3.0-or-later
"""What animation says is nobody's edit.

Blender writes the values of curves and drivers into the properties that they animate, in each Blender those of the frame that its
user looks at. If they were read as edits, everybody would show the frame of whoever plays, and a scene with two people at two
frames would never come to rest. So what is animated reads as it was known before; what the user sets there and does
not key is his alone, as Blender too forgets it with the next frame.

An animated property is found in a tree by its data path. What cannot be found in this way is read as it is.
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

_STEP = re.compile(r'\.?(\w*)(?:\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\])?')
PATHS_MAX = 16384
# Properties that are one and the same value under another name.
_ALIASES = {"width": "width_pct", "width_pct": "width"}


def hold(block: Any, tree: Tree, old: Tree) -> None:
    """Gives what is animated in a tree that was just read the values that it has in `old`."""
    if mergepatch.alike(tree, old):
        return
    _hold_in(block, tree, old)
    parts = old.get("s", {})
    for key in list(tree.get("s", {})):
        part = getattr(block, key[1:], None)
        if key in parts and getattr(part, "is_embedded_data", False):
            _hold_in(part, tree["s"][key], parts[key])


def _hold_in(block: Any, tree: Tree, old: Tree) -> None:
    names: dict[int, dict[str, str]] = {}
    for path, index in _animated(getattr(block, "animation_data", None)):
        steps = _steps(path)
        if steps:
            _hold_one(tree, old, steps, index, names)


def _hold_one(tree: Any, old: Any, steps: tuple[Step, ...], index: int, names: dict[int, dict[str, str]]) -> None:
    for step in steps[:-1]:
        at = _way(tree, step, names)
        for key in at:
            tree, old = _member(tree, key), _member(old, key)
        if not at or tree is None or old is None:
            return
    name, which = steps[-1]
    if name:
        for title in (name, _ALIASES.get(name)):
            _take_over(tree.get("p"), old.get("p"), title, index if which is None else which)
    else:
        key = values.name_key(str(which))
        _take_over(_member(tree.get("c"), key), _member(old.get("c"), key), "v", index)


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
    if isinstance(which, int):
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
