# SPDX-License-Identifier: MIT
"""Merge patch, as csrc/proto/patch.h does it: RFC 7396 and one rule more.

A member whose key begins with "@" is an item. A patch value that carries "type" creates or replaces the item whole; one without merges
into the item, and is dropped where there is none; a value that is neither object nor null is dropped.
"""

from __future__ import annotations

from typing import Any

Json = Any


def merge(target: Json, patch: Json) -> Json:
    """The target with the patch applied. A target that is a dict is changed in place and returned."""
    if not isinstance(patch, dict):
        return patch
    result: dict[str, Json] = target if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif not key.startswith("@"):
            result[key] = merge(result.get(key), value)
        elif isinstance(value, dict):
            if "type" in value:
                result[key] = merge(None, value)
            elif key in result:
                merge(result[key], value)
    return result
