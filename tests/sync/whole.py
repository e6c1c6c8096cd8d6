# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of nodes and stacks ask at their end: the same scene for all, and for one who joins only then."""

from __future__ import annotations

import dumps
from peers import assert_silent


def _is_noise(difference):
    """Also what names the slots of whatever object is active, and the ways through a node, which are from when Blender last had to find them."""
    return (
        dumps.is_noise(difference)
        or difference.kind == "ParticleSettings.material_slot"
        or difference.path.endswith(".internal_links")
    )


def assert_alike(stage, people):
    """All show the same."""
    found = dumps.differences(stage, people, _is_noise)
    assert not found, [*found, *(peer.do("[str(r) for r in rep.refused]") for peer in people)]


def assert_whole(stage, version, people):
    """All show the same, so does one who joins now, and then they are silent."""
    stage.settle()
    late = stage.peer(version)
    try:
        late.join()
        stage.settle()
        assert_alike(stage, [*people, late])
        assert_silent(stage)
    except BaseException:
        stage.peers.remove(late)
        late.close()
        raise
    stage.set_aside([late])
