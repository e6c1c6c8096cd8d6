# SPDX-License-Identifier: GPL-3.0-or-later
"""Where all Blenders show the same, and as it should be, nobody is told that something was not taken.

Of two who do something at once the room may keep a word about what is not there any more. It is nobody's fault, and stays unseen.
"""

from __future__ import annotations

from peers import at_once, both

LISTED = "[str(r) for r in rep.refused]"


def listed_by_any(stage):
    for peer in stage.peers * 2:
        peer.do("rep.tick(1000)")
    return [line for peer in stage.peers for line in peer.do(LISTED)]


def test_a_collection_in_one_that_another_takes_away(three):
    """What the view layers show of it is in the room, and no layer shows any collection."""
    stage, a, b, c = three
    make = "bpy.data.collections['Collection'].children.link(bpy.data.collections.new('Inner'))"
    take = "bpy.context.scene.collection.children.unlink(bpy.data.collections['Collection'])"
    at_once(stage, (a, make), (b, take))
    for peer in (a, b, c):
        assert peer.do("len(bpy.context.view_layer.layer_collection.children)") == 0
    assert listed_by_any(stage) == []


def test_a_slot_of_an_object_and_a_material_of_its_mesh(three):
    stage, a, b, c = three
    at_once(
        stage,
        (b, "bpy.data.meshes['Cube'].materials.append(bpy.data.materials.new('More'))"),
        (a, "bpy.data.objects['Cube'].material_slots[0].link = 'OBJECT'"),
    )
    shown = "[(s.link, s.name) for s in bpy.data.objects['Cube'].material_slots]"
    assert both(a, b, shown) == c.do(shown) == [("OBJECT", ""), ("DATA", "More")]
    assert listed_by_any(stage) == []


def test_a_slot_of_an_object_whose_material_another_takes_away(three):
    stage, a, b, c = three
    a.do("bpy.data.meshes['Cube'].materials.append(bpy.data.materials.new('More'))")
    stage.settle()
    at_once(
        stage,
        (b, "bpy.data.meshes['Cube'].materials.pop()"),
        (a, "bpy.data.objects['Cube'].material_slots[1].link = 'OBJECT'"),
    )
    shown = "[(s.link, s.name) for s in bpy.data.objects['Cube'].material_slots]"
    assert both(a, b, shown) == c.do(shown) == [("DATA", "Material")]
    assert listed_by_any(stage) == []
