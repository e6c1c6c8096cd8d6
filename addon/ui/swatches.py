# SPDX-License-Identifier: GPL-3.0-or-later
"""People's colours as icons.

A colour field that cannot be edited is drawn grey, which is no way to show a colour. So each colour gets an icon of its own: a
round spot on nothing. There are as many as people with different colours were met, and each is made once.
"""

from __future__ import annotations

from typing import Any

import bpy.utils.previews

from ..session.colors import Color

SIZE = 16

_icons: Any = None


def icon_of(color: Color) -> int:
    """The icon's number for `icon_value`; 0, which draws nothing, where Blender makes no icons."""
    name = "{:.3f} {:.3f} {:.3f}".format(*color)
    if name not in _icons:
        icon = _icons.new(name)
        icon.icon_size = (SIZE, SIZE)
        icon.icon_pixels_float = _spot(color)
    return int(_icons[name].icon_id)


def _spot(color: Color) -> list[float]:
    """RGBA of each pixel, the color multiplied by the opacity as Blender blends icons; the rim is smooth over one pixel."""
    center, radius = (SIZE - 1) / 2, SIZE / 2 - 1.5
    out: list[float] = []
    for y in range(SIZE):
        for x in range(SIZE):
            distance = ((x - center) ** 2 + (y - center) ** 2) ** 0.5
            opacity = min(1.0, max(0.0, radius - distance + 0.5))
            out += [*(channel * opacity for channel in color), opacity]
    return out


def register() -> None:
    global _icons
    _icons = bpy.utils.previews.new()


def unregister() -> None:
    global _icons
    bpy.utils.previews.remove(_icons)
    _icons = None
