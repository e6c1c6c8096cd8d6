# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and code: what a document may name on somebody else's machine, and what it may make Blender run.

Inputs travel as content and name: ["$blob", sha256, "file", [size], name]. The receiver stores the bytes under their
hash in Atrium's own folder and points the property there; reading it back gives the same value, so nothing echoes. A file
that is missing at the sender travels as its path. Such a path from elsewhere is only set where nothing of that name exists
here, and what it may come to point at later is never read: otherwise one could ask for anybody's files. Where an output goes and what Blender runs stay in the document
and never reach another user's Blender.

A property of subtype FILE_PATH or DIR_PATH that the table lacks is treated as an output; a test walks all of RNA for such.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import bpy

from . import rna, values
from .blobs import BLOB_BYTES_MAX

INPUT, OUTPUT, CODE, LOCAL = "input", "output", "code", "local"

KINDS: dict[str, str] = {
    "CacheFile.filepath": INPUT,
    "CacheFileLayer.filepath": INPUT,
    "Image.filepath": INPUT,
    "Image.filepath_raw": INPUT,
    "MeshCacheModifier.filepath": INPUT,
    "MovieClip.filepath": INPUT,
    "MultiresModifier.filepath": INPUT,
    "NodeSocketStringFilePath.default_value": INPUT,
    "NodeTreeInterfaceSocketStringFilePath.default_value": INPUT,
    "ShaderNodeTexIES.filepath": INPUT,
    "Sound.filepath": INPUT,
    "VectorFont.filepath": INPUT,
    "Volume.filepath": INPUT,
    "ImageSequence.directory": INPUT,
    "ImageStrip.directory": INPUT,
    "MovieSequence.filepath": INPUT,
    "MovieStrip.filepath": INPUT,
    "SequenceElement.filename": INPUT,
    "StripElement.filename": INPUT,
    "ImagePackedFile.filepath": LOCAL,
    "Library.filepath": LOCAL,
    "LibraryWeakReference.filepath": LOCAL,
    "LibraryWeakReference.id_name": LOCAL,
    "Brush.icon_filepath": LOCAL,
    "MovieClipProxy.directory": LOCAL,
    "SequenceEditor.proxy_dir": LOCAL,
    "SequenceProxy.directory": LOCAL,
    "SequenceProxy.filepath": LOCAL,
    "StripProxy.directory": LOCAL,
    "StripProxy.filepath": LOCAL,
    "PointCache.filepath": LOCAL,
    "PointCacheItem.filepath": LOCAL,
    "CollectionExport.filepath": OUTPUT,
    "Camera.custom_filepath": CODE,
    "Camera.custom_shader": CODE,
    "Camera.custom_bytecode": CODE,
    "Camera.custom_bytecode_hash": CODE,
    "RenderSettings.filepath": OUTPUT,
    "NodesModifier.bake_directory": OUTPUT,
    "NodesModifierBake.directory": OUTPUT,
    "CompositorNodeOutputFile.base_path": OUTPUT,
    "CompositorNodeOutputFile.directory": OUTPUT,
    "CompositorNodeOutputFile.file_name": OUTPUT,
    "NodeOutputFileSlotFile.path": OUTPUT,
    "SceneRenderView.file_suffix": OUTPUT,
    "SceneRenderView.camera_suffix": OUTPUT,  # the same text to Blender
    "BakeSettings.filepath": OUTPUT,
    "FluidDomainSettings.cache_directory": OUTPUT,
    "DynamicPaintSurface.image_output_path": OUTPUT,
    "OceanModifier.filepath": OUTPUT,
    "Text.use_module": CODE,
    "Driver.expression": CODE,
    "ShaderNodeScript.filepath": CODE,
    "ShaderNodeScript.script": CODE,
    "ShaderNodeScript.bytecode": CODE,
    "ShaderNodeScript.bytecode_hash": CODE,
    "PythonConstraint.text": CODE,
    "FreestyleModuleSettings.script": CODE,
}

# Parts of an output path, below what this user has chosen: harmless as long as they stay there.
BELOW = ("NodeOutputFileSlotFile.path", "SceneRenderView.file_suffix", "SceneRenderView.camera_suffix")

# Where Blender's own startup file and its new scenes write: whoever sets these says nothing new.
NEW_FILES = ("/tmp/", "//")

# Why a kind does not reach Blender, as its user reads it.
REASONS = {
    OUTPUT: "where files are written on this machine is not for others to say",
    CODE: "what others send is not run as a program",
    LOCAL: "it belongs to the machine of whoever set it",
}

_HASH = re.compile("[0-9a-f]{64}")

_PATH_SUBTYPES = {"FILE_PATH", "DIR_PATH"}

_kinds: dict[tuple[str, str], str] = {}
_folder: Path | None = None
# Paths that others have set here. It outlives the room: whoever hosts the same scene next must not send what has come to stand there.
_foreign: set[str] = set()
# Bytes of a name: file systems take 255, and some add to it.
NAME_BYTES_MAX = 120
# The number of a frame, and the kind of file.
_TAIL = re.compile(r"\d{0,10}(\.[^.]{1,15})?$")


def set_folder(folder: str | os.PathLike[str]) -> None:
    """Where files of others are stored."""
    global _folder
    _folder = Path(folder)


def folder() -> Path:
    if _folder is not None:
        return _folder
    home = os.environ.get("ATRIUM_HOME")
    return Path(home) / "files" if home else Path(bpy.utils.user_resource("DATAFILES", path="atrium", create=True))


def kind_of(plan: rna.Plan, prop: rna.Prop) -> str:
    """INPUT, OUTPUT, CODE or LOCAL; "" for a property that names no file and runs nothing."""
    at = (plan.type_name, prop.name)
    found = _kinds.get(at)
    if found is None:
        found = next((KINDS[f"{t}.{prop.name}"] for t in plan.lineage if f"{t}.{prop.name}" in KINDS), "")
        if not found and prop.kind == rna.STRING and prop.rna.subtype in _PATH_SUBTYPES:
            found = OUTPUT
        _kinds[at] = found
    return found


def is_path(plan: rna.Plan, prop: rna.Prop) -> bool:
    return bool(kind_of(plan, prop))


def read_input(reader: Any, struct: Any, path: str) -> Any:
    """The value for a file that Blender reads: content and name, or where it is missing the name alone."""
    if not path or path.startswith("<"):
        return path
    library = getattr(getattr(struct, "id_data", struct), "library", None)
    absolute = bpy.path.abspath(path, library=library)
    try:
        if path in _foreign:
            return path
        stat = os.stat(absolute)
        if not os.path.isfile(absolute):
            return as_text(reader, path)
        if stat.st_size > BLOB_BYTES_MAX:
            reader.report(f"the file {name_of(path)}", f"it is larger than {BLOB_BYTES_MAX >> 20} MiB")
            return as_text(reader, path)
        at = (absolute, stat.st_size, stat.st_mtime_ns)
        value: list[Any] | None = reader.blobs.file(at)
        if value is None:
            data = Path(absolute).read_bytes()
            value = [values.BLOB, reader.blobs.put_file(data), "file", [len(data)], name_of(path)]
            reader.blobs.note_file(at, value)
            reader.pause()
        return value
    except (OSError, ValueError):
        return as_text(reader, path)


def as_text(reader: Any, path: str) -> str:
    """A path that others can hold. What is no UTF-8 cannot be sent: it is replaced, and the user told."""
    if values.is_text(path):
        return path
    clean = _without_halves(path)
    reader.report(f"the path {clean}", "it is no UTF-8 text")
    return clean


def _without_halves(text: str) -> str:
    """Bytes that are no UTF-8 are halves of surrogate pairs in Python."""
    return "".join("_" if "\ud800" <= c < "\ue000" else c for c in text)


def write(writer: Any, struct: Any, plan: rna.Plan, prop: rna.Prop, value: Any) -> None:
    kind = kind_of(plan, prop)
    if plan.type_name == "Driver":
        from .special import fcurves

        why = fcurves.write_expression(struct, values.decode(value))
        if why:
            writer.refuse("Driver.expression", why)
        return
    if kind == INPUT:
        path = local_path(writer, value)
        if path is not None:
            setattr(struct, prop.name, path)
    elif may_set(plan, prop, value):
        setattr(struct, prop.name, writer.resolve(value) if prop.kind == rna.REFERENCE else values.decode(value))
    elif getattr(struct, prop.name, None) != values.decode(value):
        writer.refuse(f"{plan.type_name}.{prop.name}", REASONS.get(kind, REASONS[OUTPUT]))


def may_set(plan: rna.Plan, prop: rna.Prop, value: Any) -> bool:
    """Whether an output path or code may reach Blender."""
    kind = kind_of(plan, prop)
    if kind in ("", INPUT) or value in ("", False, values.NONE_VALUE):
        return True
    if f"{plan.type_name}.{prop.name}" in BELOW:
        return isinstance(value, str) and is_tame(value)
    return kind == OUTPUT and value in NEW_FILES


def local_path(writer: Any, value: Any) -> str | None:
    """Where on this machine the file of a value lies, storing it first if need be."""
    if isinstance(value, str):
        return _foreign_path(value)
    if not values.is_tagged(value, values.BLOB) or len(value) < 5 or not _HASH.fullmatch(str(value[1])):
        return None  # a hash that is a path would lead out of the folder
    place = folder() / str(value[1]) / name_of(str(value[4]))
    if not place.is_file() or place.stat().st_size != value[3][0]:
        data = writer.blobs.get_raw(value)
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(place.name + ".part")
        part.write_bytes(data)
        part.replace(place)
    return str(place)


def _foreign_path(path: str) -> str:
    """A path from elsewhere to a file that its sender did not have either."""
    if not path or path.startswith("<"):
        return path
    network = path.startswith("\\\\") or (path.startswith("//") and not is_tame(path) and not _leads_up(path))
    if network or (not is_tame(path) and os.path.lexists(bpy.path.abspath(path))):
        path = name_of(path)
    _foreign.add(path)
    return path


def _leads_up(path: str) -> bool:
    """Relative to the scene's folder (which two slashes stand for), and out of it: no network share has this name."""
    return path[2:4] == ".." and path[4:5] in ("/", "\\")


def is_tame(path: str) -> bool:
    """No absolute path, no network share, no way out of the folder."""
    if not path:
        return True
    inner = path[2:] if path.startswith("//") else path
    return not (
        inner.startswith(("/", "\\"))
        or PureWindowsPath(inner).drive
        or ".." in PurePosixPath(inner.replace("\\", "/")).parts
    )


def name_of(path: str) -> str:
    """The last part of a path, as a name that every file system takes."""
    last = path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    clean = "".join("_" if c in '<>:"|?*' or ord(c) < 32 else c for c in _without_halves(last))
    if not clean.strip("."):
        return "file"
    return clean if len(clean.encode()) <= NAME_BYTES_MAX else _shortened(clean)


def _shortened(name: str) -> str:
    """Cut in the middle: files of one sequence stay one, others that begin alike do not become the same."""
    tail = (_TAIL.search(name) or [""])[0]
    stem = name[: len(name) - len(tail)]
    mark = f"~{hashlib.sha256(stem.encode()).hexdigest()[:8]}_"
    kept = stem.encode()[: NAME_BYTES_MAX - len(mark) - len(tail.encode())]
    return kept.decode(errors="ignore") + mark + tail
