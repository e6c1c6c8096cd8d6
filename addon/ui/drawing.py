# SPDX-License-Identifier: GPL-3.0-or-later
"""What every panel of the tab draws alike: sentences that wrap, codes with a button to copy them."""

from __future__ import annotations

from typing import Any

import blf
import bpy

from ..session.words import folded

# What of the sidebar's width is no line of text, in units of the interface's scale: its tabs and the margins of a panel and of a box in it.
MARGINS = 74
ICON_WIDTH = 20
UI_FONT = 0
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
    left = width - (MARGINS + reserved + (ICON_WIDTH if icon != "NONE" else 0)) * scale
    blf.size(UI_FONT, context.preferences.ui_styles[0].widget.points * scale)
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(folded(text, left, lambda part: float(blf.dimensions(UI_FONT, part)[0]))):
        column.label(text=line, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE", translate=False)


def code_row(layout: Any, code: str) -> None:
    row = layout.row()
    row.alignment = "CENTER"
    row.label(text=code, translate=False)
    row.operator("atrium.copy", text="", icon="COPYDOWN", emboss=False).text = code
