# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person might do next to a scene, at random; runs inside a peer's Blender (random_work.py chooses who, when and how often).

Each deed is a function of a random generator and picks what it works on by its place among the names that are there, so
that a seed means the same edits each time. Names come from a small pool, so that people meet. A deed that Blender refuses
(a parent loop, a collection inside of itself) is no deed. What was done is told in a few words, for the log of a failing seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import bmesh
import bpy

NAMES = ("A", "B", "C", "Cube", "Light", "A.001", "Twin")
REFUSALS = (RuntimeError, TypeError, ValueError, AttributeError, KeyError, IndexError, ReferenceError)

DEEDS: dict[str, tuple[int, Callable[[random.Random], Any]]] = {}


class NothingThere(Exception):
    """The scene has nothing that this deed could be done to."""


def deed(weight: int) -> Callable[[Callable[[random.Random], Any]], Callable[[random.Random], Any]]:
    def register(function: Callable[[random.Random], Any]) -> Callable[[random.Random], Any]:
        DEEDS[function.__name__] = (weight, function)
        return function

    return register


def act(seed: int) -> str:
    """Does something, and says what."""
    rng = random.Random(seed)
    name = rng.choices(list(DEEDS), [weight for weight, _ in DEEDS.values()])[0]
    try:
        said = DEEDS[name][1](rng)
    except NothingThere:
        return f"{name}: nothing there"
    except REFUSALS as e:
        said = f"refused: {e}".strip()
    bpy.context.view_layer.update()
    # In edit mode, too, as every operator of a person's does: what no step knows of is no case for an undo.
    bpy.ops.ed.undo_push(message=name)
    return f"{name}: {said}"


def one(rng: random.Random, blocks: Any, fits: Callable[[Any], Any] = lambda _: True) -> Any:
    found = sorted((b for b in blocks if fits(b)), key=lambda b: b.name)
    if not found:
        raise NothingThere
    return rng.choice(found)


def an_object(rng: random.Random) -> Any:
    return one(rng, bpy.data.objects, lambda o: o.mode == "OBJECT")


def mesh_object(rng: random.Random) -> Any:
    return one(rng, bpy.data.objects, lambda o: o.type == "MESH" and o.mode == "OBJECT" and not o.data.is_editmode)


def any_collection(rng: random.Random) -> Any:
    """One of the file's, or a scene's own."""
    found = [s.collection for s in sorted(bpy.data.scenes, key=lambda s: s.name)]
    found += sorted(bpy.data.collections, key=lambda c: c.name)
    return rng.choice(found)


def here(ob: Any, rng: random.Random) -> Any:
    (bpy.context.scene.collection if rng.random() < 0.7 else any_collection(rng)).objects.link(ob)
    return ob


def vector(rng: random.Random) -> tuple[float, float, float]:
    return (rng.randint(-4, 4), rng.randint(-4, 4), rng.random())


def an_image_of_all(rng: random.Random, fits: Callable[[Any], Any] = lambda _: True) -> Any:
    """A render result is each Blender's own."""
    return one(rng, bpy.data.images, lambda i: i.source != "VIEWER" and fits(i))


# Objects


@deed(6)
def add_object(rng: random.Random) -> str:
    name = rng.choice(NAMES)
    kind = rng.choice(("EMPTY", "MESH", "LIGHT", "CAMERA", "CURVE", "TEXT", "LATTICE", "ARMATURE"))
    data = None
    if kind == "MESH":
        data = bpy.data.meshes.new(rng.choice(NAMES))
        data.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], [], [(0, 1, 2), (0, 1, 3)])
    elif kind == "LIGHT":
        data = bpy.data.lights.new(rng.choice(NAMES), rng.choice(("POINT", "SUN", "SPOT")))
    elif kind == "CAMERA":
        data = bpy.data.cameras.new(rng.choice(NAMES))
    elif kind == "CURVE":
        data = bpy.data.curves.new(rng.choice(NAMES), "CURVE")
        spline = data.splines.new("POLY")
        spline.points.add(2)
        for i, point in enumerate(spline.points):
            point.co = (i, i * i, 0, 1)
    elif kind == "TEXT":
        data = bpy.data.curves.new(rng.choice(NAMES), "FONT")
        data.body = "Text"
    elif kind == "LATTICE":
        data = bpy.data.lattices.new(rng.choice(NAMES))
    elif kind == "ARMATURE":
        return f"rig {_add_rig(name, rng).name}"
    return here(bpy.data.objects.new(name, data), rng).name


def _add_rig(name: str, rng: random.Random) -> Any:
    """Bones are made in edit mode, and nobody is in two at once."""
    if bpy.context.mode != "OBJECT":
        raise NothingThere
    ob = here(bpy.data.objects.new(name, bpy.data.armatures.new(rng.choice(NAMES))), rng)
    bpy.context.view_layer.update()
    bpy.context.view_layer.objects.active = ob
    bpy.ops.object.mode_set(mode="EDIT")
    ob.data.edit_bones.new("Bone").tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    return ob


@deed(3)
def duplicate(rng: random.Random) -> str:
    source = an_object(rng)
    made = source.copy()
    if source.data is not None and rng.random() < 0.5:
        made.data = source.data.copy()
    return f"{source.name} -> {here(made, rng).name}"


@deed(2)
def duplicate_by_operator(rng: random.Random) -> str:
    select(rng, rng.randint(1, 3))
    bpy.ops.object.duplicate(linked=rng.random() < 0.5)
    return str([o.name for o in bpy.context.selected_objects])


@deed(2)
def delete_by_operator(rng: random.Random) -> str:
    chosen = select(rng, rng.randint(1, 2))
    bpy.ops.object.delete()
    return chosen


def select(rng: random.Random, count: int) -> str:
    there = sorted((o for o in bpy.context.view_layer.objects if o.mode == "OBJECT"), key=lambda o: o.name)
    if not there or bpy.context.mode != "OBJECT":
        # Nobody can make another object active in edit mode.
        raise NothingThere
    for ob in there:
        ob.select_set(False)
    chosen = rng.sample(there, min(count, len(there)))
    for ob in chosen:
        ob.select_set(True)
    bpy.context.view_layer.objects.active = chosen[0]
    return str([o.name for o in chosen])


@deed(3)
def delete_object(rng: random.Random) -> str:
    ob = an_object(rng)
    name = ob.name
    bpy.data.objects.remove(ob)
    return name


@deed(1)
def delete_data(rng: random.Random) -> str:
    kind = rng.choice(("meshes", "lights", "cameras", "materials", "node_groups", "worlds", "actions", "images"))
    block = one(
        rng,
        getattr(bpy.data, kind),
        lambda b: not getattr(b, "is_editmode", False) and getattr(b, "source", "") != "VIEWER",
    )
    name = block.name
    getattr(bpy.data, kind).remove(block)
    return f"{kind} {name}"


@deed(6)
def move(rng: random.Random) -> str:
    ob = an_object(rng)
    ob.location = vector(rng)
    return ob.name


@deed(4)
def set_something(rng: random.Random) -> str:
    ob = an_object(rng)
    name, value = rng.choice(
        (
            ("rotation_mode", rng.choice(("XYZ", "QUATERNION", "AXIS_ANGLE", "ZYX"))),
            ("scale", vector(rng)),
            ("rotation_euler", vector(rng)),
            ("hide_render", rng.random() < 0.5),
            ("hide_viewport", rng.random() < 0.3),
            ("pass_index", rng.randint(0, 9)),
            ("color", (*vector(rng), 1.0)),
            ("display_type", rng.choice(("WIRE", "SOLID", "TEXTURED"))),
            ("empty_display_size", rng.random()),
            ("show_name", rng.random() < 0.5),
        )
    )
    setattr(ob, name, value)
    return f"{ob.name}.{name} = {value}"


@deed(3)
def set_data(rng: random.Random) -> str:
    ob = one(rng, bpy.data.objects, lambda o: o.type in ("LIGHT", "CAMERA", "CURVE", "FONT", "LATTICE", "ARMATURE"))
    data = ob.data
    if ob.type == "LIGHT":
        if rng.random() < 0.4:
            data.type = rng.choice(("POINT", "SUN", "SPOT", "AREA"))
        data.energy = rng.randint(0, 50)
    elif ob.type == "CAMERA":
        data.type = rng.choice(("PERSP", "ORTHO"))
        data.lens = rng.randint(20, 90)
    elif ob.type == "FONT":
        data.size = rng.random()
        if ob.mode == "OBJECT":
            data.body = rng.choice(NAMES)
    elif ob.type == "LATTICE":
        if rng.random() < 0.3:
            data.points_u = rng.randint(2, 4)
        data.points[0].co_deform = vector(rng)
    elif ob.type == "ARMATURE":
        bone = rng.choice(list(ob.pose.bones))
        bone.location = vector(rng)
        if rng.random() < 0.3:
            bone.constraints.new("LIMIT_SCALE")
    else:
        data.bevel_depth = rng.random()
        data.splines[0].points[0].co = (*vector(rng), 1.0)
    return ob.name


@deed(3)
def parent(rng: random.Random) -> str:
    child, mother = an_object(rng), an_object(rng)
    if rng.random() < 0.25:
        child.parent = None
        return f"{child.name}: none"
    child.parent = mother
    child.matrix_parent_inverse = mother.matrix_world.inverted_safe()
    return f"{child.name} under {mother.name}"


@deed(1)
def other_data(rng: random.Random) -> str:
    ob, other = mesh_object(rng), mesh_object(rng)
    ob.data = other.data
    return f"{ob.name} uses {other.data.name}"


# Names


@deed(5)
def rename(rng: random.Random) -> str:
    kind = rng.choice(
        ("objects", "objects", "meshes", "materials", "collections", "lights", "worlds", "scenes", "images")
    )
    block = one(rng, getattr(bpy.data, kind), lambda b: getattr(b, "source", "") != "VIEWER")
    before, block.name = block.name, rng.choice(NAMES)
    return f"{kind} {before} -> {block.name}"


@deed(3)
def swap_names(rng: random.Random) -> str:
    kind = rng.choice(("objects", "objects", "materials", "collections"))
    first, second = one(rng, getattr(bpy.data, kind)), one(rng, getattr(bpy.data, kind))
    if first == second:
        raise NothingThere
    a, b = first.name, second.name
    first.name = "swapping"
    second.name, first.name = a, b
    return f"{kind} {a} <-> {b}"


# Collections


@deed(3)
def add_collection(rng: random.Random) -> str:
    into = any_collection(rng)
    made = bpy.data.collections.new(rng.choice(NAMES))
    into.children.link(made)
    return f"{made.name} in {into.name}"


@deed(3)
def link_collection(rng: random.Random) -> str:
    child, into = one(rng, bpy.data.collections), any_collection(rng)
    into.children.link(child)
    return f"{child.name} in {into.name}"


@deed(2)
def unlink_collection(rng: random.Random) -> str:
    out_of = any_collection(rng)
    child = one(rng, out_of.children)
    out_of.children.unlink(child)
    return f"{child.name} out of {out_of.name}"


@deed(1)
def delete_collection(rng: random.Random) -> str:
    found = one(rng, bpy.data.collections)
    name = found.name
    bpy.data.collections.remove(found)
    return name


@deed(4)
def link_object(rng: random.Random) -> str:
    ob, into = an_object(rng), any_collection(rng)
    into.objects.link(ob)
    return f"{ob.name} in {into.name}"


@deed(3)
def unlink_object(rng: random.Random) -> str:
    out_of = any_collection(rng)
    ob = one(rng, out_of.objects)
    out_of.objects.unlink(ob)
    return f"{ob.name} out of {out_of.name}"


@deed(3)
def set_layer(rng: random.Random) -> str:
    layers = []

    def walk(layer: Any) -> None:
        for child in sorted(layer.children, key=lambda c: c.name):
            layers.append(child)
            walk(child)

    walk(bpy.context.view_layer.layer_collection)
    if not layers:
        raise NothingThere
    layer = rng.choice(layers)
    name = rng.choice(("exclude", "hide_viewport", "holdout", "indirect_only"))
    setattr(layer, name, not getattr(layer, name))
    return f"{layer.name}.{name}"


@deed(1)
def set_collection(rng: random.Random) -> str:
    found = one(rng, bpy.data.collections)
    found.color_tag = rng.choice(("NONE", "COLOR_01", "COLOR_05"))
    found.hide_render = rng.random() < 0.5
    return str(found.name)


@deed(1)
def add_instance(rng: random.Random) -> str:
    ob = one(rng, bpy.data.objects, lambda o: o.type == "EMPTY")
    ob.instance_type = "COLLECTION"
    ob.instance_collection = one(rng, bpy.data.collections)
    return str(ob.name)


# Meshes


@deed(4)
def move_vertex(rng: random.Random) -> str:
    ob = mesh_object(rng)
    if not len(ob.data.vertices):
        raise NothingThere
    at = rng.randrange(len(ob.data.vertices))
    ob.data.vertices[at].co = vector(rng)
    ob.data.update()
    return f"{ob.name}[{at}]"


@deed(3)
def edit_mesh(rng: random.Random) -> str:
    ob = mesh_object(rng)
    work = bmesh.new()
    work.from_mesh(ob.data)
    what = rng.choice(("subdivide", "delete", "grow"))
    if what == "subdivide" and len(work.verts) < 200:
        bmesh.ops.subdivide_edges(work, edges=work.edges[:], cuts=1)
    elif what == "delete":
        bmesh.ops.delete(work, geom=work.verts[: rng.randint(1, 3)])
    else:
        work.verts.new(vector(rng))
    work.to_mesh(ob.data)
    work.free()
    ob.data.update()
    return f"{what} {ob.name}: {len(ob.data.vertices)}"


@deed(3)
def add_layer(rng: random.Random) -> str:
    ob = mesh_object(rng)
    what = rng.choice(("uv", "colour", "attribute", "group", "smooth", "remove"))
    if what == "uv":
        ob.data.uv_layers.new(name=rng.choice(NAMES))
    elif what == "colour":
        ob.data.color_attributes.new(rng.choice(NAMES), "BYTE_COLOR", "CORNER")
    elif what == "attribute":
        ob.data.attributes.new(
            rng.choice(NAMES), rng.choice(("FLOAT", "INT", "BOOLEAN")), rng.choice(("POINT", "FACE"))
        )
    elif what == "group":
        count = len(ob.data.vertices)
        ob.vertex_groups.new(name=rng.choice(NAMES)).add(rng.sample(range(count), min(2, count)), 0.5, "REPLACE")
    elif what == "remove":
        found = sorted(a.name for a in ob.data.attributes if not a.is_required and not a.is_internal)
        if not found:
            raise NothingThere
        ob.data.attributes.remove(ob.data.attributes[rng.choice(found)])
    else:
        for face in ob.data.polygons:
            face.use_smooth = not face.use_smooth
        ob.data.update()
    return f"{what} {ob.name}"


@deed(2)
def set_attribute(rng: random.Random) -> str:
    """Values of one of a mesh's layers."""
    ob = mesh_object(rng)
    kinds = ("FLOAT", "INT", "BOOLEAN", "BYTE_COLOR", "FLOAT2")
    layer = one(rng, ob.data.attributes, lambda a: a.data_type in kinds and not a.is_internal and len(a.data))
    element = layer.data[rng.randrange(len(layer.data))]
    if layer.data_type == "BYTE_COLOR":
        element.color = (*vector(rng), 1.0)
    elif layer.data_type == "FLOAT2":
        element.vector = vector(rng)[:2]
    else:
        element.value = rng.randint(0, 1)
    ob.data.update()
    return f"{ob.name}: {layer.name}"


@deed(2)
def shape_key(rng: random.Random) -> str:
    ob = mesh_object(rng)
    keys = ob.data.shape_keys
    if keys is None or rng.random() < 0.4:
        ob.shape_key_add(name=rng.choice(NAMES))
        return f"{ob.name}: new"
    block = rng.choice(list(keys.key_blocks))
    if rng.random() < 0.3:
        ob.shape_key_remove(block)
        return f"{ob.name}: gone"
    block.value = rng.random()
    if len(block.data):
        block.data[0].co = vector(rng)
    return f"{ob.name}: {block.name}"


@deed(2)
def edit_mode(rng: random.Random) -> str:
    """In, or out again; others go on meanwhile."""
    if bpy.context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
        return "out"
    ob = one(rng, bpy.context.view_layer.objects, lambda o: o.type in EDITED and o.visible_get())
    bpy.context.view_layer.objects.active = ob
    bpy.ops.object.mode_set(mode="EDIT")
    if rng.random() < 0.5:
        EDITED[ob.type](ob.data, rng)
    return f"in {ob.name}"


def _lift(mesh: Any, rng: random.Random) -> None:
    work = bmesh.from_edit_mesh(mesh)
    for vert in work.verts:
        vert.co.z += 1.0
    bmesh.update_edit_mesh(mesh)


def _bend(curve: Any, rng: random.Random) -> None:
    curve.splines[0].points[-1].co.x += 1.0
    if rng.random() < 0.5:
        bpy.ops.curve.select_all(action="SELECT")
        bpy.ops.curve.subdivide()


def _type_in(text: Any, rng: random.Random) -> None:
    bpy.ops.font.text_insert(text=rng.choice(NAMES))


def _deform(lattice: Any, rng: random.Random) -> None:
    lattice.points[-1].co_deform.z += 1.0


def _grow(armature: Any, rng: random.Random) -> None:
    bones = armature.edit_bones
    if rng.random() < 0.3:
        rng.choice(list(bones)).name = rng.choice(NAMES)
    else:
        bones.new(rng.choice(NAMES)).tail = (*vector(rng)[:2], 9.0)


# What is done in edit mode, by the type of the object.
EDITED: dict[str, Callable[[Any, random.Random], None]] = {
    "MESH": _lift,
    "CURVE": _bend,
    "FONT": _type_in,
    "LATTICE": _deform,
    "ARMATURE": _grow,
}


def leave_edit_mode() -> None:
    """Also of objects that are in no collection any more: they are shown for that moment."""
    layer = bpy.context.view_layer
    for ob in [o for o in bpy.data.objects if o.mode == "EDIT"]:
        hidden = ob.name not in layer.objects
        if hidden:
            bpy.context.scene.collection.objects.link(ob)
            layer.update()
        layer.objects.active = ob
        with bpy.context.temp_override(object=ob, active_object=ob, edit_object=ob):
            bpy.ops.object.mode_set(mode="OBJECT")
        if hidden:
            bpy.context.scene.collection.objects.unlink(ob)


def drop_empty_animation() -> None:
    """Animation data without anything in it means the same as none, and is not sent."""
    for ob in bpy.data.objects:
        data = ob.animation_data
        if data is not None and data.action is None and not len(data.drivers) and not len(data.nla_tracks):
            ob.animation_data_clear()


def show_animation() -> None:
    """What is in no view layer is not evaluated, and shows what it did when somebody last saw it, which each did at another time."""
    for ob in bpy.data.objects:
        data = ob.animation_data
        for curve in _curves(data) if data is not None and data.action is not None else ():
            if curve.data_path == "location":
                ob.location[curve.array_index] = curve.evaluate(bpy.context.scene.frame_start)


def show_all() -> None:
    """What the view layer does not have is not evaluated, and lies where it did when somebody last saw it, which each did at another time."""
    layer, shown = bpy.context.view_layer, bpy.context.scene.collection.objects
    unseen = [ob for ob in bpy.data.objects if ob.name not in layer.objects]
    for ob in unseen:
        shown.link(ob)
    layer.update()
    for ob in unseen:
        shown.unlink(ob)
    layer.update()


def drop_stale_texture_space() -> None:
    """An automatic one, where no view layer shows the data: it is what it was when Blender last evaluated that."""
    layers = [layer for scene in bpy.data.scenes for layer in scene.view_layers]
    shown = {ob.data for layer in layers for ob in layer.objects if ob.visible_get(view_layer=layer)}
    for data in [*bpy.data.meshes, *bpy.data.curves]:
        if data not in shown and data.use_auto_texspace:
            data.use_auto_texspace = False
            data.texspace_location, data.texspace_size = (0, 0, 0), (1, 1, 1)
            data.use_auto_texspace = True


def _curves(data: Any) -> list[Any]:
    """Before 4.4 an action has curves of its own."""
    if not hasattr(data, "action_slot"):
        return list(data.action.fcurves)
    bags = [s.channelbag(data.action_slot) for layer in data.action.layers for s in layer.strips if data.action_slot]
    return [curve for bag in bags if bag is not None for curve in bag.fcurves]


# Materials


@deed(4)
def material_slot(rng: random.Random) -> str:
    ob = mesh_object(rng)
    found = ob.data.materials
    what = rng.choice(("append", "set", "pop", "own", "index"))
    if what == "append":
        found.append(one(rng, bpy.data.materials) if rng.random() < 0.8 else None)
    elif what == "set":
        found[rng.randrange(len(found))] = one(rng, bpy.data.materials)
    elif what == "pop":
        found.pop(index=rng.randrange(len(found)))
    elif what == "own":
        slot = ob.material_slots[rng.randrange(len(found))]
        slot.link = rng.choice(("OBJECT", "DATA"))
        slot.material = one(rng, bpy.data.materials)
    else:
        ob.data.polygons[0].material_index = rng.randrange(len(found))
    return f"{what} {ob.name}: {len(found)}"


@deed(2)
def add_material(rng: random.Random) -> str:
    made = bpy.data.materials.new(rng.choice(NAMES))
    made.use_nodes = rng.random() < 0.7
    mesh_object(rng).data.materials.append(made)
    return str(made.name)


@deed(1)
def material_flags(rng: random.Random) -> str:
    found = one(rng, bpy.data.materials)
    found.use_nodes = not found.use_nodes
    found.diffuse_color = (*vector(rng), 1.0)
    return str(found.name)


def a_tree(rng: random.Random) -> Any:
    trees = [m.node_tree for m in sorted(bpy.data.materials, key=lambda m: m.name) if m.node_tree is not None]
    trees += sorted((g for g in bpy.data.node_groups if g.bl_idname == "ShaderNodeTree"), key=lambda g: g.name)
    if not trees:
        raise NothingThere
    return rng.choice(trees)


@deed(4)
def add_node(rng: random.Random) -> str:
    tree = a_tree(rng)
    kind = rng.choice(
        ("ShaderNodeTexNoise", "ShaderNodeMath", "ShaderNodeValToRGB", "ShaderNodeMix", "ShaderNodeGroup")
    )
    node = tree.nodes.new(kind)
    node.location = (rng.randint(-400, 400), rng.randint(-400, 400))
    if kind == "ShaderNodeGroup":
        node.node_tree = one(rng, bpy.data.node_groups, lambda g: g.bl_idname == "ShaderNodeTree" and g != tree)
    elif kind == "ShaderNodeMath":
        node.operation = rng.choice(("ADD", "SINE", "MULTIPLY_ADD"))
    elif kind == "ShaderNodeMix":
        node.data_type = rng.choice(("FLOAT", "VECTOR", "RGBA"))
    return f"{tree.name}: {node.name}"


@deed(4)
def edit_nodes(rng: random.Random) -> str:
    tree = a_tree(rng)
    node = one(rng, tree.nodes)
    what = rng.choice(("remove", "value", "link", "unlink", "rename", "mute", "ramp", "move"))
    if what == "remove":
        name = node.name
        tree.nodes.remove(node)
        return f"{tree.name}: without {name}"
    if what == "value":
        socket = rng.choice([s for s in node.inputs if s.type == "VALUE"])
        socket.default_value = rng.random()
    elif what == "link":
        other = one(rng, tree.nodes)
        tree.links.new(rng.choice(list(node.outputs)), rng.choice(list(other.inputs)))
    elif what == "unlink":
        tree.links.remove(tree.links[rng.randrange(len(tree.links))])
    elif what == "rename":
        node.name = rng.choice(NAMES)
        node.label = rng.choice(NAMES)
    elif what == "mute":
        node.mute = not node.mute
    elif what == "ramp":
        node = one(rng, tree.nodes, lambda n: n.type == "VALTORGB")
        node.color_ramp.elements.new(rng.random()).color = (*vector(rng), 1.0)
    else:
        node.location.x += 10
    return f"{what} {tree.name}: {node.name}"


@deed(2)
def add_group(rng: random.Random) -> str:
    group = bpy.data.node_groups.new(rng.choice(NAMES), "ShaderNodeTree")
    group.interface.new_socket("In", in_out="INPUT", socket_type="NodeSocketFloat")
    group.interface.new_socket("Out", in_out="OUTPUT", socket_type="NodeSocketColor")
    first, last = group.nodes.new("NodeGroupInput"), group.nodes.new("NodeGroupOutput")
    group.links.new(first.outputs[0], last.inputs[0])
    user = a_tree(rng)
    if user != group:
        user.nodes.new("ShaderNodeGroup").node_tree = group
    return f"{group.name} in {user.name}"


@deed(2)
def edit_interface(rng: random.Random) -> str:
    group = one(rng, bpy.data.node_groups)
    found = [i for i in group.interface.items_tree if i.item_type == "SOCKET"]
    what = rng.choice(("new", "remove", "move", "rename"))
    if what == "new" or not found:
        group.interface.new_socket(
            rng.choice(NAMES),
            in_out=rng.choice(("INPUT", "OUTPUT")),
            socket_type=rng.choice(("NodeSocketFloat", "NodeSocketColor")),
        )
    elif what == "remove":
        group.interface.remove(rng.choice(found))
    elif what == "move":
        group.interface.move(rng.choice(found), 0)
    else:
        rng.choice(found).name = rng.choice(NAMES)
    return f"{what} {group.name}"


# Modifiers, constraints, animation, custom properties


@deed(4)
def modifier(rng: random.Random) -> str:
    ob = mesh_object(rng)
    found = ob.modifiers
    what = rng.choice(("new", "remove", "move", "set", "rename")) if len(found) else "new"
    if what == "new":
        found.new(rng.choice(NAMES), rng.choice(("BEVEL", "ARRAY", "SUBSURF", "MIRROR", "SOLIDIFY")))
    elif what == "remove":
        found.remove(rng.choice(list(found)))
    elif what == "move":
        found.move(rng.randrange(len(found)), rng.randrange(len(found)))
    elif what == "rename":
        rng.choice(list(found)).name = rng.choice(NAMES)
    else:
        chosen = rng.choice(list(found))
        chosen.show_viewport = not chosen.show_viewport
        if chosen.type == "MIRROR":
            chosen.mirror_object = an_object(rng)
        elif chosen.type == "ARRAY":
            chosen.count = rng.randint(1, 5)
    return f"{what} {ob.name}: {[m.name for m in found]}"


@deed(3)
def constraint(rng: random.Random) -> str:
    ob = an_object(rng)
    found = ob.constraints
    what = rng.choice(("new", "remove", "move", "set", "rename")) if len(found) else "new"
    if what == "new":
        made = found.new(rng.choice(("COPY_LOCATION", "LIMIT_SCALE", "TRACK_TO")))
        if hasattr(made, "target"):
            made.target = an_object(rng)
    elif what == "remove":
        found.remove(rng.choice(list(found)))
    elif what == "move":
        found.move(rng.randrange(len(found)), rng.randrange(len(found)))
    elif what == "rename":
        rng.choice(list(found)).name = rng.choice(NAMES)
    else:
        rng.choice(list(found)).influence = rng.random()
    return f"{what} {ob.name}: {[c.name for c in found]}"


@deed(2)
def keyframe(rng: random.Random) -> str:
    ob = an_object(rng)
    ob.location.x = rng.randint(0, 9)
    ob.keyframe_insert("location", index=rng.randint(0, 2), frame=rng.randint(1, 40))
    return str(ob.name)


@deed(1)
def other_action(rng: random.Random) -> str:
    ob = an_object(rng)
    ob.animation_data_create().action = one(rng, bpy.data.actions) if rng.random() < 0.7 else None
    return str(ob.name)


@deed(4)
def custom_property(rng: random.Random) -> str:
    block = one(rng, rng.choice((bpy.data.objects, bpy.data.scenes, bpy.data.collections, bpy.data.meshes)))
    key = rng.choice(("a", "b", "é/~"))
    if rng.random() < 0.3:
        block.pop(key, None)
        return f"{block.name}: without {key}"
    block[key] = rng.choice((1, 2.5, "text", [1, 2, 3], {"x": 1, "y": {"z": "w"}}, True, an_object(rng)))
    return f"{block.name}[{key}]"


# The scene


@deed(3)
def scene_settings(rng: random.Random) -> str:
    scene = bpy.context.scene
    what = rng.choice(("frames", "marker", "unmark", "world", "camera", "fps", "gravity"))
    if what == "frames":
        scene.frame_start, scene.frame_end = rng.randint(0, 300), rng.randint(0, 300)
    elif what == "marker":
        scene.timeline_markers.new(rng.choice(NAMES), frame=rng.randint(1, 50))
    elif what == "unmark":
        scene.timeline_markers.remove(rng.choice(list(scene.timeline_markers)))
    elif what == "world":
        scene.world = bpy.data.worlds.new(rng.choice(NAMES)) if rng.random() < 0.4 else one(rng, bpy.data.worlds)
    elif what == "camera":
        scene.camera = one(rng, bpy.data.objects, lambda o: o.type == "CAMERA")
    elif what == "fps":
        scene.render.fps = rng.randint(10, 60)
    else:
        scene.gravity = vector(rng)
    return what


@deed(1)
def world_settings(rng: random.Random) -> str:
    world = one(rng, bpy.data.worlds)
    world.color = vector(rng)
    if rng.random() < 0.3:
        world.use_nodes = not world.use_nodes
    if world.node_tree is not None:
        node = one(rng, world.node_tree.nodes, lambda n: n.type == "BACKGROUND")
        node.inputs["Strength"].default_value = rng.random()
    return str(world.name)


@deed(1)
def image_settings(rng: random.Random) -> str:
    image = an_image_of_all(rng)
    image.alpha_mode = rng.choice(("STRAIGHT", "PREMUL", "NONE"))
    image.colorspace_settings.name = rng.choice(("sRGB", "Non-Color"))
    if rng.random() < 0.3:
        image.scale(rng.randint(1, 4), rng.randint(1, 4))
    return f"{image.name}: {tuple(image.size)}"


@deed(1)
def view_layer(rng: random.Random) -> str:
    found = bpy.context.scene.view_layers
    if rng.random() < 0.6 or len(found) < 2:
        return f"new {found.new(rng.choice(NAMES)).name}"
    gone = rng.choice(list(found))
    name = gone.name
    found.remove(gone)
    return f"without {name}"


@deed(1)
def another_scene(rng: random.Random) -> str:
    if len(bpy.data.scenes) < 3 or rng.random() < 0.5:
        made = bpy.data.scenes.new(rng.choice(NAMES))
        made.collection.objects.link(an_object(rng))
        return f"new {made.name}"
    gone = one(rng, bpy.data.scenes)
    name = gone.name
    bpy.data.scenes.remove(gone)
    return f"without {name}"


@deed(1)
def a_text(rng: random.Random) -> str:
    if rng.random() < 0.5 or not len(bpy.data.texts):
        bpy.data.texts.new(rng.choice(NAMES)).write("one\ntwo\n")
        return "new"
    one(rng, bpy.data.texts).write(rng.choice(NAMES))
    return "more"


@deed(1)
def an_image(rng: random.Random) -> str:
    if rng.random() < 0.5 or not len(bpy.data.images):
        bpy.data.images.new(rng.choice(NAMES), 2, 2).use_fake_user = True
        return "new"
    image = an_image_of_all(rng)
    image.pixels[rng.randrange(len(image.pixels))] = rng.random()
    return str(image.name)


@deed(2)
def paint(rng: random.Random) -> str:
    """All of an image, as a brush does a part of it; or by an operator, which makes an undo step of its own."""
    image = an_image_of_all(rng, lambda i: len(i.pixels))
    if rng.random() < 0.3:
        with bpy.context.temp_override(edit_image=image):
            bpy.ops.image.invert(invert_r=True)
        return f"invert {image.name}"
    # Of such as a byte holds exactly.
    colour = [rng.randint(0, 255) / 255 for _ in range(image.channels)]
    image.pixels.foreach_set(colour * (len(image.pixels) // image.channels))
    image.update()
    return f"{image.name}: {colour[0]:.3f}"


@deed(2)
def generate(rng: random.Random) -> str:
    """What an image is made of: it is made anew, and what was painted is gone."""
    image = an_image_of_all(rng, lambda i: i.source == "GENERATED")
    what = rng.choice(("colour", "type", "size", "float"))
    if what == "colour":
        image.generated_color = (rng.randint(0, 1), rng.randint(0, 1), rng.randint(0, 1), 1.0)
    elif what == "type":
        image.generated_type = rng.choice(("BLANK", "UV_GRID", "COLOR_GRID"))
    elif what == "size":
        image.generated_width = rng.randint(1, 8)
    else:
        image.use_generated_float = not image.use_generated_float
    return f"{what} {image.name}: {tuple(image.size)}"


@deed(2)
def resize(rng: random.Random) -> str:
    image = an_image_of_all(rng, lambda i: len(i.pixels))
    image.scale(rng.randint(1, 8), rng.randint(1, 8))
    return f"{image.name}: {tuple(image.size)}"


@deed(2)
def pack(rng: random.Random) -> str:
    """Of what is packed no file lies anywhere: where it is unpacked it is missing."""
    image = an_image_of_all(rng, lambda i: len(i.pixels) or i.packed_file is not None)
    if image.packed_file is None or rng.random() < 0.5:
        image.pack()
        return f"{image.name}: {image.packed_file.size}"
    image.unpack(method="REMOVE")
    return f"{image.name}: no more"


@deed(2)
def use_image(rng: random.Random) -> str:
    """In a material, or another in its place; or shown by an empty."""
    image = an_image_of_all(rng)
    if rng.random() < 0.2:
        ob = one(rng, bpy.data.objects, lambda o: o.type == "EMPTY")
        ob.empty_display_type = "IMAGE"
        ob.data = image if rng.random() < 0.8 else None
        return f"{image.name} on {ob.name}"
    tree = a_tree(rng)
    found = sorted((n for n in tree.nodes if n.type == "TEX_IMAGE"), key=lambda n: n.name)
    node = rng.choice(found) if found and rng.random() < 0.6 else tree.nodes.new("ShaderNodeTexImage")
    node.image = image if rng.random() < 0.9 else None
    node.interpolation = rng.choice(("Linear", "Closest"))
    return f"{image.name} in {tree.name}"


@deed(1)
def copy_image(rng: random.Random) -> str:
    made = an_image_of_all(rng).copy()
    made.use_fake_user = True
    return str(made.name)


@deed(1)
def purge(rng: random.Random) -> str:
    return f"{bpy.data.orphans_purge(do_recursive=rng.random() < 0.5)} gone"


# Undo


def undo() -> str:
    return _undo(bpy.ops.ed.undo)


def redo() -> str:
    return _undo(bpy.ops.ed.redo)


def _undo(operator: Any) -> str:
    try:
        return str(operator())
    except RuntimeError as e:
        return f"refused: {e}".strip()
