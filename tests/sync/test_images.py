# SPDX-License-Identifier: GPL-3.0-or-later
"""Images: which of them are nobody else's, and what several people do to one."""

from __future__ import annotations

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
