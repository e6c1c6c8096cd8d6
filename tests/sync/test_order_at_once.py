# SPDX-License-Identifier: GPL-3.0-or-later
"""Two people add to or reorder one stack at once, and the room's order is one that Blender forbids or cannot be moved into.

Blender lets nothing that makes vertices stand before what needs the original mesh, only one cloth be on an object, a cycles modifier be on
a curve only as the first, and moves neither F-curve modifiers nor shader effects nor NLA tracks. What each Blender then showed depended on what had stood
there before: everybody saw another stack, for good.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dumps import TIDY
from peers import at_once, both, joined
from test_order import NLA, TRACKS
from whole import assert_whole


@pytest.fixture
def three(version):
    """Three Blenders in one room, of which two do things at once."""
    with joined(version, 3) as (stage, (a, b, c)):
        a.do(TIDY)
        stage.settle()
        yield stage, a, b, c


CUBE = "o = bpy.data.objects['Cube']; "
NEW = CUBE + "[o.modifiers.new(n, t) for n, t in ({},)]; None"
MODIFIERS = "[(m.name, m.type) for m in bpy.data.objects['Cube'].modifiers]"
# As far as Blender lets it.
UP = """
    found = bpy.data.objects['Cube'].modifiers
    try:
        found.move(len(found) - 1, len(found) - 2)
    except RuntimeError:
        pass
"""
# What there is, and what two people do at once.
STACKS = {
    "one moves what needs the mesh behind what another adds": (
        NEW.format("('s', 'SOFT_BODY'), ('d', 'ARMATURE'), ('e', 'LATTICE')"),
        CUBE + "o.modifiers.new('r', 'ARRAY'); o.modifiers.move(3, 2)",
        CUBE + "o.modifiers.move(0, 2)",
    ),
    "one makes vertices before where the other puts a multires": (
        NEW.format("('d', 'ARMATURE'), ('e', 'LATTICE')"),
        NEW.format("('r', 'ARRAY')") + "; o.modifiers.move(2, 0)",
        NEW.format("('m', 'MULTIRES')"),
    ),
    "both add a multires": ("", NEW.format("('m', 'MULTIRES')"), NEW.format("('n', 'MULTIRES')")),
    "both add the only cloth": (
        "",
        NEW.format("('m', 'CLOTH')") + "; o.modifiers[0].settings.mass = 2",
        NEW.format("('n', 'CLOTH')") + "; o.modifiers[0].settings.mass = 3",
    ),
    "both add the only soft body among others": (
        NEW.format("('d', 'ARMATURE'), ('r', 'ARRAY')"),
        NEW.format("('m', 'SOFT_BODY')"),
        NEW.format("('n', 'SOFT_BODY'), ('x', 'BEVEL')"),
    ),
    "a soft body and a multires": (
        NEW.format("('r', 'ARRAY')"),
        NEW.format("('s', 'SOFT_BODY')"),
        NEW.format("('m', 'MULTIRES')"),
    ),
}


@pytest.mark.parametrize("second_first", [False, True])
@pytest.mark.parametrize("what", STACKS)
def test_modifiers(three, version, what, second_first):
    stage, a, b, c = three
    before, *deeds = STACKS[what]
    a.do(before)
    stage.settle()
    deeds = list(zip((a, b), deeds, strict=True))
    at_once(stage, *(reversed(deeds) if second_first else deeds))
    both(a, b, MODIFIERS)
    assert_whole(stage, version, (a, b, c))
    # What somebody then does to the stack as he sees it is so for all.
    c.do(CUBE + "o.modifiers.new('Last', 'SOLIDIFY')")
    stage.settle()
    for who in (a, b, c):
        names = both(who, c, MODIFIERS)
        who.do(UP)
        assert who.do(MODIFIERS) == [*names[:-2], names[-1], names[-2]] or who.do(MODIFIERS) == names
        kept = who.do(MODIFIERS)
        stage.settle()
        assert [p.do(MODIFIERS) for p in (a, b, c)] == [kept] * 3
    assert_whole(stage, version, (a, b, c))


@pytest.mark.parametrize("remover", [0, 1, 2])
def test_the_other_cloth_comes_when_the_one_goes(three, version, remover):
    stage, *people = three
    before, *deeds = STACKS["both add the only cloth"]
    at_once(stage, *zip(people[:2], deeds, strict=True))
    one = both(people[0], people[1], MODIFIERS)
    assert len(one) == 1
    people[remover].do(CUBE + "o.modifiers.remove(o.modifiers[0])")
    assert_whole(stage, version, people)
    assert len(both(people[0], people[1], MODIFIERS)) == 1
    assert both(people[0], people[2], MODIFIERS) != one
    people[remover].do(CUBE + "o.modifiers.remove(o.modifiers[0])")
    assert_whole(stage, version, people)
    assert both(people[0], people[1], MODIFIERS) == []


PROBE = """
    stack = bpy.data.objects.new('probe', bpy.data.meshes.new('probe')).modifiers
    kinds = [i.identifier for i in bpy.types.Modifier.bl_rna.properties['type'].enum_items]
    found = {'needs': set(), 'deforms': set(), 'once': set()}
    for kind in kinds:
        stack.clear()
        stack.new('a', 'ARRAY')
        made = stack.new('m', kind)
        if made is None:
            continue
        if stack[0] == made:
            found['needs'].add(kind)
        stack.clear()
        first, second = stack.new('m', kind), stack.new('n', kind)
        if second is None:
            found['once'].add(kind)
        stack.clear()
        if kind == 'SOFT_BODY':
            continue
        stack.new('s', 'SOFT_BODY')
        stack.new('m', kind)
        try:
            stack.move(1, 0)
            found['deforms'].add(kind)
        except RuntimeError:
            pass
    from sync.special import stacks
    (found['needs'] ^ stacks.NEEDS_ORIGINAL, found['deforms'] ^ stacks.DEFORMS, found['once'] ^ stacks.ONE_ONLY)
"""


def test_what_is_known_of_modifiers(three):
    assert three[1].do(PROBE) == (set(), {"SOFT_BODY"}, set())


CURVE = """
    o = bpy.data.objects['Cube']
    o.keyframe_insert('location', index=0, frame=1)
"""
FOUND = """
    act = bpy.data.objects['Cube'].animation_data.action
    f = (act.fcurves if hasattr(act, 'fcurves') else act.layers[0].strips[0].channelbags[0].fcurves)[0]
"""
CYCLES_AND_NOISE = (
    "f.modifiers.new('CYCLES').blend_in = 5",
    "m = f.modifiers.new('NOISE'); m.blend_in = 7; m.scale = 9",
)
CURVES = {
    "two noises": ("f.modifiers.new('NOISE').scale = 2", "f.modifiers.new('NOISE').scale = 3"),
    "a noise and a generator": ("f.modifiers.new('NOISE').scale = 2", "f.modifiers.new('GENERATOR').blend_in = 3"),
    "cycles and a noise": CYCLES_AND_NOISE,
    "a noise and cycles": CYCLES_AND_NOISE[::-1],
    "two cycles": ("f.modifiers.new('CYCLES').blend_in = 5", "f.modifiers.new('CYCLES').blend_in = 7"),
}


@pytest.mark.parametrize("what", CURVES)
def test_modifiers_of_one_curve(three, version, what):
    stage, a, b, c = three
    a.do(CURVE)
    stage.settle()
    one, other = ("".join((FOUND, "    ", code, "\n")) for code in CURVES[what])
    at_once(stage, (a, one), (b, other))
    assert_whole(stage, version, (a, b, c))
    assert both(a, b, FOUND + "    [m.type for m in f.modifiers]\n")


# What there is, how one of two adds to it, by a number.
ADDED = {
    "background images": (
        "",
        "i = bpy.data.objects['Camera'].data.background_images.new(); i.alpha = {} / 10; i.scale = {}",
    ),
    "elements of a metaball": (
        "m = bpy.data.metaballs.new('Ball'); m.elements.new(); m.use_fake_user = True",
        "e = bpy.data.metaballs['Ball'].elements.new(); e.co.x = {}; e.radius = {}",
    ),
    "shader effects": (
        """
        make = getattr(bpy.data, 'grease_pencils_v3', bpy.data.grease_pencils)
        bpy.context.scene.collection.objects.link(bpy.data.objects.new('Drawing', make.new('Drawing')))
        """,
        "bpy.data.objects['Drawing'].shader_effects.new('e', ('FX_BLUR', 'FX_FLIP')[{} - 1]).show_render = {} == 1",
    ),
    "variables of a driver": (
        "bpy.data.objects['Cube'].driver_add('location', 0).driver.variables.new()",
        "v = bpy.data.objects['Cube'].animation_data.drivers[0].driver.variables.new(); v.name = 'v'; v.type = ('SINGLE_PROP', 'TRANSFORMS')[{} - 1]; {}",
    ),
    "AOVs": ("", "v = bpy.context.view_layer.aovs.add(); v.name = 'v{}'; v.type = 'COLOR' if {} == 1 else 'VALUE'"),
    "thickness of lines": (
        "s = bpy.data.linestyles.new('Lines'); s.use_fake_user = True",
        "m = bpy.data.linestyles['Lines'].thickness_modifiers.new('n{}', ('TANGENT', 'NOISE')[{} - 1]); m.influence = 0.5",
    ),
}


@pytest.mark.parametrize("what", ADDED)
def test_things_that_blender_does_not_move(three, version, what):
    stage, a, b, c = three
    before, deed = ADDED[what]
    a.do(before)
    stage.settle()
    at_once(stage, (a, deed.format(1, 1)), (b, deed.format(2, 2)))
    assert_whole(stage, version, (a, b, c))


REMADE = """
    data = bpy.data.objects['Camera'].animation_data
    found, act = data.nla_tracks, bpy.data.actions[0]
    for name in {}:
        found.remove(found[name])
        t = found.new()
        t.name = name
        t.strips.new(name, 1, act)
"""


@pytest.mark.parametrize("names", [(("low",), ("mid",)), (("low", "mid"), ("low",)), (("mid",), ("low", "high"))])
def test_tracks(three, version, names):
    stage, a, b, c = three
    a.do(TRACKS)
    stage.settle()
    at_once(stage, (a, REMADE.format(names[0])), (b, REMADE.format(names[1])))
    assert_whole(stage, version, (a, b, c))
    both(a, b, NLA)
