# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's undo history, where it must not go on as it is.

There is no call that drops undo steps, but Blender keeps no more than the preferences say; two are the fewest. One step more stays before
those, and where that is one of edit mode, also what it is based on.

Such steps of edit mode hold what was edited and find it by name; the scene around it is that of a whole step below them. Blender 5.0 and
5.1 crash where they go back into the edit mode of an armature on a whole step in which a pose has bones that the armature has not: a
renamed or duplicated bone is in the pose at once, and in the armature when edit mode is written back to it. Blender does that before it makes a whole
step only if a step of edit mode was made since it did so last, to save the file for example; and it makes one below the next step of edit
mode whenever datablocks have come, gone or got another name. Alone that is a script's doing mostly; in a room others make datablocks
all the time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import bpy
import numpy as np

# What stands under Edit > Undo History where others were the reason, and where bones were.
BY_OTHERS = "Removed or Renamed by Another"
BONES = "Edit Bones"
# Since this Blender a pose is read when its armature goes into edit mode.
POSES_READ = (5, 0)
# Blender takes no less.
STEPS_MIN = 2
# Of these all steps are whole ones.
PLAIN_MODES = ("OBJECT", "POSE")

# By number: the images that were painted since the history has begun, and what was in edit mode when something was undone: that can be redone.
_painted: set[int] = set()
_undone: set[int] = set()
# Whether something has gone that steps may look for.
_gone = [False]


def begin(message: str) -> None:
    """As if the scene had been loaded from a file now: the user's first undo ends here, and at nothing of before."""
    preferences = bpy.context.preferences
    steps, changed = preferences.edit.undo_steps, preferences.is_dirty
    preferences.edit.undo_steps = STEPS_MIN
    try:
        for _ in range(STEPS_MIN + 1):
            bpy.ops.ed.undo_push(message=message)
    except RuntimeError:  # no window to do it in
        return
    finally:
        preferences.edit.undo_steps = steps
        preferences.is_dirty = changed
    _gone[0] = False
    _painted.clear()
    _undone.clear()


def in_hand() -> Iterator[tuple[Any, list[Any]]]:
    """Of each window in whose mode steps find what they are about by its name: the scene, and the objects."""
    for window in bpy.context.window_manager.windows:
        active = window.view_layer.objects.active
        if active is None or active.mode in PLAIN_MODES:
            continue
        with bpy.context.temp_override(window=window):
            edited = list(bpy.context.objects_in_mode)
        yield window.scene, edited if active.mode == "EDIT" else [active]


def _edited() -> set[int]:
    """The numbers of all that."""
    out: set[int] = set()
    for scene, objects in in_hand():
        out.update(block.session_uid for ob in objects for block in (ob, ob.data) if block is not None)
        out.add(scene.session_uid)
    return out


def note_painted(image: Any) -> None:
    """Blender tells nobody of what was painted; the image itself knows as long as it is not saved."""
    _painted.add(image.session_uid)


def note_undone() -> None:
    """An undo or redo begins."""
    _undone.update(_edited())


def note_gone(blocks: Collection[Any]) -> None:
    """Others remove or rename these. An undo within edit mode, or of painting, and a redo into edit mode look for what they are about in the scene
    as it is, and crash Blender where it has gone. (An undo into edit mode loads the scene of that time first.) There is no call that
    drops some steps, so all are forgotten."""
    if not blocks:
        return
    found = _edited() | _painted | (_undone if bpy.ops.ed.redo.poll() else set())
    _gone[0] |= any(
        block.session_uid in found or (isinstance(block, bpy.types.Image) and block.is_dirty) for block in blocks
    )


def settle(*, modal: bool) -> None:
    """Begins anew where something has gone; while an operator runs that has waited."""
    if _gone[0] and not modal:
        begin(BY_OTHERS)


class Rigs:
    """Armatures in edit mode, so that no undo or redo goes back to a whole step with bones of a pose only. One per process, as the undo history is."""

    def __init__(self) -> None:
        # By the number of each object that was edited at the last look: the bones of its pose only, and how its edit bones were selected.
        self._seen: dict[int, tuple[set[str], bytes | None]] = {}
        # Whether Blender makes a whole step with the user's next one: until something in edit mode is changed or selected.
        self._whole_step_due = False
        # Whether anything has been named as changed since the last look.
        self._changed = False

    def note_datablocks(self) -> None:
        """Datablocks have come, gone or got another name, and not by their user."""
        self._whole_step_due = True

    def look(self, changed: Collection[int], *, modal: bool) -> None:
        """What Blender has named as changed, by number. Where an operator runs, its step is still to come."""
        self._changed = self._changed or bool(changed)
        if modal or not self._changed or bpy.app.version < POSES_READ:
            return
        self._changed = False
        before, self._seen = self._seen, {}
        edited = _edited_rigs()
        stepped, unsafe = not edited, False
        for ob in edited:
            uid = ob.session_uid
            posed, selected = set(ob.pose.bones.keys()) - set(ob.data.bones.keys()), _selection(ob.data)
            self._seen[uid] = posed, selected
            known, selection = before.get(uid, (set(), None))
            # Going into edit mode makes a whole step due as well. Had the bones been written back before that, they would be the armature's now.
            unsafe |= not posed <= known and (selection is None or self._whole_step_due)
            stepped |= selection != selected or ob.data.session_uid in changed
        if stepped:
            self._whole_step_due = False
        if unsafe:
            self._begin()

    def _begin(self) -> None:
        """On a whole step in which each armature has the bones of its poses."""
        bpy.ops.ed.flush_edits()
        bpy.data.objects.remove(bpy.data.objects.new("atrium whole step", None))
        begin(BONES)
        self._seen = {uid: (set(), selected) for uid, (_, selected) in self._seen.items()}


rigs = Rigs()


def _edited_rigs() -> list[Any]:
    found = {ob.session_uid: ob for _, objects in in_hand() for ob in objects if ob.mode == "EDIT"}
    return [ob for ob in found.values() if ob.type == "ARMATURE" and ob.pose is not None]


def _selection(armature: Any) -> bytes:
    chosen = np.empty(len(armature.edit_bones), dtype=bool)
    armature.edit_bones.foreach_get("select", chosen)
    return chosen.tobytes()
