# SPDX-License-Identifier: GPL-3.0-or-later
"""Someone renames a thing while another, who has not heard of it, animates it: all show the animation, and it leads to the thing."""

from __future__ import annotations

import pytest
from peers import at_once, rig
from test_no_false_lines import listed_by_any

CURVES = """
    def curves_of(action):
        found = list(action.fcurves) if not hasattr(action, "slots") else [
            curve for layer in action.layers for strip in layer.strips for bag in strip.channelbags for curve in bag.fcurves]
        return sorted((c.data_path, c.array_index, [int(k.co.x) for k in c.keyframe_points]) for c in found)
    def groups_of(action):
        if not hasattr(action, "slots"):
            return sorted(group.name for group in action.groups)
        return sorted(group.name for layer in action.layers for strip in layer.strips for bag in strip.channelbags for group in bag.groups)
"""

CUBE = "cube = bpy.data.objects['Cube']"
MATERIAL = "tree = bpy.data.materials['Material'].node_tree; "
RIG = rig("Hip", "Arm", "Leg")
ARM = "arm = bpy.data.objects['Rig'].pose.bones['Arm']"

# What there is, what is renamed, what another does at once, whose action it is, and its curves at the end: path and frames.
CASES = {
    "modifier": (
        CUBE + "; cube.modifiers.new('M', 'BEVEL').keyframe_insert('width', frame=1)",
        CUBE + "; cube.modifiers['M'].name = 'N'",
        CUBE + "; cube.modifiers['M'].keyframe_insert('segments', frame=3)",
        "bpy.data.objects['Cube']",
        [('modifiers["N"].segments', 0, [3]), ('modifiers["N"].width', 0, [1])],
    ),
    "a modifier of which both key the same": (
        CUBE + "; cube.modifiers.new('M', 'BEVEL').keyframe_insert('width', frame=1)",
        CUBE + "; cube.modifiers['M'].name = 'N'; cube.modifiers['N'].keyframe_insert('segments', frame=5)",
        CUBE + "; cube.modifiers['M'].keyframe_insert('segments', frame=5)",
        "bpy.data.objects['Cube']",
        [('modifiers["N"].segments', 0, [5]), ('modifiers["N"].width', 0, [1])],
    ),
    "constraint": (
        CUBE + "; c = cube.constraints.new('LIMIT_LOCATION'); c.name = 'M'; c.keyframe_insert('influence', frame=1)",
        CUBE + "; cube.constraints['M'].name = 'N'",
        CUBE + "; cube.constraints['M'].keyframe_insert('max_x', frame=3)",
        "bpy.data.objects['Cube']",
        [('constraints["N"].influence', 0, [1]), ('constraints["N"].max_x', 0, [3])],
    ),
    "shape key": (
        CUBE + "; cube.shape_key_add(name='B'); cube.shape_key_add(name='M').keyframe_insert('value', frame=1)",
        CUBE + "; cube.data.shape_keys.key_blocks['M'].name = 'N'",
        CUBE + "; cube.data.shape_keys.key_blocks['M'].keyframe_insert('slider_max', frame=3)",
        "bpy.data.meshes['Cube'].shape_keys",
        [('key_blocks["N"].slider_max', 0, [3]), ('key_blocks["N"].value', 0, [1])],
    ),
    "node": (
        MATERIAL
        + "n = tree.nodes.new('ShaderNodeMath'); n.name = 'M'; n.inputs[0].keyframe_insert('default_value', frame=1)",
        MATERIAL + "tree.nodes['M'].name = 'N'",
        MATERIAL + "tree.nodes['M'].inputs[1].keyframe_insert('default_value', frame=3)",
        "bpy.data.materials['Material'].node_tree",
        [('nodes["N"].inputs[0].default_value', 0, [1]), ('nodes["N"].inputs[1].default_value', 0, [3])],
    ),
    "bone": (
        RIG + ARM.replace("arm = ", "    arm = ") + "; arm.keyframe_insert('location', index=0, frame=1)",
        "bpy.data.armatures['Rig'].bones['Arm'].name = 'Fin'",
        ARM + "; arm.keyframe_insert('scale', index=2, frame=3)",
        "bpy.data.objects['Rig']",
        [('pose.bones["Fin"].location', 0, [1]), ('pose.bones["Fin"].scale', 2, [3])],
    ),
    "a bone that nobody has keyed": (
        RIG,
        "bpy.data.armatures['Rig'].bones['Arm'].name = 'Fin'",
        ARM + "; arm.keyframe_insert('scale', index=2, frame=3)",
        "bpy.data.objects['Rig']",
        [('pose.bones["Fin"].scale', 2, [3])],
    ),
}


@pytest.mark.parametrize("first", [0, 1], ids=["renamed first", "keyed first"])
@pytest.mark.parametrize("case", CASES)
def test_what_is_keyed_while_it_is_renamed(three, case, first):
    stage, a, b, c = three
    make, rename, key, owner, curves = CASES[case]
    a.do(make)
    stage.settle()
    deeds = [(a, rename), (b, key)]
    at_once(stage, *(deeds if first == 0 else deeds[::-1]))
    for peer in (a, b, c):
        peer.do(CURVES)
        assert peer.do(f"curves_of({owner}.animation_data.action)") == curves
    assert a.do(f"groups_of({owner}.animation_data.action)") == c.do(f"groups_of({owner}.animation_data.action)")
    assert listed_by_any(stage) == []


def test_two_rename_what_a_third_one_keys(three):
    """The later name counts, for the curves as well."""
    stage, a, b, c = three
    a.do(CUBE + "; cube.modifiers.new('M', 'BEVEL').keyframe_insert('width', frame=1)")
    stage.settle()
    at_once(
        stage,
        (a, CUBE + "; cube.modifiers['M'].name = 'A'"),
        (b, CUBE + "; cube.modifiers['M'].name = 'B'"),
        (c, CUBE + "; cube.modifiers['M'].keyframe_insert('segments', frame=3)"),
    )
    for peer in (a, b, c):
        peer.do(CURVES)
        assert peer.do("curves_of(bpy.data.objects['Cube'].animation_data.action)") == [
            ('modifiers["B"].segments', 0, [3]),
            ('modifiers["B"].width', 0, [1]),
        ]
    assert listed_by_any(stage) == []


def test_a_driver_that_looks_at_what_another_renames(three):
    stage, a, b, c = three
    a.do(RIG + "    bpy.data.objects['Cube'].modifiers.new('M', 'BEVEL')")
    stage.settle()
    drive = """
        curve = bpy.data.objects['Cube'].modifiers['M'].driver_add('width')
        looks, moves = curve.driver.variables.new(), curve.driver.variables.new()
        looks.targets[0].id = bpy.data.objects['Cube']
        looks.targets[0].data_path = 'modifiers["M"].segments'
        moves.type = 'TRANSFORMS'
        moves.targets[0].id = bpy.data.objects['Rig']
        moves.targets[0].bone_target = 'Arm'
        curve.driver.expression = 'var'
    """
    rename = "bpy.data.objects['Cube'].modifiers['M'].name = 'N'; bpy.data.armatures['Rig'].bones['Arm'].name = 'Fin'"
    at_once(stage, (a, rename), (b, drive))
    for peer in (a, b, c):
        assert peer.do("""
            [(d.data_path, d.driver.variables[0].targets[0].data_path, d.driver.variables[1].targets[0].bone_target)
             for d in bpy.data.objects['Cube'].animation_data.drivers]
        """) == [('modifiers["N"].width', 'modifiers["N"].segments', "Fin")]
    assert listed_by_any(stage) == []


def test_two_key_one_property_at_once(three):
    """All show the curve of one of them, and when that goes, no other comes to light."""
    stage, a, b, c = three
    at_once(
        stage,
        (a, CUBE + "; cube.keyframe_insert('location', index=0, frame=1)"),
        (b, CUBE + "; cube.keyframe_insert('scale', index=0, frame=1)"),
    )
    key = CUBE + "; cube.keyframe_insert('rotation_euler', index=0, frame={})"
    at_once(stage, (a, key.format(3)), (b, key.format(3)))
    shown = "curves_of(bpy.data.objects['Cube'].animation_data.action)"
    for peer in (a, b, c):
        peer.do(CURVES)
        assert len([path for path, *_ in peer.do(shown) if path == "rotation_euler"]) == 1
    b.do(CUBE + "; cube.keyframe_delete('rotation_euler', index=0, frame=3)")
    stage.settle()
    for peer in (a, b, c):
        assert not [path for path, *_ in peer.do(shown) if path == "rotation_euler"]
    assert listed_by_any(stage) == []


POSE = "bone = bpy.data.objects['Rig'].pose.bones['Arm']; "


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("hands", [1, 2])
def test_a_bone_is_posed_while_another_renames_it(three, first, hands):
    """What one says of a bone, and what he had said of it before, is not lost, nor what a third says."""
    stage, a, b, c = three
    a.do(RIG)
    stage.settle()
    b.do(POSE + "bone.location.x = 1; bone['before'] = 1")
    stage.settle()
    deeds = [
        (a, "bpy.data.armatures['Rig'].bones['Arm'].name = 'Fin'"),
        (b, POSE + "bone['ctl'] = 3; bone.location.y = 2; bone.constraints.new('LIMIT_LOCATION').max_x = 5"),
    ]
    if hands == 2:
        deeds.append((c, POSE + "bone['third'] = 4; bone.location.z = 6"))
    at_once(stage, *(deeds if first == 0 else deeds[::-1]))
    seen = "(lambda b: (sorted((k, b[k]) for k in b.keys()), list(b.location), [c.max_x for c in b.constraints]))(bpy.data.objects['Rig'].pose.bones['Fin'])"
    for peer in (a, b, c):
        props, place, limits = peer.do(seen)
        assert [tuple(p) for p in props] == [("before", 1), ("ctl", 3)] + [("third", 4)] * (hands - 1)
        assert limits == [5.0]
        # A vector is one value: of two who set it at once one has set all of it.
        assert place in ([[1.0, 2.0, 0.0]] if hands == 1 else [[1.0, 2.0, 0.0], [1.0, 0.0, 6.0]])
    assert listed_by_any(stage) == []
