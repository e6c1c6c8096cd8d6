# SPDX-License-Identifier: GPL-3.0-or-later
"""Preferences: the port to host on, who may enter unasked, how much of Blender's time a session may take, the log.

Name, colour and host are not here: they belong to the person and are kept in ATRIUM_HOME (session/settings.py).
Where the add-on was registered without being enabled as one (some tests do), the defaults below hold.
"""

import logging
import os
from logging.handlers import RotatingFileHandler
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty

from ..session import runtime
from ..session.address import DEFAULT_PORT
from ..session.driver import Options
from ..session.repeats import Repeats

PACKAGE = __package__.rpartition(".")[0]

log = logging.getLogger("atrium")
_handler: logging.Handler | None = None

LEVELS = [
    ("OFF", "Off", "Write no log"),
    ("ERROR", "Errors", "Write down what went wrong"),
    ("DEBUG", "Everything", "Write down every message, for finding an error. Grows quickly"),
]
LOG_BYTES_MAX = 8 << 20


def _set_log(preferences: Any, _: Any = None) -> None:
    """Writes to ATRIUM_HOME/logs/addon.log from now on, or no longer."""
    global _handler
    level = preferences.log_level if preferences is not None else "ERROR"
    _end_log()
    if level == "OFF":
        return
    path = runtime.home() / "logs" / "addon.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _handler = RotatingFileHandler(path, maxBytes=LOG_BYTES_MAX, backupCount=1, encoding="utf-8", delay=True)
    except OSError:
        return  # a log is no reason to fail
    _handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    _handler.addFilter(Repeats())
    log.addHandler(_handler)
    log.setLevel(level)


def _end_log() -> None:
    global _handler
    if _handler is not None:
        log.removeHandler(_handler)
        _handler.close()
        _handler = None


class AtriumPreferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    port: IntProperty(
        name="Port",
        description="TCP port of the server that Connect starts on this machine",
        default=DEFAULT_PORT,
        min=1024,
        max=65535,
    )
    open_door: BoolProperty(
        name="Let Everybody In",
        description="The server that Connect starts on this machine lets in everybody who reaches it, unasked",
        default=False,
    )
    discovery: BoolProperty(
        name="Local Network",
        description="Show who hosts on the local network, and let others there find the server that Connect starts on this "
        "machine. They see the name of this machine, and your rooms only if you have let them in",
        default=True,
    )
    map_port: BoolProperty(
        name="Map Port on the Router",
        description="Ask the router to pass on the port of the server that Connect starts on this machine, so that guests can come "
        "from the internet. It is given back when the server ends",
        default=True,
    )
    tick_budget_ms: FloatProperty(
        name="Time per Tick",
        description="Milliseconds of Blender's time that a session may take, about 100 times a second; it takes less "
        "when there is less to do",
        default=4.0,
        min=0.5,
        max=50.0,
    )
    log_level: EnumProperty(name="Log File", items=LEVELS, default="ERROR", update=_set_log)

    def draw(self, _: Any) -> None:
        layout = self.layout
        layout.use_property_split = True
        column = layout.column(heading="Hosting")
        column.prop(self, "port")
        column.prop(self, "open_door")
        column.prop(self, "map_port")
        layout.prop(self, "discovery")
        layout.prop(self, "tick_budget_ms")
        layout.prop(self, "log_level")
        layout.label(text=f"{runtime.home()}", icon="FILE_FOLDER", translate=False)


def find() -> Any:
    addon = bpy.context.preferences.addons.get(PACKAGE)
    return addon.preferences if addon is not None else None


def options() -> Options:
    preferences = find()
    return Options(
        port=preferences.port if preferences else DEFAULT_PORT,
        open_door=bool(preferences and preferences.open_door),
        online=bool(bpy.app.online_access),
        discovery=bool(preferences.discovery) if preferences else True,
        map_port=bool(preferences.map_port) if preferences else True,
        background=bpy.app.background,
        trust_first=os.environ.get("ATRIUM_TRUST") == "first-use",
    )


def budget_ms() -> float:
    preferences = find()
    return float(preferences.tick_budget_ms) if preferences else 4.0


def register() -> None:
    bpy.utils.register_class(AtriumPreferences)
    runtime.options = options
    runtime.budget_ms = budget_ms
    _set_log(find())


def unregister() -> None:
    _end_log()
    bpy.utils.unregister_class(AtriumPreferences)
