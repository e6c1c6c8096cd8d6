# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw arrays between Blender and the link.

`foreach_get` wants a flat buffer of the exact type or falls back to a path 10 to 100 times slower; numpy, which every
Blender brings, gives such buffers. A blob is named by its SHA-256, which is too slow to compute for arrays that have not
changed: the link's fingerprint (XXH3) is compared with the one remembered for this place first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from . import values

# The engine takes no larger blob (ATR_BLOB_BYTES_MAX).
BLOB_BYTES_MAX = 1 << 30
# Arrays up to this many numbers are written into the tree itself: a blob costs a round trip of its own.
INLINE_MAX = 48


def _wire_name(dtype: np.dtype[Any]) -> str:
    """As the protocol calls it: "f4" for float32. Blender runs on little-endian machines only."""
    return dtype.str.lstrip("<|")


class BlobLink(Protocol):
    def put_blob(self, data: Any) -> str | None:
        """The blob's name; None: the queue is full."""

    def blob(self, sha: str) -> memoryview | None: ...
    def fingerprint(self, data: Any) -> int: ...


class QueueFull(Exception):
    """The link takes no more at the moment."""


class MissingBlob(Exception):
    """A blob that a tree names has not arrived."""


class Blobs:
    def __init__(self, link: BlobLink) -> None:
        self._link = link
        self._seen: dict[tuple[Any, ...], tuple[int, int, list[Any]]] = {}
        # (path, size, mtime) -> value, so that a file is read once. Of this link: another one has none of the bytes.
        self._files: dict[tuple[str, int, int], list[Any]] = {}
        self._comparing = 0

    def put(self, array: np.ndarray, where: tuple[Any, ...]) -> list[Any]:
        """The value that stands for an array; `where` names its place, to recognise it when unchanged."""
        array = np.ascontiguousarray(array)
        if array.size <= INLINE_MAX and array.dtype.kind in "fiub":
            return self._inline(array)
        return self.put_raw(
            memoryview(array.reshape(-1).data).cast("B"), _wire_name(array.dtype), list(array.shape), where
        )

    def put_raw(self, data: Any, dtype: str, shape: list[int], where: tuple[Any, ...]) -> list[Any]:
        mark = self._link.fingerprint(data)
        size = len(data)
        seen = self._seen.get(where)
        same = seen is not None and seen[0] == mark and seen[1] == size and seen[2][2:] == [dtype, shape]
        # The link keeps what nothing names for a while only.
        if seen is not None and same and self._link.blob(seen[2][1]) is not None:
            return seen[2]
        name = self._link.put_blob(data)
        value = [values.BLOB, name or self._name_alone(data), dtype, shape]
        if name is not None:
            self._seen[where] = (mark, size, value)
        return value

    def put_file(self, data: Any) -> str:
        """A file's bytes. Raises QueueFull if the link takes no more."""
        return self._link.put_blob(data) or self._name_alone(data)

    def file(self, at: tuple[str, int, int]) -> list[Any] | None:
        """The value of a file that was put, if its bytes are still there: the link keeps what nothing names for a while only."""
        value = self._files.get(at)
        return value if value is not None and self._link.blob(value[1]) is not None else None

    def note_file(self, at: tuple[str, int, int], value: list[Any]) -> None:
        self._files[at] = value

    @contextmanager
    def comparing(self) -> Iterator[None]:
        """What is read meanwhile shows what was just written. It cannot be put off, and need not: the bytes came from the room, and where
        Blender has made others of them, these are offered when they are read the next time."""
        self._comparing += 1
        try:
            yield
        finally:
            self._comparing -= 1

    def _name_alone(self, data: Any) -> str:
        if not self._comparing:
            raise QueueFull
        return hashlib.sha256(data).hexdigest()

    @staticmethod
    def _inline(array: np.ndarray) -> list[Any]:
        flat = array.reshape(-1).tolist()
        return values.encode_floats(flat) if array.dtype.kind == "f" else flat

    def get(self, value: Any, dtype: str) -> np.ndarray:
        """The flat array of a value, whether inline or a blob."""
        if not values.is_tagged(value, values.BLOB):
            return np.array(values.decode(value), dtype=dtype)
        data = self.get_raw(value)
        wanted = np.dtype(value[2]).itemsize
        if wanted == 0 or len(data) % wanted:
            raise ValueError(f"a blob of {len(data)} bytes is no array of {value[2]}")
        found = np.frombuffer(data, dtype=value[2])
        return found if found.dtype.name == dtype else found.astype(dtype)

    def get_raw(self, value: Any) -> memoryview:
        data = self._link.blob(value[1])
        if data is None:
            raise MissingBlob(value[1])
        return data

    def forget(self, doc: str) -> None:
        for where in [w for w in self._seen if w[0] == doc]:
            del self._seen[where]
