# SPDX-License-Identifier: MIT
"""Two people with real windows: the installed add-on, real clicks, the real server.

What differs from background: timers do the ticks, operators return at once, a join replaces the scene under an open window,
and a person drags things while changes arrive.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from tests.addon import edits
from tests.addon.test_panel import state_is
from tests.addon.together import chatter, differences, watch
from tests.addon.windows import atrium
from tests.blender.inside import bpy
from tests.blender.party import Person
from tests.blender.window import WindowedBlender


def somebody_knocks() -> Iterator[None]:
    while not atrium().knocks:
        yield


def camera_x_is(x: float) -> Iterator[None]:
    for _ in range(1000):
        if abs(bpy.data.objects["Camera"].location.x - x) < 1e-6:
            return
        yield
    raise AssertionError(bpy.data.objects["Camera"].location.x)


def quit_blender() -> None:
    """From a timer: an operator that ends Blender cannot answer."""
    bpy.app.timers.register(lambda: bpy.ops.wm.quit_blender() and None, first_interval=0.1)


def make_unsaved_work() -> None:
    bpy.ops.mesh.primitive_monkey_add()
    bpy.ops.ed.undo_push(message="monkey")


def press_until(person: Person, operator: str, state: str) -> None:
    person.window.press(operator)
    person.call(state_is, state)


def test_from_host_to_edit_with_clicks(people: list[Person], tmp_path: Path) -> None:
    anna, ben = people
    press_until(anna, "atrium.host", "LOBBY")
    press_until(anna, "atrium.create_room", "JOINED")

    ben.call(make_unsaved_work)
    ben.window.write("atrium.host", f"127.0.0.1:{ben.party.port}")
    press_until(ben, "atrium.connect", "KNOCKING")
    anna.call(somebody_knocks)
    anna.window.press("atrium.admit")
    ben.call(state_is, "LOBBY")

    ben.window.press("atrium.join_room")
    time.sleep(0.5)
    assert ben.state == "LOBBY"  # asked about the monkey first
    assert "Suzanne" in ben.call(edits.object_names)
    ben.window.press("atrium.cancel")
    time.sleep(0.5)
    ben.window.press("atrium.join_room")
    time.sleep(0.5)
    ben.window.press("atrium.join_room(name=")  # the first answer is the safe one: keep a copy
    ben.call(state_is, "JOINED")
    assert "Suzanne" not in ben.call(edits.object_names)
    assert len(list((tmp_path / "ben" / "atrium" / "recovered").glob("*.blend"))) == 1

    anna.call(edits.set_location_x, "Camera", 11.0)
    ben.call(camera_x_is, 11.0)
    drag_while_the_other_edits(anna, ben)
    assert differences(people, tmp_path) == []
    watch(people)
    assert chatter(people) == {}  # whatever Blender draws, evaluates and selects in two open windows

    press_until(ben, "atrium.leave_room", "LOBBY")
    press_until(ben, "atrium.disconnect", "OFFLINE")
    anna.send(quit_blender)  # in the room, with everything running
    assert anna.blender.wait_for_end() == 0


def drag_while_the_other_edits(anna: Person, ben: Person) -> None:
    """Ben moves the cube with G and the mouse; anna deletes the light and moves the camera meanwhile."""
    window = ben.window
    assert isinstance(window, WindowedBlender)
    ben.blender.execute("select('Cube')")
    ben.call(start_dragging)
    for step in range(20):
        window.screen.move(500 + 5 * step, 450)
        if step == 8:
            anna.call(edits.delete_named, "Light")
            anna.call(edits.set_location_x, "Camera", 12.0)
        time.sleep(0.05)
    ben.call(camera_x_is, 12.0)
    window.screen.key("Return")
    time.sleep(0.5)
    assert ben.blender.evaluate("bpy.data.objects['Cube'].location.length") > 0.1


def start_dragging() -> None:
    window = bpy.context.window_manager.windows[0]
    area = next(a for a in window.screen.areas if a.type == "VIEW_3D")
    region = next(r for r in area.regions if r.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.transform.translate("INVOKE_DEFAULT")
