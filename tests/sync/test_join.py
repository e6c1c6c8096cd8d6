# SPDX-License-Identifier: GPL-3.0-or-later
"""Who joins may go on working while the scene is built: what is done meanwhile reaches everybody.

A large scene takes seconds, in slices between which Blender is the user's.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import HESITANT, assert_silent, both, fresh_stage


@pytest.fixture
def two(version):
    """The first has uploaded some scene; the second is about to join, in slices as short as they get."""
    stage, (a, b) = fresh_stage(version, 2)
    a.do("""
        for i in range(12):
            m = bpy.data.materials.new(f"M{i}"); m.use_nodes = True
            o = bpy.data.objects.new(f"O{i}", bpy.data.objects["Cube"].data.copy()); o.data.materials[0] = m
            o.parent = bpy.data.objects.get(f"O{i - 3}")
            bpy.context.scene.collection.objects.link(o)
    """)
    a.upload()
    b.do("from sync import replicator; replicator.BUILD_SLICE_S = 0.0; dones = []")
    yield stage, a, b
    stage.settle()
    assert_silent(stage)


# What is done at each pause of the build: `done` says so once it could be done.
JOIN = """
for value in rep.replace_all():
    if not dones and deed():
        dones.append(value)
"""
DEEDS = {
    "a value": "o = bpy.data.objects.get('O4')\n    if o: o.location.x = 7\n    return o",
    "a value that Blender does not report": "o = bpy.data.objects.get('O4')\n    if o: o['x'] = 7\n    return o",
    "a value of a scene": "s = bpy.data.scenes.get('Scene')\n    if s: s.frame_end = 77\n    return s",
    "a name": "o = bpy.data.materials.get('M1')\n    if o: o.name = 'Other'\n    return o",
    "a parent": "o = bpy.data.objects.get('O4')\n    if o: o.parent = bpy.data.objects['O0']\n    return o",
    "a removal": "o = bpy.data.meshes.get('Cube')\n    if o: bpy.data.meshes.remove(o)\n    return not not o",
    "an addition": "bpy.context.scene.collection.objects.link(bpy.data.objects.new('Mine', None))\n    return True",
    "an undo": """bpy.ops.ed.undo_push(message='x')
    if 'O4' not in bpy.data.objects: return False
    bpy.ops.ed.undo_push(message='y'); bpy.ops.ed.undo(); bpy.ops.ed.undo()
    return True""",
}
SEEN = {
    "a value": ("bpy.data.objects['O4'].location.x", 7),
    "a value that Blender does not report": ("bpy.data.objects['O4'].get('x')", 7),
    "a value of a scene": ("bpy.data.scenes['Scene'].frame_end", 77),
    "a name": ("'Other' in bpy.data.materials, 'M1' in bpy.data.materials", (True, False)),
    "a parent": ("bpy.data.objects['O4'].parent.name", "O0"),
    "a removal": ("'Cube' in bpy.data.meshes, 'Cube' in bpy.data.objects", (False, False)),
    "an addition": ("bpy.context.scene.name, [c.name for c in bpy.data.objects['Mine'].users_collection]", None),
    "an undo": ("len(bpy.data.objects), 'M11' in bpy.data.materials", (15, True)),
}
WHOLE = """(sorted((o.name, o.data and o.data.name, o.parent and o.parent.name) for o in bpy.data.objects),
    sorted((m.name, [x.name for x in m.materials]) for m in bpy.data.meshes), sorted(s.name for s in bpy.data.scenes))"""


@pytest.mark.parametrize("kind", DEEDS)
def test_what_is_done_while_the_scene_is_built(two, kind):
    stage, a, b = two
    b.do("def deed():\n    " + DEEDS[kind] + JOIN)
    assert b.do("len(dones)") == 1, "the build left no time for it"
    stage.settle()
    code, value = SEEN[kind]
    seen = both(a, b, code)
    if value is not None:
        assert seen == value
    both(a, b, WHOLE)


def test_no_time_between_the_last_look_and_the_removal(two):
    """What is made after the old scene was secured and before it is removed would be nowhere."""
    _, _, b = two
    first = b.do("steps = rep.replace_all(); next(steps), len(bpy.data.objects)")
    assert tuple(first) == (0.3, 0)
    b.do("for _ in steps: pass")


def test_the_first_undo_does_not_bring_back_the_empty_scene(two):
    """Loading the empty scene is the first step of the undo history. An undo back to it removed the whole room for a moment, and
    brought a scene that nobody had made."""
    stage, a, b = two
    b.do("""
        from pathlib import Path
        empty = str(Path(replicator.__file__).parents[1] / "session" / "empty.dat")
        bpy.ops.wm.read_homefile(filepath=empty, use_empty=True, load_ui=False)
    """)
    b.join()
    steps = b.do("bpy.context.preferences.edit.undo_steps")
    b.do("rep.tick(1000); bpy.data.objects['O4'].location.x = 7; bpy.ops.ed.undo_push(message='move')")
    stage.settle()
    b.do("bpy.ops.ed.undo()")
    assert b.do("len(bpy.data.objects), bpy.data.objects['O4'].location.x") == (15, 0)
    b.do("""
        for _ in range(3):
            try: bpy.ops.ed.undo()
            except RuntimeError: break  # nothing is left
    """)
    assert b.do("len(bpy.data.objects)") == 15
    stage.settle()
    assert both(a, b, "[s.name for s in bpy.data.scenes]") == ["Scene"]
    both(a, b, WHOLE)
    assert b.do("bpy.context.preferences.edit.undo_steps") == steps


def test_a_room_made_while_the_queue_is_full_has_everything(version):
    stage, (a, b) = fresh_stage(version, 2)
    a.do("bpy.ops.mesh.primitive_monkey_add(); bpy.ops.mesh.primitive_uv_sphere_add()")
    a.do(HESITANT)
    a.upload()
    assert a.do("[str(x) for x in rep.unread]") == []
    a.do("link.put_blob = put")
    b.join()
    assert both(a, b, "sorted((o.name, o.data and o.data.name) for o in bpy.data.objects)")
    assert both(a, b, "sorted((m.name, len(m.vertices)) for m in bpy.data.meshes)")
    stage.settle()
    assert_silent(stage)
