# SPDX-License-Identifier: GPL-3.0-or-later
"""What may have changed: hints from Blender's handlers.

Handlers only remember numbers (`session_uid`); the capture decides later, on the main thread, with the shadow. While
Blender renders, some of them run on other threads, where touching bpy crashes: they then do nothing but set flags.
What Blender does not report at all is covered by polling (replicator.py).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import bpy
from bpy.app.handlers import persistent

# With each update the longest one counts for less: after some twenty it is forgotten.
UPDATE_FADE = 0.9


# Work on threads of their own, of which no handler tells; Blender names those of the first kind, and the operator that waits for one of the second (until
# the first event after its end).
JOBS = ("RENDER", "OBJECT_BAKE")
BAKES = re.compile(r"(FLUID|PTCACHE)_OT_bake|OBJECT_OT_(simulation_nodes|geometry_node)_")


def running() -> list[str]:
    """The operators that the user is in the middle of."""
    windows = bpy.context.window_manager.windows if bpy.context.window_manager else ()
    return [operator.bl_idname for window in windows for operator in getattr(window, "modal_operators", ())]


class Tracker:
    """The hints since they were last taken. One per process; handlers cannot carry state of their own."""

    def __init__(self) -> None:
        self.uids: dict[int, None] = {}
        self.structure = True
        self.undone = False
        self.rendering = 0  # for the handlers: they may run on another thread
        # Whether something was written to Blender's data that no undo step knows.
        self.foreign = False
        # Called before an undo or redo, where the data is still what its user has just made of it.
        self.before_undo: Callable[[], None] | None = None
        # What Blender's own updates take, the longest of late; and when the present one has begun.
        self.update_s = 0.0
        self.update_begun = 0.0

    def take(self) -> list[int]:
        out = list(self.uids)
        self.uids.clear()
        return out

    def busy(self) -> bool:
        """Whether Blender renders or bakes: then nothing may be read or written. On the main thread.

        A render that cannot begin is announced to handlers and never ended, so what they have noted counts for themselves only."""
        if any(bpy.app.is_job_running(job) for job in JOBS):
            return True
        self.rendering = 0
        return any(BAKES.match(name) for name in running())


tracker = Tracker()


@persistent
def _depsgraph_begin(*_: Any) -> None:
    if not tracker.rendering:
        tracker.update_begun = time.perf_counter()


@persistent
def _depsgraph_update(scene: Any, depsgraph: Any = None) -> None:
    if tracker.rendering or depsgraph is None:
        return
    if tracker.update_begun:
        took = time.perf_counter() - tracker.update_begun
        tracker.update_s = max(took, UPDATE_FADE * tracker.update_s)
        tracker.update_begun = 0.0
    tracker.structure = True
    for update in depsgraph.updates:
        block = update.id.original
        if block is not None:
            tracker.uids[block.session_uid] = None


# What the preferences said before an undo that is under way, and where Blender's data was: it is made anew where a whole step is read.
_before_undo: list[tuple[bool, bool, bool, int]] = []


@persistent
def _undo_begins(*_: Any) -> None:
    """Makes Blender read the whole of the undo step where others have changed something since the last one was made.

    What others change makes no undo step. Blender's undo keeps a datablock as it stands if two steps agree on it: then what
    others have made it point to stays, too, although the undo may just have freed that, and Blender crashes. There is no call for a full
    read, only a preference, hidden among the developer's, so it is set for as long as the undo takes.
    """
    if tracker.before_undo is not None:
        tracker.before_undo()
    if not tracker.foreign or _before_undo:
        return
    preferences = bpy.context.preferences
    now = (preferences.view.show_developer_ui, preferences.experimental.use_undo_legacy, preferences.is_dirty)
    _before_undo.append((*now, bpy.data.as_pointer()))
    preferences.view.show_developer_ui = preferences.experimental.use_undo_legacy = True


@persistent
def _undo(*_: Any) -> None:
    tracker.undone = True
    tracker.structure = True
    if _before_undo:
        preferences = bpy.context.preferences
        developer, legacy, changed, data = _before_undo.pop()
        if data != bpy.data.as_pointer():
            # Not by a step of edit mode alone: that leaves what others have written, for the next undo.
            tracker.foreign = False
        preferences.view.show_developer_ui, preferences.experimental.use_undo_legacy = developer, legacy
        preferences.is_dirty = changed


@persistent
def _render_begin(*_: Any) -> None:
    tracker.rendering = 1


@persistent
def _render_end(*_: Any) -> None:
    tracker.rendering = 0


_HANDLERS = {
    "depsgraph_update_pre": _depsgraph_begin,
    "depsgraph_update_post": _depsgraph_update,
    "undo_pre": _undo_begins,
    "redo_pre": _undo_begins,
    "undo_post": _undo,
    "redo_post": _undo,
    "render_init": _render_begin,
    "render_complete": _render_end,
    "render_cancel": _render_end,
}


def attach(before_undo: Callable[[], None]) -> None:
    for name, function in _HANDLERS.items():
        functions = getattr(bpy.app.handlers, name, None)
        if functions is not None and function not in functions:
            functions.append(function)
    tracker.__init__()  # type: ignore[misc]
    tracker.before_undo = before_undo


def detach() -> None:
    tracker.before_undo = None
    for name, function in _HANDLERS.items():
        functions = getattr(bpy.app.handlers, name, None)
        if functions is not None and function in functions:
            functions.remove(function)
