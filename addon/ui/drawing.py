# SPDX-License-Identifier: GPL-3.0-or-later
"""What every panel of the tab draws alike: sentences that wrap, codes with a button to copy them."""

from __future__ import annotations

import textwrap
from typing import Any

import bpy

# Of a button that is only an icon, in units of the interface's scale.
BUTTON_WIDTH = 20


class Panel(bpy.types.Panel):
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Atrium"


def paragraph(layout: Any, text: str, context: Any, icon: str = "NONE", reserved: float = 0) -> None:
    """Labels do not wrap, so a sentence is broken to the sidebar's width here. `reserved`: for what stands beside it."""
    scale = context.preferences.system.ui_scale or 1.0
    width = context.region.width if context.region else 300
    characters = max(20, int((width - (60 + reserved) * scale) / (6.4 * scale)))
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(textwrap.wrap(text, characters) or [""]):
        column.label(text=line, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE", translate=False)


def code_row(layout: Any, code: str) -> None:
    row = layout.row()
    row.alignment = "CENTER"
    row.label(text=code, translate=False)
    row.operator("atrium.copy", text="", icon="COPYDOWN", emboss=False).text = code
