# SPDX-License-Identifier: MIT
"""Into a room and out of it, against a fake engine: what happens to the user's scene.

The rules that users rely on are here: a join touches the scene only after all has arrived, whatever fails or is
cancelled brings it back, and leaving sends first.
"""

from __future__ import annotations

import time

import pytest
from atrium_session.driver import Trouble
from atrium_session.link import WAITING_MAX
from atrium_session.state import Stage

from tests.addon.bench import ROOM, Bench, doc, progress


def test_create_uploads_then_flushes_then_opens_the_room() -> None:
    bench = Bench().in_lobby()
    task = bench.session.create_room("  My   set ")
    assert bench.engine.sent[-1] == {"t": "create", "name": "My set", "blender": [5, 0, 1]}
    assert bench.state.phase == "JOINING"
    bench.tick({"t": "joined", "room": ROOM, "handle": 3, "created": True, "name": "My set"})
    assert bench.state.stage is Stage.SETTLING and bench.engine.kinds()[-1] == "flush"
    assert bench.scene.log == []  # creating touches nothing
    bench.tick({"t": "flushed", "room": ROOM, "n": 1, "seq": 9})
    assert bench.engine.kinds()[-1] == "ready" and task.done and bench.state.phase == "JOINED"


def test_a_room_that_lacks_something_of_the_scene_says_so() -> None:
    """It said that all was well, and who joined got a scene without objects."""
    bench = Bench().in_lobby()
    task = bench.session.create_room("Mine")
    bench.tick({"t": "joined", "room": ROOM, "handle": 3, "created": True, "name": "Mine"})
    bench.tick({"t": "refused", "room": ROOM, "doc": "00" * 16, "code": "NOBLOB", "text": "Not there."})
    (replicator,) = bench.scene.replicators
    replicator.left_out = ["Scene", "Cube"]
    for n in range(1, 6):  # each is one more attempt
        assert not task.done
        bench.tick({"t": "flushed", "room": ROOM, "n": n, "seq": 9})
    assert task.done and bench.state.phase == "JOINED" and replicator.log.count("upload_again") == 4
    assert "“Scene”, “Cube” was not taken" in bench.state.problem.sentence
    assert bench.state.problem.code == "NOT_ALL_SENT"
    assert "“Cube” did not all reach the room" in bench.state.fresh_refusals[0]


def test_a_room_that_refuses_most_of_a_large_scene_is_made() -> None:
    """What it said of each document filled the link, nobody took from that before all was sent, and that this was so stood behind it."""
    bench = Bench().in_lobby()
    task = bench.session.create_room("Mine")
    bench.tick({"t": "joined", "room": ROOM, "handle": 3, "created": True, "name": "Mine"})
    docs = [f"{i:032x}" for i in range(WAITING_MAX)]
    bench.engine.events.extend(
        event
        for d in docs
        for event in (
            {"t": "refused", "room": ROOM, "doc": d, "code": "LIMIT", "text": "The room is full."},
            {"t": "doc", "room": ROOM, "doc": d, "kind": "delete"},
        )
    )
    for n in range(1, 6):
        assert not task.done
        bench.engine.events.append({"t": "flushed", "room": ROOM, "n": n, "seq": 9})
        for _ in range(2 * WAITING_MAX // 256 + 2):
            bench.tick()
    assert task.done and bench.state.phase == "JOINED"
    (replicator,) = bench.scene.replicators
    for _ in range(WAITING_MAX):
        bench.tick()
    assert bench.session.link.waiting == 0 and "tick" in replicator.log


def test_the_name_of_a_room_is_measured_in_characters() -> None:
    """As its sentence says: in Japanese 21 characters are 63 bytes."""
    bench = Bench().in_lobby()
    for name in ("", "x" * 64, "部" * 64):
        with pytest.raises(Trouble) as refused:
            bench.session.create_room(name)
        assert refused.value.problem.code == "ROOM_NAME"
    bench.session.create_room("部" * 63)
    assert bench.engine.sent[-1]["name"] == "部" * 63


def test_the_bar_of_sending_grows_from_nothing() -> None:
    """The engine tells a moment later how much there is to send; until then nothing is sent, not everything."""
    bench = Bench().in_lobby()
    bench.session.create_room("Mine")
    bench.tick({"t": "joined", "room": ROOM, "handle": 3, "created": True, "name": "Mine"})
    assert bars_of(bench, None, (8, 8000), (6, 6000), (2, 2000), (0, 0)) == [0.0, 0.0, 0.25, 0.75, 1.0]


def test_the_bar_of_sending_counts_bytes() -> None:
    """It counted operations, and stood at its end while nearly all of a scene with images was still to go. Between two connections nobody
    knows what the server lacks: the bar stays."""
    bench = Bench().in_lobby()
    bench.session.create_room("Mine")
    bench.tick({"t": "joined", "room": ROOM, "handle": 3, "created": True, "name": "Mine"})
    bars = bars_of(bench, (100, 40_000_000), (1, 38_000_000), (1, 10_000_000), (1, None), (1, 30_000_000), (0, 0))
    assert bars == pytest.approx([0.0, 0.05, 0.75, 0.75, 0.25, 1.0])
    bench.tick({"t": "flushed", "room": ROOM, "n": 1, "seq": 9})
    assert bench.state.progress is None
    bench.session.leave_room()
    assert bench.state.unsent == 0


def bars_of(bench: Bench, *told: tuple[int, int | None] | None) -> list[float]:
    """Where it stands after each: operations and bytes as the engine tells them; None: it tells nothing."""
    values = []
    for each in told:
        events: list[dict[str, object]] = []
        if each is not None:
            operations, unsent = each
            events = [{"t": "pending", "room": ROOM, "operations": operations}]
            events[0] |= {} if unsent is None else {"bytes": unsent}
        bench.tick(*events)
        assert bench.state.progress is not None and bench.state.progress.text == "Sending the scene"
        values.append(bench.state.progress.value)
    return values


@pytest.mark.parametrize("when", [Stage.ASKED, Stage.UPLOADING, Stage.SETTLING])
def test_a_room_that_is_being_created_is_given_up(when: Stage) -> None:
    """The scene stays as it is, and the server hears `leave`, upon which the room goes from everybody's list."""
    bench = Bench().in_lobby()
    bench.scene.replicator_steps = 3 if when is Stage.SETTLING else 1_000_000
    task = bench.session.create_room("Mine")
    if when is not Stage.ASKED:
        bench.engine.events.append({"t": "joined", "room": ROOM, "handle": 3, "created": True, "name": "Mine"})
        bench.session.tick(1.0)
        bench.tick({"t": "pending", "room": ROOM, "operations": 7}, times=1)
    assert bench.state.stage is when
    sent = len(bench.engine.sent)
    bench.session.cancel()
    bench.tick()
    assert bench.engine.sent[sent:] == [{"t": "leave", "room": ROOM} if when is not Stage.ASKED else {"t": "cancel"}]
    assert bench.scene.log == [] and bench.state.phase == "LOBBY" and bench.state.problem is None
    assert task.done and bench.state.here is None and bench.state.progress is None and bench.state.pending == 0
    assert all(replicator.log[-1] == "detach" for replicator in bench.scene.replicators)
    assert bench.session.replicator is None and not bench.session.has_work
    # What the engine had said before it heard of that changes nothing, and another room can be made.
    late = [{"t": "flushed", "room": ROOM, "n": 1, "seq": 9}] if when is Stage.SETTLING else []
    bench.tick({"t": "progress", "room": ROOM, "value": 0.5, "complete": False}, *late)
    assert bench.state.phase == "LOBBY" and bench.state.progress is None
    bench.scene.replicator_steps = 3
    again = bench.session.create_room("Mine")
    bench.tick({"t": "joined", "room": "ba" * 16, "handle": 4, "created": True, "name": "Mine"})
    number = bench.engine.sent[-1]["n"]
    bench.tick({"t": "flushed", "room": "ba" * 16, "n": number, "seq": 9})
    assert again.done and bench.state.phase == "JOINED"


def test_a_room_of_another_version_is_refused_with_both_named() -> None:
    bench = Bench().in_lobby()
    with pytest.raises(Trouble) as raised:
        bench.session.join_room("Old", "DISCARD")
    assert "4.2" in str(raised.value) and "5.0" in str(raised.value)
    with pytest.raises(Trouble) as raised:
        bench.session.join_room("New", "DISCARD")
    assert raised.value.problem.code == "NOT_READY"


def test_a_join_touches_the_scene_only_after_all_has_arrived() -> None:
    bench = Bench().in_lobby()
    task = bench.receiving()
    bench.tick(doc(1), progress(0.5, False), doc(2))
    assert bench.scene.log == [] and bench.state.stage is Stage.RECEIVING
    assert bench.state.progress is not None and bench.state.progress.value == 0.5
    bench.tick(progress(1.0, True))
    assert bench.scene.log == ["secure KEEP_COPY", "clear", "discard copy"]
    assert task.done and task.problem is None and bench.state.phase == "JOINED"


@pytest.mark.parametrize("when", ["asked", "receiving"])
def test_a_join_cancelled_early_changes_nothing(when: str) -> None:
    bench = Bench().in_lobby()
    if when == "asked":
        bench.session.join_room("Set", "DISCARD")
    else:
        bench.receiving("DISCARD")
        bench.tick(doc(1))
    bench.session.cancel()
    assert bench.scene.log == [] and bench.state.phase == "LOBBY" and bench.state.problem is None
    assert bench.engine.kinds()[-1] == "leave"


def test_a_join_that_fails_while_building_brings_the_scene_back() -> None:
    bench = Bench().in_lobby()
    bench.scene.replicator_fails = "replace_all"
    task = bench.receiving("DISCARD")
    bench.tick(progress(1.0, True))
    assert bench.scene.log == ["secure DISCARD", "clear", "restore copy"]
    assert task.problem is not None and task.problem.code == "REPLACE_FAILED"
    assert bench.engine.kinds()[-1] == "leave" and bench.state.phase == "LOBBY"


@pytest.mark.parametrize("how", ["cancel", "closed", "offline"])
def test_a_join_interrupted_while_building_brings_the_scene_back(how: str) -> None:
    bench = Bench().in_lobby()
    bench.scene.replicator_steps = 1_000_000
    task = bench.receiving("SAVE")
    bench.engine.events.append(progress(1.0, True))
    bench.session.tick(1.0)
    bench.session.tick(1.0)
    assert bench.state.stage is Stage.REPLACING
    if how == "cancel":
        bench.session.cancel()
    elif how == "closed":
        bench.tick({"t": "closed", "room": ROOM, "code": "NOROOM"}, times=1)
    else:
        bench.tick({"t": "state", "state": "OFFLINE", "code": "CLOSED"}, times=1)
    assert bench.scene.log[:3] == ["secure SAVE", "clear", "restore copy"]
    assert task.done and bench.state.here is None


@pytest.mark.parametrize("how", ["fails", "cancel", "closed", "offline"])
def test_a_scene_that_does_not_come_back_is_told_where_it_lies(how: str) -> None:
    bench = Bench().in_lobby()
    bench.scene.fails = "restore"
    bench.scene.replicator_steps = 1_000_000
    if how == "fails":
        bench.scene.replicator_fails = "replace_all"
    task = bench.receiving("DISCARD")
    bench.engine.events.append(progress(1.0, True))
    bench.session.tick(1.0)
    bench.session.tick(1.0)
    assert bench.state.stage is Stage.REPLACING or how == "fails"
    if how == "cancel":
        bench.session.cancel()
    elif how == "closed":
        bench.engine.events.append({"t": "closed", "room": ROOM, "code": "NOROOM"})
    elif how == "offline":
        bench.engine.events.append({"t": "state", "state": "OFFLINE", "code": "CLOSED"})
    bench.tick(times=2)
    assert task.done and bench.state.here is None
    assert bench.state.problem is not None and "/home/recovered/copy.blend" in bench.state.problem.sentence


def test_a_room_that_is_still_being_left_is_joined_when_that_is_done() -> None:
    bench = Bench().in_lobby().joined()
    bench.session.file_loads()  # the server says nothing, and Blender does not wait
    before = bench.engine.kinds().count("join")
    bench.session.join_room("Set", "DISCARD")
    bench.tick()
    assert bench.engine.kinds().count("join") == before
    bench.tick({"t": "state", "state": "LOBBY", "address": "192.0.2.7:12800"})
    assert bench.engine.kinds().count("join") == before + 1


@pytest.mark.parametrize("stage", ["live", "replacing", "nowhere"])
def test_who_quits_sends_what_was_changed_last(stage: str) -> None:
    bench = Bench().in_lobby()
    if stage == "live":
        bench.receiving("DISCARD")
        bench.tick(progress(1.0, True))
        assert bench.state.stage is Stage.LIVE
    elif stage == "replacing":
        bench.scene.replicator_steps = 1_000_000
        bench.receiving("DISCARD")
        bench.engine.events.append(progress(1.0, True))
        bench.session.tick(1.0)
    bench.session.quits()
    assert ("leave" in bench.engine.kinds()) == (stage == "live")
    if stage == "live":
        assert "capture_all" in bench.scene.replicators[-1].log and bench.state.here is None
    bench.session.close()
    if stage == "replacing":
        assert bench.scene.log[-1] == "restore copy"


def test_a_scene_that_cannot_be_saved_is_not_touched() -> None:
    bench = Bench().in_lobby()
    bench.scene.fails = "secure"
    task = bench.receiving("SAVE")
    bench.tick(progress(1.0, True))
    assert bench.scene.log == [] and task.problem is not None
    assert "The disk is full." in task.problem.sentence


def test_with_a_window_unsaved_work_is_asked_about() -> None:
    bench = Bench().in_lobby()
    bench.scene.unsaved = True
    sent = len(bench.engine.sent)
    assert bench.session.join_room("Set", "ASK") is None
    assert bench.state.ask_unsaved == ROOM and len(bench.engine.sent) == sent
    bench.session.cancel()
    assert bench.state.ask_unsaved == "" and bench.state.phase == "LOBBY"
    bench.scene.unsaved = False
    assert bench.session.join_room("Set", "ASK") is not None


def test_in_background_unsaved_work_is_kept_as_a_copy() -> None:
    bench = Bench(background=True, trust_first=True).in_lobby()
    bench.receiving("ASK")
    bench.tick(progress(1.0, True))
    assert bench.scene.log[0] == "secure KEEP_COPY"


def test_a_refused_create_ends_in_the_lobby_with_the_reason() -> None:
    bench = Bench().in_lobby()
    task = bench.session.create_room("Set")
    bench.tick({"t": "error", "re": "create", "code": "EXISTS", "text": "It exists already."})
    assert task.problem is not None and "Set" in task.problem.sentence and bench.state.phase == "LOBBY"


def test_leaving_captures_and_says_goodbye() -> None:
    bench = Bench().in_lobby().joined()
    replicator = bench.scene.replicators[0]
    task = bench.session.leave_room()
    bench.tick()
    assert replicator.log[-2:] == ["capture_all", "detach"] and bench.engine.kinds()[-1] == "leave"
    assert not task.done and "mark_unsaved" in bench.scene.log
    bench.tick({"t": "state", "state": "LOBBY"})
    assert task.done and bench.state.phase == "LOBBY"


def test_loading_another_file_leaves_and_offers_to_come_back() -> None:
    bench = Bench().in_lobby().joined()
    bench.engine.events.append({"t": "state", "state": "LOBBY"})
    bench.session.file_loads()
    assert bench.engine.kinds()[-1] == "leave" and bench.state.here is None
    assert bench.state.left is not None and bench.state.left.id == ROOM


@pytest.mark.parametrize("why", ["no answer", "rendering", "full"])
def test_loading_another_file_is_held_for_a_moment_only_and_always_leaves(why: str) -> None:
    """Still in the room, the session would take the other file for changes to it: everything deleted."""
    bench = Bench().in_lobby().joined()
    bench.scene.rendering = why == "rendering"
    bench.scene.replicators[0].full = 1_000_000 if why == "full" else 0
    begin = time.monotonic()
    bench.session.file_loads()
    assert time.monotonic() - begin < 2.0
    assert bench.state.here is None and bench.state.left is not None and bench.session.replicator is None
    assert bench.engine.kinds()[-1] == "leave" and bench.scene.replicators[0].log[-1] == "detach"


def test_loading_a_file_while_building_restores_nothing_over_it() -> None:
    bench = Bench().in_lobby()
    bench.scene.replicator_steps = 1_000_000
    bench.receiving("DISCARD")
    bench.engine.events.append(progress(1.0, True))
    bench.session.tick(1.0)
    bench.session.tick(1.0)
    bench.session.file_loads()
    assert "restore copy" not in bench.scene.log and bench.state.left is None
