# SPDX-License-Identifier: MIT
"""The real zip in every Blender: checked, installed, used, updated, removed.

One file must serve Blender 4.2 to 5.2 and Python 3.11 to 3.14. Enabling shows
that it registers, connecting shows that the engine's module loads beside the
libraries which that Blender has loaded already, and removal must leave nothing
of it, not even while Blender had it loaded before.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests.blender import extension
from tests.blender.blenders import Blender
from tests.blender.conftest import Start
from tests.blender.inside import bpy
from tests.blender.party import Party, prepare


def test_blender_accepts_the_zip(kind: Blender, tmp_path: Path, atrium_zip: Path) -> None:
    assert "Success" in extension.validate(kind, tmp_path, atrium_zip)


def what_is_there() -> dict[str, Any]:
    import atrium
    from atrium import _core

    return {
        "version": atrium.__version__,
        "core": os.path.basename(_core.__file__),
        "addon": sorted(name for name in dir(bpy.ops.atrium) if not name.startswith("_")),
        "panel": hasattr(bpy.types, "ATRIUM_PT_main"),
        "state": bpy.context.window_manager.atrium.state,
    }


PROMISED = {
    "connect",
    "disconnect",
    "host",
    "create_room",
    "join_room",
    "leave_room",
    "flush",
    "admit",
    "refuse",
    "trust_host",
    "forget_host",
}


def test_installed_it_registers_and_its_engine_loads(
    kind: Blender, start: Start, tmp_path: Path, atrium_zip: Path
) -> None:
    extension.install(kind, tmp_path, "anna", atrium_zip)
    anna = start(kind, "anna")
    extension.enable(anna)
    found = anna.call(what_is_there)
    assert atrium_zip.name == f"atrium-{found['version']}.zip"
    assert found["core"] == "_core.abi3.so"
    assert set(found["addon"]) >= PROMISED
    assert found["panel"]
    assert found["state"] == "OFFLINE"


def disable_and_enable(module: str) -> str:
    for _ in range(3):
        bpy.ops.preferences.addon_disable(module=module)
        assert not hasattr(bpy.types.WindowManager, "atrium")
        bpy.ops.preferences.addon_enable(module=module)
    return str(bpy.context.window_manager.atrium.state)


def test_it_can_be_disabled_and_enabled_while_connected(kind: Blender, party: Party) -> None:
    anna = party.invite(kind, "anna")
    anna.operate("atrium.host")
    assert anna.state == "LOBBY"
    assert anna.call(disable_and_enable, extension.MODULE) == "OFFLINE"
    # Blender forgets the preferences of what is disabled, and with them the port.
    anna.call(prepare, extension.MODULE, party.port, "Anna")
    anna.operate("atrium.host")
    assert anna.state == "LOBBY"


def test_it_installs_over_itself_and_leaves_nothing(
    kind: Blender, start: Start, tmp_path: Path, atrium_zip: Path
) -> None:
    for _ in range(2):
        extension.install(kind, tmp_path, "anna", atrium_zip)
    anna = start(kind, "anna")
    extension.enable(anna)
    anna.call(what_is_there)
    anna.close()
    extension.remove(kind, tmp_path, "anna", "atrium")
    extensions = tmp_path / "anna" / "resources" / "extensions"
    assert [path for path in extensions.rglob("*") if "atrium" in path.name] == []
