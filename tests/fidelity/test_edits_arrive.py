# SPDX-License-Identifier: MIT
"""One change of each kind, made in one Blender, is the same in the other, and nothing comes back.

The changes are those that show that the dumper sees (`mutations.py`), made one after the other in a
room that two replicators share without a network: what goes wrong here is capture's or apply's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.blender.blenders import REPO, Blender
from tests.blender.conftest import Start
from tests.blender.process import BlenderProcess
from tests.fidelity.compare import Difference, compare

# Before 4.5 only the result of custom normals can be read, and only such a result can be set: they are rounded twice.
ROUNDED_NORMALS = {"MeshLoop": 1e-4, "MeshNormalValue": 1e-4}


def setup(repo: str) -> None:
    import sys

    sys.path.insert(0, repo)
    sys.modules.pop("tests", None)
    from tests.fidelity import direct, mutations

    globals().update(direct=direct, mutations=mutations)


def prepare(folder: str) -> list[str]:
    mutations: Any = globals()["mutations"]
    direct: Any = globals()["direct"]
    scene = f"{folder}/scene.blend"
    mutations.save(scene)
    direct.host_scene(scene, folder)
    return [change.__name__ for change, _kind in mutations.MUTATIONS]


def join(folder: str) -> Any:
    direct: Any = globals()["direct"]
    return direct.join_scene(folder)


def change(name: str, folder: str) -> int:
    """Makes one change; the number of operations that it was worth."""
    mutations: Any = globals()["mutations"]
    direct: Any = globals()["direct"]
    next(c for c, _kind in mutations.MUTATIONS if c.__name__ == name)()
    sent = direct.send_changes(folder)
    direct.dump(f"{folder}/left")
    return int(sent)


def receive(folder: str) -> Any:
    direct: Any = globals()["direct"]
    echoes = direct.receive_changes(folder)
    direct.dump(f"{folder}/right")
    return echoes


def test_every_kind_of_change_arrives(kind: Blender, start: Start, tmp_path: Path) -> None:
    folder = str(tmp_path / "room")
    (tmp_path / "room" / "files").mkdir(parents=True)
    anna, ben = start(kind, "anna"), start(kind, "ben")
    for person in (anna, ben):
        person.call(setup, str(REPO))
    names = anna.call(prepare, folder)
    assert ben.call(join, folder) == []
    rounded = {} if kind.version >= (4, 5, 0) else ROUNDED_NORMALS
    known: set[str] = set()
    # Who joined is as good an editor as who hosts: one Blender shows the one, the others the other.
    editor, other = (ben, anna) if kind.name == "bpy45" else (anna, ben)
    wrong = [line for name in names for line in one(editor, other, name, folder, known, rounded)]
    assert not wrong, "\n".join(wrong)


def is_rounding(difference: Difference, rounded: dict[str, float]) -> bool:
    limit = rounded.get(difference.kind.partition(".")[0])
    return limit is not None and difference.distance is not None and difference.distance <= limit


def one(
    editor: BlenderProcess, other: BlenderProcess, name: str, folder: str, known: set[str], rounded: dict[str, float]
) -> list[str]:
    """Makes a change; what is wrong afterwards that was not so before it."""
    sent = editor.call(change, name, folder)
    echoes = other.call(receive, folder)
    report = compare(Path(folder) / "left", Path(folder) / "right")
    wrong = [] if sent else [f"{name}: nothing was sent"]
    wrong += [f"{name}: echo {line}" for line in echoes]
    fresh = [d for d in report.differences if d.path not in known and not is_rounding(d, rounded)]
    known.update(d.path for d in fresh)
    return wrong + [f"{name}: {difference}" for difference in fresh]
