# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo is yours alone: it takes back what this user did, and what others did meanwhile is put back."""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import available, joined_pair
from test_two_blenders import VERSION, assert_silent, both

pytestmark = pytest.mark.skipif(
    not available(VERSION), reason=f"no {VERSION} here: run the script that installs Blenders"
)


@pytest.fixture
def two():
    with joined_pair(VERSION) as (stage, a, b):
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
