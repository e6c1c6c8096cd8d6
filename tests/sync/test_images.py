# SPDX-License-Identifier: GPL-3.0-or-later
"""Images: which of them are nobody else's, and what several people do to one."""

from __future__ import annotations

import pytest
from peers import both

LISTED = "[str(r) for r in rep.refused] + [str(u) for u in rep.unread]"


def test_a_render_result_stays_where_it_is(two):
    """Each Blender has one of its own. One that a node showed was sent all the same, and nobody could make it."""
    stage, a, b = two
    a.do("""
        result = next((i for i in bpy.data.images if i.source == 'VIEWER'), None)
        assert result is not None
        tree = bpy.data.materials['Material'].node_tree
        tree.nodes.new('ShaderNodeTexImage').image = result
        tree.nodes.new('ShaderNodeTexImage').image = result.copy()
    """)
    stage.settle()
    assert both(a, b, "sum(n.type == 'TEX_IMAGE' for n in bpy.data.materials['Material'].node_tree.nodes)") == 2
    assert a.do(LISTED) == b.do(LISTED) == []
    assert b.do("[i.name for i in bpy.data.images if i.name.startswith('Render Result.')]") == []


PIXELS = "[round(x, 2) for x in bpy.data.images['Paint'].pixels[:4]]"


@pytest.mark.parametrize("seen", [True, False])
def test_an_undo_of_packing_keeps_what_was_painted(two, seen):
    """Blender shows it still, and says that nothing was painted: the others went back to what the image was generated of."""
    stage, a, b = two
    a.do("""
        bpy.data.images.new('Paint', 2, 2).use_fake_user = True
        bpy.ops.ed.undo_push(message='made')
        image = bpy.data.images['Paint']
        image.pixels.foreach_set([0.2, 0.4, 0.6, 1.0] * 4)
        image.update()
        bpy.ops.ed.undo_push(message='painted')
    """)
    stage.settle()
    a.do("bpy.data.images['Paint'].pack(); bpy.ops.ed.undo_push(message='packed')")
    if seen:
        stage.settle()
        assert both(a, b, "bpy.data.images['Paint'].packed_file is not None") and both(a, b, PIXELS)
    a.do("bpy.ops.ed.undo()")
    stage.settle()
    assert both(a, b, "bpy.data.images['Paint'].source, bpy.data.images['Paint'].packed_file") == ("GENERATED", None)
    assert both(a, b, PIXELS) == [0.2, 0.4, 0.6, 1.0]


def test_an_undo_after_another_has_packed(two):
    """What others did is put back."""
    stage, a, b = two
    a.do("""
        bpy.data.images.new('Paint', 2, 2).use_fake_user = True
        bpy.data.images['Paint'].pixels.foreach_set([0.2, 0.4, 0.6, 1.0] * 4)
        bpy.ops.ed.undo_push(message='painted')
        bpy.data.objects['Cube'].location.x = 3
        bpy.ops.ed.undo_push(message='moved')
    """)
    stage.settle()
    b.do("bpy.data.images['Paint'].pack()")
    stage.settle()
    a.do("bpy.data.images['Paint'].pixels[0]; bpy.ops.ed.undo()")
    stage.settle()
    assert both(a, b, "bpy.data.images['Paint'].source, bpy.data.images['Paint'].packed_file.size")
    assert both(a, b, PIXELS) == [0.2, 0.4, 0.6, 1.0]
