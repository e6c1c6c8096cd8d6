# SPDX-License-Identifier: GPL-3.0-or-later
"""Ticks that come sooner than Blender's timers do.

Between rounds in which nothing happens Blender's main loop sleeps for 5 ms, whatever interval a timer of `bpy.app.timers` asks for. A timer of
a window wakes it when that is due. So one of these runs while somebody waits for what takes some milliseconds, and no longer than HASTE_S: what is
far away does not come sooner by looking for it more often.
"""

from __future__ import annotations

import time
from typing import Any

import bpy

HASTE_S = 0.1
STEP_S = 0.001

_timer: Any = None
_window = 0  # its address: closing a window ends its timers
_until = 0.0


def begin() -> None:
    global _timer, _window, _until
    _until = time.monotonic() + HASTE_S
    manager = bpy.context.window_manager
    if _timer is None and manager.windows:
        window = manager.windows[0]
        _timer, _window = manager.event_timer_add(STEP_S, window=window), window.as_pointer()


def goes_on() -> bool:
    return _timer is not None and time.monotonic() < _until


def end() -> None:
    """Also before a file is loaded, which may replace the windows."""
    global _timer
    timer, _timer = _timer, None
    manager = bpy.context.window_manager
    if timer is not None and manager and any(window.as_pointer() == _window for window in manager.windows):
        manager.event_timer_remove(timer)
