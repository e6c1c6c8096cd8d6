# SPDX-License-Identifier: GPL-3.0-or-later
"""The one session of this Blender, and the timer that moves it.

Blender keeps no Python objects, so the state lives here, for as long as the add-on is registered. `tick` is one step;
with a window Blender's timer calls it, in background (where timers never fire) the waiting operators do, and so do
tests. The timer runs only while there is an engine: an add-on that nobody uses costs nothing.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from . import haste, settings
from .checking import MachineLook
from .driver import Helpers, Options, Session
from .history import History
from .join import BlenderScene
from .state import JOINED, LOBBY, OFFLINE, State, Task

log = logging.getLogger("atrium")

# Seconds from one tick to the next. Blender's own granularity is some 5 ms; at 0.008 an edit waits 4 ms on average. When nothing
# has happened for QUIET_S the ticks become half as many: with BUDGET_IDLE_MS that is 6 % of a core, spent looking for what Blender
# does not report.
TICK_LIVE_S = 0.008
TICK_QUIET_S = 0.016
QUIET_S = 2.0
# For so long after something was asked for, ticks come as often as Blender lets them: a server that is near answers within some
# milliseconds, and connecting takes several steps.
ASKED_S = 1.0
TICK_ASKED_S = 0.004
TICK_BUSY_S = 0.02
TICK_IDLE_S = 0.1

# Milliseconds per tick in which something long goes on (upload, building a scene): the panel still draws 30 times a
# second.
BUDGET_LONG_MS = 25.0
BUDGET_IDLE_MS = 1.0
BUDGET_BACKGROUND_MS = 50.0
# With this many documents to capture or to apply, waiting is worse than a picture less per second.
BACKLOG = 200
BUDGET_BACKLOG_MS = 10.0

_session: Session | None = None
_scene: BlenderScene | None = None
_home: Path | None = None
_listeners: list[Callable[[], None]] = []  # the user interface: called after each tick that changed something
_loaded: list[Callable[[], None]] = []
_waiting: list[tuple[Task, Callable[[Task], None]]] = []
_seen_revision = -1
_drawn_second = -1
_worked_at = 0.0
_asked_at = -ASKED_S

# The preferences, filled in by the user interface.
options: Callable[[], Options] = Options


def _default_budget_ms() -> float:
    return 4.0


budget_ms: Callable[[], float] = _default_budget_ms


def session() -> Session | None:
    return _session


def scene() -> BlenderScene | None:
    return _scene


def state() -> State:
    return need().state


def need() -> Session:
    if _session is None:
        raise RuntimeError("The add-on Atrium is not enabled.")
    return _session


def home() -> Path:
    assert _home is not None
    return _home


def open() -> None:
    global _session, _scene, _home
    _home = _home_folder()
    _scene = BlenderScene(_home)
    state = State(settings.load(_home), tuple(bpy.app.version), history=History(_home))
    helpers = Helpers(_make_check, _look_at_machine, _make_tunnel, _installed_tunnels)
    _session = Session(state, _scene, _make_engine, _ensure_server, lambda: options(), helpers)


def close() -> None:
    global _session, _scene
    haste.end()
    if _session is not None:
        _session.close()
    _session = _scene = None
    if bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.unregister(_on_timer)


def tick() -> None:
    """One step: takes what the engine has told, works within the time budget, sends what is to be sent."""
    if _session is None:
        return
    global _worked_at
    if _session.has_work:
        _worked_at = time.monotonic()
    _session.tick(_budget(_session))
    _call_waiting()
    announce()


def announce() -> None:
    """Tells the listeners if anything has changed; also once a second while something is under way, for the clock in the
    panel."""
    global _seen_revision, _drawn_second
    if _session is None:
        return
    state = _session.state
    second = state.elapsed_s if state.phase not in (OFFLINE, LOBBY, JOINED) else -1
    if (state.revision, second) != (_seen_revision, _drawn_second):
        _seen_revision, _drawn_second = state.revision, second
        for listener in _listeners:
            listener()


def wake() -> None:
    """Something was asked for: the timer must run, and at once, not when an idle tick would have come."""
    global _asked_at
    _asked_at = time.monotonic()
    if not bpy.app.background:
        if _is_waited_for():
            haste.begin()
        if bpy.app.timers.is_registered(_on_timer):
            bpy.app.timers.unregister(_on_timer)
        bpy.app.timers.register(_on_timer, persistent=True)
    announce()


def glance() -> None:
    """The list of hosts on the local network is being drawn. The timer does what follows from that."""
    if _session is None or bpy.app.background:
        return
    _session.looking.glance()
    if _session.looking.wanted and not bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.register(_on_timer, persistent=True)


def when_done(task: Task, call: Callable[[Task], None]) -> None:
    """Calls once the task has ended: for what an operator that has returned long ago still has to do."""
    _waiting.append((task, call))


def _call_waiting() -> None:
    for pair in [pair for pair in _waiting if pair[0].done]:
        _waiting.remove(pair)
        pair[1](pair[0])


def listen(changed: Callable[[], None], loaded: Callable[[], None]) -> None:
    _listeners.append(changed)
    _loaded.append(loaded)


def unlisten() -> None:
    _listeners.clear()
    _loaded.clear()


def notify_loaded() -> None:
    for listener in _loaded:
        listener()


def _on_timer() -> float | None:
    """The timer's body. An exception would end the timer for good, so it is logged here instead."""
    if _session is None:
        return None
    try:
        tick()
    except Exception:
        log.exception("tick")
    if not _is_waited_for() or not haste.goes_on():
        haste.end()
    return _interval()


def _is_waited_for() -> bool:
    task = _session.state.task if _session is not None else None
    return task is not None and not task.done


def _interval() -> float:
    if haste.goes_on():
        return haste.STEP_S
    phase = state().phase
    if phase == JOINED:
        return TICK_LIVE_S if time.monotonic() - _worked_at < QUIET_S else TICK_QUIET_S
    if time.monotonic() - _asked_at < ASKED_S:
        return TICK_ASKED_S
    return TICK_IDLE_S if phase in (OFFLINE, LOBBY) else TICK_BUSY_S


def _budget(current: Session) -> float:
    if current.state.progress is not None:
        return BUDGET_BACKGROUND_MS if bpy.app.background else BUDGET_LONG_MS
    if not current.has_work:
        return BUDGET_IDLE_MS
    pending = current.replicator.pending if current.replicator is not None else 0
    return max(budget_ms(), BUDGET_BACKLOG_MS) if pending > BACKLOG else budget_ms()


def _home_folder() -> Path:
    """Without the engine's package the add-on still registers, and says so when it is used."""
    try:
        from atrium.home import default_home, home_folder
    except ImportError:
        return Path(os.environ.get("ATRIUM_HOME") or bpy.utils.user_resource("CONFIG", path="atrium"))
    try:
        return Path(home_folder())
    except OSError as error:  # it is said when the folder is used
        return Path(error.filename or default_home())


def _make_engine() -> Any:
    from atrium.engine import Engine

    return Engine(home(), interactive=True)


def _make_check(host: str) -> Any:
    from atrium.check import Check

    return Check(host, home=home())


def _look_at_machine(port: int | None) -> Any:
    from atrium.machine import MachineCheck

    current = options()
    wanted = current.server_settings
    bind = "::" if "network" in wanted else "127.0.0.1"
    return MachineLook(lambda: MachineCheck(port or current.port, home(), bind, "map_port" in wanted))


def _make_tunnel(program: str, port: int) -> Any:
    from atrium.tunnels import Tunnel

    return Tunnel(program, port, home())


def _installed_tunnels() -> list[str]:
    from atrium.tunnels import installed

    return installed()


def _ensure_server(port: int, **how: Any) -> Any:
    from atrium.hosting import ensure_server

    return ensure_server(port, home(), **how)
