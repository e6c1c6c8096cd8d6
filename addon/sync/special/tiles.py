# SPDX-License-Identifier: GPL-3.0-or-later
"""UDIM: images of several tiles, a file to each.

The files of all tiles lie in one folder, since the image has one path with a token for the number. Packed tiles are unpacked
into such a folder to be loaded, and packed again: Blender takes the bytes of the first tile only.
"""

from __future__ import annotations

import hashlib
from typing import Any

import bpy

from .. import paths, values

Tree = dict[str, Any]

TOKEN = "<UDIM>"


def read(reader: Any, image: Any, p: Tree) -> None:
    packed = {file.tile_number: file.packed_file for file in image.packed_files if file.packed_file is not None}
    p["file"] = paths.as_text(reader, image.filepath)
    p["packed_tiles"] = bool(packed)
    found = []
    for tile in image.tiles:
        value: Any = ""
        path = _path_of(image.filepath, tile.number)
        if tile.number in packed:
            value = [values.BLOB, reader.blobs.put_file(packed[tile.number].data), "file", [packed[tile.number].size]]
            value.append(paths.name_of(path))
        elif path:
            value = paths.read_input(reader, image, path)
        found.append([tile.number, tile.label, value if values.is_tagged(value, values.BLOB) else ""])
    p["tiles"] = sorted(found, key=lambda tile: tile[0])


def _path_of(path: str, number: int) -> str:
    return path.replace(TOKEN, str(number)) if TOKEN in path else ""


def write(writer: Any, image: Any, p: Tree) -> None:
    wanted = {int(number): (label, value) for number, label, value in p.get("tiles") or []}
    if not wanted:
        return
    path = _stored(writer, p, wanted)
    if path and image.filepath_raw != path:
        image.filepath_raw = path
    for number in wanted:
        if image.tiles.get(number) is None:
            image.tiles.new(number)
    for tile in [tile for tile in image.tiles if tile.number not in wanted]:
        image.tiles.remove(tile)
    if path:
        image.reload()
        if p.get("packed_tiles"):
            image.pack()
    # Last, since loading names them by their numbers.
    for tile in image.tiles:
        if tile.number in wanted and tile.label != wanted[tile.number][0]:
            tile.label = wanted[tile.number][0]


def _stored(writer: Any, p: Tree, wanted: dict[int, tuple[str, Any]]) -> str:
    """Where the files of all tiles lie here, with the token in it; "" where there are none."""
    files = {n: value for n, (_, value) in wanted.items() if values.is_tagged(value, values.BLOB)}
    path = str(p.get("file", "")).replace("\\", "/").rsplit("/", 1)[-1]
    before, token, after = path.partition(TOKEN)
    if not files or not token:
        return ""
    mark = hashlib.sha256("".join(str(files[n][1]) for n in sorted(files)).encode()).hexdigest()
    folder = paths.folder() / mark
    folder.mkdir(parents=True, exist_ok=True)
    name = [paths.name_of(part) if part else "" for part in (before, after)]
    for number, value in files.items():
        place = folder / f"{name[0]}{number}{name[1]}"
        if not place.is_file() or place.stat().st_size != value[3][0]:
            place.write_bytes(writer.blobs.get_raw(value))
    return str(folder / f"{name[0]}{TOKEN}{name[1]}")


def make(name: str, p: Tree) -> Any:
    return bpy.data.images.new(name, 1, 1, tiled=True)
