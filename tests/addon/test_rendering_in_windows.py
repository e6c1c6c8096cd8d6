# SPDX-License-Identifier: MIT
"""While somebody renders nothing is read from their scene nor written to it; afterwards everything is.

A real render job, on a thread of its own as after F12, with an engine that draws nothing for as long as the test likes:
what has to hold is Blender's order of handlers and jobs, of which a fake knows nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.addon import edits, windows
from tests.addon.together import differences, session
from tests.blender.inside import bpy
from tests.blender.party import Person, wait_for_state

QUIET_S = 1.0
"""Many times what a change takes from one to the other."""


def add_engine() -> None:
    """Both have it, as its name is part of the scene."""

    class Patient(bpy.types.RenderEngine):
        bl_idname = "ATRIUM_TEST_PATIENT"
        bl_label = "Patient"

        def render(self, depsgraph: Any) -> None:
            globals()["rendering"] = True
            while globals()["held"] and not self.test_break():
                time.sleep(0.01)
            globals()["rendering"] = False

    bpy.utils.register_class(Patient)
    globals()["held"], globals()["rendering"] = True, False


def choose_engine() -> None:
    bpy.context.scene.render.engine = "ATRIUM_TEST_PATIENT"
    bpy.context.scene.render.resolution_percentage = 1
    # What a bake goes into.
    nodes = bpy.data.objects["Cube"].active_material.node_tree.nodes
    nodes.new("ShaderNodeTexImage").image = bpy.data.images.new("Baked", 64, 64)


def render() -> Iterator[None]:
    globals()["held"] = True
    bpy.context.preferences.view.render_display_type = "NONE"  # the panel stays in view
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.render.render("INVOKE_DEFAULT")
    while not globals()["rendering"]:
        yield


def bake() -> Iterator[None]:
    """With Cycles, and more samples than anybody waits for: 5.2 crashes where an engine in Python bakes."""
    scene, cube = bpy.context.scene, bpy.data.objects["Cube"]
    scene.render.engine, scene.cycles.samples = "CYCLES", 1_000_000
    scene.cycles.use_adaptive_sampling = scene.cycles.use_denoising = False  # Debian's 4.3.2 cannot, and gives up
    nodes = cube.active_material.node_tree.nodes
    nodes.active = next(node for node in nodes if node.bl_idname == "ShaderNodeTexImage")
    bpy.context.view_layer.objects.active = cube
    cube.select_set(True)
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        assert bpy.ops.object.bake("INVOKE_DEFAULT") == {"RUNNING_MODAL"}
    while not bpy.app.is_job_running("OBJECT_BAKE"):
        yield
    assert not bpy.app.is_job_running("RENDER")


def finish_render() -> None:
    globals()["held"] = False


def is_paused(wanted: bool) -> Iterator[None]:
    while session().state.paused is not wanted:
        yield


def said() -> str:
    panels = next(m for name, m in sys.modules.items() if name.endswith("atrium.ui.panels"))
    return str(panels.status_text(session().state)[0])


def x_of(name: str) -> float:
    return float(bpy.data.objects[name].location.x)


def x_is(name: str, x: float) -> Iterator[None]:
    while bpy.data.objects[name].location.x != x:
        yield


def test_a_render_puts_everything_off(people: list[Person], tmp_path: Path) -> None:
    anna, ben = people
    for person in people:
        person.call(add_engine)
    anna.call(choose_engine)
    windows.host(anna, "Studio")
    windows.connect(ben, anna.party.port, let_in_by=anna)
    ben.operate("atrium.join_room", name="Studio", unsaved="DISCARD")
    ben.call(wait_for_state, ["JOINED"])

    for turn, (begin, end) in enumerate(((render, end_by_itself), (render, end_by_escape), (bake, end_by_escape))):
        ben.call(begin)
        ben.call(is_paused, True)
        assert ben.call(said) == "Waiting while Blender renders"
        ben.window.picture(f"rendering_{ben.blender.blender.name}_{begin.__name__}_{end.__name__}")
        mine, theirs = 2.0 + turn, 4.0 + turn
        was = ben.call(x_of, "Camera")
        ben.call(edits.set_location_x, "Light", mine)
        anna.call(edits.set_location_x, "Camera", theirs)
        time.sleep(QUIET_S)
        assert ben.call(x_of, "Camera") == was
        assert anna.call(x_of, "Light") != mine
        end(ben)
        ben.call(is_paused, False)
        ben.call(x_is, "Camera", theirs)
        anna.call(x_is, "Light", mine)
    assert differences(people, tmp_path) == []


def end_by_itself(ben: Person) -> None:
    ben.call(finish_render)


def end_by_escape(ben: Person) -> None:
    ben.window.screen.move(400, 400)
    ben.window.screen.key("Escape")
