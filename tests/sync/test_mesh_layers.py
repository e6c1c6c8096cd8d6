# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mesh holds beside its attributes: skin vertices, and Freestyle marks before 5.0.

Whoever changes the topology of a mesh sends all of it, and the others build it anew: what is not carried is gone there.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import assert_silent, at_once

PLANE = """
    mesh = bpy.data.meshes.new("Plane")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], [], [(0, 1, 2, 3)])
    ob = bpy.data.objects.new("Plane", mesh)
    bpy.context.scene.collection.objects.link(ob)
    del mesh, ob
"""
# In edit mode, as a user does it.
SUBDIVIDE = """
    ob = bpy.data.objects["Plane"]
    with bpy.context.temp_override(object=ob, active_object=ob, selected_objects=[ob]):
        bpy.context.view_layer.objects.active = ob
        bpy.ops.object.mode_set(mode="EDIT")
        import bmesh
        bm = bmesh.from_edit_mesh(ob.data)
        bm.edges.ensure_lookup_table()
        bmesh.ops.subdivide_edges(bm, edges=[bm.edges[2]], cuts=1)
        bmesh.update_edit_mesh(ob.data)
        del bm
        bpy.ops.object.mode_set(mode="OBJECT")
    del ob
"""
SKIN = """[(tuple(round(x, 5) for x in v.radius), v.use_root, v.use_loose)
    for layer in bpy.data.meshes["Plane"].skin_vertices for v in layer.data]"""
MADE = ((0.25, 0.25), False, False)
ROOT = ((0.25, 0.25), True, False)
MARKED = """
def marked():
    mesh, out = bpy.data.meshes["Plane"], []
    for elements, name in (("edges", "freestyle_edge"), ("polygons", "freestyle_face")):
        marks = mesh.attributes.get(name)
        for i, e in enumerate(getattr(mesh, elements)):
            is_marked = e.use_freestyle_mark if hasattr(e, "use_freestyle_mark") else marks is not None and marks.data[i].value
            if is_marked:
                out.append((elements, tuple(sorted(e.vertices))))
    return out
def mark(elements, indices, value=True):
    mesh = bpy.data.meshes["Plane"]
    for i in indices:
        e = getattr(mesh, elements)[i]
        if hasattr(e, "use_freestyle_mark"):
            e.use_freestyle_mark = value
        else:
            name, domain = {"edges": ("freestyle_edge", "EDGE"), "polygons": ("freestyle_face", "FACE")}[elements]
            (mesh.attributes.get(name) or mesh.attributes.new(name, "BOOLEAN", domain)).data[i].value = value
"""


def nothing_is_lost(peers):
    for peer in peers:
        assert peer.do("[str(r) for r in rep.refused], [str(u) for u in rep.unread]") == ([], [])


def alike(peers, see):
    found = [peer.do(see) for peer in peers]
    assert found[1:] == found[:-1]
    return found[0]


def test_skin_radii_outlive_what_others_do_to_the_mesh(three):
    stage, a, b, c = three
    peers = (a, b, c)
    a.do(PLANE)
    a.do("bpy.data.objects['Plane'].modifiers.new('Skin', 'SKIN')")
    stage.settle()
    assert alike(peers, SKIN) == [ROOT, MADE, MADE, MADE]
    a.do("""
        data = bpy.data.meshes["Plane"].skin_vertices[0].data
        data[3].radius, data[2].use_root, data[1].use_loose = (1, 2), True, True
        del data
    """)
    stage.settle()
    radii = [ROOT, ((0.25, 0.25), False, True), ((0.25, 0.25), True, False), ((1, 2), False, False)]
    assert alike(peers, SKIN) == radii
    b.do(SUBDIVIDE)
    stage.settle()
    after = alike(peers, SKIN)
    assert len(after) == 5
    assert after[:4] == radii
    nothing_is_lost(peers)
    # Back to what a new layer holds, and then without the modifier.
    b.do("""
        for i, v in enumerate(bpy.data.meshes["Plane"].skin_vertices[0].data):
            v.radius, v.use_root, v.use_loose = (0.25, 0.25), i == 0, False
    """)
    stage.settle()
    assert alike(peers, SKIN) == [ROOT, *[MADE] * 4]
    c.do("ob = bpy.data.objects['Plane']; ob.modifiers.remove(ob.modifiers[0]); del ob")
    stage.settle()
    assert alike(peers, SKIN) == []
    nothing_is_lost(peers)


def test_a_new_skin_layer_overwrites_no_radius(three):
    """The layer comes to the others with the modifier, while its maker goes on; and to a mesh that is built anew."""
    stage, a, b, c = three
    a.do(PLANE)
    stage.settle()
    a.do("bpy.data.objects['Plane'].modifiers.new('Skin', 'SKIN'); rep.capture_all()")
    b.do("rep.tick(1000)")
    at_once(
        stage,
        (a, "bpy.data.meshes['Plane'].skin_vertices[0].data[1].radius = (3, 4)"),
        (b, "bpy.data.objects['Plane'].location.x = 1"),
    )
    assert alike((a, b, c), SKIN) == [ROOT, ((3, 4), False, False), MADE, MADE]
    a.do("bpy.data.meshes['Plane'].skin_vertices[0].data[1].radius = (0.25, 0.25)")
    stage.settle()
    c.do(SUBDIVIDE)
    stage.settle()
    assert alike((a, b, c), SKIN) == [ROOT, *[MADE] * 4]
    nothing_is_lost((a, b, c))


def test_freestyle_marks_outlive_what_others_do_to_the_mesh(three):
    stage, a, b, c = three
    peers = (a, b, c)
    for peer in peers:
        peer.do(MARKED)
    a.do(PLANE)
    stage.settle()
    a.do("mark('edges', [0, 1]); mark('polygons', [0])")
    stage.settle()
    assert len(alike(peers, "marked()")) == 3
    b.do(SUBDIVIDE)
    stage.settle()
    after = alike(peers, "marked()")
    assert len(after) >= 3
    assert ("edges", (0, 1)) in after
    c.do("mark('edges', range(len(bpy.data.meshes['Plane'].edges)), False); mark('polygons', [0], False)")
    stage.settle()
    assert alike(peers, "marked()") == []
    nothing_is_lost(peers)


@pytest.mark.parametrize("by", ["others", "edit mode"])
def test_marks_of_a_large_mesh(two, by):
    """They are not read each time; but after edit mode, and after others have set them."""
    stage, a, b = two
    for peer in (a, b):
        peer.do(MARKED)
        if peer.do("'use_freestyle_mark' in bpy.types.MeshEdge.bl_rna.properties"):
            peer.do("from sync.special import mesh as meshes; meshes.MARKS_READ_EDGES_MAX = 2")
    a.do(PLANE)
    stage.settle()
    a.do("""
        ob = bpy.data.objects["Plane"]
        bpy.context.view_layer.objects.active = ob
        with bpy.context.temp_override(object=ob, active_object=ob, selected_objects=[ob]):
            bpy.ops.object.mode_set(mode="EDIT")
            rep.capture_all()
            bpy.ops.mesh.select_all(action="SELECT")
            bpy.ops.mesh.mark_freestyle_edge(clear=False)
            bpy.ops.object.mode_set(mode="OBJECT")
        del ob
    """)
    stage.settle()
    assert len(alike((a, b), "marked()")) == 4
    if by == "others":
        b.do(SUBDIVIDE)
        stage.settle()
        assert len(alike((a, b), "marked()")) == 5
    nothing_is_lost((a, b))
    assert_silent(stage)
    for peer in (a, b):
        peer.do("if 'meshes' in globals(): meshes.MARKS_READ_EDGES_MAX = 20_000")
