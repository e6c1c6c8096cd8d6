# SPDX-License-Identifier: GPL-3.0-or-later
"""Edit mode that ends in another way than by its user's hand.

An object that goes while it is edited leaves its data in edit mode for ever: Blender then neither enters nor ends it there, and nothing
can be written to the data. And what no view layer shows any more, because others have taken it out of a collection, its user cannot take out of
edit mode: Blender shows him object mode, and the first thing that he deletes may be one of several that he had edited. So edit
mode is left before that, or as soon as it is seen, with all that was done in it.

Where an object has gone all the same (a script of the user's has removed it), its data is renewed: a copy takes its place.
"""

from __future__ import annotations

import logging
from typing import Any

import bpy
import numpy as np

from . import dirty, history

log = logging.getLogger("atrium")

EDIT = bpy.types.Object.bl_rna.properties["mode"].enum_items["EDIT"].value
# What edit mode has a copy of.
KINDS = ("meshes", "curves", "lattices", "armatures", "metaballs")


def edited() -> list[Any]:
    """The objects in edit mode: by one call, 0.1 ms for a thousand objects."""
    modes = np.empty(len(bpy.data.objects), dtype=np.int32)
    bpy.data.objects.foreach_get("mode", modes)
    return [bpy.data.objects[int(at)] for at in np.flatnonzero(modes == EDIT)]


def in_hand() -> set[int]:
    """The numbers of the objects that windows show in edit mode."""
    return {ob.session_uid for _, objects in history.in_hand() for ob in objects if ob.mode == "EDIT"}


def out_of_hand(before: set[int]) -> list[Any]:
    """Objects in edit mode that no view layer has any more; of those that windows have shown, also what only others have."""
    found = edited()
    if not found:
        return []
    shown = [window.view_layer for window in bpy.context.window_manager.windows]
    layers = [layer for scene in bpy.data.scenes for layer in scene.view_layers]
    return [ob for ob in found if not _is_in(ob, shown if ob.session_uid in before else layers)]


def _is_in(ob: Any, layers: list[Any]) -> bool:
    """By name first; of what is linked something may have the same one."""
    named = [layer for layer in layers if ob.name in layer.objects]
    return any(layer.objects[ob.name] == ob or ob in layer.objects[:] for layer in named)


def going(blocks: list[Any]) -> list[Any]:
    """The objects in edit mode that go with these, or whose scene or data does."""
    found = [b for b in blocks if isinstance(b, bpy.types.Object) and b.mode == "EDIT"]
    for block in blocks:
        if isinstance(block, bpy.types.Scene):
            found += [ob for ob in block.objects if ob.mode == "EDIT" and ob not in found]
        if getattr(block, "is_editmode", False):
            found += [ob for ob in bpy.data.objects if ob.data == block and ob.mode == "EDIT" and ob not in found]
    return found


def leave(objects: list[Any]) -> None:
    """Takes objects out of edit mode, and with them those that are edited together with them."""
    for ob in objects:
        if ob.mode == "EDIT":
            _leave(ob, bpy.context.view_layer, bpy.context.scene.collection.objects)


def _leave(ob: Any, layer: Any, shown: Any) -> None:
    """The operator is about what the view layer shows, and the collections may have lost the object already."""
    layer.update()
    before, hidden = layer.objects.active, ob.name not in layer.objects
    try:
        if hidden:
            shown.link(ob)
            layer.update()
        layer.objects.active = ob
        with bpy.context.temp_override(object=ob, active_object=ob, edit_object=ob):
            bpy.ops.object.mode_set(mode="OBJECT")
    except RuntimeError as e:  # nothing waits for it: lost data is renewed
        log.warning("%s could not be taken out of edit mode: %s", ob.name, e)
    if before is not None:
        layer.objects.active = before
    if hidden and ob.name in shown:
        shown.unlink(ob)


def lost() -> list[Any]:
    """Data that is in edit mode, though no object in edit mode uses it."""
    found = []
    for kind in KINDS:
        blocks = getattr(bpy.data, kind)
        flags = np.empty(len(blocks), dtype=bool)
        blocks.foreach_get("is_editmode", flags)
        found += [blocks[int(at)] for at in np.flatnonzero(flags)]
    if not found:
        return []
    used = {ob.data for ob in edited()}
    return [data for data in found if data not in used and data.library is None and data.override_library is None]


def renew(old: Any) -> Any:
    """A copy, with what was done in edit mode, in the place of lost data; which has no user any more."""
    maker = bpy.data.objects.new("atrium edit", old)
    maker.update_from_editmode()
    bpy.data.objects.remove(maker)
    dirty.tracker.foreign = True
    history.rigs.note_datablocks()
    history.note_gone([old])
    name, new = old.name, old.copy()
    new.use_fake_user = old.use_fake_user
    # Of what is in edit mode no object takes its data from a remap.
    for ob in [ob for ob in bpy.data.objects if ob.data == old]:
        ob.data = new
    old.user_remap(new)
    old.name = "atrium edit"
    new.name = name
    return new
