# SPDX-License-Identifier: GPL-3.0-or-later
"""Two real Blenders share one scene: whatever either does, both show the same at rest, and then they are silent."""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import both


def test_the_default_scene_arrives(two):
    _, a, b = two
    assert a.do("sorted(o.name for o in bpy.data.objects)") == b.do("sorted(o.name for o in bpy.data.objects)")
    assert b.do("len(bpy.data.objects['Cube'].data.vertices)") == 8
    assert b.do("[s.name for s in bpy.data.scenes]") == ["Scene"]
    assert b.do("bpy.context.window.scene.name") == "Scene"


def test_a_location_goes_both_ways(two):
    stage, a, b = two
    a.do("bpy.data.objects['Cube'].location = (1, 2, 3)")
    stage.settle()
    assert b.do("list(bpy.data.objects['Cube'].location)") == [1, 2, 3]
    b.do("bpy.data.objects['Cube'].location.x = 7.1")
    stage.settle()
    assert a.do("list(bpy.data.objects['Cube'].location)")[0] == pytest.approx(7.1)


def test_objects_are_made_renamed_and_deleted(two):
    stage, a, b = two
    a.do("""
        o = bpy.data.objects.new("Ada", bpy.data.objects["Cube"].data)
        bpy.context.scene.collection.objects.link(o)
    """)
    stage.settle()
    assert b.do("bpy.data.objects['Ada'].data == bpy.data.objects['Cube'].data")
    assert b.do("[c.name for c in bpy.data.objects['Ada'].users_collection]") == ["Scene Collection"]
    b.do("bpy.data.objects['Ada'].name = 'Byron'")
    stage.settle()
    assert "Byron" in both(a, b, "sorted(o.name for o in bpy.data.objects)")
    a.do("bpy.data.objects.remove(bpy.data.objects['Byron'])")
    stage.settle()
    assert "Byron" not in both(a, b, "sorted(o.name for o in bpy.data.objects)")
    assert both(a, b, "len(bpy.data.meshes)") == 1


def test_names_are_swapped(two):
    stage, a, b = two
    a.do("""
        cube, light = bpy.data.objects["Cube"], bpy.data.objects["Light"]
        cube.name = "x"; light.name = "Cube"; cube.name = "Light"
    """)
    stage.settle()
    assert both(a, b, "{o.name: o.type for o in bpy.data.objects}") == {
        "Cube": "LIGHT",
        "Light": "MESH",
        "Camera": "CAMERA",
    }


@pytest.mark.parametrize("mode", ["XYZ", "ZXY", "QUATERNION", "AXIS_ANGLE"])
def test_every_rotation_mode(two, mode):
    stage, a, b = two
    a.do(f"""
        o = bpy.data.objects["Cube"]
        o.rotation_mode = "{mode}"
        if "{mode}" == "QUATERNION": o.rotation_quaternion = (0.5, 0.5, 0.5, 0.5)
        elif "{mode}" == "AXIS_ANGLE": o.rotation_axis_angle = (1, 0, 1, 0)
        else: o.rotation_euler = (0.1, 0.2, 0.3)
        bpy.context.view_layer.update()
    """)
    stage.settle()
    b.do("bpy.context.view_layer.update()")
    both(a, b, "[list(r) for r in bpy.data.objects['Cube'].matrix_world]")


def test_parents_collections_and_visibility(two):
    stage, a, b = two
    a.do("""
        c = bpy.data.collections.new("Props")
        bpy.context.scene.collection.children.link(c)
        inner = bpy.data.collections.new("Inner")
        c.children.link(inner)
        cube, light = bpy.data.objects["Cube"], bpy.data.objects["Light"]
        inner.objects.link(cube)
        bpy.data.collections["Collection"].objects.unlink(cube)
        light.parent = cube
        light.matrix_parent_inverse = cube.matrix_world.inverted()
        bpy.context.view_layer.layer_collection.children["Props"].children["Inner"].exclude = True
    """)
    stage.settle()
    assert both(a, b, "bpy.data.objects['Light'].parent.name") == "Cube"
    assert both(a, b, "[o.name for o in bpy.data.collections['Inner'].objects]") == ["Cube"]
    assert both(a, b, "bpy.context.view_layer.layer_collection.children['Props'].children['Inner'].exclude") is True
    b.do("bpy.data.collections.remove(bpy.data.collections['Props'])")
    stage.settle()
    assert both(a, b, "sorted(c.name for c in bpy.data.collections)") == ["Collection", "Inner"]


def test_a_mesh_is_reshaped_and_rebuilt(two):
    stage, a, b = two
    a.do("m = bpy.data.objects['Cube'].data; m.vertices[0].co = (3, 3, 3); m.update()")
    stage.settle()
    assert b.do("list(bpy.data.objects['Cube'].data.vertices[0].co)") == [3, 3, 3]
    b.do("""
        import bmesh
        m = bpy.data.objects["Cube"].data
        bm = bmesh.new(); bm.from_mesh(m)
        bmesh.ops.subdivide_edges(bm, edges=bm.edges, cuts=2, use_grid_fill=True)
        bm.to_mesh(m); bm.free(); m.update()
        layer = m.attributes.new("heat", "FLOAT", "POINT")
        layer.data.foreach_set("value", [i / 7 for i in range(len(m.vertices))])
        m.attributes.new("paint", "BYTE_COLOR", "CORNER").data[5].color_srgb = (0.2, 0.4, 0.6, 1)
    """)
    stage.settle()
    assert (
        both(a, b, "[len(x) for x in (lambda m: (m.vertices, m.edges, m.polygons))(bpy.data.objects['Cube'].data)]")[0]
        > 8
    )
    both(a, b, "[tuple(v.co) for v in bpy.data.objects['Cube'].data.vertices]")
    both(a, b, "[tuple(p.vertices) for p in bpy.data.objects['Cube'].data.polygons]")
    both(a, b, "[d.value for d in bpy.data.objects['Cube'].data.attributes['heat'].data]")
    both(a, b, "[tuple(d.color_srgb) for d in bpy.data.objects['Cube'].data.attributes['paint'].data]")
    a.do("m = bpy.data.objects['Cube'].data; m.attributes.remove(m.attributes['heat'])")
    stage.settle()
    assert both(a, b, "'heat' in bpy.data.objects['Cube'].data.attributes") is False


def test_vertex_groups_and_weights(two):
    stage, a, b = two
    a.do("""
        o = bpy.data.objects["Cube"]
        g = o.vertex_groups.new(name="left"); h = o.vertex_groups.new(name="right")
        g.add([0, 1, 2], 0.25, "REPLACE"); h.add([2, 3], 1.0, "REPLACE")
    """)
    stage.settle()
    weights = "[[(g.group, g.weight) for g in v.groups] for v in bpy.data.objects['Cube'].data.vertices]"
    assert both(a, b, weights)[2] == [[0, 0.25], [1, 1.0]] or both(a, b, weights)[2] == [(0, 0.25), (1, 1.0)]
    b.do("bpy.data.objects['Cube'].vertex_groups['left'].name = 'links'")
    stage.settle()
    assert both(a, b, "[g.name for g in bpy.data.objects['Cube'].vertex_groups]") == ["links", "right"]


def test_modifiers_come_go_and_move(two):
    stage, a, b = two
    a.do("""
        o = bpy.data.objects["Cube"]
        for name, kind in (("S", "SUBSURF"), ("B", "BEVEL"), ("M", "MIRROR")):
            o.modifiers.new(name, kind)
        o.modifiers["M"].mirror_object = bpy.data.objects["Camera"]
        o.modifiers["S"].levels = 3
    """)
    stage.settle()
    assert both(a, b, "[m.name for m in bpy.data.objects['Cube'].modifiers]") == ["S", "B", "M"]
    assert b.do("bpy.data.objects['Cube'].modifiers['M'].mirror_object.name") == "Camera"
    b.do("o = bpy.data.objects['Cube']; o.modifiers.move(2, 0)")
    a.do("bpy.data.objects['Cube'].modifiers.new('T', 'TRIANGULATE')")
    stage.settle()
    assert both(a, b, "[m.name for m in bpy.data.objects['Cube'].modifiers]") == ["M", "S", "B", "T"]
    a.do("o = bpy.data.objects['Cube']; o.modifiers.remove(o.modifiers['S'])")
    b.do("bpy.data.objects['Cube'].modifiers['B'].name = 'Edge'")
    stage.settle()
    assert both(a, b, "[m.name for m in bpy.data.objects['Cube'].modifiers]") == ["M", "Edge", "T"]


def test_constraints(two):
    stage, a, b = two
    a.do("""
        c = bpy.data.objects["Camera"].constraints.new("TRACK_TO")
        c.target = bpy.data.objects["Cube"]; c.name = "look"; c.influence = 0.5
    """)
    stage.settle()
    assert b.do("(lambda c: (c.name, c.target.name, c.influence))(bpy.data.objects['Camera'].constraints[0])") == (
        "look",
        "Cube",
        0.5,
    )


def test_materials_with_nodes_and_groups(two):
    stage, a, b = two
    a.do("""
        g = bpy.data.node_groups.new("Mix it", "ShaderNodeTree")
        g.interface.new_socket("Warm", in_out="INPUT", socket_type="NodeSocketColor")
        s = g.interface.new_socket("Amount", in_out="INPUT", socket_type="NodeSocketFloat")
        s.default_value = 0.3; s.max_value = 2
        g.interface.new_socket("Result", in_out="OUTPUT", socket_type="NodeSocketColor")
        i, o = g.nodes.new("NodeGroupInput"), g.nodes.new("NodeGroupOutput")
        x = g.nodes.new("ShaderNodeMix"); x.data_type = "RGBA"
        g.links.new(i.outputs["Warm"], x.inputs["A"] if False else x.inputs[6])
        g.links.new(i.outputs["Amount"], x.inputs[0])
        g.links.new(x.outputs[2], o.inputs[0])
        m = bpy.data.materials.new("Paint"); m.use_nodes = True
        n = m.node_tree.nodes.new("ShaderNodeGroup"); n.node_tree = g; n.name = "mixer"
        n.inputs["Amount"].default_value = 0.75
        ramp = m.node_tree.nodes.new("ShaderNodeValToRGB")
        ramp.color_ramp.elements.new(0.5).color = (1, 0, 0, 1)
        m.node_tree.links.new(ramp.outputs[0], n.inputs["Warm"])
        m.node_tree.links.new(n.outputs[0], m.node_tree.nodes["Principled BSDF"].inputs["Base Color"])
        bpy.data.objects["Cube"].data.materials[0] = m
    """)
    stage.settle()
    links = """sorted((l.from_node.name, l.from_socket.name, l.to_node.name, l.to_socket.name)
                      for l in bpy.data.materials['Paint'].node_tree.links)"""
    assert len(both(a, b, links)) == 3
    assert both(a, b, "bpy.data.materials['Paint'].node_tree.nodes['mixer'].inputs['Amount'].default_value") == 0.75
    assert both(a, b, "len(bpy.data.node_groups['Mix it'].links)") == 3
    assert both(
        a, b, "[e.position for e in bpy.data.materials['Paint'].node_tree.nodes['Color Ramp'].color_ramp.elements]"
    )
    assert both(a, b, "bpy.data.objects['Cube'].material_slots[0].material.name") == "Paint"
    b.do("""
        g = bpy.data.node_groups["Mix it"]
        g.interface.new_socket("Extra", in_out="INPUT", socket_type="NodeSocketVector")
        bpy.data.materials["Paint"].node_tree.nodes["mixer"].inputs["Extra"].default_value = (1, 2, 3)
        t = bpy.data.materials["Paint"].node_tree
        t.nodes.remove(t.nodes["Color Ramp"])
    """)
    stage.settle()
    assert both(a, b, "list(bpy.data.materials['Paint'].node_tree.nodes['mixer'].inputs['Extra'].default_value)") == [
        1,
        2,
        3,
    ]
    assert len(both(a, b, links)) == 2


def test_two_people_add_sockets_to_one_group(two):
    stage, a, b = two
    a.do("bpy.data.node_groups.new('G', 'GeometryNodeTree')")
    stage.settle()
    a.do(
        "link.hold = True; bpy.data.node_groups['G'].interface.new_socket('A', in_out='INPUT', socket_type='NodeSocketFloat')"
    )
    b.do(
        "link.hold = True; bpy.data.node_groups['G'].interface.new_socket('B', in_out='INPUT', socket_type='NodeSocketInt')"
    )
    a.do("rep.capture_all()"), b.do("rep.capture_all()")
    a.do("link.release()"), b.do("link.release()")
    stage.settle()
    a.do("""
        m = bpy.data.objects["Cube"].modifiers.new("N", "NODES")
        m.node_group = bpy.data.node_groups["G"]
        ids = {i.name: i.identifier for i in m.node_group.interface.items_tree}
        if hasattr(m, "properties"):
            getattr(m.properties.inputs, ids["A"]).value = 1.5
            getattr(m.properties.inputs, ids["B"]).value = 7
        else:
            m[ids["A"]] = 1.5
            m[ids["B"]] = 7
    """)
    stage.settle()
    value = """{i.name: (lambda m: getattr(m.properties.inputs, i.identifier).value if hasattr(m, 'properties')
                         else m[i.identifier])(bpy.data.objects['Cube'].modifiers['N'])
                for i in bpy.data.node_groups['G'].interface.items_tree}"""
    assert both(a, b, value) == {"A": 1.5, "B": 7}


def test_lights_change_their_type(two):
    stage, a, b = two
    # Only where nobody holds the light does Python see its new class: the replicator must not either.
    a.do("bpy.data.lights['Light'].type = 'AREA'")
    a.do("bpy.data.lights['Light'].shape = 'ELLIPSE'; bpy.data.lights['Light'].size_y = 3")
    stage.settle()
    assert b.do("(lambda l: (l.type, l.shape, l.size_y))(bpy.data.lights['Light'])") == ("AREA", "ELLIPSE", 3)


def test_cameras_worlds_and_render_settings(two):
    stage, a, b = two
    a.do("""
        bpy.data.cameras["Camera"].lens = 85
        bpy.data.cameras["Camera"].dof.use_dof = True
        w = bpy.data.worlds.new("Night"); w.use_nodes = True
        w.node_tree.nodes["Background"].inputs[0].default_value = (0, 0, 0.1, 1)
        bpy.context.scene.world = w
        bpy.context.scene.render.resolution_x = 333
        bpy.context.scene.frame_start = 300; bpy.context.scene.frame_end = 400
        bpy.context.scene.timeline_markers.new("here", frame=12)
    """)
    stage.settle()
    assert b.do("bpy.data.cameras['Camera'].lens") == 85
    assert b.do("bpy.context.scene.world.name") == "Night"
    assert b.do("(lambda s: (s.frame_start, s.frame_end, s.render.resolution_x))(bpy.context.scene)") == (300, 400, 333)
    assert b.do("[(m.name, m.frame) for m in bpy.context.scene.timeline_markers]") == [("here", 12)]


def test_images(two):
    stage, a, b = two
    a.do("""
        i = bpy.data.images.new("Paint", 4, 2, alpha=True, float_buffer=False)
        i.pixels[0:4] = (1, 0.5, 0.25, 1)
        i.update()
        p = bpy.data.images.new("Packed", 8, 8)
        p.pixels[0] = 0.5
        p.pack()
    """)
    stage.settle()
    assert both(a, b, "list(bpy.data.images['Paint'].size)") == [4, 2]
    both(a, b, "list(bpy.data.images['Paint'].pixels)")
    both(a, b, "bytes(bpy.data.images['Packed'].packed_file.data)")


@pytest.mark.parametrize("has_file", [False, True])
def test_an_image_is_packed_again(two, has_file, tmp_path):
    """Whoever had looked at it went on to see what was packed before; and a file that is still there is not what was packed."""
    stage, a, b = two
    a.do(f"""
        i = bpy.data.images.new("Packed", 2, 2)
        i.pixels[:] = [0.25, 0.25, 0.25, 1.0] * 4
        if {has_file}:
            i.filepath_raw = {str(tmp_path)!r} + "/packed.png"; i.file_format = "PNG"; i.save()
        i.pack(); i.use_fake_user = True
    """)
    stage.settle()
    pixels = "list(bpy.data.images['Packed'].pixels)"
    before = both(a, b, pixels)
    for one, value in ((a, 0.5), (b, 0.75), (b, 1.0)):
        one.do(f"i = bpy.data.images['Packed']; i.pixels[:] = [{value}, 0.0, {value}, 1.0] * 4; i.update()")
        if value == 0.75:
            stage.settle()
            both(a, b, pixels)
        one.do("bpy.data.images['Packed'].pack()")
        stage.settle()
        after = both(a, b, pixels)
        assert after != before and abs(after[0] - value) < 0.01
        both(a, b, "bytes(bpy.data.images['Packed'].packed_file.data)")
        before = after
    assert a.do("bpy.data.images['Packed'].is_dirty") is b.do("bpy.data.images['Packed'].is_dirty") is False


@pytest.mark.parametrize("size", [(3, 3), (2, 8)])
@pytest.mark.parametrize("is_float", [False, True])
def test_an_image_is_scaled(two, is_float, size):
    """The size at which it was generated stays what it was."""
    stage, a, b = two
    a.do(f"bpy.data.images.new('Scaled', 4, 4, float_buffer={is_float}).use_fake_user = True")
    stage.settle()
    b.do(f"i = bpy.data.images['Scaled']; i.scale{size}; i.pixels[0] = 1.0; i.update()")
    stage.settle()
    assert both(a, b, "list(bpy.data.images['Scaled'].size)") == list(size)
    assert both(a, b, "list(bpy.data.images['Scaled'].pixels)")[:2] == [1, 0]
    b.do("bpy.data.images['Scaled'].scale(4, 4)")
    stage.settle()
    assert both(a, b, "list(bpy.data.images['Scaled'].size)") == [4, 4]
    both(a, b, "list(bpy.data.images['Scaled'].pixels)")


def test_custom_properties_of_every_type(two):
    stage, a, b = two
    a.do("""
        o = bpy.data.objects["Cube"]
        o["i"], o["f"], o["s"], o["b"], o["a"], o["g"] = 3, 2.0, "text", True, [1.0, 2.5], {"x": 1, "y": {"z": "deep"}}
        o["r"] = bpy.data.objects["Light"]
        o["$ref"] = "$ref"
        o.id_properties_ui("f").update(min=0.0, max=4.0, description="how much")
    """)
    stage.settle()
    assert b.do("[type(bpy.data.objects['Cube'][k]).__name__ for k in 'ifsb']") == ["int", "float", "str", "bool"]
    assert b.do("bpy.data.objects['Cube']['g'].to_dict()") == {"x": 1, "y": {"z": "deep"}}
    assert b.do("bpy.data.objects['Cube']['r'].name") == "Light"
    assert b.do("bpy.data.objects['Cube'].id_properties_ui('f').as_dict()['max']") == 4.0
    b.do("del bpy.data.objects['Cube']['i']; bpy.data.objects['Cube']['f'] = 3")
    stage.settle()
    assert a.do("'i' in bpy.data.objects['Cube']") is False
    assert a.do("type(bpy.data.objects['Cube']['f']).__name__") == b.do("type(bpy.data.objects['Cube']['f']).__name__")


def test_texts_and_curves(two):
    stage, a, b = two
    a.do("""
        t = bpy.data.texts.new("Note"); t.write("first\\nsecond")
        c = bpy.data.curves.new("Way", "CURVE"); c.dimensions = "3D"
        s = c.splines.new("BEZIER"); s.bezier_points.add(2)
        s.bezier_points[1].co = (1, 2, 3); s.bezier_points[1].handle_left_type = "VECTOR"
        n = c.splines.new("NURBS"); n.points.add(4); n.points[2].co = (1, 1, 1, 1); n.use_cyclic_u = True
        f = bpy.data.curves.new("Sign", "FONT"); f.body = "Hello"; f.size = 2
        for d in (c, f):
            bpy.context.scene.collection.objects.link(bpy.data.objects.new(d.name, d))
    """)
    stage.settle()
    assert both(a, b, "bpy.data.texts['Note'].as_string()") == "first\nsecond"
    assert both(a, b, "[(s.type, len(s.points), len(s.bezier_points)) for s in bpy.data.curves['Way'].splines]")
    both(a, b, "[tuple(p.co) for s in bpy.data.curves['Way'].splines for p in (*s.points, *s.bezier_points)]")
    assert both(a, b, "bpy.data.curves['Sign'].body") == "Hello"


def test_actions_and_drivers(two):
    stage, a, b = two
    a.do("""
        o = bpy.data.objects["Cube"]
        for f, x in ((1, 0), (10, 5), (20, 2)):
            o.location.x = x
            o.keyframe_insert("location", frame=f)
        d = bpy.data.objects["Light"].driver_add("location", 2).driver
        v = d.variables.new(); v.name = "x"; v.type = "TRANSFORMS"
        v.targets[0].id = o; v.targets[0].transform_type = "LOC_X"
        d.expression = "x * 2"
    """)
    stage.settle()
    name = both(a, b, "bpy.data.objects['Cube'].animation_data.action.name")
    curves = f"""[(c.data_path, c.array_index, [tuple(k.co) for k in c.keyframe_points],
                   [k.interpolation for k in c.keyframe_points])
                  for c in (lambda a: a.fcurves if hasattr(a, 'fcurves') else
                            a.layers[0].strips[0].channelbags[0].fcurves)(bpy.data.actions['{name}'])]"""
    assert len(both(a, b, curves)) == 3
    assert b.do("bpy.data.objects['Light'].animation_data.drivers[0].driver.expression") == "x * 2"
    assert b.do("bpy.data.objects['Light'].animation_data.drivers[0].driver.variables[0].targets[0].id.name") == "Cube"
    # A dependency graph that `frame_set` is the first to build does not write its results back.
    b.do("bpy.context.view_layer.update(); bpy.context.scene.frame_set(20)")
    assert b.do("bpy.data.objects['Cube'].location.x") == 2
