# SPDX-License-Identifier: MIT
"""The file that the scene dumper writes and the comparer reads.

A dump is two files. `NAME` holds one JSON array per line, one line per RNA struct:

    ["objects/Cube.modifiers[Mirror]", "MirrorModifier", {"show_viewport": true, ...}]

that is path, RNA type, and every property with its value. `NAME.bin` holds the raw bytes of
arrays (vertices, keyframes, pixels ...), each once; the value in the first file then reads
`{"array": "<f4", "n": 24, "at": 96}`: numpy's name of the type, the number of elements, the offset.

Values are written so that equal text means equal value: floats in their shortest exact form (a
float32 that Python widened to double keeps its bits; -0.0 and 0.0 differ), integers, booleans and
floats apart. Nothing here knows Blender; numpy is not needed to read.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Value = Any
Props = dict[str, Value]
Record = tuple[str, str, Props]

_UNPACK = {"f4": "f", "f8": "d", "i4": "i", "i2": "h", "i1": "b", "u4": "I", "u2": "H", "u1": "B", "b1": "?"}


def is_array(value: Value) -> bool:
    return isinstance(value, dict) and "array" in value


class Writer:
    """Writes records; arrays of equal bytes are stored once."""

    def __init__(self, path: Path) -> None:
        self._lines = open(path, "w", encoding="utf-8", newline="\n")  # noqa: SIM115
        self._bin = open(bin_path(path), "wb")  # noqa: SIM115
        self._at: dict[bytes, int] = {}
        self._end = 0

    def array(self, dtype: str, count: int, data: bytes) -> Value:
        """Store raw bytes, return the value that stands for them."""
        digest = hashlib.sha256(data).digest()
        if digest not in self._at:
            self._at[digest] = self._end
            self._bin.write(data)
            self._end += len(data)
        return {"array": dtype, "n": count, "at": self._at[digest]}

    def record(self, path: str, struct_type: str, props: Props) -> None:
        self._lines.write(json.dumps([path, struct_type, props], ensure_ascii=True, sort_keys=True))
        self._lines.write("\n")

    def close(self) -> None:
        self._lines.close()
        self._bin.close()


class Dump:
    """A dump read back: `structs[path]` is (type, properties), in the order written.

    `lines[path]` is the text of a struct that holds no arrays: it says everything, and equal text is the same struct.
    """

    def __init__(self, path: Path) -> None:
        self.structs: dict[str, tuple[str, Props]] = {}
        self.lines: dict[str, str] = {}
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                where, struct_type, props = json.loads(line)
                if where in self.structs:
                    raise ValueError(f"{path}: two structs at {where}")
                self.structs[where] = (struct_type, props)
                if '"array"' not in line:
                    self.lines[where] = line
        self._bin = bin_path(path).read_bytes()

    def bytes_of(self, value: Value) -> bytes:
        size = value["n"] * int(value["array"][2:])
        return self._bin[value["at"] : value["at"] + size]

    def elements(self, value: Value) -> tuple[Any, ...]:
        """The elements of a stored array, for showing where two differ."""
        form = f"<{value['n']}{_UNPACK[value['array'][1:]]}"
        return struct.unpack(form, self.bytes_of(value))

    def records(self) -> Iterator[Record]:
        for path, (struct_type, props) in self.structs.items():
            yield path, struct_type, props


def bin_path(path: Path) -> Path:
    return path.with_name(path.name + ".bin")
