# SPDX-License-Identifier: GPL-3.0-or-later
"""Images: from a file, packed, or generated.

A packed file travels as its bytes; so does a generated image that was painted on, as pixels. Where a file image's file is
missing at the sender it is missing everywhere, under the same name.

Blender makes an image anew from what it was generated of, or read from, when its colour space or any of that is set: what was painted is
gone. Where that was set by one and painted by another at once, the painting is written again wherever it has gone.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from .. import history, paths, values
from . import tiles

Tree = dict[str, Any]

_GENERATED = ("generated_type", "generated_width", "generated_height", "use_generated_float")


def read(reader: Any, image: Any, old: Tree, out: Tree) -> None:
    p = out["p"]
    p["source"] = image.source
    if image.source == "GENERATED":
        # The only trace of whether it was made with an alpha channel.
        p["depth"] = image.depth
    for name in _GENERATED:
        p[name] = getattr(image, name)
    p["generated_color"] = values.encode_floats(list(image.generated_color))
    if image.source == "TILED":
        tiles.read(reader, image, p)
        return
    packed = image.packed_file
    if packed is not None:
        p["packed"] = reader.blobs.put_raw(packed.data, "file", [packed.size], (reader.doc, "packed"))
        p["file"] = paths.as_text(reader, image.filepath)
    else:
        p["file"] = paths.read_input(reader, image, image.filepath)
    if image.is_dirty and image.source in ("GENERATED", "FILE") and len(image.pixels):
        # Painted on since it was made, loaded or packed.
        history.note_painted(image)
        p["pixels"] = _read_pixels(reader, image)


def _read_pixels(reader: Any, image: Any) -> Any:
    """Blender gives floats. Where an image has one byte per channel that byte goes: a quarter, and exact. Always a blob: its shape says
    how large the image is."""
    pixels = np.empty(len(image.pixels), dtype=np.float32)
    image.pixels.foreach_get(pixels)
    shape, where = (image.size[1], image.size[0], image.channels), (reader.doc, "pixels")
    if image.is_float:
        return reader.blobs.put_raw(pixels.data.cast("B"), "f4", list(shape), where)
    np.multiply(pixels, 255, out=pixels)
    np.rint(pixels, out=pixels)
    return reader.blobs.put_raw(pixels.astype(np.uint8).data, "u1", list(shape), where)


def keep_painted(image: Any, mine: Tree) -> None:
    """After its user has undone that it was packed: Blender goes on to show what was painted before that, but no longer knows that it was
    painted, so that nobody would hear of it, and no file would keep it. `mine` is what is known of the user's own."""
    if (
        not isinstance(image, bpy.types.Image)
        or image.source not in ("GENERATED", "FILE")
        or image.packed_file is not None
    ):
        return
    was_painted = mine.get("packed") or mine.get("pixels")
    if was_painted and image.has_data and not image.is_dirty and len(image.pixels):
        image.pixels[0] = image.pixels[0]


def _pixels_of(writer: Any, value: Any) -> Any:
    """As Blender takes them."""
    pixels = writer.blobs.get(value, "float32")
    if values.is_tagged(value, values.BLOB) and value[2] == "u1":
        pixels /= 255
    return pixels


def create(writer: Any, name: str, tree: Tree) -> Any:
    p = tree.get("p", {})
    if p.get("source") == "TILED":
        return tiles.make(name, p)
    width, height = int(p.get("generated_width", 1)), int(p.get("generated_height", 1))
    return bpy.data.images.new(
        name,
        max(1, width),
        max(1, height),
        alpha=p.get("depth") in (32, 128),
        float_buffer=bool(p.get("use_generated_float")),
    )


def before(writer: Any, image: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    """The file decides the colour space that Blender assumes: it comes first, so that ours is set after it."""
    change, p = patch.get("p") or {}, full.get("p", {})
    if p.get("source") == "TILED":
        if any(name in change for name in ("source", "file", "tiles", "packed_tiles")):
            if image.source != "TILED":
                image.source = "TILED"
            tiles.write(writer, image, p)
        return
    if any(name in change for name in ("source", "file", "packed")):
        _write_source(writer, image, p)
    if "packed" in change:
        _write_packed(writer, image, p)


def write(writer: Any, image: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    change, p = patch.get("p") or {}, full.get("p", {})
    for name in (*_GENERATED, "generated_color"):
        if name in change and p.get(name) is not None:
            setattr(image, name, values.decode(p[name]))
    if p.get("pixels") and ("pixels" in change or not image.is_dirty):
        pixels = _pixels_of(writer, p["pixels"])
        _fit(image, p["pixels"], len(pixels))
        if len(pixels) == len(image.pixels):
            image.pixels.foreach_set(pixels)
            image.update()
    elif "pixels" in change and image.is_dirty:
        _show_file(image)


def _fit(image: Any, value: Any, count: int) -> None:
    """An image that was scaled keeps the size at which it was generated, or its file has: only its pixels say how large it is."""
    if not values.is_tagged(value, values.BLOB) or not isinstance(value[3], list) or len(value[3]) != 3:
        return
    height, width, channels = value[3]
    if (width, height) != tuple(image.size) and width * height * channels == count and channels == image.channels:
        image.scale(width, height)


def _write_packed(writer: Any, image: Any, p: Tree) -> None:
    if p.get("packed"):
        data = bytes(writer.blobs.get_raw(p["packed"]))
        image.pack(data=data, data_len=len(data))
        _show_file(image)
    elif image.packed_file is not None:
        image.unpack(method="REMOVE")


def _show_file(image: Any) -> None:
    """What is in memory goes, and is read again when somebody looks. Of what is packed `reload` would pack again what lies at its path
    here, and leaves what it is."""
    if image.packed_file is not None:
        image.buffers_free()
    else:
        image.reload()


def _write_source(writer: Any, image: Any, p: Tree) -> None:
    """The path goes through `filepath_raw`: `filepath` would load the file at once, which may be large or missing."""
    if p.get("source") and image.source != p["source"]:
        image.source = p["source"]
    path = paths.local_path(writer, p.get("file", ""))
    if path is not None and image.filepath_raw != path:
        image.filepath_raw = path
        if not p.get("packed") and p.get("source") != "GENERATED":
            image.reload()
