# SPDX-License-Identifier: MIT
"""Names that functions sent to Blender use there.

The test run itself has no bpy; importing it from here lets linters and type
checkers read those functions, and gives a clear error when one is called on
the wrong side.
"""

from __future__ import annotations

from typing import Any


class _OnlyInside:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"bpy.{name} is used in the test run; send the function to Blender")


bpy: Any = _OnlyInside()
