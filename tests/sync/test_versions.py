# SPDX-License-Identifier: GPL-3.0-or-later
"""What older Blenders call otherwise: documents hold the newest name, whoever wrote them, and each Blender sees its own.

Both sides of the other tests run the same Blender, where a table that was empty would be missed by nobody.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import OFFICIAL, assert_silent, available, drop_stage, fresh_stage

OLD, NEW = OFFICIAL[0], OFFICIAL[-1]
ENGINE = "bpy.context.scene.render.engine"
# Of each table: until which version it is needed, and (part, property, name there, name in documents) of each line.
LINES = """
    from sync import versions
    lines = [(until, part, prop, here, newest) for until, table in versions._TABLES
             for (part, prop), names in table.ENUMS.items() for here, newest in names.items()]
"""


@pytest.fixture
def alone(version):
    stage, (peer,) = fresh_stage(version, 1)
    try:
        peer.do(LINES)
        yield stage, peer
    except BaseException:
        drop_stage()
        raise


def test_every_line_of_every_table_goes_both_ways(alone):
    _, peer = alone
    lines = peer.do("lines")
    assert lines
    for until, part, prop, here, newest in lines:
        tree = {"p": {"x": 1}, "s": {f"@{part}": {"p": {prop: here, "y": here}}, "@other": {"p": {prop: here}}}}
        other = {"p": {"x": 1}, "s": {f"@{part}": {"p": {prop: newest, "y": here}}, "@other": {"p": {prop: here}}}}
        if peer.do("bpy.app.version") < until:
            assert peer.do(f"versions.to_schema({tree!r})") == other
            assert peer.do(f"versions.from_schema({other!r})") == tree
        else:
            assert peer.do(f"versions.to_schema({other!r})") == other
            assert peer.do(f"versions.from_schema({other!r})") == other
        # Neither way changes what it is given: trees share what they have in common.
        assert peer.do(f"(lambda t: (versions.to_schema(t), versions.from_schema(t), t)[2])({tree!r})") == tree


def test_names_are_those_of_this_blender_and_of_the_newest(alone):
    """A line that names what no Blender has would never be noticed otherwise."""
    _, peer = alone
    for until, part, prop, here, newest in peer.do("lines"):
        old = peer.do("bpy.app.version") < until
        taken = f"setattr(bpy.context.scene.{part}, {prop!r}, {{!r}})"
        peer.do(taken.format(here if old else newest))
        with pytest.raises(RuntimeError, match="not found"):
            peer.do(taken.format(newest if old else here))


def test_documents_hold_the_newest_name(alone):
    stage, peer = alone
    old = peer.do("bpy.app.version") < (5, 0, 0)
    peer.do(f"{ENGINE} = {'BLENDER_EEVEE_NEXT' if old else 'BLENDER_EEVEE'!r}")
    peer.upload()
    scene = peer.do("rep.identity.doc(bpy.context.scene)")
    assert stage.room.tree_of(scene)["s"]["@render"]["p"]["engine"] == "BLENDER_EEVEE"
    # As an edit, too.
    peer.do(f"{ENGINE} = 'BLENDER_WORKBENCH'")
    stage.settle()
    assert stage.room.tree_of(scene)["s"]["@render"]["p"]["engine"] == "BLENDER_WORKBENCH"
    peer.do(f"{ENGINE} = {'BLENDER_EEVEE_NEXT' if old else 'BLENDER_EEVEE'!r}")
    stage.settle()
    assert stage.room.tree_of(scene)["s"]["@render"]["p"]["engine"] == "BLENDER_EEVEE"
    assert_silent(stage)


def test_types_have_their_newest_name(alone):
    """What is drawn on top of an editor has three names in the versions from 4.2 to 5.0; strokes of objects have two."""
    stage, peer = alone
    peer.do("""
        getattr(bpy.data, "annotations", bpy.data.grease_pencils).new("Notes").use_fake_user = True
        strokes = getattr(bpy.data, "grease_pencils_v3", bpy.data.grease_pencils if hasattr(bpy.data, "annotations") else None)
        if strokes is not None:
            strokes.new("Sketch").use_fake_user = True
    """)
    peer.upload()
    found = {tree["name"]: tree["type"] for tree in stage.room.all_trees().values()}
    assert found["Notes"] == "Annotation" and found.get("Sketch", "GreasePencil") == "GreasePencil"
    assert ("Sketch" in found) == (peer.do("bpy.app.version") >= (4, 3, 0))


@pytest.mark.parametrize("first", [OLD, NEW])
def test_old_and_new_in_one_room(first):
    """Blenders of two versions do not meet in a real room yet; what each makes of the other's documents shows here."""
    for name in (OLD, NEW):
        if not available(name):
            pytest.skip(f"NO BLENDER: no {name} here: run tests/setup/blenders.sh")
    drop_stage()
    stage, (a,) = fresh_stage(first, 1)
    try:
        b = stage.peer(NEW if first == OLD else OLD)
        names = {OLD: "BLENDER_EEVEE_NEXT", NEW: "BLENDER_EEVEE"}
        here, there = names[first], names[NEW if first == OLD else OLD]
        a.do(f"{ENGINE} = {here!r}")
        a.upload()
        b.join()
        assert b.do(ENGINE) == there
        # The change itself, not only the whole document.
        b.do(f"{ENGINE} = 'BLENDER_WORKBENCH'; rep.capture_all()")
        a.do("rep.tick(1000)")
        assert a.do(ENGINE) == "BLENDER_WORKBENCH"
        b.do(f"{ENGINE} = {there!r}; rep.capture_all()")
        a.do("rep.tick(1000)")
        assert a.do(ENGINE) == here
    finally:
        drop_stage()
