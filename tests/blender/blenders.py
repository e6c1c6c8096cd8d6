# SPDX-License-Identifier: MIT
"""Which real Blenders this machine has, and why not the others.

`tests/setup/blenders.sh` gets them; this module only looks into its cache, so
that a test session starts at once and without a network. A folder counts when
it holds `version`, which is written after that Blender was started once.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
OFFICIAL = ("bpy42", "bpy45", "bpy50")
"""The official builds, as Python wheels: no window, exact versions users have."""
OFFICIAL_SINCE_5_1 = ("bpy51",)
"""These bring Python 3.13, which a machine may lack: only that the zip installs and connects there is shown."""
DEBIAN = ("deb43", "deb52")
"""Debian's builds, with a real executable that can open a window."""
ALL = ("bpy42", "deb43", "bpy45", "bpy50", "deb52")


@dataclass(frozen=True)
class Blender:
    """One installed Blender."""

    name: str
    folder: Path

    @property
    def has_executable(self) -> bool:
        return (self.folder / "blender").exists()

    @property
    def version(self) -> tuple[int, int, int]:
        text = (self.folder / "version").read_text().split()[0]
        major, minor, patch = (int(part) for part in text.split("."))
        return major, minor, patch

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version))

    @property
    def missing_for_window(self) -> str | None:
        """Why no window can be opened here, or None."""
        if not self.has_executable:
            return f"{self.name} is a Python wheel: it has no window"
        for program in ("Xvfb", "xdotool", "import"):
            if shutil.which(program) is None:
                return f"no {program} on this machine: run tests/setup/packages.sh"
        return None


def cache() -> Path:
    """The folder that blenders.sh fills."""
    root = os.environ.get("ATRIUM_CACHE") or str(Path.home() / ".cache" / "atrium")
    return Path(root) / "blenders"


def find(name: str) -> Blender | None:
    folder = cache() / name
    if not (folder / "version").is_file() or not (folder / "run").is_file():
        return None
    return Blender(name, folder)


def why_missing(name: str) -> str | None:
    """One sentence for the skip line, or None when that Blender is there."""
    if name in DEBIAN and os.geteuid() != 0:
        return f"{name} needs root (it is entered by chroot)"
    if find(name) is None:
        return f"{name} is not in {cache()}: run tests/setup/blenders.sh {name}"
    return None


def available() -> list[Blender]:
    found = (find(name) for name in ALL if why_missing(name) is None)
    return [blender for blender in found if blender is not None]
