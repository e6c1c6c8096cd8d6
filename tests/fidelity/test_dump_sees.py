# SPDX-License-Identifier: MIT
"""The dumper reports every kind of change, and nothing where nothing changed.

All of `make fidelity` rests on it: a dumper that overlooks pixels or handles calls any two scenes
equal, and one that reads addresses calls none equal.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from tests.blender.blenders import REPO, Blender
from tests.blender.conftest import Start
from tests.fidelity.compare import compare

HERE = REPO / "tests" / "fidelity"


def check(code: str, folder: str) -> Any:
    import sys

    sys.path.insert(0, code)
    from tests.fidelity import mutations

    return mutations.check(folder)


def begin(code: str, folder: str) -> None:
    import sys

    sys.path.insert(0, code)
    from tests.fidelity import mutations

    mutations.begin(folder)


def reload(code: str, folder: str) -> Any:
    import sys

    sys.path.insert(0, code)
    from tests.fidelity import mutations

    return [*mutations.unchanged(folder), mutations.saved_again(folder)]


def test_every_kind_of_change_is_reported(kind: Blender, start: Start, tmp_path: Path) -> None:
    results = start(kind).call(check, str(REPO), str(tmp_path / "blender"), timeout=300)
    assert len(results) > 80
    overlooked = [r for r in results if r["expected"] not in r["reported"]]
    assert overlooked == []


def test_loading_or_saving_changes_nothing(official: Blender, start: Start, tmp_path: Path) -> None:
    start(official, "one").call(begin, str(REPO), str(tmp_path))
    values, loaded, saved = start(official, "two").call(reload, str(REPO), str(tmp_path))
    assert values > 9000
    assert loaded == []
    assert saved == []


def test_two_processes_dump_the_same(official: Blender, start: Start, tmp_path: Path) -> None:
    start(official).call(begin, str(REPO), str(tmp_path))
    for name in ("left", "right"):
        run_dump(official, tmp_path / "scene.blend", tmp_path / name)
    report = compare(tmp_path / "left", tmp_path / "right")
    assert report.values > 9000
    assert report.differences == []


def run_dump(blender: Blender, scene: Path, out: Path) -> None:
    command = [str(blender.folder / "run"), str(HERE / "dump.py"), str(scene), str(out)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def results(code: str) -> dict[str, list[str]]:
    """Which results of evaluation count, by object: named after what is about it."""
    import sys

    import bpy

    sys.path.insert(0, code)
    from tests.fidelity import exclusions, extras

    made = {}

    def add(name: str, parent: str | None = None, target: str | None = None, shown: bool = True) -> None:
        made[name] = bpy.data.objects.new(name, None)
        made[name].parent = made.get(parent)
        if target:
            made[name].constraints.new("COPY_LOCATION").target = made[target]
        if shown:
            bpy.context.scene.collection.objects.link(made[name])

    add("plain")
    add("child", "plain")
    add("two ways", "child", "plain")
    add("unseen", shown=False)
    add("child of unseen", "unseen")
    add("one", "plain")
    add("other", "plain", "one")
    made["one"].constraints.new("TRACK_TO").target = made["other"]
    add("on a circle", "other")
    bpy.context.view_layer.update()
    counting = exclusions.RESULTS
    return {name: sorted(counting - extras.stale(ob)) for name, ob in made.items()}


def test_results_count_where_blender_evaluates_them(official: Blender, start: Start) -> None:
    """An object whose parent no view layer shows is evaluated, but not its matrix relative to the parent: that is computed when it is
    read, with what the parent showed last. Random edits ended with a difference there."""
    counting = start(official).call(results, str(REPO))
    every = counting.pop("plain")
    assert "matrix_world" in every
    assert counting.pop("child of unseen") == [name for name in every if name != "matrix_local"]
    assert {name for name, kept in counting.items() if kept == every} == {"child", "two ways"}
    assert {name for name, kept in counting.items() if not kept} == {"unseen", "one", "other", "on a circle"}


def without_target(code: str) -> dict[str, tuple[Any, ...]]:
    """What is seen of two alike whose constraint has no target: of one it is gone, of the other there never was one."""
    import sys

    import bpy

    sys.path.insert(0, code)
    from tests.fidelity import extras

    target = bpy.data.objects.new("target", None)
    bpy.context.scene.collection.objects.link(target)
    target.location = (3.0, 2.0, 1.0)
    made = {}
    for name, aim in (("gone", target), ("never", None)):
        made[name] = bpy.data.objects.new(name, None)
        made[name].rotation_euler = (0.65, 0.055, 1.866)
        bpy.context.scene.collection.objects.link(made[name])
        made[name].constraints.new("TRACK_TO").target = aim
        bpy.context.view_layer.update()
    bpy.data.objects.remove(target)
    extras.settle()
    return {
        name: (ob.constraints[0].is_valid, ob.constraints[0].influence, [list(row) for row in ob.matrix_world])
        for name, ob in made.items()
    }


def test_a_constraint_without_its_target_is_invalid(official: Blender, start: Start) -> None:
    """Random edits ended with matrices that differed by 1e-7: Blender had not looked since the target went."""
    seen = start(official).call(without_target, str(REPO))
    assert seen["gone"] == seen["never"]
    assert seen["gone"][:2] == [False, 1.0]
