# SPDX-License-Identifier: GPL-3.0-or-later
"""Two real Blenders share one scene: whatever either does, both show the same at rest, and then they are silent."""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import Stage, available  # noqa: E402

VERSION = os.environ.get("ATRIUM_SYNC_BLENDER", "bpy42")
pytestmark = pytest.mark.skipif(not available(VERSION), reason=f"no {VERSION} here: run the script that installs Blenders")


@pytest.fixture
def two():
    stage = Stage()
    a, b = stage.peer(VERSION), stage.peer(VERSION)
    try:
        a.upload()
        b.join()
        stage.settle()
        yield stage, a, b
        stage.settle()
        assert_silent(stage)
    finally:
        stage.close()


def assert_silent(stage):
    before = stage.room.head()
    for peer in stage.peers:
        peer.do("link.sent.clear(); rep.capture_all()")
        peer.do("rep.tick(2000)")
        assert peer.do("link.sent") == []
    assert stage.room.head() == before


def test_the_default_scene_arrives(two):
    _, a, b = two
    assert a.do("sorted(o.name for o in bpy.data.objects)") == b.do("sorted(o.name for o in bpy.data.objects)")
    assert b.do("len(bpy.data.objects['Cube'].data.vertices)") == 8
    assert b.do("[s.name for s in bpy.data.scenes]") == ["Scene"]
    assert b.do("bpy.context.window.scene.name") == "Scene"


def test_a_location_goes_both_ways(two):
    stage, a, b = two
    a.do("bpy.data.objects['Cube'].location = (1, 2, 3)")
    stage.settle()
    assert b.do("list(bpy.data.objects['Cube'].location)") == [1, 2, 3]
    b.do("bpy.data.objects['Cube'].location.x = 7.1")
    stage.settle()
    assert a.do("list(bpy.data.objects['Cube'].location)")[0] == pytest.approx(7.1)
