# SPDX-License-Identifier: MIT
"""Deleting a scene that somebody else looks at, in two windows: both show another one, and work goes on.

Blender's windows hold a pointer to their scene, and draw it at once; the general call that removes datablocks left it to what was freed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from tests.addon.together import differences
from tests.addon.windows import connect, host
from tests.blender.inside import bpy
from tests.blender.party import Person, wait_for_state


def add_scene(name: str) -> None:
    made = bpy.data.scenes.new(name)
    made.collection.objects.link(bpy.data.objects["Cube"])


def delete_scene(name: str) -> None:
    bpy.data.scenes.remove(bpy.data.scenes[name])


def open_another_window() -> None:
    bpy.ops.wm.window_new()


def edit_the_cube() -> None:
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.context.view_layer.objects.active = bpy.data.objects["Cube"]
        bpy.ops.object.mode_set(mode="EDIT")


def scenes_are(names: list[str]) -> Iterator[None]:
    while sorted(s.name for s in bpy.data.scenes) != names:
        yield


def shown() -> list[str]:
    return [window.scene.name for window in bpy.context.window_manager.windows]


def test_a_scene_is_deleted_under_two_windows(people: list[Person], tmp_path: Path) -> None:
    anna, ben = people
    host(anna, "Studio")
    connect(ben, anna.party.port, let_in_by=anna)
    ben.operate("atrium.join_room", name="Studio", unsaved="DISCARD")
    ben.call(wait_for_state, ["JOINED"])
    anna.call(add_scene, "Second")
    ben.call(scenes_are, ["Scene", "Second"])
    ben.call(open_another_window)
    ben.call(edit_the_cube)
    assert ben.call(shown) == ["Scene", "Scene"]
    time.sleep(0.5)
    anna.call(delete_scene, "Scene")
    ben.call(scenes_are, ["Second"])
    time.sleep(1.0)  # both windows are drawn
    assert ben.call(shown) == ["Second", "Second"]
    assert ben.blender.evaluate("bpy.data.objects['Cube'].mode") == "OBJECT"
    ben.blender.execute("bpy.data.scenes['Second'].frame_end = 77")
    assert differences(people, tmp_path) == []
    assert anna.blender.evaluate("bpy.data.scenes['Second'].frame_end") == 77
