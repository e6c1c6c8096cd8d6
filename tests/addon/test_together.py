# SPDX-License-Identifier: MIT
"""Three people and a late joiner in one room: what one does the others have, whatever the timing, and then all is silent.

Real add-on, real engine, real server, real Blenders. All steps build on each other, as a day's work does, so they are
one test per Blender; a step that fails is told by its name, and the day goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.addon import edits
from tests.addon.together import chatter, differences, flush_all, only_hearing, watch
from tests.blender import blenders
from tests.blender.blenders import Blender
from tests.blender.conftest import _get
from tests.blender.party import Party, Person
from tests.blender.process import BlenderError


@dataclass
class Studio:
    """Everybody in the room, and who joined when."""

    party: Party
    blender: Blender
    folder: Path
    people: list[Person]

    def settle(self) -> None:
        found = differences(self.people, self.folder)
        assert not found, f"{len(found)} differences:\n" + "\n".join(found[:20])
        said = chatter(self.people)
        assert not said, f"operations although nobody does anything: {said}"


@pytest.fixture(params=blenders.OFFICIAL)
def studio(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, zip_file: Path
) -> Iterator[Studio]:
    blender = _get(request.param)
    folder = tmp_path_factory.mktemp(blender.name)
    with Party(folder, zip_file) as party:
        anna = party.invite(blender, "anna")
        anna.blender.define(edits.select, edits.settle)
        anna.host("Studio")
        studio = Studio(party, blender, folder, [anna])
        for name in ("ben", "carla"):
            invite(studio, name)
        watch(studio.people)
        yield studio


def invite(studio: Studio, name: str) -> Person:
    person = studio.party.invite(studio.blender, name)
    person.blender.define(edits.select, edits.settle)
    person.join("Studio", let_in_by=studio.people[0])
    studio.people.append(person)
    return person


def the_room_holds_the_scene_and_is_silent(studio: Studio) -> None:
    assert [p.state for p in studio.people] == ["JOINED"] * 3
    studio.settle()
    users = studio.people[1].blender.evaluate(
        "[[u.name, u.is_me, list(u.color)] for u in bpy.context.window_manager.atrium.users]"
    )
    assert [u[:2] for u in users] == [["Anna", False], ["Ben", True], ["Carla", False]]
    assert len({tuple(u[2]) for u in users}) == 3


MODES = list(edits.MODES)
ADDED_AT_ONCE = 5
STEPS: list[tuple[str, int, Callable[..., Any], tuple[Any, ...]]] = [
    ("objects appear", 0, edits.add_empties, (MODES,)),
    ("every rotation mode, by another", 1, edits.turn_empties, (MODES, 0.5)),
    ("rotation modes change", 2, edits.switch_modes, (MODES,)),
    ("parent", 1, edits.parent, ()),
    ("parent another", 0, edits.unparent_and_parent_another, ()),
    ("rename", 2, edits.rename, ()),
    ("duplicate", 1, edits.duplicate, ()),
    ("delete", 0, edits.delete_light, ()),
    ("material, nodes and a group", 2, edits.add_material, ()),
    ("nodes change", 0, edits.change_material, ()),
    ("mesh", 1, edits.edit_mesh, ()),
    ("mesh in edit mode", 0, edits.edit_mesh_mode, ()),
    ("collection, light, camera, world, image, modifier", 2, edits.add_the_rest, ()),
]


def undo_of_an_own_change_goes_to_all(studio: Studio) -> None:
    assert studio.people[1].call(edits.move_then_undo) != 7.0
    studio.settle()


def undo_of_a_delete_brings_it_back_for_all(studio: Studio) -> None:
    assert studio.people[0].call(edits.delete_then_undo) is True
    studio.settle()
    assert "Würfel ☂.001" in studio.people[2].call(edits.object_names)


def at_once(studio: Studio, *acts: tuple[int, Callable[..., Any], tuple[Any, ...]]) -> None:
    """Nobody waits for anybody: all functions are on their way before the first is answered."""
    numbers = [(who, studio.people[who].send(act, *arguments)) for who, act, arguments in acts]
    for who, number in numbers:
        studio.people[who].wait(number)


def the_same_property_from_two_sides(studio: Studio) -> None:
    for value in (1.0, 2.0, 3.0):
        at_once(
            studio,
            (0, edits.set_location_x, ("Camera", value)),
            (1, edits.set_location_x, ("Camera", value + 10)),
            (2, edits.set_location_x, ("Camera", value + 20)),
        )
    studio.settle()


def the_same_name_from_three_sides(studio: Studio) -> None:
    at_once(studio, *((who, edits.add_named, ("Twin",)) for who in range(3)))
    studio.settle()
    # Whoever has heard of the first one when adding wants "Twin.001" from the start; the third name depends on that.
    twins = sorted(n for n in studio.people[0].call(edits.object_names) if n.startswith("Twin"))
    assert len(twins) == 3
    assert twins[:2] == ["Twin", "Twin.001"]


def renaming_onto_each_other(studio: Studio) -> None:
    at_once(studio, (0, edits.rename_to, ("Twin", "Both")), (1, edits.rename_to, ("Twin.001", "Both")))
    studio.settle()


def deleting_what_another_edits(studio: Studio) -> None:
    at_once(studio, (0, edits.delete_named, ("Turned ZXY",)), (2, edits.edit_named, ("Turned ZXY",)))
    studio.settle()
    # Whichever came first: an edit of what is gone is refused, and one that came before is gone with it.
    assert not any("Turned ZXY" in p.call(edits.object_names) for p in studio.people)


def a_late_joiner_gets_everything(studio: Studio) -> None:
    dora = invite(studio, "dora")
    watch([dora])
    studio.settle()
    dora.call(edits.set_location_x, "Camera", 99.0)
    studio.settle()


def do_step(studio: Studio, who: int, edit: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    others = [person for at, person in enumerate(studio.people) if at != who]
    with only_hearing(others):
        studio.people[who].call(edit, *arguments)
        flush_all(studio.people)
    studio.settle()


def everybody_looks_at_a_frame_of_his_own(studio: Studio) -> None:
    """Two play some of the animation, in their own time; the third sees what he saw."""
    anna, ben, carla = studio.people
    anna.call(edits.animate)
    flush_all(studio.people)
    for person in studio.people:
        person.call(edits.look_at_frame, 1)
    with only_hearing(studio.people):
        playing = [ben.send(edits.look_at_frame, 6), carla.send(edits.look_at_frame, 11)]
        assert carla.wait(playing[1]) == [10.0, 10.0]
        ben.wait(playing[0])
        flush_all(studio.people)
    assert anna.call(edits.look_and_see) == [0.0, 0.0]
    studio.settle()


def all_add_at_the_same_moment(studio: Studio) -> None:
    """Whatever the timing between the three, each object is in its scene for all."""
    for turn in range(ADDED_AT_ONCE):
        at_once(studio, *((who, edits.add_named, (f"Triplet {turn}",)) for who in range(3)))
    studio.settle()
    for person in studio.people:
        assert person.call(edits.outside_of_the_scene) == []


def test_a_day_of_work_together(studio: Studio) -> None:
    steps: list[tuple[str, Callable[[], None]]] = [
        ("the room", partial(the_room_holds_the_scene_and_is_silent, studio))
    ]
    steps += [(name, partial(do_step, studio, who, edit, arguments)) for name, who, edit, arguments in STEPS]
    for later in (
        undo_of_an_own_change_goes_to_all,
        undo_of_a_delete_brings_it_back_for_all,
        everybody_looks_at_a_frame_of_his_own,
        all_add_at_the_same_moment,
        the_same_property_from_two_sides,
        the_same_name_from_three_sides,
        renaming_onto_each_other,
        deleting_what_another_edits,
        a_late_joiner_gets_everything,
    ):
        steps.append((later.__name__, partial(later, studio)))
    failed: list[str] = []
    for name, step in steps:
        try:
            step()
        except (AssertionError, BlenderError) as error:
            failed.append(f"{name}: {error}")
    assert not failed, "\n\n".join(failed)
