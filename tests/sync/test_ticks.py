# SPDX-License-Identifier: GPL-3.0-or-later
"""What the timer does, tick by tick: reported changes go at once, unreported ones soon, nothing while Blender renders.

Blender reports neither custom properties nor markers, texts, modifier inputs or orphans; only polling finds them. These
tests use no full capture pass, as the others do.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import HESITANT, assert_silent, joined


@pytest.fixture(scope="module")
def pair(version):
    with joined(version, 2) as (stage, (a, b)):
        yield stage, a, b


@pytest.fixture
def two(pair):
    """The same two for all tests, which after each exchange nothing."""
    yield pair
    pair[0].settle()
    assert_silent(pair[0])


def test_a_reported_change_takes_one_tick(two):
    _, a, b = two
    a.do("bpy.data.objects['Cube'].location.x = 3; bpy.context.view_layer.update(); rep.tick(1)")
    b.do("rep.tick(1)")
    assert b.do("bpy.data.objects['Cube'].location.x") == 3


UNREPORTED = {
    "custom property": ("bpy.data.objects['Cube']['size'] = 3", "bpy.data.objects['Cube'].get('size')"),
    "marker": ("bpy.context.scene.timeline_markers.new('M', frame=7)", "len(bpy.context.scene.timeline_markers)"),
    "text": (
        "bpy.data.texts.new('T').write('abc')",
        "'T' in bpy.data.texts and bpy.data.texts['T'].as_string()",
    ),
    "more text": ("bpy.data.texts['T'].write('def')", "bpy.data.texts['T'].as_string()"),
    "orphan": ("bpy.data.materials.new('Orphan')", "'Orphan' in bpy.data.materials"),
    "colour tag": (
        "bpy.data.collections['Collection'].color_tag = 'COLOR_03'",
        "bpy.data.collections['Collection'].color_tag",
    ),
    "pixels": (
        "i = bpy.data.images.new('I', 2, 2); i.pixels[0] = 0.25",
        "'I' in bpy.data.images and bpy.data.images['I'].pixels[0]",
    ),
}


@pytest.mark.parametrize("what", UNREPORTED)
def test_an_unreported_change_takes_a_few_ticks(two, what):
    _, a, b = two
    change, look = UNREPORTED[what]
    a.do("for _ in range(5): rep.tick(20)")
    a.do(change)
    wanted = a.do(look)
    a.do("""
        import time
        end = time.monotonic() + 8
        link.sent.clear()
        while not link.sent and time.monotonic() < end:
            rep.tick(5); time.sleep(0.01)
        for _ in range(20): rep.tick(5)
    """)
    b.do("for _ in range(3): rep.tick(20)")
    assert b.do(look) == wanted


def test_nothing_happens_while_blender_renders(two):
    stage, a, b = two
    b.do("from sync import dirty; is_busy = dirty.Tracker.busy; dirty.Tracker.busy = lambda self: True")
    a.do("bpy.data.objects['Cube'].location.y = 8; rep.capture_all()")
    b.do("bpy.data.objects['Cube'].scale.z = 4; link.sent.clear()")
    b.do("for _ in range(5): rep.tick(20)")
    b.do("rep.capture_all()")
    assert b.do("bpy.data.objects['Cube'].location.y") == 0
    assert b.do("link.sent") == []
    b.do("dirty.Tracker.busy = is_busy")
    stage.settle()
    for peer in (a, b):
        assert peer.do("(lambda o: (o.location.y, o.scale.z))(bpy.data.objects['Cube'])") == (8, 4)


def test_a_full_queue_loses_nothing(two):
    stage, a, b = two
    a.do("link.full = True; bpy.data.objects['Light'].location.x = 6; o = bpy.data.objects.new('Late', None)")
    a.do("for _ in range(5): rep.tick(20)")
    b.do("bpy.data.objects['Light'].scale.y = 7; rep.capture_all()")
    a.do("for _ in range(5): rep.tick(20)")
    a.do("link.full = False")
    stage.settle()
    for peer in (a, b):
        assert peer.do("(lambda o: (o.location.x, o.scale.y))(bpy.data.objects['Light'])") == (6, 7)
        assert peer.do("'Late' in bpy.data.objects")


def test_a_full_queue_loses_no_removal(two):
    stage, a, b = two
    # The render result is looked at by each scan anew, and whatever is gone with it.
    a.do("bpy.data.batch_remove(bpy.data.images[:])")
    a.do("for i in range(3): bpy.data.objects.new(f'Doomed {i}', None)")
    stage.settle()
    a.do("link.full = True; bpy.data.batch_remove([o for o in bpy.data.objects if o.name.startswith('Doomed')])")
    a.do("for _ in range(3): rep._scanned = 0.0; rep.tick(1000)")
    a.do("link.full = False")
    a.do("for _ in range(3): rep._scanned = 0.0; rep.tick(1000)")
    b.do("for _ in range(5): rep.tick(1000)")
    assert b.do("[o.name for o in bpy.data.objects if o.name.startswith('Doomed')]") == []


def test_an_array_for_which_the_queue_has_no_room_goes_later(two):
    """It is not one that cannot be read; and who asks for a complete pass is told that it was none."""
    _, a, b = two
    a.do("bpy.ops.mesh.primitive_monkey_add(); bpy.context.object.data.name = 'Monkey'; rep.capture_all()")
    a.do(HESITANT)
    a.do(
        "m = bpy.data.meshes['Monkey']; m.transform(((2, 0, 0, 0), (0, 2, 0, 0), (0, 0, 2, 0), (0, 0, 0, 1))); m.update()"
    )
    assert a.do("""
        from sync.blobs import QueueFull
        try:
            rep.capture_all(); told = False
        except QueueFull:
            told = True
        told, [str(x) for x in rep.unread]
    """) == (True, [])
    a.do("for _ in range(9): rep.tick(1000)")
    a.do("link.put_blob = put")
    b.do("for _ in range(3): rep.tick(1000)")
    look = "max(v.co.x for v in bpy.data.meshes['Monkey'].vertices)"
    assert a.do(look) == b.do(look) > 2


def test_what_arrives_while_the_queue_is_full_is_remembered(two):
    """What it shows is read back, which sends nothing: or the next undo would take the work of others away."""
    stage, a, b = two
    a.do("bpy.data.images.new('Seen', 8, 8).use_fake_user = True")
    stage.settle()
    b.do("link.full = True")
    a.do("i = bpy.data.images['Seen']; i.pixels[:] = [0.2, 0.4, 0.6, 1.0] * 64; i.update(); rep.capture_all()")
    b.do("for _ in range(3): rep.tick(1000)")
    b.do("link.full = False")
    green = "round(bpy.data.images['Seen'].pixels[1], 3)"
    assert a.do(green) == b.do(green) == 0.4
    doc = b.do("rep.identity.doc(bpy.data.images['Seen'])")
    assert b.do(f"rep.state.room_tree({doc!r})['p']['pixels']") == stage.room.tree_of(doc)["p"]["pixels"]
    stage.settle()
    assert b.do("[str(x) for x in rep.refused]") == []


def test_a_datablock_that_cannot_be_read_does_not_stop_the_others(two):
    stage, a, b = two
    a.do("""
        real = rep._reader.read_block
        def broken(doc, block, *more, **options):
            if block.name == "Camera":
                raise OSError("boom")
            return real(doc, block, *more, **options)
        rep._reader.read_block = broken
        bpy.data.objects["Camera"].location.x = 1
        bpy.data.objects["Light"].location.z = 11
        bpy.context.view_layer.update()
        for _ in range(5): rep.tick(20)
        rep._reader.read_block = real
    """)
    b.do("rep.tick(20)")
    assert b.do("bpy.data.objects['Light'].location.z") == 11
    assert "boom" in str(a.do("[str(x) for x in rep.unread]"))
    stage.settle()
    assert a.do("[str(x) for x in rep.unread]") == []
    assert b.do("bpy.data.objects['Camera'].location.x") == 1


def test_a_plain_object_costs_little_memory(two):
    _, a, _ = two
    assert a.do("rep.state.shadows[rep.identity.doc(bpy.data.objects['Cube'])].bytes_used()") < 4096


def test_leaving_removes_the_handlers(pair):
    _, a, _ = pair
    a.do("rep.detach()")
    handlers = "[f.__module__ for l in (bpy.app.handlers.depsgraph_update_post, bpy.app.handlers.undo_post) for f in l]"
    assert "sync.dirty" not in a.do(handlers)
