# SPDX-License-Identifier: GPL-3.0-or-later
"""What is removed takes along what only it could show, and leaves nothing behind that one Blender shows and another does not.

Blender clears up after a removal late, or when a file is next loaded: until then each would show what its own past has left.
Random edits (random_work.py) found these.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import both

NEW = "o = bpy.data.objects.new('New', bpy.data.{kind}.new('New')); m = o.data; bpy.context.scene.collection.objects.link(o); "
MESH = NEW.format(kind="meshes") + "m.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)]); "
GROUP = "o.vertex_groups.new(name='Top').add([1, 2], 0.25, 'REPLACE'); "
WEIGHTS = """(lambda o: [(g.name, [(p.groups[0].weight if len(p.groups) else 0) for p in list(o.data.{points})[:4]])
    for g in o.vertex_groups])(bpy.data.objects.new('Look', bpy.data.{kind}['{name}']))"""


@pytest.mark.parametrize("when", ["at once", "later"])
@pytest.mark.parametrize(
    ("make", "kind", "name", "points"),
    [
        (MESH, "meshes", "New", "vertices"),
        (NEW.format(kind="lattices"), "lattices", "New", "points"),
        ("o = bpy.data.objects['Cube']; m = o.data; ", "meshes", "Cube", "vertices"),
    ],
    ids=["new mesh", "new lattice", "known mesh"],
)
def test_weights_of_data_whose_object_is_gone(two, make, kind, name, points, when):
    """Only objects show the groups of their data; the weights of what no object uses were lost to all others."""
    stage, a, b = two
    a.do(make)
    if when == "later":
        stage.settle()
    a.do(GROUP + "m.use_fake_user = True; bpy.data.objects.remove(o)")
    stage.settle()
    seen = both(a, b, WEIGHTS.format(kind=kind, name=name, points=points))
    assert [(n, list(w)[:3]) for n, w in seen] == [("Top", [0, 0.25, 0.25])]
    both(a, b, "bpy.data.objects.remove(bpy.data.objects['Look'])")
    stage.settle()
    # It is looked at through an object of the replicator's once, and not again.
    assert both(a, b, "rep._reader.through_objects & {rep.identity.doc(bpy.data." + f"{kind}['{name}'])" + "}") == set()


def test_sockets_of_a_group_that_is_gone(two):
    """A node of a removed group keeps its sockets until something else changes in its tree."""
    stage, a, b = two
    a.do("""
        g = bpy.data.node_groups.new("G", "ShaderNodeTree")
        g.interface.new_socket("In", in_out="INPUT", socket_type="NodeSocketFloat")
        g.interface.new_socket("Out", in_out="OUTPUT", socket_type="NodeSocketFloat")
        outer = bpy.data.node_groups.new("Outer", "ShaderNodeTree")
        for tree in (outer, bpy.data.materials["Material"].node_tree):
            node = tree.nodes.new("ShaderNodeGroup"); node.name = "Used"; node.node_tree = g
        tree.links.new(node.outputs[0], tree.nodes["Principled BSDF"].inputs["Metallic"])
    """)
    stage.settle()
    b.do("bpy.data.node_groups.remove(bpy.data.node_groups['G'])")
    stage.settle()
    read = """[(n.node_tree, len(n.inputs), len(n.outputs), len(n.id_data.links)) for n in
        (bpy.data.materials['Material'].node_tree.nodes['Used'], bpy.data.node_groups['Outer'].nodes['Used'])]"""
    assert [tuple(x) for x in both(a, b, read)] == [(None, 0, 0, 1), (None, 0, 0, 0)]


def test_what_goes_is_edited_and_was_just_taken_out_of_its_collection(two):
    """Blender looks at the collections again only when it evaluates; the view layer still names the object until then."""
    stage, a, b = two
    b.do("""
        cube = bpy.data.objects["Cube"]
        bpy.context.view_layer.objects.active = cube
        bpy.ops.object.mode_set(mode="EDIT")
    """)
    stage.settle()
    a.do("bpy.data.objects.remove(bpy.data.objects['Cube']); rep.capture_all()")
    b.do("bpy.data.collections['Collection'].objects.unlink(cube); del cube; rep.tick(1000)")
    stage.settle()
    assert [peer.do("'Cube' in bpy.data.objects") for peer in (a, b)] == [False, False]
    assert b.do("bpy.data.meshes['Cube'].is_editmode") is False
