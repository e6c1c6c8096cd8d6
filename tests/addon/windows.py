# SPDX-License-Identifier: MIT
"""Two people with real windows, for the tests that need them: each has installed the add-on and opened its tab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.addon import edits
from tests.addon.together import session
from tests.blender.blenders import Blender
from tests.blender.inside import bpy
from tests.blender.party import Party, Person, admit_next, wait_for_state


def atrium() -> Any:
    return bpy.context.window_manager.atrium


def flushed() -> Iterator[None]:
    """With a window the operator returns at once; the task says when it is done."""
    import sys

    module = next(m for name, m in sys.modules.items() if name.endswith("atrium.session.runtime"))
    bpy.ops.atrium.flush()
    while not module.state().task.done:
        yield


class WindowPerson(Person):
    def flush(self) -> None:
        self.call(flushed)


@pytest.fixture
def people(window_kind: Blender, tmp_path: Path, zip_file: Path) -> Iterator[list[Person]]:
    with Party(tmp_path, zip_file) as party:
        people = [party.invite(window_kind, name, window=True) for name in ("anna", "ben")]
        for person in people:
            person.__class__ = WindowPerson
            person.blender.define(atrium, edits.select, session)
            person.window.open_sidebar("Atrium")
            person.window.widen_sidebar(110)
        yield people
        for person in people:
            log = person.blender.log.read_text(errors="replace")
            assert "Traceback" not in log, log[-3000:]


def task_is_done() -> Iterator[None]:
    """Operators return at once where there is a window."""
    while not session().state.task.done:
        yield


def host(anna: Person, room: str) -> None:
    """Without clicks, where they are not what is shown."""
    anna.operate("atrium.host")
    anna.call(task_is_done)
    anna.operate("atrium.create_room", name=room)
    anna.call(wait_for_state, ["JOINED"])


def connect(person: Person, port: int, let_in_by: Person) -> None:
    person.blender.execute(f"bpy.context.window_manager.atrium.host = '127.0.0.1:{port}'")
    person.operate("atrium.connect")
    let_in_by.call(admit_next, True)
    person.call(task_is_done)
    person.call(wait_for_state, ["LOBBY"])
