# SPDX-License-Identifier: MIT
"""A join that is cancelled by a click on the real button leaves the scene as it was, wherever it was.

The button is the thing: the states in which a join can hang are few and short, and a panel that does not draw it in one of
them leaves no way out. The whole scene is compared, as what is put back is read from a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.addon import windows
from tests.addon.together import Line, differences, dump_scene, session
from tests.blender.blenders import REPO
from tests.blender.inside import bpy
from tests.blender.party import Person, run_operator, wait_for_state
from tests.fidelity import compare


def hold_builds() -> None:
    """From now on the build of a room's scene stops half-way, until `let_builds_go`."""
    scene = session()._scene
    make = scene.replicator

    def making(link: Any, room: str) -> Any:
        made = make(link, room)
        whole = made.replace_all

        def held() -> Iterator[float]:
            for value in whole():
                yield value
                while value >= 0.5 and globals()["held"]:
                    yield value

        made.replace_all = held
        return made

    scene.replicator = making
    globals()["held"] = True


def let_builds_go() -> None:
    globals()["held"] = False


def is_held() -> Iterator[None]:
    while session().state.progress is None or session().state.progress.value < 0.5:
        yield


def make_unsaved_work() -> None:
    bpy.ops.mesh.primitive_monkey_add()
    bpy.ops.ed.undo_push(message="monkey")


def dumped(person: Person, path: Path) -> Path:
    person.call(dump_scene, str(REPO), str(path))
    return path


def begin_join(person: Person) -> None:
    person.call(run_operator, "atrium.join_room", {"name": "Studio", "unsaved": "DISCARD"})


def cancel_with_a_click(ben: Person, ends_in: str) -> None:
    ben.window.press("atrium.cancel")
    ben.call(wait_for_state, [ends_in])


def test_cancelling_a_join_puts_the_scene_back(people: list[Person], tmp_path: Path) -> None:
    anna, ben = people
    windows.host(anna, "Studio")
    line = Line(anna.party.port)
    try:
        ben.call(make_unsaved_work)
        ben.call(hold_builds)
        windows.connect(ben, line.port, let_in_by=anna)
        before = dumped(ben, tmp_path / "before")

        def is_as_before(moment: str) -> None:
            report = compare.compare(before, dumped(ben, tmp_path / moment))
            assert not report.differences, f"{moment}:\n" + "\n".join(compare.lines(report, 20))

        begin_join(ben)
        ben.call(is_held)
        assert ben.blender.evaluate("'Suzanne' in bpy.data.objects") is False
        cancel_with_a_click(ben, "LOBBY")
        is_as_before("while it was built")

        line.hold()
        begin_join(ben)
        ben.call(wait_for_state, ["JOINING"])
        cancel_with_a_click(ben, "LOBBY")
        is_as_before("before anything has come")
        line.mend()

        begin_join(ben)
        ben.call(is_held)
        line.cut()
        ben.call(wait_for_state, ["RECONNECTING"])
        cancel_with_a_click(ben, "RECONNECTING")
        assert ben.blender.evaluate("bpy.context.window_manager.atrium.room") == ""
        is_as_before("without a connection")

        line.mend()
        ben.call(let_builds_go)
        ben.call(wait_for_state, ["LOBBY"])
        begin_join(ben)
        ben.call(wait_for_state, ["JOINED"])
        assert differences(people, tmp_path) == []
    finally:
        line.close()
