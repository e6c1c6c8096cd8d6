# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours of people: easy to tell apart, and the same on every screen.

Everybody chooses a colour, and two may choose alike. The list of members has one order everywhere (members are
numbered by the room), so the rule "who came first keeps it, the next takes the first free colour of the palette"
gives the same result in every Blender without a message. The palette is that of Okabe and Ito, which stays distinct
for most colour-blind people, lightened for dark backgrounds, and some more hues for larger rooms.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

Color = tuple[float, float, float]

PALETTE: tuple[Color, ...] = (
    (0.90, 0.62, 0.00),
    (0.34, 0.71, 0.91),
    (0.00, 0.62, 0.45),
    (0.94, 0.89, 0.26),
    (0.20, 0.45, 0.90),
    (0.84, 0.37, 0.00),
    (0.80, 0.47, 0.65),
    (0.60, 0.85, 0.40),
    (0.55, 0.40, 0.85),
    (0.95, 0.45, 0.45),
    (0.40, 0.85, 0.80),
    (0.75, 0.75, 0.75),
)

# Sum of absolute differences per channel; below this two colours look alike in a small swatch.
ALIKE = 0.25


def default_color(seed: str) -> Color:
    """A colour for who has not chosen one: the same for the same seed."""
    return PALETTE[hashlib.sha256(seed.encode()).digest()[0] % len(PALETTE)]


def alike(a: Sequence[float], b: Sequence[float]) -> bool:
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) < ALIKE


def distinct(wishes: Iterable[Sequence[float]]) -> list[Color]:
    """One colour per wish, in order; a wish too close to an earlier colour gets the first free one of the palette."""
    given: list[Color] = []
    for wish in wishes:
        color = (float(wish[0]), float(wish[1]), float(wish[2]))
        if any(alike(color, other) for other in given):
            free = (c for c in PALETTE if not any(alike(c, other) for other in given))
            color = next(free, color)
        given.append(color)
    return given
