# SPDX-License-Identifier: GPL-3.0-or-later
"""The rest pose of an armature, to the last bit.

Blender keeps a bone as its head and tail relative to its parent and a rotation, and shows none of them for writing. All
that can be set is what edit mode shows; on leaving it everything is computed anew, in single precision, bone after
bone, and comes out a few last digits off. Yet the sender's numbers came out of that same computation, so there is an input that
gives exactly them, and it is near: the neighbours of the exact solution are tried, all bones of one depth at once, a
visit to edit mode each. Numbers that no input gives (an older Blender computed otherwise) stay as they come out first.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import values

Tree = dict[str, Any]
EditMode = Callable[[], AbstractContextManager[None]]

# Visits to edit mode for one armature: two milliseconds each for a usual character. What can be had at all needs less.
VISITS_MAX = 128
# Neighbours tried: of a point so many steps in each direction, of a roll so many steps either way.
_REACH = 1
_ROLL_REACH = 14

_OFFSETS = np.array(
    sorted(itertools.product(range(-_REACH, _REACH + 1), repeat=3), key=lambda o: sum(x * x for x in o)),
    dtype=np.float64,
)


def read(bone: Any) -> list[Any]:
    """What Blender stores of a bone: head and tail from the parent's tail, in its axes, and the rotation."""
    return values.encode_floats([*bone.head, *bone.tail, *(x for row in bone.matrix for x in row)])


@dataclass
class Bone:
    """A bone on its way to its target."""

    name: str
    parent: str
    # What edit mode is given.
    head: np.ndarray
    tail: np.ndarray
    roll: float
    # What shall come out: head, tail, rotation.
    target: np.ndarray
    tries: dict[str, Iterator[Any]] = field(default_factory=dict)
    given_up: bool = False


class Bones:
    """The bones of one armature as they came out last."""

    def __init__(self, armature: Any) -> None:
        found = armature.bones
        self.at = {bone.name: i for i, bone in enumerate(found)}
        self.rest = np.concatenate([self._get(found, "head", 3), self._get(found, "tail", 3)], axis=1)
        # Matrices come by columns.
        self.rotation = self._get(found, "matrix", 9).reshape(-1, 3, 3).transpose(0, 2, 1)
        self.place = self._get(found, "matrix_local", 16).reshape(-1, 4, 4).transpose(0, 2, 1)
        self.tail_local = self._get(found, "tail_local", 3)

    @staticmethod
    def _get(bones: Any, name: str, width: int) -> np.ndarray:
        column = np.empty(len(bones) * width, dtype=np.float32)
        bones.foreach_get(name, column)
        return column.reshape(-1, width)

    def missed(self, bone: Bone) -> list[str]:
        """Which of head, tail and roll did not come out as they shall."""
        i = self.at[bone.name]
        rest, target = self.rest[i], bone.target
        out = []
        if not np.array_equal(rest[:3], target[:3]):
            out.append("head")
        if not np.array_equal(rest[3:], target[3:6]):
            out.append("tail")
        if not out and not np.array_equal(self.rotation[i].reshape(-1), target[6:]):
            out.append("roll")
        return out


def restore(armature: Any, wanted: dict[str, Tree], edit_mode: EditMode) -> None:
    """Gives the bones of an armature the rest pose that a tree's bones state; `wanted` holds their properties by name."""
    bones = {name: _bone(name, p) for name, p in wanted.items() if name in armature.bones}
    first = {name: (bone.head, bone.tail, bone.roll) for name, bone in bones.items()}
    for _ in range(VISITS_MAX):
        state = Bones(armature)
        active = _active(bones, state)
        if not active:
            break
        for bone, what in active:
            if not _next(bone, what, state):
                bone.given_up = True
                bone.head, bone.tail, bone.roll = first[bone.name]
        with edit_mode():
            _set(armature.edit_bones, bones)


def _bone(name: str, p: Tree) -> Bone:
    head, tail = (np.array(values.decode(p[n]), dtype=np.float32) for n in ("head", "tail"))
    target = np.array(values.decode(p.get("rest", [])), dtype=np.float32)
    is_known = len(target) == 15
    if is_known and not p.get("parent"):
        head, tail = target[:3], target[3:6]
    return Bone(name, p.get("parent") or "", head, tail, values.decode(p["roll"]), target, given_up=not is_known)


def _active(bones: dict[str, Bone], state: Bones) -> list[tuple[Bone, list[str]]]:
    """Those that are off although their ancestors are as good as they get."""
    off = {name: what for name, bone in bones.items() if not bone.given_up and (what := state.missed(bone))}

    def waits(bone: Bone) -> bool:
        parent = bones.get(bone.parent)
        return parent is not None and (parent.name in off or waits(parent))

    return [(bones[name], what) for name, what in off.items() if not waits(bones[name])]


def _next(bone: Bone, missed: list[str], state: Bones) -> bool:
    """Takes the next neighbour of what is off; False if there is none left."""
    for what in missed:
        if what not in bone.tries:
            bone.tries[what] = _rolls(bone, state) if what == "roll" else _points(bone, what, state)
        found = next(bone.tries[what], None)
        if found is None:
            return False
        setattr(bone, what, found)
    return True


def _points(bone: Bone, what: str, state: Bones) -> Iterator[np.ndarray]:
    """What may be the point in edit mode, nearest first."""
    relative = bone.target[:3] if what == "head" else bone.target[3:6]
    at = state.at.get(bone.parent)
    if at is None:
        yield relative
        return
    origin = state.tail_local[at].astype(np.float64)
    exact = origin + state.place[at, :3, :3].astype(np.float64) @ relative.astype(np.float64)
    step = np.spacing(np.maximum(np.abs(exact), np.abs(origin)).astype(np.float32)).astype(np.float64)
    yield from (exact + _OFFSETS * step).astype(np.float32)


def _rolls(bone: Bone, state: Bones) -> Iterator[float]:
    here = state.rotation[state.at[bone.name]].astype(np.float64)
    there = bone.target[6:].astype(np.float64).reshape(3, 3)
    across, goal, axis = here[:, 0], there[:, 0], there[:, 1]
    angle = float(np.arctan2(np.cross(across, goal) @ axis, across @ goal))
    exact = float(np.float32(bone.roll + angle))
    for step in (float(np.spacing(np.float32(abs(exact)))), 2.0**-26):
        for n in range(_ROLL_REACH + 1):
            yield exact + n * step
            if n:
                yield exact - n * step


def _set(edit_bones: Any, bones: dict[str, Bone]) -> None:
    """All at once, past the callbacks that move connected bones along."""
    found = [bones.get(bone.name) for bone in edit_bones]
    for name, width in (("head", 3), ("tail", 3), ("roll", 1)):
        column = np.empty(len(found) * width, dtype=np.float32)
        edit_bones.foreach_get(name, column)
        for i, bone in enumerate(found):
            if bone is not None:
                column[i * width : (i + 1) * width] = getattr(bone, name)
        edit_bones.foreach_set(name, column)
