# SPDX-License-Identifier: MIT
"""ATRIUM_HOME: the folder of key, pins, tokens, settings and logs.

Everything in it is the user's own, so it is made with mode 0700, and a home that others may write to is refused by the engine.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def default_home() -> Path:
    """The platform's own place for a program's data."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", "~")).expanduser() / "Atrium"
    if sys.platform == "darwin":
        return Path("~/Library/Application Support/Atrium").expanduser()
    return Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "atrium"


def home_folder(home: str | os.PathLike[str] | None = None) -> str:
    """`home`, or ATRIUM_HOME, or the platform's place; made if missing."""
    folder = Path(home or os.environ.get("ATRIUM_HOME") or default_home()).expanduser().absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(folder)
