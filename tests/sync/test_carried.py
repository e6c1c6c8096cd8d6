# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections and rows that have no name of their own in any table, or that only calls can set: made here, they are there.

Each is made in one Blender, changed in the other, and emptied again; a late joiner sees the same.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import assert_silent, both

GROUP = "bpy.data.node_groups['T']"
NODE = f"{GROUP}.nodes['N']"
# Node, collection, and the type of socket of its things.
MADE = [
    ("FunctionNodeFormatString", "format_items", "FLOAT"),
    ("NodeCombineBundle", "bundle_items", "FLOAT"),
    ("NodeSeparateBundle", "bundle_items", "FLOAT"),
    ("NodeClosureOutput", "input_items", "FLOAT"),
    ("NodeClosureOutput", "output_items", "FLOAT"),
    ("NodeEvaluateClosure", "input_items", "FLOAT"),
    ("GeometryNodeForeachGeometryElementOutput", "input_items", "FLOAT"),
    ("GeometryNodeForeachGeometryElementOutput", "main_items", "FLOAT"),
    ("GeometryNodeForeachGeometryElementOutput", "generation_items", "FLOAT"),
    ("GeometryNodeViewer", "viewer_items", "FLOAT"),
    ("GeometryNodeFieldToGrid", "grid_items", "FLOAT"),
    ("CompositorNodeOutputFile", "file_output_items", "FLOAT"),
]


@pytest.mark.parametrize("kind,name,socket", MADE)
def test_items_of_nodes(two, kind, name, socket):
    stage, a, b = two
    tree = "CompositorNodeTree" if kind.startswith("Compositor") else "GeometryNodeTree"
    if not a.do(f"hasattr(bpy.types, {kind!r}) and {name!r} in bpy.types.{kind}.bl_rna.properties"):
        return
    a.do(f"""
        n = bpy.data.node_groups.new("T", {tree!r}).nodes.new({kind!r})
        n.name = "N"
        n.{name}.new({socket!r}, "One")
        n.{name}.new({socket!r}, "Two")
    """)
    stage.settle()
    shown = f"[i.name for i in {NODE}.{name}], [len({NODE}.inputs), len({NODE}.outputs)]"
    assert both(a, b, shown)[0][-2:] == ["One", "Two"]
    assert_silent(stage)
    b.do(
        f"n = {NODE}; n.{name}[-1].name = 'Three'; n.{name}.new({socket!r}, 'Four'); n.{name}.move(len(n.{name}) - 1, 0)"
    )
    stage.settle()
    assert both(a, b, shown)[0][0] == "Four"
    b.do(f"{NODE}.{name}.clear()")
    stage.settle()
    assert both(a, b, shown)[0] == []
    assert not a.do("[str(r) for r in rep.refused]") and not b.do("[str(r) for r in rep.refused]")


def test_values_at_the_sockets_of_items(two):
    stage, a, b = two
    if not a.do("hasattr(bpy.types, 'NodeCombineBundle')"):
        return
    a.do("""
        n = bpy.data.node_groups.new("T", "GeometryNodeTree").nodes.new("NodeCombineBundle")
        n.name = "N"
        n.bundle_items.new("FLOAT", "One")
        n.inputs["One"].default_value = 3
    """)
    stage.settle()
    assert both(a, b, f"{NODE}.inputs['One'].default_value") == 3


def test_projectors(two):
    stage, a, b = two
    a.do("""
        m = bpy.data.objects["Cube"].modifiers.new("U", "UV_PROJECT")
        m.projector_count = 2
        m.projectors[0].object, m.projectors[1].object = bpy.data.objects["Camera"], bpy.data.objects["Light"]
    """)
    stage.settle()
    shown = "[getattr(p.object, 'name', '') for p in bpy.data.objects['Cube'].modifiers['U'].projectors]"
    assert both(a, b, shown) == ["Camera", "Light"]
    b.do(
        "m = bpy.data.objects['Cube'].modifiers['U']; m.projectors[1].object = None; m.projectors[0].object = bpy.data.objects['Light']"
    )
    stage.settle()
    assert both(a, b, shown) == ["Light", ""]
    b.do("bpy.data.objects['Cube'].modifiers['U'].projector_count = 1")
    stage.settle()
    assert both(a, b, shown) == ["Light"]


def test_the_vertices_of_a_hook(two):
    stage, a, b = two
    a.do("""
        m = bpy.data.objects["Cube"].modifiers.new("H", "HOOK")
        m.object = bpy.data.objects["Light"]
        m.vertex_indices_set([5, 0, 3])
    """)
    stage.settle()
    shown = "list(bpy.data.objects['Cube'].modifiers['H'].vertex_indices)"
    assert sorted(both(a, b, shown)) == [0, 3, 5]
    both(a, b, "[list(row) for row in bpy.data.objects['Cube'].modifiers['H'].matrix_inverse]")
    b.do("bpy.data.objects['Cube'].modifiers['H'].vertex_indices_set([1])")
    stage.settle()
    assert both(a, b, shown) == [1]
    b.do("bpy.data.objects['Cube'].modifiers['H'].vertex_indices_set([])")
    stage.settle()
    assert both(a, b, shown) == []


def test_the_points_of_an_envelope(two):
    stage, a, b = two
    a.do("""
        o = bpy.data.objects["Cube"]
        d = o.driver_add("location", 0)
        m = d.modifiers.new("ENVELOPE")
        for frame in (1, 20, 5):
            m.control_points.add(frame)  # what it returns may lie elsewhere already
        m.control_points.foreach_set("max", (0.1, 0.5, 2))
        m.control_points.foreach_set("frame", (30, 5, 20))
    """)
    stage.settle()
    env = "next(m for m in bpy.data.objects['Cube'].animation_data.drivers[0].modifiers if m.type == 'ENVELOPE')"
    shown = f"[(p.frame, p.min, round(p.max, 4)) for p in {env}.control_points]"
    assert both(a, b, shown) == [(30.0, -1.0, 0.1), (5.0, -1.0, 0.5), (20.0, -1.0, 2.0)]
    b.do(f"m = {env}; m.control_points.remove(m.control_points[0]); m.control_points.foreach_set('min', (-3, -1))")
    stage.settle()
    assert both(a, b, shown) == [(5.0, -3.0, 0.5), (20.0, -1.0, 2.0)]


SEGMENTS = """
    def modifier(kind):
        if hasattr(bpy.types, "DashGpencilModifierData"):
            return bpy.data.objects["G"].grease_pencil_modifiers[kind]
        return bpy.data.objects["G"].modifiers[kind]

    def what(kind):
        if kind == "Dash":
            return "dash"
        return "seg_repeat" if hasattr(bpy.types, "DashGpencilModifierData") else "segment_repeat"

    def run(what, kind, **more):
        new = not hasattr(bpy.types, "DashGpencilModifierData")
        name = f"grease_pencil_{kind.lower()}_modifier_segment_{what}" if new else (
            f"segment_{what}" if kind == "Dash" else f"time_segment_{what}")
        with bpy.context.temp_override(object=bpy.data.objects["G"], active_object=bpy.data.objects["G"]):
            getattr(bpy.ops.object if new else bpy.ops.gpencil, name)(modifier=kind, **more)
"""


@pytest.mark.parametrize("kind", ["Dash", "Time"])
def test_segments(two, kind):
    stage, a, b = two
    for peer in (a, b):
        peer.do(SEGMENTS)
    a.do(f"""
        old = hasattr(bpy.types, "DashGpencilModifierData")
        blocks = bpy.data.grease_pencils_v3 if hasattr(bpy.data, "grease_pencils_v3") else bpy.data.grease_pencils
        ob = bpy.data.objects.new("G", blocks.new("G"))
        bpy.context.scene.collection.objects.link(ob)
        (ob.grease_pencil_modifiers if old else ob.modifiers).new("{kind}", ("GP_" if old else "GREASE_PENCIL_") + "{kind}".upper())
        run("add", "{kind}")
        run("add", "{kind}")
        for i, segment in enumerate(modifier("{kind}").segments):
            segment.name = "ABC"[i]
            setattr(segment, what("{kind}"), 3 + i)
    """)
    stage.settle()
    shown = f"[(s.name, getattr(s, what('{kind}'))) for s in modifier('{kind}').segments]"
    assert both(a, b, shown) == [("A", 3), ("B", 4), ("C", 5)]
    b.do(f"""
        modifier("{kind}").segment_active_index = 2
        run("move", "{kind}", type="UP")
        modifier("{kind}").segment_active_index = 0
        run("remove", "{kind}", index=0)
    """)
    stage.settle()
    assert both(a, b, shown) == [("C", 5), ("B", 4)]


def test_cryptomatte(two):
    stage, a, b = two
    a.do("""
        if hasattr(bpy.context.scene, "compositing_node_group"):
            tree = bpy.data.node_groups.new("T", "CompositorNodeTree")
        else:
            bpy.context.scene.use_nodes = True
            tree = bpy.context.scene.node_tree
        tree["mine"] = True
        n = tree.nodes.new("CompositorNodeCryptomatteV2")
        n.name = "N"
        n.matte_id = "Cube,Lamp"
    """)
    stage.settle()
    tree = "next(t for t in [*bpy.data.node_groups, *(getattr(s, 'node_tree', None) for s in bpy.data.scenes)] if t and 'mine' in t)"
    shown = f"[(e.name, e.encoded_hash) for e in {tree}.nodes['N'].entries]"
    assert [name for name, _ in both(a, b, shown)] == ["Cube", "Lamp"]
