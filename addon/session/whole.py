# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a .blend that Blender has just written all there?

On a disk that is full, Blender says so for a file that it does not compress; of a compressed one it loses the end without a word (seen in 4.5,
5.0 and 5.2). Before a join lets go of a scene, the file that holds it must be known to be whole. The end of the file tells, whatever its
size: Blender writes the block ENDB last; behind the frames of a compressed file comes a table with the length of each, so all together
must be the length of the file.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from .backup import LARGE_MAGIC

COMPRESSED_MAGIC = b"\x28\xb5\x2f\xfd"  # Zstandard

# The table of the frames, as the seekable format of Zstandard has it: a head, a pair of lengths for each frame, a foot.
HEAD, PAIR, FOOT = struct.Struct("<II"), struct.Struct("<II"), struct.Struct("<IBI")
HEAD_MAGIC, FOOT_MAGIC = 0x184D2A5E, 0x8F92EAB1


def is_whole(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(len(LARGE_MAGIC))
        size = file.seek(0, os.SEEK_END)
        if start.startswith(COMPRESSED_MAGIC):
            return _has_all_frames(file, size)
        last = _tail(file, size, 32 if start == LARGE_MAGIC else 24)
        return start.startswith(b"BLENDER") and last.startswith(b"ENDB")


def is_compressed(path: Path) -> bool:
    """False where there is no such file yet."""
    try:
        with path.open("rb") as file:
            return not file.read(7).startswith(b"BLENDER")
    except OSError:
        return False


def _tail(file: BinaryIO, size: int, count: int) -> bytes:
    file.seek(max(0, size - count))
    return file.read(count)


def _has_all_frames(file: BinaryIO, size: int) -> bool:
    foot = _tail(file, size, FOOT.size)
    if len(foot) < FOOT.size:
        return False
    frames, flags, magic = FOOT.unpack(foot)
    table_bytes = HEAD.size + frames * PAIR.size + FOOT.size
    if magic != FOOT_MAGIC or flags != 0 or table_bytes > size:
        return False
    table = _tail(file, size, table_bytes)
    if HEAD.unpack_from(table) != (HEAD_MAGIC, table_bytes - HEAD.size):
        return False
    packed = sum(PAIR.unpack_from(table, HEAD.size + i * PAIR.size)[0] for i in range(frames))
    return packed + table_bytes == size
