# SPDX-License-Identifier: GPL-3.0-or-later
"""A .blend that comes back under the name of another.

A scene that is saved as a copy and opened again carries the copy's path, and with it another meaning of every `//`.
Blender's own auto-save solves this by a field of the file's GLOB block: the path that the scene had when it was
written, which "Recover Auto Save" gives back to it. Copies that a script saves leave the field empty, so it is filled
in here. The field lies at one place in all versions from 4.2 to 5.2: 80 bytes into the block, 1024 bytes long. It is
only written where exactly that many zeros are found; elsewhere the file stays as it is, and the scene comes back
under the copy's path.
"""

from __future__ import annotations

import struct
from pathlib import Path

LARGE_MAGIC = b"BLENDER17-01"  # file format of 5.0 and later: block headers of 32 bytes
FIELD_OFFSET = 80
FIELD_BYTES = 1024


def set_original(copy: Path, original: str) -> bool:
    """Writes `original` into the uncompressed file `copy`; False where the place was not found."""
    path = original.encode("utf-8", "surrogateescape")
    if not path or len(path) >= FIELD_BYTES:
        return False
    with copy.open("r+b") as file:
        offset = _field_offset(file.read())
        if offset is None:
            return False
        file.seek(offset)
        file.write(path)
    return True


def _field_offset(data: bytes) -> int | None:
    if not data.startswith(b"BLENDER"):
        return None
    large = data.startswith(LARGE_MAGIC)
    at = data.find(b"GLOB")
    while at >= 0:
        field = at + (32 if large else 24) + FIELD_OFFSET
        if _block_bytes(data, at, large) >= FIELD_OFFSET + FIELD_BYTES and data[field : field + FIELD_BYTES] == bytes(
            FIELD_BYTES
        ):
            return field
        at = data.find(b"GLOB", at + 1)
    return None


def _block_bytes(data: bytes, at: int, large: bool) -> int:
    """What the block's header says of its length; 0 behind the end of the file."""
    form, place = ("<q", at + 16) if large else ("<i", at + 4)
    if place + 8 > len(data):
        return 0
    return int(struct.unpack_from(form, data, place)[0])
