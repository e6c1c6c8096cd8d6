# SPDX-License-Identifier: GPL-3.0-or-later
"""When Blender starts, loads, saves and ends: what the session must do then.

Loading another file leaves the room, after what was queued has gone out, and offers to join again. Handlers are
persistent, so they outlive the load. A Blender that is closed switches its add-ons off first, while there is a scene:
what was changed last goes out then. The engine's thread is ended on unregister and at exit; both may happen, and in any order.
"""

from __future__ import annotations

import atexit
from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import haste, runtime


@persistent
def on_load_pre(*_: Any) -> None:
    haste.end()
    session, scene = runtime.session(), runtime.scene()
    if session is not None and scene is not None and not scene.loading:
        session.file_loads()


@persistent
def on_load_post(*_: Any) -> None:
    """A loaded file has its own window manager settings; what mirrors the state is written anew."""
    scene = runtime.scene()
    if scene is not None and not scene.loading:
        scene.mark_saved()
    runtime.notify_loaded()


@persistent
def on_load_failed(*_: Any) -> None:
    """The scene is still the one that was left: what a room has made of it is in no file."""
    runtime.notify_loaded()


@persistent
def on_save_post(path: Any = "", *_: Any) -> None:
    """A copy that was saved elsewhere leaves the user's own file as it was."""
    scene = runtime.scene()
    if scene is not None and path == bpy.data.filepath:
        scene.mark_saved()


_HANDLERS = (
    ("load_pre", on_load_pre),
    ("load_post", on_load_post),
    ("load_post_fail", on_load_failed),
    ("save_post", on_save_post),
)


def register() -> None:
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)
    atexit.register(runtime.close)


def unregister() -> None:
    session = runtime.session()
    if session is not None:
        session.quits()
    atexit.unregister(runtime.close)
    for name, handler in _HANDLERS:
        handlers = getattr(bpy.app.handlers, name)
        if handler in handlers:
            handlers.remove(handler)
    runtime.close()
