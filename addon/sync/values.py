# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of a document, as JSON can carry them.

JSON lacks most of what a Blender property can hold, and a merge patch replaces arrays but merges objects. Everything
that is not a plain JSON value is therefore a *tagged array*, an array whose first element is a string that begins with
``$``. Arrays are replaced whole by a merge patch, so a tagged value can never be half merged.

The tags are listed in docs/schema.md. This module imports no bpy: the tests and the client library use it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf, isfinite, nan
from typing import Any

Json = Any
Tree = dict[str, Any]

REF = "$ref"
NONE = "$none"
FLOAT = "$f"
INT = "$i"
BLOB = "$blob"
LITERAL = "$lit"

# A double holds every integer up to here exactly; beyond it some JSON readers round.
INT_EXACT_MAX = 2**53

NONE_VALUE: list[Any] = [NONE]
_MINTED = re.compile("@[0-9a-f]{12}")
_NAMED_FLOATS = {"nan": nan, "inf": inf, "-inf": -inf}


def ref(doc: str, part: str = "") -> list[Any]:
    """A reference to a document, or to a datablock embedded in it (a material's node tree)."""
    return [REF, doc, part] if part else [REF, doc]


def is_tagged(value: Json, tag: str) -> bool:
    return isinstance(value, list) and bool(value) and value[0] == tag


def ref_target(value: Json) -> str | None:
    """The document that a reference names, or None where `value` is no reference."""
    if isinstance(value, list) and len(value) >= 2 and value[0] == REF:
        return str(value[1])
    return None


def name_key(name: str) -> str:
    """The key of an item that only a name given by users identifies; it can clash with no random key."""
    return "@=" + name


def is_minted(key: str) -> bool:
    """Whether it is a random key, as identity.mint_key gives them."""
    return _MINTED.fullmatch(key) is not None


def key_name(key: str) -> str:
    return key[2:]


def is_text(value: str) -> bool:
    """Whether it can be sent. Where Blender holds bytes that are no UTF-8 (file names, files of long ago) Python has half of a pair."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def encode_float(x: float) -> Json:
    if isfinite(x):
        return x
    return [FLOAT, "nan" if x != x else "inf" if x > 0 else "-inf"]


def encode_int(x: int) -> Json:
    return x if -INT_EXACT_MAX <= x <= INT_EXACT_MAX else [INT, str(x)]


def encode_floats(values: list[float]) -> list[Any]:
    """An array of floats. Non-finite ones are rare, so the whole array is tested first."""
    if all(map(isfinite, values)):
        return values
    return [encode_float(x) for x in values]


def encode_array(values: list[Any]) -> list[Any]:
    """An array whose elements are already encoded; one that could be taken for a tag is marked literal."""
    if values and isinstance(values[0], str) and values[0].startswith("$"):
        return [LITERAL, values]
    return values


def decode(value: Json) -> Any:
    """The Python value of an encoded scalar or array. References and blobs are not decoded here but by their users."""
    if not isinstance(value, list) or not value:
        return value
    tag = value[0]
    if tag == FLOAT:
        return _NAMED_FLOATS.get(value[1], nan)
    if tag == INT:
        return int(value[1])
    if tag == NONE:
        return None
    if tag == LITERAL:
        value = value[1]
    return [decode(v) if isinstance(v, list) else v for v in value]


def walk_values(tree: Json) -> Iterator[list[Any]]:
    """Every tagged array in a tree, however deep; the inside of a literal array is not looked at."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            stack.extend(v for v in node.values() if isinstance(v, (dict, list)))
        elif isinstance(node, list) and node:
            head = node[0]
            if isinstance(head, str) and head.startswith("$"):
                if head != LITERAL:
                    yield node
            else:
                stack.extend(v for v in node if isinstance(v, list))


def refs_in(tree: Json) -> set[str]:
    """The documents that a tree names, members of sets (`m`) included."""
    found = {v[1] for v in walk_values(tree) if v[0] == REF and len(v) >= 2}
    stack = [tree] if isinstance(tree, dict) else []
    while stack:
        node = stack.pop()
        for key, value in node.items():
            if not isinstance(value, dict):
                continue
            if key == "m":
                for docs in value.values():
                    found.update(docs or ())
            elif key != "p":
                stack.append(value)
    return found


def may_change_refs(patch: Json) -> bool:
    """Whether a patch may change what `refs_in` finds in the tree that it is for."""
    for key, value in patch.items():
        if value is None or key in ("m", "type"):
            return True
        if isinstance(value, dict):
            if may_change_refs(value):
                return True
        elif isinstance(value, list) and _may_refer(value):
            return True
    return False


def _may_refer(value: list[Any]) -> bool:
    """A reference, or a list that holds or held some. What is a blob or begins with a number has been that before."""
    return not value or not (isinstance(value[0], (int, float)) or value[0] in (BLOB, FLOAT))
