# SPDX-License-Identifier: MIT
"""The code in docs/quick-start.md works as it stands there, in two Blenders without windows."""

from __future__ import annotations

import re
from typing import Any

from tests.blender.blenders import REPO, Blender
from tests.blender.party import Party, admit_next

PAGE = REPO / "docs" / "quick-start.md"


def run_as_script(code: str) -> None:
    exec(compile(code, "quick-start.md", "exec"), {"__name__": "__main__"})


def stay_in_the_room(seconds: float) -> Any:
    """As the page says for scripts that stay."""
    from bl_ext.user_default.atrium import tick

    end = time.monotonic() + seconds  # noqa: F821
    while time.monotonic() < end:  # noqa: F821
        tick()
        yield


def test_the_quick_start_without_a_window(official: Blender, party: Party) -> None:
    hosting, joining = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    assert '"192.168.0.48"' in joining
    anna, ben = party.invite(official, "anna"), party.invite(official, "ben")
    anna.call(run_as_script, hosting)
    number = ben.send(run_as_script, joining.replace("192.168.0.48", f"127.0.0.1:{party.port}"))
    anna.call(admit_next, True)
    ben.wait(number)
    assert ben.blender.evaluate("bpy.data.objects['Cube'].location.x") == 3
    ben.call(stay_in_the_room, 0.2)
