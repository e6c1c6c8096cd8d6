# SPDX-License-Identifier: GPL-3.0-or-later
"""Fractional indices: positions between which there is always room for another.

The order of modifiers, constraints and the like is not an array (two people inserting at once would overwrite each
other) but a string inside each item, compared bytewise; ties are broken by the item's key. A position is a fraction
written in base 62 without its leading "0.": it never ends in the lowest digit, so that there is always a string below it.
"""

from __future__ import annotations

from bisect import bisect_left

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUE = {c: i for i, c in enumerate(DIGITS)}
_BASE = len(DIGITS)


def between(low: str, high: str) -> str:
    """A position strictly between two others; "" stands for the open end on either side."""
    out = []
    i = 0
    while True:
        a = _VALUE[low[i]] if i < len(low) else 0
        b = _VALUE[high[i]] if high and i < len(high) else _BASE
        if a == b:
            out.append(DIGITS[a])
        elif b - a > 1:
            out.append(DIGITS[(a + b) // 2])
            return "".join(out)
        else:
            # Neighbouring digits: take the lower one, and whatever follows it in `low` with an open upper end.
            out.append(DIGITS[a])
            high = ""
        i += 1


def spread(count: int, low: str = "", high: str = "") -> list[str]:
    """`count` ascending positions between two others, as short as halving allows."""
    if count <= 0:
        return []
    middle = between(low, high)
    left = count // 2
    return spread(left, low, middle) + [middle] + spread(count - left - 1, middle, high)


def keep_ascending(positions: list[str | None]) -> list[str]:
    """Positions for items in their present order, changing as few of the given ones as possible.

    None stands for an item that is new. What lies outside the longest ascending run gets a new position.
    """
    kept = _longest_ascending(positions)
    out: list[str] = [""] * len(positions)
    low = ""
    start = 0
    for stop in [*kept, len(positions)]:
        high = positions[stop] if stop < len(positions) else ""
        assert high is not None
        out[start:stop] = spread(stop - start, low, high)
        if stop < len(positions):
            out[stop] = low = high
        start = stop + 1
    return out


def _longest_ascending(positions: list[str | None]) -> list[int]:
    """Indices of a longest strictly ascending subsequence, None left out (patience sorting)."""
    tails: list[str] = []
    tail_at: list[int] = []
    previous = [-1] * len(positions)
    for i, p in enumerate(positions):
        if not p:
            continue
        k = bisect_left(tails, p)
        previous[i] = tail_at[k - 1] if k else -1
        if k == len(tails):
            tails.append(p)
            tail_at.append(i)
        else:
            tails[k] = p
            tail_at[k] = i
    out = []
    i = tail_at[-1] if tail_at else -1
    while i >= 0:
        out.append(i)
        i = previous[i]
    return out[::-1]
