# SPDX-License-Identifier: MIT
"""Two people with real windows: the installed add-on, real clicks, the real server.

What differs from background: timers do the ticks, operators return at once, a join replaces the scene under an open window,
and a person drags things while changes arrive.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from atrium import AtriumError, Client, Room
from tests.addon import edits
from tests.addon.test_panel import state_is
from tests.addon.together import chatter, differences, knocks_noted, note_knocks, watch
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


def move_and_quit() -> None:
    """From a timer: an operator that ends Blender cannot answer."""

    def both() -> None:
        bpy.data.objects["Camera"].location.x = 77.0
        bpy.ops.wm.quit_blender()

    bpy.app.timers.register(both, first_interval=0.1)


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

    strangers_are_refused_for_good(anna, tmp_path / "eve")
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
    undo_while_the_other_edits(anna, ben)
    assert differences(people, tmp_path) == []

    press_until(ben, "atrium.leave_room", "LOBBY")
    save_and_join(anna, ben, tmp_path / "ben" / "mine.blend")
    assert differences(people, tmp_path) == []
    watch(people)
    assert chatter(people) == {}  # whatever Blender draws, evaluates and selects in two open windows

    press_until(ben, "atrium.leave_room", "LOBBY")
    press_until(ben, "atrium.disconnect", "OFFLINE")
    what_was_done_last_arrives(anna, tmp_path / "anna" / "atrium")


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


def undo_while_the_other_edits(anna: Person, ben: Person) -> None:
    """Ben undoes his move with the keyboard, redoes it and undoes it again; what anna does all the time stays."""
    ben.window.screen.move(500, 450)  # keys go where the pointer is
    anna.call(edits.add_named, "Anna's")
    for step, key in enumerate(["", "", "ctrl+z", "", "", "ctrl+shift+z", "", "", "ctrl+z", ""]):
        anna.call(edits.set_location_x, "Camera", 20.0 + step)
        if key:
            ben.window.screen.key(key)
            ben.call(cube_is_moved, key == "ctrl+shift+z")
    for person in (anna, ben):
        person.call(cube_is_moved, False)
        person.call(camera_x_is, 29.0)
        assert {"Anna's", "Cube"} <= set(person.call(edits.object_names))
        assert "Light" not in person.call(edits.object_names)


def cube_is_moved(wanted: bool) -> Iterator[None]:
    """An undo may take away what others have made, which comes back at once."""
    for _ in range(1000):
        cube = bpy.data.objects.get("Cube")
        if cube is not None and (cube.location.length > 0.1) is wanted:
            return
        yield
    raise AssertionError([cube and list(cube.location), sorted(ob.name for ob in bpy.data.objects)])


def save_scene(path: str) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=path)


def objects_in(path: str) -> list[str]:
    with bpy.data.libraries.load(path) as (saved, _):
        return list(saved.objects)


def save_and_join(anna: Person, ben: Person, file: Path) -> None:
    """Asked about what he has changed since he saved, ben clicks on Save: it is in his file, and he in the room."""
    ben.call(save_scene, str(file))
    ben.call(make_unsaved_work)
    ben.window.press("atrium.join_room")
    time.sleep(0.5)
    assert ben.state == "LOBBY"
    (room,) = ben.blender.evaluate("[room.id for room in bpy.context.window_manager.atrium.rooms]")
    ben.window.press(f"atrium.join_room(name=\"{room}\", unsaved='SAVE'")
    ben.call(state_is, "JOINED")
    assert "Suzanne" not in ben.call(edits.object_names)
    assert "Suzanne" in ben.call(objects_in, str(file))


def what_was_done_last_arrives(anna: Person, home: Path) -> None:
    """She moves the camera and closes Blender in the same moment, in the room, with everything running."""
    with Client(home) as watcher:
        watcher.connect(f"127.0.0.1:{anna.party.port}", timeout=60)
        room = watcher.join(watcher.rooms()[0].id, timeout=60)
        anna.send(move_and_quit)
        assert anna.blender.wait_for_end() == 0
        end = time.monotonic() + 10
        while not any(x == 77.0 for x in camera_xs(room)):
            assert time.monotonic() < end, list(camera_xs(room))
            watcher.pump(0.1)


def camera_xs(room: Room) -> Iterator[float]:
    for tree in room.documents.values():
        if tree["type"] == "Object" and tree["name"] == "Camera":
            yield tree["p"]["location"][0]


def strangers_are_refused_for_good(anna: Person, home: Path) -> None:
    """The stranger is a script; the answer is a click. Who was refused for good is not even heard again."""
    address = f"127.0.0.1:{anna.party.port}"
    with Client(home) as eve, ThreadPoolExecutor(1) as aside:
        knocking = aside.submit(eve.connect, address, timeout=60)
        anna.call(somebody_knocks)
        key = anna.blender.evaluate("bpy.context.window_manager.atrium.knocks[0].key")
        anna.window.press(f'atrium.refuse(key="{key}", remember=True')
        with pytest.raises(AtriumError) as refused:
            knocking.result(60)
        assert refused.value.code == "REFUSED"
        anna.call(note_knocks)
        with pytest.raises(AtriumError) as refused:
            eve.connect(address, timeout=60)
        assert refused.value.code == "REFUSED"
    assert anna.call(knocks_noted) == 0


def start_dragging() -> None:
    window = bpy.context.window_manager.windows[0]
    area = next(a for a in window.screen.areas if a.type == "VIEW_3D")
    region = next(r for r in area.regions if r.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.transform.translate("INVOKE_DEFAULT")
