# SPDX-License-Identifier: GPL-3.0-or-later
"""Merge patches (RFC 7396) over document trees, with Atrium's one rule more.

A member whose key begins with ``@`` is an *item*: something that exists or does not. A patch value for it that carries
``type`` creates or replaces the whole item; one without merges into the item, and is dropped where there is none (the
item was removed by an earlier operation). The engine does the same in C; here it is needed because the add-on keeps the
room's tree of every document and must know what a patch changes before Blender is touched.

All functions leave their arguments alone and share unchanged subtrees with them.
"""

from __future__ import annotations

from array import array
from math import copysign
from typing import Any

Tree = dict[str, Any]


def is_typed(value: Any) -> bool:
    """Whether a patch value makes a whole item."""
    return isinstance(value, dict) and value.get("type") is not None


def strip_nulls(value: Any) -> Any:
    """What a patch leaves behind where nothing was: itself without the members that only delete."""
    if not isinstance(value, dict):
        return value
    out = {}
    for key, v in value.items():
        if v is None or (key.startswith("@") and not is_typed(v)):
            continue
        out[key] = strip_nulls(v)
    return out


def merge(target: Any, patch: Any) -> Any:
    """`target` with `patch` applied."""
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        elif key.startswith("@"):
            if is_typed(value):
                out[key] = strip_nulls(value)
            elif isinstance(value, dict) and isinstance(out.get(key), dict):
                # A type that is null is no edit: an item keeps its type for life.
                out[key] = merge(out[key], {k: v for k, v in value.items() if k != "type"})
        elif isinstance(value, dict):
            out[key] = merge(out.get(key), value) if isinstance(out.get(key), dict) else strip_nulls(value)
        else:
            out[key] = value
    return out


def diff(old: Tree, new: Tree) -> Tree:
    """The smallest patch that turns `old` into `new`."""
    patch: Tree = {}
    for key, value in new.items():
        before = old.get(key)
        if before is value:
            continue
        if before is None:
            patch[key] = value
        elif isinstance(value, dict) and isinstance(before, dict):
            if key.startswith("@") and value.get("type") != before.get("type"):
                patch[key] = value
                continue
            inner = diff(before, value)
            if inner:
                patch[key] = inner
        elif not same(before, value):
            patch[key] = value
    for key in old:
        if key not in new:
            patch[key] = None
    return patch


# Of a struct's members those that hold things which come and go one by one.
_HOLDERS = ("s", "i", "m", "c")


def one_by_one(patch: Tree, old: Tree) -> Tree:
    """A patch of `old` that names each thing that has gone: where all have, `diff` only says that nothing is left, which would take
    away also what others add at the same time."""
    out: Tree = {}
    for key, value in patch.items():
        before = old.get(key)
        if isinstance(before, dict) and (key in _HOLDERS or key.startswith("@")):
            out[key] = _each_gone(value, before) if key in _HOLDERS else _inside(value, before)
        else:
            out[key] = value
    return out


def _each_gone(patch: Any, before: Tree) -> Any:
    """Of what one member of a struct holds: items, or collections of items."""
    if patch is None:
        patch = dict.fromkeys(before)
    out = {}
    for key, value in patch.items():
        inner = before.get(key)
        if not isinstance(inner, dict):
            out[key] = value
        else:
            out[key] = _inside(value, inner) if key.startswith("@") else _each_gone(value, inner)
    return out


def _inside(patch: Any, before: Tree) -> Any:
    """Of an item: gone or made anew it is as it stands."""
    return one_by_one(patch, before) if isinstance(patch, dict) and not is_typed(patch) else patch


def alike(a: Any, b: Any) -> bool:
    """Whether two trees are the same and in the same order; trees that share what has not changed take next to no time."""
    if a is b:
        return True
    if not isinstance(a, dict):
        return not isinstance(b, dict) and same(a, b)
    if not isinstance(b, dict) or len(a) != len(b):
        return False
    for (k, v), (j, w) in zip(a.items(), b.items(), strict=True):
        if k != j:
            return False
        if v is w:
            continue
        if isinstance(v, dict):
            if not alike(v, w):
                return False
        elif v != w or (type(v) is not str and not same(v, w)):
            return False
    return True


def same(a: Any, b: Any) -> bool:
    """Equality of values; unlike Python, True is not 1 and -0.0 is not 0.0 (JSON knows the difference)."""
    if a != b or isinstance(a, bool) != isinstance(b, bool):
        return False
    if isinstance(a, list) and isinstance(b, list):
        return 0 not in a or _same_zeros(a, b)
    return a != 0 or _same_zero(a, b)


def _same_zeros(a: list[Any], b: list[Any]) -> bool:
    """Of equal lists that hold zeros. Mostly they are numbers, whose bytes are compared faster than each of them."""
    try:
        return array("d", a).tobytes() == array("d", b).tobytes()
    except (TypeError, OverflowError):
        return all(x != 0 or _same_zero(x, y) for x, y in zip(a, b, strict=True))


def _same_zero(a: Any, b: Any) -> bool:
    """Of two numbers that are zero. One may be an int: the engine writes 0.0 as 0."""
    return copysign(1.0, a) == copysign(1.0, b)


def restrict(patch: Tree, shape: Tree) -> Tree:
    """The part of `patch` that lies at or below the paths of `shape`."""
    out: Tree = {}
    for key, value in patch.items():
        if key not in shape:
            continue
        limit = shape[key]
        whole = key.startswith("@") and isinstance(limit, dict) and "type" in limit
        if isinstance(limit, dict) and isinstance(value, dict) and not whole:
            inner = restrict(value, limit)
            if inner:
                out[key] = inner
        else:
            out[key] = value
    return out


def beyond(patch: Tree, shape: Tree) -> Tree:
    """The part of `patch` that lies at no path of `shape`."""
    out: Tree = {}
    for key, value in patch.items():
        if key not in shape:
            out[key] = value
        elif isinstance(value, dict) and isinstance(shape[key], dict):
            inner = beyond(value, shape[key])
            if inner:
                out[key] = inner
    return out
