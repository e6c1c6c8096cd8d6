# SPDX-License-Identifier: GPL-3.0-or-later
"""F-curves, of actions and of drivers.

What a curve animates is its name: Blender gives it another path when something on that path is renamed, and it is the same curve still
(renames.py). Its keyframes have no identity of their own: they are two arrays, nine floats and five enums to a key, read and
written in bulk.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import handlers, items, paths

Tree = dict[str, Any]

_FLOATS = (("co", 2), ("handle_left", 2), ("handle_right", 2), ("back", 1), ("amplitude", 1), ("period", 1))
_ENUMS = ("interpolation", "easing", "handle_left_type", "handle_right_type", "type")
_WIDTH = sum(n for _, n in _FLOATS)


class FCurves(items.Items):
    """`owner` is an action or, since 4.4, a channel bag. Made in order, which is how editors list them."""

    movable = False

    def title(self, item: Any) -> str:
        return str(item.data_path)

    def mark(self, item: Any) -> Any:
        return item.data_path, item.array_index

    def make_of(self, reader: Any, owner: Any, item: Any) -> Tree:
        return {"array_index": item.array_index}

    def shown(self, full: Tree) -> Tree:
        hidden = doubles(full)
        return {key: entry for key, entry in full.items() if key not in hidden} if hidden else full

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        """One that stands there with that path may be on its way to another."""
        curves, index = getattr(owner, self.name), tree["make"]["array_index"]
        if curves.find(tree["name"], index=index) is None:
            return curves.new(tree["name"], index=index)
        curve = curves.new(key, index=index)
        curve.data_path = tree["name"]
        return curve

    def rename(self, item: Any, name: str) -> None:
        if item.data_path != name:
            item.data_path = name

    def read_one(self, reader: Any, owner: Any, item: Any, old: Tree) -> Tree:
        tree = super().read_one(reader, owner, item, old)
        p = tree["p"]
        if item.group is not None:
            p["group"] = item.group.name
        make = item.data_path, item.array_index
        floats, enums = read_keys(item)
        # One value: the two arrays must never be of different lengths.
        p["keys"] = [
            reader.blobs.put(floats, (reader.doc, owner.as_pointer(), *make, "keys")),
            reader.blobs.put(enums, (reader.doc, owner.as_pointer(), *make, "types")),
        ]
        return tree

    def write_one(self, writer: Any, owner: Any, item: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        super().write_one(writer, owner, item, patch, full, cur)
        p, room = patch.get("p") or {}, full.get("p", {})
        if "group" in p:
            self._set_group(owner, item, room.get("group"))
        if "keys" in p:
            write_keys(writer, item, room)

    @staticmethod
    def _set_group(owner: Any, item: Any, name: str | None) -> None:
        if name is None:
            item.group = None
        else:
            item.group = owner.groups.get(name) or owner.groups.new(name)


def doubles(entries: Tree) -> set[str]:
    """The curves of a place that has another one: several who animate it at once make one each, and a rename may bring two together. All
    show the first."""
    curves = {key: entry for key, entry in entries.items() if isinstance(entry, dict)}
    places: dict[str, str] = {}
    for key in items.in_order(curves):
        places.setdefault(repr((curves[key].get("name"), curves[key].get("make"))), key)
    return curves.keys() - places.values() if len(places) < len(curves) else set()


class Drivers(FCurves):
    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        curve = super().create(writer, owner, key, tree)
        for modifier in list(curve.modifiers):
            curve.modifiers.remove(modifier)
        return curve


class Variables(items.Nameless):
    unique_names = True
    separator = "_"


items.TABLE["Driver.variables"] = Variables("variables")
# As many as the type of the variable asks for.
items.TABLE["DriverVariable.targets"] = handlers.Places("targets")


def read_keys(curve: Any) -> tuple[np.ndarray, np.ndarray]:
    points = curve.keyframe_points
    n = len(points)
    floats = np.empty((n, _WIDTH), dtype=np.float32)
    at = 0
    for name, width in _FLOATS:
        column = np.empty(n * width, dtype=np.float32)
        points.foreach_get(name, column)
        floats[:, at : at + width] = column.reshape(n, width)
        at += width
    enums = np.empty((n, len(_ENUMS)), dtype=np.int32)
    for i, name in enumerate(_ENUMS):
        column = np.empty(n, dtype=np.int32)
        points.foreach_get(name, column)
        enums[:, i] = column
    return floats, enums


def write_keys(writer: Any, curve: Any, p: Tree) -> None:
    both = p.get("keys") or [[], []]
    floats, enums = writer.blobs.get(both[0], "float32"), writer.blobs.get(both[1], "int32")
    n = len(floats) // _WIDTH
    if len(floats) != n * _WIDTH or len(enums) != n * len(_ENUMS):
        raise ValueError("keyframe arrays of different lengths")
    points = curve.keyframe_points
    if len(points) != n:
        points.clear()
        points.add(n)
    floats = floats.reshape(n, _WIDTH)
    enums = enums.reshape(n, len(_ENUMS))
    for i, name in enumerate(_ENUMS):
        points.foreach_set(name, np.ascontiguousarray(enums[:, i]))
    at = 0
    for name, width in _FLOATS:
        points.foreach_set(name, np.ascontiguousarray(floats[:, at : at + width]).reshape(-1))
        at += width
    # `update` sorts, and recomputes automatic handles: only needed where the sender's keys are out of order.
    if n > 1 and bool(np.any(np.diff(floats[:, 0]) < 0)):
        curve.update()


def write_expression(driver: Any, expression: str) -> str | None:
    """Sets a driver's expression; but for one that would run Python. Returns why not.

    Also where the driver's type does not use it: the type may change without another word on the expression.
    """
    before, kind = driver.expression, driver.type
    driver.expression = expression
    if kind != "SCRIPTED":  # else Blender calls none of them simple
        driver.type = "SCRIPTED"
    is_simple = driver.is_simple_expression
    if kind != "SCRIPTED":
        driver.type = kind
    if is_simple or not expression:
        return None
    driver.expression = before if before != expression else ""
    return f"this expression would run Python, and {paths.REASONS[paths.CODE]}"
