# SPDX-License-Identifier: GPL-3.0-or-later
"""Bones arrive to the last bit, also those that nobody touched while one of them was edited; and two who edit one armature at the
same moment end with the same one: the same bones in the same order, under the same names, below the same parents."""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import FRESH, assert_silent, joined

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


BONES = """[(b.name, b.parent.name if b.parent else '', b.use_connect, b.get('note'), b.color.palette, b.inherit_scale,
             b.bbone_custom_handle_start.name if b.bbone_custom_handle_start else '')
            for b in bpy.data.armatures['Rig'].bones]"""
POSED = """[(p.name, tuple(p.location), [c.type for c in p.constraints], p.get('note'))
            for p in bpy.data.objects['Rig'].pose.bones]"""
COLLECTIONS = """[(c.name, c.parent.name if c.parent else '', sorted(b.name for b in c.bones))
                  for c in bpy.data.armatures['Rig'].collections_all]"""


def add(name, more="pass"):
    return f"new = bones.new({name!r}); new.tail = (1, 0, {ord(name[0])}); {more}"


def collect(name):
    return f"arm = bpy.data.armatures['Rig']; arm.collections.new({name!r}, parent=arm.collections.new('Layer'))"


# What the one does in edit mode while the other does the other; both begin with P and its child Q.
AT_ONCE = {
    "two more": (add("A"), add("B")),
    "two of one name": (add("A"), add("A")),
    "two children": (add("A", "new.parent = bones['P']"), add("B", "new.parent = bones['P']")),
    "two of one name with children": (
        add("A") + "; child = bones.new('Left'); child.tail = (1, 1, 1); child.parent = new",
        add("A") + "; child = bones.new('Right'); child.tail = (1, 1, 2); child.parent = new",
    ),
    "one name for both": ("bones['P'].name = 'Same'", "bones['Q'].name = 'Same'"),
    "each below the other": ("bones['Q'].parent = None; bones['P'].parent = bones['Q']", "bones['P'].head.z = -1"),
    "a child of what goes": ("bones.remove(bones['P'])", add("A", "new.parent = bones['P']; new.use_connect = True")),
    "a child of what is renamed": ("bones['P'].name = 'Root'", add("A", "new.parent = bones['P']")),
    "a handle that goes": ("bones.remove(bones['P'])", "bones['Q'].bbone_custom_handle_start = bones['P']"),
    "both into one collection": (
        add("A", "bpy.data.armatures['Rig'].collections['All'].assign(new)"),
        add("B", "bpy.data.armatures['Rig'].collections['All'].assign(new)"),
    ),
    "two collections": (collect("A"), collect("B")),
    "two collections of one name": (collect("A"), collect("A")),
}


@pytest.fixture
def trio(version):
    """A rig with two bones, in two Blenders that do not hear of each other; and one for who comes later."""
    with joined(version, 3) as (stage, (a, b, late)):
        a.do("""
            rig = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
            bpy.context.scene.collection.objects.link(rig)
        """)
        a.do(EDIT.format(body="for name in 'PQ': bones.new(name).tail = (0, ord(name) - 79, 1)"))
        a.do(EDIT.format(body="bones['Q'].parent = bones['P']"))
        a.do("arm = bpy.data.armatures['Rig']; arm.collections.new('All').assign(arm.bones['P'])")
        stage.settle()
        a.do("link.hold = True"), b.do("link.hold = True")
        yield stage, a, b, late


def meet(stage, a, b, late):
    """All that both have done arrives, at one who joins afterwards, too."""
    a.do("rep.capture_all()"), b.do("rep.capture_all()")
    a.do("link.release()"), b.do("link.release()")
    stage.settle()
    late.do(FRESH.format(member=late.number))
    late.join()
    stage.settle()
    for peer in (b, late):
        for what in (BONES, POSED, COLLECTIONS, REST):
            assert peer.do(what) == a.do(what)
        assert [name for name, *_ in peer.do(POSED)] == [name for name, *_ in peer.do(BONES)]
    assert_silent(stage)
    return a.do(BONES)


@pytest.mark.parametrize("what", AT_ONCE)
def test_two_edit_one_rig_at_once(trio, what):
    """Whose comes first in the room's order is chance: both are tried in the long run."""
    stage, a, b, late = trio
    for peer, body in zip((a, b), AT_ONCE[what], strict=True):
        peer.do(EDIT.format(body=body))
    meet(stage, a, b, late)


def test_each_below_the_other(trio):
    stage, a, b, late = trio
    a.do("link.release()"), b.do("link.release()")
    a.do(EDIT.format(body="bones['Q'].parent = None"))
    stage.settle()
    a.do("link.hold = True"), b.do("link.hold = True")
    a.do(EDIT.format(body="bones['P'].parent = bones['Q']"))
    b.do(EDIT.format(body="bones['Q'].parent = bones['P']"))
    assert len(meet(stage, a, b, late)) == 2


def test_a_bone_that_has_to_stand_elsewhere_keeps_all_that_is_its_own(trio):
    stage, a, b, late = trio
    for peer, name in ((a, "A"), (b, "B")):
        peer.do(EDIT.format(body=add(name, "new.select = True; bones.active = new")))
        peer.do(f"""
            bone = bpy.data.armatures['Rig'].bones[{name!r}]
            bone['note'], bone.color.palette, bone.inherit_scale = {name!r}, 'THEME03', 'NONE'
            bone.bbone_custom_handle_start = bpy.data.armatures['Rig'].bones['P']
            bpy.data.armatures['Rig'].collections['All'].assign(bone)
            posed = bpy.data.objects['Rig'].pose.bones[{name!r}]
            posed.location.x, posed['note'] = 5, 'posed ' + {name!r}
            posed.constraints.new('LIMIT_SCALE')
        """)
    bones = {name: rest for name, *rest in meet(stage, a, b, late)}
    assert {name: bones[name] for name in "AB"} == {name: ["", False, name, "THEME03", "NONE", "P"] for name in "AB"}
    posed = {name: rest for name, *rest in a.do(POSED)}
    assert {name: posed[name] for name in "AB"} == {
        name: [(5, 0, 0), ["LIMIT_SCALE"], f"posed {name}"] for name in "AB"
    }
    assert a.do(COLLECTIONS) == [("All", "", ["A", "B", "P"])]
    for peer, name in ((a, "A"), (b, "B")):
        assert peer.do("bpy.data.armatures['Rig'].bones.active.name") == name
        assert peer.do(EDIT.format(body="selected = [b.name for b in bones if b.select]") + "    selected") == [name]


def test_an_undo_that_brings_a_bone_back_brings_it_back_to_its_place(two):
    stage, a, b = two
    names = "[b.name for b in bpy.data.armatures['Rig'].bones]"
    before = a.do(names)
    a.do("bpy.ops.ed.undo_push(message='before')")
    a.do(EDIT.format(body="bones.remove(bones['bone 03'])") + "    bpy.ops.ed.undo_push(message='gone')")
    stage.settle()
    assert "bone 03" not in b.do(names)
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    assert a.do(names) == b.do(names) == before
    same(a, b)


def test_a_pose_bone_of_a_name_that_nobody_gave(trio):
    stage, a, b, late = trio
    a.do(EDIT.format(body=add("A"))), b.do(EDIT.format(body=add("A")))
    meet(stage, a, b, late)
    a.do("bpy.data.objects['Rig'].pose.bones['A.001'].location.x = 4")
    stage.settle()
    assert b.do("bpy.data.objects['Rig'].pose.bones['A.001'].location.x") == 4
    b.do("bpy.data.objects['Rig'].pose.bones['A.001'].location.y = 3")
    stage.settle()
    assert a.do("tuple(bpy.data.objects['Rig'].pose.bones['A.001'].location)") == (4, 3, 0)


@pytest.mark.parametrize("first", [0, 1])
def test_two_bones_of_one_name_are_posed_before_they_meet(trio, first):
    """The one that gets a suffix keeps the pose that it was given under its own name."""
    stage, *both, late = trio
    for i, peer in enumerate(both):
        peer.do(EDIT.format(body=add("A", f"new.head.x = {i + 1}")))
        peer.do(f"bone = bpy.data.objects['Rig'].pose.bones['A']; bone.location.x = {5 + i}; rep.capture_all()")
        peer.do("bone.constraints.new('LIMIT_SCALE').name = 'Mine'; bone.rotation_mode = 'XYZ'")
    for peer in both if first == 0 else both[::-1]:
        peer.do("rep.capture_all(); link.release()")
    meet(stage, *both, late)
    heads = "{b.name: b.head_local.x for b in bpy.data.armatures['Rig'].bones}"
    poses = "{b.name: (b.location.x, b.rotation_mode, len(b.constraints)) for b in bpy.data.objects['Rig'].pose.bones}"
    mine = int(both[0].do(heads)["A.001"]) - 1
    assert both[0].do(poses)["A.001"] == (5 + mine, "XYZ", 1)
