# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes and view layers that go while somebody looks at them, or of which none would be left.

Blender's windows point to a scene, and no Blender is without one. Taken from under a window by the call that removes datablocks in
general, a scene crashed whoever was looking at it.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import assert_silent, both, fresh_stage, joined

SECOND = "s = bpy.data.scenes.new('Second'); s.collection.objects.link(bpy.data.objects.new('Inside', None)); "
SCENES = "sorted(s.name for s in bpy.data.scenes)"
# Whatever touches what the window shows.
LOOK = (
    "bpy.context.view_layer.update(); bpy.context.scene.frame_set(3); bpy.context.active_object; bpy.context.scene.name"
)


@pytest.mark.parametrize("how", ["one", "with another", "by an undo"])
def test_a_scene_that_others_look_at_is_deleted(two, how):
    stage, a, b = two
    a.do(SECOND + ("bpy.data.scenes.new('Third')" if how == "with another" else ""))
    stage.settle()
    if how == "by an undo":
        a.do("bpy.ops.ed.undo_push(message='begin'); bpy.data.objects['Light'].location.x = 4")
        a.do("bpy.ops.ed.undo_push(message='move')")
    assert a.do("bpy.context.scene.name") == "Scene"
    b.do("bpy.data.scenes.remove(bpy.data.scenes['Scene'])")
    if how == "with another":
        b.do("bpy.data.scenes.remove(bpy.data.scenes['Second'])")
    stage.settle()
    if how == "by an undo":
        a.do("bpy.ops.ed.undo()")
        stage.settle()
    left = "Third" if how == "with another" else "Second"
    assert both(a, b, SCENES) == [left]
    assert both(a, b, LOOK) == left
    a.do("bpy.context.scene.frame_end = 77")
    stage.settle()
    assert both(a, b, f"bpy.data.scenes[{left!r}].frame_end") == 77


def test_a_scene_goes_in_which_somebody_edits(two):
    """What is done there in edit mode is kept, and the mode ends: nobody could leave it later."""
    stage, a, b = two
    a.do(SECOND + "s.collection.objects.link(bpy.data.objects['Cube'])")
    stage.settle()
    a.do("""
        import bmesh
        ob = bpy.data.objects["Cube"]
        bpy.context.view_layer.objects.active = ob
        bpy.ops.object.mode_set(mode="EDIT")
        bm = bmesh.from_edit_mesh(ob.data); bm.verts.ensure_lookup_table(); bm.verts[0].co.x = 9
        bmesh.update_edit_mesh(ob.data)
    """)
    b.do("bpy.data.scenes.remove(bpy.data.scenes['Scene'])")
    stage.settle()
    assert both(a, b, SCENES) == ["Second"]
    assert both(a, b, "bpy.data.objects['Cube'].mode") == "OBJECT"
    assert both(a, b, "bpy.data.meshes['Cube'].vertices[0].co.x") == 9


@pytest.fixture
def three(version):
    with joined(version, 3) as (stage, people):
        yield stage, people
        stage.settle()
        assert_silent(stage)
        late = stage.peer(version)
        late.join()
        everywhere(SCENES_AND_LAYERS, [*people, late])


SCENES_AND_LAYERS = "sorted((s.name, s.frame_end, [v.name for v in s.view_layers]) for s in bpy.data.scenes)"


def everywhere(expression, people):
    first, *others = (p.do(expression) for p in people)
    assert all(other == first for other in others), [first, *others]
    return first


def at_once(stage, answers_cross, *deeds):
    """Everybody acts before anybody hears of the others, and perhaps answers to that before anybody hears of the answers."""
    for peer, code in deeds:
        peer.do("link.hold = True")
        peer.do(code)
        peer.do("rep.capture_all()")
    for peer in stage.peers:
        peer.do("link.release()")
    for peer in stage.peers if answers_cross else ():
        peer.do("link.hold = True; rep.capture_all(); rep.tick(1000)")
    for peer in stage.peers:
        peer.do("link.release()")
    stage.settle()


@pytest.mark.parametrize("answers_cross", [False, True])
def test_the_last_two_scenes_are_deleted_at_once(three, answers_cross):
    """Neither could be taken away where it is the last one: the room had none, and everybody another."""
    stage, (a, b, c) = three
    a.do(SECOND + "s.frame_end = 44")
    stage.settle()
    keys = "{s.name: sorted(rep.state.room_tree(rep.identity.doc(s))['i']['view_layers']) for s in bpy.data.scenes}"
    before = everywhere(keys, (a, b, c))
    remove = "bpy.data.scenes.remove(bpy.data.scenes['{}'])"
    at_once(stage, answers_cross, (a, remove.format("Scene")), (b, remove.format("Second")))
    left = [("Scene", 250, ["ViewLayer"])] * answers_cross + [("Second", 44, ["ViewLayer"])]
    assert everywhere(SCENES_AND_LAYERS, (a, b, c)) == left
    assert everywhere(keys, (a, b, c)).items() <= before.items()
    a.do(
        "bpy.data.scenes['Second'].frame_end = 77; bpy.data.scenes['Second'].collection.objects.link(bpy.data.objects.new('New', None))"
    )
    stage.settle()
    seen = "(bpy.data.scenes['Second'].frame_end, sorted(o.name for o in bpy.data.scenes['Second'].objects))"
    assert everywhere(seen, (a, b, c)) == (77, ["Inside", "New"])
    if answers_cross:
        a.do(remove.format("Scene"))
        stage.settle()
    assert everywhere(SCENES, (a, b, c)) == ["Second"]


@pytest.mark.parametrize("answers_cross", [False, True])
def test_the_last_two_view_layers_are_removed_at_once(three, answers_cross):
    stage, (a, b, c) = three
    a.do("bpy.context.scene.view_layers.new('Other')")
    stage.settle()
    remove = "s = bpy.context.scene; s.view_layers.remove(s.view_layers['{}'])"
    at_once(stage, answers_cross, (a, remove.format("Other")), (b, remove.format("ViewLayer")))
    assert everywhere(SCENES_AND_LAYERS, (a, b, c)) == [("Scene", 250, ["ViewLayer"] + ["Other"] * answers_cross)]
    if answers_cross:
        b.do(remove.format("ViewLayer"))
        stage.settle()
        assert everywhere(SCENES_AND_LAYERS, (a, b, c)) == [("Scene", 250, ["Other"])]


def test_an_undo_that_leaves_only_a_scene_which_others_have_deleted(three):
    """The undo takes away the scene that its user has made since: what others had deleted is the last one."""
    stage, (a, b, c) = three
    a.do("bpy.ops.ed.undo_push(message='begin')")
    a.do(SECOND + "bpy.ops.ed.undo_push(message='scene')")
    stage.settle()
    b.do("bpy.data.scenes.remove(bpy.data.scenes['Scene'])")
    stage.settle()
    assert everywhere(SCENES, (a, b, c)) == ["Second"]
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    assert "Scene" in everywhere(SCENES, (a, b, c))
    assert everywhere(LOOK, (a, b, c)) == "Scene"


def test_who_joins_a_room_without_a_scene_brings_one(version):
    """All that could have said the last one again may have left before they heard that it was gone."""
    stage, (a, b) = fresh_stage(version, 2)
    a.upload()
    scene = next(doc for doc, tree in stage.room.all_trees().items() if tree["type"] == "Scene")
    stage.room.submit(99, scene, "delete", "null")
    b.join()
    b.do("rep.capture_all()")
    assert b.do(SCENES) == ["Scene"]
    assert [t["name"] for t in stage.room.all_trees().values() if t["type"] == "Scene"] == ["Scene"]
    stage.settle()
    assert both(a, b, SCENES) == ["Scene"]
