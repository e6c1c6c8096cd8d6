# SPDX-License-Identifier: MIT
"""Real scenes are the same for who hosts them and who joins, value by value.

`make fidelity` prints this for every scene and every Blender; here are those that must be exact already, so that a change that
breaks one of them does not wait until somebody looks. They go the whole way: add-on to add-on, over a real server.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.blender.conftest import _get
from tests.fidelity import compare, run

EXACT = [
    ("grande_salle", "bpy42"),
    ("grande_salle", "bpy45"),
    ("grande_salle", "bpy50"),
    ("vertex_colors", "bpy42"),
    ("vertex_colors", "bpy45"),
    ("vertex_colors", "bpy50"),
    ("node_groups", "bpy45"),
    ("node_groups", "bpy50"),
]
VALUES_MIN = 1_000_000
"""Fewer cannot be all of one of these scenes."""


@pytest.mark.parametrize(("scene", "name"), EXACT)
def test_a_real_scene_is_the_same_for_who_joins(scene: str, name: str, atrium_zip: Path, tmp_path: Path) -> None:
    blender = _get(name)
    file = run.scenes_folder() / f"{scene}.blend"
    if not file.is_file():
        pytest.skip(f"NO SCENES: there is no {file}, so nothing was compared; ATRIUM_SCENES names their folder")
    result = run.Result(scene, name)
    run.through_server(blender, file, tmp_path, atrium_zip, result)
    told = [result.failed, *result.notes, *(compare.lines(result.report) if result.report else [])]
    assert result.is_exact, "\n".join(told)
    assert result.report is not None and result.report.values > VALUES_MIN


def test_make_fidelity_asks_no_less() -> None:
    assert all(run.Result(scene, name).must_be_exact for scene, name in EXACT)
