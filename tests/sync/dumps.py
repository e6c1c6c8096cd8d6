# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether several peers hold the same scene, by the dumper of the fidelity tests, which shares no code with the replicator.

Every value of every datablock is compared. Before, each peer lets Blender evaluate what no view layer shows (or it lies where it did when somebody
last saw it, which each did at another time): this changes what is looked at, so it is the last thing that a test does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from peers import Peer, Stage, assert_silent
from tests.fidelity import compare
from tests.fidelity.records import bin_path

HERE = Path(__file__).resolve().parent

# What Blender computes when and where it evaluates something; and the numbers that each Blender gives to the slots of an action.
NOISE = (
    *("Object.bound_box", "Object.dimensions", "TrackToConstraint.is_valid", "CopyLocationConstraint.is_valid"),
    *(
        "ActionSlot.handle",
        "ActionChannelbag.slot_handle",
        "AnimData.action_slot_handle",
        "NlaStrip.action_slot_handle",
    ),
    *("ActionConstraint.action_slot_handle",),
)
# Lists whose order is that of making: it means nothing, and Blender has no call that changes it.
SETS = ("Action.slots", "AnimData.action_suitable_slots", "ActionKeyframeStrip.channelbags")

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

DUMP = """
    import sys
    for folder in ({here!r}, {repo!r}):
        if folder not in sys.path:
            sys.path.append(folder)
    import deeds
    from tests.fidelity.dump import dump
    deeds.show_all(); deeds.drop_empty_animation(); deeds.show_animation(); deeds.drop_stale_texture_space()
    dump({path!r})
"""
SHOWN_MAX = 12


def is_noise(difference: compare.Difference) -> bool:
    return difference.kind in NOISE or (difference.kind in SETS and _names(difference.left) == _names(difference.right))


def _names(listed: str) -> list[str]:
    return sorted(listed.strip("[]").split(", "))


def differences(
    stage: Stage, peers: Sequence[Peer], ignored: Callable[[compare.Difference], bool] = is_noise
) -> list[str]:
    """What the others hold otherwise than the first one."""
    dumps = [Path(stage.folder) / f"dump{i}" for i in range(len(peers))]
    for peer, path in zip(peers, dumps, strict=True):
        peer.do(DUMP.format(here=str(HERE), repo=str(HERE.parents[1]), path=str(path)))
    wrong = []
    for i, other in enumerate(dumps[1:], 1):
        if _bytes(other) == _bytes(dumps[0]):
            continue  # as mostly, and known in no time
        found = [d for d in compare.compare(dumps[0], other).differences if not ignored(d)]
        wrong += [f"0 and {i}: {d}" for d in found[:SHOWN_MAX]]
    return wrong


def differences_with_a_late_one(stage: Stage, peers: Sequence[Peer]) -> list[str]:
    """Between these and one who joins now; before and after that nobody exchanges anything."""
    stage.settle()
    assert_silent(stage)
    late = stage.peer(peers[0].version)
    late.join()
    assert_silent(stage)
    return differences(stage, [*peers, late])


def _bytes(path: Path) -> list[bytes]:
    return [file.read_bytes() for file in (path, bin_path(path))]
