# SPDX-License-Identifier: GPL-3.0-or-later
"""Things in an order that Blender does not simply append to: everybody has them in the same one.

Blender puts a new modifier that needs the original mesh before all that change it; an NLA track can be made between others. A
replicator that took what is new for what is last moved others in its place, for good.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dumps import TIDY
from peers import both, joined
from whole import assert_whole


@pytest.fixture
def two(version):
    """Two Blenders in one room. What they do is done by each of them in turn."""
    with joined(version, 2) as (stage, (a, b)):
        a.do(TIDY)
        stage.settle()
        yield stage, a, b


SELECT = "bpy.context.view_layer.objects.active = bpy.data.objects['Cube']; "
NEW = "o = bpy.data.objects['Cube']; [o.modifiers.new(n, t) for n, t in ({},)]; None"
MOVE = "bpy.data.objects['Cube'].modifiers.move({}, {})"
MODIFIERS = "[m.name for m in bpy.data.objects['Cube'].modifiers]"

STACKS = {
    "a multires before others": (
        NEW.format("('Mirror', 'MIRROR'), ('Armature', 'ARMATURE')"),
        SELECT + "bpy.ops.object.modifier_add(type='MULTIRES')",
        NEW.format("('Bevel', 'BEVEL')"),
    ),
    "a soft body before others": (
        NEW.format("('a', 'ARRAY'), ('r', 'ARMATURE'), ('l', 'LATTICE')"),
        NEW.format("('s', 'SOFT_BODY')"),
        MOVE.format(2, 3),
    ),
    "a soft body behind a cloth": (
        SELECT + "bpy.ops.object.modifier_add(type='CLOTH')",
        SELECT + "bpy.ops.object.modifier_add(type='SOFT_BODY'); bpy.ops.object.modifier_add(type='COLLISION')",
    ),
    "several at once": (
        NEW.format("('s', 'SUBSURF'), ('b', 'BEVEL'), ('o', 'SOFT_BODY'), ('m', 'MULTIRES'), ('w', 'WAVE')"),
        MOVE.format(2, 3),
    ),
    "those of particles": (
        NEW.format("('s', 'SIMPLE_DEFORM'), ('a', 'ARRAY'), ('w', 'WAVE')"),
        SELECT + "bpy.ops.object.particle_system_add()",
        NEW.format("('m', 'MULTIRES')"),
    ),
}


@pytest.mark.parametrize("what", STACKS)
def test_modifiers_that_blender_puts_elsewhere(two, version, what):
    stage, a, b = two
    for step in STACKS[what]:
        a.do(step)
        stage.settle()
        both(a, b, MODIFIERS)
    b.do("o = bpy.data.objects['Cube']; o.modifiers[-1].show_viewport = False; o.modifiers.new('Last', 'SOLIDIFY')")
    assert_whole(stage, version, (a, b))
    assert both(a, b, MODIFIERS)[-1] == "Last"


@pytest.mark.parametrize("what", ["a multires before others", "several at once"])
def test_modifiers_that_the_guest_adds(two, version, what):
    stage, a, b = two
    for step in STACKS[what]:
        b.do(step)
        stage.settle()
    assert_whole(stage, version, (a, b))
    assert "Armature" in both(a, b, MODIFIERS) or "w" in both(a, b, MODIFIERS)


TRACKS = """
    o = bpy.data.objects['Camera']
    o.keyframe_insert('location', frame=1)
    act = o.animation_data.action
    o.animation_data.action = None
    for name in ('low', 'mid', 'high'):
        t = o.animation_data.nla_tracks.new()
        t.name = name
        t.strips.new(name, 1, act).influence = 0.5
"""
NLA = "[t.name for t in bpy.data.objects['Camera'].animation_data.nla_tracks]"


@pytest.mark.parametrize("guest", [False, True])
def test_a_track_between_others(two, version, guest):
    stage, a, b = two
    a.do(TRACKS)
    stage.settle()
    who = b if guest else a
    who.do("""
        found = bpy.data.objects['Camera'].animation_data.nla_tracks
        found.new(prev=found['low']).name = 'between'
        found.new(prev=found['high']).name = 'top'
    """)
    stage.settle()
    assert both(a, b, NLA) == ["low", "between", "mid", "high", "top"]
    who.do("found = bpy.data.objects['Camera'].animation_data.nla_tracks; found.new(prev=found['low']).name = 'again'")
    assert_whole(stage, version, (a, b))
    assert both(a, b, NLA) == ["low", "again", "between", "mid", "high", "top"]


def test_a_track_below_all_others(two, version):
    """Blender has no call for it: all others are made anew."""
    stage, a, b = two
    a.do(TRACKS)
    stage.settle()
    a.do("""
        data = bpy.data.objects['Camera'].animation_data
        found, act = data.nla_tracks, bpy.data.actions[0]
        for name in ('low', 'mid'):
            found.remove(found[name])
        for name in ('low', 'mid'):
            t = found.new()
            t.name = name
            t.strips.new(name, 1, act)
    """)
    assert_whole(stage, version, (a, b))
    assert both(a, b, NLA) == ["high", "low", "mid"]
