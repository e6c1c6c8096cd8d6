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
from peers import both

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
