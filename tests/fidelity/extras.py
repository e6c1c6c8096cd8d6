# SPDX-License-Identifier: MIT
"""What a generic walk through RNA does not show, or shows in an unusable form.

Each function here is called by `walk.py` for every struct; most return at once. They cover names
(which collection of bpy.data holds a datablock, what identifies an item), custom properties with
their exact types, files by content, pixels, weights, and a few values that only follow from several
properties (a bone's roll, the order of links into a socket).
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from tests.fidelity import exclusions
from tests.fidelity.records import Props, Value

if TYPE_CHECKING:
    from tests.fidelity.walk import Walk

Struct = Any
NOTHING = object()  # "no value at all", where None is a value

# Properties of plain items that need a look at each item: variable in number.
PER_ITEM = frozenset({"groups"})

# (struct, custom property): Blender up to 4.5 writes this into each file that it saves, for older ones to read; it copies the
# camera's panorama settings, which are compared.
WRITTEN_BY_SAVING = frozenset({("Camera", "cycles")})


# Names


@cache
def _collections_by_type() -> dict[str, str]:
    return {
        p.fixed_type.identifier: p.identifier for p in bpy.types.BlendData.bl_rna.properties if p.type == "COLLECTION"
    }


def collection_of(block: Struct) -> str:
    """The collection of bpy.data that holds datablocks of this type."""
    rna = block.bl_rna
    while rna is not None:
        name = _collections_by_type().get(rna.identifier)
        if name:
            return name
        rna = rna.base
    return f"<{block.bl_rna.identifier}>"


def owner_name(embedded: Struct) -> str:
    """Whose node tree or master collection this is: embedded datablocks have no name of their own."""
    for collection in ("scenes", "materials", "worlds", "lights", "textures", "linestyles"):
        for block in getattr(bpy.data, collection):
            for prop in ("node_tree", "collection"):
                if getattr(block, prop, None) == embedded:
                    return f"{collection}/{block.name}.{prop}"
    return f"<embedded {embedded.bl_rna.identifier}>"


def item_key(item: Struct) -> str | None:
    """What identifies an item within its collection; None where only its place does."""
    if item is None or isinstance(item, (bpy.types.NodeSocket, bpy.types.MaterialSlot)):
        return None
    if isinstance(item, bpy.types.ID):
        return f"{item.name} @{item.library.name}" if item.library else str(item.name)
    if isinstance(item, bpy.types.FCurve):
        return f"{item.data_path}#{item.array_index}"
    if isinstance(item, bpy.types.NodeLink):
        ends = ((item.from_node, item.from_socket), (item.to_node, item.to_socket))
        return " > ".join(f"{node.name} {_socket_place(node, socket)}" for node, socket in ends)
    if isinstance(item, bpy.types.NodeTreeInterfaceSocket):
        return f"{item.in_out} {item.name}"
    name = item.bl_rna.name_property
    if name is None:
        return None
    try:
        value = getattr(item, name.identifier)
    except (AttributeError, ValueError):
        return None
    return value if isinstance(value, str) else None


def _socket_place(node: Struct, socket: Struct) -> int:
    sockets = node.outputs if socket.is_output else node.inputs
    return next((i for i, s in enumerate(sockets) if s.as_pointer() == socket.as_pointer()), -1)


def _of_a_group(socket: Struct, types: tuple[str, ...]) -> bool:
    """Whether this socket is of a group's interface, or shows it on a node: then Blender gave its identifier."""
    if "NodeTreeInterfaceSocket" in types:
        return True
    node = socket.node
    return node is not None and (hasattr(node, "node_tree") or node.bl_idname in ("NodeGroupInput", "NodeGroupOutput"))


# Custom properties


def custom_properties(struct: Struct, walk: Walk) -> Props:
    """Each custom property as `["name"]`, with its exact type, value, interface data and override flag."""
    try:
        keys = list(struct.keys())
    except (TypeError, AttributeError):
        return {}
    known = struct.bl_rna.properties
    values: Props = {}
    for key in keys:
        if key in known or (struct.bl_rna.identifier, key) in WRITTEN_BY_SAVING:
            continue
        entry = _id_property(struct[key], walk)
        entry["ui"] = _interface(struct, key, walk)
        if isinstance(struct, bpy.types.NodesModifier) and key.endswith("_use_attribute"):
            entry = {"t": "bool", "v": bool(struct[key])}  # an int in files of before 4.5
        entry["override"] = _overridable(struct, key)
        values[f'["{_input_name(struct, key)}"]'] = entry
    return values


def _input_name(struct: Struct, key: str) -> str:
    """A modifier keeps the inputs of its node group under numbers; they are compared by place and name."""
    group = getattr(struct, "node_group", None)
    if not isinstance(struct, bpy.types.NodesModifier) or group is None:
        return key
    for place, item in enumerate(group.interface.items_tree):
        identifier = getattr(item, "identifier", "")
        if identifier and (key == identifier or key.startswith(identifier + "_")):
            return f"{place} {item.name}{key[len(identifier) :]}"
    return key


def _overridable(struct: Struct, key: str) -> bool | None:
    if isinstance(struct, bpy.types.Modifier):
        return None  # inputs of geometry nodes: Blender sets the flag itself, at the next load
    try:
        return bool(struct.is_property_overridable_library(f'["{bpy.utils.escape_identifier(key)}"]'))
    except (TypeError, AttributeError):
        return None


def _interface(struct: Struct, key: str, walk: Walk) -> Value:
    try:
        ui = struct.id_properties_ui(key).as_dict()
    except (TypeError, AttributeError, KeyError):
        return None
    return {name: _id_property(value, walk) for name, value in ui.items()}


def _id_property(value: Any, walk: Walk) -> dict[str, Value]:
    """A value of an IDProperty, tagged with its type, so that 1, 1.0 and True differ, and f and d."""
    if isinstance(value, bytes):
        return {"t": "bytes", "v": value.hex()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return {"t": type(value).__name__, "v": value}
    if isinstance(value, bpy.types.ID):
        return {"t": "id", "v": walk.reference(value)}
    if hasattr(value, "typecode"):
        return {"t": f"array {value.typecode}", "v": list(value)}
    if hasattr(value, "items"):
        return {"t": "group", "v": {k: _id_property(v, walk) for k, v in value.items()}}
    if isinstance(value, (list, tuple)) or hasattr(value, "__iter__"):
        return {"t": "list", "v": [_id_property(v, walk) for v in value]}
    return {"t": type(value).__name__, "v": repr(value)}


# Files


def path_value(block: Struct, raw: str) -> Value:
    """A path with the hash of what it names: another computer has the same file under another path."""
    digest = None
    if raw and not raw.startswith("<"):
        full = bpy.path.abspath(raw, library=block.library)
        try:
            with open(full, "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
        except (OSError, ValueError):
            digest = None
    return {"path": raw, "content": digest}


# Values that need a special reader


def special_value(struct: Struct, types: tuple[str, ...], name: str, walk: Walk) -> Value:
    """The value of a property that is read in a way of its own, or NotImplemented."""
    if name == "pixels" and types[0] == "Image":
        return _pixels(struct, walk)
    if name == "lines" and types[0] == "Text":
        return [line.body for line in struct.lines]
    if name == "identifier" and ("NodeSocket" in types or "NodeTreeInterfaceSocket" in types):
        # Read-only, and each Blender numbers as it makes; what refers to a number is compared by place.
        return "(numbered)" if _of_a_group(struct, types) else struct.identifier
    if name == "is_generated_tile" and struct.id_data.source != "TILED":
        return NOTHING  # Blender asks it of tiled images alone; up to 4.3 it stays as it was when a file is packed
    if name == "name" and getattr(struct, "is_embedded_data", False):
        return NOTHING  # read-only, given by Blender, shown nowhere
    if name in ("height", "width") and "Node" in types and getattr(struct, name) < getattr(struct, f"bl_{name}_min"):
        return {"unsettable": getattr(struct, name)}
    return NotImplemented


def class_of(struct: Struct, type_name: str) -> str:
    """The class of a struct, as far as it says something.

    From 5.2 on a group's socket is of another class once somebody has set its subtype, which a file does not hold.
    """
    if isinstance(struct, bpy.types.NodeTreeInterfaceSocket):
        plain = f"NodeTreeInterface{struct.socket_type.removeprefix('Node')}"
        return plain if hasattr(bpy.types, plain) else type_name
    return type_name


def _pixels(image: Struct, walk: Walk) -> Value:
    count = len(image.pixels)
    data = np.empty(count, dtype=np.float32)
    if count:
        image.pixels.foreach_get(data)
    return walk.array(data)


def settle() -> None:
    """Have done what Blender puts off until somebody looks, so that nothing moves during the walk.

    Every scene goes to its first frame (the frame is presence, and what is animated follows it) and is
    evaluated, which fills in matrices and texture spaces. Images read their file (size,
    depth and channels say nothing before). The first look at a vertex's
    groups adds an empty layer for weights, which frees what Python holds of the mesh's other layers. Constraints
    whose target is gone are found to be invalid.
    """
    for ob in bpy.data.objects:
        if ob.library is None:
            _test_constraints(ob)
    for scene in bpy.data.scenes:
        # A dependency graph that `frame_set` is the first to build does not write its results back.
        for layer in scene.view_layers:
            layer.update()
        scene.frame_set(scene.frame_start)
    for mesh in bpy.data.meshes:
        if mesh.vertices:
            len(mesh.vertices[0].groups)
    for image in bpy.data.images:
        if image.source in ("FILE", "GENERATED", "TILED", "SEQUENCE"):
            len(image.pixels)


def _test_constraints(ob: Struct) -> None:
    """Where the target of a constraint is deleted, Blender goes on to take it for valid and computes with it, to no effect but rounding
    (1e-7 in the matrix), until any of its properties is set: only then it looks. Who got the constraint after the deletion has
    it invalid from the beginning. So it is made to look, by setting what is set: no value changes.
    """
    poses = [bone.constraints for bone in ob.pose.bones] if ob.pose is not None else []
    for constraint in [c for found in (ob.constraints, *poses) for c in found]:
        if constraint.is_valid and getattr(constraint, "target", constraint) is None:
            constraint.influence = constraint.influence


def stale(block: Struct) -> frozenset[str]:
    """The results of evaluation that say nothing of this datablock: what they hold is from when it was last shown, or how often."""
    if not isinstance(block, bpy.types.Object):
        return frozenset()
    if not _is_shown(block) or _is_in_circle(block):
        return exclusions.RESULTS
    # Blender computes it when it is read, as the one matrix seen from the other: this one's is new, the parent's is not.
    return frozenset() if block.parent is None or _is_shown(block.parent) else frozenset({"matrix_local"})


def _is_shown(ob: Struct) -> bool:
    """Blender evaluates objects only where a view layer shows them."""
    layers = [layer for scene in bpy.data.scenes for layer in scene.view_layers]
    return any(ob.name in layer.objects and ob.visible_get(view_layer=layer) for layer in layers)


def _is_in_circle(block: Struct) -> bool:
    """Whether it stands on objects that stand on each other in a circle, through parents and constraints.

    Blender cuts a circle at any place and takes there what the evaluation before has left: so the result goes on
    changing, and depends on how often somebody has looked.
    """
    done: set[Struct] = set()
    above: list[tuple[Struct, list[Struct]]] = [(block, _stands_on(block))]
    while above:
        ob, rest = above[-1]
        if not rest:
            done.add(ob)
            above.pop()
            continue
        other = rest.pop()
        if any(other == passed for passed, _ in above):
            return True
        if other not in done:
            above.append((other, _stands_on(other)))
    return False


def _stands_on(ob: Struct) -> list[Struct]:
    found = [ob.parent]
    for constraint in ob.constraints:
        found += [getattr(constraint, "target", None), getattr(constraint, "pole_target", None)]
        found += [target.target for target in getattr(constraint, "targets", ())]
    return [other for other in found if other is not None]


def per_item(items: Any, name: str, walk: Walk) -> Props:
    """Weights: for all points together, how many groups each has, which, and how strong.

    A point's groups are a set: the order in which they were assigned means nothing.
    """
    counts, groups, weights = [], [], []
    for point in items:
        assigned = point.groups
        counts.append(len(assigned))
        for element in sorted(assigned, key=lambda e: e.group):
            groups.append(element.group)
            weights.append(element.weight)
    return {
        f"{name}.count": walk.array(np.array(counts, dtype=np.int32)),
        f"{name}.group": walk.array(np.array(groups, dtype=np.int32)),
        f"{name}.weight": walk.array(np.array(weights, dtype=np.float32)),
    }


def more(struct: Struct, types: tuple[str, ...], walk: Walk) -> Props:
    """Values that no single property holds."""
    if types[0] == "Bone":
        axis, roll = struct.AxisRollFromMatrix(struct.matrix_local.to_3x3())
        return {"(roll)": roll, "(axis)": list(axis)}
    if "NodeSocket" in types and not struct.is_output and struct.is_multi_input:
        sources = [item_key(link) for link in struct.links]
        return {"(order of links)": sources}
    return {}
