# SPDX-License-Identifier: GPL-3.0-or-later
"""Vertex groups and weights, of meshes and lattices.

They are stored in the data but only an object that uses it shows them: any will do, and where there is none a temporary
one is made for writing. For reading, too, but only once after the last object has gone: without one nobody can change them, and Blender
rebuilds its dependency graph when an object is removed. The weights are two arrays over all points, (vertex, group) and weight, and
the keys of the groups that are meant: where two people add a group at once, the first group of the one is not that of the other.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np

from .. import items

Tree = dict[str, Any]


class Groups(items.Items):
    unique_names = True
    volatile = True

    def move(self, owner: Any, item: Any, at: int, to: int) -> None:
        """Only an operator moves groups, the active one by one place; it takes the weights along."""
        groups = owner.vertex_groups
        active = groups.active.name if groups.active is not None else ""
        groups.active_index = at
        with bpy.context.temp_override(object=owner, active_object=owner):
            for _ in range(at - to):
                bpy.ops.object.vertex_group_move(direction="UP")
        groups.active_index = groups.find(active)

    def create(self, writer: Any, owner: Any, key: str, tree: Tree) -> Any:
        return owner.vertex_groups.new(name=tree["name"])


GROUPS = Groups("vertex_groups")
NO_WEIGHTS: list[Any] = [[], [], []]

# Points whose weights are read without a pause: some half a millisecond.
POINTS_PER_SLICE = 500


def _points(data: Any) -> Any:
    return data.vertices if hasattr(data, "vertices") else data.points


def read(reader: Any, data: Any, old: Tree, geometry: Tree, i: Tree, p: Tree) -> None:
    """Adds the groups to the items `i` of the data and the weights to the properties `p` of its geometry."""
    ob = reader.user_of(data)
    if ob is None and not reader.keep:
        return
    if ob is None and reader.seen and reader.doc not in reader.through_objects:
        # Nobody shows them; they are as they were.
        if "weights" in geometry.get("p", {}):
            p["weights"] = geometry["p"]["weights"]
        if "vertex_groups" in old.get("i", {}):
            i["vertex_groups"] = old["i"]["vertex_groups"]
        return
    with showing(ob, data) as shown:
        count = len(shown.vertex_groups)
        if count:
            i["vertex_groups"] = GROUPS.read(reader, shown, old.get("i", {}).get("vertex_groups", {}))
    if count:
        at, values = _read_weights(reader, _points(data), count)
        # One value: the arrays must never be of different lengths.
        p["weights"] = [
            reader.blobs.put(np.array(at, dtype=np.int32).reshape(-1, 2), (reader.doc, "weight_at")),
            reader.blobs.put(np.array(values, dtype=np.float32), (reader.doc, "weights")),
            list(i["vertex_groups"]),
        ]
    if ob is None:
        reader.through_objects.discard(reader.doc)
    else:
        reader.through_objects.add(reader.doc)


@contextmanager
def showing(ob: Any, data: Any) -> Iterator[Any]:
    """An object that shows the groups: the given one, else one for this while."""
    if ob is not None:
        yield ob
        return
    temporary = bpy.data.objects.new("atrium weights", data)
    try:
        yield temporary
    finally:
        bpy.data.objects.remove(temporary)


@contextmanager
def renamed(writer: Any, data: Any, name: str) -> Iterator[None]:
    """The group of that name has another one meanwhile."""
    if not isinstance(data, bpy.types.Mesh):
        yield
        return
    with showing(writer.reader.user_of(data), data) as ob:
        at = ob.vertex_groups.find(name)
        if at >= 0:
            ob.vertex_groups[at].name = "atrium aside"
        yield
        if at >= 0:
            ob.vertex_groups[at].name = name


def _read_weights(reader: Any, points: Any, groups: int) -> tuple[array[int], array[float]]:
    """(vertex, group) after each other, and the weights. Blender has no call that gives them as an array, so this is the slowest reading
    of all: some points at a time, with pauses."""
    draft = reader.draft("weights", [len(points), groups])
    at: array[int] = draft.entries.setdefault("at", array("i"))
    values: array[float] = draft.entries.setdefault("values", array("f"))
    for begin in range(draft.entries.get("next", 0), len(points), POINTS_PER_SLICE):
        for index, point in enumerate(points[begin : begin + POINTS_PER_SLICE], begin):
            for element in point.groups:
                at.append(index)
                at.append(element.group)
                values.append(element.weight)
        draft.entries["next"] = begin + POINTS_PER_SLICE
        reader.pause()
    return at, values


def are_alike(blobs: Any, one: Any, other: Any, groups: Tree) -> bool:
    """Whether two values say the same of these groups: what they say of others counts for nothing."""
    return _of_groups(blobs, one, groups) == _of_groups(blobs, other, groups)


def _of_groups(blobs: Any, value: Any, groups: Tree) -> dict[tuple[int, str], float]:
    at, weights, keys = value or NO_WEIGHTS
    pairs = blobs.get(at, "int32").reshape(-1, 2).tolist()
    found = zip(pairs, blobs.get(weights, "float32").tolist(), strict=True)
    return {(vertex, keys[group]): weight for (vertex, group), weight in found if keys[group] in groups}


def write(writer: Any, data: Any, patch: Tree, full: Tree, cur: Tree, geometry: Tree | None, rebuilt: bool) -> None:
    """`geometry` holds the weights, where they are to be written; where it has none there are to be none."""
    change = (patch.get("i") or {}).get("vertex_groups") if "i" in patch else None
    groups = full.get("i", {}).get("vertex_groups")
    if not change and not (groups and (geometry is not None or rebuilt)):
        return
    have = cur.get("i", {}).get("vertex_groups", {})
    with showing(writer.reader.user_of(data), data) as ob:
        if rebuilt and not ob.vertex_groups:
            # The old geometry took the groups with it: all are made again.
            change, have = groups, {}
        keys = list(have)
        if change:
            keys = GROUPS.write(writer, ob, change, groups or {}, have).keys
        if geometry is not None and ("weights" in geometry or not rebuilt):
            _write_weights(writer, ob, data, geometry.get("weights") or NO_WEIGHTS, keys)


def _write_weights(writer: Any, ob: Any, data: Any, value: list[Any], keys: list[str]) -> None:
    """`keys` are those of the groups, in Blender's order."""
    at = writer.blobs.get(value[0], "int32").reshape(-1, 2)
    weights = writer.blobs.get(value[1], "float32")
    count = len(_points(data))
    groups = ob.vertex_groups
    place = {key: i for i, key in enumerate(keys)}
    meant = [place.get(key) for key in value[2]]
    if len(at) != len(weights) or (len(at) and (at.min() < 0 or at[:, 0].max() >= count)):
        raise ValueError("vertex weights out of range")
    everything = list(range(count))
    for group in groups:
        group.remove(everything)
    # One call per group and weight: weights repeat (0, 0.5, 1) more often than not.
    together: dict[tuple[int, float], list[int]] = defaultdict(list)
    for (vertex, group), weight in zip(at.tolist(), weights.tolist(), strict=True):
        index = meant[group] if group < len(meant) else None
        if index is not None:
            together[index, weight].append(vertex)
    for (group, weight), vertices in together.items():
        groups[group].add(vertices, weight, "REPLACE")
