# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender 4.2 to 4.5: what 5.0 calls otherwise."""

from __future__ import annotations

# (part, property) -> {name here: name in the schema}
ENUMS: dict[tuple[str, str], dict[str, str]] = {
    ("render", "engine"): {"BLENDER_EEVEE_NEXT": "BLENDER_EEVEE"},
}
