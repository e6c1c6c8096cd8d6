# SPDX-License-Identifier: GPL-3.0-or-later
"""Two people do things at the same time that cannot both stand: at rest everybody sees the same, whatever the timing."""

from __future__ import annotations

import json
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import assert_silent, at_once, both


def test_the_same_property(three):
    stage, a, b, c = three
    at_once(stage, (a, "bpy.data.objects['Cube'].location.x = 1"), (b, "bpy.data.objects['Cube'].location.x = 2"))
    assert both(a, b, "bpy.data.objects['Cube'].location.x") == 2
    assert c.do("bpy.data.objects['Cube'].location.x") == 2


def test_the_same_name_for_new_things(three):
    stage, a, b, c = three
    make = "o = bpy.data.objects.new('Twin', None); o.location.x = {}; bpy.context.scene.collection.objects.link(o)"
    at_once(stage, (a, make.format(1)), (b, make.format(2)))
    where = "{o.name: o.location.x for o in bpy.data.objects if 'Twin' in o.name}"
    assert both(a, b, where) == {"Twin": 1, "Twin.001": 2}
    assert c.do(where) == {"Twin": 1, "Twin.001": 2}
    c.do("bpy.data.objects['Twin'].name = 'Only'")
    stage.settle()
    assert both(a, b, where) == {"Twin": 2}


def test_renaming_onto_each_other(three):
    stage, a, b, _c = three
    at_once(stage, (a, "bpy.data.objects['Cube'].name = 'X'"), (b, "bpy.data.objects['Light'].name = 'X'"))
    both(a, b, "{o.name: o.type for o in bpy.data.objects}")


def test_one_deletes_what_the_other_edits(three):
    stage, a, b, c = three
    at_once(
        stage, (a, "bpy.data.objects.remove(bpy.data.objects['Cube'])"), (b, "bpy.data.objects['Cube'].location.x = 9")
    )
    assert both(a, b, "'Cube' in bpy.data.objects") is False
    assert c.do("'Cube' in bpy.data.objects") is False


def test_one_edits_what_the_other_deletes(three):
    stage, a, b, _c = three
    at_once(
        stage, (b, "bpy.data.objects['Cube'].location.x = 9"), (a, "bpy.data.objects.remove(bpy.data.objects['Cube'])")
    )
    assert both(a, b, "'Cube' in bpy.data.objects") is False


def test_one_uses_what_the_other_deletes(three):
    stage, a, b, c = three
    at_once(
        stage,
        (a, "bpy.data.materials.remove(bpy.data.materials['Material'])"),
        (
            b,
            "o = bpy.data.objects.new('N', bpy.data.objects['Cube'].data.copy()); o.data.materials.clear(); "
            "o.data.materials.append(bpy.data.materials['Material']); bpy.context.scene.collection.objects.link(o)",
        ),
    )
    assert both(a, b, "[m and m.name for m in bpy.data.objects['N'].data.materials]") == [None]
    assert c.do("'Material' in bpy.data.materials") is False


def test_both_add_modifiers(three):
    stage, a, b, c = three
    at_once(
        stage,
        (a, "bpy.data.objects['Cube'].modifiers.new('M', 'SUBSURF')"),
        (b, "bpy.data.objects['Cube'].modifiers.new('M', 'BEVEL')"),
    )
    names = both(a, b, "sorted(m.type for m in bpy.data.objects['Cube'].modifiers)")
    assert names == ["BEVEL", "SUBSURF"]
    assert c.do("[m.type for m in bpy.data.objects['Cube'].modifiers]") == a.do(
        "[m.type for m in bpy.data.objects['Cube'].modifiers]"
    )


def test_one_removes_the_modifier_that_the_other_edits(three):
    stage, a, b, c = three
    a.do("bpy.data.objects['Cube'].modifiers.new('M', 'SUBSURF')")
    stage.settle()
    at_once(
        stage,
        (a, "o = bpy.data.objects['Cube']; o.modifiers.remove(o.modifiers[0])"),
        (b, "bpy.data.objects['Cube'].modifiers[0].levels = 4"),
    )
    assert both(a, b, "len(bpy.data.objects['Cube'].modifiers)") == 0
    assert c.do("len(bpy.data.objects['Cube'].modifiers)") == 0


SUBDIVIDE = """
import bmesh
m = bpy.data.objects["Cube"].data
bm = bmesh.new(); bm.from_mesh(m)
bmesh.ops.subdivide_edges(bm, edges=bm.edges, cuts={cuts}, use_grid_fill=True)
bm.to_mesh(m); bm.free(); m.update()
"""
MOVE = "m = bpy.data.objects['Cube'].data; m.vertices[0].co = (3, 3, 3); m.update()"
KEYS = "o = bpy.data.objects['Cube']; [(setattr(o, 'location', (x, 0, 0)), o.keyframe_insert('location', frame=f)) for f, x in {}]"


@pytest.mark.parametrize("subdivider_first", [False, True])
def test_one_moves_what_the_other_subdivides(three, subdivider_first):
    """Positions of one number of vertices never meet the faces of another: a new topology makes edits to the old one void."""
    stage, a, b, c = three
    deeds = [(a, MOVE), (b, SUBDIVIDE.format(cuts=2))]
    at_once(stage, *(reversed(deeds) if subdivider_first else deeds))
    assert both(a, b, "len(bpy.data.objects['Cube'].data.vertices)") == 56
    assert c.do("len(bpy.data.objects['Cube'].data.vertices)") == 56
    both(a, b, "[tuple(v.co) for v in bpy.data.objects['Cube'].data.vertices]")


def test_both_subdivide(three):
    stage, a, b, c = three
    at_once(stage, (a, SUBDIVIDE.format(cuts=1)), (b, SUBDIVIDE.format(cuts=2)))
    assert both(a, b, "len(bpy.data.objects['Cube'].data.vertices)") == 56
    c.do(SUBDIVIDE.format(cuts=1))
    stage.settle()
    count = both(a, b, "len(bpy.data.objects['Cube'].data.vertices)")
    assert c.do("len(bpy.data.objects['Cube'].data.vertices)") == count
    doc = a.do("rep.identity.doc(bpy.data.objects['Cube'].data)")
    assert len(stage.room.tree_of(doc)["i"]["geometry"]) == 1


def test_both_change_one_curve(three):
    stage, a, b, c = three
    a.do(KEYS.format("((1, 0), (10, 5))"))
    stage.settle()
    at_once(stage, (a, KEYS.format("((20, 7),)")), (b, KEYS.format("((1, 3),)")))
    keys = """[[tuple(k.co) for k in f.keyframe_points] for f in (lambda a: a.fcurves if hasattr(a, 'fcurves') else
               a.layers[0].strips[0].channelbags[0].fcurves)(bpy.data.objects['Cube'].animation_data.action)]"""
    assert c.do(keys) == both(a, b, keys)


EDIT = "bpy.context.view_layer.objects.active = bpy.data.objects['Cube']; bpy.ops.object.mode_set(mode='{}')"


def test_what_comes_while_one_edits_is_shown_afterwards(three):
    stage, a, b, c = three
    a.do(EDIT.format("EDIT"))
    b.do("m = bpy.data.objects['Cube'].data; m.vertices[1].co = (4, 4, 4); m.update()")
    stage.settle()
    assert c.do("list(bpy.data.objects['Cube'].data.vertices[1].co)") == [4, 4, 4]
    a.do(EDIT.format("OBJECT"))
    stage.settle()
    assert both(a, b, "list(bpy.data.objects['Cube'].data.vertices[1].co)") == [4, 4, 4]


def test_what_one_did_in_edit_mode_is_later_than_what_came(three):
    stage, a, b, c = three
    a.do(EDIT.format("EDIT"))
    b.do("m = bpy.data.objects['Cube'].data; m.vertices[1].co = (4, 4, 4); m.update()")
    stage.settle()
    a.do("import bmesh; bm = bmesh.from_edit_mesh(bpy.data.objects['Cube'].data); bm.verts.ensure_lookup_table()")
    a.do("bm.verts[0].co = (5, 5, 5); bmesh.update_edit_mesh(bpy.data.objects['Cube'].data); del bm")
    a.do(EDIT.format("OBJECT"))
    stage.settle()
    assert both(a, b, "list(bpy.data.objects['Cube'].data.vertices[0].co)") == [5, 5, 5]
    both(a, c, "[tuple(v.co) for v in bpy.data.objects['Cube'].data.vertices]")


def test_members_arrive_before_what_they_name(three):
    """A collection's member may be known before the datablock, which comes together with further members."""
    stage, a, b, c = three
    scene = a.do("rep.identity.doc(bpy.context.scene)")
    room = stage.room

    def submit(doc, kind, tree):
        assert room.submit(0, doc, kind, json.dumps(tree))

    def empty(name):
        return {"type": "Object", "name": name, "p": {"data": ["$none"]}}

    def member(doc):
        return {"s": {"@collection": {"m": {"objects": {doc: 1}}}}}

    x, z = "1" * 32, "2" * 32
    submit(scene, "edit", member(x))
    for peer in (a, b, c):
        peer.do("rep.tick(100)")
    submit(x, "create", empty("X"))
    submit(scene, "edit", member(z))
    submit(z, "create", empty("Z"))
    stage.settle()
    for peer in (a, b, c):
        assert {"X", "Z"} <= set(peer.do("[o.name for o in bpy.context.scene.collection.objects]"))


def test_a_deletion_that_is_not_captured_yet_stands(three):
    stage, a, b, _c = three
    b.do("bpy.data.objects['Cube'].location = (1, 1, 1); rep.capture_all()")
    a.do("bpy.data.objects.remove(bpy.data.objects['Cube']); rep._receive()")
    stage.settle()
    assert both(a, b, "'Cube' in bpy.data.objects") is False


def test_an_edit_that_is_not_captured_yet_comes_last(three):
    """What arrives while a local edit waits to be captured: the edit is later in the room's order."""
    stage, a, b, c = three
    b.do("bpy.data.objects['Cube'].location = (1, 1, 1); rep.capture_all()")
    a.do("bpy.data.objects['Cube'].location = (2, 2, 2); bpy.data.objects['Cube'].scale.x = 3")
    a.do("rep._receive()")
    stage.settle()
    assert both(a, b, "list(bpy.data.objects['Cube'].location)") == [2, 2, 2]
    assert c.do("bpy.data.objects['Cube'].scale.x") == 3


def test_what_blender_clamps_is_left_alone(three):
    stage, a, b, c = three
    doc = a.do("rep.identity.doc(bpy.context.scene)")
    stage.room.submit(
        0, doc, "edit", '{"p": {"frame_start": 500, "frame_step": -4}, "s": {"@render": {"p": {"fps": 0}}}}'
    )
    stage.settle()
    assert stage.room.tree_of(doc)["p"]["frame_step"] == -4
    assert stage.room.tree_of(doc)["s"]["@render"]["p"]["fps"] == 0
    assert a.do("bpy.context.scene.frame_step") >= 0
    c.do("bpy.context.scene.frame_step = 2")
    stage.settle()
    assert stage.room.tree_of(doc)["p"]["frame_step"] == 2


def test_a_name_that_is_given_free_and_taken_at_once(three):
    """What is deleted makes room for what came with it; the new thing must not keep the name it got beside the old one."""
    stage, a, b, c = three
    a.do("bpy.data.objects.remove(bpy.data.objects['Cube'])")
    a.do("bpy.context.scene.collection.objects.link(bpy.data.objects.new('Cube', None))")
    stage.settle()
    assert both(a, b, "sorted(o.name for o in bpy.data.objects)") == ["Camera", "Cube", "Light"]
    assert c.do("bpy.data.objects['Cube'].type") == "EMPTY"


def test_a_collection_in_one_that_another_excludes(three):
    """Blender excludes what is below an excluded collection; whether it had come before must not matter."""
    stage, a, b, c = three
    add = "bpy.data.collections['Collection'].children.link(bpy.data.collections.new('Inner'))"
    exclude = "bpy.context.view_layer.layer_collection.children['Collection'].exclude = True"
    at_once(stage, (a, exclude), (b, add))
    said = "(lambda l: [l.exclude, l.children['Inner'].exclude])(bpy.context.view_layer.layer_collection.children['Collection'])"
    assert c.do(said) == both(a, b, said)


def test_a_member_that_comes_with_the_exclusion_of_where_it_goes(three):
    """A collection that waits for its child is written after the scene, and Blender excludes the child as it comes."""
    stage, a, b, c = three
    for peer in (a, b):
        peer.do("link.hold = True; l = bpy.context.view_layer.layer_collection.children['Collection']")
    a.do("bpy.data.collections['Collection'].children.link(bpy.data.collections.new('Inner')); link.sent.clear()")
    a.do("bpy.context.view_layer.update(); rep.tick(1000)")
    assert a.do("[(kind, tree.get('name', '')) for _, kind, tree in link.sent]") == [
        ("edit", ""),
        ("create", "Inner"),
        ("edit", ""),
    ]
    a.do("link.release(1)")
    c.do("rep.tick(100)")
    a.do("link.release()")
    b.do("l.exclude = True; rep.capture_all(); link.release()")
    stage.settle()
    said = "(lambda l: [l.exclude, l.children['Inner'].exclude])(bpy.context.view_layer.layer_collection.children['Collection'])"
    assert c.do(said) == both(a, b, said)


def test_what_one_did_in_edit_mode_to_the_data_of_an_object_that_goes(three):
    """The deletion ends the edit mode, and what was done there must not be taken for what came with the deletion: the mesh names the
    object, and is read again for that."""
    stage, a, b, c = three
    a.do("bpy.data.meshes['Cube']['object'] = bpy.data.objects['Cube']")
    a.do("bpy.context.scene.collection.objects.link(bpy.data.objects.new('Twin', bpy.data.meshes['Cube']))")
    stage.settle()
    b.do(
        """
        import bmesh
        bpy.context.view_layer.objects.active = bpy.data.objects['Cube']
        bpy.ops.object.mode_set(mode='EDIT')
        work = bmesh.from_edit_mesh(bpy.data.meshes['Cube'])
        for vert in work.verts:
            vert.co.z += 1.0
        bmesh.update_edit_mesh(bpy.data.meshes['Cube'])
        rep.tick(1000)
        """
    )
    a.do("link.sent.clear(); link.hold = True; bpy.data.objects.remove(bpy.data.objects['Cube']); rep.capture_all()")
    # Before the mesh no longer names it.
    assert a.do("link.release(1); link.sent[0][1]") == "delete"
    b.do("rep.tick(1000)")
    a.do("link.release()")
    stage.settle()
    shown = "[bpy.data.meshes['Cube'].get('object'), max(v.co.z for v in bpy.data.meshes['Cube'].vertices)]"
    assert c.do(shown) == both(a, b, shown) == [None, 2.0]


def test_what_blender_computes_is_no_edit(three):
    """The texture space of a new curve appears when Blender evaluates it, in each Blender at another time."""
    stage, a, b, c = three
    a.do("""
        d = bpy.data.curves.new("D", "CURVE")
        s = d.splines.new("POLY"); s.points.add(2)
        for i, p in enumerate(s.points): p.co = (i, i * i, 0, 1)
        bpy.context.scene.collection.objects.link(bpy.data.objects.new("D", d))
    """)
    stage.settle()
    for peer in (b, c):
        peer.do(
            "link.sent.clear(); bpy.context.view_layer.update(); bpy.data.curves['D'].texspace_size; rep.capture_all()"
        )
        assert peer.do("link.sent") == []


LAST = {
    "modifier": ("o.modifiers.new('M', 'BEVEL')", "o.modifiers.clear()", "len(o.modifiers)"),
    "vertex group": ("o.vertex_groups.new(name='G')", "o.vertex_groups.clear()", "len(o.vertex_groups)"),
    "constraint": ("o.constraints.new('LIMIT_SCALE')", "o.constraints.remove(o.constraints[0])", "len(o.constraints)"),
    "animation": (
        "o.keyframe_insert('location', frame=1)",
        "o.animation_data_clear()",
        "o.animation_data and o.animation_data.action.name",
    ),
    "custom property": ("o['x'] = 1", "del o['x']", "o.get('x')"),
    "marker": (
        "bpy.context.scene.timeline_markers.new('M')",
        "bpy.context.scene.timeline_markers.clear()",
        "len(bpy.context.scene.timeline_markers)",
    ),
}


def test_the_last_one_of_a_kind_goes(three):
    stage, a, b, c = three
    cube = "o = bpy.data.objects['Cube']; "
    for make, remove, look in LAST.values():
        before = a.do(cube + "\n" + look)
        a.do(cube + make)
        stage.settle()
        assert c.do(cube + "\n" + look) == b.do(cube + "\n" + look) != before
        b.do(cube + remove)
        stage.settle()
        assert [p.do(cube + "\n" + look) for p in (a, c)] == [before] * 2, look


def test_one_deletes_what_the_other_is_in_edit_mode_of(three):
    """The data outlives the object, and is no longer in edit mode: what others do to it arrives."""
    stage, a, b, c = three
    a.do("bpy.data.meshes['Cube'].use_fake_user = True")
    stage.settle()
    b.do(EDIT.format("EDIT"))
    a.do("bpy.data.objects.remove(bpy.data.objects['Cube'])")
    stage.settle()
    c.do("m = bpy.data.meshes['Cube']; m.clear_geometry(); m.vertices.add(3); m.update()")
    stage.settle()
    assert both(a, b, "len(bpy.data.meshes['Cube'].vertices)") == 3


SAME_NAME = {
    "modifiers": (
        "o.modifiers.new('M', '{}')",
        ("BEVEL", "ARRAY"),
        "o.modifiers",
        "o.modifiers.remove(o.modifiers['M'])",
    ),
    "constraints": (
        "o.constraints.new('{}').name = 'K'",
        ("LIMIT_SCALE", "COPY_LOCATION"),
        "o.constraints",
        "o.constraints.remove(o.constraints['K'])",
    ),
    "nodes": (
        "n = o.active_material.node_tree.nodes.new('{}'); n.name = 'N'; n.label = n.bl_idname",
        ("ShaderNodeMath", "ShaderNodeTexNoise"),
        "o.active_material.node_tree.nodes",
        "o.active_material.node_tree.nodes.remove(o.active_material.node_tree.nodes['N'])",
    ),
}


@pytest.mark.parametrize("kind", SAME_NAME)
def test_the_same_name_inside_of_a_datablock(three, kind):
    """Blender gives the second one a suffix: whichever was second here must not be the first elsewhere."""
    stage, a, b, c = three
    make, types, where, remove = SAME_NAME[kind]
    cube = "o = bpy.data.objects['Cube']\n"
    at_once(stage, (a, cube + make.format(types[0])), (b, cube + make.format(types[1])))
    shown = cube + f"[(x.name, x.bl_rna.identifier) for x in sorted({where}, key=lambda x: x.name)]"
    said = both(a, b, shown)
    assert c.do(shown) == said
    # Whoever removes the one that shows the name leaves it to the other.
    a.do(cube + remove)
    stage.settle()
    left = both(a, b, shown)
    assert c.do(shown) == left and len(left) == len(said) - 1
    assert {name for name, _ in left} == {name for name, _ in said if not name.endswith(".001")}


@pytest.mark.parametrize("turner_first", [True, False])
def test_one_turns_what_the_other_gives_another_rotation_mode(three, turner_first):
    """Blender converts the rotation that it shows when it is given another mode, and each shows another one."""
    stage, a, b, c = three
    deeds = [
        (a, "bpy.data.objects['Cube'].rotation_euler = (-3, 0, 0.75)"),
        (b, "bpy.data.objects['Cube'].rotation_mode = 'AXIS_ANGLE'"),
    ]
    at_once(stage, *(deeds if turner_first else reversed(deeds)))
    shown = (
        "(lambda o: [list(o.rotation_euler), list(o.rotation_axis_angle), o.rotation_mode])(bpy.data.objects['Cube'])"
    )
    assert both(a, b, shown) == c.do(shown)


def test_two_give_one_mesh_its_first_shape_key(three):
    """One datablock must not serve two documents: they gave it their names in turn, without end."""
    stage, a, b, c = three
    add = "bpy.data.objects['Cube'].shape_key_add(name='{}')"
    at_once(stage, (a, add.format("A")), (b, add.format("B")))
    shown = "[k.name for k in bpy.data.objects['Cube'].data.shape_keys.key_blocks]"
    assert both(a, b, shown) == c.do(shown)
    assert len(c.do(shown)) == 1


def test_what_the_room_refuses_stays_with_its_maker(three):
    """A room that is full, or data too large for it: the others do not get it, but it is its maker's work and is not removed."""
    stage, a, b, _c = three
    stage.room.refuse_creates_of("Too Much")
    a.do(
        "m = bpy.data.meshes.new('Too Much'); m.from_pydata([(0, 0, 1)], [], []); "
        "o = bpy.data.objects.new('Holder', m); bpy.context.scene.collection.objects.link(o)"
    )
    stage.settle()
    assert a.do("len(bpy.data.meshes['Too Much'].vertices)") == 1
    assert a.do("bpy.data.objects['Holder'].data.name") == "Too Much"
    said = "[str(x) for x in rep.unread]"
    refused = [
        "Too Much: the datablock as a whole was not sent (the room is full, or it has too many arrays or files)."
    ]
    assert a.do(said) == refused
    assert b.do("'Too Much' in bpy.data.meshes") is False
    a.do("bpy.data.meshes['Too Much'].vertices[0].co.x = 5; bpy.data.meshes['Too Much'].update()")
    stage.settle()
    assert_silent(stage)
    assert a.do("bpy.data.meshes['Too Much'].vertices[0].co.x") == 5
    a.do("bpy.data.objects['Cube'].location.x = 3")
    stage.settle()
    assert b.do("bpy.data.objects['Cube'].location.x") == 3
    a.do("bpy.data.meshes.remove(bpy.data.meshes['Too Much'])")
    stage.settle()
    assert_silent(stage)


FORGETFUL = """
put = link.put_blob
def forgetful(data):
    name = put(data)
    link.cache.pop(name)
    link.room.drop_blob(name)
    return name
link.put_blob = forgetful
"""
LARGE = "m = bpy.data.meshes.new('Large'); m.from_pydata([(i, 0, 0) for i in range(999)], [], [])"


def test_what_was_refused_for_want_of_bytes_is_offered_again(three):
    stage, a, b, c = three
    stage.room.strict = True
    a.do(FORGETFUL)
    a.do(LARGE + "; rep.capture_all()")
    doc = a.do("rep.identity.doc(bpy.data.meshes['Large'])")
    assert stage.room.tree_of(doc) is None
    a.do("link.put_blob = put")
    stage.settle()
    assert a.do("[str(x) for x in rep.unread]") == []
    assert len(stage.room.tree_of(doc)) > 2
    assert [x.do("len(bpy.data.meshes['Large'].vertices)") for x in (a, b, c)] == [999] * 3
    assert_silent(stage)


def test_what_is_refused_for_want_of_bytes_is_offered_so_often(three):
    """And then it is listed, as anything that this Blender has and the room has not."""
    stage, a, b, _c = three
    stage.room.strict = True
    a.do(FORGETFUL)
    a.do(LARGE)
    stage.settle()
    why = "Large: the datablock as a whole was not sent (its arrays or files did not all arrive)."
    assert a.do("[str(x) for x in rep.unread]") == [why]
    assert a.do("rep.left_out") == ["Large"]
    assert b.do("'Large' in bpy.data.meshes") is False
    assert_silent(stage)
    a.do("bpy.data.meshes.remove(bpy.data.meshes['Large'])")
    assert a.do("rep.left_out, rep.unread") == ([], [])


def test_one_removes_the_last_of_what_another_adds_to(three):
    """That nothing is left is no more than that what was there has gone."""
    stage, a, b, c = three
    cube = "o = bpy.data.objects['Cube']; "
    a.do(cube + "o.modifiers.new('Old', 'BEVEL'); o['old'] = 1")
    stage.settle()
    at_once(
        stage,
        (b, cube + "o.modifiers.new('New', 'ARRAY'); o['new'] = 2"),
        (a, cube + "o.modifiers.clear(); del o['old']"),
    )
    shown = cube + "\n[[m.name for m in o.modifiers], o.get('old'), o.get('new')]"
    assert both(a, b, shown) == c.do(shown) == [["New"], None, 2]


def test_one_unlinks_a_collection_while_another_sets_one_aside(three):
    stage, a, b, c = three
    a.do("bpy.context.scene.collection.children.link(bpy.data.collections.new('C'))")
    stage.settle()
    a.do("bpy.data.collections.remove(bpy.data.collections['C']); s = bpy.context.scene.collection.children")
    stage.settle()
    at_once(
        stage,
        (
            a,
            "s.link(bpy.data.collections.new('C')); "
            "bpy.context.view_layer.layer_collection.children['C'].indirect_only = True",
        ),
        (b, "s = bpy.context.scene.collection.children; s.unlink(s['Collection'])"),
    )
    shown = "[(l.name, l.indirect_only) for l in bpy.context.view_layer.layer_collection.children]"
    assert both(a, b, shown) == c.do(shown) == [("C", True)]


def test_a_script_pops_the_last_material_of_what_another_duplicates(three):
    """Blender leaves the objects a slot each, which it gives to no object that comes later."""
    stage, a, b, c = three
    duplicate = """
        for o in bpy.context.view_layer.objects: o.select_set(o.name == 'Cube')
        bpy.context.view_layer.objects.active = bpy.data.objects['Cube']
        bpy.ops.object.duplicate(linked=True)
    """
    at_once(stage, (a, "bpy.data.meshes['Cube'].materials.pop()"), (b, duplicate))
    shown = "{o.name: len(o.material_slots) for o in bpy.data.objects if o.type == 'MESH'}"
    assert both(a, b, shown) == c.do(shown) == {"Cube": 0, "Cube.001": 0}


def test_a_property_that_points_to_what_goes(three):
    """It stays, with nothing in it, as in Blender."""
    stage, a, b, c = three
    a.do("bpy.data.objects['Light']['at'] = bpy.data.objects['Cube']")
    stage.settle()
    a.do("bpy.data.objects.remove(bpy.data.objects['Cube'])")
    stage.settle()
    shown = "[bpy.data.objects['Light'].get('at', 'missing')]"
    assert both(a, b, shown) == c.do(shown) == [None]


def test_what_is_dragged_does_not_jump(three):
    """What others did to it meanwhile is applied when it is let go; the one who lets go last has the last word on what was dragged."""
    stage, a, b, _c = three
    a.do(
        "import sys; from unittest import mock; mod = sys.modules['sync.replicator']; "
        "[o.select_set(o.name == 'Cube') for o in bpy.data.objects]; "
        "hand = mock.patch.object(mod.dirty, 'running', lambda: ['TRANSFORM_OT_translate']); hand.start(); None"
    )
    a.do("bpy.data.objects['Cube'].location.x = 1; rep.tick(1000.0); None")
    b.do(
        "bpy.data.objects['Cube'].location.x = 7; bpy.data.objects['Cube'].scale.x = 3; bpy.data.objects['Light'].location.x = 5; "
        "bpy.context.view_layer.update()"
    )
    for _ in range(5):
        b.do("rep.tick(1000.0); None")
        a.do("rep.tick(1000.0); None")
    assert a.do("bpy.data.objects['Light'].location.x") == 5
    assert a.do("(bpy.data.objects['Cube'].location.x, bpy.data.objects['Cube'].scale.x)") == (1, 1)
    a.do("bpy.data.objects['Cube'].location.x = 2; rep.tick(1000.0); hand.stop(); None")
    stage.settle()
    assert both(a, b, "(bpy.data.objects['Cube'].location.x, bpy.data.objects['Cube'].scale.x)") == (2, 3)
    assert_silent(stage)


BUSY = """
import sys; from unittest import mock
hand = mock.patch.object(sys.modules["sync.dirty"], "running", lambda: ["VIEW3D_OT_rotate"]); hand.start(); None
"""
GROUPED = """
g = bpy.data.node_groups.new("Group", "ShaderNodeTree")
g.interface.new_socket("In", in_out="INPUT", socket_type="NodeSocketFloat")
g.nodes.new("NodeGroupInput"); g.nodes.new("ShaderNodeMath")
"""


@pytest.mark.parametrize("let_go", ["before", "after"])
@pytest.mark.parametrize(
    ("make", "what"),
    [("", "objects['Cube']"), (GROUPED, "node_groups['Group']"), ("", "meshes['Cube']")],
    ids=["object", "node group", "mesh"],
)
def test_a_deletion_that_is_taken_back_while_another_is_busy(three, make, what, let_go):
    """Nothing is removed while somebody is in the middle of an operator. What was to be removed then, and had come back before, was
    removed when he let go, and that was sent as his own deletion."""
    stage, a, b, c = three
    if make:
        a.do(make)
        stage.settle()
    name = f"bpy.data.{what}"
    doc = a.do(f"rep.identity.doc({name})")
    looks = f"[len(bpy.data.objects), {name}.name, len(getattr({name}, 'nodes', ()))]"
    before = a.do(looks)
    uid = a.do(f"{name}.session_uid")
    a.do(BUSY)
    trees = stage.room.all_trees()
    b.do(f"bpy.data.batch_remove([{name}]); rep.capture_all()")
    assert stage.room.tree_of(doc) is None
    for _ in range(3):  # each looks at the lists of datablocks anew
        a.do("rep._stamps.clear(); rep.capture_all(); rep.tick(1000.0); None")
    a.do(f"rep._dirty[{doc!r}] = None; rep.tick(1000.0); None")
    assert stage.room.tree_of(doc) is None  # what stays for a while is no new thing
    if let_go == "before":
        a.do("hand.stop(); rep.tick(1000.0); None")
    now = stage.room.all_trees()
    for other in sorted(trees, key=lambda d: d != doc):
        if now.get(other) != trees[other]:
            stage.room.submit(99, other, "create", json.dumps(trees[other]))
    for _ in range(3):
        a.do("rep.tick(1000.0); None")
    if let_go == "after":
        assert a.do(f"{name}.session_uid") == uid
        a.do("hand.stop(); rep.tick(1000.0); None")
    stage.settle()
    assert a.do("[e for e in link.sent if e[1] == 'delete']") == []
    assert stage.room.tree_of(doc) is not None
    assert a.do(looks) == b.do(looks) == c.do(looks) == before
    assert_silent(stage)


STROKE = """
import sys; from unittest import mock
ob = bpy.data.objects["Cube"]; bpy.context.view_layer.objects.active = ob; ob.select_set(False)
bpy.ops.object.mode_set(mode={mode!r})
hand = mock.patch.object(sys.modules["sync.dirty"], "running", lambda: [{operator!r}]); hand.start(); None
"""
CUT = """
import bmesh
m = bpy.data.meshes["Cube"]; work = bmesh.new(); work.from_mesh(m)
bmesh.ops.subdivide_edges(work, edges=work.edges[:], cuts=1, use_grid_fill=True); work.to_mesh(m); work.free()
"""
SHAPES = "o = bpy.data.objects['Cube']; o.shape_key_add(name='Basis'); o.shape_key_add(name='K').data[0].co.x = 5"
MOVE_KEY = "bpy.data.objects['Cube'].data.shape_keys.key_blocks['K'].data[0].co.x = 7"
BRUSHED = """(lambda m: [len(m.vertices), m.vertices[0].co.x,
    [k.data[0].co.x for k in m.shape_keys.key_blocks] if m.shape_keys else []])(bpy.data.meshes['Cube'])"""


@pytest.mark.parametrize(
    ("before", "edit", "after"),
    [
        ("", "m = bpy.data.meshes['Cube']; m.vertices[0].co.x = 9; m.update()", [8, 9, []]),
        ("", CUT, [26, 1, []]),
        ("", SHAPES, [8, 1, [1, 5]]),
        (SHAPES, MOVE_KEY, [8, 1, [1, 7]]),
    ],
    ids=["points", "another shape", "first shape keys", "a shape key"],
)
def test_a_mesh_is_not_written_under_a_brush(three, before, edit, after):
    """While the brush is down the arrays are its own: the mesh's and those of its shape keys, also such as others have just made."""
    stage, a, b, _c = three
    b.do(before)
    stage.settle()
    a.do(STROKE.format(mode="SCULPT", operator="SCULPT_OT_brush_stroke"))
    seen = a.do(BRUSHED)
    b.do(edit)
    b.do("bpy.data.objects['Light'].location.x = 5")
    for _ in range(4):
        b.do("rep.capture_all(); rep.tick(1000.0); None")
        a.do("rep.tick(1000.0); None")
    assert a.do("bpy.data.objects['Light'].location.x") == 5
    assert a.do(BRUSHED) == seen
    a.do("hand.stop(); bpy.ops.object.mode_set(mode='OBJECT')")
    stage.settle()
    assert both(a, b, BRUSHED) == after
    assert_silent(stage)


def test_an_image_is_not_overwritten_under_a_brush(three):
    stage, a, b, _c = three
    a.do("""
        image = bpy.data.images.new("Painted", 4, 4)
        tree = bpy.data.materials["Material"].node_tree
        node = tree.nodes.new("ShaderNodeTexImage"); node.image = image; tree.nodes.active = node
    """)
    stage.settle()
    a.do(STROKE.format(mode="TEXTURE_PAINT", operator="PAINT_OT_image_paint"))
    b.do("i = bpy.data.images['Painted']; i.pixels[0] = 0.5; i.update()")
    for _ in range(4):
        b.do("rep.capture_all(); rep.tick(1000.0); None")
        a.do("rep.tick(1000.0); None")
    assert a.do("bpy.data.images['Painted'].pixels[0]") == 0
    a.do("hand.stop(); bpy.ops.object.mode_set(mode='OBJECT')")
    stage.settle()
    assert both(a, b, "round(bpy.data.images['Painted'].pixels[0], 1)") == 0.5


def test_an_add_on_that_is_always_busy_does_not_keep_what_is_removed(three):
    stage, a, b, _c = three
    a.do(
        "import sys; from unittest import mock; mod = sys.modules['sync.replicator']\n"
        "class ALWAYS_OT_busy(bpy.types.Operator):\n"
        "    bl_idname = 'always.busy'; bl_label = 'Busy'\n"
        "bpy.utils.register_class(ALWAYS_OT_busy)\n"
        "hand = mock.patch.object(mod.dirty, 'running', lambda: ['ALWAYS_OT_busy']); hand.start()\nNone"
    )
    b.do("bpy.data.objects.remove(bpy.data.objects['Light'])")
    stage.settle()
    assert a.do("'Light' in bpy.data.objects") is False
    a.do("hand.stop(); bpy.utils.unregister_class(ALWAYS_OT_busy); None")


def test_a_vertex_group_for_a_mesh_that_gets_another_shape(three):
    """The weights belong to the old shape and go with it; the group does not."""
    stage, a, b, c = three
    grow = "m = bpy.data.meshes['Cube']; m.vertices.add(1); m.update()"
    at_once(stage, (a, grow), (b, "bpy.data.objects['Cube'].vertex_groups.new(name='G').add([0], 0.5, 'REPLACE')"))
    groups = "len(bpy.data.meshes['Cube'].vertices), [g.name for g in bpy.data.objects['Cube'].vertex_groups]"
    assert [tuple(p.do(groups)) for p in (a, b, c)] == [(9, ["G"])] * 3


# Two objects that name each other by every kind of pointer; nothing of it may wait for the other one to be complete.
IN_A_CIRCLE = """
    def tie(one, target):
        track = one.constraints.new("TRACK_TO"); track.target = target
        copy = one.constraints.new("COPY_LOCATION"); copy.target = target; copy.mute = True
        mirror = one.modifiers.new("Mirror", "MIRROR"); mirror.mirror_object = target
        one["other"] = target
        one["deep"] = {"in": {"a": target}}
        one.data["user"] = one
        driver = one.driver_add("hide_render").driver
        variable = driver.variables.new(); variable.targets[0].id = target
        variable.targets[0].data_path = "hide_render"; driver.expression = "var"
"""
TIED = """{o.name: ([c.target and c.target.name for c in o.constraints], [m.mirror_object and m.mirror_object.name for m in o.modifiers],
            o.get("other") and o["other"].name, o["deep"]["in"]["a"] and o["deep"]["in"]["a"].name, o.data["user"].name,
            [v.targets[0].id and v.targets[0].id.name for d in o.animation_data.drivers for v in d.driver.variables])
           for o in bpy.data.objects if o.get("deep")}"""


def test_what_names_each_other_in_a_circle(three):
    stage, a, b, c = three
    for peer in three[1:]:
        peer.do(IN_A_CIRCLE)
    # New ones, made by one and complete at once: whichever comes first names what does not exist yet.
    a.do("""
        for name in ("One", "Two", "Three"):
            bpy.context.scene.collection.objects.link(bpy.data.objects.new(name, bpy.data.meshes.new(name)))
        ring = [bpy.data.objects[name] for name in ("One", "Two", "Three")]
        for one, other in zip(ring, ring[1:] + ring[:1]):
            tie(one, other)
    """)
    stage.settle()
    tied = both(a, b, TIED)
    assert tied == c.do(TIED) and set(tied) == {"One", "Two", "Three"}
    assert tied["One"] == (["Two", "Two"], ["Two"], "Two", "Two", "One", ["Two"])
    assert tied["Three"][2] == "One"
    # A circle of two that only both together close, each from a side of its own.
    at_once(
        stage,
        (a, "o = bpy.data.objects; tie(o['Cube'], o['Light'])"),
        (
            b,
            "o = bpy.data.objects; o['Light']['other'] = o['Cube']; o['Light'].constraints.new('TRACK_TO').target = o['Cube']",
        ),
    )
    assert both(a, b, "bpy.data.objects['Light']['other'].name") == "Cube"
    assert c.do("bpy.data.objects['Light'].constraints[0].target.name") == "Cube"
    assert c.do("bpy.data.objects['Cube'].constraints[0].target.name") == "Light"
    # One of the ring goes: what named it names nothing, and the others stay.
    c.do("bpy.data.objects.remove(bpy.data.objects['Two'])")
    stage.settle()
    shown = TIED.replace('o["other"].name', '(o["other"] and o["other"].name)')
    left = both(a, b, shown)
    assert left == c.do(shown)
    assert left["One"][0] == [None, None] and left["One"][2] is None and left["Three"][2] == "One"


@pytest.mark.parametrize("shown", [0, 1])
@pytest.mark.parametrize("who", [0, 1])
@pytest.mark.parametrize("how", ["bpy.ops.ed.undo()", "bpy.data.objects['Cube'].shape_key_clear()"])
def test_one_of_two_first_shape_keys_goes(three, how, who, shown):
    """Of two first shape keys of one mesh one is shown; when that is taken away, the other has its place."""
    stage, a, b, c = three
    for i, peer in enumerate((a, b)):
        peer.do("from sync import identity; mint = identity.mint; bpy.ops.ed.undo_push(message='before')")
        peer.do(f"identity.mint = lambda: '{int(i != shown)}' * 32")
    make = "o = bpy.data.objects['Cube']; o.shape_key_add(name='{}').value = 0.5; bpy.ops.ed.undo_push(message='made')"
    at_once(stage, (a, make.format("A")), (b, make.format("B")))
    for peer in (a, b):
        peer.do("identity.mint = mint")
    seen = "[k.name for k in bpy.data.objects['Cube'].data.shape_keys.key_blocks] if bpy.data.shape_keys else []"
    assert [peer.do(seen) for peer in (a, b, c)] == [["AB"[shown]]] * 3
    (a, b)[who].do(how)
    stage.settle()
    now = [peer.do(seen) for peer in (a, b, c)]
    assert now == [now[0]] * 3
    if how.startswith("bpy.data") or who == shown:
        assert now[0] == ["AB"[1 - shown]]


def test_all_shape_keys_go_as_another_comes(three, version):
    """Blender removes the datablock with its last block, into which the new one was to go."""
    stage, a, b, c = three
    cube = "o = bpy.data.objects['Cube']; k = o.data.shape_keys.key_blocks; "
    a.do("for name in ('One', 'Two'): bpy.data.objects['Cube'].shape_key_add(name=name)")
    stage.settle()
    at_once(
        stage,
        (a, cube + "o.shape_key_remove(k['One'])"),
        (b, cube + "o.shape_key_remove(k['Two'])"),
        (c, cube + "o.shape_key_add(name='Three').data[0].co = (5, 6, 7)"),
    )
    shown = "[(k.name, k.frame, tuple(k.data[0].co)) for k in bpy.data.meshes['Cube'].shape_keys.key_blocks]"
    assert both(a, b, shown) == c.do(shown) == [("Three", 20.0, (5.0, 6.0, 7.0))]
    # Who joins makes it as the first one.
    late = stage.peer(version)
    late.join()
    assert late.do(shown) == a.do(shown)
    positions = "[tuple(v.co) for v in bpy.data.meshes['Cube'].vertices]"
    assert both(a, b, positions) == c.do(positions)
    assert [peer.do("[str(r) for r in rep.refused]") for peer in (a, b, c)] == [[], [], []]


def test_two_choose_different_outputs(three):
    """Blender lets one output of a material be active: whichever was set last in that Blender."""
    stage, a, b, c = three
    nodes = "n = bpy.data.materials['Material'].node_tree.nodes; "
    a.do(nodes + "made = [n.new('ShaderNodeOutputMaterial') for _ in range(2)]")
    stage.settle()
    outputs = nodes + "o = sorted((x for x in n if x.type == 'OUTPUT_MATERIAL'), key=lambda x: x.name); "
    at_once(
        stage, (a, outputs + "o[2].is_active_output = True"), (b, outputs + "o[1].is_active_output = True"), (c, "pass")
    )
    for peer in (a, b, c):
        peer.do(outputs)
    shown = [peer.do("[x.is_active_output for x in o]") for peer in (a, b, c)]
    assert shown == [shown[0]] * 3 and sum(shown[0]) == 1


GROUPS = "[(g.name, g.index) for g in bpy.data.objects['Cube'].vertex_groups]"
WEIGHTS = """[sorted((bpy.data.objects['Cube'].vertex_groups[g.group].name, g.weight) for g in v.groups)
              for v in bpy.data.meshes['Cube'].vertices][:2]"""


@pytest.mark.parametrize("first", [0, 1])
def test_both_add_a_vertex_group(three, first):
    """Blender knows a group by its place: the weights of the one must not become those of the other's group."""
    stage, a, b, c = three
    add = "bpy.data.objects['Cube'].vertex_groups.new(name={!r}).add([{}], 0.5, 'REPLACE')"
    deeds = [(a, add.format("Ah", 0)), (b, add.format("Oh", 1))]
    at_once(stage, deeds[first], deeds[1 - first])
    assert sorted(name for name, _ in both(a, b, GROUPS)) == ["Ah", "Oh"]
    assert c.do(GROUPS) == a.do(GROUPS)
    # Who came last has set the weights of the mesh.
    last = [[[("Ah", 0.5)], []], [[], [("Oh", 0.5)]]][1 - first]
    assert both(a, b, WEIGHTS) == c.do(WEIGHTS) == last


def test_vertex_groups_are_moved(three):
    stage, a, b, c = three
    a.do("""
        ob = bpy.data.objects["Cube"]
        for i, name in enumerate("PQRS"):
            ob.vertex_groups.new(name=name).add([i % 2], 0.5, "REPLACE")
    """)
    stage.settle()
    b.do("bpy.data.objects['Cube'].vertex_groups.active_index = 1")
    a.do("""
        ob.vertex_groups.active_index = 3
        with bpy.context.temp_override(object=ob, active_object=ob):
            for _ in range(3):
                bpy.ops.object.vertex_group_move(direction="UP")
    """)
    stage.settle()
    assert [name for name, _ in both(a, b, GROUPS)] == ["S", "P", "Q", "R"]
    assert both(a, b, WEIGHTS) == c.do(WEIGHTS) == [[("P", 0.5), ("R", 0.5)], [("Q", 0.5), ("S", 0.5)]]
    assert b.do("bpy.data.objects['Cube'].vertex_groups.active.name") == "Q"


def test_a_shape_without_weights_takes_the_place_of_one_with(three):
    """Both have as many points, edges and faces, so nothing is built anew."""
    stage, a, b, c = three
    grow = "m = bpy.data.meshes['Cube']; m.vertices.add(1); m.update()"
    group = "bpy.data.objects['Cube'].vertex_groups.new(name='G').add([0], 0.5, 'REPLACE'); "
    at_once(stage, (b, group + grow), (a, grow))
    assert both(a, b, GROUPS) == c.do(GROUPS) == [("G", 0)]
    assert both(a, b, WEIGHTS) == c.do(WEIGHTS) == [[], []]


SLOTS = """
    mesh = bpy.data.meshes['Cube']
    while len(mesh.materials) < 2:
        mesh.materials.append(bpy.data.materials.new('More'))
"""


@pytest.mark.parametrize("remove", ["pop()", "clear()"])
def test_a_slot_goes_and_a_face_is_given_to_it_at_once(three, remove):
    """What the faces say is what the room says, and not what Blender makes of it when the slot goes."""
    stage, a, b, c = three
    a.do(SLOTS)
    stage.settle()
    face = "bpy.data.meshes['Cube'].polygons[0].material_index"
    at_once(stage, (a, f"bpy.data.meshes['Cube'].materials.{remove}"), (b, f"{face} = 1"))
    assert both(a, b, face) == c.do(face)
    both(a, b, "[x.name for x in bpy.data.meshes['Cube'].attributes if x.name[0] != '.']")


def test_the_order_of_markers_added_at_once(three):
    """Of two cameras bound to one frame it decides."""
    stage, a, b, c = three
    new = "bpy.context.scene.timeline_markers.new({!r}, frame=5)"
    a.do(new.format("first"))
    stage.settle()
    at_once(stage, (a, new.format("A")), (b, new.format("B")), (c, f"{new.format('C')}; {new.format('D')}"))
    order = "[m.name for m in bpy.context.scene.timeline_markers]"
    assert both(a, b, order) == c.do(order)
    assert both(a, b, order)[0] == "first"


COLOUR_SPACE = "bpy.data.images['Small'].colorspace_settings.name = 'Non-Color'"


@pytest.mark.parametrize(
    "set_anew",
    [COLOUR_SPACE, "bpy.data.images['Small'].generated_color = (1, 0, 0, 1)"],
    ids=["colour space", "colour"],
)
@pytest.mark.parametrize("painter_first", [True, False])
def test_an_image_is_painted_on_and_made_anew_at_once(three, set_anew, painter_first):
    stage, a, b, c = three
    a.do("bpy.data.images.new('Small', 2, 2).use_fake_user = True")
    stage.settle()
    deeds = [(a, "bpy.data.images['Small'].pixels[0] = 1.0"), (b, set_anew)]
    at_once(stage, *(deeds if painter_first else deeds[::-1]))
    assert both(a, b, "list(bpy.data.images['Small'].pixels)")[0] == c.do("bpy.data.images['Small'].pixels[0]") == 1.0


@pytest.mark.parametrize("kind", ["a UV map", "an attribute"])
def test_a_vertex_group_of_the_name_that_another_gives_to(two, kind):
    """Blender takes both only where the attribute comes first."""
    stage, a, b = two
    data = "bpy.data.meshes['Cube']"
    new = {
        "a UV map": f"{data}.uv_layers.new(name='B')",
        "an attribute": f"{data}.attributes.new('B', 'FLOAT', 'POINT')",
    }
    a.do("bpy.data.objects['Cube'].vertex_groups.new(name='B').add([1], 0.5, 'REPLACE'); rep.capture_all()")
    b.do(f"{new[kind]}; rep.capture_all()")
    stage.settle()
    found = f"""['B' in {data}.attributes, [g.name for g in bpy.data.objects['Cube'].vertex_groups],
        [(g.group, g.weight) for g in {data}.vertices[1].groups]]"""
    assert both(a, b, found) == [True, ["B"], [(0, 0.5)]]
    assert a.do("rep.refused") == b.do("rep.refused") == []
