# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene around a join: what is unsaved, saving it, emptying Blender, bringing everything back.

A join replaces the whole scene, so nothing that the user has made may depend on it going well. Before the first
datablock is touched the scene is written to ATRIUM_HOME/recovered, whatever was chosen. If building fails or is
cancelled, that file is loaded again, else it is removed; a crash in between leaves it for the user. KEEP_COPY writes
a second one, which stays.

What is painted into an image lies in no .blend, whoever saves it: such images are packed first.

The old scene is removed by loading an empty one: it takes some 5 ms whatever the size, and it ends the undo history,
which would otherwise bring the old scene back into the room at the first Ctrl-Z.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

from .backup import set_original
from .link import Link
from .whole import is_compressed, is_whole

FOLDER = "recovered"
UNPACKED = "The image “{0}” is painted and not saved, and cannot be packed: save it first."
NOT_WHOLE = "What was written is not the whole file: is the disk full?"

# Collections of bpy.data that no unused thing of the user's is in.
OF_THE_PROCESS = frozenset({"all_ids", "libraries", "window_managers", "workspaces", "screens"})

# Blender resets all windows when it starts over, unless a file is named to start from (tests/addon/make_empty.py).
EMPTY = Path(__file__).with_name("empty.dat")


@dataclass
class Copy:
    """The scene as it was, in a file."""

    path: Path
    original: str  # path of the user's own file, empty if it has none
    unused: list[tuple[str, str]] = field(
        default_factory=list
    )  # collection and name of what a saved file would leave out


class BlenderScene:
    def __init__(self, home: Path) -> None:
        self._home = home
        self._session_work = False  # changes of a room that no file holds yet
        self.loading = False  # this module loads a file, not the user

    # --- unsaved work ------------------------------------------------------------------------------------------------

    def is_unsaved(self) -> bool:
        """Changes by others push no undo step, so Blender does not count them: what a room has left behind is remembered
        here. Not to be asked in background, where Blender's flag says nothing."""
        return bool(bpy.data.is_dirty) or self._session_work or bool(_painted())

    @property
    def holds_others_work(self) -> bool:
        """What was made in a room, and is in no file of this user."""
        return self._session_work

    def mark_unsaved(self) -> None:
        self._session_work = True

    def mark_saved(self) -> None:
        self._session_work = False

    def secure(self, mode: str) -> Copy:
        """Brings unsaved work to safety as the user said. `ASK` means that there was none when Join was clicked; what was
        made since then is kept."""
        unsaved = bpy.app.background or self.is_unsaved()
        _pack_painted()
        if mode == "SAVE" and unsaved:
            if not bpy.data.filepath:
                raise RuntimeError("The scene has no file name yet.")
            self._save(bpy.data.filepath)
        if mode == "KEEP_COPY" or (mode == "ASK" and unsaved):
            self._save_copy(self._free_path(""), relative_remap=True, compress=True)
        copy = Copy(self._free_path(".joining"), bpy.data.filepath)
        with _kept(_unused()) as copy.unused:
            self._save_copy(copy.path, relative_remap=False, compress=False)
        set_original(copy.path, copy.original)
        return copy

    def discard(self, copy: Copy) -> None:
        """The join went well."""
        self.mark_saved()
        copy.path.unlink(missing_ok=True)
        _begin_history()

    def restore(self, copy: Copy) -> None:
        """The join failed: everything as it was, under its own file name where it had one. Raises with the path of the copy if that
        cannot be loaded."""
        unsaved_work = self._session_work
        try:
            with self._own_load(), _in_window():
                if copy.original:
                    bpy.ops.wm.recover_auto_save(filepath=str(copy.path))
                else:  # as what a new scene begins with, or the next Ctrl-S would go into the copy unasked
                    bpy.ops.wm.read_homefile(filepath=str(copy.path), load_ui=False)
        except RuntimeError as error:
            raise RuntimeError(f"{copy.path} ({error})") from error
        _let_go(copy.unused)
        self._session_work = unsaved_work or not copy.original
        if bpy.data.filepath == copy.original:
            copy.path.unlink(missing_ok=True)

    def clear(self) -> None:
        """An empty scene, with the windows left as they are."""
        with self._own_load(), _in_window():
            bpy.ops.wm.read_homefile(filepath=str(EMPTY), use_empty=True, load_ui=False)

    def _free_path(self, mark: str) -> Path:
        folder = self._home / FOLDER
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{Path(bpy.data.filepath).stem or 'untitled'} {time.strftime('%Y-%m-%d %H-%M-%S')}"
        number, path = 1, folder / f"{name}{mark}.blend"
        while path.exists():
            number += 1
            path = folder / f"{name} ({number}){mark}.blend"
        return path

    def _save(self, path: str) -> None:
        packed = is_compressed(Path(path))  # as it was: only what is clicked remembers that by itself
        with _in_window():
            bpy.ops.wm.save_mainfile(filepath=path, check_existing=False, compress=packed)
        if not is_whole(Path(path)):
            self.mark_unsaved()
            raise RuntimeError(NOT_WHOLE)

    def _save_copy(self, path: Path, **how: bool) -> None:
        with _in_window():
            bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, check_existing=False, **how)
        if not is_whole(path):
            path.unlink()
            raise RuntimeError(NOT_WHOLE)

    @contextlib.contextmanager
    def _own_load(self) -> Iterator[None]:
        self.loading = True
        try:
            yield
        finally:
            self.loading = False

    # --- the rest of what a session asks -----------------------------------------------------------------------------

    def replicator(self, link: Link, room_id: str) -> Any:
        from ..sync.replicator import Replicator

        return Replicator(link, room_id=room_id, files=str(self._home / "files"))

    def is_full(self, error: Exception) -> bool:
        from ..sync.blobs import QueueFull

        return isinstance(error, QueueFull)

    def is_rendering(self) -> bool:
        """While Blender renders or bakes, scene data belongs to other threads."""
        from ..sync import dirty

        return dirty.tracker.busy()


def _begin_history() -> None:
    """An undo step with what was built. Without it the first Ctrl-Z would lead to the empty scene, from where what others have made comes
    back as the room has it: with the very change that was to be undone."""
    if not bpy.app.background:  # there, undo begins with the first step that a script makes
        with _in_window():
            bpy.ops.ed.undo_push(message="Join Room")


def _unused() -> list[tuple[str, str]]:
    """What nothing uses, not even a fake user: Blender keeps it until it saves or ends, and so must a join that is given up."""
    found = []
    for prop in bpy.data.bl_rna.properties:
        name = prop.identifier
        if prop.type == "COLLECTION" and name not in OF_THE_PROCESS:
            found += [(name, block.name) for block in getattr(bpy.data, name) if not block.users and not block.library]
    return found


@contextlib.contextmanager
def _kept(unused: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """A fake user each, for as long as the file is written."""
    for collection, name in unused:
        getattr(bpy.data, collection)[name, None].use_fake_user = True
    try:
        yield unused
    finally:
        _let_go(unused)


def _let_go(unused: list[tuple[str, str]]) -> None:
    for collection, name in unused:
        block = getattr(bpy.data, collection).get((name, None))
        if block is not None:
            block.use_fake_user = False


def _painted() -> list[Any]:
    """Images whose pixels are nowhere but in memory. Of linked ones no file of the user's can hold them."""
    return [image for image in bpy.data.images if image.is_dirty and image.library is None]


def _pack_painted() -> None:
    """Into the scene that is about to be written; they stay so, as unpacking would read their files anew."""
    for image in _painted():
        try:
            image.pack()
        except RuntimeError as error:
            raise RuntimeError(UNPACKED.format(image.name)) from error


@contextlib.contextmanager
def _in_window() -> Iterator[None]:
    """Timers have no window, and operators that load or save want one."""
    windows = bpy.context.window_manager.windows
    if bpy.context.window is not None or not windows:
        yield
    else:
        with bpy.context.temp_override(window=windows[0]):
            yield
