# SPDX-License-Identifier: MIT
"""Collections, lights, cameras, worlds and images among three people and a late joiner: one makes them, others change, rename and delete them.

Real add-ons, one real server. In each step everybody acts at the same moment, each on what somebody else has made; then all show
the same scene, value by value, as the dumper sees it, which shares no code with the add-on. The steps are the table
in kinds.py. What the room's order makes of people who meet on one thing is not foretold here, as it depends on their timing; that it
is the same for all is.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.addon.together import chatter, dump_scene, session, watch
from tests.blender.blenders import REPO, Blender
from tests.blender.party import Party, Person
from tests.fidelity import compare

ROOM = "Kinds"
SHOWN_MAX = 20
APART = ("make", "change", "refer", "change_and_undo", "refer_again", "delete_and_undo", "rename")
"""Each person does it to things of his own number, which go round: what anna makes ben changes."""
TOGETHER = ("add_twin", "change_one", "rename_onto", "delete_or_change")
"""All do it to the same things."""


def do_step(repo: str, step: str, number: int) -> Any:
    if repo not in sys.path:
        sys.path.insert(0, repo)
    from tests.blender import kinds

    return getattr(kinds, step)(number)


def all_at_once(people: list[Person], step: str, numbers: list[int]) -> None:
    """All are told before the first has answered."""
    told = [who.send(do_step, str(REPO), step, number) for who, number in zip(people, numbers, strict=True)]
    for who, number in zip(people, told, strict=True):
        who.wait(number, timeout=120)


def flush_at_once(people: list[Person]) -> None:
    """Two rounds: what one gets in the first may make Blender change something that the others then get."""
    for _ in range(2):
        told = [(who, who.begin("atrium.flush")) for who in people]
        for who, number in told:
            who.wait(number)


def same_for_all(people: list[Person], folder: Path, when: str) -> None:
    flush_at_once(people)
    dumps = [folder / f"{who.name}.dump" for who in people]
    told = [who.send(dump_scene, str(REPO), str(path)) for who, path in zip(people, dumps, strict=True)]
    for who, number in zip(people, told, strict=True):
        who.wait(number)
    for who, other in zip(people[1:], dumps[1:], strict=True):
        found = compare.compare(dumps[0], other).differences
        shown = "\n".join(map(str, found[:SHOWN_MAX]))
        assert not found, f"after {when}: {len(found)} differences between {people[0].name} and {who.name}\n{shown}"


def listed() -> list[str]:
    """What its user is told that this Blender shows otherwise than the room says."""
    return [str(one) for one in session().replicator.refused]


def test_each_kind_goes_round_among_three_and_a_late_joiner(kind: Blender, party: Party, tmp_path: Path) -> None:
    anna = party.invite(kind, "anna")
    anna.host(ROOM)
    people = [anna, party.invite(kind, "ben"), party.invite(kind, "cleo")]
    for person in people[1:]:
        person.join(ROOM, let_in_by=anna)
    for turn, step in enumerate(APART):
        all_at_once(people, step, [(who + turn) % 3 for who in range(3)])
        same_for_all(people, tmp_path, step)
    for step in TOGETHER:
        all_at_once(people, step, [0, 1, 2])
        same_for_all(people, tmp_path, step)
    late = party.invite(kind, "dora")
    late.join(ROOM, let_in_by=anna)
    people.append(late)
    same_for_all(people, tmp_path, "a late joiner")
    all_at_once(people[1:], "delete", [0, 1, 2])
    same_for_all(people, tmp_path, "delete")
    watch(people)
    said = chatter(people)
    assert not said, f"operations although nobody does anything: {said}"
    told = {who.name: who.call(listed) for who in people}
    assert not any(told.values()), f"listed, although all show the same: {told}"
