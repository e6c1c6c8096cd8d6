# SPDX-License-Identifier: GPL-3.0-or-later
"""The two words by which a text becomes one that can be in the user's language; and how it becomes lines.

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


def folded(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """Lines that are no wider than that, broken between words; inside of a word only where it is wider itself, such as a long address."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if measure(longer) <= width:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        while len(word) > 1 and measure(word) > width:
            fits = next((n for n in range(len(word) - 1, 1, -1) if measure(word[:n]) <= width), 1)
            lines[-1:] = [word[:fits], ""]
            word = word[fits:]
        lines[-1] = word
    return lines


def n_(text: str, _context: str = "*") -> str:
    """The text as it is. `_context`: as which kind of text Blender will look it up, "Operator" for the text of a button."""
    return text
