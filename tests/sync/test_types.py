# SPDX-License-Identifier: GPL-3.0-or-later
"""Every type of datablock in bpy.data: made, changed, renamed, relinked and deleted here, it is so there.

What there is comes from Blender itself: a new Blender's new type is either synchronised or named, with its reason, in
`idtypes.LEFT_OUT`.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import assert_silent, joined

# Defined in each peer: makes one datablock of each collection that can make any, and tells what it holds.
PREPARE = """
    from sync import exclude, idtypes, paths, rna
    MORE = {"objects": (None,), "curves": ("CURVE",), "lights": ("SPOT",), "textures": ("CLOUDS",),
            "node_groups": ("ShaderNodeTree",), "lightprobes": ("SPHERE",), "images": (4, 4)}

    def collections():
        for prop in bpy.types.BlendData.bl_rna.properties:
            if prop.type == "COLLECTION" and prop.srna is not None:
                yield prop.identifier, prop.fixed_type.identifier, prop.srna.functions

    def made_here():
        return [name for name, kind, functions in collections() if "new" in functions and kind not in idtypes.LEFT_OUT]

    def plain(block):
        # The first plain property of its own, not of every ID, that takes another value.
        common = bpy.types.ID.bl_rna.properties
        for prop in block.bl_rna.properties:
            if prop.identifier in common or prop.is_readonly or getattr(prop, "is_array", False):
                continue
            if exclude.reason(rna.lineage_of(block.bl_rna), prop.identifier):
                continue
            if any(f"{kind}.{prop.identifier}" in paths.KINDS for kind in rna.lineage_of(block.bl_rna)):
                continue
            if prop.type in ("BOOLEAN", "INT", "FLOAT"):
                yield prop.identifier

    def change(block):
        for name in plain(block):
            before = getattr(block, name)
            try:
                setattr(block, name, (not before) if isinstance(before, bool) else before + 1)
            except (AttributeError, TypeError, ValueError):
                continue
            if getattr(block, name) != before:
                return name
        block.use_fake_user = not block.use_fake_user
        return "use_fake_user"
"""


@pytest.fixture
def two(version):
    with joined(version, 2) as (stage, (a, b)):
        for peer in (a, b):
            peer.do(PREPARE)
        yield stage, a, b
        stage.settle()
        assert_silent(stage)


def test_every_type_is_synchronised_or_has_a_reason(two):
    _, a, _ = two
    assert (
        a.do("""[kind for _, kind, _ in collections()
                 if idtypes.RENAMED.get(kind, kind) not in idtypes.COLLECTIONS and not idtypes.LEFT_OUT.get(kind)]""")
        == []
    )


def test_one_of_each(two):
    stage, a, b = two
    names = a.do("made_here()")
    assert len(names) > 24
    a.do("""
        for name in made_here():
            block = getattr(bpy.data, name).new("One", *MORE.get(name, ()))
            block.use_fake_user = name != "scenes"
            bpy.data.worlds['World']["link " + name] = block
    """)
    stage.settle()
    assert b.do("[n for n in made_here() if 'One' not in getattr(bpy.data, n)]") == []
    link = "[n for n in made_here() if bpy.data.worlds['World'].get('link ' + n) != getattr(bpy.data, n)[{name!r}]]"
    assert b.do(link.format(name="One")) == []
    # The other one changes a property of each, and renames them.
    changed = b.do("{n: change(getattr(bpy.data, n)['One']) for n in made_here()}")
    value = f"{{n: getattr(getattr(bpy.data, n)['One'], p) for n, p in {changed!r}.items()}}"
    assert sum(prop != "use_fake_user" for prop in changed.values()) > 20
    stage.settle()
    assert a.do(value) == b.do(value)
    b.do("""
        for name in made_here():
            getattr(bpy.data, name)["One"].name = "Other"
    """)
    stage.settle()
    assert a.do("[n for n in made_here() if 'Other' not in getattr(bpy.data, n)]") == []
    assert a.do(link.format(name="Other")) == []
    # Relinked to another one.
    a.do("""
        for name in made_here():
            more = getattr(bpy.data, name).new("Third", *MORE.get(name, ()))
            bpy.data.worlds['World']["link " + name] = more
    """)
    stage.settle()
    assert b.do(link.format(name="Third")) == []
    # Deleted.
    b.do("""
        for name in made_here():
            blocks = getattr(bpy.data, name)
            blocks.remove(blocks["Other"])
    """)
    stage.settle()
    assert a.do("[n for n in made_here() if 'Other' in getattr(bpy.data, n)]") == []
    assert a.do("[n for n in made_here() if 'Third' not in getattr(bpy.data, n)]") == []


def both(a, b, expression):
    left, right = a.do(expression), b.do(expression)
    assert left == right, expression
    return left


def test_masks(two):
    stage, a, b = two
    a.do("""
        mask = bpy.data.masks.new("Hole"); mask.use_fake_user = True
        layer = mask.layers.new(name="Inner"); layer.alpha = 0.5
        spline = layer.splines.new(); spline.points.add(3); spline.use_cyclic = True
        for i, point in enumerate(spline.points):
            point.handle_type = "FREE"
            point.co, point.handle_left, point.handle_right, point.weight = (i, i * i), (i, 0), (0, i), i / 4
        spline.points[1].handle_type = "VECTOR"
    """)
    stage.settle()
    read = """[(l.name, l.alpha, [(s.use_cyclic, [(tuple(p.co), tuple(p.handle_left), tuple(p.handle_right), p.weight,
               p.handle_type, p.handle_left_type) for p in s.points]) for s in l.splines])
              for l in bpy.data.masks["Hole"].layers]"""
    assert len(both(a, b, read)[0][2][0][1]) == 4
    b.do("""
        layer = bpy.data.masks["Hole"].layers["Inner"]
        layer.splines[0].points.add(1)
        layer.splines[0].points[4].co = (9, 9)
        layer.splines.new().offset_mode = "SMOOTH"
        bpy.data.masks["Hole"].layers.new(name="Outer")
    """)
    stage.settle()
    assert [len(points) for _, points in both(a, b, read)[0][2]] == [5, 1]
    a.do("m = bpy.data.masks['Hole']; m.layers['Inner'].splines.remove(m.layers['Inner'].splines[0])")
    b.do("bpy.data.masks['Hole'].layers['Outer'].name = 'Rim'")
    stage.settle()
    assert [(name, len(splines)) for name, _, splines in both(a, b, read)] == [("Inner", 1), ("Rim", 0)]


HAIR = """(lambda h: ([c.points_length for c in h.curves], h.surface_uv_map, [m and m.name for m in h.materials],
            {x.name: [tuple(v.vector) if hasattr(v, "vector") else v.value for v in x.data] for x in h.attributes}))"""


def test_hair(two):
    stage, a, b = two
    a.do("""
        hair = bpy.data.hair_curves.new("Hair")
        hair.add_curves([3, 5])
        hair.points.foreach_set("position", [i / 7 for i in range(24)])
        hair.attributes.new("radius", "FLOAT", "POINT").data.foreach_set("value", [i / 9 for i in range(8)])
        hair.attributes.new("surface_uv_coordinate", "FLOAT2", "CURVE").data.foreach_set("vector", [0.1, 0.2, 0.3, 0.4])
        hair.surface = bpy.data.objects["Cube"]; hair.surface_uv_map = "UVMap"
        hair.materials.append(bpy.data.materials["Material"])
        ob = bpy.data.objects.new("Hair", hair)
        bpy.context.scene.collection.objects.link(ob); ob.parent = bpy.data.objects["Cube"]
    """)
    stage.settle()
    read = HAIR + "(bpy.data.hair_curves['Hair'])"
    sizes, *_, attributes = both(a, b, read)
    assert sizes == [3, 5] and "surface_uv_coordinate" in attributes
    assert b.do("bpy.data.objects['Hair'].data.surface.name") == "Cube"
    b.do("""
        hair = bpy.data.hair_curves["Hair"]
        hair.points[7].position = (1, 2, 3)
        hair.attributes.remove(hair.attributes["radius"])
        hair.update_tag()
    """)
    stage.settle()
    assert "radius" not in both(a, b, read)[3]
    if b.do("hasattr(bpy.types.Curves, 'resize_curves')"):
        b.do("h = bpy.data.hair_curves['Hair']; h.resize_curves([2], indices=[0]); h.add_curves([4]); h.update_tag()")
        stage.settle()
        assert both(a, b, read)[0] == [2, 5, 4]


PENCIL = "getattr(bpy.data, 'grease_pencils_v3', bpy.data.grease_pencils)['Sketch']"
DRAWN = """[(l.name, l.parent_group and l.parent_group.name, l.opacity, [(f.frame_number, f.keyframe_type,
             {x.name: [tuple(v.vector) if hasattr(v, "vector") else v.value for v in x.data]
              for x in f.drawing.attributes},
             [o.value for o in f.drawing.curve_offsets]) for f in l.frames])
            for l in PENCIL.layers]""".replace("PENCIL", PENCIL)


def test_grease_pencil(two):
    stage, a, b = two
    if a.do("bpy.app.version < (4, 3)"):
        pytest.skip("up to 4.2 Grease Pencil is another type")
    a.do("""
        data = getattr(bpy.data, "grease_pencils_v3", bpy.data.grease_pencils).new("Sketch")
        line = data.layers.new("Line"); group = data.layer_groups.new("Group")
        fill = data.layers.new("Fill", layer_group=group); data.layers.new("Top")
        for layer, frame, sizes in ((line, 1, [3, 2]), (line, 8, [4]), (fill, 1, [5])):
            drawing = layer.frames.new(frame).drawing
            drawing.add_strokes(sizes)
            n = sum(sizes)
            drawing.attributes["position"].data.foreach_set("vector", [i / 3 for i in range(3 * n)])
            drawing.attributes.new("radius", "FLOAT", "POINT").data.foreach_set("value", [i / 50 for i in range(n)])
            drawing.attributes.new("cyclic", "BOOLEAN", "CURVE").data.foreach_set("value", [True] * len(sizes))
        line.frames[1].keyframe_type = "EXTREME"
        line.opacity = 0.5
        data.materials.append(bpy.data.materials["Material"])
        ob = bpy.data.objects.new("Sketch", data)
        bpy.context.scene.collection.objects.link(ob)
        ob.modifiers.new("Thick", "GREASE_PENCIL_THICKNESS").thickness = 7
    """)
    stage.settle()
    assert [name for name, *_ in both(a, b, DRAWN)] == ["Line", "Fill", "Top"]
    assert b.do("bpy.data.objects['Sketch'].modifiers['Thick'].thickness") == 7
    b.do(f"""
        data = {PENCIL}
        drawing = data.layers["Line"].frames[0].drawing
        drawing.add_strokes([2]); drawing.attributes["position"].data[6].vector = (7, 7, 7)
        data.layers["Line"].frames.move(8, 12)
        data.layers["Top"].frames.new(4)
        data.layers.move_top(data.layers["Line"])
        data.layers.new("More", layer_group=data.layer_groups["Group"])
        data.update_tag()
    """)
    stage.settle()
    layers = {name: (group, frames) for name, group, _, frames in both(a, b, DRAWN)}
    assert [f[0] for f in layers["Line"][1]] == [1, 12] and layers["Line"][1][0][3] == [0, 3, 5, 7]
    assert layers["More"][0] == "Group"
    # 4.3 does not tell the order of layers among groups.
    tree = f"[(n.name, getattr(n, 'prev_node', None) and n.prev_node.name) for n in (*{PENCIL}.layers, *{PENCIL}.layer_groups)]"
    both(a, b, tree)
    a.do(f"d = {PENCIL}; d.layers.remove(d.layers['Fill']); d.layers['Top'].name = 'Sky'")
    stage.settle()
    assert [name for name, *_ in both(a, b, DRAWN)] == ["More", "Sky", "Line"]
    both(a, b, tree)


def test_strokes_of_older_blenders_and_annotations(two):
    stage, a, b = two
    a.do("""
        notes = getattr(bpy.data, "annotations", bpy.data.grease_pencils).new("Notes")
        layer = notes.layers.new("Note"); layer.color = (1, 0, 0); layer.thickness = 7
        strokes = layer.frames.new(5).strokes
        if hasattr(strokes, "new"):
            stroke = strokes.new(); stroke.points.add(3); stroke.line_width = 30; stroke.use_cyclic = True
            for i, point in enumerate(stroke.points):
                point.co, point.pressure, point.vertex_color = (i, 2 * i, 3), 0.5, (1, 0, 0, 0.25)
        scene = bpy.context.scene
        setattr(scene, "annotation" if hasattr(scene, "annotation") else "grease_pencil", notes)
    """)
    stage.settle()
    read = """[(l.info, tuple(l.color), l.thickness, [(f.frame_number, [(getattr(s, "line_width", 0), [(tuple(p.co),
                getattr(p, "pressure", 0)) for p in s.points]) for s in f.strokes]) for f in l.frames])
               for l in getattr(bpy.data, "annotations", bpy.data.grease_pencils)["Notes"].layers]"""
    assert both(a, b, read)[0][3][0][0] == 5
    held = "(lambda s: getattr(s, 'annotation', None) or getattr(s, 'grease_pencil', None))(bpy.context.scene).name"
    assert b.do(held) == "Notes"
    b.do("""
        layer = getattr(bpy.data, "annotations", bpy.data.grease_pencils)["Notes"].layers[0]
        layer.info = "Remark"; layer.frames.new(9)
        if hasattr(layer.frames[0].strokes, "new"):
            layer.frames[0].strokes[0].points.add(1)
            layer.frames[0].strokes[0].points[3].co = (9, 9, 9)
    """)
    stage.settle()
    name, _, _, frames = both(a, b, read)[0]
    assert name == "Remark" and [f[0] for f in frames] == [5, 9]


def test_vertex_groups_of_a_grease_pencil_of_older_blenders(two):
    stage, a, b = two
    if not a.do("hasattr(bpy.types, 'GPencilStrokePoints') and hasattr(bpy.types, 'GpencilModifier')"):
        pytest.skip("Grease Pencil objects are of another type here")
    a.do("""
        data = bpy.data.grease_pencils.new("Sketch")
        ob = bpy.data.objects.new("Sketch", data)
        bpy.context.scene.collection.objects.link(ob)
        stroke = data.layers.new("Layer").frames.new(1).strokes.new()
        stroke.points.add(3)
        for name in ("One", "Two"):
            ob.vertex_groups.new(name=name)
        stroke.points.weight_set(vertex_group_index=1, point_index=2, weight=0.5)
        del data, ob, stroke
    """)
    stage.settle()
    read = """(lambda ob: [[(g.name, [max(0, p.weight_get(vertex_group_index=g.index, point_index=i)) for i in range(3)])
                for g in ob.vertex_groups] for p in [ob.data.layers[0].frames[0].strokes[0].points]])(bpy.data.objects["Sketch"])"""
    assert both(a, b, read) == [[("One", [0, 0, 0]), ("Two", [0, 0, 0.5])]]
    b.do("""
        ob = bpy.data.objects["Sketch"]
        ob.vertex_groups.remove(ob.vertex_groups["One"])
        ob.data.layers[0].frames[0].strokes[0].points.weight_set(vertex_group_index=0, point_index=0, weight=0.25)
        ob.vertex_groups["Two"].name = "Named"
        del ob
    """)
    stage.settle()
    assert both(a, b, read) == [[("Named", [0.25, 0, 0.5])]]
    late = stage.peer(a.version)
    late.join()
    assert late.do(read) == [[("Named", [0.25, 0, 0.5])]]
    # Kept where no object shows them for a while.
    a.do("bpy.data.grease_pencils['Sketch'].use_fake_user = True; bpy.data.objects.remove(bpy.data.objects['Sketch'])")
    stage.settle()
    b.do("""
        ob = bpy.data.objects.new("Sketch", bpy.data.grease_pencils["Sketch"])
        bpy.context.scene.collection.objects.link(ob)
        del ob
    """)
    stage.settle()
    assert both(a, b, read) == late.do(read) == [[("Named", [0.25, 0, 0.5])]]
    assert [peer.do("[str(r) for r in rep.refused]") for peer in (a, b, late)] == [[], [], []]


def test_rigid_bodies(two):
    stage, a, b = two
    a.do("""
        scene, cube = bpy.context.scene, bpy.data.objects["Cube"]
        bpy.ops.rigidbody.world_add()
        scene.rigidbody_world.substeps_per_frame = 7
        bpy.context.view_layer.objects.active = cube
        bpy.ops.rigidbody.object_add(type="PASSIVE")
        cube.rigid_body.friction, cube.rigid_body.collision_shape = 0.25, "MESH"
        hinge = bpy.data.objects.new("Hinge", None)
        scene.collection.objects.link(hinge)
        bpy.context.view_layer.objects.active = hinge
        bpy.ops.rigidbody.constraint_add(type="HINGE")
        hinge.rigid_body_constraint.object1 = cube
        hinge.rigid_body_constraint.use_limit_ang_z = True
    """)
    stage.settle()
    body = """(lambda r: r and (r.type, r.friction, r.collision_shape, r.mass))(bpy.data.objects['Cube'].rigid_body)"""
    assert both(a, b, body)[:3] == ("PASSIVE", 0.25, "MESH")
    hinge = """(lambda c: c and (c.type, c.object1.name, c.use_limit_ang_z))(
                bpy.data.objects['Hinge'].rigid_body_constraint)"""
    assert both(a, b, hinge) == ("HINGE", "Cube", True)
    world = """(lambda w: w and (w.substeps_per_frame, [o.name for o in w.collection.objects],
                [o.name for o in w.constraints.objects]))(bpy.context.scene.rigidbody_world)"""
    assert both(a, b, world) == (7, ["Cube"], ["Hinge"])
    lists = (
        "(len(bpy.data.scenes), sorted(c.name for c in bpy.data.collections), sorted(o.name for o in bpy.data.objects))"
    )
    both(a, b, lists)
    b.do("""
        layer = bpy.context.view_layer
        layer.objects.active = bpy.data.objects["Hinge"]
        bpy.ops.rigidbody.constraint_remove()
        bpy.data.objects["Cube"].rigid_body.mass = 3
    """)
    stage.settle()
    assert both(a, b, hinge) is None and both(a, b, body)[3] == 3
    b.do("""
        cube = bpy.data.objects["Cube"]
        bpy.context.view_layer.objects.active = cube
        with bpy.context.temp_override(object=cube, selected_editable_objects=[cube]):
            bpy.ops.rigidbody.object_remove()
        bpy.ops.rigidbody.world_remove()
    """)
    stage.settle()
    assert both(a, b, body) is None and both(a, b, world) is None
    both(a, b, lists)


@pytest.mark.parametrize("shown", ["shown", "shown later", "not shown"])
def test_where_the_points_of_a_lattice_lie_undeformed(two, shown):
    """Blender lays them out in two ways, depending on whether an object shows the lattice when its size is set."""
    stage, a, b = two
    show = "ob = bpy.data.objects.new('Cage', l); bpy.context.scene.collection.objects.link(ob)"
    size = "l.points_u = 4; l.points_w = 3; l.points[5].co_deform.x = 7"
    steps = {"shown": [show, size], "shown later": [size, show], "not shown": [size]}[shown]
    a.do("l = bpy.data.lattices.new('Cage'); l.use_fake_user = True; " + "; ".join(steps))
    stage.settle()
    lie = "[(list(p.co), list(p.co_deform)) for p in bpy.data.lattices['Cage'].points]"
    found = both(a, b, lie)
    assert found[0][0] == ([-0.5, -0.5, -0.5] if shown == "shown" else [-1.5, -0.5, -1.0])
    assert found[5][1][0] == 7
    b.do("bpy.data.lattices['Cage'].points_v = 3")
    stage.settle()
    assert both(a, b, lie)[0][0] == ([-1.5, -1.0, -1.0] if shown == "not shown" else [-0.5, -0.5, -0.5])


def test_a_lattice_that_one_resizes_while_another_moves_its_points(two):
    stage, a, b = two
    a.do("l = bpy.data.lattices.new('Cage'); ob = bpy.data.objects.new('Cage', l)")
    a.do("bpy.context.scene.collection.objects.link(ob); ob.vertex_groups.new(name='Top').add([0, 5], 1, 'REPLACE')")
    stage.settle()
    a.do("bpy.data.lattices['Cage'].points_u = 3; rep.capture_all()")
    b.do("bpy.data.lattices['Cage'].points[0].co_deform.x = 7; rep.capture_all()")
    stage.settle()
    both(
        a, b, "[(list(p.co_deform), [(g.group, g.weight) for g in p.groups]) for p in bpy.data.lattices['Cage'].points]"
    )


def test_lattices_with_vertex_groups(two):
    stage, a, b = two
    a.do("""
        lattice = bpy.data.lattices.new("Cage"); lattice.points_u = 3
        ob = bpy.data.objects.new("Cage", lattice)
        bpy.context.scene.collection.objects.link(ob)
        ob.vertex_groups.new(name="Top").add([1, 5], 0.25, "REPLACE")
        lattice.vertex_group = "Top"
    """)
    stage.settle()
    read = """(lambda l: (l.vertex_group, [(tuple(p.co_deform), [(g.group, g.weight) for g in p.groups])
               for p in l.points]))(bpy.data.lattices['Cage'])"""
    name, points = both(a, b, read)
    assert name == "Top" and len(points) == 12 and len(points[5][1]) == 1
    b.do(
        "bpy.data.objects['Cage'].vertex_groups['Top'].add([7], 0.5, 'REPLACE'); bpy.data.lattices['Cage'].points_w = 3"
    )
    stage.settle()
    assert len(both(a, b, read)[1]) == 18
    assert both(a, b, "[g.name for g in bpy.data.objects['Cage'].vertex_groups]") == ["Top"]


def test_surfaces_of_several_rows(two):
    stage, a, b = two
    a.do("""
        surface = bpy.data.curves.new("Sheet", "SURFACE")
        bpy.context.scene.collection.objects.link(bpy.data.objects.new("Sheet", surface))
        bpy.context.view_layer.objects.active = bpy.data.objects["Sheet"]
        bpy.ops.object.mode_set(mode="EDIT")
        bpy.ops.surface.primitive_nurbs_surface_surface_add()
        bpy.ops.object.mode_set(mode="OBJECT")
        surface.splines[0].points[5].co = (7, 8, 9, 2)
        surface.splines[0].use_cyclic_v = True
    """)
    stage.settle()
    read = """[(s.point_count_u, s.point_count_v, s.order_u, s.use_cyclic_v, [(tuple(p.co), p.weight) for p in s.points])
               for s in bpy.data.curves['Sheet'].splines]"""
    rows = both(a, b, read)
    assert rows[0][:2] == (4, 4) and rows[0][4][5][0] == (7, 8, 9, 2)
    b.do(
        "bpy.data.curves['Sheet'].splines[0].points[1].co.x = 3; bpy.data.curves['Sheet'].splines.new('NURBS').points.add(3)"
    )
    stage.settle()
    assert [r[:2] for r in both(a, b, read)] == [(4, 4), (4, 1)]


@pytest.mark.parametrize("packed", [False, True])
def test_images_of_several_tiles(two, tmp_path, packed):
    stage, a, b = two
    a.do(f"""
        colours = {{1001: (1, 0, 0, 1), 1002: (0, 1, 0, 1), 1011: (0, 0, 1, 1)}}
        for number, colour in colours.items():
            one = bpy.data.images.new("tmp", 4, 4)
            one.pixels[:] = list(colour) * 16
            one.filepath_raw = {str(tmp_path)!r} + f"/skin.{{number}}.png"
            one.file_format = "PNG"; one.save()
            bpy.data.images.remove(one)
        image = bpy.data.images.load({str(tmp_path)!r} + "/skin.1001.png")
        image.source = "TILED"
        image.filepath_raw = {str(tmp_path)!r} + "/skin.<UDIM>.png"
        for number in (1002, 1011):
            image.tiles.new(number)
        image.name = "Skin"
        image.reload()
        if {packed}:
            image.pack()
        image.tiles.get(1002).label = "Arm"
        image.use_fake_user = True
    """)
    stage.settle()
    read = "(lambda i: (i.source, [(t.number, t.label, tuple(t.size)) for t in i.tiles]))(bpy.data.images['Skin'])"
    source, tiles = both(a, b, read)
    assert source == "TILED" and [t[0] for t in tiles] == [1001, 1002, 1011]
    files = "sorted((f.tile_number, bytes(f.packed_file.data)) for f in bpy.data.images['Skin'].packed_files)"
    assert len(both(a, b, files)) == (3 if packed else 0)
    if not packed:
        contents = """(lambda p: [open(p.replace("<UDIM>", str(n)), "rb").read() for n in (1001, 1002, 1011)])(
                       bpy.data.images["Skin"].filepath)"""
        both(a, b, contents)
    b.do("i = bpy.data.images['Skin']; i.tiles.remove(i.tiles.get(1011)); i.tiles.get(1001).label = 'Head'")
    stage.settle()
    assert [t[:2] for t in both(a, b, read)[1]] == [(1001, "Head"), (1002, "Arm")]


def test_keying_sets(two):
    stage, a, b = two
    a.do("""
        found = bpy.context.scene.keying_sets.new(idname="mine", name="Mine")
        found.paths.add(bpy.data.objects["Cube"], "location", index=-1)
        found.paths.add(bpy.data.objects["Light"], "scale", index=1, group_method="NAMED", group_name="G")
        bpy.context.scene.keying_sets.new(idname="other", name="Other")
    """)
    stage.settle()
    read = """[(k.bl_idname, k.bl_label, [(p.id.name, p.data_path, p.array_index, p.use_entire_array, p.group_method, p.group)
                for p in k.paths]) for k in bpy.context.scene.keying_sets]"""
    assert [len(paths) for *_, paths in both(a, b, read)] == [2, 0]
    b.do("""
        sets = bpy.context.scene.keying_sets
        sets["Other"].bl_label = "More"
        sets["Mine"].paths.remove(sets["Mine"].paths[0])
    """)
    stage.settle()
    assert [(label, len(paths)) for _, label, paths in both(a, b, read)] == [("Mine", 1), ("More", 0)]
    a.do("sets = bpy.context.scene.keying_sets; sets.active = sets['Mine']; bpy.ops.anim.keying_set_remove()")
    stage.settle()
    assert [label for _, label, _ in both(a, b, read)] == ["More"]


STRIPS = """
    def strips(owner):
        return owner.strips if hasattr(owner, "strips") else owner.sequences
    def effect(owner, name, kind, channel, start, end, *inputs):
        takes = strips(owner).bl_rna.functions["new_effect"].parameters.keys()
        more = dict(zip(("input1", "input2") if "input1" in takes else ("seq1", "seq2"), inputs))
        more.update({"length": end - start} if "length" in takes else {"frame_end": end})
        return strips(owner).new_effect(name=name, type=kind, channel=channel, frame_start=start, **more)
    def told(owner):
        return [(s.name, s.type, s.channel, s.frame_start, s.frame_final_start, s.frame_final_end, s.blend_alpha, s.mute,
                 [(m.name, m.type) for m in s.modifiers],
                 [getattr(s, n).name for n in ("input_1", "input_2") if getattr(s, n, None)],
                 told(s) if s.type == "META" else [],
                 len(s.elements) if s.type == "IMAGE" else 0) for s in strips(owner)]
"""


def test_strips_of_the_sequencer(two, tmp_path):
    stage, a, b = two
    for peer in (a, b):
        peer.do(STRIPS)
    a.do(f"""
        import wave
        with wave.open({str(tmp_path)!r} + "/beep.wav", "wb") as file:
            file.setnchannels(1); file.setsampwidth(2); file.setframerate(8000); file.writeframes(bytes(32000))
        for i in range(3):
            one = bpy.data.images.new("tmp", 4, 4)
            one.filepath_raw = {str(tmp_path)!r} + f"/frame{{i}}.png"
            one.file_format = "PNG"; one.save()
            bpy.data.images.remove(one)
        editor = bpy.context.scene.sequence_editor_create()
        colour = effect(editor, "Red", "COLOR", 1, 1, 60); colour.color = (1, 0, 0); colour.blend_alpha = 0.5
        other = bpy.data.scenes.new("Second")
        shot = strips(editor).new_scene(name="Shot", scene=other, channel=2, frame_start=20)
        shot.frame_offset_start = 5; shot.frame_final_end = 90
        effect(editor, "Cross", "CROSS", 3, 20, 60, colour, shot)
        pictures = strips(editor).new_image(name="Pictures", filepath={str(tmp_path)!r} + "/frame0.png",
                                            channel=4, frame_start=7)
        pictures.elements.append("frame1.png"); pictures.elements.append("frame2.png")
        if bpy.app.build_options.audaspace:
            strips(editor).new_sound(name="Beep", filepath={str(tmp_path)!r} + "/beep.wav", channel=5, frame_start=3)
        meta = strips(editor).new_meta(name="Meta", channel=6, frame_start=1)
        effect(meta, "Words", "TEXT", 1, 10, 30).text = "Hello"
        if bpy.app.version[:2] != (5, 0):  # which crashes there
            colour.modifiers.new(name="Bright", type="BRIGHT_CONTRAST")
    """)
    stage.settle()
    both(a, b, "told(bpy.context.scene.sequence_editor)")
    strip = "strips(bpy.context.scene.sequence_editor)"
    assert len(both(a, b, f"sorted(s.name for s in {strip})")) >= 5
    assert both(a, b, f"tuple({strip}['Red'].color)") == (1, 0, 0)
    assert both(a, b, f"strips({strip}['Meta'])['Words'].text") == "Hello"
    if a.do("bpy.app.build_options.audaspace"):  # not in the Python wheels
        assert both(a, b, f"{strip}['Beep'].sound.name") == "beep.wav"
        assert both(a, b, "[s.name for s in bpy.data.sounds]") == ["beep.wav"]
    pictures = f"[open(bpy.path.abspath({strip}['Pictures'].directory) + e.filename, 'rb').read() for e in {strip}['Pictures'].elements]"
    assert len(both(a, b, pictures)) == 3
    b.do(f"""
        {strip}["Shot"].channel = 8; {strip}["Shot"].mute = True
        {strip}["Red"].frame_final_end = 40
        {strip}["Pictures"].name = "Stills"
        if "Beep" in {strip}:
            {strip}.remove({strip}["Beep"])
        strips({strip}["Meta"])["Words"].font_size = 99
        {strip}["Stills"].transform.offset_x = 12
    """)
    stage.settle()
    both(a, b, "sorted(told(bpy.context.scene.sequence_editor))")
    assert both(a, b, f"strips({strip}['Meta'])['Words'].font_size") == 99
    assert both(a, b, f"{strip}['Stills'].transform.offset_x") == 12
    assert both(a, b, f"{strip}['Shot'].channel") == 8


# Every type of attribute that this Blender can make, on every domain, each with values of its own.
ATTRIBUTES = """
    import math, random

    def value_of(item):
        # BYTE_COLOR by its bytes, which is what the file holds.
        prop = next(n for n in ("color_srgb" if "Byte" in type(item).__name__ else "color", "vector", "value") if hasattr(item, n))
        return prop, getattr(item, prop)

    def anything(like, kind, rng):
        if isinstance(like, bool):
            return rng.random() < 0.5
        if isinstance(like, int):
            return rng.randint(*{"INT8": (-128, 127), "INT16_2D": (-2**15, 2**15 - 1)}.get(kind, (-2**31, 2**31 - 1)))
        if isinstance(like, float):
            return rng.randrange(256) / 255 if kind == "BYTE_COLOR" else rng.choice((rng.uniform(-9, 9), -0.0, math.inf))
        if isinstance(like, (bytes, str)):
            return "".join(rng.choice("ab\\u00e9\\u2602") for _ in range(rng.randrange(20))).encode()
        return [anything(x, kind, rng) for x in like]

    def add_attributes(data, seed):
        rng, made = random.Random(seed), 0
        new = data.attributes.bl_rna.functions["new"].parameters
        for kind in new["type"].enum_items.keys():
            for domain in new["domain"].enum_items.keys():
                try:
                    attribute = data.attributes.new(f"{kind} {domain}", kind, domain)
                except RuntimeError:
                    continue  # no such domain in this data
                if attribute is None:
                    continue
                made += 1
                name = attribute.name
                for item in data.attributes[name].data:
                    prop, like = value_of(item)
                    setattr(item, prop, anything(like, kind, rng))
        return made

    def attributes_of(data):
        def flat(value):
            return value if isinstance(value, (bool, int, float, bytes, str)) else [flat(x) for x in value]
        return {a.name: (a.data_type, a.domain, repr([flat(value_of(x)[1]) for x in a.data])) for a in data.attributes
                if " " in a.name}
"""


@pytest.mark.parametrize(
    "data", ["bpy.data.meshes['Cube']", "bpy.data.hair_curves['Hair']", "bpy.data.pointclouds['Points']"]
)
def test_every_type_of_attribute_on_every_domain(two, data):
    stage, a, b = two
    for peer in two[1:]:
        peer.do(ATTRIBUTES)
    a.do("""
        bpy.data.hair_curves.new("Hair").add_curves([3, 2])
        bpy.data.hair_curves["Hair"].use_fake_user = True
        points = bpy.data.pointclouds.new("Points"); points.use_fake_user = True
        if hasattr(points, "resize"):
            points.resize(7)
    """)
    made = a.do(f"add_attributes({data}, 1)")
    kinds = a.do(f"len({data}.attributes.bl_rna.functions['new'].parameters['type'].enum_items)")
    assert made >= kinds * (4 if "meshes" in data else 1)
    stage.settle()
    first = both(a, b, f"attributes_of({data})")
    assert len(first) == made
    # The other way, each in place.
    b.do(f"""
        rng = random.Random(2)
        for attribute in [x for x in {data}.attributes if " " in x.name]:
            for item in attribute.data:
                prop, like = value_of(item)
                setattr(item, prop, anything(like, attribute.data_type, rng))
        {data}.update_tag()
    """)
    stage.settle()
    second = both(a, b, f"attributes_of({data})")
    assert all(first[name] != second[name] or "BOOLEAN" in name or first[name][2] == "[]" for name in first)
    assert a.do("[str(x) for x in rep.unread]") == [] and b.do("[str(x) for x in rep.refused]") == []


def test_a_type_of_attribute_that_is_not_known_is_told(two):
    stage, a, b = two
    a.do("""
        from sync.special import mesh
        known = mesh.TYPES.pop("INT8")
        bpy.data.meshes["Cube"].attributes.new("tiny", "INT8", "POINT")
        bpy.data.meshes["Cube"].update_tag()
    """)
    try:
        stage.settle()
        assert b.do("'tiny' in bpy.data.meshes['Cube'].attributes") is False
        assert a.do("[str(x) for x in rep.unread]") == [
            "Cube: attribute tiny was not sent (attributes of type INT8 are not known)."
        ]
        a.do("x = bpy.data.meshes['Cube'].attributes; x.remove(x['tiny']); bpy.data.meshes['Cube'].update_tag()")
        stage.settle()
        assert a.do("[str(x) for x in rep.unread]") == []
    finally:
        a.do("mesh.TYPES['INT8'] = known")


def test_a_material_that_comes_and_goes_between_two_looks_leaves_no_slot(two):
    """A script that pops the last one leaves a slot of the object behind, and here nothing was ever sent that would have shown it."""
    stage, a, b = two
    a.do("bpy.data.objects['Cube'].data.materials.clear()")
    stage.settle()
    a.do("m = bpy.data.objects['Cube'].data.materials; m.append(bpy.data.materials.new('Short')); m.pop(); None")
    assert a.do("len(bpy.data.objects['Cube'].material_slots)") == 1
    stage.settle()
    assert both(a, b, "len(bpy.data.objects['Cube'].material_slots)") == 0
