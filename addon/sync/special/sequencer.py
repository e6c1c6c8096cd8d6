# SPDX-License-Identifier: GPL-3.0-or-later
"""The video sequencer's channels: a fixed number, known by their place, hence one value.

Only those up to the last that differs from how Blender made it are written down: 128 channels a scene, of which most
people touch none. Strips are not synchronised yet.
"""

from __future__ import annotations

from typing import Any

Tree = dict[str, Any]


def _touched(index: int, channel: Any) -> bool:
    return bool(channel.mute or channel.lock or channel.name != _default_name(index))


def _default_name(index: int) -> str:
    return f"Channel {index}"


def read(reader: Any, editor: Any, old: Tree, out: Tree) -> None:
    channels = list(editor.channels)
    count = max((i + 1 for i, channel in enumerate(channels) if _touched(i, channel)), default=0)
    out["p"]["channels"] = [[c.name, c.mute, c.lock] for c in channels[:count]]


def write(writer: Any, editor: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    if "channels" not in (patch.get("p") or {}):
        return
    wanted = full["p"]["channels"]
    for index, channel in enumerate(editor.channels):
        name, mute, lock = wanted[index] if index < len(wanted) else (_default_name(index), False, False)
        channel.name, channel.mute, channel.lock = name, mute, lock
