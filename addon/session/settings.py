# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user wants to find again next time: name, colour, the last host.

Kept in ATRIUM_HOME/settings.json and not in Blender's preferences, because it belongs to the person: two Blenders of
one user share it, as they share the key that identifies them; each writes only what was changed in it. A damaged or unwritable file costs the settings, never
the session: reading falls back to defaults, and writing reports failure by its return value.
"""

from __future__ import annotations

import getpass
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import address
from .colors import Color, default_color

NAME_MAX = 63  # characters, of a user or a room: it must fit a line of the panel, and 252 bytes the server's 255
FILE = "settings.json"
ADDRESSES = ("host", "public_address")  # text fields into which people paste whatever they have


@dataclass
class Settings:
    user_name: str
    user_color: Color
    host: str = "localhost"
    public_address: str = ""  # what a router or tunnel gives this machine, as the user has typed it


def system_user() -> str:
    """The name by which the operating system knows the user."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user in the password file, as in some containers
        name = ""
    return clean_name(name) or "Artist"


def clean_name(name: str) -> str:
    """One line, no control characters, bounded."""
    return "".join(c for c in " ".join(name.split()) if c.isprintable())[:NAME_MAX].strip()


def defaults() -> Settings:
    name = system_user()
    return Settings(name, default_color(name))


def load(home: Path) -> Settings:
    out = defaults()
    try:
        data: Any = json.loads((home / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return out
    if not isinstance(data, dict):
        return out
    if isinstance(data.get("user_name"), str):
        out.user_name = clean_name(data["user_name"]) or out.user_name
    for name in ADDRESSES:
        if isinstance(data.get(name), str) and address.is_storable(data[name]):
            setattr(out, name, data[name])
    color = data.get("user_color")
    if isinstance(color, list) and len(color) == 3 and all(isinstance(c, (int, float)) for c in color):
        r, g, b = (min(1.0, max(0.0, float(c))) for c in color)
        out.user_color = (r, g, b)
    return out


def kept(settings: Settings) -> dict[str, Any]:
    """Without what must not lie in a file, such as an invite, whichever box it was put into."""
    data = asdict(settings)
    for name in ADDRESSES:
        data[name] = address.tidy(data[name])
        if not address.is_storable(data[name]):
            del data[name]
    return data


def save(home: Path, settings: Settings, *names: str) -> bool:
    """Those that are named (or all); the others stay as another Blender may have written them meanwhile. Written beside and renamed, so that a crash
    leaves either the old file or the new one."""
    temporary = ""
    data = kept(settings)
    if names:
        others = kept(load(home))
        data = {key: (data if key in names else others).get(key) for key in asdict(settings)}
        data = {key: value for key, value in data.items() if value is not None}
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(prefix=".settings-", dir=home)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(data, file, ensure_ascii=False, indent=1)
        os.replace(temporary, home / FILE)
        return True
    except OSError:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        return False
