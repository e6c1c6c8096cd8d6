# SPDX-License-Identifier: GPL-3.0-or-later
"""Bones arrive to the last bit, also those that nobody touched while one of them was edited."""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import assert_silent, joined

REST = """[(b.name, tuple(b.head), tuple(b.tail), tuple(b.head_local), tuple(b.tail_local), b.length,
            [tuple(r) for r in b.matrix], [tuple(r) for r in b.matrix_local])
           for b in bpy.data.armatures['Rig'].bones]"""
EDIT = """
    layer = bpy.context.view_layer
    before, layer.objects.active = layer.objects.active, bpy.data.objects["Rig"]
    bpy.ops.object.mode_set(mode="EDIT")
    bones = bpy.data.armatures["Rig"].edit_bones
    {body}
    bpy.ops.object.mode_set(mode="OBJECT")
    layer.objects.active = before
"""


@pytest.fixture
def two(version):
    with joined(version, 2) as (stage, (a, b)):
        a.do("""
            rig = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
            bpy.context.scene.collection.objects.link(rig)
        """)
        a.do(
            EDIT.format(
                body="""
    import random
    dice = random.Random(7)
    previous = None
    for i in range(24):
        bone = bones.new(f"bone {i:02}")
        if previous is not None and i % 5:
            bone.parent, bone.use_connect = previous, i % 3 == 0
        if not bone.use_connect:
            bone.head = [dice.uniform(-3, 3) for _ in range(3)]
        bone.tail = [x + dice.uniform(-1, 1) for x in bone.head]
        bone.roll = dice.uniform(-3, 3)
        previous = bone
"""
            )
        )
        stage.settle()
        yield stage, a, b
        stage.settle()
        assert_silent(stage)


def same(a, b):
    left, right = a.do(REST), b.do(REST)
    assert left == right
    return left


def test_a_new_rig_is_exact(two):
    _, a, b = two
    assert len(same(a, b)) == 24
    assert b.do("[s.name for s in bpy.data.scenes]") == ["Scene"]
    assert "atrium bones" not in b.do("[o.name for o in bpy.data.objects]")


def test_a_rig_stays_exact_when_bones_are_edited(two):
    stage, a, b = two
    active = "bpy.context.view_layer.objects.active.name"
    before = a.do(active)
    b.do(EDIT.format(body="bones['bone 03'].tail.x += 0.3; bones['bone 11'].roll -= 0.7"))
    stage.settle()
    same(a, b)
    assert a.do(active) == before
    a.do(EDIT.format(body="bones.remove(bones['bone 07']); bones['bone 12'].name = 'elbow'"))
    stage.settle()
    assert "elbow" in [name for name, *_ in same(a, b)]
