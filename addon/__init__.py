# SPDX-License-Identifier: GPL-3.0-or-later
"""Atrium: several people work live in one Blender scene.

The add-on is a thin rim around the engine (the package `atrium`, written in C): ui/ draws and calls, session/ is one
connection, sync/ turns Blender's data into documents and back. `tick()` is one step of it all; with a window a timer
calls it, without one scripts and tests do.
"""

from . import ui
from .session import lifecycle, runtime
from .session.runtime import tick

__all__ = ["register", "tick", "unregister"]


def register() -> None:
    runtime.open()
    ui.register()
    lifecycle.register()
    runtime.wake()


def unregister() -> None:
    lifecycle.unregister()
    ui.unregister()
