# SPDX-License-Identifier: GPL-3.0-or-later
"""What introspection alone cannot do, one module per subject.

A module here may offer, for the classes it is registered for: `read(reader, struct, old, out)` to add to what the walker
has read; `before(writer, struct, patch, full, cur)` to prepare and `write(...)` to finish what the walker writes. Parts
(structs behind read-only pointers) that may be missing are made and removed here too.
"""

from __future__ import annotations

from typing import Any

import bpy

from .. import idtypes, items, mergepatch, rna
from . import (
    actions,
    animation,
    armatures,
    curves,
    greasepencil,
    images,
    keyingsets,
    layers,
    masks,
    mesh,
    misc,
    modifiers,
    nodeitems,
    nodes,
    notes,
    objects,
    ramps,
    rigidbodies,
    rows,
    segments,
    sequencer,
    shapekeys,
    sockets,
    stacks,
    strokes,
)

Tree = dict[str, Any]

# Handlers of collections only, which put themselves into items.TABLE.
__all__ = ["keyingsets", "masks", "nodeitems", "segments", "stacks"]

_MODULES: dict[str, Any] = {
    "Action": actions,
    "AnimData": animation,
    "Annotation": notes,
    "Armature": armatures,
    "Curve": curves,
    "Curves": strokes.hair,
    "TextCurve": curves.text,
    "ColorRamp": ramps,
    "CurveMapping": ramps.mapping,
    "CurveProfile": ramps.profile,
    # Its name belonged to another type before 5.0.
    "GreasePencil": notes if idtypes.RENAMED else greasepencil,
    "GreasePencilv3": greasepencil,
    "FModifierEnvelope": rows.envelope,
    "HookModifier": rows.hook,
    "Image": images,
    "Key": shapekeys,
    "Lattice": misc.lattice,
    "Mesh": mesh,
    "MetaBall": objects.slots,
    "NodesModifier": modifiers,
    "NodeTree": nodes,
    "Node": sockets,
    "Object": objects,
    "PointCloud": mesh.pointcloud,
    "SequenceEditor": sequencer,
    "Text": misc.text,
    "ViewLayer": layers,
    "Volume": objects.slots,
}

_by_class: dict[str, list[Any]] = {}


def _modules(plan: rna.Plan) -> list[Any]:
    found = _by_class.get(plan.type_name)
    if found is None:
        # The general before the special.
        found = _by_class[plan.type_name] = [_MODULES[t] for t in reversed(plan.lineage) if t in _MODULES]
    return found


def read(reader: Any, struct: Any, plan: rna.Plan, old: Tree, out: Tree) -> None:
    for module in _modules(plan):
        module.read(reader, struct, old, out)


def before(writer: Any, struct: Any, plan: rna.Plan, patch: Tree, full: Tree, cur: Tree) -> None:
    for module in _modules(plan):
        step = getattr(module, "before", None)
        if step is not None:
            step(writer, struct, patch, full, cur)


def write(writer: Any, struct: Any, plan: rna.Plan, patch: Tree, full: Tree, cur: Tree) -> None:
    for module in _modules(plan):
        module.write(writer, struct, patch, full, cur)


def tidy(patch: Tree, room: Tree, tree: Tree) -> None:
    """Adds to the patch of a tree that is about to be sent what its author has to clear up, and leaves out what nobody has changed."""
    layers.complete(patch, room, tree)
    objects.leave_out_computed(patch, room)
    curves.leave_out_converted(patch, room, tree)
    armatures.complete(patch, room, tree)
    nodes.complete(patch, room, tree)
    mesh.tidy(patch, room)
    items.whole_order(patch, room, tree)


NODE_TREE = "@node_tree"


def keep_whole(mine: Tree, other: Tree) -> None:
    """After a patch was split into one's own and what others wrote: what makes sense only together goes to one of them. A node tree
    that an undo took away is put back, and one that it brought is sent: Blender gives one to what uses nodes, and takes none away."""
    mesh.keep_whole(mine, other)
    if (mine.get("s") or {}).get(NODE_TREE, {}) is None:
        mine["s"] = {key: value for key, value in mine["s"].items() if key != NODE_TREE}
        other["s"] = {**(other.get("s") or {}), NODE_TREE: None}
    elif mergepatch.is_typed((other.get("s") or {}).get(NODE_TREE)):
        mine["s"] = {**(mine.get("s") or {}), NODE_TREE: other["s"][NODE_TREE]}
        other["s"] = {key: value for key, value in other["s"].items() if key != NODE_TREE}
    for tree in (mine, other):
        for member in [m for m in ("i", "s") if tree.get(m) == {}]:
            del tree[member]


def moves_keys(shape: Tree, before: Tree, after: Tree, key: Tree) -> bool:
    """Whether a change of what has shape keys moves their blocks, too."""
    return shapekeys.is_reshaped(shape) and (after.get("type") != "Mesh" or mesh.moves_keys(before, after, key))


def clear_up(block: Any, patch: Tree) -> bool:
    """After a patch of the user's: takes away what Blender has left behind in other datablocks; whether there was anything."""
    if isinstance(block, bpy.types.Key):
        shapekeys.clear_up(block, patch)
    elif isinstance(block, bpy.types.Object):
        objects.forget_parenting(block, patch)
    return (patch.get("p") or {}).get("materials") == [] and objects.drop_idle_slots()


def is_edited(block: Any) -> bool:
    """Whether its user is in edit mode, where nothing can be written to it."""
    if isinstance(block, bpy.types.Object):
        return bool(block.mode == "EDIT")
    if isinstance(block, bpy.types.Key):
        return shapekeys.is_edited(block)
    return bool(getattr(block, "is_editmode", False))


def is_found_by_name(block: Any) -> bool:
    """Whether Blender would look for it by its name: the undo steps of edit mode note the names of the edited objects and of the scene,
    and an undo that finds no such thing, or another, crashes."""
    if isinstance(block, bpy.types.Object):
        return bool(block.mode == "EDIT")
    return isinstance(block, bpy.types.Scene) and any(ob.mode == "EDIT" for ob in block.objects)


def follows(plan: rna.Plan, name: str, struct: Any, part: Any) -> bool:
    """Whether a part is to be read: most are; an empty animation_data says nothing, nor does how an image is shown where there is none."""
    if name == "animation_data":
        return part is None or animation.says_something(part)
    if name == "image_user":
        return objects.shows_image(struct)
    return True


def make_part(struct: Any, name: str, tree: Tree) -> Any:
    """Makes a part that is missing, where Blender has a way to."""
    if name == "animation_data":
        return struct.animation_data_create()
    if name == "pose":
        # Blender makes it when it evaluates the object, or when the armature is assigned.
        struct.data = struct.data
        return struct.pose
    if name == "node_tree" and hasattr(struct, "use_nodes"):
        _make_tree(struct)
    elif name in ("curve_mapping", "color_ramp") and hasattr(struct, f"use_{name}"):
        before = getattr(struct, f"use_{name}")
        setattr(struct, f"use_{name}", True)
        part = getattr(struct, name, None)
        setattr(struct, f"use_{name}", before)
        for curve in getattr(part, "curves", ()):
            for point in curve.points:
                point.select = False
        return part
    elif name == "sequence_editor":
        return struct.sequence_editor_create()
    elif name == "grease_pencil":
        bpy.data.materials.create_gpencil_data(struct)
    elif rigidbodies.makes(name):
        return rigidbodies.make(struct, name)
    elif name == "field":
        with bpy.context.temp_override(object=struct, active_object=struct):
            bpy.ops.object.forcefield_toggle()
    return getattr(struct, name, None)


def _make_tree(struct: Any) -> None:
    """The tree stays when nodes are switched off again; a texture forgets its type over it."""
    before, kind = struct.use_nodes, getattr(struct, "type", None)
    struct.use_nodes = True
    struct.use_nodes = before
    if kind is not None and struct.type != kind and isinstance(struct, bpy.types.Texture):
        struct.type = kind


def remove_part(struct: Any, name: str) -> None:
    if name == "animation_data":
        struct.animation_data_clear()
    elif name == "sequence_editor":
        struct.sequence_editor_clear()
    elif name == "grease_pencil":
        bpy.data.materials.remove_gpencil_data(struct)
    elif rigidbodies.makes(name):
        rigidbodies.remove(struct, name)
    elif name == "field":
        struct.field.type = "NONE"
