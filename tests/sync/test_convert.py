# SPDX-License-Identifier: GPL-3.0-or-later
"""Object > Convert: the same object, and for a text to a curve also the same datablock, becomes of a type that no call gives it."""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dumps import TIDY, differences_with_a_late_one
from peers import at_once, joined

# A text, a curve and a mesh with edges beside its face, each with a child and an object whose modifier names it.
BEGIN = """
    link_in = bpy.context.scene.collection.objects.link
    def thing(name, data):
        ob = bpy.data.objects.new(name, data)
        link_in(ob)
        ob.location = (1, 2, 3)
        ob["note"] = name
        child = bpy.data.objects.new("Child of " + name, None)
        link_in(child)
        child.parent = ob
        child.location.x = 1
        mesh = bpy.data.meshes.new("Bent by " + name)
        mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
        bent = bpy.data.objects.new("Bent by " + name, mesh)
        link_in(bent)
        bent.modifiers.new("Hook", "HOOK").object = ob
        bent.constraints.new("COPY_LOCATION").target = ob
    text = bpy.data.curves.new("Text", "FONT")
    text.body = "Hi"
    text.materials.append(bpy.data.materials.new("Ink"))
    thing("Text", text)
    curve = bpy.data.curves.new("Curve", "CURVE")
    curve.dimensions = "3D"
    curve.bevel_depth = 0.1
    curve.splines.new("BEZIER").bezier_points.add(2)
    for i, point in enumerate(curve.splines[0].bezier_points):
        point.co = point.handle_left = point.handle_right = (i, i * i, 0)
    thing("Curve", curve)
    mesh = bpy.data.meshes.new("Mesh")
    chain = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (2, 1, 0)]
    mesh.from_pydata([*chain, *((x + 4, y, z) for x, y, z in chain)], [(0, 1), (1, 2), (2, 3)], [(4, 5, 6, 7)])
    thing("Mesh", mesh)
    # A panel would hold them as Python's objects.
    del text, curve, mesh
    bpy.context.view_layer.update()
    bpy.ops.ed.undo_push(message="begin")
"""
CONVERT = """
    for ob in bpy.context.view_layer.objects:
        ob.select_set(ob.name == {name!r})
    bpy.context.view_layer.objects.active = bpy.data.objects[{name!r}]
    assert bpy.ops.object.convert(target={target!r}) == {{"FINISHED"}}
    bpy.ops.ed.undo_push(message="convert")
"""
KINDS = (("Curve", "MESH"), ("Text", "MESH"), ("Text", "CURVE"), ("Mesh", "CURVE"))
ALL = pytest.mark.parametrize(("name", "target"), KINDS, ids=[f"{n} to {t}" for n, t in KINDS])
IN_EDIT_MODE = """
    bpy.context.view_layer.objects.active = bpy.data.objects[{name!r}]
    bpy.ops.object.mode_set(mode="EDIT")
"""
POINTS = """[
    [tuple(round(x, 4) for x in p.co) for s in ob.data.splines for p in (*s.bezier_points, *s.points)]
    if ob.type == "CURVE" else [tuple(round(x, 4) for x in v.co) for v in ob.data.vertices]
    for ob in [bpy.data.objects[{name!r}]]
][0]"""


# Of a Bezier line, which is one row: Blender's operators say that it has none, and no call does.
ROWS = "point_count_v"


@pytest.fixture
def things(version):
    with joined(version, 3) as (stage, (a, b, c)):
        a.do(TIDY)
        a.do(BEGIN)
        stage.settle()
        for peer in (b, c):
            peer.do("bpy.ops.ed.undo_push(message='begin')")
        yield stage, a, b, c
        found = [one for one in differences_with_a_late_one(stage, [a, b, c]) if ROWS not in one]
        assert not found, "\n".join(found)


def check(stage, name, kind):
    for peer in stage.peers:
        assert peer.do(f"bpy.data.objects[{name!r}].type") == kind, peer.number
        assert peer.do(f"bpy.data.objects['Child of {name}'].parent == bpy.data.objects[{name!r}]")
        assert peer.do(f"bpy.data.objects['Bent by {name}'].modifiers[0].object == bpy.data.objects[{name!r}]")
        assert peer.do(f"bpy.data.objects[{name!r}]['note']") == name
        assert peer.do("[str(r) for r in (*rep.refused, *rep.unread)]") == []
        assert peer.do("[ob.name for ob in bpy.data.objects if 'atrium' in ob.name or '.0' in ob.name]") == []


@ALL
def test_all_show_what_it_became(things, name, target):
    stage, a, b, c = things
    a.do(CONVERT.format(name=name, target=target))
    stage.settle()
    check(stage, name, target)
    first = a.do(POINTS.format(name=name))
    assert first and b.do(POINTS.format(name=name)) == first == c.do(POINTS.format(name=name))


@ALL
def test_what_it_became_is_edited_by_all(things, name, target):
    stage, a, b, c = things
    b.do(CONVERT.format(name=name, target=target))
    stage.settle()
    # Letters become Bezier lines, edges lines without handles.
    points = "splines[0].bezier_points" if name == "Text" else "splines[0].points"
    first = f"data.{points if target == 'CURVE' else 'vertices'}[0]"
    for peer, x in ((b, 5), (a, 6), (c, 7)):
        peer.do(f"ob = bpy.data.objects[{name!r}]; ob.{first}.co.x = {x}; ob.location.y = {x}")
        peer.do(f"bpy.data.objects[{name!r}].data.update_tag(); del ob")
        stage.settle()
        for other in stage.peers:
            assert other.do(f"bpy.data.objects[{name!r}].{first}.co.x") == x
            assert other.do(f"bpy.data.objects[{name!r}].location.y") == x
    check(stage, name, target)


@ALL
def test_its_maker_takes_it_back(things, name, target):
    stage, a, b, c = things
    was = a.do(f"bpy.data.objects[{name!r}].type")
    a.do(CONVERT.format(name=name, target=target))
    stage.settle()
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    check(stage, name, was)
    a.do("bpy.ops.ed.redo()")
    stage.settle()
    check(stage, name, target)


@ALL
def test_an_undo_of_another_does_not_take_it_back(things, name, target):
    stage, a, b, c = things
    b.do("bpy.context.scene.frame_end = 77; bpy.ops.ed.undo_push(message='frame')")
    stage.settle()
    a.do(CONVERT.format(name=name, target=target))
    stage.settle()
    b.do("bpy.ops.ed.undo()")
    stage.settle()
    check(stage, name, target)
    assert a.do("bpy.context.scene.frame_end") != 77
    b.do("bpy.ops.ed.redo()")
    stage.settle()
    check(stage, name, target)


@ALL
def test_another_moves_it_at_the_same_time(things, name, target):
    stage, a, b, c = things
    convert = CONVERT.format(name=name, target=target)
    at_once(stage, (a, convert), (b, f"bpy.data.objects[{name!r}].location.x = 9"))
    check(stage, name, target)
    assert c.do(f"bpy.data.objects[{name!r}].location.x") == 9


@ALL
def test_another_has_it_in_edit_mode(things, name, target):
    stage, a, b, c = things
    b.do(IN_EDIT_MODE.format(name=name))
    a.do(CONVERT.format(name=name, target=target))
    stage.settle()
    assert c.do(f"bpy.data.objects[{name!r}].type") == target
    if name == "Text":
        b.do("bpy.ops.font.text_insert(text='more')")
    b.do("bpy.ops.object.mode_set(mode='OBJECT')")
    stage.settle()
    check(stage, name, target)
