# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects: data, parenting and material slots; and the materials of what has slots.

Parenting is one decision in five properties: whichever of them changes, all are set, the inverse matrix last. Slots mirror
the data's materials; an object only says which of them it overrides. Both are sequences without identity: one value each.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import bpy
from mathutils import Matrix

from .. import values

Tree = dict[str, Any]

_PARENTING = ("parent", "parent_type", "parent_bone", "parent_vertices", "matrix_parent_inverse")
# Of an object without a parent.
_NO_PARENT = {"parent_type": "OBJECT", "parent_bone": ""}


# Whether an object was seen that has a slot more than its data has materials.
_seen_idle = [False]

_TEXTURE_SPACE = ("texspace_location", "texspace_size")


def read(reader: Any, ob: Any, old: Tree, out: Tree) -> None:
    p = out["p"]
    p["data"] = reader.identity.reference(ob.data) or values.NONE_VALUE
    p["parent"] = reader.identity.reference(ob.parent) or values.NONE_VALUE
    # What had a parent still remembers how: without one Blender has no name for it.
    p["parent_type"] = ob.parent_type if ob.parent is not None else _NO_PARENT["parent_type"]
    p["parent_bone"] = ob.parent_bone if ob.parent is not None else _NO_PARENT["parent_bone"]
    p["parent_vertices"] = list(ob.parent_vertices)
    p["matrix_parent_inverse"] = values.encode_floats([x for row in ob.matrix_parent_inverse for x in row])
    slots = []
    # Where a script pops the data's last material, Blender leaves a slot too many, of which it soon makes none.
    for slot, _ in zip(ob.material_slots, getattr(ob.data, "materials", ()), strict=False):
        own = slot.link == "OBJECT"
        slots.append([slot.link, (reader.identity.reference(slot.material) or values.NONE_VALUE) if own else 0])
    p["material_slots"] = slots
    if not slots and ob.material_slots and not len(getattr(ob.data, "materials", (0,))):
        _seen_idle[0] = True


def before(writer: Any, ob: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    if (patch.get("p") or {}).get("empty_display_type") == "IMAGE":
        # With it Blender makes the part that says how the image is shown.
        ob.empty_display_type = "IMAGE"
    if "data" not in (patch.get("p") or {}):
        return
    data = writer.resolve(full["p"]["data"])
    # Only an empty may do without, when its image is taken away.
    is_none = ob.type == "EMPTY" and full["p"]["data"] == values.NONE_VALUE
    if ob.data == data or (data is None and not is_none):
        return
    if ob.mode == "EDIT":
        # Blender would not take it, and say nothing.
        writer.defer("data", "the object is in edit mode here")
    else:
        ob.data = data


def write(writer: Any, ob: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    p = patch.get("p") or {}
    if any(name in p for name in _PARENTING):
        set_parent(writer, ob, full["p"])
    if "data" in p and ob.mode == "EDIT":
        # The slots are those of the data that is to come.
        return
    if "material_slots" in p or "data" in p:
        _slots(writer, ob, full["p"].get("material_slots") or [])


def leads_to(collection: Any, ob: Any) -> bool:
    """Whether an object is inside of a collection, or of what is shown there: if it showed the collection, Blender would crash."""
    if not ob.users_collection:
        return False
    rest = [collection]
    for at in rest:
        for other in at.all_objects:
            if other == ob:
                return True
            if other.instance_collection is not None and other.instance_collection not in rest:
                rest.append(other.instance_collection)
    return False


def set_parent(writer: Any, ob: Any, p: Tree) -> None:
    parent = writer.resolve(p.get("parent"))
    try:
        if ob.parent != parent:
            ob.parent = parent
        if parent is None:
            p = {**p, **_NO_PARENT}
        for name in ("parent_type", "parent_bone", "parent_vertices"):
            if name in p and p[name] is not None:
                setattr(ob, name, p[name])
        flat = values.decode(p.get("matrix_parent_inverse"))
        if flat:
            ob.matrix_parent_inverse = Matrix([flat[i : i + 4] for i in range(0, 16, 4)])
    except (TypeError, ValueError, RuntimeError, AttributeError) as e:
        writer.refuse("parent", e)


def forget_parenting(ob: Any, patch: Tree) -> None:
    """After a patch of the user's: what has lost its parent remembers the bone, which nobody else is told of."""
    if "parent" in (patch.get("p") or {}) and ob.parent is None:
        for name, value in _NO_PARENT.items():
            if getattr(ob, name) != value:
                setattr(ob, name, value)


def shows_image(ob: Any) -> bool:
    """An empty keeps how its image is shown when that goes, and only in the Blender that had one."""
    return not isinstance(ob, bpy.types.Object) or (ob.data is not None and ob.empty_display_type == "IMAGE")


def _slots(writer: Any, ob: Any, wanted: list[Any]) -> None:
    for slot, (link, material) in zip(ob.material_slots, wanted, strict=False):
        if slot.link != link:
            slot.link = link
        if link == "OBJECT":
            slot.material = writer.resolve(material)


def _read_materials(reader: Any, data: Any, old: Tree, out: Tree) -> None:
    for name in _TEXTURE_SPACE:
        if hasattr(data, name):
            out["p"][name] = values.encode_floats(list(getattr(data, name)))
    out["p"]["materials"] = [reader.identity.reference(m) or values.NONE_VALUE for m in data.materials]


def leave_out_computed(patch: Tree, room: Tree) -> None:
    """An automatic texture space follows when Blender next evaluates the data: by itself it is no change of anybody's."""
    p = patch.get("p")
    if p and set(patch) == {"p"} and set(p) <= set(_TEXTURE_SPACE) and room.get("p", {}).get("use_auto_texspace"):
        patch.clear()


def _write_texture_space(data: Any, patch: Tree, full: Tree) -> None:
    """Read-only while it is computed, and yet stored: an old file's may differ from what would be computed today."""
    if not any(name in patch for name in _TEXTURE_SPACE):
        return
    auto = data.use_auto_texspace
    data.use_auto_texspace = False
    for name in _TEXTURE_SPACE:
        if name in full:
            setattr(data, name, values.decode(full[name]))
    data.use_auto_texspace = auto


def _write_materials(writer: Any, data: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    _write_texture_space(data, patch.get("p") or {}, full.get("p", {}))
    if "materials" not in (patch.get("p") or {}):
        return
    wanted = full["p"].get("materials") or []
    if not wanted:
        data.materials.clear()
    while len(data.materials) > len(wanted):
        data.materials.pop()
    while len(data.materials) < len(wanted):
        data.materials.append(None)
    for i, value in enumerate(wanted):
        material = writer.resolve(value)
        if data.materials[i] != material:
            data.materials[i] = material


def drop_idle_slots() -> bool:
    """Takes from objects the slot that Blender leaves when a script pops the last material of their data. Nobody else sees it, and there
    is no way to give one object such a slot. Says whether there was one."""
    _seen_idle[0] = False
    slotted = [ob.data for ob in bpy.data.objects if len(ob.material_slots)]
    idle = [data for data in slotted if not len(getattr(data, "materials", (0,)))]
    for data in idle:
        data.materials.clear()
    return bool(idle)


def are_idle_slots_seen() -> bool:
    """Also where nobody sends anything: of a material that is added and popped between two looks nothing else remains."""
    return _seen_idle[0]


slots = SimpleNamespace(read=_read_materials, write=_write_materials)
