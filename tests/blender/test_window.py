# SPDX-License-Identifier: MIT
"""Real clicks in a real window.

Shows with a panel of its own that the window harness finds a button wherever
it is drawn, that a click does what a person's click does, and that typed text
arrives, so that the tests of the add-on's panel can rely on it.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.blender.blenders import Blender
from tests.blender.inside import bpy
from tests.blender.process import BlenderError
from tests.blender.window import WindowedBlender

TOOLTIP_S = 1.5
"""The tooltip, which says why a button is greyed, comes after a second."""


def register_panel() -> None:
    bpy.types.WindowManager.tried_text = bpy.props.StringProperty(name="Host")
    bpy.types.WindowManager.tried_presses = bpy.props.StringProperty()

    class TRIED_OT_press(bpy.types.Operator):  # type: ignore[misc]
        bl_idname = "tried.press"
        bl_label = "Press"
        number: bpy.props.IntProperty()  # type: ignore[valid-type]

        def execute(self, context):
            context.window_manager.tried_presses += f"{self.number} "
            return {"FINISHED"}

    class TRIED_OT_grey(bpy.types.Operator):  # type: ignore[misc]
        bl_idname = "tried.grey"
        bl_label = "Grey"

        @classmethod
        def poll(cls, context):
            cls.poll_message_set("Never possible")
            return False

        def execute(self, context):
            context.window_manager.tried_presses += "grey "
            return {"FINISHED"}

    class TRIED_PT_panel(bpy.types.Panel):  # type: ignore[misc]
        bl_label = "Tried"
        bl_space_type = "VIEW_3D"
        bl_region_type = "UI"
        bl_category = "Tried"

        def draw(self, context):
            layout = self.layout
            layout.label(text="Some text first")
            layout.prop(context.window_manager, "tried_text")
            row = layout.row()
            row.operator("tried.press", text="One").number = 1
            row.operator("tried.press", text="Two").number = 2
            layout.separator()
            layout.operator("tried.grey")
            box = layout.box()
            box.operator("tried.press", text="Three").number = 3

    for cls in (TRIED_OT_press, TRIED_OT_grey, TRIED_PT_panel):
        bpy.utils.register_class(cls)


def wait_for_presses(text: str) -> Generator[None, None, str]:
    while bpy.context.window_manager.tried_presses != text:
        yield
    return text


@pytest.fixture
def blender(window_kind: Blender, tmp_path: Path) -> Generator[WindowedBlender, None, None]:
    with WindowedBlender(window_kind, tmp_path) as window:
        window.call(register_panel)
        yield window


def test_buttons_are_found_and_clicked(blender: WindowedBlender) -> None:
    blender.open_sidebar("Tried")
    blender.press("tried.press(number=2)")
    blender.press("tried.press(number=3)")
    blender.widen_sidebar(150)
    blender.press("tried.press(number=1)")
    assert blender.call(wait_for_presses, "2 3 1 ", timeout=10)
    with pytest.raises(BlenderError, match=r"no button 'tried.absent\('.*number=3"):
        blender.find("tried.absent(", attempts=1)
    blender.find("tried.grey(")
    time.sleep(TOOLTIP_S)
    blender.picture(f"harness_{blender.blender.name}")
    blender.press("tried.grey")
    assert blender.evaluate("bpy.context.window_manager.tried_presses") == "2 3 1 "


@pytest.mark.parametrize("text", ["localhost", "[fe80::1%eth0]:12800", "atrium://join#AbC_-9", "Ännas Ω 机"])
def test_typed_text_arrives(blender: WindowedBlender, text: str) -> None:
    blender.open_sidebar("Tried")
    for one in ("something long before", text):
        blender.write("tried_text", one)
        assert blender.evaluate("bpy.context.window_manager.tried_text") == one
