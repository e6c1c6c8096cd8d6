# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender shows after it was told is compared with what it should show: healed and counted, or listed, and never sent."""

from __future__ import annotations

import os
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import assert_silent

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


def test_what_blender_clamps_is_no_fault(mended):
    """It stays in the room, nobody sends another one, and nothing is listed: that is the nearest that Blender has."""
    stage, a, b = mended
    doc = a.do("rep.identity.doc(bpy.data.lights['Light'])")
    a.do(f"link.submit({doc!r}, 'edit', {{'p': {{'color': [-1.0, 0.5, 0.5]}}}})")
    stage.settle()
    idle(stage)
    assert b.do("bpy.data.lights['Light'].color[0]") == 0
    assert (b.do(LISTED), b.do("rep.healed")) == ([], 0)
    assert_silent(stage)


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
