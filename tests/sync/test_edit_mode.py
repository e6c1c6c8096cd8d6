# SPDX-License-Identifier: GPL-3.0-or-later
"""Edit mode of what is not a mesh: what others do meanwhile is shown when it is left, and is nobody's to take back.

In each test A is in edit mode while B changes the same datablock; then A leaves. Mostly A does nothing else, so that
nothing may be sent by A.
"""

from __future__ import annotations

import pytest
from peers import both

ADD = "bpy.ops.{}; bpy.context.object.name = 'It'; bpy.context.object.data.name = 'It'"
LEAVE = "bpy.ops.object.mode_set(mode='OBJECT')"
ENTER = "bpy.context.view_layer.objects.active = bpy.data.objects['It']; bpy.ops.object.mode_set(mode='EDIT')"
SPLINES = """[(s.type, [tuple(round(x, 3) for x in p.co[:3]) for p in s.bezier_points or s.points])
              for s in bpy.data.curves['It'].splines]"""
RIG = """
    arm = bpy.data.armatures.new('It')
    ob = bpy.data.objects.new('It', arm)
    bpy.context.scene.collection.objects.link(ob)
    bpy.context.view_layer.objects.active = ob
    bpy.ops.object.mode_set(mode='EDIT')
    arm.edit_bones.new('First').tail = (0, 0, 1)
    arm.edit_bones.new('Second').tail = (0, 1, 1)
    bpy.ops.object.mode_set(mode='OBJECT')
    ob.pose.bones['Second'].location.x = 2
"""
POSE = """sorted((p.name, round(p.location.x, 3), round(p.location.y, 3), [c.type for c in p.constraints])
           for p in bpy.data.objects['It'].pose.bones)"""


def begin(stage, a, setup):
    a.do(setup)
    stage.settle()
    a.do(ENTER)
    stage.settle()


def meanwhile(stage, a, b, change, in_edit_mode="pass"):
    """B's change while A is in edit mode, in ticks as they come; then A leaves. What A has sent since."""
    a.do("link.sent.clear()")
    b.do(change)
    b.do("rep.capture_all()")
    for peer in (a, b, a, b):
        peer.do("rep.tick(1000)")
    a.do(in_edit_mode)
    a.do(LEAVE)
    for peer in (a, b, a, b):
        peer.do("rep.tick(1000)")
    stage.settle()
    return a.do("[(kind, what) for _, kind, what in link.sent]")


BEZIER = ADD.format("curve.primitive_bezier_curve_add()")
SURFACE = ADD.format("surface.primitive_nurbs_surface_surface_add()")

CURVES = {
    "a point": (BEZIER, "d.splines[0].bezier_points[0].co.x = 5"),
    "more points": (BEZIER, "d.splines[0].bezier_points.add(2)"),
    "a spline": (BEZIER, "d.splines.new('POLY').points.add(3)"),
    "all of it": (
        BEZIER,
        "d.splines.new('POLY').points.add(3); d.splines[0].bezier_points.add(2); d.bevel_depth = 0.3",
    ),
    "one spline less": (BEZIER, "d.splines.new('POLY'); d.splines.remove(d.splines[0])"),
    "no splines": (BEZIER, "d.splines.clear()"),
    "a surface": (SURFACE, "d.splines[0].points[3].co.z = 7"),
}


@pytest.mark.parametrize("what", CURVES)
def test_a_curve(two, what):
    stage, a, b = two
    setup, change = CURVES[what]
    begin(stage, a, setup)
    assert meanwhile(stage, a, b, f"d = bpy.data.curves['It']; {change}") == []
    wanted = b.do(SPLINES)
    assert both(a, b, SPLINES) == wanted
    assert both(a, b, "round(bpy.data.curves['It'].bevel_depth, 3)") == (0.3 if "bevel" in change else 0)
    assert a.do("[str(r) for r in rep.refused]") == []


def test_a_curve_that_both_change(two):
    stage, a, b = two
    begin(stage, a, BEZIER + "; bpy.context.object.data.splines.new('BEZIER')")
    mine = "bpy.data.curves['It'].splines[1].bezier_points[0].co.x = 3"
    meanwhile(stage, a, b, "bpy.data.curves['It'].splines[0].bezier_points[0].co.x = 5", mine)
    first = "[round(s.bezier_points[0].co.x, 3) for s in bpy.data.curves['It'].splines]"
    assert both(a, b, first) == [5, 3]


def test_a_point_of_a_curve_that_another_made(two):
    """In no edit mode at all: Blender's operator says of a Bezier that it has no row, and what a script makes has one."""
    stage, a, b = two
    a.do(BEZIER)
    stage.settle()
    b.do("bpy.data.curves['It'].splines[0].bezier_points[0].co.x = 5")
    stage.settle()
    assert both(a, b, SPLINES)[0][1][0][0] == 5


def test_a_point_more_in_the_first_of_two_splines(two):
    """In no edit mode, too: a spline made anew comes last in Blender, and is the first in the room."""
    stage, a, b = two
    a.do(BEZIER + "; d = bpy.context.object.data; d.splines.new('POLY').points.add(2); d.splines[1].points[2].co.x = 9")
    stage.settle()
    a.do("d = bpy.data.curves['It']; d.splines.new('NURBS').points.add(1); d.splines[0].bezier_points.add(1)")
    stage.settle()
    assert [kind for kind, _ in both(a, b, SPLINES)] == ["BEZIER", "POLY", "NURBS"]
    assert a.do("[str(r) for r in rep.refused]") == b.do("[str(r) for r in rep.refused]") == []


TEXT = ADD.format("object.text_add()")
TEXT_SHOWN = "[(d.body, round(d.size, 3), [c.use_bold for c in d.body_format]) for d in [bpy.data.curves['It']]]"


def test_the_body_of_a_text(two):
    stage, a, b = two
    begin(stage, a, TEXT)
    change = "d = bpy.data.curves['It']; d.body = 'of another'; d.size = 2; d.body_format[1].use_bold = True"
    assert meanwhile(stage, a, b, change) == []
    assert both(a, b, TEXT_SHOWN) == [("of another", 2, [False, True] + [False] * 8)]


def test_a_text_that_one_writes_later(two):
    stage, a, b = two
    begin(stage, a, TEXT)
    meanwhile(stage, a, b, "bpy.data.curves['It'].body = 'of another'", "bpy.ops.font.text_insert(text='!')")
    assert both(a, b, "bpy.data.curves['It'].body") == "Text!"


LATTICE = ADD.format("object.add(type='LATTICE')")
POINTS = """[(d.points_u, d.interpolation_type_u, d.use_outside, [tuple(round(x, 3) for x in p.co_deform) for p in d.points])
             for d in [bpy.data.lattices['It']]]"""
LATTICES = {
    "a point": "d.points[0].co_deform.x = 4",
    "more points": "d.points_u = 3",
    "both": "d.points_u = 3; d.points[0].co_deform.x = 4",
    "settings": "d.interpolation_type_u = 'KEY_LINEAR'; d.use_outside = True",
    "weights": "bpy.data.objects['It'].vertex_groups.new(name='G').add([0, 1], 0.5, 'REPLACE')",
}


@pytest.mark.parametrize("what", LATTICES)
def test_a_lattice(two, what):
    stage, a, b = two
    begin(stage, a, LATTICE)
    assert meanwhile(stage, a, b, f"d = bpy.data.lattices['It']; {LATTICES[what]}") == []
    wanted = b.do(POINTS)
    assert both(a, b, POINTS) == wanted
    weights = "[[(g.group, round(g.weight, 3)) for g in p.groups] for p in bpy.data.lattices['It'].points[:3]]"
    assert both(a, b, weights) == ([[(0, 0.5)], [(0, 0.5)], []] if what == "weights" else [[], [], []])


EDIT_BONES = """
    bpy.context.view_layer.objects.active = bpy.data.objects['It']
    bpy.ops.object.mode_set(mode='EDIT')
    {}
    bpy.ops.object.mode_set(mode='OBJECT')
    {}
"""
BONES = {
    "a new one": EDIT_BONES.format(
        "bpy.data.armatures['It'].edit_bones.new('Third').tail = (0, 1, 1)",
        "p = bpy.data.objects['It'].pose.bones['Third']; p.location.x = 3; p.constraints.new('LIMIT_SCALE')",
    ),
    "another name": """
        bpy.data.armatures['It'].bones['Second'].name = 'Renamed'
        p = bpy.data.objects['It'].pose.bones['Renamed']
        p.location.y = 4
        p.constraints.new('LIMIT_SCALE')
    """,
    "one less": EDIT_BONES.format("e = bpy.data.armatures['It'].edit_bones; e.remove(e['Second'])", ""),
    "only its pose": "bpy.data.objects['It'].pose.bones['Second'].location.y = 4",
}


@pytest.mark.parametrize("what", BONES)
def test_bones(two, what):
    stage, a, b = two
    begin(stage, a, RIG)
    b.do(BONES[what])
    wanted = b.do(POSE)
    assert meanwhile(stage, a, b, "pass") == []
    assert both(a, b, POSE) == wanted
    both(a, b, "[(x.name, tuple(x.tail_local)) for x in bpy.data.armatures['It'].bones]")


def test_bones_that_both_make(two):
    stage, a, b = two
    begin(stage, a, RIG)
    mine = "bpy.data.armatures['It'].edit_bones.new('Mine').tail = (1, 0, 0)"
    meanwhile(stage, a, b, BONES["a new one"], mine)
    stage.settle()
    both(a, b, "[(x.name, tuple(x.tail_local)) for x in bpy.data.armatures['It'].bones]")
    poses = {name: tuple(rest) for name, *rest in both(a, b, POSE)}
    assert set(poses) == {"First", "Second", "Third", "Mine"}
    assert poses["Third"] == (3, 0, ["LIMIT_SCALE"]) and poses["Second"] == (2, 0, [])


COLLECTIONS = "[(c.name, sorted(x.name for x in c.bones)) for c in bpy.data.armatures['It'].collections]"


def test_collections_of_bones(two):
    stage, a, b = two
    begin(stage, a, RIG + "    arm.collections.new('One').assign(arm.bones['First'])")
    change = """
        arm = bpy.data.armatures['It']
        arm.collections['One'].assign(arm.bones['Second'])
        arm.collections.new('Two').assign(arm.bones['First'])
    """
    assert meanwhile(stage, a, b, change) == []
    assert both(a, b, COLLECTIONS) == [("One", ["First", "Second"]), ("Two", ["First"])]


@pytest.mark.parametrize("goes", ["", "bpy.data.meshes.remove(bpy.data.meshes['It'])"])
def test_other_data(two, goes):
    """The data that A edits is no longer that of the object; it may even be deleted meanwhile."""
    stage, a, b = two
    begin(
        stage, a, "o = bpy.data.objects['Cube']; o.name = o.data.name = 'It'; bpy.context.view_layer.objects.active = o"
    )
    other = """
        bpy.data.objects['It'].data = bpy.data.meshes.new('New')
        bpy.data.objects['It'].data.materials.append(bpy.data.materials.new('New'))
        bpy.data.objects['It'].material_slots[0].link = 'OBJECT'
    """
    b.do(other)
    b.do("rep.capture_all()")
    a.do("rep.tick(1000)")
    assert meanwhile(stage, a, b, goes or "pass") == []
    shown = "[(o.data.name, [(s.link, s.material) for s in o.material_slots]) for o in [bpy.data.objects['It']]]"
    assert both(a, b, shown) == [("New", [("OBJECT", None)])]
    assert both(a, b, "'It' in bpy.data.meshes") is (not goes)
    assert a.do("[str(r) for r in rep.refused]") == []


EDITED = """
    import bmesh
    bpy.ops.ed.undo_push(message='before')
    bpy.context.view_layer.objects.active = bpy.data.objects['Cube']
    bpy.ops.object.mode_set(mode='EDIT')
    bpy.ops.ed.undo_push(message='edit mode')
    mesh = bpy.data.objects['Cube'].data
    bm = bmesh.from_edit_mesh(mesh)
    bm.verts.ensure_lookup_table()
    bm.verts[0].co.x = 9
    bmesh.update_edit_mesh(mesh)
    bpy.ops.ed.undo_push(message='moved')
"""
UNDO = "try: bpy.ops.ed.undo()\nexcept RuntimeError: pass"
REDO = UNDO.replace("undo", "redo")
SHOWN = "sorted(o.name for o in bpy.data.objects), [s.name for s in bpy.data.scenes]"


def walk(stage, peer, *ways):
    """One undo or redo after the other, with time for all to come to rest."""
    for way in ways:
        peer.do(way)
        stage.settle()


GOES = {
    "the object": "bpy.data.objects.remove(bpy.data.objects['Cube'])",
    "the mesh": "bpy.data.meshes.remove(bpy.data.objects['Cube'].data)",
    "the scene": "bpy.data.scenes.new('Other'); bpy.data.scenes.remove(bpy.data.scenes['Scene'])",
}


@pytest.mark.parametrize("what", GOES)
def test_an_undo_after_another_has_removed_what_was_edited(two, what):
    """It crashed Blender, which looks for what its steps of edit mode were about."""
    stage, a, b = two
    a.do(EDITED)
    b.do(GOES[what])
    stage.settle()
    assert a.do("bpy.context.mode") == "OBJECT"
    walk(stage, a, *[UNDO] * 4)
    assert both(a, b, SHOWN)
    both(a, b, "[round(v.co.x) for m in bpy.data.meshes for v in m.vertices]")


@pytest.mark.parametrize("deed", [*GOES.values(), "bpy.data.objects['Cube'].name = 'Dice'"])
def test_a_redo_after_another_has_removed_or_renamed_what_was_edited(two, deed):
    """A redo into edit mode looks for the object in the scene as it is now."""
    stage, a, b = two
    a.do(EDITED)
    a.do(LEAVE + "; bpy.ops.ed.undo_push(message='out')")
    stage.settle()
    for _ in range(3):
        a.do("bpy.ops.ed.undo()")
    stage.settle()
    b.do(deed)
    stage.settle()
    walk(stage, a, REDO, REDO, UNDO, UNDO, REDO)
    assert both(a, b, SHOWN)


@pytest.mark.parametrize("what", GOES)
def test_an_undo_after_what_was_edited_went_while_the_queue_was_full(two, what):
    """Edit mode ends before the batch finds that nothing can be sent; when it is tried again nobody is in edit mode."""
    stage, a, b = two
    a.do(EDITED)
    a.do("link.full = True")
    b.do(GOES[what])
    b.do("rep.capture_all()")
    a.do("rep.tick(1000)")
    a.do("link.full = False")
    stage.settle()
    walk(stage, a, *[UNDO] * 4)
    assert both(a, b, SHOWN)


POINTED_TO = {
    "parent": "e = bpy.data.objects.new('E', None); bpy.context.scene.collection.objects.link(e); bpy.data.objects['Light'].parent = e",
    "focus": "e = bpy.data.objects.new('E', None); bpy.context.scene.collection.objects.link(e); bpy.data.cameras['Camera'].dof.focus_object = e",
    "shape key": "bpy.data.objects['Cube'].shape_key_add(name='Basis')",
    "material": "bpy.data.objects['Cube'].data.materials[0] = bpy.data.materials.new('New')",
    "action": "bpy.data.objects['Light'].keyframe_insert('location', frame=1)",
    "world": "bpy.context.scene.world = bpy.data.worlds.new('New')",
}


@pytest.mark.parametrize("what", POINTED_TO)
def test_an_undo_within_edit_mode_and_one_out_of_it(two, what):
    """The first reads no whole step, so what others made something point to is still there when the second one reads one."""
    stage, a, b = two
    a.do(EDITED)
    stage.settle()
    b.do(POINTED_TO[what])
    stage.settle()
    walk(stage, a, UNDO, UNDO, UNDO, REDO, REDO)
    a.do("if bpy.context.mode != 'OBJECT': bpy.ops.object.mode_set(mode='OBJECT')")
    stage.settle()
    assert both(a, b, "sorted(o.name for o in bpy.data.objects), bpy.context.scene.world.name")


PAINTED = """
    bpy.ops.ed.undo_push(message='before')
    with bpy.context.temp_override(edit_image=bpy.data.images['Paint']):
        assert bpy.ops.image.invert(invert_r=True) == {'FINISHED'}
"""
SAVED = "import os; i = bpy.data.images['Paint']; i.filepath_raw = os.path.join(bpy.app.tempdir, 'p.png'); i.save()"


@pytest.mark.parametrize("then", ["pass", SAVED], ids=["", "saved"])
@pytest.mark.parametrize("first", [UNDO, "pass"], ids=["undone", ""])
@pytest.mark.parametrize(
    "deed", ["bpy.data.images.remove(bpy.data.images['Paint'])", "bpy.data.images['Paint'].name = 'Other'"]
)
def test_a_step_of_an_image_that_another_has_removed_or_renamed(two, deed, first, then):
    """Steps of painting find their image by its name, too."""
    stage, a, b = two
    a.do("i = bpy.data.images.new('Paint', 32, 32); i.use_fake_user = True; i.pixels[:] = [0.25] * len(i.pixels)")
    stage.settle()
    a.do(PAINTED)
    stage.settle()
    a.do(then)
    stage.settle()
    a.do(first)
    stage.settle()
    b.do(deed)
    stage.settle()
    walk(stage, a, REDO, UNDO, UNDO, REDO)
    both(a, b, "sorted(i.name for i in bpy.data.images)")


POSED_BONES = "sorted(p.name for p in bpy.data.objects['It'].pose.bones)"
SAVE = "import os; bpy.ops.wm.save_as_mainfile(filepath=os.path.join(bpy.app.tempdir, 'it.blend'), copy=True)"
RENAME = "bpy.data.armatures['It'].edit_bones['Second'].name = 'Renamed'"
DUPLICATE = """
    for bone in bpy.data.armatures['It'].edit_bones:
        bone.select = bone.select_head = bone.select_tail = bone.name == 'Second'
    bpy.ops.armature.duplicate()
"""
STEP = "bpy.context.view_layer.update(); bpy.ops.ed.undo_push(message='step')"
OBJECT_OF_ANOTHER = "bpy.context.scene.collection.objects.link(bpy.data.objects.new('Other', None)); rep.capture_all()"
REMOVED_BY_ANOTHER = "bpy.data.objects.remove(bpy.data.objects['Light'])"


def step(stage, peer, *codes):
    """What a person does: each deed is an undo step, and then comes a tick."""
    for code in codes:
        peer.do(code)
        peer.do(STEP)
        stage.settle()


def back_and_forth(stage, a, b):
    walk(stage, a, *[UNDO] * 4, *[REDO] * 4, *[UNDO] * 2)
    a.do("if bpy.context.mode != 'OBJECT': bpy.ops.object.mode_set(mode='OBJECT')")
    stage.settle()
    both(a, b, POSED_BONES)
    both(a, b, "sorted(b.name for b in bpy.data.armatures['It'].bones)")


@pytest.mark.parametrize("deed", [RENAME, DUPLICATE], ids=["rename", "duplicate"])
def test_an_undo_of_what_a_script_did_to_bones(two, deed):
    """Into edit mode and on at once, so that Blender made a whole step with the pose as it was after that, and the bones as before."""
    stage, a, b = two
    a.do(RIG + "    bpy.ops.ed.undo_push(message='rig')")
    stage.settle()
    a.do(ENTER)
    step(stage, a, deed)
    b.do(OBJECT_OF_ANOTHER)
    stage.settle()
    step(stage, a, "bpy.data.armatures['It'].edit_bones['First'].tail.x = 3")
    back_and_forth(stage, a, b)


@pytest.mark.parametrize("deed", [RENAME, DUPLICATE], ids=["rename", "duplicate"])
@pytest.mark.parametrize("another", [OBJECT_OF_ANOTHER, REMOVED_BY_ANOTHER], ids=["made", "removed"])
def test_an_undo_after_the_file_was_saved_in_edit_mode(two, deed, another):
    """Blender then takes the bones for written back, also when datablocks that others make or remove let it make a whole step."""
    stage, a, b = two
    a.do(RIG + "    bpy.ops.ed.undo_push(message='rig')")
    stage.settle()
    step(stage, a, ENTER)
    a.do(SAVE)
    b.do(another)
    stage.settle()
    step(stage, a, deed)
    b.do(OBJECT_OF_ANOTHER)
    stage.settle()
    step(stage, a, "bpy.data.armatures['It'].edit_bones['First'].tail.x = 3")
    back_and_forth(stage, a, b)


@pytest.mark.parametrize("saved", ["pass", SAVE], ids=["", "saved"])
@pytest.mark.parametrize("first", ["bpy.ops.armature.select_all(action='SELECT')", "pass"], ids=["selected", ""])
def test_bones_are_renamed_back_by_an_undo(two, saved, first):
    """What others make meanwhile ends no undo history, but where Blender would crash: saved, and bones renamed before any other step."""
    stage, a, b = two
    a.do(RIG + "    bpy.ops.ed.undo_push(message='rig')")
    stage.settle()
    step(stage, a, ENTER)
    a.do(saved)
    if (saved, first) != (SAVE, "pass"):
        b.do(OBJECT_OF_ANOTHER)
        stage.settle()
    step(stage, a, first, RENAME)
    for way, name in ("undo", "Second"), ("redo", "Renamed"), ("undo", "Second"):
        a.do(f"bpy.ops.ed.{way}()")
        stage.settle()
        assert a.do("bpy.context.mode") == "EDIT_ARMATURE"
        assert a.do("sorted(b.name for b in bpy.data.armatures['It'].edit_bones)") == sorted(["First", name])
    back_and_forth(stage, a, b)


def test_groups_that_come_in_edit_mode_are_their_makers(two):
    """They were made at once, but not seen before edit mode was left; then they counted as its user's, and there were two of each."""
    stage, a, b = two
    a.do("""
        import bmesh
        link.hold = True
        mesh = bpy.data.objects['Cube'].data
        bm = bmesh.new(); bm.from_mesh(mesh)
        bm.verts.ensure_lookup_table()
        bm.verts.remove(bm.verts[0])
        bm.to_mesh(mesh); bm.free(); mesh.update()
        rep.capture_all()
        bpy.context.view_layer.objects.active = bpy.data.objects['Cube']
        bpy.ops.object.mode_set(mode='EDIT')
    """)
    b.do("bpy.data.objects['Cube'].vertex_groups.new(name='G').add([7], 0.5, 'REPLACE'); rep.capture_all()")
    a.do("rep.tick(1000); link.release()")
    stage.settle()
    a.do("link.sent.clear()")
    a.do(LEAVE)
    stage.settle()
    assert a.do("link.sent") == []
    assert both(a, b, "[g.name for g in bpy.data.objects['Cube'].vertex_groups]") == ["G"]


# Blender's undo finds what was edited by name.
NAMES = {
    "swapped": "o = bpy.data.objects; o['Cube'].name = 'x'; o['Camera'].name = 'Cube'; o['x'].name = 'Camera'",
    "another": "bpy.data.objects['Cube'].name = 'Dice'",
    "of the scene": "bpy.context.scene.name = 'Other'",
}
ALL_NAMES = "sorted((o.name, o.type) for o in bpy.data.objects), [s.name for s in bpy.data.scenes]"


@pytest.mark.parametrize("undone", [False, True])
@pytest.mark.parametrize("what", NAMES)
def test_what_is_edited_gets_its_new_name_afterwards(two, what, undone):
    stage, a, b = two
    a.do(EDITED)
    b.do(NAMES[what])
    stage.settle()
    if undone:
        a.do("bpy.ops.ed.undo()")
        stage.settle()
        assert a.do("bpy.context.mode") == "EDIT_MESH"
    a.do(LEAVE)
    stage.settle()
    assert both(a, b, ALL_NAMES)
    assert both(a, b, "[o.data.vertices[0].co.x for o in bpy.data.objects if o.type == 'MESH']") == [1 if undone else 9]


# Of each type of object that has an edit mode: how one is made, what is done to it there, and how that shows.
EDITS = {
    "mesh": (
        "bpy.ops.mesh.primitive_plane_add(enter_editmode=False)",
        "import bmesh; bm = bmesh.from_edit_mesh(d); bm.verts.new((9, 9, 9)); bmesh.update_edit_mesh(d)",
        "len(d.vertices)",
        5,
    ),
    "curve": (
        "bpy.ops.curve.primitive_nurbs_path_add()",
        "bpy.ops.curve.select_all(action='SELECT'); bpy.ops.curve.subdivide()",
        "len(d.splines[0].points)",
        9,
    ),
    "surface": (
        "bpy.ops.surface.primitive_nurbs_surface_surface_add()",
        "bpy.ops.curve.select_all(action='SELECT'); bpy.ops.curve.subdivide()",
        "len(d.splines[0].points)",
        49,
    ),
    "text": ("bpy.ops.object.text_add()", "bpy.ops.font.text_insert(text='!')", "d.body", "Text!"),
    "lattice": (
        "bpy.ops.object.add(type='LATTICE')",
        "d.points[0].co_deform.x = 9",
        "d.points[0].co_deform.x",
        9,
    ),
    "armature": (
        "bpy.ops.object.armature_add()",
        "d.edit_bones.new('New').tail = (0, 0, 9)",
        "[b.name for b in d.bones]",
        ["Bone", "New"],
    ),
    "metaball": (
        "bpy.ops.object.metaball_add()",
        "d.elements[0].co.x = 9",
        "d.elements[0].co.x",
        9,
    ),
}
DATA = "d = bpy.data.objects['It'].data"
EDITED_TWICE = """
    {make}
    it = bpy.context.object
    it.name = it.data.name = 'It'
    other = bpy.data.objects.new('Other', it.data)
    bpy.context.scene.collection.objects.link(other)
    home = bpy.data.collections.new('Home')
    bpy.context.scene.collection.children.link(home)
    it.users_collection[0].objects.unlink(it)
    home.objects.link(it)
"""
IN_EDIT_MODE = """
    [x.name for x in (*bpy.data.meshes, *bpy.data.curves, *bpy.data.lattices, *bpy.data.armatures, *bpy.data.metaballs)
     if x.is_editmode], [o.name for o in bpy.data.objects if o.mode == 'EDIT']
"""
OUT_OF_SIGHT = {
    "unlinked": "bpy.data.collections['Home'].objects.unlink(bpy.data.objects['It'])",
    "collection unlinked": "bpy.context.scene.collection.children.unlink(bpy.data.collections['Home'])",
    "collection removed": "bpy.data.collections.remove(bpy.data.collections['Home'])",
    "excluded": "bpy.context.view_layer.layer_collection.children['Home'].exclude = True",
}


@pytest.mark.parametrize(
    ("kind", "deed"), [*((kind, "unlinked") for kind in EDITS), *(("mesh", deed) for deed in list(OUT_OF_SIGHT)[1:])]
)
def test_what_is_edited_goes_out_of_sight(two, kind, deed):
    """Its user could not take it out of edit mode, and what he did there was never sent."""
    stage, a, b = two
    make, edit, seen, wanted = EDITS[kind]
    a.do(EDITED_TWICE.format(make=make))
    stage.settle()
    a.do(ENTER + f"; {DATA}; {edit}")
    stage.settle()
    b.do(OUT_OF_SIGHT[deed])
    b.do("rep.capture_all()")
    a.do("rep.tick(1000)")
    assert a.do(IN_EDIT_MODE) == ([], [])
    stage.settle()
    assert both(a, b, f"d = bpy.data.objects['It'].data; {seen}".replace("; ", "\n")) == wanted
    assert both(a, b, "'It' in bpy.context.view_layer.objects") is False


def test_of_several_that_are_edited_one_goes_out_of_sight(two):
    """Blender went into object mode over it, and the others stayed in edit mode: the first that was deleted took them along."""
    stage, a, b = two
    a.do("""
        cube = bpy.data.objects['Cube']
        twin = bpy.data.objects.new('Twin', cube.data.copy())
        bpy.context.scene.collection.objects.link(twin)
        for ob in (cube, twin):
            ob.select_set(True)
        bpy.context.view_layer.objects.active = cube
        bpy.ops.object.mode_set(mode='EDIT')
    """)
    stage.settle()
    assert a.do("sorted(o.name for o in bpy.context.objects_in_mode)") == ["Cube", "Twin"]
    b.do("bpy.data.collections.remove(bpy.data.collections['Collection']); rep.capture_all()")
    a.do("rep.tick(1000)")
    assert a.do(IN_EDIT_MODE) == ([], [])
    a.do("""
        for ob in bpy.context.view_layer.objects:
            ob.select_set(False)
        bpy.ops.object.select_pattern(pattern='Nobody')
        bpy.ops.object.delete()
    """)
    stage.settle()
    assert "Twin" in both(a, b, "[o.name for o in bpy.data.objects]")


@pytest.mark.parametrize("kind", EDITS)
def test_a_script_removes_an_object_in_edit_mode(two, kind):
    """Blender leaves its data in edit mode, where nobody can enter it or write to it any more."""
    stage, a, b = two
    make, edit, seen, wanted = EDITS[kind]
    a.do(EDITED_TWICE.format(make=make))
    stage.settle()
    a.do(ENTER + f"; {DATA}; {edit}; bpy.data.objects.remove(bpy.data.objects['It'])")
    b.do("bpy.data.objects['Other'].data['mark'] = 1")
    stage.settle()
    assert a.do(IN_EDIT_MODE) == ([], [])
    data = "d = bpy.data.objects['Other'].data\n"
    assert both(a, b, data + seen) == wanted
    assert both(a, b, data + "d.name, d['mark'], d.users, d.use_fake_user") == ("It", 1, 1, False)
    a.do(ENTER.replace("'It'", "'Other'"))
    assert a.do("bpy.data.objects['Other'].mode") == "EDIT"
    a.do(LEAVE)


def test_a_script_removes_an_object_with_shape_keys_in_edit_mode(two):
    stage, a, b = two
    a.do("""
        ob = bpy.data.objects['Cube']
        ob.shape_key_add(name='Basis'); ob.shape_key_add(name='Up').data[0].co.z = 5
        bpy.context.scene.collection.objects.link(bpy.data.objects.new('Other', ob.data))
        bpy.context.view_layer.objects.active = ob
        bpy.ops.object.mode_set(mode='EDIT')
    """)
    stage.settle()
    a.do("bpy.data.objects.remove(bpy.data.objects['Cube'])")
    stage.settle()
    assert a.do(IN_EDIT_MODE) == ([], [])
    b.do("bpy.data.meshes['Cube'].shape_keys.key_blocks['Up'].data[1].co.z = 7")
    stage.settle()
    shown = "[[round(p.co.z) for p in k.data[:2]] for k in bpy.data.meshes['Cube'].shape_keys.key_blocks]"
    assert both(a, b, shown)[1] == [5, 7]
    assert both(a, b, "len(bpy.data.meshes), len(bpy.data.shape_keys)") == (1, 1)


def test_an_undo_after_a_script_has_removed_an_object_in_edit_mode(two):
    stage, a, b = two
    a.do(EDITED)
    a.do("bpy.data.objects.remove(bpy.data.objects['Cube']); bpy.ops.ed.undo_push(message='removed')")
    stage.settle()
    walk(stage, a, *[UNDO] * 4, *[REDO] * 4)
    a.do("if bpy.context.mode != 'OBJECT': bpy.ops.object.mode_set(mode='OBJECT')")
    stage.settle()
    both(a, b, SHOWN)
    both(a, b, "sorted(m.name for m in bpy.data.meshes)")


def test_an_undo_after_what_was_edited_went_out_of_sight(two):
    stage, a, b = two
    a.do(EDITED)
    b.do("bpy.data.collections.remove(bpy.data.collections['Collection'])")
    stage.settle()
    walk(stage, a, *[UNDO] * 4, *[REDO] * 4, *[UNDO] * 2)
    a.do("if bpy.context.mode != 'OBJECT': bpy.ops.object.mode_set(mode='OBJECT')")
    stage.settle()
    both(a, b, SHOWN)
    both(a, b, "[round(v.co.x) for m in bpy.data.meshes for v in m.vertices]")
    assert a.do(IN_EDIT_MODE) == ([], [])
