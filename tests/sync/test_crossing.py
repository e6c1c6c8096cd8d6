# SPDX-License-Identifier: GPL-3.0-or-later
"""What others did and the driver has fetched, and what the user does before the replicator looks at that.

The engine counts an event as seen from when it was fetched, so an edit that is sent afterwards comes after it, in the room's order and in
Blender. A flush that went on with its pass sent edits while such events still lay in the link: applied later, they went over
the user's own edit, in his Blender alone, for good.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import both

# As the driver does it: fetched at one time, and looked at by the replicator at another.
IN_TWO_STEPS = """
    fetched, fetch = [], link.poll
    def deliver():
        fetched.extend(fetch(4096))
    def taken(count):
        out = fetched[:count]
        del fetched[:count]
        return out
    link.poll = taken
"""
IN_ONE_STEP = "link.poll = lambda count: taken(count) + fetch(count)"

# what a does, what b does afterwards, where both look then, and what they see
DEEDS = {
    "a value": ("o.location.x = 1", "o.location.x = 2", "o.location.x", 2),
    "a reference": ("s.world = bpy.data.worlds['A']", "s.world = bpy.data.worlds['B']", "s.world.name", "B"),
    "a name": ("o.name = 'From a'", "o.name = 'From b'", "o.name", "From b"),
    "members": (
        "o.users_collection[0].objects.unlink(o)",
        "o.location.x = 2",
        "(o.location.x, len(o.users_collection))",
        (2, 0),
    ),
}
HERE = "s = bpy.data.scenes[0]; o = next(o for o in bpy.data.objects if o.type == 'MESH'); "


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("when", ["in a flush", "before an undo", "in a tick"])
def test_the_later_edit_counts_for_both(two, deed, when):
    stage, a, b = two
    first, then, see, last = DEEDS[deed]
    a.do("for n in 'AB': bpy.data.worlds.new(n).use_fake_user = True")
    stage.settle()
    b.do("bpy.ops.ed.undo_push(message='begin')")
    b.do(IN_TWO_STEPS)
    b.do("steps = rep.capture_slowly(); next(steps)")
    a.do(HERE + first)
    a.do("rep.capture_all()")
    b.do("deliver()")
    b.do(HERE + then + "; bpy.context.view_layer.update()")
    if when == "in a flush":
        b.do("for _ in steps: pass")
    elif when == "before an undo":
        # What is undone is later than that edit.
        b.do("bpy.ops.ed.undo_push(message='edit'); bpy.context.scene.frame_end = 77")
        b.do("bpy.ops.ed.undo_push(message='more'); bpy.ops.ed.undo()")
    b.do(IN_ONE_STEP)
    stage.settle()
    expression = f"(lambda s, o: {see})(bpy.data.scenes[0], next(o for o in bpy.data.objects if o.type == 'MESH'))"
    assert both(a, b, expression) == last
