# SPDX-License-Identifier: GPL-3.0-or-later
"""Animation writes into the properties that it animates, in each Blender for another frame: that is nobody's edit."""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import both

MODIFIER = """
    g = bpy.data.node_groups.new('G', 'GeometryNodeTree')
    g.interface.new_socket('In', in_out='INPUT', socket_type='NodeSocket{}')
    bpy.data.objects['Cube'].modifiers.new('M', 'NODES').node_group = g"""
ARM = """
    d = bpy.data.armatures.new('Arm'); r = bpy.data.objects.new('Arm', d); s = bpy.context.scene
    s.collection.objects.link(r); bpy.context.view_layer.objects.active = r
    bpy.ops.object.mode_set(mode='EDIT')
    for n in ('A', 'B "b"'):
        e = d.edit_bones.new(n); e.tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode='OBJECT')
"""
CUBE = "o = bpy.data.objects['Cube']; "
GREY = "o = bpy.data.materials['Material'].node_tree.nodes['Principled BSDF']; "

SCENE = (
    "o = bpy.data.scenes['Scene']; e = o.sequence_editor_create(); word = 'strips' if hasattr(e, 'strips') else 'sequences'; "
    "strips = getattr(e, word); all = getattr(e, word + '_all'); "
)
STRIP = SCENE + (
    "end = 'length' if 'length' in strips.bl_rna.functions['new_effect'].parameters else 'frame_end'; "
    "s = strips.new_effect('S', 'COLOR', 1, 1, **{end: 30}); "
)

# What is animated: how it is made, and what holds which property at which place.
KINDS = {
    "location": ("", CUBE, "location", "o.location[0]"),
    "custom property": (CUBE + "o['x'] = 0.0", CUBE, '["x"]', "o['x']"),
    "modifier": (
        CUBE + "o.modifiers.new('M', 'BEVEL').width = 0.0",
        CUBE,
        'modifiers["M"].width',
        "o.modifiers[0].width",
    ),
    "shape key": (
        CUBE + "o.shape_key_add(name='Basis'); o.shape_key_add(name='K').slider_max = 10",
        "o = bpy.data.objects['Cube'].data.shape_keys; ",
        'key_blocks["K"].value',
        "o.key_blocks['K'].value",
    ),
    "bone": (
        ARM,
        "o = bpy.data.objects['Arm']; ",
        'pose.bones["B \\\\"b\\\\""].location',
        "o.pose.bones['B \"b\"'].location[0]",
    ),
    "node": (
        GREY + "o.inputs[1].default_value = 0.0",
        "o = bpy.data.materials['Material'].node_tree; ",
        'nodes["Principled BSDF"].inputs[1].default_value',
        "o.nodes['Principled BSDF'].inputs[1].default_value",
    ),
    "geometry nodes": (
        MODIFIER.format("Float"),
        CUBE,
        'modifiers["M"]["Socket_0"]',
        "o.modifiers['M']['Socket_0']",
    ),
    "geometry nodes, a vector": (
        MODIFIER.format("Vector"),
        CUBE,
        'modifiers["M"]["Socket_0"]',
        "o.modifiers['M']['Socket_0'][2]",
    ),
    "colour ramp": (
        "r = bpy.data.materials['Material'].node_tree.nodes.new('ShaderNodeValToRGB'); r.name = 'R'",
        "o = bpy.data.materials['Material'].node_tree; ",
        'nodes["R"].color_ramp.elements[1].color',
        "o.nodes['R'].color_ramp.elements[1].color[0]",
    ),
    "colour ramp, a place": (
        "r = bpy.data.materials['Material'].node_tree.nodes.new('ShaderNodeValToRGB'); r.name = 'R'",
        "o = bpy.data.materials['Material'].node_tree; ",
        'nodes["R"].color_ramp.elements[1].position',
        "o.nodes['R'].color_ramp.elements[1].position",
    ),
    "strip": (STRIP, SCENE, 'sequence_editor.{word}_all["S"].blend_alpha', "all['S'].blend_alpha"),
    "transform of a strip in a strip": (
        STRIP + "m = strips.new_meta('M', channel=2, frame_start=1); s.move_to_meta(m)",
        SCENE,
        'sequence_editor.{word}_all["S"].transform.rotation',
        "all['S'].transform.rotation",
    ),
    "light": ("bpy.data.lights['Light'].energy = 0", "o = bpy.data.lights['Light']; ", "energy", "o.energy"),
}
LOOK = "bpy.context.view_layer.update(); bpy.context.scene.frame_set({})"


def animate(peer, kind):
    make, whose, path, shown = KINDS[kind]
    peer.do(make)
    plain = path not in ("location",) and not path.endswith(".location")
    index = "" if plain else ", index=0"
    peer.do(whose + f"{shown} = 0.0; o.keyframe_insert(f'{path}'{index}, frame=1)")
    peer.do(whose + f"{shown} = 1.0; o.keyframe_insert(f'{path}'{index}, frame=11)")
    peer.do(LOOK.format(1))


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_has_a_frame_of_his_own(two, kind):
    stage, a, b = two
    animate(a, kind)
    stage.settle()
    _, whose, _, shown = KINDS[kind]
    b.do(LOOK.format(11))
    assert b.do(whose + "\n" + shown) == 1
    for peer in (a, b, a):
        peer.do("link.sent.clear(); rep.capture_all(); rep.tick(1000)")
        assert peer.do("link.sent") == []
    assert a.do(whose + "\n" + shown) == 0
    b.do(LOOK.format(1))
    assert both(a, b, whose + "\n" + shown) == 0


def test_what_is_not_animated_beside_what_is(two):
    """Only the place along x is animated; the others are anybody's to change, and bring no frame along."""
    stage, a, b = two
    animate(a, "location")
    stage.settle()
    b.do(LOOK.format(11))
    b.do("bpy.data.objects['Cube'].location.y = 5")
    stage.settle()
    assert a.do("list(bpy.data.objects['Cube'].location)") == [0, 5, 0]
    assert b.do("list(bpy.data.objects['Cube'].location)") == [1, 5, 0]


@pytest.mark.parametrize("frame", [1, 11])
@pytest.mark.parametrize("remove", ["o.animation_data_clear()", "bpy.data.actions.remove(o.animation_data.action)"])
def test_who_takes_the_animation_away_says_what_stays(two, remove, frame):
    stage, a, b = two
    animate(a, "location")
    stage.settle()
    a.do(LOOK.format(frame))
    b.do(LOOK.format(12 - frame))
    stage.settle()
    a.do(CUBE + remove)
    stage.settle()
    assert both(a, b, "bpy.data.objects['Cube'].location.x") == (frame == 11)


def test_what_a_driver_says(two):
    stage, a, b = two
    a.do(CUBE + "o['x'] = 1.0; d = o.driver_add('location', 1).driver; v = d.variables.new(); v.name = 'v'")
    a.do("v.targets[0].id = o; v.targets[0].data_path = '[\"x\"]'; d.expression = 'v'")
    stage.settle()
    b.do("link.sent.clear(); bpy.data.objects['Cube'].update_tag(); bpy.context.view_layer.update()")
    assert b.do("bpy.data.objects['Cube'].location.y") == 1
    b.do("rep.capture_all()")
    assert b.do("link.sent") == []


NEW = """
    l = bpy.data.lights.new('L', 'POINT'); bpy.context.scene.collection.objects.link(bpy.data.objects.new('L', l))
    l.keyframe_insert('energy', frame=1)
    o = bpy.data.objects['Cube']; o.shape_key_add(name='Basis'); o.shape_key_add(name='K').keyframe_insert('value', frame=1)
    m = bpy.data.materials.new('M'); m.use_nodes = True; o.data.materials.append(m)
    m.node_tree.nodes[0].inputs[0].keyframe_insert('default_value', frame=1)
    o.data['at'] = o; l['at'] = o
"""
ANIMATED = """(lambda *found: [(bool(d.animation_data and d.animation_data.action), bool(d.get('at'))) for d in found])(
    bpy.data.lights['L'], bpy.data.objects['Cube'].data.shape_keys, bpy.data.materials['M'].node_tree, bpy.data.meshes['Cube'])"""


def test_what_is_new_together_with_its_animation(two, version):
    """Lights, shape keys and materials are made before the actions that they point to."""
    stage, a, b = two
    a.do(NEW)
    stage.settle()
    assert both(a, b, ANIMATED) == [(True, True), (True, False), (True, False), (False, True)]
    late = stage.peer(version)
    late.join()
    assert late.do(ANIMATED) == a.do(ANIMATED)
    stage.settle()


def test_the_slot_that_blender_will_choose(two, version):
    """From 4.4 on Blender remembers by name which slot of an action something had last, and takes it when an action is assigned: also
    where nobody has seen that action."""
    if version == "bpy42":
        pytest.skip("actions have no slots before 4.4")
    stage, a, b = two
    a.do("bpy.data.objects['Camera'].keyframe_insert('location'); bpy.data.objects['Cube'].keyframe_insert('scale')")
    a.do("rep.capture_all()")
    a.do("bpy.data.objects['Camera'].animation_data.action = bpy.data.objects['Cube'].animation_data.action")
    stage.settle()
    seen = (
        "(lambda d: (d.action.name, d.action_slot, d.last_slot_identifier))(bpy.data.objects['Camera'].animation_data)"
    )
    assert tuple(both(a, b, seen)) == ("CubeAction", None, "OBCamera")


def test_what_a_strip_says_of_itself(two):
    """A strip of the NLA editor may animate its own influence."""
    stage, a, b = two
    animate(a, "location")
    a.do(CUBE + "d = o.animation_data; t = d.nla_tracks.new(); s = t.strips.new('S', 1, d.action); d.action = None")
    a.do(
        "s.use_animated_influence = True; s.fcurves[0].keyframe_points.insert(1, 0); s.fcurves[0].keyframe_points.insert(11, 1)"
    )
    a.do(LOOK.format(1))
    stage.settle()
    b.do(LOOK.format(11))
    for peer in (a, b, a):
        peer.do("link.sent.clear(); rep.capture_all(); rep.tick(1000)")
        assert peer.do("link.sent") == []


def test_others_elements_of_a_ramp_that_moves(two):
    """Of a colour ramp one colour is animated; the other is anybody's to change, and so is how many there are."""
    stage, a, b = two
    animate(a, "colour ramp")
    stage.settle()
    b.do(LOOK.format(11))
    ramp = "bpy.data.materials['Material'].node_tree.nodes['R'].color_ramp.elements"
    b.do(ramp + "[0].position = 0.25")
    stage.settle()
    assert a.do(f"({ramp}[0].position, {ramp}[1].color[0])") in ((0.25, 0), [0.25, 0])
    b.do(ramp + ".new(0.5)")
    stage.settle()
    assert both(a, b, f"len({ramp})") == 3


def test_a_new_part_together_with_what_animates_it(two):
    """A node that came with its curves to a material that was there was made twice; the removal of the first took the curves along."""
    stage, a, b = two
    animate(a, "colour ramp")
    stage.settle()
    b.do("from sync import animated; d = bpy.data.materials['Material'].node_tree.animation_data")
    assert b.do("len(list(animated._animated(d)))") == 4


def test_an_action_that_goes_before_its_animation_was_seen_leaves_the_same_value(two):
    """The one has keyed another value, which is nobody's edit; the other removes the action before it moves anything there."""
    stage, a, b = two
    b.do("link.limit = 0")
    a.do("l = bpy.data.objects['Light']; l.location.x = 5; l.keyframe_insert('location', frame=1)")
    a.do("bpy.context.view_layer.update(); link.sent.clear(); rep.tick(1000); rep.tick(1000)")
    assert [kind for _, kind, _ in a.do("link.sent")] == ["create", "edit"]
    for _ in range(9):
        if not b.do("len(bpy.data.actions)"):
            b.do("link.limit = 1; rep.tick(1000)")
    assert b.do("len(bpy.data.actions)") == 1
    b.do("bpy.data.batch_remove(bpy.data.actions[:])")
    b.do("rep.capture_all(); link.limit = None")
    stage.settle()
    both(a, b, "list(bpy.data.objects['Light'].location)")
