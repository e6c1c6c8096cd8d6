# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender shows after it was told is compared with what it should show: healed and counted, or listed, and never sent."""

from __future__ import annotations

import os
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import assert_silent, at_once, rig

# The writer leaves out what others do to a property, as often as is said, and nobody hears of it.
LEAVE_OUT = """
    from sync.apply import Writer
    left, whole = [{times}], Writer.write_prop
    def write_prop(self, struct, plan, prop, value):
        if prop.name == {prop!r} and left[0] > 0:
            left[0] -= 1
            return True
        return whole(self, struct, plan, prop, value)
    Writer.write_prop = write_prop
"""
LISTED = "[str(r) for r in rep.refused]"


@pytest.fixture
def mended(two):
    """The Blenders live on in the next tests."""
    yield two
    for peer in two[1:]:
        peer.do("""
            if "whole" in globals():
                Writer.write_prop = whole
        """)


def wait_until(peer, condition, seconds=30):
    end = time.monotonic() + seconds
    while not peer.do(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.05)


def idle(stage, rounds=3):
    for _ in range(rounds):
        for peer in stage.peers:
            peer.do("rep.tick(1000)")


def test_what_was_not_written_is_healed_and_counted(mended):
    stage, a, b = mended
    # It tries each twice, by itself.
    b.do(LEAVE_OUT.format(times=2, prop="location"))
    a.do("bpy.data.objects['Cube'].location = (1, 2, 3); rep.capture_all()")
    b.do("rep.capture_all()")
    assert b.do("left[0]") == 0
    assert b.do("tuple(bpy.data.objects['Cube'].location)") == (0, 0, 0)
    assert "location" in b.do(LISTED)[0]
    idle(stage)
    assert b.do("tuple(bpy.data.objects['Cube'].location)") == (1, 2, 3)
    assert (b.do("rep.healed"), b.do(LISTED)) == (1, [])
    assert a.do("rep.healed") == 0
    assert a.do("tuple(bpy.data.objects['Cube'].location)") == (1, 2, 3)
    assert_silent(stage)


def test_what_was_lost_since_is_found_by_the_audit(mended):
    """A value that others have written has gone, and the reading that should have told counts as what was applied."""
    stage, a, b = mended
    a.do("bpy.data.lights['Light'].energy = 77")
    stage.settle()
    b.do("""
        light = bpy.data.lights["Light"]
        doc = rep.identity.doc(light)
        light.energy = 5
        read, room, theirs = rep.state.shadows[doc].load()
        del light
        rep.state.put(doc, rep._reader.read_block(doc, rep.identity.block(doc), read), room, theirs)
    """)
    # Whenever it is that light's turn: what takes long to look at has it less often.
    wait_until(b, "rep.tick(1000) or bpy.data.lights['Light'].energy == 77")
    assert b.do("rep.healed") == 1
    assert a.do("bpy.data.lights['Light'].energy") == 77
    assert_silent(stage)


def test_things_in_another_order(mended):
    stage, a, b = mended
    b.do("""
        from sync import items
        moved, items.Items.move = items.Items.move, lambda *args: None
    """)
    a.do("for n in 'ABC': bpy.data.objects['Cube'].modifiers.new(n, 'BEVEL')")
    stage.settle()
    a.do("bpy.data.objects['Cube'].modifiers.move(2, 0); rep.capture_all()")
    b.do("rep._begin(); rep._receive(); items.Items.move = moved")
    assert b.do("[m.name for m in bpy.data.objects['Cube'].modifiers]") == ["A", "B", "C"]
    idle(stage)
    assert b.do("[m.name for m in bpy.data.objects['Cube'].modifiers]") == ["C", "A", "B"]
    assert b.do("rep.healed") == 1
    assert_silent(stage)


def test_what_blender_never_takes_is_listed_and_tried_once(mended):
    stage, a, b = mended
    b.do(LEAVE_OUT.format(times=1000, prop="location"))
    a.do("bpy.data.objects['Cube'].location = (1, 2, 3)")
    stage.settle()
    idle(stage)
    tries = b.do("left[0]")
    idle(stage, 6)
    assert b.do("left[0]") == tries
    assert b.do(LISTED) == ["Cube: location was not taken (the room says [1.0, 2.0, 3.0], here it is [0.0, 0.0, 0.0])."]
    assert b.do("rep.healed") == 0
    assert_silent(stage)
    # Changed once more by others, it is tried once more.
    b.do("left[0] = 0")
    a.do("bpy.data.objects['Cube'].location.x = 4")
    stage.settle()
    assert b.do("tuple(bpy.data.objects['Cube'].location)") == (4, 2, 3)
    assert b.do(LISTED) == []


def test_what_the_user_changes_is_listed_no_more(mended):
    stage, a, b = mended
    b.do(LEAVE_OUT.format(times=1000, prop="location"))
    a.do("bpy.data.objects['Cube'].location = (1, 2, 3)")
    stage.settle()
    idle(stage)
    assert len(b.do(LISTED)) == 1
    b.do("bpy.data.objects['Cube'].location = (7, 8, 9)")
    stage.settle()
    assert a.do("tuple(bpy.data.objects['Cube'].location)") == (7, 8, 9)
    assert b.do(LISTED) == []


@pytest.mark.parametrize(("prop", "value"), [("color", [-1.0, 0.5, 0.5]), ("shadow_soft_size", -1.0)])
def test_what_blender_clamps_is_no_fault(mended, prop, value):
    """It stays in the room, nobody sends another one, and nothing is listed: that is the nearest that Blender has. The second one only
    lights of this type have."""
    stage, a, b = mended
    doc = a.do("rep.identity.doc(bpy.data.lights['Light'])")
    a.do(f"link.submit({doc!r}, 'edit', {{'p': {{{prop!r}: {value}}}}})")
    stage.settle()
    idle(stage)
    assert b.do(f"bpy.data.lights['Light'].{prop}" + "[0]" * isinstance(value, list)) == 0
    assert (b.do(LISTED), b.do("rep.healed")) == ([], 0)
    assert_silent(stage)


@pytest.mark.parametrize("where", ["node_groups", "materials"])
def test_a_node_is_never_smaller_than_its_type_may_be(mended, where):
    """Old files hold smaller ones, which whoever joins cannot be given."""
    stage, a, b = mended
    a.do("""
        bpy.data.node_groups.new("Nodes", "ShaderNodeTree").nodes.new("ShaderNodeCameraData")
        bpy.data.materials.new("Nodes").use_nodes = True
        bpy.data.materials["Nodes"].node_tree.nodes.new("ShaderNodeCameraData")
    """)
    stage.settle()
    doc = a.do(f"rep.identity.doc(bpy.data.{where}['Nodes'])")
    tree = stage.room.tree_of(doc)
    nodes = (tree if where == "node_groups" else tree["s"]["@node_tree"])["i"]["nodes"]
    key = next(key for key, node in nodes.items() if node["type"] == "ShaderNodeCameraData")
    patch = {"i": {"nodes": {key: {"p": {"width": 3.0}}}}}
    a.do(f"link.submit({doc!r}, 'edit', {patch if where == 'node_groups' else {'s': {'@node_tree': patch}}})")
    stage.settle()
    idle(stage)
    nodes = f"bpy.data.{where}['Nodes']{'' if where == 'node_groups' else '.node_tree'}.nodes"
    assert b.do(f"next(n.width for n in {nodes} if n.type == 'CAMERA')") > 3
    assert (b.do(LISTED), b.do("rep.healed")) == ([], 0)


def test_what_two_properties_forbid_each_other_is_listed(mended):
    """A scene cannot end before it begins: both stay in the room as they were said."""
    stage, a, b = mended
    doc = a.do("rep.identity.doc(bpy.context.scene)")
    a.do(f"link.submit({doc!r}, 'edit', {{'p': {{'frame_start': 100, 'frame_end': 50}}}})")
    stage.settle()
    idle(stage)
    assert any("the room says" in line and "frame_" in line for line in b.do(LISTED)), b.do(LISTED)
    assert b.do("rep.healed") == 0
    assert_silent(stage)


# What Blender holds in two ways that mean the same, as old files do: what the host holds, and where both look.
SAME = {
    "whether an attribute is used": (
        """
        group = bpy.data.node_groups.new("Group", "GeometryNodeTree")
        name = group.interface.new_socket("Amount", in_out="INPUT", socket_type="NodeSocketFloat").identifier
        modifier = bpy.data.objects["Cube"].modifiers.new("Nodes", "NODES")
        modifier.node_group = group
        del modifier[name + "_use_attribute"]
        modifier[name + "_use_attribute"] = 1
        """,
        "[bool(m[k]) for m in bpy.data.objects['Cube'].modifiers for k in m.keys() if k.endswith('_use_attribute')]",
        [True],
    ),
    "a mesh of nothing": (
        """
        mesh = bpy.data.meshes.new("Nothing")
        mesh.use_fake_user = True
        mesh.attributes.new(".corner_vert", "INT", "CORNER")
        """,
        "len(bpy.data.meshes['Nothing'].vertices)",
        0,
    ),
}


@pytest.mark.parametrize("what", SAME)
def test_what_means_the_same_is_not_listed(mended, what):
    stage, a, b = mended
    made, see, expected = SAME[what]
    a.do(made)
    stage.settle()
    idle(stage)
    assert [peer.do(see) for peer in (a, b)] == [expected] * 2
    assert [peer.do(LISTED) for peer in (a, b)] == [[], []]


def test_what_a_colour_space_follows_from_its_name_is_not_in_the_room(mended):
    """Images of old files have a name for it that only Blender knows to be the same, and each told the other that it is no data."""
    stage, a, b = mended
    a.do("i = bpy.data.images.new('Map', 2, 2); i.use_fake_user = True; i.colorspace_settings.name = 'Non-Color'")
    stage.settle()
    assert [peer.do("bpy.data.images['Map'].colorspace_settings.is_data") for peer in (a, b)] == [True, True]
    assert not any("is_data" in str(tree) for tree in stage.room.all_trees().values())


@pytest.mark.parametrize("ends", ["it comes", "the other goes"])
def test_what_waited_is_listed_no_longer_than_that(mended, ends):
    """An object of which its maker had changed nothing was listed on, although it was there; and one that was deleted meanwhile."""
    stage, a, b = mended
    a.do("bpy.data.objects.new('Plain', bpy.data.meshes.new('Plain')).use_fake_user = False")
    stage.settle()
    trees = stage.room.all_trees()
    mesh = next(tree for tree in trees.values() if (tree["type"], tree["name"]) == ("Mesh", "Plain"))
    plain = next(tree for tree in trees.values() if (tree["type"], tree["name"]) == ("Object", "Plain"))
    late = "1" * 32
    plain = {**plain, "name": "Waits", "p": {**plain["p"], "data": ["$ref", late]}}
    if "make" in plain:
        plain["make"] = {**plain["make"], **({"data": ["$ref", late]} if "data" in plain["make"] else {})}
    a.do(f"link.submit({'2' * 32!r}, 'create', {plain})")
    b.do("rep.tick(1000)")
    assert len(b.do(LISTED)) == 1
    if ends == "it comes":
        a.do(f"link.submit({late!r}, 'create', { ({**mesh, 'name': 'Late'}) })")
    else:
        a.do(f"link.submit({'2' * 32!r}, 'delete', None)")
    b.do("rep.tick(1000)")
    stage.settle()
    assert b.do("'Waits' in bpy.data.objects") is (ends == "it comes")
    assert b.do(LISTED) == []


def nobody_lists_anything(stage):
    idle(stage)
    for peer in stage.peers:
        assert peer.do(LISTED) == []
    assert_silent(stage)


RIG = rig("Bone")
PARENT_TO_BONE = """
    cube = bpy.data.objects["Cube"]
    cube.parent, cube.parent_type, cube.parent_bone = bpy.data.objects["Rig"], "BONE", "Bone"
    del cube
"""


def test_a_parent_with_a_bone_goes(mended):
    """Without its armature an object has no way of being parented that Blender has a name for, and yet remembers the bone."""
    stage, a, b = mended
    a.do(RIG)
    a.do(PARENT_TO_BONE)
    stage.settle()
    see = "(lambda c: (c.parent and c.parent.name, c.parent_type, c.parent_bone))(bpy.data.objects['Cube'])"
    assert [peer.do(see) for peer in (a, b)] == [("Rig", "BONE", "Bone")] * 2
    a.do("bpy.data.objects.remove(bpy.data.objects['Rig'])")
    stage.settle()
    late = stage.peer(a.version)
    late.join()
    assert [peer.do(see)[::2] for peer in (a, b, late)] == [(None, "")] * 3
    nobody_lists_anything(stage)


def test_a_parent_goes_while_another_is_parented_to_its_bone(mended):
    stage, a, b = mended
    a.do(RIG)
    stage.settle()
    at_once(
        stage,
        (a, "bpy.data.objects.remove(bpy.data.objects['Rig'])"),
        (b, PARENT_TO_BONE),
    )
    nobody_lists_anything(stage)


def test_the_image_of_an_empty_goes(mended):
    stage, a, b = mended
    a.do("""
        empty = bpy.data.objects.new("E", None)
        empty.empty_display_type = "IMAGE"
        bpy.context.scene.collection.objects.link(empty)
        empty.data = bpy.data.images.new("Picture", 4, 4)
        empty.image_user.frame_offset = 3
        del empty
    """)
    stage.settle()
    assert b.do("(lambda e: (e.data.name, e.image_user.frame_offset))(bpy.data.objects['E'])") == ("Picture", 3)
    a.do("bpy.data.objects['E'].data = None")
    stage.settle()
    assert b.do("bpy.data.objects['E'].data") is None
    nobody_lists_anything(stage)
    b.do("""
        bpy.data.objects["E"].data = bpy.data.images["Picture"]
        bpy.data.objects["E"].image_user.frame_offset = 5
    """)
    stage.settle()
    late = stage.peer(a.version)
    late.join()
    see = "(lambda e: (e.data.name, e.empty_display_type, e.image_user.frame_offset))(bpy.data.objects['E'])"
    assert [peer.do(see) for peer in (a, b, late)] == [("Picture", "IMAGE", 5)] * 3
    nobody_lists_anything(stage)


def test_an_area_light_that_another_makes_a_spot(mended):
    """What a spot does not have stays in the room, and is there when it is an area again."""
    stage, a, b = mended
    at_once(
        stage,
        (
            a,
            """
            bpy.data.lights["Light"].type = "AREA"
            light = bpy.data.lights["Light"]
            light.shape, light.size, light.size_y = "RECTANGLE", 3, 4
            del light
            """,
        ),
        (b, "bpy.data.lights['Light'].type = 'SPOT'"),
    )
    assert [peer.do("bpy.data.lights['Light'].type") for peer in (a, b)] == ["SPOT"] * 2
    nobody_lists_anything(stage)
    b.do("bpy.data.lights['Light'].type = 'AREA'")
    stage.settle()
    see = "(lambda li: (li.shape, li.size, li.size_y))(bpy.data.lights['Light'])"
    assert a.do(see) == b.do(see)
    nobody_lists_anything(stage)


def test_a_group_node_gets_a_copy_while_another_changes_the_original(mended):
    stage, a, b = mended
    a.do("""
        group = bpy.data.node_groups.new("Group", "ShaderNodeTree")
        group.use_fake_user = True
        for name in ("One", "Two"):
            for side in ("INPUT", "OUTPUT"):
                group.interface.new_socket(name, in_out=side, socket_type="NodeSocketFloat")
        tree = bpy.data.node_groups.new("Tree", "ShaderNodeTree")
        tree.use_fake_user = True
        tree.nodes.new("ShaderNodeGroup").node_tree = group
        del group, tree
    """)
    stage.settle()
    at_once(
        stage,
        (a, "n = bpy.data.node_groups['Tree'].nodes[0]; n.node_tree = n.node_tree.copy(); del n"),
        (
            b,
            """
            face = bpy.data.node_groups["Group"].interface
            face.remove(next(s for s in face.items_tree if s.name == "Two" and s.in_out == "OUTPUT"))
            face.new_socket("Three", in_out="OUTPUT", socket_type="NodeSocketFloat")
            face.new_socket("Three", in_out="INPUT", socket_type="NodeSocketFloat")
            node = bpy.data.node_groups["Tree"].nodes[0]
            node.inputs[0].default_value = 7
            node.outputs[-1].hide = True
            del face, node
            """,
        ),
    )
    nobody_lists_anything(stage)


def test_strips_without_an_action_stay_where_they_are(mended):
    """Adding a speaker makes one, and no call of Blender's does."""
    stage, a, b = mended
    a.do("bpy.ops.object.speaker_add()")
    made = a.do("[s.type for s in bpy.data.objects['Speaker'].animation_data.nla_tracks[0].strips]")
    stage.settle()
    see = "len(bpy.data.objects['Speaker'].animation_data.nla_tracks)"
    assert [peer.do(see) for peer in (a, b)] == [1, 1]
    nobody_lists_anything(stage)
    # What others do to the track leaves the strip alone.
    b.do("bpy.data.objects['Speaker'].animation_data.nla_tracks[0].name = 'Sound'")
    stage.settle()
    track = "bpy.data.objects['Speaker'].animation_data.nla_tracks[0]"
    assert a.do(f"({track}.name, [s.type for s in {track}.strips])") == ("Sound", made)
    assert made == ["SOUND"]
    nobody_lists_anything(stage)


# What each of two does at once, after what was there before. They show the same afterwards, and as it should be.
TWO_COLLECTIONS = """
    for name in ("X", "Y"):
        collection = bpy.data.collections.new(name)
        bpy.context.scene.collection.children.link(collection)
        collection.objects.link(bpy.data.objects.new(name, None))
    del collection
"""
AT_ONCE = {
    "collections are put into each other": (
        TWO_COLLECTIONS,
        "bpy.data.collections['X'].children.link(bpy.data.collections['Y'])",
        "bpy.data.collections['Y'].children.link(bpy.data.collections['X'])",
    ),
    "collections show each other": (
        TWO_COLLECTIONS,
        "bpy.data.objects['X'].instance_collection = bpy.data.collections['Y']",
        "bpy.data.objects['Y'].instance_collection = bpy.data.collections['X']",
    ),
    "a mesh goes while an object is made with it": (
        "",
        "bpy.data.meshes.remove(bpy.data.meshes['Cube'])",
        """
        bpy.context.scene.collection.objects.link(bpy.data.objects.new("Other", bpy.data.meshes["Cube"]))
        """,
    ),
    "a vertex group goes while it is painted": (
        """
        groups = bpy.data.objects["Cube"].vertex_groups
        groups.new(name="One").add(range(6), 0.3, "ADD")
        groups.new(name="Two").add(range(3, 8), 0.6, "ADD")
        del groups
        """,
        "groups = bpy.data.objects['Cube'].vertex_groups; groups.remove(groups['One']); del groups",
        """
        groups = bpy.data.objects["Cube"].vertex_groups
        groups["One"].add([0], 1.0, "REPLACE")
        groups["Two"].name = "Named"
        del groups
        """,
    ),
    "a socket goes while something is joined to it": (
        """
        group = bpy.data.node_groups.new("Group", "GeometryNodeTree")
        group.use_fake_user = True
        for name in ("One", "Two"):
            group.interface.new_socket(name, in_out="INPUT", socket_type="NodeSocketFloat")
        tree = bpy.data.node_groups.new("Tree", "GeometryNodeTree")
        tree.use_fake_user = True
        tree.nodes.new("GeometryNodeGroup").node_tree = group
        del group, tree
        """,
        """
        face = bpy.data.node_groups["Group"].interface
        face.remove(next(s for s in face.items_tree if s.name == "One"))
        del face
        """,
        """
        tree = bpy.data.node_groups["Tree"]
        tree.links.new(tree.nodes.new("ShaderNodeValue").outputs[0], tree.nodes["Group"].inputs["One"])
        del tree
        """,
    ),
    "a bone is moved while it is turned": (
        RIG,
        """
        rig = bpy.data.objects["Rig"]
        bpy.context.view_layer.objects.active = rig
        bpy.ops.object.mode_set(mode="EDIT")
        rig.data.edit_bones["Bone"].tail = (1, 1, 1)
        rig.data.edit_bones.new("Bone").tail = (0, 0, 1)
        bpy.ops.object.mode_set(mode="OBJECT")
        del rig
        """,
        """
        rig = bpy.data.objects["Rig"]
        bpy.context.view_layer.objects.active = rig
        bpy.ops.object.mode_set(mode="EDIT")
        rig.data.edit_bones["Bone"].roll = 1
        rig.data.edit_bones.new("Bone").tail = (0, 1, 0)
        bpy.ops.object.mode_set(mode="OBJECT")
        del rig
        """,
    ),
    "a strip goes while the effect on it is named": (
        """
        editor = bpy.context.scene.sequence_editor_create()
        strips = editor.strips if hasattr(editor, "strips") else editor.sequences
        takes = strips.bl_rna.functions["new_effect"].parameters.keys()
        end = {"length": 20} if "length" in takes else {"frame_end": 21}
        given = ("input1", "input2") if "input1" in takes else ("seq1", "seq2")
        ends = [strips.new_effect(name=n, type="COLOR", channel=i, frame_start=1, **end) for i, n in enumerate("AB", 1)]
        strips.new_effect(name="X", type="CROSS", channel=3, frame_start=1, **end, **dict(zip(given, ends)))
        del editor, strips, ends
        """,
        """
        editor = bpy.context.scene.sequence_editor
        strips = editor.strips if hasattr(editor, "strips") else editor.sequences
        strips.remove(strips["A"])
        del editor, strips
        """,
        """
        editor = bpy.context.scene.sequence_editor
        strips = editor.strips if hasattr(editor, "strips") else editor.sequences
        strips["X"].name = "Named"
        del editor, strips
        """,
    ),
}


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("what", AT_ONCE)
def test_nothing_is_listed_of_what_all_show_alike(mended, what, first):
    stage, a, b = mended
    before, *deeds = AT_ONCE[what]
    a.do(before)
    stage.settle()
    both = list(zip((a, b), deeds, strict=True))
    at_once(stage, *(both if first == 0 else both[::-1]))
    late = stage.peer(a.version)
    late.join()
    stage.settle()
    nobody_lists_anything(stage)


def test_what_was_refused_is_listed_until_it_no_longer_holds(mended):
    """Something else that others change does not end it, and the room's word that is taken does."""
    stage, a, b = mended
    a.do("bpy.context.scene.render.filepath = '/elsewhere/picture'")
    stage.settle()
    assert len(b.do(LISTED)) == 1
    assert "RenderSettings.filepath" in b.do(LISTED)[0]
    a.do("bpy.context.scene.frame_end = 99")
    stage.settle()
    idle(stage)
    assert b.do("bpy.context.scene.frame_end") == 99
    assert len(b.do(LISTED)) == 1
    a.do("bpy.context.scene.render.filepath = ''")
    stage.settle()
    assert b.do("bpy.context.scene.render.filepath") == ""
    nobody_lists_anything(stage)


def test_what_is_listed_goes_with_what_it_is_of(mended):
    stage, a, b = mended
    a.do("bpy.data.texts.new('Script').use_module = True")
    stage.settle()
    assert len(b.do(LISTED)) == 1
    b.do("bpy.data.texts.remove(bpy.data.texts['Script'])")
    stage.settle()
    nobody_lists_anything(stage)
