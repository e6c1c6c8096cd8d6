# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo is yours alone: it takes back what this user did, and what others did meanwhile is put back."""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import assert_silent, both, joined


@pytest.fixture
def two(version):
    with joined(version, 2) as (stage, (a, b)):
        a.do("bpy.ops.ed.undo_push(message='begin')")
        yield stage, a, b
        stage.settle()
        assert_silent(stage)


def test_own_change_is_undone_everywhere(two):
    stage, a, b = two
    a.do("bpy.data.objects['Cube'].location.x = 4; bpy.ops.ed.undo_push(message='move')")
    stage.settle()
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    assert both(a, b, "bpy.data.objects['Cube'].location.x") == 0
    a.do("bpy.ops.ed.redo()")
    stage.settle()
    assert both(a, b, "bpy.data.objects['Cube'].location.x") == 4


def test_what_others_did_survives_ones_undo(two):
    stage, a, b = two
    a.do("bpy.data.objects['Cube'].location.x = 4; bpy.ops.ed.undo_push(message='move')")
    stage.settle()
    b.do("bpy.data.objects['Cube'].scale.x = 3; bpy.data.objects['Light'].location.z = 8")
    stage.settle()
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    assert both(a, b, "bpy.data.objects['Cube'].location.x") == 0
    assert both(a, b, "bpy.data.objects['Cube'].scale.x") == 3
    assert both(a, b, "bpy.data.objects['Light'].location.z") == 8


def test_what_others_added_survives_ones_undo_and_redo(two):
    stage, a, b = two
    a.do("bpy.data.objects['Cube'].location.x = 4; bpy.ops.ed.undo_push(message='move')")
    stage.settle()
    b.do(
        "o = bpy.data.objects.new('Guest', bpy.data.meshes.new('Guest')); bpy.context.scene.collection.objects.link(o)"
    )
    stage.settle()
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    assert both(a, b, "'Guest' in bpy.data.objects and 'Guest' in bpy.context.scene.collection.objects") is True
    a.do("bpy.ops.ed.redo()")
    stage.settle()
    assert both(a, b, "'Guest' in bpy.data.objects and 'Guest' in bpy.context.scene.collection.objects") is True
    assert both(a, b, "bpy.data.objects['Cube'].location.x") == 4


def test_undo_of_an_addition_removes_it_everywhere(two):
    stage, a, b = two
    a.do("bpy.ops.mesh.primitive_uv_sphere_add(); bpy.ops.ed.undo_push(message='add')")
    stage.settle()
    assert both(a, b, "'Sphere' in bpy.data.objects") is True
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    assert both(a, b, "'Sphere' in bpy.data.objects") is False
    a.do("bpy.ops.ed.redo()")
    stage.settle()
    assert both(a, b, "'Sphere' in bpy.data.objects") is True
    assert both(a, b, "len(bpy.data.objects['Sphere'].data.vertices)") > 100


def test_undo_of_a_deletion_brings_back_the_same_document(two):
    stage, a, b = two
    doc = a.do("rep.identity.doc(bpy.data.objects['Cube'])")
    a.do("bpy.data.objects.remove(bpy.data.objects['Cube']); bpy.ops.ed.undo_push(message='delete')")
    stage.settle()
    assert both(a, b, "'Cube' in bpy.data.objects") is False
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    assert both(a, b, "rep.identity.doc(bpy.data.objects['Cube'])") == doc


def test_what_others_deleted_stays_deleted(two):
    stage, a, b = two
    a.do("bpy.data.objects['Light'].location.x = 4; bpy.ops.ed.undo_push(message='move')")
    stage.settle()
    b.do("bpy.data.objects.remove(bpy.data.objects['Cube'])")
    stage.settle()
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    assert both(a, b, "'Cube' in bpy.data.objects") is False
    assert both(a, b, "bpy.data.objects['Light'].location.x") != 4


PARENT_TO = "bpy.data.objects['Camera'].parent = bpy.data.objects['{}']"


def test_undo_of_what_others_have_come_to_use(two):
    """What others make a datablock point to may be what the undo frees: Blender itself then crashes (dirty.py)."""
    stage, a, b = two
    a.do("bpy.data.objects['Light'].location.x = 4; bpy.ops.ed.undo_push(message='move')")
    a.do("bpy.context.scene.collection.objects.link(bpy.data.objects.new('Mine', None))")
    a.do("bpy.ops.ed.undo_push(message='add')")
    stage.settle()
    b.do(PARENT_TO.format("Mine"))
    stage.settle()
    assert a.do("bpy.data.objects['Camera'].parent.name") == "Mine"
    a.do("bpy.ops.ed.undo(); bpy.context.view_layer.update()")
    a.do("for i in range(200): bpy.data.meshes.remove(bpy.data.meshes.new('x'))")
    stage.settle()
    assert both(a, b, "'Mine' in bpy.data.objects") is False
    assert both(a, b, "bpy.data.objects['Camera'].parent") is None


def test_redo_after_others_have_used_what_they_made(two):
    stage, a, b = two
    a.do("bpy.data.objects['Light'].location.x = 4; bpy.ops.ed.undo_push(message='move'); bpy.ops.ed.undo()")
    stage.settle()
    b.do("bpy.context.scene.collection.objects.link(bpy.data.objects.new('Guest', None))")
    b.do(PARENT_TO.format("Guest"))
    stage.settle()
    a.do("bpy.ops.ed.redo(); bpy.context.view_layer.update()")
    a.do("for i in range(200): bpy.data.meshes.remove(bpy.data.meshes.new('x'))")
    stage.settle()
    assert both(a, b, "bpy.data.objects['Camera'].parent.name") == "Guest"
    assert both(a, b, "bpy.data.objects['Light'].location.x") == 4


def test_undo_leaves_the_preferences_alone(two):
    stage, a, b = two
    told = "(lambda p: [p.view.show_developer_ui, p.experimental.use_undo_legacy, p.is_dirty])(bpy.context.preferences)"
    before = a.do(told)
    b.do("bpy.data.objects['Cube'].scale.x = 3")
    stage.settle()
    a.do("bpy.data.objects['Cube'].location.x = 4; bpy.ops.ed.undo_push(message='move'); bpy.ops.ed.undo()")
    assert a.do(told) == before


def test_an_undo_that_brings_back_what_was_made_anew(two):
    """Deleted right after an undo it is taken for undone, and made anew; the next undo brings back the first one."""
    stage, a, b = two
    b.do("bpy.data.lights.new('Lamp', 'POINT').use_fake_user = True")
    stage.settle()
    a.do("bpy.ops.ed.undo_push(message='before')")
    a.do("bpy.data.objects['Cube'].location.x = 4; bpy.ops.ed.undo_push(message='move'); bpy.ops.ed.undo()")
    a.do("bpy.data.lights.remove(bpy.data.lights['Lamp']); bpy.ops.ed.undo_push(message='delete')")
    stage.settle()
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    assert [n for n in both(a, b, "sorted(l.name for l in bpy.data.lights)") if "Lamp" in n] == ["Lamp"]


def test_the_slot_of_a_popped_material_is_not_brought_back(two):
    stage, a, b = two
    a.do("bpy.data.meshes['Cube'].materials.pop(); bpy.ops.ed.undo_push(message='pop')")
    a.do("bpy.data.objects['Cube'].location.x = 4; bpy.ops.ed.undo_push(message='move')")
    stage.settle()
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    assert both(a, b, "[bpy.data.objects['Cube'].location.x, len(bpy.data.objects['Cube'].material_slots)]") == [0, 0]


def test_the_name_of_before_a_suffix_is_nobodys_edit(two):
    """A datablock shows a suffix while somebody else's has its name: an undo brings back what it was called at another time."""
    stage, a, b = two
    add = "o = bpy.data.objects.new('Both', None); o['of'] = '{}'; bpy.context.scene.collection.objects.link(o)"
    a.do(add.format("a") + "; bpy.ops.ed.undo_push(message='add')")
    b.do(add.format("b") + "; rep.capture_all()")
    stage.settle()
    names = "sorted((o['of'], o.name) for o in bpy.data.objects if 'of' in o)"
    move = "bpy.data.objects['Cube'].location.x += 1; bpy.ops.ed.undo_push(message='move')"
    assert both(a, b, names) == [("a", "Both.001"), ("b", "Both")]
    a.do(move)
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    assert both(a, b, names) == [("a", "Both.001"), ("b", "Both")]
    a.do(move + ";" + move)
    b.do("next(o for o in bpy.data.objects if o.get('of') == 'b').name = 'Else'")
    stage.settle()
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    assert both(a, b, names) == [("a", "Both"), ("b", "Else")]
    own = "rep.state.room_tree(rep.identity.doc(bpy.data.objects['Both']))['name']"
    assert both(a, b, own) == "Both"
