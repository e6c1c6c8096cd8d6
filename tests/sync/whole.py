# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether several Blenders show the same, as the fidelity tests' dumper sees it: it shares no code with the replicator."""

from __future__ import annotations

import atexit
from pathlib import Path

from peers import FRESH, HERE, Peer, Stage, assert_silent
from tests.fidelity import compare

# What Blender computes when and where it evaluates something, and what is of whoever sits there.
NOISE = ("Object.bound_box", "Object.dimensions", "TrackToConstraint.is_valid", "CopyLocationConstraint.is_valid")
# It names the slots of whatever object is active.
NOISE += ("ParticleSettings.material_slot",)

# Blender's own factory scene is not evaluated yet (its material), and remembers what nobody sees (which UVs are selected).
TIDY = """
    cube = bpy.data.objects["Cube"].data
    for name in [a.name for a in cube.attributes if a.name.startswith(".uv_select")]:
        cube.attributes.remove(cube.attributes[name])
    bpy.data.materials.remove(cube.materials[0])
    cube.materials.clear()
    cube.materials.append(bpy.data.materials.new("Grey"))
    cube.materials[0].use_nodes = True
"""

LOOK = """
    import sys
    for folder in ({here!r}, {repo!r}):
        if folder not in sys.path:
            sys.path.append(folder)
    import deeds
    deeds.show_all(); deeds.drop_empty_animation(); deeds.show_animation(); deeds.drop_stale_texture_space()
    from tests.fidelity.dump import dump
    dump({dump!r})
"""


def assert_alike(stage, people):
    """All show the same."""
    dumps = []
    for number, peer in enumerate(people):
        dumps.append(Path(stage.folder) / f"whole{number}")
        peer.do(LOOK.format(here=str(HERE), repo=str(HERE.parents[1]), dump=str(dumps[-1])))
    for number, other in enumerate(dumps[1:], 1):
        found = [str(d) for d in compare.compare(dumps[0], other).differences if not _is_noise(d)]
        assert not found, [f"0 and {number}", *found[:12], people[number].do("[str(r) for r in rep.refused]")]


def _is_noise(difference):
    """Also the ways through a node, which are from when Blender last had to find them."""
    return difference.kind in NOISE or difference.path.endswith(".internal_links")


def assert_whole(stage, version, people):
    """All show the same, so does one who joins now, and then they are silent."""
    stage.settle()
    late = _newcomer(stage, version)
    try:
        late.join()
        stage.settle()
        assert_alike(stage, [*people, late])
        assert_silent(stage)
        _kept[:] = [(stage, late)]
    except BaseException:
        late.close()
        raise
    finally:
        stage.peers.remove(late)


# Who came late the last time, for the next: to start a Blender takes longer than most tests.
_kept: list[tuple[Stage, Peer]] = []


def _newcomer(stage, version):
    kept = [late for of, late in _kept if of is stage]
    for of, late in _kept:
        if of is not stage:
            late.close()
    _kept.clear()
    if not kept:
        late = stage.peer(version)
        atexit.register(late.close)
        return late
    stage.peers.append(kept[0])
    kept[0].do(FRESH.format(member=kept[0].number))
    return kept[0]
