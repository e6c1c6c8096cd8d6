# SPDX-License-Identifier: GPL-3.0-or-later
"""Shape keys follow their mesh, whatever is done to it; and two who reshape it at once end with the same."""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import FRESH, assert_silent, joined

KEYS = """[(k.name, k.value, k.frame, k.relative_key.name, [tuple(p.co) for p in k.data])
           for k in bpy.data.objects['Cube'].data.shape_keys.key_blocks]"""
# Edit mode's own way: it takes the shape keys along.
EXTRUDE = """
    import bmesh
    ob = bpy.data.objects["Cube"]
    bpy.context.view_layer.objects.active = ob
    bpy.ops.object.mode_set(mode="EDIT")
    bm = bmesh.from_edit_mesh(ob.data)
    bm.verts.ensure_lookup_table()
    layer = bm.verts.layers.shape[{key!r}]
    made = bmesh.ops.duplicate(bm, geom=bm.verts[:{count}])["geom"]
    for v in made:
        v[layer] = (7, 8, 9)
    bmesh.update_edit_mesh(ob.data)
    bpy.ops.object.mode_set(mode="OBJECT")
"""


@pytest.fixture
def two(version):
    with joined(version, 2) as (stage, (a, b)):
        a.do("""
            ob = bpy.data.objects["Cube"]
            ob.shape_key_add(name="Basis")
            key = ob.shape_key_add(name="Smile", from_mix=False)
            key.data[0].co = (2, 0, 0); key.value = 0.25
            ob.shape_key_add(name="Frown", from_mix=False).relative_key = key
            key.id_data.animation_data_create()
            key.keyframe_insert("value", frame=1)
        """)
        stage.settle()
        yield stage, a, b
        stage.settle()
        assert_silent(stage)


def same(a, b, expression=KEYS):
    left, right = a.do(expression), b.do(expression)
    assert left == right
    return left


def test_a_vertex_is_added_while_there_are_shape_keys(two):
    stage, a, b = two
    uid = "bpy.data.objects['Cube'].data.shape_keys.session_uid"
    before = b.do(uid)
    a.do(EXTRUDE.format(key="Smile", count=3))
    stage.settle()
    blocks = same(a, b)
    assert [len(points) for *_, points in blocks] == [11, 11, 11]
    assert blocks[1][4][8:] == [(7, 8, 9)] * 3
    assert b.do(uid) == before
    assert same(a, b, "len(bpy.data.objects['Cube'].data.shape_keys.animation_data.drivers)") == 0
    # And the other way round, with fewer.
    b.do("""
        import bmesh
        ob = bpy.data.objects["Cube"]
        bpy.context.view_layer.objects.active = ob
        bpy.ops.object.mode_set(mode="EDIT")
        bm = bmesh.from_edit_mesh(ob.data)
        bm.verts.ensure_lookup_table()
        bmesh.ops.delete(bm, geom=bm.verts[8:10], context="VERTS")
        bmesh.update_edit_mesh(ob.data)
        bpy.ops.object.mode_set(mode="OBJECT")
    """)
    stage.settle()
    assert [len(points) for *_, points in same(a, b)] == [9, 9, 9]


def test_one_reshapes_while_the_other_moves_a_point(two):
    stage, a, b = two
    a.do("link.hold = True"), b.do("link.hold = True")
    a.do(EXTRUDE.format(key="Smile", count=2))
    b.do("bpy.data.objects['Cube'].data.shape_keys.key_blocks['Smile'].data[1].co = (5, 5, 5)")
    a.do("rep.capture_all()"), b.do("rep.capture_all()")
    a.do("link.release()"), b.do("link.release()")
    stage.settle()
    blocks = same(a, b)
    assert blocks[1][4][8:] == [(7, 8, 9)] * 2
    assert blocks[1][4][1] != (5, 5, 5)


def test_both_reshape_at_once(two):
    stage, a, b = two
    a.do("link.hold = True"), b.do("link.hold = True")
    a.do(EXTRUDE.format(key="Smile", count=2))
    b.do(EXTRUDE.format(key="Frown", count=3))
    a.do("rep.capture_all()"), b.do("rep.capture_all()")
    a.do("link.release()"), b.do("link.release()")
    stage.settle()
    same(a, b, "[tuple(v.co) for v in bpy.data.objects['Cube'].data.vertices]")
    same(a, b)
    # Whoever reshapes next leaves one set of points to each block.
    a.do(EXTRUDE.format(key="Smile", count=1))
    stage.settle()
    same(a, b)
    trees = stage.room.all_trees().values()
    blocks = next(t for t in trees if t["type"] == "Key")["i"]["key_blocks"].values()
    assert [len(block["i"]["points"]) for block in blocks] == [1, 1, 1]


def test_the_other_one_is_in_edit_mode(two):
    stage, a, b = two
    b.do("""
        bpy.context.view_layer.objects.active = bpy.data.objects["Cube"]
        bpy.ops.object.mode_set(mode="EDIT")
    """)
    a.do("bpy.data.objects['Cube'].data.shape_keys.key_blocks['Smile'].data[1].co = (5, 5, 5)")
    stage.settle()
    b.do("bpy.ops.object.mode_set(mode='OBJECT')")
    stage.settle()
    assert same(a, b)[1][4][1] == (5, 5, 5)


def test_shape_keys_of_curves(two):
    stage, a, b = two
    a.do("""
        c = bpy.data.curves.new("Way", "CURVE")
        c.splines.new("BEZIER").bezier_points.add(1)
        c.splines.new("NURBS").points.add(2)
        ob = bpy.data.objects.new("Way", c)
        bpy.context.scene.collection.objects.link(ob)
        ob.shape_key_add(name="Basis")
        data = ob.shape_key_add(name="Bent", from_mix=False).data
        data[0].co, data[0].handle_right, data[0].tilt, data[0].radius = (1, 2, 3), (4, 5, 6), 0.5, 2.0
        data[3].co, data[3].radius = (7, 8, 9), 3.0
    """)
    stage.settle()
    read = """[(type(p).__name__, tuple(p.co), p.tilt, p.radius) for p in
               bpy.data.curves['Way'].shape_keys.key_blocks['Bent'].data]"""
    points = same(a, b, read)
    assert points[0][1:] == ((1, 2, 3), 0.5, 2.0) and points[3][1] == (7, 8, 9)


def test_frames_of_shape_keys(two):
    stage, a, b = two
    a.do("""
        ob = bpy.data.objects["Cube"]
        key = ob.data.shape_keys
        key.use_relative, key.eval_time = False, 77.0
        ob.shape_key_add(name="Late", from_mix=False)
        key.use_relative, key.eval_time = True, 0.0
    """)
    stage.settle()
    assert [frame for _, _, frame, *_ in same(a, b)] == pytest.approx([0, 10, 20, 77])


# Another shape of as many vertices, each a way off; what stands in the key blocks is the user's own affair.
RESHAPE = """
    import bmesh
    mesh = bpy.data.objects["Cube"].data
    work = bmesh.new()
    work.from_mesh(mesh)
    work.faces.ensure_lookup_table()
    {what}
    work.to_mesh(mesh)
    work.free()
    mesh.update()
"""
SUBDIVIDE = RESHAPE.format(what="bmesh.ops.subdivide_edges(work, edges=work.edges[:], cuts=1)")
FEWER_FACES = RESHAPE.format(what="bmesh.ops.delete(work, geom=[work.faces[0]], context='FACES_ONLY')")
POSITIONS = "[tuple(v.co) for v in bpy.data.objects['Cube'].data.vertices]"


@pytest.fixture
def misfits(version):
    """The one subdivides while the other gives the mesh its first shape keys: nobody has points for the new shape."""
    with joined(version, 2) as (stage, (a, b)):
        a.do("link.hold = True"), b.do("link.hold = True")
        a.do(SUBDIVIDE)
        b.do("""
            ob = bpy.data.objects["Cube"]
            ob.shape_key_add(name="Basis")
            ob.shape_key_add(name="Smile", from_mix=False).data[0].co = (2, 0, 0)
        """)
        a.do("rep.capture_all()"), b.do("rep.capture_all()")
        a.do("link.release()"), b.do("link.release()")
        stage.settle()
        # Both lie where the mesh lies, and nobody has an edit to send.
        blocks, positions = same(a, b), same(a, b, POSITIONS)
        assert len(positions) == 20 and [points for *_, points in blocks] == [positions] * 2
        assert_silent(stage)
        yield stage, a, b
        stage.settle()
        same(a, b, POSITIONS)
        late = stage.peer(version)
        late.join()
        same(a, late)
        assert_silent(stage)


def test_who_moves_the_mesh_under_a_misfit_tells_where_it_stays(misfits):
    stage, a, b = misfits
    before = a.do(POSITIONS)
    a.do("mesh = bpy.data.objects['Cube'].data; mesh.vertices[4].co = (5, 5, 5); mesh.update()")
    stage.settle()
    assert [points for *_, points in same(a, b)] == [before] * 2
    assert same(a, b, POSITIONS)[4] == (5, 5, 5)


def test_a_misfit_follows_the_mesh_until_its_points_come(misfits):
    stage, a, b = misfits
    a.do("mesh = bpy.data.objects['Cube'].data; mesh.vertices[4].co = (5, 5, 5); mesh.update()")
    mesh, key = "bpy.data.objects['Cube'].data", "bpy.data.objects['Cube'].data.shape_keys"
    a.do(f"rep._look_at(rep.identity.doc({mesh}))")
    b.do("rep.tick(1000)")
    assert b.do(f"tuple({key}.key_blocks['Smile'].data[4].co)") == (5, 5, 5)
    stage.settle()
    assert same(a, b)[1][4][4] != (5, 5, 5)


def test_a_misfit_is_edited(misfits):
    stage, a, b = misfits
    b.do("bpy.data.objects['Cube'].data.shape_keys.key_blocks['Smile'].data[9].co = (5, 5, 5)")
    stage.settle()
    assert same(a, b)[1][4][9] == (5, 5, 5)
    a.do("bpy.data.objects['Cube'].data.shape_keys.key_blocks['Smile'].data[8].co = (6, 6, 6)")
    stage.settle()
    assert same(a, b)[1][4][8:10] == [(6, 6, 6), (5, 5, 5)]


def test_the_first_keys_of_a_mesh_come_while_another_edits_it(version):
    with joined(version, 2) as (stage, (a, b)):
        a.do("bpy.context.view_layer.objects.active = bpy.data.objects['Cube']; bpy.ops.object.mode_set(mode='EDIT')")
        b.do("""
            ob = bpy.data.objects["Cube"]
            ob.shape_key_add(name="Basis")
            ob.shape_key_add(name="Smile", from_mix=False).data[0].co = (2, 0, 0)
        """)
        stage.settle()
        a.do("bpy.ops.object.mode_set(mode='OBJECT')")
        stage.settle()
        assert same(a, b)[1][4][0] == (2, 0, 0)
        assert_silent(stage)


def test_another_shape_and_a_value_in_one_batch(two):
    stage, a, b = two
    a.do(FEWER_FACES)
    a.do("bpy.data.objects['Cube'].data.shape_keys.key_blocks['Frown'].value = 0.75")
    stage.settle()
    _, smile, frown = same(a, b)
    assert smile[4][0] == (2, 0, 0) and frown[1] == 0.75


def test_another_shape_comes_while_its_mesh_is_edited(two):
    stage, a, b = two
    b.do("""
        bpy.context.view_layer.objects.active = bpy.data.objects["Cube"]
        bpy.ops.object.mode_set(mode="EDIT")
    """)
    a.do(FEWER_FACES)
    a.do("bpy.data.objects['Cube'].data.shape_keys.key_blocks['Smile'].data[1].co = (5, 5, 5)")
    stage.settle()
    b.do("bpy.ops.object.mode_set(mode='OBJECT')")
    stage.settle()
    assert same(a, b, "len(bpy.data.objects['Cube'].data.polygons)") == 5
    assert same(a, b)[1][4][:2] == [(2, 0, 0), (5, 5, 5)]


def test_an_undo_leaves_the_points_of_a_shape_that_others_made(two):
    stage, a, b = two
    a.do("bpy.ops.ed.undo_push(message='before')")
    a.do("bpy.data.objects['Cube'].location.x = 3; bpy.ops.ed.undo_push(message='moved')")
    stage.settle()
    b.do(FEWER_FACES)
    stage.settle()
    a.do("bpy.data.objects['Cube'].data.shape_keys.key_blocks['Smile'].data[1].co = (5, 5, 5)")
    a.do("bpy.ops.ed.undo_push(message='smile')")
    stage.settle()
    a.do("bpy.ops.ed.undo()"), a.do("bpy.ops.ed.undo()")
    stage.settle()
    assert len(same(a, b, "[tuple(p.vertices) for p in bpy.data.objects['Cube'].data.polygons]")) == 5
    assert same(a, b)[1][4][0] == (2, 0, 0)


def test_both_add_a_key_at_once(two):
    stage, a, b = two
    a.do("link.hold = True"), b.do("link.hold = True")
    for peer, name in ((a, "Ah"), (b, "Oh")):
        peer.do(f"""
            ob = bpy.data.objects["Cube"]
            ob.shape_key_add(name={name!r}, from_mix=False).data[0].co = (3, 0, {ord(name[0])})
            ob.active_shape_key_index = 3
        """)
        peer.do("rep.capture_all()")
    a.do("link.release()"), b.do("link.release()")
    stage.settle()
    blocks = same(a, b)
    assert [frame for _, _, frame, *_ in blocks] == pytest.approx([0, 10, 20, 30, 40])
    assert {block[0]: block[4][0] for block in blocks[3:]} == {"Ah": (3, 0, 65), "Oh": (3, 0, 79)}
    assert [peer.do("bpy.data.objects['Cube'].active_shape_key.name") for peer in (a, b)] == ["Ah", "Oh"]
    assert same(a, b, "bpy.data.objects['Cube'].data.shape_keys.reference_key.name") == "Basis"


def test_the_first_keys_of_both_have_names_in_common(version):
    with joined(version, 2) as (stage, (a, b)):
        a.do("link.hold = True"), b.do("link.hold = True")
        # The other way round once more: it is chance whose keys count.
        names = ("Basis", "Smile", "Frown"), ("Frown", "Smile", "Basis")
        for peer, three in zip((a, b), names, strict=True):
            for name in three:
                peer.do(
                    f"bpy.data.objects['Cube'].shape_key_add(name={name!r}, from_mix=False).data[0].co.x = {len(name)}"
                )
            peer.do("rep.capture_all()")
        a.do("link.release()"), b.do("link.release()")
        stage.settle()
        blocks = same(a, b)
        assert tuple(name for name, *_ in blocks) in names
        assert [frame for _, _, frame, *_ in blocks] == pytest.approx([0, 10, 20])
        assert_silent(stage)


def test_keys_come_for_a_shape_that_waits_for_the_end_of_edit_mode(version):
    with joined(version, 2) as (stage, (a, b)):
        b.do("""
            bpy.context.view_layer.objects.active = bpy.data.objects["Cube"]
            bpy.ops.object.mode_set(mode="EDIT")
        """)
        a.do(SUBDIVIDE)
        a.do("""
            ob = bpy.data.objects["Cube"]
            ob.shape_key_add(name="Basis")
            ob.shape_key_add(name="Smile", from_mix=False).data[9].co = (2, 0, 0)
        """)
        stage.settle()
        refused = b.do("[str(r) for r in rep.refused]")
        assert refused and all("edit mode" in sentence for sentence in refused)
        b.do("bpy.ops.object.mode_set(mode='OBJECT')")
        stage.settle()
        assert same(a, b)[1][4][9] == (2, 0, 0)
        assert b.do("[str(r) for r in rep.refused]") == []
        assert_silent(stage)


def test_frames_and_order_are_changed_later(two):
    stage, a, b = two
    a.do("""
        ob = bpy.data.objects["Cube"]
        ob.shape_key_remove(ob.data.shape_keys.key_blocks["Frown"])
        ob.data.shape_keys.use_relative, ob.data.shape_keys.eval_time = False, 5.0
        ob.shape_key_add(name="Early", from_mix=False)
        ob.data.shape_keys.use_relative, ob.data.shape_keys.eval_time = True, 0.0
    """)
    stage.settle()
    assert [name for name, *_ in same(a, b)] == ["Basis", "Early", "Smile"]
    a.do("""
        ob.active_shape_key_index = 1
        with bpy.context.temp_override(object=ob, active_object=ob):
            bpy.ops.object.shape_key_move(type="DOWN")
            bpy.ops.object.shape_key_retime()
    """)
    stage.settle()
    blocks = same(a, b)
    assert [name for name, *_ in blocks] == ["Basis", "Smile", "Early"]
    assert [frame for _, _, frame, *_ in blocks] == pytest.approx([0, 10, 20])
    assert blocks[1][4][0] == (2, 0, 0)


# Other owners than meshes: how one is made, another shape of it (without shape keys), and where its points lie.
CURVE = """
    data = bpy.data.curves.new('It', 'CURVE')
    data.splines.new('BEZIER').bezier_points.add(1)
    data.splines.new('NURBS').points.add(2)
    for i, point in enumerate([*data.splines[0].bezier_points, *data.splines[1].points]):
        point.co = (i, 2, 3, 1)[:len(point.co)]
"""
SURFACE = """
    bpy.ops.surface.primitive_nurbs_surface_surface_add()
    bpy.context.object.data.name = 'It'
    data = bpy.data.curves['It']
    bpy.data.objects.remove(bpy.context.object)
"""
OWNERS = {
    "a curve": (CURVE, "data.splines.new('POLY').points.add(3); data.splines[0].bezier_points.add(1)"),
    "a curve of other kinds": (CURVE, "data.splines.remove(data.splines[0]); data.splines.new('POLY').points.add(1)"),
    "a surface": (SURFACE, "data.splines.new('NURBS').points.add(3)"),
    "a lattice": ("data = bpy.data.lattices.new('It')", "data.points_u = 3; data.points_v = 4"),
}
OWNER = "data = next(d for group in (bpy.data.curves, bpy.data.lattices) for d in group if d.name == 'It')"
OF_OWNER = f"""
    {OWNER}
    key = data.shape_keys
    where = (lambda p: tuple(p.co)) if hasattr(data, 'splines') else (lambda p: tuple(p.co_deform))
    own = [where(p) for p in getattr(data, 'points', ())]
    for spline in getattr(data, 'splines', ()):
        own += [tuple(p.co)[:3] for p in [*spline.bezier_points, *spline.points]]
    own, [(k.name, k.value, k.relative_key.name, [tuple(p.co) for p in k.data]) for k in key.key_blocks] if key else []
"""
FIRST_KEYS = f"""
    {OWNER}
    ob = bpy.data.objects['It']
    ob.shape_key_add(name='Basis')
    key = ob.shape_key_add(name='Bent', from_mix=False)
    key.data[0].co, key.value = (7, 8, 9), 0.5
    key.id_data.animation_data_create()
    key.driver_add('slider_max').driver.expression = '3'
"""


PLACE_IT = OWNER + "; bpy.context.scene.collection.objects.link(bpy.data.objects.new('It', data))"


def at_once(stage, a, b, one, other):
    a.do("link.hold = True"), b.do("link.hold = True")
    a.do(one), b.do(other)
    a.do("rep.capture_all()"), b.do("rep.capture_all()")
    a.do("link.release()"), b.do("link.release()")
    stage.settle()


@pytest.mark.parametrize("what", OWNERS)
def test_one_reshapes_what_gets_its_first_keys(version, what):
    with joined(version, 3) as (stage, (a, b, late)):
        setup, reshape = OWNERS[what]
        a.do(setup), a.do(PLACE_IT)
        stage.settle()
        at_once(stage, a, b, OWNER + "; " + reshape, FIRST_KEYS)
        own, blocks = same(a, b, OF_OWNER)
        assert [points for *_, points in blocks] == [own] * 2
        assert_silent(stage)
        late.do(FRESH.format(member=late.number))
        late.join()
        stage.settle()
        same(a, late, OF_OWNER)
        same(a, late, f"{OWNER}; len(data.shape_keys.animation_data.drivers)")
        # Whoever moves a point of a key says where all of it is.
        for peer, value in ((a, 5), (b, 6)):
            peer.do(f"{OWNER}; data.shape_keys.key_blocks['Bent'].data[1].co = ({value}, 5, 5)")
            stage.settle()
            _, blocks = same(a, b, OF_OWNER)
            assert blocks[1][3][1] == (value, 5, 5)
        same(a, late, OF_OWNER)
        assert_silent(stage)


MORE_POINTS = """
    bpy.context.view_layer.objects.active = bpy.data.objects['It']
    bpy.ops.object.mode_set(mode='EDIT')
    bpy.ops.curve.select_all(action='SELECT')
    bpy.ops.curve.subdivide()
    bpy.ops.object.mode_set(mode='OBJECT')
"""


@pytest.mark.parametrize("what", ["a curve", "a surface"])
@pytest.mark.parametrize("other", ["moves a point of one", "adds one", "nothing"])
def test_one_reshapes_what_has_keys(two, what, other):
    stage, a, b = two
    a.do(OWNERS[what][0]), a.do(PLACE_IT), a.do(FIRST_KEYS)
    stage.settle()
    change = {
        "moves a point of one": f"{OWNER}; data.shape_keys.key_blocks['Bent'].data[1].co = (6, 6, 6)",
        "adds one": "bpy.data.objects['It'].shape_key_add(name='Third', from_mix=False)",
        "nothing": "pass",
    }[other]
    at_once(stage, a, b, MORE_POINTS, change)
    own, blocks = same(a, b, OF_OWNER)
    assert len(blocks) == (3 if other == "adds one" else 2)
    assert all(len(points) == len(own) for *_, points in blocks)
    assert blocks[1][3][0] == (7, 8, 9)


@pytest.mark.parametrize("what", ["a curve", "a surface", "a lattice"])
@pytest.mark.parametrize("reshapes", [False, True])
def test_the_first_keys_come_while_another_edits(two, what, reshapes):
    stage, a, b = two
    a.do(OWNERS[what][0]), a.do(PLACE_IT)
    stage.settle()
    enter, *change, leave = MORE_POINTS.strip().splitlines()[1:]
    a.do(f"bpy.context.view_layer.objects.active = bpy.data.objects['It']; {enter.strip()}")
    if reshapes and what != "a lattice":
        a.do("; ".join(line.strip() for line in change))
    b.do(FIRST_KEYS)
    stage.settle()
    a.do(leave.strip())
    stage.settle()
    own, blocks = same(a, b, OF_OWNER)
    assert [len(points) for *_, points in blocks] == [len(own)] * 2
    if not reshapes:
        assert blocks[1][3][0] == (7, 8, 9)


@pytest.mark.parametrize("who", [0, 1])
def test_where_the_basis_goes_the_mesh_has_other_bounds(two, who):
    """It takes the shape of the next block, and Blender leaves it the texture space of the old one."""
    stage, *peers = two
    peers[0].do("k = bpy.data.objects['Cube'].data.shape_keys.key_blocks; k['Smile'].data[0].co = (5, 6, 7)")
    stage.settle()
    peers[who].do("""
        ob = bpy.data.objects["Cube"]
        ob.active_shape_key_index = 0
        with bpy.context.temp_override(object=ob, active_object=ob):
            bpy.ops.object.shape_key_remove()
    """)
    stage.settle()
    shown = """(bpy.context.view_layer.update(),
        [tuple(getattr(bpy.data.meshes['Cube'], 'texspace_' + x)) for x in ('location', 'size')])[1]"""
    assert same(*peers, shown) == [(2.0, 2.5, 3.0), (3.0, 3.5, 4.0)]
