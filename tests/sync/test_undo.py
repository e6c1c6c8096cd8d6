# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo is yours alone: it takes back what this user did, and what others did meanwhile is put back."""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import assert_silent, both, joined

BEGIN = "bpy.ops.ed.undo_push(message='begin')"


@pytest.fixture
def two(version):
    with joined(version, 2) as (stage, (a, b)):
        a.do(BEGIN)
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


def test_all_that_others_did_survives_the_undo_of_who_joined(two):
    """To him everything was others' until he changed something, and what they change then does not make the rest of it less theirs."""
    stage, a, b = two
    a.do("bpy.context.scene.render.resolution_x = 100")
    stage.settle()
    b.do("bpy.context.scene.gravity = (0, 0, 1); bpy.ops.ed.undo_push(message='gravity')")
    stage.settle()
    a.do("bpy.context.scene.eevee.taa_samples = 7")
    stage.settle()
    b.do("bpy.ops.ed.undo()")
    stage.settle()
    assert both(a, b, "bpy.context.scene.render.resolution_x") == 100
    assert both(a, b, "bpy.context.scene.eevee.taa_samples") == 7
    assert both(a, b, "bpy.context.scene.gravity[2]") < 0


@pytest.mark.parametrize("then", ["", "; rep.tick(1000)"])
def test_what_is_undone_at_once_can_be_redone(two, then):
    """To one who joined, what was never sent would look like what others wrote."""
    stage, a, b = two
    b.do("bpy.data.objects['Cube'].location.x = 4; bpy.context.view_layer.update(); bpy.ops.ed.undo_push(message='x')")
    b.do("bpy.data.objects['Cube'].scale.x = 5; bpy.context.view_layer.update(); bpy.ops.ed.undo_push(message='s')")
    b.do("bpy.ops.ed.undo()" + then)
    shown = "[bpy.data.objects['Cube'].location.x, bpy.data.objects['Cube'].scale.x]"
    if then:
        stage.settle()
        assert both(a, b, shown) == [4, 1]
    b.do("bpy.ops.ed.redo()" + then)
    stage.settle()
    assert both(a, b, shown) == [4, 5]


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


TEXT = """
    d = bpy.data.curves.new('Words', 'FONT'); d.body = 'Words'; d.body_format[1].use_bold = True; d.text_boxes[0].width = 3
    bpy.context.scene.collection.objects.link(bpy.data.objects.new('Words', d))
    bpy.context.view_layer.update(); bpy.ops.ed.undo_push(message='text')
"""
# Not where it crashes Blender.
WORDS = """
    d = bpy.data.objects['Words'].data
    [d.name, d.body, d.font, d.size, [c.use_bold for c in d.body_format], [b.width for b in d.text_boxes]]
"""


def test_undo_keeps_what_a_text_says_whose_font_others_have_removed(two):
    """Before 4.5 Blender itself loses it, and crashes when it is read."""
    stage, a, b = two
    a.do(TEXT)
    stage.settle()
    b.do("bpy.data.fonts.remove(bpy.data.fonts[0])")
    stage.settle()
    a.do("bpy.ops.ed.undo_push(message='others')")
    a.do("bpy.data.curves['Words'].size = 2; bpy.context.view_layer.update(); bpy.ops.ed.undo_push(message='size')")
    stage.settle()
    said = ["Words", "Words", None, 1, [False, True, False, False, False], [3]]
    assert both(a, b, WORDS) == [*said[:3], 2, *said[4:]]
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    assert both(a, b, WORDS) == said
    a.do("bpy.ops.ed.redo()")
    stage.settle()
    assert both(a, b, WORDS) == [*said[:3], 2, *said[4:]]
    assert both(a, b, "len(bpy.data.fonts)") == 0


GROUP = """
    g = bpy.data.node_groups.new('Group', 'ShaderNodeTree')
    g.interface.new_socket('In', in_out='INPUT', socket_type='NodeSocketFloat')
    m = bpy.data.materials['Material']
    m.node_tree.nodes.new('ShaderNodeGroup').node_tree = g
    bpy.context.view_layer.update(); bpy.ops.ed.undo_push(message='group')
"""


def test_a_group_that_an_undo_brings_back_leaves_no_sockets_when_it_goes_again(two):
    """Others have removed the group, and said that the node uses none: Blender leaves the node the sockets of what goes."""
    stage, a, b = two
    a.do(GROUP)
    stage.settle()
    a.do("bpy.data.objects['Cube'].location.x = 4; bpy.context.view_layer.update(); bpy.ops.ed.undo_push(message='x')")
    stage.settle()
    b.do("bpy.data.materials['Material'].node_tree.nodes['Group'].node_tree = None")
    b.do("bpy.data.node_groups.remove(bpy.data.node_groups['Group'])")
    stage.settle()
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    assert both(
        a, b, "[len(n.inputs) for n in bpy.data.materials['Material'].node_tree.nodes if n.type == 'GROUP']"
    ) == [0]
    assert both(a, b, "len(bpy.data.node_groups)") == 0
    assert both(a, b, "[str(r) for r in rep.refused]") == []


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


# What one undoes brings back, in one's own Blender, all that was there at that step: also what others have removed since.
CUBE = "bpy.data.objects['Cube']"
TREE = "bpy.data.materials['Material'].node_tree"
THINGS = """
o = bpy.data.objects['Cube']; s = bpy.context.scene; t = bpy.data.materials['Material'].node_tree
o.modifiers.new('S', 'SUBSURF'); o.modifiers.new('B', 'BEVEL')
o.constraints.new('COPY_LOCATION').name = 'C'
o.vertex_groups.new(name='G').add([0], 1, 'REPLACE')
s.timeline_markers.new('M', frame=3)
o.keyframe_insert('location', frame=1)
o.driver_add('scale', 0)
t.nodes.new('ShaderNodeMath').name = 'N'
o.shape_key_add(name='Basis'); o.shape_key_add(name='K')
s.view_layers.new('V')
"""
# Before 4.4 an action has curves of its own.
CURVES = (
    "(lambda d: d.action.fcurves if not hasattr(d, 'action_slot') else d.action.layers[0].strips[0].channelbag("
    "d.action_slot).fcurves)(bpy.data.objects['Cube'].animation_data)"
)
# How each kind of thing is removed and looked at.
KINDS = {
    "modifier": (f"{CUBE}.modifiers.remove({CUBE}.modifiers['S'])", f"[m.name for m in {CUBE}.modifiers]", ["B"]),
    "all modifiers": (f"{CUBE}.modifiers.clear()", f"len({CUBE}.modifiers)", 0),
    "constraint": (f"{CUBE}.constraints.remove({CUBE}.constraints[0])", f"len({CUBE}.constraints)", 0),
    "vertex group": (f"{CUBE}.vertex_groups.clear()", f"len({CUBE}.vertex_groups)", 0),
    "marker": ("bpy.context.scene.timeline_markers.clear()", "len(bpy.context.scene.timeline_markers)", 0),
    "curve": (CURVES + ".remove(" + CURVES + "[0])", f"len({CURVES})", 2),
    "driver": (f"{CUBE}.driver_remove('scale', 0)", f"len({CUBE}.animation_data.drivers)", 0),
    "node": (f"{TREE}.nodes.remove({TREE}.nodes['N'])", f"'N' in {TREE}.nodes", False),
    "links": (f"{TREE}.links.clear()", f"len({TREE}.links)", 0),
    "shape key": (
        f"{CUBE}.shape_key_remove({CUBE}.data.shape_keys.key_blocks['K'])",
        f"[k.name for k in {CUBE}.data.shape_keys.key_blocks]",
        ["Basis"],
    ),
    "view layer": (
        "s = bpy.context.scene; s.view_layers.remove(s.view_layers['V'])",
        "[v.name for v in bpy.context.scene.view_layers]",
        ["ViewLayer"],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("undoer", ["who made it", "who joined"])
def test_what_others_removed_from_a_datablock_stays_removed(two, undoer, kind):
    stage, a, b = two
    a.do(THINGS)
    stage.settle()
    me, other = (a, b) if undoer == "who made it" else (b, a)
    me.do(BEGIN + "; bpy.data.objects['Light'].location.x = 4; bpy.ops.ed.undo_push(message='move')")
    stage.settle()
    remove, see, left = KINDS[kind]
    other.do(remove)
    stage.settle()
    assert both(a, b, see) == left
    for again in ("undo", "redo", "undo"):
        me.do(f"bpy.ops.ed.{again}()")
        stage.settle()
        assert both(a, b, see) == left
        assert (both(a, b, "bpy.data.objects['Light'].location.x") == 4) is (again == "redo")


@pytest.mark.parametrize("undoer", ["who made it", "who joined"])
def test_ones_own_removal_from_a_datablock_is_undone(two, undoer):
    stage, a, b = two
    a.do(THINGS)
    stage.settle()
    me = a if undoer == "who made it" else b
    me.do(BEGIN)
    before = {kind: both(a, b, see) for kind, (_, see, _) in KINDS.items()}
    after = {kind: left for kind, (_, _, left) in KINDS.items()} | {"modifier": []}
    for remove, _, _ in KINDS.values():
        me.do(remove)
    me.do("bpy.ops.ed.undo_push(message='remove')")
    stage.settle()
    assert {kind: both(a, b, see) for kind, (_, see, _) in KINDS.items()} == after
    for again, wanted in (("undo", before), ("redo", after)):
        me.do(f"bpy.ops.ed.{again}()")
        stage.settle()
        assert {kind: both(a, b, see) for kind, (_, see, _) in KINDS.items()} == wanted


@pytest.mark.parametrize("undoer", ["who made it", "who joined"])
def test_ones_own_thing_of_the_name_of_one_that_others_removed(two, undoer):
    """Redo brings back one's own, not the one that others took away; what tells them apart is only what went last."""
    stage, a, b = two
    a.do(THINGS)
    stage.settle()
    me, other = (a, b) if undoer == "who made it" else (b, a)
    me.do(BEGIN)
    other.do(KINDS["modifier"][0])
    stage.settle()
    me.do("bpy.data.objects['Light'].location.x = 4; bpy.ops.ed.undo_push(message='move')")
    me.do("bpy.data.objects['Cube'].modifiers.new('S', 'SUBSURF'); bpy.ops.ed.undo_push(message='add')")
    stage.settle()
    names = KINDS["modifier"][1]
    assert both(a, b, names) == ["B", "S"]
    for again, wanted in (("undo", ["B"]), ("redo", ["B", "S"])):
        me.do(f"bpy.ops.ed.{again}()")
        stage.settle()
        assert both(a, b, names) == wanted


def test_what_is_put_back_no_longer_shows_what_was_animated(two):
    """An undo before a key was sent says nothing of who set it: the curve goes, and with it the value that it gave."""
    stage, a, b = two
    b.do(BEGIN)
    b.do("c = bpy.data.objects['Cube']; c.location.x = 5; c.keyframe_insert('location', index=0, frame=1)")
    b.do("bpy.context.view_layer.update(); bpy.ops.ed.undo_push(message='key')")
    b.do("bpy.data.objects['Light'].location.x = 5; bpy.ops.ed.undo_push(message='move')")
    b.do("link.full = True; bpy.ops.ed.undo(); link.full = False")
    stage.settle()
    both(a, b, "(d := bpy.data.objects['Cube'].animation_data) is not None and d.action is not None")
    both(a, b, "list(bpy.data.objects['Cube'].location)")


@pytest.mark.parametrize("what", ["added", "removed"])
def test_vertex_groups_that_no_object_shows(two, what):
    """The object was deleted while others worked on the groups of its mesh; the mesh goes back with any undo."""
    stage, a, b = two
    add = "bpy.data.objects['Cube'].vertex_groups.new(name='G').add([0, 3], 0.5, 'REPLACE')"
    if what == "removed":
        a.do(add)
    stage.settle()
    a.do("bpy.data.meshes['Cube'].use_fake_user = True; bpy.data.objects.remove(bpy.data.objects['Cube'])")
    a.do(BEGIN + "; bpy.data.objects['Light'].location.x = 4; bpy.ops.ed.undo_push(message='move')")
    b.do(add if what == "added" else "bpy.data.objects['Cube'].vertex_groups.clear()")
    b.do("rep.capture_all()")
    stage.settle()
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    shown = both(
        a,
        b,
        """(lambda o: ([g.name for g in o.vertex_groups], [[(g.group, g.weight) for g in v.groups] for v in o.data.vertices][:4],
            bpy.data.objects.remove(o)))(bpy.data.objects.new('Look', bpy.data.meshes['Cube']))[:2]""",
    )
    assert tuple(shown) == ((["G"], [[(0, 0.5)], [], [], [(0, 0.5)]]) if what == "added" else ([], [[]] * 4))


@pytest.mark.parametrize("what", ["name", "location", "removal"])
def test_what_an_undo_took_away_is_put_back_as_what_waits_makes_it(two, what):
    """What others did to it has been taken from the link before the undo, and is applied after it."""
    stage, a, b = two
    b.do("bpy.data.objects['Light'].location.x = 4; bpy.ops.ed.undo_push(message='move')")
    a.do("bpy.context.scene.collection.objects.link(bpy.data.objects.new('Guest', None))")
    stage.settle()
    guest = "bpy.data.objects['Guest']"
    deeds = {
        "name": f"{guest}.name = 'Host'",
        "location": f"{guest}.location.x = 3",
        "removal": f"bpy.data.objects.remove({guest})",
    }
    a.do(f"{deeds[what]}; rep.capture_all()")
    b.do("rep._inbox.extend(rep._doc_events(link.poll(4096))); bpy.ops.ed.undo()")
    stage.settle()
    shown = both(a, b, "[(o.name, o.location.x) for o in bpy.data.objects if o.name in ('Guest', 'Host')]")
    assert shown == {"name": [("Host", 0)], "location": [("Guest", 3)], "removal": []}[what]


def test_what_others_have_linked_since_it_was_deleted(two):
    """Deleted before that had arrived, and undone after it: the room has it in the collection, so it is there for whoever undoes, too."""
    stage, a, b = two
    a.do("bpy.data.objects.new('Loose', None)")
    stage.settle()
    b.do(BEGIN)
    b.do("bpy.data.objects.remove(bpy.data.objects['Loose']); bpy.ops.ed.undo_push(message='delete')")
    a.do("bpy.context.scene.collection.objects.link(bpy.data.objects['Loose']); rep.capture_all()")
    stage.settle()
    assert both(a, b, "'Loose' in bpy.data.objects") is False
    b.do("bpy.ops.ed.undo()")
    stage.settle()
    assert both(a, b, "[o.name for o in bpy.context.scene.objects if o.name == 'Loose']") == ["Loose"]


MESH = "bpy.data.meshes['Cube']"
GROW = f"""
import bmesh
work = bmesh.new(); work.from_mesh({MESH}); bmesh.ops.subdivide_edges(work, edges=work.edges[:], cuts=1)
work.to_mesh({MESH}); work.free(); {MESH}.update()
bpy.ops.ed.undo_push(message='grow')
"""


@pytest.mark.parametrize("keys", ["without keys", "with keys"])
@pytest.mark.parametrize("undoer", ["who made it", "who joined"])
def test_a_new_shape_of_a_mesh_is_undone(two, undoer, keys):
    """The shape of before counts as another new one, which no mark of whose it is can name."""
    stage, a, b = two
    if keys == "with keys":
        a.do("for n in ('Basis', 'K'): bpy.data.objects['Cube'].shape_key_add(name=n)")
        a.do("bpy.data.meshes['Cube'].shape_keys.key_blocks['K'].data[0].co = (5, 5, 5)")
    stage.settle()
    me, other = (a, b) if undoer == "who made it" else (b, a)
    me.do(BEGIN)
    me.do(GROW)
    stage.settle()
    count = f"len({MESH}.vertices)"
    for again, wanted in (("undo", 8), ("redo", 20), ("undo", 8)):
        me.do(f"bpy.ops.ed.{again}()")
        stage.settle()
        assert both(a, b, count) == wanted
    assert both(a, b, f"{MESH}.shape_keys and list({MESH}.shape_keys.key_blocks['K'].data[0].co)") in (None, [5, 5, 5])
    # What another makes of it stays when one undoes something else.
    me.do("bpy.data.objects['Light'].location.x = 4; bpy.ops.ed.undo_push(message='move')")
    other.do(GROW)
    stage.settle()
    me.do("bpy.ops.ed.undo()")
    stage.settle()
    assert both(a, b, count) == 20


@pytest.mark.parametrize("undoer", ["who made it", "who joined"])
def test_what_was_undone_before_it_was_sent_is_redone(two, undoer):
    """Nobody has seen it, so it is not something that others took away."""
    stage, a, b = two
    me = a if undoer == "who made it" else b
    me.do(BEGIN)
    me.do("bpy.data.objects['Cube'].modifiers.new('S', 'SUBSURF'); bpy.ops.ed.undo_push(message='add')")
    me.do("bpy.ops.ed.undo()")
    stage.settle()
    assert both(a, b, "len(bpy.data.objects['Cube'].modifiers)") == 0
    me.do("bpy.ops.ed.redo()")
    stage.settle()
    assert both(a, b, "[m.name for m in bpy.data.objects['Cube'].modifiers]") == ["S"]


PLAIN = "bpy.data.materials['Plain']"


def _material(stage, a, me):
    """A plain material, shown to all before `me` begins."""
    a.do("bpy.data.materials.new('Plain').use_fake_user = True")
    stage.settle()
    me.do(BEGIN)


def _use_nodes(me):
    me.do(f"{PLAIN}.use_nodes = True; {PLAIN}.roughness = 0.25; bpy.ops.ed.undo_push(message='nodes')")


@pytest.mark.parametrize("undoer", ["who made it", "who joined"])
def test_a_node_tree_stays_where_its_first_use_is_undone(two, undoer):
    """Blender takes none away from a material, so the others could not."""
    stage, a, b = two
    me = a if undoer == "who made it" else b
    _material(stage, a, me)
    before = both(a, b, f"{PLAIN}.use_nodes")
    _use_nodes(me)
    stage.settle()
    for again, shown in (("undo", before), ("redo", True), ("undo", before)):
        me.do(f"bpy.ops.ed.{again}()")
        stage.settle()
        assert both(a, b, f"[{PLAIN}.use_nodes, round({PLAIN}.roughness, 2)]") == [
            shown,
            0.25 if again == "redo" else 0.4,
        ]
        assert both(a, b, f"{PLAIN}.node_tree is not None and sorted(n.name for n in {PLAIN}.node_tree.nodes)")


@pytest.mark.parametrize("undoer", ["who made it", "who joined"])
def test_a_node_tree_that_was_undone_before_it_was_sent_comes_back_for_all(two, undoer):
    """What others have said of the material stays as they said it; the tree nobody could take away."""
    stage, a, b = two
    me = a if undoer == "who made it" else b
    _material(stage, a, me)
    _use_nodes(me)
    me.do("bpy.ops.ed.undo()")
    stage.settle()
    me.do("bpy.ops.ed.redo()")
    stage.settle()
    both(a, b, f"[{PLAIN}.use_nodes, round({PLAIN}.roughness, 2)]")
    assert both(a, b, f"{PLAIN}.node_tree is not None and sorted(n.name for n in {PLAIN}.node_tree.nodes)")


@pytest.mark.parametrize(
    "deed",
    [
        "bpy.data.objects['Camera'].name = 'Cam'",
        "bpy.data.objects.remove(bpy.data.objects['Light'])",
        "bpy.data.objects['Cube'].name = 'Dice'",
    ],
)
def test_an_undo_goes_all_the_way_although_another_has_renamed_or_removed_something(two, deed):
    """Each undo brings the old name back, and the room's is set again: that may make no step of its own, or the next undo takes back just that."""
    stage, a, b = two
    moved = "next(o for o in bpy.data.objects if o.type == 'MESH').location.x"
    a.do("bpy.ops.ed.undo_push(message='start')")
    for i in range(1, 7):
        a.do(f"{moved} = {i}; bpy.ops.ed.undo_push(message='move {i}')")
        stage.settle()
    b.do(deed)
    stage.settle()
    for way, wanted in ("undo", [5, 4, 3, 2, 1, 0]), ("redo", [1, 2, 3, 4, 5, 6]):
        for x in wanted:
            a.do(f"bpy.ops.ed.{way}()")
            stage.settle()
            assert both(a, b, f"round({moved})") == x
    assert "Light" not in deed or not both(a, b, "'Light' in bpy.data.objects")
