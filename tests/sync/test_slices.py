# SPDX-License-Identifier: GPL-3.0-or-later
"""Large work is split over ticks: a large document is read, and a large batch applied, a little at a time.

Time is not measured here. With a budget of nothing and slices of no length a tick does the least it can do, and what
it does is counted. Whatever happens between two slices, nothing may be lost, doubled or mixed up.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import assert_silent, joined

CURVES = 40

# In a Blender: slices as short as they can be, and how many items each tick has read.
SETUP = """
    from sync import capture, dirty, outgoing
    from sync.special import fcurves
    usual = capture.SLICE_MIN_S, outgoing.AGAIN_S, fcurves.FCurves.read_one
    capture.SLICE_MIN_S = outgoing.AGAIN_S = 0.0
    counts = []
    def counted(self, *more):
        counts[-1] += 1
        return usual[2](self, *more)
    fcurves.FCurves.read_one = counted
    def tick():
        counts.append(0)
        dirty.tracker.update_s = 0.0
        rep.tick(0)
    def curves():
        act = bpy.data.actions["Large"]
        return act.layers[0].strips[0].channelbags[0].fcurves if hasattr(act, "layers") else act.fcurves
    def values():
        return [[k.co.y for k in c.keyframe_points] for c in curves()]
"""
UNDO_SETUP = "capture.SLICE_MIN_S, outgoing.AGAIN_S, fcurves.FCurves.read_one = usual"

# What is looked at unasked would be counted, too.
LOOK_AWAY = "rep._audit_some = rep._poll_unreported = lambda deadline: None"
LOOK_AGAIN = "del rep._audit_some, rep._poll_unreported; counts.append(0)"

ANIMATE = f"""
    ob = bpy.data.objects.new("Animated", None)
    bpy.context.scene.collection.objects.link(ob)
    for i in range({CURVES}):
        ob[f"p{{i}}"] = 0.0
        for frame in (1, 10):
            ob.keyframe_insert(f'["p{{i}}"]', frame=frame)
    ob.animation_data.action.name = "Large"
"""


@pytest.fixture(scope="module")
def pair(version):
    with joined(version, 2) as (stage, (a, b)):
        a.do(SETUP)
        b.do(SETUP)
        a.do(ANIMATE)
        a.do("counts.append(0); bpy.context.view_layer.update()")
        b.do("counts.append(0)")
        stage.settle()
        yield stage, a, b
        for peer in (a, b):
            peer.do(UNDO_SETUP)


@pytest.fixture
def two(pair):
    """The same two for all tests, which after each exchange nothing."""
    stage, *peers = pair
    for peer in peers:
        peer.do(LOOK_AWAY)
    yield pair
    for peer in peers:
        peer.do(LOOK_AGAIN)
    stage.settle()
    assert_silent(stage)


def change(peer, value, curve=7):
    """Changes a key and starts to read: a few slices only."""
    peer.do(f"""
        counts.clear(); link.sent.clear()
        curves()[{curve}].keyframe_points[1].co.y = {value}
        rep._dirty[rep.identity.doc(bpy.data.actions["Large"])] = None
        for _ in range(300):
            if sum(counts) < 3: tick()
    """)
    assert peer.do("link.sent") == [] and 0 < peer.do("sum(counts)") < CURVES / 2, peer.do("counts")


def finish(peer):
    peer.do(f"""
        for _ in range({8 * CURVES}):
            if rep.pending: tick()
    """)
    assert peer.do("rep.pending") == 0 and peer.do("max(counts)") <= 2


def sent(peer):
    return peer.do("""
        doc = rep.identity.doc(bpy.data.actions["Large"])
        [(kind, sorted(k for s in tree["i"]["slots"].values() for k in s["i"]["fcurves"])) for d, kind, tree in link.sent if d == doc]
    """)


def test_a_large_action_is_read_a_few_curves_per_tick_and_sent_once(two):
    _stage, a, b = two
    change(a, 5.0)
    finish(a)
    assert a.do("len(counts)") > CURVES and a.do("sum(counts)") == CURVES
    ((kind, keys),) = sent(a)
    assert kind == "edit" and len(keys) == 1
    b.do("counts.append(0); rep.capture_all()")
    assert b.do("values()[7][1]") == 5.0


def test_what_changes_while_it_is_half_read_is_read_again(two):
    stage, a, b = two
    change(a, 6.0)
    a.do("curves()[0].keyframe_points[1].co.y = 7.0")
    a.do('act = bpy.data.actions["Large"]; act.update_tag(); bpy.context.view_layer.update()')
    a.do("from sync import dirty; dirty.tracker.uids[act.session_uid] = None")
    finish(a)
    b.do("counts.append(0); rep.capture_all()")
    assert b.do("(values()[0][1], values()[7][1])") == (7.0, 6.0)
    stage.settle()


def test_a_curve_that_goes_while_the_rest_is_read_does_no_harm(two):
    stage, a, b = two
    change(a, 8.0)
    a.do("curves().remove(curves()[3])")
    finish(a)
    stage.settle()
    assert a.do("values()") == b.do("values()") and a.do("len(values())") == CURVES - 1
    a.do("""curves().new('["p3"]', index=0).keyframe_points.insert(1, 3.0); counts.append(0)""")
    stage.settle()
    assert a.do("sorted(map(str, values()))") == b.do("sorted(map(str, values()))")


def test_what_comes_while_it_is_half_read_is_kept_with_ones_own(two):
    stage, a, b = two
    change(a, 12.0)
    b.do("curves()[9].keyframe_points[1].co.y = 11.0; counts.append(0); rep.capture_all()")
    a.do("counts.append(0); rep.tick(1000)")
    stage.settle()
    for peer in (a, b):
        assert peer.do("(values()[7][1], values()[9][1])") == (12.0, 11.0)


def test_undo_drops_what_was_half_read(two):
    stage, a, b = two
    a.do("bpy.ops.ed.undo_push(message='before')")
    a.do(
        "bpy.data.objects['Cube'].location.x = 9; bpy.ops.ed.undo_push(message='moved'); bpy.context.view_layer.update()"
    )
    a.do("counts.append(0); rep.capture_all()")
    change(a, 13.0)
    a.do("bpy.ops.ed.undo()")
    a.do("counts.append(0); rep.tick(1000)")
    stage.settle()
    assert a.do("values()") == b.do("values()")
    assert a.do("bpy.data.objects['Cube'].location.x") == b.do("bpy.data.objects['Cube'].location.x") == 0


def test_a_mesh_is_read_by_attributes_and_its_weights_by_vertices(two):
    stage, a, b = two
    a.do("""
        from sync.special import weights
        mesh = bpy.data.meshes.new("Weighted")
        mesh.from_pydata([(i, 0, 0) for i in range(3000)], [], [])
        ob = bpy.data.objects.new("Weighted", mesh)
        bpy.context.scene.collection.objects.link(ob)
        for name in ("one", "two"):
            ob.vertex_groups.new(name=name).add(range(0, 3000, 2), 0.25, "REPLACE")
        counts.append(0); rep.capture_all()
        link.sent.clear()
        ob.vertex_groups["two"].add([2222], 0.75, "REPLACE")
        mesh.vertices[5].co.z = 4
        doc = rep.identity.doc(mesh)
        rep._dirty[doc] = None
    """)
    a.do("ticks = 0")
    a.do("""
        while rep.pending and ticks < 200:
            tick(); ticks += 1
    """)
    assert a.do("[kind for d, kind, _ in link.sent if d == doc]") == ["edit"]
    assert a.do("ticks") >= 3000 / a.do("weights.POINTS_PER_SLICE") / 2
    b.do("counts.append(0); rep.capture_all()")
    look = """
        ob = bpy.data.objects["Weighted"]
        (ob.data.vertices[5].co.z, [[round(g.weight, 3) for g in ob.data.vertices[i].groups] for i in (2221, 2222, 2224)])
    """
    assert b.do(look) == a.do(look) == (4, [[], [0.25, 0.75], [0.25, 0.25]])
    stage.settle()


MANY = 30


def test_many_objects_are_made_over_many_ticks_and_appear_at_once(two):
    stage, a, b = two
    a.do(f"""
        mesh = bpy.data.meshes.new("shared")
        for i in range({MANY}):
            bpy.context.scene.collection.objects.link(bpy.data.objects.new(f"many{{i}}", mesh))
        counts.append(0); rep.capture_all()
    """)
    seen = b.do(f"""
        seen = []
        for _ in range({3 * MANY}):
            tick()
            made = sum(o.name.startswith("many") for o in bpy.data.objects)
            shown = sum(o.name.startswith("many") for o in bpy.context.scene.collection.objects)
            seen.append((made, shown))
        seen
    """)
    made = [m for m, _ in seen]
    assert made[-1] == MANY and max(y - x for x, y in zip([0, *made], made, strict=False)) <= 1
    assert {shown for _, shown in seen} == {0, MANY}
    assert b.do("rep.pending") == 0
    stage.settle()


def test_ones_own_change_stands_over_what_waits_to_be_applied(two):
    stage, a, b = two
    a.do(f"""
        for i in range({MANY}):
            bpy.data.objects[f"many{{i}}"].location = bpy.data.objects[f"many{{i}}"].scale = (1, 1, 3)
        counts.append(0); rep.capture_all()
    """)
    waits = b.do("""
        tick()
        ob = next(o for o in bpy.data.objects if o.name.startswith("many") and o.location.x == 0)
        ob.location.x = 5
        doc = rep.identity.doc(ob)
        rep._dirty[doc] = None
        doc in rep._inbox and ob.name
    """)
    assert waits
    b.do(f"for _ in range({2 * MANY}): tick()")
    stage.settle()
    for peer in (a, b):
        assert peer.do(f"(lambda o: (*o.location, *o.scale))(bpy.data.objects['{waits}'])") == (5, 0, 0, 1, 1, 3)
        assert (
            peer.do(f"sum(tuple(bpy.data.objects[f'many{{i}}'].location) == (1, 1, 3) for i in range({MANY}))")
            == MANY - 1
        )


def test_what_one_deletes_is_not_brought_back_by_what_waits(two):
    stage, a, b = two
    a.do(f"""
        for i in range({MANY}):
            bpy.data.objects[f"many{{i}}"].scale = (2, 2, 2)
        counts.append(0); rep.capture_all()
    """)
    gone = b.do("""
        tick()
        ob = next(o for o in bpy.data.objects if o.name.startswith("many") and o.scale.x == 1)
        name = ob.name
        bpy.data.objects.remove(ob)
        name
    """)
    b.do(f"for _ in range({2 * MANY}): tick()")
    stage.settle()
    for peer in (a, b):
        assert peer.do(f"'{gone}' not in bpy.data.objects")
        assert peer.do("sum(o.name.startswith('many') for o in bpy.data.objects)") == MANY - 1


def test_many_removals_are_one_batch_and_nothing_is_read_for_them(two):
    stage, a, b = two
    b.do("counts.append(0); rep.capture_all()")
    a.do("""
        bpy.data.batch_remove([o for o in bpy.data.objects if o.name.startswith("many")])
        counts.append(0); rep.capture_all()
    """)
    b.do("""
        many = {rep.identity.doc(o) for o in bpy.data.objects if o.name.startswith("many")}
        read = []
        real = rep._reader.read_block
        rep._reader.read_block = lambda doc, *more, **how: read.append(doc) or real(doc, *more, **how)
        tick()
        rep._reader.read_block = real
    """)
    assert b.do("sum(o.name.startswith('many') for o in bpy.data.objects)") == 0
    assert b.do("len(many)") >= MANY - 1 and b.do("len(many.intersection(read))") == 0
    stage.settle()


def test_a_name_is_free_when_its_owner_is_deleted_in_the_same_batch(two):
    stage, a, b = two
    a.do("""
        bpy.data.objects["Light"].name = "Other"
        bpy.data.objects.remove(bpy.data.objects["Camera"])
        bpy.data.objects.new("Camera", None)
        counts.append(0); rep.capture_all()
    """)
    b.do("counts.append(0); rep.capture_all()")
    assert b.do("bpy.data.objects['Camera'].type") == "EMPTY"
    stage.settle()
