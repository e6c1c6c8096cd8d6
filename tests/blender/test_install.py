# SPDX-License-Identifier: MIT
"""The real zip in every Blender: checked, installed, used, updated, removed.

One file must serve Blender 4.2 to 5.2 and Python 3.11 to 3.14. Enabling shows
that it registers, connecting shows that the engine's module loads beside the
libraries which that Blender has loaded already, and removal must leave nothing
of it, not even while Blender had it loaded before.
"""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

from tests.blender import extension
from tests.blender.blenders import Blender
from tests.blender.conftest import Start
from tests.blender.inside import bpy
from tests.blender.party import Party, prepare


def test_blender_accepts_the_zip(any_kind: Blender, tmp_path: Path, atrium_zip: Path) -> None:
    assert "Success" in extension.validate(any_kind, tmp_path, atrium_zip)


def test_the_wheel_is_typed_and_brings_the_server(atrium_zip: Path) -> None:
    """What a pipeline engineer gets who installs the wheel by itself: types for the checker, and `atrium-server`."""
    with zipfile.ZipFile(atrium_zip) as pack:
        (name,) = (name for name in pack.namelist() if name.endswith(".whl"))
        with zipfile.ZipFile(io.BytesIO(pack.read(name))) as wheel:
            files = set(wheel.namelist())
            (commands,) = (wheel.read(name).decode() for name in files if name.endswith("entry_points.txt"))
    assert {"atrium/py.typed", "atrium/_core.pyi", "atrium/_core.abi3.so"} <= files
    assert "atrium-server = " in commands


def what_is_there() -> dict[str, Any]:
    import atrium
    from atrium import _core

    own = bpy.context.window_manager.atrium
    properties = own.bl_rna.properties
    operators = [name for name in dir(bpy.ops.atrium) if not name.startswith("_")]
    return {
        "version": atrium.__version__,
        "core": os.path.basename(_core.__file__),
        "operators": {name: getattr(bpy.ops.atrium, name).get_rna_type().properties.keys() for name in operators},
        "properties": properties.keys(),
        "items": {name: properties[name].fixed_type.properties.keys() for name in ("rooms", "users", "knocks")},
        "panel": hasattr(bpy.types, "ATRIUM_PT_main"),
        "state": own.state,
    }


# What scripts and other tools may rely on.
OPERATORS: dict[str, set[str]] = {
    "connect": {"password", "timeout"},
    "disconnect": {"timeout"},
    "host": {"timeout"},
    "create_room": {"name", "timeout"},
    "join_room": {"name", "unsaved", "timeout"},
    "leave_room": {"timeout"},
    "flush": {"timeout"},
    "admit": {"key", "remember"},
    "refuse": {"key", "remember"},
    "trust_host": {"code"},
    "forget_host": {"host"},
    "create_invite": {"expires_h"},
    "revoke_invites": set(),
    "restart_server": {"timeout"},
    "check_network": {"host", "timeout"},
    "start_tunnel": {"program", "timeout"},
    "stop_tunnel": set(),
    "forget_used_hosts": {"host"},
}
PROPERTIES = [
    "host",
    "user_name",
    "user_color",
    "state",
    "room",
    "rooms",
    "users",
    "knocks",
    "check_code",
    "invite",
    "check_report",
    "pending",
    "latency_ms",
    "error",
]
ITEMS = {
    "rooms": ["name", "id", "users", "bytes", "blender_version", "joinable", "reason"],
    "users": ["name", "id", "color", "is_me"],
    "knocks": ["name", "key", "check_code"],
}


def test_installed_it_registers_and_its_engine_loads(
    any_kind: Blender, start: Start, tmp_path: Path, atrium_zip: Path
) -> None:
    extension.install(any_kind, tmp_path, "anna", atrium_zip)
    anna = start(any_kind, "anna")
    extension.enable(anna)
    found = anna.call(what_is_there)
    assert atrium_zip.name == f"atrium-{found['version']}.zip"
    assert found["core"] == "_core.abi3.so"
    for name, arguments in OPERATORS.items():
        assert arguments <= set(found["operators"][name]), name
    assert set(PROPERTIES) <= set(found["properties"])
    for name, fields in ITEMS.items():
        assert set(fields) <= set(found["items"][name]), name
    assert found["panel"]
    assert found["state"] == "OFFLINE"


def disable_and_enable(module: str) -> str:
    for _ in range(3):
        bpy.ops.preferences.addon_disable(module=module)
        assert not hasattr(bpy.types.WindowManager, "atrium")
        bpy.ops.preferences.addon_enable(module=module)
    return str(bpy.context.window_manager.atrium.state)


def test_it_can_be_disabled_and_enabled_while_connected(any_kind: Blender, party: Party) -> None:
    anna = party.invite(any_kind, "anna")
    anna.operate("atrium.host")
    assert anna.state == "LOBBY"
    assert anna.call(disable_and_enable, extension.MODULE) == "OFFLINE"
    # Blender forgets the preferences of what is disabled, and with them the port.
    anna.call(prepare, extension.MODULE, party.port, "Anna")
    anna.operate("atrium.host")
    assert anna.state == "LOBBY"


def test_it_installs_over_itself_and_leaves_nothing(
    any_kind: Blender, start: Start, tmp_path: Path, atrium_zip: Path
) -> None:
    for _ in range(2):
        extension.install(any_kind, tmp_path, "anna", atrium_zip)
    anna = start(any_kind, "anna")
    extension.enable(anna)
    anna.call(what_is_there)
    anna.close()
    extension.remove(any_kind, tmp_path, "anna", "atrium")
    extensions = tmp_path / "anna" / "resources" / "extensions"
    assert [path for path in extensions.rglob("*") if "atrium" in path.name] == []
