# SPDX-License-Identifier: MIT
"""What people do to a scene, as functions that run in Blender; each works on the factory scene and what ran before.

They use the operators that a person's clicks run wherever Blender allows that without a window.
"""

from __future__ import annotations

import time
from typing import Any

from tests.blender.inside import bpy

MODES = ("QUATERNION", "XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX", "AXIS_ANGLE")


def select(*names: str) -> Any:
    for found in bpy.context.view_layer.objects:
        found.select_set(found.name in names)
    active = bpy.data.objects[names[0]]
    bpy.context.view_layer.objects.active = active
    return active


def add_empties(modes: list[str]) -> None:
    for number, mode in enumerate(modes):
        empty = bpy.data.objects.new(f"Turned {mode}", None)
        bpy.context.scene.collection.objects.link(empty)
        empty.rotation_mode = mode
        empty.location = (number, -number, 0.125 * number)


def turn_empties(modes: list[str], by: float) -> None:
    for mode in modes:
        empty = bpy.data.objects[f"Turned {mode}"]
        if mode == "QUATERNION":
            empty.rotation_quaternion = (0.5, by, -0.25, 0.125)
        elif mode == "AXIS_ANGLE":
            empty.rotation_axis_angle = (by, 0.0, 0.6, 0.8)
        else:
            empty.rotation_euler = (by, -by / 2, 0.75)
        empty.scale = (1.0, 1.0 + by, 2.0)


def switch_modes(modes: list[str]) -> None:
    """Every object gets the next mode; Blender converts the rotation."""
    for number, mode in enumerate(modes):
        bpy.data.objects[f"Turned {mode}"].rotation_mode = modes[(number + 1) % len(modes)]


def parent() -> None:
    child, mother = bpy.data.objects["Turned XYZ"], bpy.data.objects["Cube"]
    child.parent = mother
    child.matrix_parent_inverse = mother.matrix_world.inverted()


def unparent_and_parent_another() -> None:
    bpy.data.objects["Turned XYZ"].parent = None
    bpy.data.objects["Light"].parent = bpy.data.objects["Turned XYZ"]


def rename() -> None:
    bpy.data.objects["Cube"].name = "Würfel ☂"
    bpy.data.meshes["Cube"].name = "Mesh of the cube"


def duplicate() -> None:
    select("Würfel ☂")
    bpy.ops.object.duplicate()
    bpy.context.object.location.x += 3.0


def delete_light() -> None:
    select("Light")
    bpy.ops.object.delete()


def move_then_undo() -> float:
    """Undo in background begins with the first push; the move is this user's own, so it goes back for all."""
    found = bpy.data.objects["Würfel ☂"]
    bpy.ops.ed.undo_push(message="before")
    found.location.z = 7.0
    bpy.ops.ed.undo_push(message="moved")
    yield from settle(0.3)
    bpy.ops.ed.undo()
    yield from settle(0.3)
    return float(bpy.data.objects["Würfel ☂"].location.z)


def settle(seconds: float) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield


def delete_then_undo() -> bool:
    bpy.ops.ed.undo_push(message="before")
    select("Würfel ☂.001")
    bpy.ops.object.delete()
    bpy.ops.ed.undo_push(message="deleted")
    yield from settle(0.3)
    bpy.ops.ed.undo()
    yield from settle(0.3)
    return "Würfel ☂.001" in bpy.data.objects


def add_material() -> None:
    group = bpy.data.node_groups.new("Dust", "ShaderNodeTree")
    group.interface.new_socket("Amount", in_out="INPUT", socket_type="NodeSocketFloat")
    group.interface.new_socket("Color", in_out="OUTPUT", socket_type="NodeSocketColor")
    ramp = group.nodes.new("ShaderNodeValToRGB")
    start, end = group.nodes.new("NodeGroupInput"), group.nodes.new("NodeGroupOutput")
    group.links.new(start.outputs[0], ramp.inputs[0])
    group.links.new(ramp.outputs[0], end.inputs[0])
    material = bpy.data.materials.new("Clay")
    material.use_nodes = True
    node = material.node_tree.nodes.new("ShaderNodeGroup")
    node.node_tree = group
    shader = next(n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    material.node_tree.links.new(node.outputs[0], shader.inputs["Base Color"])
    bpy.data.objects["Würfel ☂"].data.materials.append(material)


def change_material() -> None:
    tree = bpy.data.materials["Clay"].node_tree
    shader = next(n for n in tree.nodes if n.type == "BSDF_PRINCIPLED")
    shader.inputs["Roughness"].default_value = 0.25
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.location = (-400, 120)
    noise.inputs["Scale"].default_value = 12.0
    tree.links.new(noise.outputs[0], shader.inputs["Metallic"])
    ramp = next(n for n in bpy.data.node_groups["Dust"].nodes if n.type == "VALTORGB")
    ramp.color_ramp.elements.new(0.5).color = (1.0, 0.5, 0.25, 1.0)


def edit_mesh() -> None:
    import bmesh

    mesh = bpy.data.objects["Würfel ☂"].data
    work = bmesh.new()
    work.from_mesh(mesh)
    bmesh.ops.subdivide_edges(work, edges=work.edges[:], cuts=3)
    work.verts.ensure_lookup_table()
    work.verts[0].co.z += 0.5
    work.to_mesh(mesh)
    work.free()
    mesh.attributes.new("heat", "FLOAT", "POINT").data[2].value = 0.75
    mesh.uv_layers.new(name="second")
    mesh.update()


def edit_mesh_mode() -> None:
    select("Würfel ☂")
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.transform.resize(value=(1.0, 1.5, 1.0))
    bpy.ops.object.mode_set(mode="OBJECT")


def add_the_rest() -> None:
    """Collections, light, camera, world, image, custom property, modifier."""
    inner = bpy.data.collections.new("Props")
    bpy.context.scene.collection.children.link(inner)
    light = bpy.data.lights.new("Sun", "SUN")
    light.energy = 3.5
    inner.objects.link(bpy.data.objects.new("Sun", light))
    camera = bpy.data.objects["Camera"]
    camera.data.lens = 85.0
    camera["shot"] = "wide"
    bpy.context.scene.world = bpy.data.worlds.new("Night")
    bpy.data.worlds["Night"].color = (0.0, 0.0, 0.125)
    image = bpy.data.images.new("Checker", 8, 8, alpha=True)
    image.generated_type = "COLOR_GRID"
    image.use_fake_user = True
    modifier = bpy.data.objects["Würfel ☂"].modifiers.new("Round", "BEVEL")
    modifier.width = 0.05
    bpy.context.scene.frame_end = 120


def animate() -> None:
    """An object and a light from 0 to 10 in ten frames; the object is moved beside its curve, too."""
    ob, light = bpy.data.objects["Camera"], bpy.data.lights.new("Pulse", "POINT")
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("Pulse", light))
    for frame, value in ((1, 0.0), (11, 10.0)):
        ob.location.x = light.energy = value
        ob.keyframe_insert("location", index=0, frame=frame)
        light.keyframe_insert("energy", frame=frame)
    ob.location = (4.0, 5.0, 6.0)


def look_at_frame(frame: int) -> Any:
    """Some frames on the way there, as in playback; what the camera and the light show then."""
    scene = bpy.context.scene
    bpy.context.view_layer.update()
    for at in range(scene.frame_current, frame + 1):
        scene.frame_set(at)
        yield
    return [round(bpy.data.objects["Camera"].location.x, 3), round(bpy.data.lights["Pulse"].energy, 3)]


def look_and_see() -> list[float]:
    return [round(bpy.data.objects["Camera"].location.x, 3), round(bpy.data.lights["Pulse"].energy, 3)]


def set_location_x(name: str, x: float) -> None:
    bpy.data.objects[name].location.x = x


def add_named(name: str) -> None:
    bpy.context.scene.collection.objects.link(bpy.data.objects.new(name, None))


def rename_to(old: str, new: str) -> None:
    bpy.data.objects[old].name = new


def delete_named(name: str) -> None:
    bpy.data.objects.remove(bpy.data.objects[name])


def edit_named(name: str) -> None:
    found = bpy.data.objects[name]
    found.scale = (2.0, 2.0, 2.0)
    found["note"] = "still here?"


def object_names() -> list[str]:
    return sorted(o.name for o in bpy.data.objects)


def outside_of_the_scene() -> list[str]:
    return [o.name for o in bpy.data.objects if bpy.context.scene not in o.users_scene]
