# SPDX-License-Identifier: GPL-3.0-or-later
"""The two words by which a text becomes one that can be in the user's language.

`translated` looks a text up, at the time when it is needed; `n_` only says that a text is one of those that are looked up
later (by Blender where it draws a button, or by `translated` of the table's entry). Both take a literal, so that
tests/addon/texts.py finds every text by reading the source; whatever is filled into a text is filled in afterwards.

This package knows no Blender: ui/translations sets what looks up.
"""

from __future__ import annotations

from collections.abc import Callable

_look_up: Callable[[str], str] = str


def look_up_with(look_up: Callable[[str], str]) -> None:
    global _look_up
    _look_up = look_up


def translated(text: str) -> str:
    return _look_up(text) if text else ""


def n_(text: str, _context: str = "*") -> str:
    """The text as it is. `_context`: as which kind of text Blender will look it up, "Operator" for the text of a button."""
    return text
