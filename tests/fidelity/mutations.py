# SPDX-License-Identifier: MIT
"""A scene with one of nearly everything, and one small change of each kind to it.

Runs inside Blender. `check` loads the scene, makes one change, dumps, and tells which kinds of values
the comparer reports; `test_dump_sees.py` asserts that the changed one is among them. A dumper that
overlooks something would otherwise call any two scenes equal.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import bpy

from tests.fidelity import compare
from tests.fidelity.dump import dump
from tests.fidelity.records import Dump

MUTATIONS: list[tuple[Callable[[], None], str]] = []


def sees(kind: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Registers a change, with the kind of value that must be reported."""

    def register(function: Callable[[], None]) -> Callable[[], None]:
        MUTATIONS.append((function, kind))
        return function

    return register


# The scene


def build() -> None:
    """One of each, in an empty file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    mesh = build_mesh()
    cube = bpy.data.objects.new("Cube", mesh)
    bpy.context.scene.collection.objects.link(cube)
    build_object(cube)
    build_material(mesh)
    build_animation(cube)
    build_armature(cube)
    build_geometry_nodes(cube)
    build_others()
    build_rarer()
    build_rows()


def build_mesh() -> Any:
    mesh = bpy.data.meshes.new("Mesh")
    corners = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    mesh.from_pydata(corners, [], faces)
    mesh.uv_layers.new(name="UV")
    mesh.uv_layers.new(name="Second UV")
    mesh.color_attributes.new("Colour", "BYTE_COLOR", "CORNER")
    mesh.attributes.new("weight", "FLOAT", "EDGE")
    mesh.attributes.new("name", "STRING", "FACE")
    mesh.attributes.new("vec", "FLOAT_VECTOR", "POINT")
    mesh["custom"] = 1
    return mesh


def build_object(cube: Any) -> None:
    cube["int"] = 3
    cube["limited"] = 3
    cube["list"] = [1.0, 2.0]
    cube["group"] = {"inner": {"text": "deep"}}
    cube["target"] = cube.data
    cube.vertex_groups.new(name="Group").add([0, 1, 2], 0.5, "REPLACE")
    cube.vertex_groups.new(name="Other").add([2], 0.25, "REPLACE")
    cube.shape_key_add(name="Basis")
    cube.shape_key_add(name="Key").data[0].co = (0, 0, 2)
    cube.modifiers.new("Bevel", "BEVEL")
    cube.modifiers.new("Array", "ARRAY")
    cube.constraints.new("COPY_LOCATION").name = "Copy"
    cube.modifiers.new("Particles", "PARTICLE_SYSTEM")


def build_material(mesh: Any) -> None:
    material = bpy.data.materials.new("Material")
    material.use_nodes = True
    mesh.materials.append(material)
    mesh.materials.append(None)
    nodes = material.node_tree.nodes
    nodes.new("ShaderNodeValToRGB").name = "Ramp"
    nodes.new("ShaderNodeRGBCurve").name = "Curves"
    image = bpy.data.images.new("Image", 4, 4)
    nodes.new("ShaderNodeTexImage").name = "Texture"
    nodes["Texture"].image = image
    image.pixels[0] = 0.25
    image.pack()
    frame = nodes.new("NodeFrame")
    frame.name = "Frame"
    nodes["Ramp"].parent = frame


def build_animation(cube: Any) -> None:
    for frame, value in ((1, 0.0), (10, 5.0)):
        cube.location.x = value
        cube.keyframe_insert("location", index=0, frame=frame)
    cube.animation_data.action.name = "Action"
    curve(cube).modifiers.new("NOISE")
    second = bpy.data.objects.new("Second", None)
    bpy.context.scene.collection.objects.link(second)
    driver = cube.driver_add("scale", 0).driver
    driver.expression = "a + 1"
    variable = driver.variables.new()
    variable.name = "a"
    variable.targets[0].id = second
    variable.targets[0].data_path = "location.y"
    second.location.x = 1
    second.keyframe_insert("location", index=0, frame=1)
    track = second.animation_data.nla_tracks.new()
    track.strips.new("Strip", 1, second.animation_data.action)
    bpy.context.scene.timeline_markers.new("Marker", frame=5)


def curve(block: Any) -> Any:
    """The first animation curve, wherever this Blender keeps it."""
    action = block.animation_data.action
    if hasattr(action, "layers") and action.layers:
        return action.layers[0].strips[0].channelbags[0].fcurves[0]
    return action.fcurves[0]


def build_armature(cube: Any) -> None:
    armature = bpy.data.armatures.new("Armature")
    rig = bpy.data.objects.new("Rig", armature)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    root = armature.edit_bones.new("root")
    root.tail = (0, 0, 1)
    child = armature.edit_bones.new("child")
    child.head, child.tail, child.parent = (0, 0, 1), (0, 1, 1), root
    bpy.ops.object.mode_set(mode="OBJECT")
    armature.collections.new("Bones").assign(armature.bones["root"])
    rig.pose.bones["child"].constraints.new("LIMIT_ROTATION")
    rig.pose.bones["child"]["pose"] = 1.5
    cube.modifiers.new("Armature", "ARMATURE").object = rig


def build_geometry_nodes(cube: Any) -> None:
    tree = bpy.data.node_groups.new("Geometry", "GeometryNodeTree")
    tree.interface.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    tree.interface.new_socket("Amount", in_out="INPUT", socket_type="NodeSocketFloat")
    tree.interface.new_panel("Panel")
    tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    first, last = tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput")
    join = tree.nodes.new("GeometryNodeJoinGeometry")
    box = tree.nodes.new("GeometryNodeMeshCube")
    tree.links.new(first.outputs[0], join.inputs[0])
    tree.links.new(box.outputs[0], join.inputs[0])
    tree.links.new(join.outputs[0], last.inputs[0])
    build_use_of_group(tree)
    cube.modifiers.new("Nodes", "NODES").node_group = tree


def build_use_of_group(tree: Any) -> None:
    """Another group that uses this one, with a link that goes when the socket goes."""
    outer = bpy.data.node_groups.new("Outer", "GeometryNodeTree")
    inner, number = outer.nodes.new("GeometryNodeGroup"), outer.nodes.new("ShaderNodeValue")
    inner.node_tree = tree
    outer.links.new(number.outputs[0], inner.inputs["Amount"])


def build_others() -> None:
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("World")
    data: list[tuple[str, Any]] = [
        ("Lamp", bpy.data.lights.new("Lamp", "SPOT")),
        ("Camera", bpy.data.cameras.new("Camera")),
        ("Lattice", bpy.data.lattices.new("Lattice")),
        ("Meta", bpy.data.metaballs.new("Meta")),
        ("Curve", bpy.data.curves.new("Curve", "CURVE")),
        ("Letters", bpy.data.curves.new("Letters", "FONT")),
    ]
    children = bpy.data.collections.new("Child")
    scene.collection.children.link(children)
    for name, block in data:
        children.objects.link(bpy.data.objects.new(name, block))
    bpy.data.metaballs["Meta"].elements.new()
    spline = bpy.data.curves["Curve"].splines.new("BEZIER")
    spline.bezier_points.add(2)
    nurbs = bpy.data.curves["Curve"].splines.new("NURBS")
    nurbs.points.add(3)
    bpy.data.texts.new("Text").write("first\nsecond\n")
    bpy.data.textures.new("Clouds", "CLOUDS")
    scene.view_layers.new("Layer")
    scene.view_layers[0].use_freestyle = True
    scene.view_layers[0].freestyle_settings.linesets.new("Lines")
    for block in (*bpy.data.textures, *bpy.data.texts, *bpy.data.actions):
        block.use_fake_user = True


def build_rarer() -> None:
    """What few scenes have."""
    scene = bpy.context.scene
    mask = bpy.data.masks.new("Mask")
    mask.use_fake_user = True
    mask.layers.new(name="Layer").splines.new().points.add(2)
    hair = bpy.data.hair_curves.new("Hair")
    hair.add_curves([3, 2])
    hair.points.foreach_set("position", [i * i / 9 for i in range(15)])
    hair.attributes.new("radius", "FLOAT", "POINT")
    pencils().new("Sketch").layers.new("Lines").frames.new(3)
    if HAS_DRAWINGS:
        frame = pencils()["Sketch"].layers[0].frames[0]
        frame.drawing.add_strokes([4])
    else:
        pencils()["Sketch"].layers[0].frames[0].strokes.new().points.add(4)
    for name, block in (("Hair", hair), ("Sketch", pencils()["Sketch"])):
        scene.collection.objects.link(bpy.data.objects.new(name, block))
    cage = bpy.data.objects["Lattice"]
    cage.vertex_groups.new(name="Top").add([1], 0.5, "REPLACE")
    body = bpy.data.objects.new("Body", bpy.data.meshes["Mesh"])
    scene.collection.objects.link(body)
    bpy.ops.rigidbody.world_add()
    scene.rigidbody_world.collection = bpy.data.collections.new("Bodies")
    scene.rigidbody_world.collection.objects.link(body)
    scene.keying_sets.new(idname="mine", name="Mine").paths.add(body, "location", index=-1)
    takes = strips().bl_rna.functions["new_effect"].parameters.keys()
    end = {"length": 20} if "length" in takes else {"frame_end": 21}
    strips().new_effect(name="Red", type="COLOR", channel=1, frame_start=1, **end)


def build_rows() -> None:
    """What Blender begins by itself, and what it does not put at the end: nodes with items, a stack of modifiers."""
    tree = bpy.data.node_groups.new("Zones", "GeometryNodeTree")
    tree.use_fake_user = True
    for kind, row in (("Simulation", "state_items"), ("Repeat", "repeat_items")):
        first, last = (tree.nodes.new(f"GeometryNode{kind}{end}") for end in ("Input", "Output"))
        first.pair_with_output(last)
        getattr(last, row).new("FLOAT", "Value")
        tree.links.new(first.outputs["Value"], last.inputs["Value"])
    tree.nodes.new("GeometryNodeMenuSwitch").enum_items.new("Third")
    tree.nodes.new("GeometryNodeIndexSwitch").index_switch_items.new()
    tree.nodes.new("GeometryNodeCaptureAttribute").capture_items.new("VECTOR", "Seen")
    stack = bpy.data.objects.new("Stack", bpy.data.meshes["Mesh"])
    bpy.context.scene.collection.objects.link(stack)
    for name, kind in (("Smooth", "SUBSURF"), ("Round", "BEVEL"), ("Soft", "SOFT_BODY"), ("Levels", "MULTIRES")):
        stack.modifiers.new(name, kind)


# From 4.3 on Grease Pencil has drawings; before, strokes one by one.
HAS_DRAWINGS = bpy.app.version >= (4, 3)


def pencils() -> Any:
    return getattr(bpy.data, "grease_pencils_v3", bpy.data.grease_pencils)


def strips() -> Any:
    editor = bpy.context.scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


# The changes


def cube() -> Any:
    return bpy.data.objects["Cube"]


def mesh() -> Any:
    return bpy.data.meshes["Mesh"]


def nodes() -> Any:
    return bpy.data.materials["Material"].node_tree.nodes


def tree() -> Any:
    return bpy.data.node_groups["Geometry"]


def modifier(name: str) -> Any:
    return cube().modifiers[name]


@sees("MeshVertex.co")
def a_vertex() -> None:
    mesh().vertices[3].co.x += 1e-6


@sees("IntAttributeValue.value")
def a_flipped_face() -> None:
    mesh().polygons[0].flip()
    mesh().update()


@sees("BoolAttributeValue.value")
def smooth_shading() -> None:
    mesh().polygons[0].use_smooth = not mesh().polygons[0].use_smooth
    mesh().update()


@sees("FloatAttributeValue.value")
def an_edge_attribute() -> None:
    mesh().attributes["weight"].data[2].value = 1.0


@sees("StringAttributeValue.value")
def a_string_attribute() -> None:
    mesh().attributes["name"].data[2].value = b"x"


@sees("FloatVectorAttributeValue.vector")
def minus_zero() -> None:
    mesh().attributes["vec"].data[2].vector = (-0.0, 0.0, 0.0)


@sees("FloatAttribute.domain")
def an_attribute_on_another_domain() -> None:
    mesh().attributes.remove(mesh().attributes["weight"])
    mesh().attributes.new("weight", "FLOAT", "POINT")


@sees("AttributeGroupMesh.default_color_name" if bpy.app.version >= (4, 3) else "AttributeGroup.default_color_name")
def the_rendered_colour() -> None:
    mesh().color_attributes.new("Second", "FLOAT_COLOR", "POINT")
    mesh().attributes.default_color_name = "Second"


@sees("Float2AttributeValue.vector")
def a_uv() -> None:
    mesh().uv_layers["UV"].data[0].uv = (0.25, 0.75)


@sees("ByteColorAttributeValue.color")
def a_colour() -> None:
    mesh().color_attributes["Colour"].data[0].color = (1, 0, 0, 1)


@sees("MeshEdge.use_seam")
def a_seam() -> None:
    mesh().edges[0].use_seam = True


@sees("MeshPolygon.material_index")
def a_material_index() -> None:
    mesh().polygons[0].material_index = 1


@sees("MeshVertex.groups.weight")
def a_weight() -> None:
    cube().vertex_groups["Group"].add([1], 0.75, "REPLACE")


@sees("MeshVertex.groups.group")
def a_vertex_in_a_group() -> None:
    cube().vertex_groups["Group"].add([5], 0.5, "REPLACE")


@sees("VertexGroup.lock_weight")
def a_locked_group() -> None:
    cube().vertex_groups["Group"].lock_weight = True


@sees("MeshNormalValue.vector")
def custom_normals() -> None:
    mesh().normals_split_custom_set([(0.6, 0.8, 0.0)] * 24)


@sees("Mesh.materials")
def a_material_slot() -> None:
    mesh().materials.pop(index=1)


@sees("ShapeKeyPoint.co")
def a_shape_key() -> None:
    mesh().shape_keys.key_blocks["Key"].data[1].co.z = 3


@sees("ShapeKey.value")
def a_shape_keys_value() -> None:
    mesh().shape_keys.key_blocks["Key"].value = 0.5


@sees("ShapeKey.relative_key")
def a_relative_key() -> None:
    keys = mesh().shape_keys.key_blocks
    keys["Key"].relative_key = keys["Key"]


@sees('Object.["..."]')
def an_int_becomes_a_float() -> None:
    cube()["int"] = 3.0


@sees('Object.["..."]')
def an_int_becomes_a_bool() -> None:
    cube()["int"] = True


@sees('Object.["..."]')
def a_list_of_other_type() -> None:
    cube()["list"] = [1, 2]


@sees('Object.["..."]')
def a_nested_group() -> None:
    cube()["group"]["inner"]["text"] = "deeper"


@sees('Object.["..."]')
def a_pointer_in_a_custom_property() -> None:
    cube()["target"] = cube()


@sees('Object.["..."]')
def limits_of_a_custom_property() -> None:
    cube().id_properties_ui("limited").update(min=-3)


@sees('Mesh.["..."]')
def a_removed_custom_property() -> None:
    del mesh()["custom"]


@sees('PoseBone.["..."]')
def a_custom_property_of_a_bone() -> None:
    bpy.data.objects["Rig"].pose.bones["child"]["pose"] = 1.75


@sees("Object.location")
def a_location() -> None:
    cube().location.z = 1e-7


@sees("Object.rotation_mode")
def a_rotation_mode() -> None:
    cube().rotation_mode = "QUATERNION"


@sees("Object.parent")
def a_parent() -> None:
    cube().parent = bpy.data.objects["Second"]


@sees("Object.matrix_parent_inverse")
def a_parent_inverse() -> None:
    cube().matrix_parent_inverse[0][3] = 2.0


@sees("Object.modifiers")
def the_order_of_modifiers() -> None:
    cube().modifiers.move(0, 1)


@sees("BevelModifier.width")
def a_modifier() -> None:
    modifier("Bevel").width = 0.125


@sees("ArrayModifier (whole)")
def a_removed_modifier() -> None:
    cube().modifiers.remove(modifier("Array"))


@sees("ClothModifier (whole)")
def a_modifier_among_others() -> None:
    """Blender puts it before those that change the mesh."""
    bpy.data.objects["Stack"].modifiers.new("Cloth", "CLOTH")
    bpy.data.objects["Stack"].modifiers.move(3, 4)


@sees("RepeatItem (whole)")
def an_item_of_a_zone() -> None:
    zones()["Repeat Output"].repeat_items.new("INT", "More")


@sees("NodeEnumItem (whole)")
def other_items_of_a_menu() -> None:
    row = zones()["Menu Switch"].enum_items
    row.remove(row[0])
    row.new("Fourth")
    row.move(2, 0)


def zones() -> Any:
    return bpy.data.node_groups["Zones"].nodes


@sees("CurveProfilePoint.location")
def a_bevel_profile() -> None:
    modifier("Bevel").profile_type = "CUSTOM"
    modifier("Bevel").custom_profile.points.add(0.3, 0.6)
    modifier("Bevel").custom_profile.update()


# From 5.2 the inputs are RNA of their own; before they are custom properties of the modifier.
HAS_INPUTS = "properties" in bpy.types.NodesModifier.bl_rna.properties


@sees("Socket_1.value" if HAS_INPUTS else 'NodesModifier.["..."]')
def an_input_of_geometry_nodes() -> None:
    nodes_modifier = modifier("Nodes")
    identifier = interface_item("Amount").identifier
    if HAS_INPUTS:
        getattr(nodes_modifier.properties.inputs, identifier).value = 2.5
    else:
        nodes_modifier[identifier] = 2.5


@sees("CopyLocationConstraint.influence")
def a_constraint() -> None:
    cube().constraints["Copy"].influence = 0.5


@sees("ParticleSettings.count")
def particles() -> None:
    cube().particle_systems[0].settings.count = 7


@sees("ParticleSystem.seed")
def a_particle_system() -> None:
    cube().particle_systems[0].seed = 7


@sees("Keyframe.co")
def a_keyframe() -> None:
    curve(cube()).keyframe_points[1].co.y = 6


@sees("Keyframe.handle_right")
def a_keyframes_handle() -> None:
    point = curve(cube()).keyframe_points[0]
    point.handle_right_type = "FREE"
    point.handle_right.y += 0.5


@sees("Keyframe.interpolation")
def an_interpolation() -> None:
    curve(cube()).keyframe_points[0].interpolation = "BOUNCE"


@sees("FModifierNoise.strength")
def a_curves_modifier() -> None:
    curve(cube()).modifiers[0].strength = 2


@sees("FCurve (whole)")
def a_new_curve() -> None:
    cube().keyframe_insert("location", index=1, frame=3)


@sees("AnimData.action")
def another_action() -> None:
    cube().animation_data.action = None


@sees("Driver.expression")
def a_driver() -> None:
    cube().animation_data.drivers[0].driver.expression = "a + 2"


@sees("DriverTarget.data_path")
def a_drivers_target() -> None:
    cube().animation_data.drivers[0].driver.variables[0].targets[0].data_path = "location.z"


@sees("NlaStrip.scale")
def an_nla_strip() -> None:
    bpy.data.objects["Second"].animation_data.nla_tracks[0].strips[0].scale = 2


@sees("TimelineMarker.frame")
def a_marker() -> None:
    bpy.context.scene.timeline_markers[0].frame = 6


@sees("Bone.tail_local")
def a_bone() -> None:
    edit_bone("child").tail.x = 0.5
    bpy.ops.object.mode_set(mode="OBJECT")


@sees("Bone.(roll)")
def a_bones_roll() -> None:
    edit_bone("child").roll = 0.5
    bpy.ops.object.mode_set(mode="OBJECT")


def edit_bone(name: str) -> Any:
    bpy.context.view_layer.objects.active = bpy.data.objects["Rig"]
    bpy.ops.object.mode_set(mode="EDIT")
    return bpy.data.armatures["Armature"].edit_bones[name]


@sees("BoneCollection.bones")
def a_bone_collection() -> None:
    armature = bpy.data.armatures["Armature"]
    armature.collections["Bones"].assign(armature.bones["child"])


@sees("PoseBone.rotation_quaternion")
def a_pose() -> None:
    bpy.data.objects["Rig"].pose.bones["child"].rotation_quaternion.x = 0.5


@sees("LimitRotationConstraint.use_limit_x")
def a_bones_constraint() -> None:
    bpy.data.objects["Rig"].pose.bones["child"].constraints[0].use_limit_x = True


@sees("NodeSocketFloatFactor.default_value")
def a_sockets_value() -> None:
    next(n for n in nodes() if n.type == "BSDF_PRINCIPLED").inputs["Roughness"].default_value = 0.125


@sees("ColorRampElement.position")
def a_ramp() -> None:
    nodes()["Ramp"].color_ramp.elements[0].position = 0.25


@sees("CurveMapPoint.location")
def a_curve_mapping() -> None:
    nodes()["Curves"].mapping.curves[1].points[0].location.y = 0.5


@sees("ShaderNodeTexImage.interpolation")
def a_nodes_setting() -> None:
    nodes()["Texture"].interpolation = "Closest"


@sees("ShaderNodeTexImage.image")
def a_nodes_image() -> None:
    nodes()["Texture"].image = None


@sees("ShaderNodeValToRGB.parent")
def a_nodes_frame() -> None:
    nodes()["Ramp"].parent = None


@sees("NodeLink (whole)")
def a_link() -> None:
    links = bpy.data.materials["Material"].node_tree.links
    links.remove(links[0])


@sees("NodeSocketGeometry.(order of links)")
def the_order_of_links() -> None:
    """Swap what goes first into a socket that takes many."""
    first, second = next(n for n in tree().nodes if n.bl_idname == "GeometryNodeJoinGeometry").inputs[0].links
    first.swap_multi_input_sort_id(second)


@sees("NodeTreeInterfaceSocketFloat.default_value")
def an_interfaces_default() -> None:
    interface_item("Amount").default_value = 4


def interface_item(name: str) -> Any:
    return next(item for item in tree().interface.items_tree if item.name == name)


@sees("NodeTreeInterface.items_tree")
def the_order_of_an_interface() -> None:
    tree().interface.move(interface_item("Amount"), 0)


@sees("NodeTreeInterfaceSocketFloat.parent")
def a_socket_in_a_panel() -> None:
    tree().interface.move_to_parent(interface_item("Amount"), interface_item("Panel"), 0)


@sees("Image.pixels")
def a_pixel() -> None:
    image = bpy.data.images["Image"]
    image.pixels[5] = 0.5


@sees("PackedFile.data")
def a_packed_file() -> None:
    image = bpy.data.images["Image"]
    image.pixels[5] = 0.5
    image.pack()


@sees("ColorManagedInputColorspaceSettings.name")
def a_colour_space() -> None:
    bpy.data.images["Image"].colorspace_settings.name = "Non-Color"


@sees("Text.lines")
def a_text() -> None:
    bpy.data.texts["Text"].lines[1].body = "2nd"


@sees("BezierSplinePoint.handle_left")
def a_curves_point() -> None:
    point = bpy.data.curves["Curve"].splines[0].bezier_points[1]
    point.handle_left_type = "FREE"
    point.handle_left.x = 0.5


@sees("SplinePoint.co")
def a_nurbs_point() -> None:
    bpy.data.curves["Curve"].splines[1].points[0].co.w = 2


@sees("TextCurve.body")
def letters() -> None:
    bpy.data.curves["Letters"].body = "Other"


@sees("TextCharacterFormat.use_bold")
def a_bold_letter() -> None:
    bpy.data.curves["Letters"].body_format[0].use_bold = True


@sees("LatticePoint.co_deform")
def a_lattice() -> None:
    bpy.data.lattices["Lattice"].points[3].co_deform.x = 2


@sees("MetaElement.radius")
def a_metaball() -> None:
    bpy.data.metaballs["Meta"].elements[0].radius = 3


@sees("SpotLight.spot_blend")
def a_light() -> None:
    bpy.data.lights["Lamp"].spot_blend = 0.25


@sees("CameraDOFSettings.aperture_fstop")
def a_camera() -> None:
    bpy.data.cameras["Camera"].dof.aperture_fstop = 4


@sees("WorldMistSettings.depth")
def a_world() -> None:
    bpy.data.worlds["World"].mist_settings.depth = 3


@sees("CloudsTexture.noise_depth")
def a_texture() -> None:
    bpy.data.textures["Clouds"].noise_depth = 4


@sees("RenderSettings.resolution_x")
def the_resolution() -> None:
    bpy.context.scene.render.resolution_x = 640


@sees("ColorManagedViewSettings.exposure")
def the_exposure() -> None:
    bpy.context.scene.view_settings.exposure = 1


@sees("CyclesRenderSettings.samples")
def a_setting_of_an_addon() -> None:
    bpy.context.scene.cycles.samples = 7


@sees("UnitSettings.scale_length")
def the_units() -> None:
    bpy.context.scene.unit_settings.scale_length = 0.5


@sees("ViewLayer.use_pass_z")
def a_render_pass() -> None:
    bpy.context.scene.view_layers["Layer"].use_pass_z ^= True


@sees("LayerCollection.exclude")
def an_excluded_collection() -> None:
    bpy.context.scene.view_layers["Layer"].layer_collection.children["Child"].exclude = True


@sees("LayerCollection.holdout")
def a_holdout() -> None:
    bpy.context.scene.view_layers[0].layer_collection.children["Child"].holdout = True


@sees("FreestyleLineSet.select_crease")
def a_line_set() -> None:
    lines = bpy.context.scene.view_layers[0].freestyle_settings.linesets[0]
    lines.select_crease = not lines.select_crease


@sees("Collection.objects")
def a_member_of_a_collection() -> None:
    bpy.data.collections["Child"].objects.unlink(bpy.data.objects["Lamp"])


@sees("Collection.color_tag")
def a_collections_colour() -> None:
    bpy.data.collections["Child"].color_tag = "COLOR_03"


@sees("Collection.hide_render")
def a_hidden_collection() -> None:
    bpy.data.collections["Child"].hide_render = True


@sees("Mesh.attributes")
def the_order_of_uv_maps() -> None:
    """The values stay: the first one is removed and made again."""
    layers = mesh().uv_layers
    values = [tuple(item.uv) for item in layers["UV"].data]
    layers.remove(layers["UV"])
    for item, value in zip(layers.new(name="UV", do_init=False).data, values, strict=True):
        item.uv = value


if bpy.app.version >= (5, 2):

    @sees("MeshUVLoopLayer.active_render")
    def no_uv_map_renders() -> None:
        mesh().uv_layers.active_render = None


@sees("ShaderNodeValToRGB.show_preview")
def a_nodes_preview() -> None:
    nodes()["Ramp"].show_preview = not nodes()["Ramp"].show_preview


@sees("NodeTreeInterfaceSocketFloat.subtype")
def the_subtype_of_a_linked_socket() -> None:
    """From 5.2 on that changes the socket's class; the group stays linked to where it is used."""
    tree().interface.items_tree["Amount"].subtype = "FACTOR"


@sees("BlendData.names")
def a_name() -> None:
    bpy.data.lights["Lamp"].name = "Lantern"


@sees("Mesh.use_fake_user")
def a_fake_user() -> None:
    mesh().use_fake_user = True


@sees("MaskSplinePoint.co")
def a_masks_point() -> None:
    bpy.data.masks["Mask"].layers[0].splines[0].points[1].co = (0.5, 0.25)


@sees("FloatVectorAttributeValue.vector")
def a_hair() -> None:
    bpy.data.hair_curves["Hair"].points[3].position = (1, 2, 3)
    bpy.data.hair_curves["Hair"].update_tag()


@sees("FloatAttributeValue.value")
def the_radius_of_hair() -> None:
    bpy.data.hair_curves["Hair"].attributes["radius"].data[1].value = 0.5


@sees("FloatVectorAttributeValue.vector" if HAS_DRAWINGS else "GPencilStrokePoint.co")
def a_drawing() -> None:
    frame = pencils()["Sketch"].layers[0].frames[0]
    if HAS_DRAWINGS:
        frame.drawing.attributes["position"].data[2].vector = (1, 2, 3)
    else:
        frame.strokes[0].points[2].co = (1, 2, 3)


@sees("GreasePencilLayer.opacity" if HAS_DRAWINGS else "GPencilLayer.opacity")
def a_layer_of_drawings() -> None:
    pencils()["Sketch"].layers[0].opacity = 0.25


@sees("LatticePoint.groups.weight")
def a_lattices_weight() -> None:
    bpy.data.objects["Lattice"].vertex_groups["Top"].add([1], 0.75, "REPLACE")


@sees("RigidBodyObject.friction")
def a_rigid_body() -> None:
    bpy.data.objects["Body"].rigid_body.friction = 0.125


@sees("RigidBodyWorld.substeps_per_frame")
def a_rigid_body_world() -> None:
    bpy.context.scene.rigidbody_world.substeps_per_frame = 7


@sees("KeyingSetPath (whole)")
def a_keying_set() -> None:
    bpy.context.scene.keying_sets["Mine"].paths[0].data_path = "scale"


@sees("ColorStrip.color" if hasattr(bpy.types, "ColorStrip") else "ColorSequence.color")
def a_strip() -> None:
    strips()["Red"].color = (1, 0, 0)


@sees("Object (whole)")
def a_deleted_object() -> None:
    bpy.data.objects.remove(bpy.data.objects["Camera"])


# Running


def save(path: str) -> None:
    """Make the scene and write it to a file."""
    build()
    bpy.ops.wm.save_as_mainfile(filepath=path)


def begin(folder: str) -> None:
    """Save the scene, load it, and dump it as `before`."""
    scene = Path(folder) / "scene.blend"
    save(str(scene))
    bpy.ops.wm.open_mainfile(filepath=str(scene))
    dump(Path(folder) / "before")


def check(folder: str) -> list[dict[str, Any]]:
    """Make each change to a fresh copy of the scene; what was reported for each."""
    begin(folder)
    scene, after = Path(folder) / "scene.blend", Path(folder) / "after"
    before = Dump(Path(folder) / "before")
    results = []
    for change, kind in MUTATIONS:
        bpy.ops.wm.open_mainfile(filepath=str(scene))
        change()
        dump(after)
        report = compare.Comparison(before, Dump(after)).run()
        results.append({"change": change.__name__, "expected": kind, "reported": dict(report.kinds())})
    return results


def unchanged(folder: str) -> tuple[int, list[str]]:
    """Load the scene again without a change: number of values, differences."""
    work = Path(folder)
    bpy.ops.wm.open_mainfile(filepath=str(work / "scene.blend"))
    dump(work / "after")
    report = compare.compare(work / "before", work / "after")
    return report.values, [str(d) for d in report.differences]


def saved_again(folder: str) -> list[str]:
    """Save the scene that is open and load it: differences."""
    work = Path(folder)
    bpy.ops.wm.open_mainfile(filepath=str(work / "scene.blend"))
    bpy.ops.wm.save_as_mainfile(filepath=str(work / "again.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(work / "again.blend"))
    dump(work / "after")
    return [str(d) for d in compare.compare(work / "before", work / "after").differences]
